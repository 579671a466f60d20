"""What runs wrote down about records that the caller may not see: which sides of it are not told.

Runs act as the application, which sees more than a caller does where each caller's own rights decide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.couplings.coupling import Coupling, Mapping
from gateway.records import Backend
from gateway.runs.planned import PlannedStep
from gateway.runs.run import RunError
from schema.context import Context

Named = Coupling | RunError | PlannedStep

UNSEEN = "A record could not be synchronized. You may not see one of the records that it is about."


@dataclass(frozen=True, slots=True)
class Unseen:
    """``personal`` are the backends whose rights decide, ``hidden`` the records that they do not show this caller."""

    personal: frozenset[Backend]
    hidden: frozenset[tuple[Mapping, UUID]]

    @classmethod
    async def among(cls, context: Context, company: UUID, named: Sequence[Named]) -> "Unseen":
        """One question for each set.

        Raises:
            BackendError: what the caller may see is not known.
        """
        asking, sight = context.asking(company), context.services.reading.sight
        hidden: set[tuple[Mapping, UUID]] = set()
        for backend in filter(asking.is_personal, Backend):
            for mapping, ids in _by_mapping(named, backend).items():
                found = await sight.hidden(asking, str(mapping), backend, ids, after=context.trace.round_trips)
                hidden |= {(mapping, each) for each in found}
        return cls(context.acting.personal, frozenset(hidden))

    def sides(self, named: Named | None) -> frozenset[Backend]:
        """The sides that are not told; one without an id cannot be looked for, and is not told either."""
        if named is None:
            return frozenset()
        return frozenset(
            backend
            for backend in self.personal
            if (id := _id(named, backend)) is None or (named.mapping, id) in self.hidden
        )


def _by_mapping(named: Iterable[Named], backend: Backend) -> dict[Mapping, set[UUID]]:
    found: dict[Mapping, set[UUID]] = {}
    for each in named:
        if (id := _id(each, backend)) is not None:
            found.setdefault(each.mapping, set()).add(id)
    return found


def _id(named: Named, backend: Backend) -> UUID | None:
    return named.bc_id if backend is Backend.BUSINESS_CENTRAL else named.crm_id
