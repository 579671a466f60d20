"""Synchronization: what is asked for, the job log, its errors, and the plan of a dry run."""

from collections.abc import Set
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError
from gateway.records import Backend
from gateway.runs.hints import hint_for
from gateway.runs.progress import progress_of
from gateway.runs.run import Counters, Run, RunError
from gateway.sync.mapping import TableMapping
from schema.access import ADMINISTRATORS, READERS, seen_by
from schema.connection import PageInfo
from schema.context import Context
from schema.cursors import not_ours, read_cursor, write_cursor
from schema.enums import ErrorCode, Mapping, System
from schema.run_enums import RunKind, RunState, SynchronizationAction, SynchronizeWay
from schema.types.progress import SynchronizationProgress
from schema.types.synchronization_plan import MOST_ACTIONS, MOST_STEPS, SynchronizationPlan, coupling_id, plan_page
from schema.types.user_error import RecordReference, UserError
from schema.unseen import UNSEEN, Unseen

DRY_RUN = "Only find out what the run would do, and why: see `plan` of the job. Nothing is written."
_COMPANY = "SystemId of the Business Central company; the configured one by default."
MOST_ERRORS = 200


@strawberry.input(description="Which mapping is to be synchronized.")
class SynchronizeModifiedInput:
    mapping: Mapping = strawberry.field(description="Which tables.")
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)
    dry_run: bool = strawberry.field(default=False, description=DRY_RUN)


@strawberry.input(description="Which couplings are to be synchronized, and how.")
class SynchronizeRecordsInput:
    coupling_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of couplings, at most 200, of one mapping in one company."
    )
    way: SynchronizeWay = strawberry.field(
        default=SynchronizeWay.MERGE, description="Whose data counts where both sides differ."
    )


@seen_by(READERS)
@strawberry.type(description="What became of the records of a run.")
class SynchronizationCounters:
    inserted: int = strawberry.field(description="Records that were created.")
    modified: int = strawberry.field(description="Records that were written.")
    deleted: int = strawberry.field(
        description="Records that were deleted: none, a deletion is never passed on by itself."
    )
    unchanged: int = strawberry.field(description="Records that changed, but in no field that is synchronized.")
    skipped: int = strawberry.field(
        description="Records that were left out: not coupled, outside the filter of the mapping, or on the skip list."
    )
    failed: int = strawberry.field(description="Records that could not be synchronized; see `errors`.")
    coupled: int = strawberry.field(description="Couplings that were made.")
    uncoupled: int = strawberry.field(description="Couplings that ended.")

    @classmethod
    def of(cls, counters: Counters) -> "SynchronizationCounters":
        return cls(**counters.as_json())


@seen_by(READERS)
@strawberry.type(description="A record that could not be synchronized: what is wrong, and what to do about it.")
class SynchronizationError:
    code: ErrorCode = strawberry.field(description="What is wrong.")
    message: str = strawberry.field(
        description="The same in a sentence, with both records by name and number; it names none when one is hidden from you."
    )
    hint: str | None = strawberry.field(description="What to do about it.")
    field: str | None = strawberry.field(description="The one field that is to blame, if there is one.")
    to: System | None = strawberry.field(description="The side that should have been written; null: either.")
    at: datetime = strawberry.field(description="When it failed.")
    coupling_id: strawberry.ID | None = strawberry.field(
        description="The coupling, for `coupling` and `synchronizeRecords`."
    )
    records: list[RecordReference] = strawberry.field(
        description="Both records, as far as they are known and you may see them."
    )

    @classmethod
    def of(cls, error: RunError, nouns: TableMapping, hidden: Set[Backend] = frozenset()) -> "SynchronizationError":
        sides = (
            (System.BUSINESS_CENTRAL, nouns.bc.noun, error.bc_id, error.bc_number, error.bc_name),
            (System.DATAVERSE, nouns.crm.noun, error.crm_id, error.crm_number, error.crm_name),
        )
        return cls(
            code=ErrorCode(error.code),
            message=error.message if not hidden else UNSEEN,
            hint=error.hint if not hidden else hint_for(ErrorCode(error.code)),
            field=error.field,
            to=error.to,
            at=error.at,
            coupling_id=coupling_id(error.company_id, error.coupling_id) if error.coupling_id is not None else None,
            records=[
                RecordReference(system=system, kind=noun, id=id, number=number, name=name)
                for system, noun, id, number, name in sides
                if id is not None and system not in hidden
            ],
        )


@seen_by(READERS)
@strawberry.type(description="A page of a run's errors.")
class SynchronizationErrorConnection:
    nodes: list[SynchronizationError] = strawberry.field(description="The errors of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = strawberry.field(description="How many errors the run has.")


@seen_by(READERS)
@strawberry.type(description="A run of synchronization: one entry of the job log.")
class SynchronizationJob:
    run: strawberry.Private[Run]

    @strawberry.field(description="Its id, for `synchronizationJob`.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(str(self.run.id))

    @strawberry.field(description="Which tables.")
    def mapping(self) -> Mapping:
        return self.run.mapping

    @strawberry.field(description="SystemId of the Business Central company.")
    def company(self) -> UUID:
        return self.run.company_id

    @strawberry.field(description="What it is about.")
    def kind(self) -> RunKind:
        return self.run.kind

    @strawberry.field(description="What it is a dry run of; null for a run that does what it says.")
    def dry_run_of(self) -> RunKind | None:
        return self.run.about if self.run.dry_run else None

    @strawberry.field(description="How far it is.")
    def status(self) -> RunState:
        return self.run.state

    @strawberry.field(description="When it was asked for.")
    def created_at(self) -> datetime:
        return self.run.created_at

    @strawberry.field(description="Who asked for it.")
    def created_by(self) -> str:
        return self.run.created_by

    @strawberry.field(description="When it began; null while it waits for its turn.")
    def started_at(self) -> datetime | None:
        return self.run.started_at

    @strawberry.field(description="When it ended.")
    def finished_at(self) -> datetime | None:
        return self.run.finished_at

    @strawberry.field(
        description="What became of the records so far, or in a dry run would become of them; each record counts once."
    )
    def counters(self) -> SynchronizationCounters:
        return SynchronizationCounters.of(self.run.tally.total)

    @strawberry.field(description="The same of what was written to Business Central, or should have been.")
    def to_business_central(self) -> SynchronizationCounters:
        return SynchronizationCounters.of(self.run.tally.to_bc)

    @strawberry.field(description="The same of what was written to CRM, or should have been.")
    def to_dataverse(self) -> SynchronizationCounters:
        return SynchronizationCounters.of(self.run.tally.to_crm)

    @strawberry.field(description="How far it is, and how fast.")
    def progress(self, info: Info[Context, Any]) -> SynchronizationProgress:
        return SynchronizationProgress.of(progress_of(self.run, info.context.read_at))

    @strawberry.field(description="Why the run as a whole failed.")
    def code(self) -> ErrorCode | None:
        return ErrorCode(self.run.error_code) if self.run.error_code is not None else None

    @strawberry.field(description="The same in a sentence.")
    def message(self) -> str | None:
        return self.run.message

    @strawberry.field(description="What to do about that.")
    def hint(self) -> str | None:
        return hint_for(ErrorCode(self.run.error_code)) if self.run.error_code is not None else None

    @strawberry.field(description="The records that could not be synchronized, in the order in which they were met.")
    async def errors(
        self,
        info: Info[Context, Any],
        first: Annotated[int, strawberry.argument(description="How many at most, 1 to 200.")] = 50,
        after: Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")] = None,
    ) -> SynchronizationErrorConnection | None:
        if not 1 <= first <= MOST_ERRORS:
            raise InvalidInputError(f"first must be between 1 and {MOST_ERRORS}.", argument="first")
        services, place = info.context.services, _place_of(after)
        runs, nouns = services.run_jobs.runs, services.tables.described(self.run.mapping)
        found = await runs.errors(self.run.id, after=place, limit=first + 1)
        unseen = await Unseen.among(info.context, self.run.company_id, found)
        total = await runs.count_errors(self.run.id)
        return _page(found, first, place, total, nouns, unseen)

    @strawberry.field(
        description="What a dry run found so far, in the order in which a run would come to it; null for any other run."
    )
    async def plan(
        self,
        info: Info[Context, Any],
        actions: Annotated[
            list[SynchronizationAction] | None,
            strawberry.argument(description="Only steps that do one of these, up to 20."),
        ] = None,
        first: Annotated[int, strawberry.argument(description="How many steps at most, 1 to 200.")] = 50,
        after: Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")] = None,
    ) -> SynchronizationPlan | None:
        if not 1 <= first <= MOST_STEPS:
            raise InvalidInputError(f"first must be between 1 and {MOST_STEPS}.", argument="first")
        if actions is not None and len(actions) > MOST_ACTIONS:
            raise InvalidInputError(f"No more than {MOST_ACTIONS} actions.", argument="actions")
        place = _place_of(after)
        if not self.run.dry_run:
            return None
        return await plan_page(info.context, self.run, actions, first, place)


def _place_of(after: str | None) -> int:
    """Raises: InvalidInputError."""
    if after is None:
        return 0
    parts = read_cursor(after)
    if len(parts) != 1 or not parts[0].isdigit() or len(parts[0]) > 9:
        raise not_ours()
    return int(parts[0])


def _page(
    found: list[RunError], first: int, after: int, total: int, nouns: TableMapping, unseen: Unseen
) -> SynchronizationErrorConnection:
    shown = found[:first]
    return SynchronizationErrorConnection(
        nodes=[SynchronizationError.of(each, nouns, unseen.sides(each)) for each in shown],
        page_info=PageInfo(
            has_next_page=len(found) > first,
            has_previous_page=after > 0,
            start_cursor=write_cursor(str(shown[0].number)) if shown else None,
            end_cursor=write_cursor(str(shown[-1].number)) if shown else None,
        ),
        total_count=total,
    )


@seen_by(READERS)
@strawberry.type(description="The run has begun; `synchronizationJob` tells how far it is.")
class SynchronizationStarted:
    job: SynchronizationJob = strawberry.field(description="The run, as it is now.")


SynchronizePayload = Annotated[
    SynchronizationStarted | UserError,
    strawberry.union("SynchronizePayload", description="What came of asking for a synchronization."),
]


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The run ends before its next page.")
class CancelSynchronizationSuccess:
    job: SynchronizationJob = strawberry.field(description="The run, as it is now.")


CancelSynchronizationPayload = Annotated[
    CancelSynchronizationSuccess | UserError,
    strawberry.union("CancelSynchronizationPayload", description="What came of `cancelSynchronization`."),
]
