"""Two records become a coupling: both are looked at on both sides at that moment, then the rules decide, then it is saved.

Source: Business Central, page CRM Coupling Record; "Couple and Synchronize Records Manually".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from gateway.couplings.changes import CouplingTakenError
from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import ErrorCode, GatewayError, RefusalError
from gateway.pairing.decision import Change, Pairing, decide
from gateway.pairing.naming import Named, find
from gateway.pairing.standing import standing
from gateway.pairing.synchronizing import Writing, prepare, write_each
from gateway.records import Backend
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, both_sides, check
from gateway.sync.transfer import Prepared

_LOOKS = 3
"""How often couplings are looked at again because somebody else changed them meanwhile."""


class Synchronize(StrEnum):
    """What happens to the data of both once they are coupled."""

    NONE = "NONE"
    USE_BUSINESS_CENTRAL_DATA = "USE_BUSINESS_CENTRAL_DATA"
    USE_DATAVERSE_DATA = "USE_DATAVERSE_DATA"

    @property
    def to(self) -> Backend | None:
        """The side that is written to."""
        return {
            Synchronize.NONE: None,
            Synchronize.USE_BUSINESS_CENTRAL_DATA: Backend.DATAVERSE,
            Synchronize.USE_DATAVERSE_DATA: Backend.BUSINESS_CENTRAL,
        }[self]


@dataclass(frozen=True, slots=True)
class Wish:
    """Which two are to be coupled. ``move``: a coupling that one of them has may leave its other side for this pair."""

    mapping: TableMapping
    bc: Named
    crm: Named
    synchronize: Synchronize = Synchronize.NONE
    move: bool = False
    cause: Cause = Cause.MANUAL


@dataclass(frozen=True, slots=True)
class Coupled:
    """The coupling as it is now. ``ended`` were stale; ``problem`` kept the synchronization afterwards from being done."""

    coupling: Coupling
    ended: tuple[Coupling, ...] = ()
    moved_from: Coupling | None = None
    created: bool = False
    problem: GatewayError | None = None


async def couple(desk: Desk, wish: Wish) -> Coupled:
    """Couple two records that are there.

    Two requests in one round trip; one or two more when a coupling stands in the way, to see whether its other side still
    exists, and what synchronizing costs.

    Raises:
        RefusalError: a rule forbids it; nothing was done.
        BackendError: a record could not be read; nothing was done.
    """
    records, rows = await both_sides(wish.mapping, desk)
    bc, crm = await side_by_side(
        find(records, wish.bc, argument="businessCentral"), find(rows, wish.crm, argument="dataverse")
    )
    check(bc, await records.rules(), argument="businessCentral")
    check(crm, await rows.rules(), argument="dataverse")
    prepared = await _prepared(desk, wish, bc, crm)
    change = await _save(desk, wish, bc, crm)
    coupled = Coupled(change.coupling, change.stale, change.moved.was if change.moved else None)
    if prepared is None or wish.synchronize.to is None:
        return coupled
    source, target = (bc, crm) if wish.synchronize.to is Backend.DATAVERSE else (crm, bc)
    writing = Writing(coupled.coupling, prepared, source, target)
    ((written, problem),) = await write_each(desk, wish.mapping, wish.synchronize.to, [writing])
    return replace(coupled, coupling=written, problem=problem)


async def _prepared(desk: Desk, wish: Wish, bc: Found, crm: Found) -> Prepared | None:
    """What synchronizing will write: found out before anything is saved, so that what cannot be done is not begun."""
    to = wish.synchronize.to
    if to is None:
        return None
    source, target = (bc, crm) if to is Backend.DATAVERSE else (crm, bc)
    return await prepare(desk, wish.mapping, to=to, source=source, target=target)


async def _save(desk: Desk, wish: Wish, bc: Found, crm: Found) -> Change:
    for _ in range(_LOOKS):
        of_record, of_row = await standing(desk, wish.mapping, bc=bc, crm=crm)
        now = datetime.now(UTC)
        pairing = Pairing(wish.mapping.mapping, desk.company, bc, crm, wish.move, desk.by, now)
        change = decide(pairing, of_record=of_record, of_row=of_row)
        try:
            await desk.books.changes.apply(
                desk.doing(wish.cause),
                moved=[change.moved] if change.moved else [],
                added=[] if change.moved else [change.coupling],
                stale=change.stale,
            )
        except CouplingTakenError:
            continue
        return change
    raise unsteady([bc, crm])


def unsteady(records: Sequence[Found]) -> RefusalError:
    """Somebody else changes the same couplings all the time."""
    names = " and ".join(str(each.named) for each in records)
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        f"Somebody else is changing the couplings of {names}.",
        hint="Look at their couplings, then decide again.",
        records=[each.named for each in records],
    )
