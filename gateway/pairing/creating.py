"""New records are created under ids that their couplings hold already, many of them in as few exchanges as batches allow.

A create finds the row that an earlier attempt made, so all of it can be done again: by whoever finds the intents of a caller
who is gone, or by a page of a job that broke off.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from gateway.clients.writing import Outcome
from gateway.couplings.changes import CouplingTakenError
from gateway.couplings.coupling import Cause, Coupling, Intent
from gateway.errors import (
    BackendError,
    DeadlineError,
    ErrorCode,
    GatewayError,
    ProtocolError,
    RefusalError,
    UnreachableError,
)
from gateway.odata.write import Create, Update
from gateway.pairing.couple import Coupled
from gateway.pairing.presence import sees_nothing
from gateway.pairing.synchronizing import agreed, failed
from gateway.records import Backend, Record
from gateway.sync.desk import Desk
from gateway.sync.mapping import Table, TableMapping
from gateway.sync.records import Found, Records, capital
from gateway.sync.transfer import Pair, Prepared, prepare_each


@dataclass(frozen=True, slots=True)
class Making:
    """A coupling whose one side is still to be created; ``taken_over`` from an attempt that nobody knows the end of."""

    coupling: Coupling
    intent: Intent
    stale: tuple[Coupling, ...] = ()
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A record that is to be created from one that is there."""

    making: Making
    source: Found
    prepared: Prepared

    @property
    def new_id(self) -> UUID:
        coupling = self.making.coupling
        return coupling.crm_id if self.making.intent.to_crm else coupling.bc_id


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Nobody knows whether the record was created: its coupling stays, and the creation is taken up again."""

    coupling: Coupling
    error: GatewayError


def require_direction(mapping: TableMapping, to: Backend) -> None:
    """
    Raises:
        RefusalError: the mapping does not write to that side.
    """
    if mapping.direction.goes_to(to):
        return
    table, system = mapping.table(to), to.label
    raise RefusalError(
        ErrorCode.DIRECTION_NOT_ALLOWED,
        f"The mapping {mapping.name} does not write to {system}, so no {table.noun} is created or changed there.",
        hint=f"Create the {table.noun} in {system}, then couple the two.",
        argument="synchronize",
    )


def reserved(desk: Desk, mapping: TableMapping, source: Found, to: Backend, *, id: UUID, new: UUID) -> Coupling:
    """The coupling with a record that does not exist yet, under its own id and that of the new record."""
    to_crm = to is Backend.DATAVERSE
    return Coupling(
        id=id,
        mapping=mapping.mapping,
        company_id=desk.company,
        bc_id=source.id if to_crm else new,
        crm_id=new if to_crm else source.id,
        bc_key=source.number if to_crm else None,
        crm_key=None if to_crm else source.number,
        created_at=datetime.now(UTC),
        created_by=desk.by,
    )


async def finish(desk: Desk, mapping: TableMapping, making: Making, source: Found, prepared: Prepared) -> Coupled:
    """Create the record under the id that the coupling holds, and end the intent.

    Raises:
        BackendError: as with :func:`create`.
    """
    (outcome,) = await _carry_out(desk, mapping, [Work(making, source, prepared)])
    if isinstance(outcome, GatewayError):
        raise outcome
    return outcome


async def create_each(
    desk: Desk, mapping: TableMapping, to: Backend, sources: Sequence[Found], *, job: UUID
) -> dict[UUID, Coupling | Unsettled | GatewayError]:
    """New partners for many records, by the record's id: in as few exchanges as batches allow.

    The ids follow from the job and the record: a page that is carried out a second time finds what the first time did.
    """
    try:
        require_direction(mapping, to)
    except RefusalError as error:
        return {each.id: error for each in sources}
    outcomes = await prepare_each(desk, mapping, to=to, pairs=[Pair(each, None) for each in sources])
    works, results = list[Work](), dict[UUID, Coupling | Unsettled | GatewayError]()
    for source, prepared in zip(sources, outcomes, strict=True):
        if isinstance(prepared, RefusalError):
            results[source.id] = prepared
        else:
            works.append(Work(_making(desk, mapping, source, to, job), source, prepared))
    wanted = {each.making.coupling.id: each.making for each in works}
    doing = desk.doing(Cause.CREATED, job)
    intents = {id: each.intent for id, each in wanted.items()}
    added = await desk.books.changes.add_free([each.coupling for each in wanted.values()], doing, begun=intents)
    found = await desk.books.couplings.get_many(wanted.keys() - added)
    left = await desk.books.intents.of(found)
    for each in list(works):
        id = each.making.coupling.id
        if id in added:
            continue
        if id in left:
            works[works.index(each)] = replace(each, making=replace(each.making, taken_over=True))
            continue
        works.remove(each)
        results[each.source.id] = found[id] if id in found else _coupled_meanwhile(each.source)
    for work, outcome in zip(works, await _carry_out(desk, mapping, works), strict=True):
        results[work.source.id] = _told(work, outcome)
    return results


def _told(work: Work, outcome: Coupled | GatewayError) -> Coupling | Unsettled | GatewayError:
    if isinstance(outcome, Coupled):
        return outcome.coupling
    return Unsettled(work.making.coupling, outcome) if _may_be_there(outcome) else outcome


def _making(desk: Desk, mapping: TableMapping, source: Found, to: Backend, job: UUID) -> Making:
    coupling = reserved(
        desk, mapping, source, to, id=uuid5(job, f"coupling {source.id}"), new=uuid5(job, f"{source.id}")
    )
    return Making(coupling, Intent(coupling.id, to is Backend.DATAVERSE, datetime.now(UTC)))


def _coupled_meanwhile(source: Found) -> RefusalError:
    of_bc = source.table.source.backend is Backend.BUSINESS_CENTRAL
    return RefusalError(
        ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN if of_bc else ErrorCode.DATAVERSE_ROW_TAKEN,
        f"{capital(source.named)} got another partner meanwhile, so nothing is created for it.",
        hint="Look at its coupling.",
        records=[source.named],
    )


async def _carry_out(desk: Desk, mapping: TableMapping, works: Sequence[Work]) -> list[Coupled | GatewayError]:
    """Create, do what new records need besides, remember; an error for each that could not be created."""
    if not works:
        return []
    to = Backend.DATAVERSE if works[0].making.intent.to_crm else Backend.BUSINESS_CENTRAL
    table = mapping.table(to)
    client, path = desk.client(table.source), desk.path(table.source)
    with desk.calling() as call:
        creates = [Create(path, each.new_id, each.prepared.values) for each in works]
        made = await client.write_each(creates, call=call)
    records = {each.new_id: outcome for each, outcome in zip(works, made, strict=True)}
    problems = await _finished(desk, path, table, works, records)
    coupled = {
        each.new_id: _coupled(each, mapping, to, records[each.new_id], problems.get(each.new_id))
        for each in works
        if not isinstance(records[each.new_id], GatewayError)
    }
    done = [each.making.intent for each in works if each.new_id in coupled]
    saved = await desk.books.changes.update_each([each.coupling for each in coupled.values()], done=done)
    results: list[Coupled | GatewayError] = []
    for each in works:
        outcome = records[each.new_id]
        if isinstance(outcome, GatewayError):
            await _given_up(desk, mapping, each, outcome)
            results.append(outcome)
        elif each.making.coupling.id in saved:
            results.append(coupled[each.new_id])
        else:
            results.append(_ended_meanwhile(table, each))
    return results


def _ended_meanwhile(table: Table, work: Work) -> RefusalError:
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        f"Somebody ended the coupling of {work.source.named} while its {table.noun} was created.",
        hint=f"The new {table.noun} {work.new_id} is there: couple the two again, or delete it.",
        records=[work.source.named],
    )


async def _finished(
    desk: Desk, path: str, table: Table, works: Sequence[Work], records: dict[UUID, Outcome]
) -> dict[UUID, GatewayError]:
    """The updates that new records need, one round after the other; what went wrong, by the new record."""
    problems: dict[UUID, GatewayError] = {}
    for turn in range(max(len(each.prepared.then) for each in works)):
        due = [
            each
            for each in works
            if turn < len(each.prepared.then)
            and each.new_id not in problems
            and isinstance(records[each.new_id], Record)
        ]
        updates = [
            Update(path, each.new_id, each.prepared.then[turn], getattr(records[each.new_id], "etag", None) or "")
            for each in due
        ]
        if not updates:
            continue
        with desk.calling() as call:
            outcomes = await desk.client(table.source).write_each(updates, call=call)
        for each, outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, GatewayError):
                problems[each.new_id] = outcome
            elif outcome is not None:
                records[each.new_id] = outcome
    return problems


def _coupled(work: Work, mapping: TableMapping, to: Backend, record: Outcome, problem: GatewayError | None) -> Coupled:
    made = record if isinstance(record, Record) else None
    now = _with_key(agreed(work.making.coupling, work.prepared, work.source, None, made), work, mapping.table(to), made)
    now = failed(now, to, problem) if problem is not None else now
    return Coupled(now, work.making.stale, created=True, problem=problem)


async def _given_up(desk: Desk, mapping: TableMapping, work: Work, error: GatewayError) -> None:
    """A record that is certainly not there needs no coupling; one that may be there keeps it, and is finished later."""
    if _may_be_there(error) or (work.making.taken_over and await _is_there(desk, mapping, work)):
        return
    with suppress(CouplingTakenError):  # somebody else finished or ended it
        doing = desk.doing(Cause.UNDONE)
        await desk.books.changes.apply(doing, removed=[work.making.coupling], done=work.making.intent)


async def _is_there(desk: Desk, mapping: TableMapping, work: Work) -> bool:
    """Whether an earlier attempt made the record: a refusal now does not say that it did not. Unknown counts as there."""
    to = Backend.DATAVERSE if work.making.intent.to_crm else Backend.BUSINESS_CENTRAL
    try:
        if work.new_id in await Records(desk, mapping, to).by_id([work.new_id], columns=()):
            return True
        return await sees_nothing(desk, mapping.table(to)) is not None
    except BackendError:
        return True


def _may_be_there(error: GatewayError) -> bool:
    """Whether the record may have been created although no answer says so."""
    unknown = isinstance(error, UnreachableError | DeadlineError | ProtocolError)
    return unknown or (isinstance(error, BackendError) and error.unsettled)


def _with_key(coupling: Coupling, work: Work, table: Table, record: Record | None) -> Coupling:
    """The natural key that the new record got: CRM answers with what was written, Business Central with the whole record."""
    known = {**work.prepared.values, **(record.values if record is not None else {})}
    number = known.get(table.number) if table.number else None
    if not isinstance(number, str) or not number:
        return coupling
    return replace(coupling, crm_key=number) if work.making.intent.to_crm else replace(coupling, bc_key=number)
