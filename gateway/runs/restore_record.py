"""A deleted side of a coupling is made anew from the one that is left, and coupled with it.

Made as any new record is (``gateway.pairing.create``): the old coupling ends as stale and the new one is there before anything is
created. Whoever asks a second time, at once or later, is told of that new coupling and makes nothing.

Source: Business Central, page Coupled Data Synchronization Errors, "Restore Records".
"""

from dataclasses import dataclass
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling, Event
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, RefusalError
from gateway.pairing.couple import Coupled, Wish
from gateway.pairing.create import create
from gateway.pairing.naming import Named
from gateway.records import Backend
from gateway.runs import refusals
from gateway.runs.planning import BOTH
from gateway.runs.reading import Both, read_page
from gateway.runs.settings import MappingSettings
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping

_SIDES = {Backend.BUSINESS_CENTRAL: Side.BUSINESS_CENTRAL, Backend.DATAVERSE: Side.DATAVERSE}
_TAKEN = frozenset({ErrorCode.ALREADY_COUPLED, ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN, ErrorCode.DATAVERSE_ROW_TAKEN})


@dataclass(frozen=True, slots=True)
class Restored:
    """The coupling of the survivor with its new partner; ``made`` by this call, or by an earlier one."""

    coupled: Coupled
    made: bool

    @classmethod
    def before(cls, now: Coupling) -> "Restored":
        """Somebody did it earlier."""
        return cls(Coupled(now), made=False)


async def restore(desk: Desk, settings: MappingSettings, coupling: Coupling) -> Restored:
    """
    Raises:
        RefusalError: nothing is deleted, or both are; the mapping does not go that way; the one that is left does not meet its
            filter, or refers to what is not coupled. Nothing was done.
        BackendError: as with :func:`gateway.pairing.create.create`.
    """
    configured = await settings.of(coupling.mapping, coupling.company_id)
    configured.require_enabled()
    mapping = configured.mapping
    page = await read_page(desk, mapping, [coupling], {})
    for _, error in page.unreadable:
        raise error
    (both,) = page.pairs
    gone = _gone(desk, mapping, both)
    survivor = next(iter(both.records.values()))
    there, new = Named(id=survivor.id), Named(create=True)
    bc, crm = (there, new) if gone is Backend.DATAVERSE else (new, there)
    try:
        return Restored(await create(desk, Wish(mapping, bc, crm)), made=True)
    except RefusalError as refusal:
        if refusal.code not in _TAKEN:
            raise
        now = await _other_of(desk, coupling, survivor.table.source.backend, survivor.id)
        if now is None:
            raise
        return Restored.before(now)


async def restored_before(desk: Desk, coupling_id: UUID) -> Coupling | None:
    """The coupling that took the place of this one, when somebody made its deleted side anew."""
    lines = (await desk.books.changes.history([coupling_id], 1))[coupling_id]
    if not lines or lines[0].event is not Event.UNCOUPLED or lines[0].cause is not Cause.STALE:
        return None
    ended = lines[0]
    for side, id in ((Side.BUSINESS_CENTRAL, ended.bc_id), (Side.DATAVERSE, ended.crm_id)):
        found = (await desk.books.couplings.find(ended.mapping, ended.company_id, side, [id])).get(id)
        if found is not None:
            return found
    return None


async def _other_of(desk: Desk, coupling: Coupling, side: Backend, id: UUID) -> Coupling | None:
    """The coupling that the survivor has by now, when it is another one."""
    found = await desk.books.couplings.find(coupling.mapping, coupling.company_id, _SIDES[side], [id])
    now = found.get(id)
    return now if now is not None and now.id != coupling.id else None


def _gone(desk: Desk, mapping: TableMapping, both: Both) -> Backend:
    """The side that was deleted. Raises: RefusalError."""
    if both.seen.there == BOTH:
        raise refusals.nothing_deleted(both.records)
    if not both.seen.there:
        raise refusals.both_deleted(mapping, desk.told(both.coupling))
    (gone,) = BOTH - both.seen.there
    if not mapping.direction.goes_to(gone):
        raise refusals.cannot_be_restored(mapping, desk.told(both.coupling), gone)
    return gone
