"""New records are created under ids that their couplings hold already, many of them in as few exchanges as batches allow.

A create finds the row that an earlier attempt made, so all of it can be done again: by whoever finds the intents of a caller
who is gone, or by a page of a job that broke off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from gateway.clients.writing import Outcome
from gateway.couplings.coupling import Cause, Coupling, Intent
from gateway.errors import (
    BackendError,
    DeadlineError,
    ErrorCode,
    GatewayError,
    PreconditionFailedError,
    ProtocolError,
    RefusalError,
    UnreachableError,
)
from gateway.odata.write import Create, CreateWith, Update, holds
from gateway.pairing.couple import Coupled
from gateway.pairing.synchronizing import agreed, failed
from gateway.reading.lookup import match_key
from gateway.records import Backend, Record, Values
from gateway.sync.creation import row_path
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


def new_id(mapping: TableMapping, to: Backend, seed: UUID) -> UUID:
    """The id that a record gets which is still to be created: the seed itself, or an option's id that follows from it."""
    choice = mapping.table(to).source.choice
    return choice.new_option_id(seed) if choice is not None else seed


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
    desk: Desk,
    mapping: TableMapping,
    to: Backend,
    sources: Sequence[Found],
    *,
    job: UUID,
    seed: UUID | None = None,
    stale: Mapping[UUID, Coupling] | None = None,
) -> dict[UUID, Coupling | Unsettled | GatewayError]:
    """New partners for many records, by the record's id: in as few exchanges as batches allow.

    The ids follow from the seed (the job unless given) and the record: a page that is carried out a second time finds what the
    first time did. ``stale`` are couplings that give way to the new ones, by the record's id: their other side is gone.
    """
    try:
        require_direction(mapping, to)
    except RefusalError as error:
        return {each.id: error for each in sources}
    works, results = list[Work](), dict[UUID, Coupling | Unsettled | GatewayError]()
    stale, seed = stale or {}, seed or job
    results |= await _adopted_each(desk, mapping, to, sources, job, stale)
    sources = [each for each in sources if each.id not in results]
    outcomes = await prepare_each(desk, mapping, to=to, pairs=[Pair(each, None) for each in sources])
    for source, prepared in zip(sources, outcomes, strict=True):
        if isinstance(prepared, RefusalError):
            results[source.id] = prepared
        else:
            works.append(Work(_making(desk, mapping, source, to, seed), source, prepared))
    wanted = {each.making.coupling.id: each.making for each in works}
    doing = desk.doing(Cause.CREATED, job)
    intents = {id: each.intent for id, each in wanted.items()}
    new = [each.making.coupling for each in works]
    ended = [stale[each.source.id] for each in works if each.source.id in stale]
    added = await desk.books.changes.add_free(new, doing, begun=intents, stale=ended)
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
        mine = id in found and _pair_of(found[id]) == _pair_of(each.making.coupling)
        results[each.source.id] = found[id] if mine else _coupled_meanwhile(each.source)
    for work, outcome in zip(works, await _carry_out(desk, mapping, works), strict=True):
        results[work.source.id] = _told(work, outcome)
    return results


async def _adopted_each(
    desk: Desk, mapping: TableMapping, to: Backend, sources: Sequence[Found], job: UUID, stale: Mapping[UUID, Coupling]
) -> dict[UUID, Coupling]:
    """Records that CRM has already under their natural key are coupled with it, as far as it is free."""
    if mapping.adopts is None or to is not Backend.DATAVERSE:
        return {}
    column, form = mapping.adopts
    wanted = {match_key(form.format(each.number)): each for each in sources if each.number}
    rows: dict[str, list[Found]] = {}
    for row in await Records(desk, mapping, to).by_values(
        column, [form.format(each.number) for each in wanted.values()]
    ):
        rows.setdefault(match_key(row.values.get(column)), []).append(row)
    pairs = [(source, rows[key][0]) for key, source in wanted.items() if len(rows.get(key, ())) == 1]
    made = [
        replace(
            reserved(desk, mapping, source, to, id=uuid5(job, f"coupling {source.id} {row.id}"), new=row.id),
            crm_key=row.number,
        )
        for source, row in pairs
    ]
    ended = [stale[source.id] for source, _ in pairs if source.id in stale]
    added = await desk.books.changes.add_free(made, desk.doing(Cause.MATCHED, job), stale=ended)
    there = await desk.books.couplings.get_many(each.id for each in made if each.id not in added)
    return {each.bc_id: each for each in made if each.id in added or each.id in there}


def _pair_of(coupling: Coupling) -> tuple[UUID, UUID]:
    return coupling.bc_id, coupling.crm_id


def _told(work: Work, outcome: Coupled | GatewayError) -> Coupling | Unsettled | GatewayError:
    if isinstance(outcome, Coupled):
        return outcome.coupling
    return Unsettled(work.making.coupling, outcome) if _may_be_there(outcome) else outcome


def _making(desk: Desk, mapping: TableMapping, source: Found, to: Backend, seed: UUID) -> Making:
    new = new_id(mapping, to, uuid5(seed, f"{source.id}"))
    coupling = reserved(desk, mapping, source, to, id=made_id(seed, source.id), new=new)
    return Making(coupling, desk.intent(coupling.id, to_crm=to is Backend.DATAVERSE))


def made_id(seed: UUID, source: UUID) -> UUID:
    """The id of the coupling with the new partner that is made for a record: the same at every attempt."""
    return uuid5(seed, f"coupling {source}")


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
    records: dict[UUID, Outcome] = {}
    works, refused = await _with_what_is_there(desk, mapping, to, works, records)
    fresh = [each for each in works if each.new_id not in records]
    with desk.calling() as call:
        made = await client.write_each([_creation(desk, mapping, path, each) for each in fresh], call=call)
    records |= {each.new_id: _of_line(each, outcome) for each, outcome in zip(fresh, made, strict=True)}
    records |= await _with_totals(desk, mapping, to, fresh, records)
    problems = refused | await _finished(desk, mapping, to, works, records)
    coupled = {
        each.new_id: _coupled(each, mapping, to, records[each.new_id], problems.get(each.new_id))
        for each in works
        if not isinstance(records[each.new_id], GatewayError)
    }
    done = [each.making.intent for each in works if each.new_id in coupled]
    saved = await desk.books.changes.update_each([each.coupling for each in coupled.values()], done=done)
    await _give_up(desk, mapping, to, works, records)
    return [_result(each, table, records[each.new_id], coupled, saved) for each in works]


def _creation(desk: Desk, mapping: TableMapping, path: str, work: Work) -> Create | CreateWith:
    """A document is created with its lines or not at all. The ids of the lines follow from its own, as at every attempt."""
    head = Create(path, work.new_id, work.prepared.values)
    lines = mapping.lines
    if lines is None or not work.prepared.lines:
        return head
    parent = {f"{lines.parent}@odata.bind": row_path(mapping.crm.source.name, work.new_id)}
    below = (
        Create(desk.path(lines.crm), uuid5(work.new_id, f"line {each.number}"), {**each.values, **parent})
        for each in work.prepared.lines
    )
    return CreateWith(head, lines.crm_navigation, tuple(below))


async def _with_totals(
    desk: Desk, mapping: TableMapping, to: Backend, works: Sequence[Work], records: Mapping[UUID, Outcome]
) -> dict[UUID, Outcome]:
    """New documents as they are with their lines, which changed their totals, and so their versions.

    When they cannot be read, the documents are there all the same: they are known in the version before.
    """
    made = [each.new_id for each in works if each.prepared.lines and isinstance(records[each.new_id], Record)]
    try:
        found = await Records(desk, mapping, to).by_id(made)
    except BackendError:
        return {}
    return {id: Record(each.values, each.etag) for id, each in found.items()}


def _of_line(work: Work, outcome: Outcome) -> Outcome:
    """What was refused, told of the line because of which it was."""
    if not isinstance(outcome, BackendError) or not outcome.place:
        return outcome
    line = work.prepared.lines[outcome.place - 1]
    told = outcome.again()
    told.message = f"{line.name[:1].upper()}{line.name[1:]} of {work.source.named}: {outcome.message}"
    return told


def _result(
    work: Work, table: Table, record: Outcome, coupled: Mapping[UUID, Coupled], saved: set[UUID]
) -> Coupled | GatewayError:
    if isinstance(record, GatewayError):
        return record
    if work.making.coupling.id not in saved:
        return _ended_meanwhile(table, work)
    return coupled[work.new_id]


async def _with_what_is_there(
    desk: Desk, mapping: TableMapping, to: Backend, works: Sequence[Work], records: dict[UUID, Outcome]
) -> tuple[list[Work], dict[UUID, GatewayError]]:
    """What an earlier attempt made is put into ``records``, and brought up to date: its source may have changed since.

    Returns:
        the works, those of rows that are there with what is agreed on now; and what kept a row from being brought up to date.
    """
    again = [each for each in works if each.making.taken_over]
    if not again:
        return list(works), {}
    try:
        there = await Records(desk, mapping, to).by_id(each.new_id for each in again)
        pairs = [Pair(each.source, there[each.new_id]) for each in again if each.new_id in there]
        outcomes = await prepare_each(desk, mapping, to=to, pairs=pairs)
    except BackendError as error:
        records |= {each.new_id: _unknown(error) for each in again}
        return list(works), {}
    told = {pair.target.id: outcome for pair, outcome in zip(pairs, outcomes, strict=True) if pair.target is not None}
    problems: dict[UUID, GatewayError] = {id: each for id, each in told.items() if isinstance(each, RefusalError)}
    now = [_compared(each, told.get(each.new_id)) for each in works]
    records |= {id: Record(found.values, found.etag) for id, found in there.items()}
    changed = [each for each in now if isinstance(told.get(each.new_id), Prepared) and each.prepared.values]
    problems |= await _updated(desk, mapping, to, [(each, each.prepared.values) for each in changed], records)
    return now, problems


def _compared(work: Work, outcome: Prepared | RefusalError | None) -> Work:
    if not isinstance(outcome, Prepared):
        return work
    return replace(work, prepared=replace(outcome, then=work.prepared.then))


def _unknown(error: BackendError) -> BackendError:
    """Whether the row is there could not be found out: nothing is ended for that."""
    copied = error.again()
    copied.unsettled = True
    return copied


async def _updated(
    desk: Desk,
    mapping: TableMapping,
    to: Backend,
    wanted: Sequence[tuple[Work, Values]],
    records: dict[UUID, Outcome],
) -> dict[UUID, GatewayError]:
    """Rows that are there get these values; what went wrong, by row. One that somebody gave them meanwhile has them."""
    problems: dict[UUID, GatewayError] = {}
    source = mapping.table(to).source
    for attempt in (1, 2):
        updates = [
            Update(desk.path(source), each.new_id, values, _etag(records[each.new_id])) for each, values in wanted
        ]
        if not updates:
            break
        with desk.calling() as call:
            outcomes = await desk.client(source).write_each(updates, call=call)
        late: list[tuple[Work, Values]] = []
        for (each, values), outcome in zip(wanted, outcomes, strict=True):
            problems.pop(each.new_id, None)
            if isinstance(outcome, GatewayError):
                problems[each.new_id] = outcome
                late += [(each, values)] if isinstance(outcome, PreconditionFailedError) else []
            elif outcome is not None:
                records[each.new_id] = outcome
        if not late or attempt == 2:
            break
        there = await Records(desk, mapping, to).by_id((each.new_id for each, _ in late))
        wanted = []
        for each, values in late:
            if (found := there.get(each.new_id)) is not None:
                records[each.new_id] = Record(found.values, found.etag)
                if holds(found.values, values):
                    problems.pop(each.new_id, None)
                else:
                    wanted = [*wanted, (each, values)]
    return problems


def _etag(record: Outcome) -> str:
    return (record.etag if isinstance(record, Record) else None) or ""


def _ended_meanwhile(table: Table, work: Work) -> RefusalError:
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        f"Somebody ended the coupling of {work.source.named} while its {table.noun} was created.",
        hint=f"The new {table.noun} {work.new_id} is there: couple the two again, or delete it.",
        records=[work.source.named],
    )


async def _finished(
    desk: Desk, mapping: TableMapping, to: Backend, works: Sequence[Work], records: dict[UUID, Outcome]
) -> dict[UUID, GatewayError]:
    """The updates that new records need, one round after the other; what went wrong, by the new record."""
    problems: dict[UUID, GatewayError] = {}
    for turn in range(max(len(each.prepared.then) for each in works)):
        due: list[tuple[Work, Values]] = []
        for each in works:
            record = records[each.new_id]
            if turn >= len(each.prepared.then) or each.new_id in problems or not isinstance(record, Record):
                continue
            if not holds(record.values, each.prepared.then[turn]):
                due.append((each, each.prepared.then[turn]))
        problems |= await _updated(desk, mapping, to, due, records)
    return problems


def _coupled(work: Work, mapping: TableMapping, to: Backend, record: Outcome, problem: GatewayError | None) -> Coupled:
    made = record if isinstance(record, Record) else None
    now = _with_key(agreed(work.making.coupling, work.prepared, work.source, None, made), work, mapping.table(to), made)
    now = failed(now, to, problem) if problem is not None else now
    return Coupled(now, work.making.stale, created=True, problem=problem)


async def _give_up(
    desk: Desk, mapping: TableMapping, to: Backend, works: Sequence[Work], records: Mapping[UUID, Outcome]
) -> None:
    """Records that are certainly not there need no coupling; those that may be there keep it, and are finished later.

    Of what was taken over it is known that it is not among the rows we see; whether we see any is asked before it is ended.
    """
    failed = {
        each.new_id: error
        for each in works
        if isinstance(error := records[each.new_id], GatewayError) and not _may_be_there(error)
    }
    ended = [each for each in works if each.new_id in failed]
    if any(each.making.taken_over for each in ended):
        deleted = await Records(desk, mapping, to).deleted([each.new_id for each in ended if each.making.taken_over])
        ended = [each for each in ended if not each.making.taken_over or each.new_id in deleted]
    if ended:
        await desk.books.changes.remove_each([each.making.coupling for each in ended], desk.doing(Cause.UNDONE))


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
