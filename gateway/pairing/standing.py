"""Which couplings stand in the way of a pair, and whether their other sides still exist."""

from collections.abc import Container
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, RefusalError
from gateway.pairing.decision import Standing
from gateway.pairing.hidden import unseen_by
from gateway.records import Backend
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records, capital


async def standing(
    desk: Desk, mapping: TableMapping, *, bc: Found | None, crm: Found | None
) -> tuple[Standing | None, Standing | None]:
    """The coupling of Business Central's record, and that of CRM's row; no backend is asked when there are none.

    Raises:
        RefusalError: the other side of one is just being created; or cannot be seen, and nobody says that it was deleted.
        BackendError: whether an other side exists could not be found out.
    """
    record = await _coupling(desk, mapping, Side.BUSINESS_CENTRAL, bc)
    row = await _coupling(desk, mapping, Side.DATAVERSE, crm)
    same = record is not None and row is not None and record.id == row.id
    # before the other sides are looked at: a creation that ends in between is then there to be seen
    pending = await desk.books.intents.of({each.id for each in (record, row) if each is not None})
    of_record, of_row = await side_by_side(
        _with_partner(desk, mapping, Backend.DATAVERSE, record, known=crm if same else None, pending=pending),
        _with_partner(desk, mapping, Backend.BUSINESS_CENTRAL, row, known=bc if same else None, pending=pending),
    )
    for each, source in ((of_record, bc), (of_row, crm)):
        if each is not None and each.partner is None and each.coupling.id in pending:
            raise being_created(mapping, desk.told(each.coupling), source)
    return of_record, of_row


async def _coupling(desk: Desk, mapping: TableMapping, side: Side, found: Found | None) -> Coupling | None:
    if found is None:
        return None
    couplings = await desk.books.couplings.find(mapping.mapping, desk.company, side, [found.id])
    return couplings.get(found.id)


async def _with_partner(
    desk: Desk,
    mapping: TableMapping,
    backend: Backend,
    coupling: Coupling | None,
    *,
    known: Found | None,
    pending: Container[UUID],
) -> Standing | None:
    if coupling is None:
        return None
    if known is not None:
        return Standing(coupling, known)
    id: UUID = coupling.crm_id if backend is Backend.DATAVERSE else coupling.bc_id
    records = Records(desk, mapping, backend)
    found = (await records.by_id([id], columns=())).get(id)
    # one that is just being created may be there by now, and that would look like one that rights hide
    if found is None and coupling.id not in pending and id not in await records.deleted([id]):
        raise unseen_by(desk, mapping, coupling, backend)
    return Standing(coupling, found)


def being_created(mapping: TableMapping, coupling: Coupling, source: Found | None = None) -> RefusalError:
    """The refusal of whatever has to wait until the coupling's other side is there; ``source`` is the side that is."""
    if source is not None:
        name = capital(source.named)
    elif coupling.bc_key:
        name = f"{mapping.bc.noun.capitalize()} {coupling.bc_key}"
    else:
        name = f"{mapping.crm.noun.capitalize()} {coupling.crm_key or coupling.crm_id}"
    return RefusalError(
        ErrorCode.ALREADY_COUPLED,
        f"{name} is just being coupled with a record that is created for it.",
        hint="Look at its coupling in a moment. If the creation broke off, ask for it again: it is taken up where it was.",
        records=[source.named] if source is not None else [],
    )
