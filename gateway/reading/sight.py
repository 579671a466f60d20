"""What of our own couplings a caller may see, where a backend shows each caller only what the caller's own rights allow.

A coupling remembers ids, keys and moments of both its records, and they were written down by whoever could see them. To others
they are as hidden as the record itself. So the record is asked for, by its id and with the caller's rights, and what a side
tells is left out when it does not come.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from gateway.errors import GatewayError
from gateway.reading.lookup import Asking, Lookups, match_key
from gateway.reading.need import Source
from gateway.reading.row import Failure, Row
from gateway.records import Backend

HIDDEN: Final = "hidden"
"""Where a coupling's row says which of its sides were left out."""

_IDS: Final[Mapping[Backend, str]] = {Backend.BUSINESS_CENTRAL: "bc_id", Backend.DATAVERSE: "crm_id"}
_TOLD_BY: Final[Mapping[Backend, frozenset[str]]] = {
    Backend.BUSINESS_CENTRAL: frozenset({"bc_id", "bc_key", "bc_modified_at", "bc_etag", "written_to_bc"}),
    Backend.DATAVERSE: frozenset({"crm_id", "crm_key", "crm_modified_at", "crm_etag", "written_to_crm"}),
}
_TOLD_BY_BOTH: Final = frozenset({"error_message", "base"})
"""An error names both records, and what both held is a value of either."""

Sides = Mapping[str, Mapping[Backend, Source]]
"""The sets that each mapping couples."""


class Sight:
    """Lives as long as the process."""

    def __init__(self, lookups: Lookups, sides: Sides) -> None:
        self._lookups = lookups
        self._sides = sides

    async def hidden(
        self, asking: Asking, mapping: str, backend: Backend, ids: Collection[UUID], *, after: int
    ) -> set[UUID]:
        """Those records that the caller cannot see, or that do not exist: who may not see them cannot tell either.

        Raises:
            BackendError: it is not known.
        """
        if not ids or not asking.is_personal(backend):
            return set()
        if mapping not in self._sides:  # tables that the configuration names no more: nobody can be asked
            return set(ids)
        source = self._sides[mapping][backend]
        found, _ = await self._lookups.by_key(
            asking, source, source.key, list(ids), select=frozenset({source.key}), expand=(), after=after
        )
        return {each for each in ids if match_key(each) not in found}

    async def veil(self, asking: Asking, couplings: Sequence[Row], *, after: int) -> None:
        """Leave out of these couplings what the caller may not see. When that is not known, it is left out with an error."""
        if not any(map(asking.is_personal, Backend)):
            return
        groups: dict[tuple[str, Backend], list[Row]] = {}
        for row in couplings:
            for backend in filter(asking.is_personal, Backend):
                groups.setdefault((str(row.key("mapping")), backend), []).append(row)
        await asyncio.gather(
            *(self._veil(asking, mapping, backend, rows, after) for (mapping, backend), rows in groups.items())
        )

    async def _veil(self, asking: Asking, mapping: str, backend: Backend, rows: Sequence[Row], after: int) -> None:
        ids = {row: UUID(str(row.key(_IDS[backend]))) for row in rows}
        try:
            hidden = await self.hidden(asking, mapping, backend, set(ids.values()), after=after)
        except GatewayError as error:
            failure = Failure(error)
            for row in rows:
                _leave_out(row, backend, failure)
            return
        for row, id in ids.items():
            if id in hidden:
                _leave_out(row, backend, None)


def _leave_out(row: Row, backend: Backend, failure: Failure | None) -> None:
    kept = row.known if isinstance(row.values, Failure) else row.values
    told = _TOLD_BY[backend] | _TOLD_BY_BOTH
    before = kept.get(HIDDEN)
    sides = frozenset({backend}) | (before if isinstance(before, frozenset) else frozenset())
    values = {name: value for name, value in kept.items() if name not in told} | {HIDDEN: sides}
    if failure is not None or isinstance(row.values, Failure):
        row.known = values
        row.values = failure if failure is not None else row.values
    else:
        row.values = values


def is_hidden(coupling: Row, backend: Backend) -> bool:
    """Whether this side was left out."""
    sides = coupling.key(HIDDEN)
    return isinstance(sides, frozenset) and backend in sides
