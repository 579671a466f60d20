"""The root fields of what is wrong now, and of what puts it right, a few lines each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, Position, position
from gateway.errors import ErrorCode as Code
from gateway.errors import InvalidInputError, RefusalError
from gateway.pairing.hidden import require_seen
from gateway.reading.values import usable
from gateway.runs.conflicts import Moved, Wish, chosen
from gateway.runs.existence import Existence
from gateway.runs.planning import Wanted
from gateway.runs.restore_record import Restored, restore, restored_before
from gateway.runs.run import RunError
from gateway.runs.troubles import Lonely, Place
from gateway.runs.troubles import Row as Told
from schema.connection import PageInfo
from schema.context import Context
from schema.coupling_mutations import couplings_named, shown
from schema.cursors import not_ours, read_cursor, write_cursor
from schema.enums import ErrorCode, Mapping
from schema.fields import ADMINISTRATORS, READERS, After, First, declared
from schema.ids import parse_id
from schema.selection import selection_of
from schema.synchronization import after_a_while
from schema.types.synchronization import SynchronizationJob, SynchronizationStarted
from schema.types.synchronization_problem import (
    ConflictMoved,
    ResolveConflictInput,
    ResolveConflictPayload,
    ResolveConflictSuccess,
    RestoreRecordInput,
    RestoreRecordPayload,
    RestoreRecordSuccess,
    RetrySynchronizationInput,
    RetrySynchronizationPayload,
    SynchronizationProblemConnection,
    Trouble,
)
from schema.types.user_error import UserError
from schema.unseen import Unseen

Ask = Info[Context, Any]

_COUPLED, _LONELY = "c", "r"
"""In which of the two lists a cursor stands."""

_MOST_CHOICES = 200


@strawberry.type
class SynchronizationErrorQueries:
    @strawberry.field(
        description="What cannot be synchronized at present, across runs: couplings that failed or are on the skip list, and "
        "records without a coupling that failed. Asks neither system unless `businessCentralExists`, `dataverseExists` or "
        "something of `coupling` that is kept there is selected.",
        metadata=declared(READERS),
    )
    async def synchronization_errors(
        self,
        info: Ask,
        mapping: Annotated[Mapping | None, strawberry.argument(description="Only of these tables.")] = None,
        code: Annotated[ErrorCode | None, strawberry.argument(description="Only this error.")] = None,
        skipped: Annotated[
            bool | None, strawberry.argument(description="Only what is on the skip list, or only what is not.")
        ] = None,
        first: First = 50,
        after: After = None,
        company: Annotated[
            UUID | None,
            strawberry.argument(description="SystemId of the Business Central company; the configured one by default."),
        ] = None,
    ) -> SynchronizationProblemConnection | None:
        selected = selection_of(info)
        selected.window(first, after, count=False)
        services = info.context.services
        services.require_filled(mapping)
        where = company or services.company
        wanted = CouplingFilter(
            mapping=mapping, company_id=where, troubled=True, skipped=skipped, error_code=str(code) if code else None
        )
        lonely = Lonely(where, mapping, str(code) if code else None) if not skipped else None
        list_, place = _place_of(after) if after is not None else (_COUPLED, None)
        couplings: Sequence[Coupling] = []
        if list_ == _COUPLED:
            behind: Any = place
            couplings = await services.couplings.page(wanted, after=behind, limit=first + 1)
        errors: Sequence[RunError] = []
        if lonely is not None and len(couplings) <= first:
            last: Any = place if list_ == _LONELY else None
            errors = await services.troubles.lonely(lonely, after=last, limit=first + 1 - len(couplings))
        page = await _page(info, where, couplings, errors)
        total = None
        if "totalCount" in selected.names():
            total = await services.couplings.count(wanted)
            total += await services.troubles.count_lonely(lonely) if lonely is not None else 0
        return _connection(page, first, total, has_previous=after is not None)


async def _page(
    info: Ask, company: UUID, couplings: Sequence[Coupling], errors: Sequence[RunError]
) -> list[tuple[str, Trouble]]:
    context = info.context
    told = await context.services.troubles.told(couplings) if couplings else {}
    newest = [found.newest for found in told.values() if found.newest is not None]
    unseen = await Unseen.among(context, company, [*couplings, *newest, *errors])
    existence = Existence(context.desk(company), couplings)
    nothing = Told(None, None, 0)
    coupled = [
        (_cursor_of(each), Trouble(each, about, existence, unseen.sides(each) | unseen.sides(about.newest)))
        for each in couplings
        for about in (told.get(each.id, nothing),)
    ]
    return coupled + [
        (_cursor_of(each), Trouble(None, Told(each, each.at, 1), hidden=unseen.sides(each))) for each in errors
    ]


def _connection(
    page: Sequence[tuple[str, Trouble]], first: int, total: int | None, *, has_previous: bool
) -> SynchronizationProblemConnection:
    kept = page[:first]
    return SynchronizationProblemConnection(
        page=kept,
        page_info=PageInfo(
            has_next_page=len(page) > first,
            has_previous_page=has_previous,
            start_cursor=kept[0][0] if kept else None,
            end_cursor=kept[-1][0] if kept else None,
        ),
        total_count=total,
    )


def _cursor_of(found: Coupling | RunError) -> str:
    if isinstance(found, Coupling):
        key, id = position(found)
        return write_cursor(_COUPLED, key, str(id))
    return write_cursor(_LONELY, found.at.isoformat(), str(found.run_id), str(found.number))


def _place_of(cursor: str) -> tuple[str, Position | Place]:
    """
    Raises:
        InvalidInputError: it is no cursor of this list.
    """
    try:
        match list(read_cursor(cursor)):
            case ["c", key, id]:
                return _COUPLED, (key, UUID(id))
            case ["r", at, run, number]:
                moment = datetime.fromisoformat(at)
                if moment.tzinfo is not None and number.isdigit() and len(number) < 10:
                    return _LONELY, (moment, UUID(run), int(number))
    except ValueError as error:
        raise not_ours() from error
    raise not_ours()


@strawberry.type
class SynchronizationErrorMutations:
    @strawberry.field(
        description="Try again what failed or is on the skip list, which it leaves when that succeeds. A job, see "
        "`synchronizationJob`.",
        metadata=declared(ADMINISTRATORS),
    )
    async def retry_synchronization(
        self, info: Ask, input: Annotated[RetrySynchronizationInput, strawberry.argument(description="What.")]
    ) -> RetrySynchronizationPayload | None:
        selection_of(info)
        services, by = info.context.services, info.context.caller.name
        jobs = services.run_jobs
        try:
            if input.mapping is not None and input.coupling_ids is None:
                (await jobs.settings.of(input.mapping, input.company or services.company)).require_enabled()
                code = str(input.code) if input.code is not None else None
                run = await jobs.retry(input.mapping, input.company or services.company, by, code)
                return SynchronizationStarted(job=SynchronizationJob(run=run))
            couplings = await _named(info, input)
            configured = await jobs.settings.of(couplings[0].mapping, couplings[0].company_id)
            configured.require_enabled()
            await require_seen(info.context.desk(couplings[0].company_id), configured.mapping, couplings)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        ids = [each.id for each in couplings]
        run = await jobs.records(couplings[0].mapping, couplings[0].company_id, by, ids, Wanted.MERGE)
        return SynchronizationStarted(job=SynchronizationJob(run=await after_a_while(info, run)))

    @strawberry.field(
        description="Make a deleted record anew from its partner, and couple the two. The same again makes nothing more.",
        metadata=declared(READERS),
    )
    async def restore_record(
        self, info: Ask, input: Annotated[RestoreRecordInput, strawberry.argument(description="Which.")]
    ) -> RestoreRecordPayload | None:
        need = selection_of(info).inside("RestoreRecordSuccess", "coupling")
        try:
            restored = await _restored(info, input.coupling_id)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        row = await shown(info, restored.coupled.coupling, need)
        return RestoreRecordSuccess.of(restored.coupled, row, made=restored.made)

    @strawberry.field(
        description="Resolve a conflict field by field: keep one side's value, or give both one of your own. Refused when one "
        "side changed since it was looked at. When it takes longer than half the time of a request, the run goes on as a job.",
        metadata=declared(READERS),
    )
    async def resolve_conflict(
        self, info: Ask, input: Annotated[ResolveConflictInput, strawberry.argument(description="How.")]
    ) -> ResolveConflictPayload | None:
        selection_of(info)
        jobs = info.context.services.run_jobs
        try:
            (coupling,) = await couplings_named(info, [input.coupling_id], argument="couplingId")
            configured = await jobs.settings.of(coupling.mapping, coupling.company_id)
            configured.require_enabled()
            desk = info.context.desk(coupling.company_id)
            choices = await chosen(desk, configured, coupling, input.conflict_token, _wishes(input))
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        if isinstance(choices, Moved):
            return ConflictMoved.of(choices)
        run = await jobs.resolve(coupling, info.context.caller.name, choices)
        return ResolveConflictSuccess(job=SynchronizationJob(run=await after_a_while(info, run)))


def _wishes(input: ResolveConflictInput) -> list[Wish]:
    """Raises: InvalidInputError."""
    if not 1 <= len(input.fields) <= _MOST_CHOICES:
        raise InvalidInputError(f"fields takes between 1 and {_MOST_CHOICES} choices.", argument="fields")
    return [
        Wish(usable(each.field, "fields"), each.use, usable(each.value, "fields") if each.value is not None else None)
        for each in input.fields
    ]


async def _named(info: Ask, input: RetrySynchronizationInput) -> Sequence[Coupling]:
    """Raises: InvalidInputError, RefusalError."""
    if input.coupling_ids is None or input.mapping is not None or input.code is not None:
        raise InvalidInputError("Name couplings, or a mapping and perhaps a code.", argument="couplingIds")
    couplings = await couplings_named(info, input.coupling_ids, argument="couplingIds")
    if len({each.mapping for each in couplings}) > 1:
        raise InvalidInputError("Couplings of one mapping at a time.", argument="couplingIds")
    return couplings


async def _restored(info: Ask, id: str) -> Restored:
    """Raises: InvalidInputError, RefusalError."""
    services = info.context.services
    try:
        (coupling,) = await couplings_named(info, [id], argument="couplingId")
    except RefusalError as refusal:
        if refusal.code is not Code.NOT_COUPLED:
            raise
        named = parse_id(id)
        now = await restored_before(info.context.desk(named.company), named.key)
        if now is None:
            raise
        return Restored.before(now)
    return await restore(info.context.desk(coupling.company_id), services.run_jobs.settings, coupling)
