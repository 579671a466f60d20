"""A new record is made from one that is there, and both are coupled: one record and one coupling, whatever happens in between.

First the coupling is saved, with an id chosen for the record that does not exist yet, and beside it the intent to create it;
then the record is created under that id; then the intent ends. Whoever finds an intent whose caller is gone finishes it: a
create that was carried out already finds its own row.

Source: Business Central, page CRM Coupling Record, "Create New"; "Create in Business Central" of the record's page.
"""

from dataclasses import replace
from uuid import uuid4

from gateway.couplings.changes import CouplingTakenError
from gateway.couplings.coupling import Cause, Coupling
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.pairing.couple import Coupled, Synchronize, Wish, couple, unsteady
from gateway.pairing.creating import Making, finish, new_id, require_direction, reserved
from gateway.pairing.decision import Standing
from gateway.pairing.naming import Named, find
from gateway.pairing.standing import standing
from gateway.pairing.synchronizing import prepare
from gateway.reading.lookup import match_key
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records, capital, check

_LOOKS = 3


async def create(desk: Desk, wish: Wish) -> Coupled:
    """Create the record that is missing on one side, and couple it.

    Raises:
        RefusalError: a rule forbids it; nothing was done.
        BackendError: a backend did not answer as it should. Nothing was done, unless nobody knows whether the record was
            created: then the coupling stays, and the creation is taken up again.
    """
    if wish.bc.create and wish.crm.create:
        raise InvalidInputError("One of the two records has to be there.", argument="businessCentral")
    to = Backend.DATAVERSE if wish.crm.create else Backend.BUSINESS_CENTRAL
    require_direction(wish.mapping, to)
    origin = Backend.BUSINESS_CENTRAL if to is Backend.DATAVERSE else Backend.DATAVERSE
    records = Records(desk, wish.mapping, origin)
    argument = "businessCentral" if to is Backend.DATAVERSE else "dataverse"
    source = await find(records, wish.bc if to is Backend.DATAVERSE else wish.crm, argument=argument)
    check(source, await records.rules(), argument=argument)
    if (row := await _adopted(desk, wish.mapping, source, to)) is not None:
        there = replace(wish, bc=Named(id=source.id), crm=Named(id=row.id))
        return await couple(desk, replace(there, synchronize=Synchronize.USE_BUSINESS_CENTRAL_DATA))
    prepared = await prepare(desk, wish.mapping, to=to, source=source, target=None)
    making = await _reserve(desk, wish, source, to)
    return await finish(desk, wish.mapping, making, source, prepared)


async def _adopted(desk: Desk, mapping: TableMapping, source: Found, to: Backend) -> Found | None:
    """The one row of CRM that goes by the record's natural key already.

    Source: Business Central, codeunit CRM Int. Table. Subscriber: currencies by ISO code, units by the name of their group.
    """
    if mapping.adopts is None or to is not Backend.DATAVERSE or source.number is None:
        return None
    column, form = mapping.adopts
    wanted = form.format(source.number)
    rows = await Records(desk, mapping, to).by_column(column, wanted)
    alike = [each for each in rows if match_key(each.values.get(column)) == match_key(wanted)]
    return alike[0] if len(alike) == 1 else None


async def _reserve(desk: Desk, wish: Wish, source: Found, to: Backend) -> Making:
    """The coupling is saved before anything is created: two callers at once cannot make two records."""
    to_crm = to is Backend.DATAVERSE
    for _ in range(_LOOKS):
        left = await _left(desk, wish.mapping, source, to_crm=to_crm)
        if left is not None:
            return left
        of_record, of_row = await standing(
            desk, wish.mapping, bc=source if to_crm else None, crm=None if to_crm else source
        )
        stale = _only_stale(wish.mapping, source, of_record if to_crm else of_row)
        new = new_id(wish.mapping, to, uuid4())
        coupling = reserved(desk, wish.mapping, source, to, id=uuid4(), new=new)
        making = Making(coupling, desk.intent(coupling.id, to_crm=to_crm), stale)
        try:
            doing = desk.doing(Cause.CREATED)
            await desk.books.changes.apply(doing, added=[coupling], stale=stale, begun=making.intent)
        except CouplingTakenError:
            continue
        return making
    raise unsteady([source])


async def _left(desk: Desk, mapping: TableMapping, source: Found, *, to_crm: bool) -> Making | None:
    """A creation of this very record that broke off longer ago than a caller waits: it is taken up again."""
    side = Side.BUSINESS_CENTRAL if to_crm else Side.DATAVERSE
    coupling = (await desk.books.couplings.find(mapping.mapping, desk.company, side, [source.id])).get(source.id)
    intent = (await desk.books.intents.of([coupling.id])).get(coupling.id) if coupling else None
    if coupling is None or intent is None or intent.to_crm is not to_crm or not desk.is_broken_off(intent):
        return None
    return Making(coupling, intent, taken_over=True)


def _only_stale(mapping: TableMapping, source: Found, found: Standing | None) -> tuple[Coupling, ...]:
    """
    Raises:
        RefusalError: the record has a partner.
    """
    if found is None:
        return ()
    if found.partner is None:
        return (found.coupling,)
    of_bc = source.table.source.backend is Backend.BUSINESS_CENTRAL
    raise RefusalError(
        ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN if of_bc else ErrorCode.DATAVERSE_ROW_TAKEN,
        f"{capital(source.named)} is already coupled with {found.partner.named}, so nothing is created for it.",
        hint=f"Synchronize the two, or uncouple {found.partner.named} first.",
        records=[found.partner.named],
        argument="businessCentral" if of_bc else "dataverse",
    )
