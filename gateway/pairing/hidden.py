"""Records that the caller's own rights hide, where those decide: whoever may not see a record changes nothing of its coupling.

Jobs act as the application, from which nothing is hidden.
"""

from collections.abc import Sequence
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.errors import RefusalError
from gateway.pairing.presence import id_of, unseen, veiled
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Records


def unseen_by(desk: Desk, mapping: TableMapping, coupling: Coupling, backend: Backend) -> RefusalError:
    """The refusal about a side that is neither seen nor said to be deleted: who may not see it is told nothing of it."""
    told = desk.told(coupling)
    return veiled(mapping, told, backend) if desk.asking.is_personal(backend) else unseen(mapping, told, backend)


async def hidden_each(desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling]) -> dict[UUID, RefusalError]:
    """Why nothing may be done with these, by coupling. A side of which its system says that it was deleted is not hidden.

    Raises:
        BackendError: it is not known.
    """
    problems: dict[UUID, RefusalError] = {}
    for backend in filter(desk.asking.is_personal, Backend):
        hidden = await _hidden(desk, mapping, backend, {id_of(each, backend) for each in couplings})
        for each in couplings:
            if id_of(each, backend) in hidden:
                problems.setdefault(each.id, unseen_by(desk, mapping, each, backend))
    return problems


async def require_seen(desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling]) -> None:
    """
    Raises:
        RefusalError: a record of one of them is hidden from the caller.
        BackendError: it is not known.
    """
    for problem in (await hidden_each(desk, mapping, couplings)).values():
        raise problem


async def _hidden(desk: Desk, mapping: TableMapping, backend: Backend, ids: set[UUID]) -> set[UUID]:
    sight, after = desk.reading.sight, desk.asking.trace.round_trips
    missing = await sight.hidden(desk.asking, str(mapping.mapping), backend, ids, after=after)
    return missing - await Records(desk, mapping, backend).deleted(missing) if missing else missing
