"""The root fields of synchronization, a few lines each."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.couplings.coupling import Coupling
from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.pairing.hidden import require_seen
from gateway.runs.plan import planned
from gateway.runs.planning import CRM
from gateway.runs.run import Run
from gateway.runs.run_work import job_of
from gateway.sync.mapping import TableMapping
from schema.context import Context
from schema.coupling_mutations import couplings_named
from schema.enums import Mapping
from schema.fields import ADMINISTRATORS, READERS, declared
from schema.run_enums import SynchronizeWay
from schema.selection import selection_of
from schema.types.synchronization import (
    CancelSynchronizationPayload,
    CancelSynchronizationSuccess,
    SynchronizationJob,
    SynchronizationStarted,
    SynchronizeModifiedInput,
    SynchronizePayload,
    SynchronizeRecordsInput,
)
from schema.types.synchronization_plan import SynchronizationStep
from schema.types.user_error import UserError
from schema.unseen import Unseen

Ask = Info[Context, Any]
JOB_ID = strawberry.argument(description="Id of the run.")
COMPANY = strawberry.argument(description="SystemId of the Business Central company; the configured one by default.")
COUPLINGS = strawberry.argument(description="Ids of couplings, at most 200, of one mapping in one company.")

_MOST = 200
_PATIENCE = 0.5
"""The part of a request's time that a mutation waits for its run, so that a few records are answered at once."""


@strawberry.type
class SynchronizationQueries:
    @strawberry.field(
        description="A run of synchronization, as it is now; null when there is none with this id.",
        metadata=declared(READERS),
    )
    async def synchronization_job(self, info: Ask, id: Annotated[strawberry.ID, JOB_ID]) -> SynchronizationJob | None:
        selection_of(info)
        run = await info.context.services.run_jobs.get(run_id(id))
        return SynchronizationJob(run=run) if run is not None else None

    @strawberry.field(
        description="The job log of a company: its runs, newest first.",
        metadata=declared(READERS),
    )
    async def synchronization_jobs(
        self,
        info: Ask,
        mapping: Annotated[Mapping | None, strawberry.argument(description="Only of these tables.")] = None,
        company: Annotated[UUID | None, COMPANY] = None,
        first: Annotated[int, strawberry.argument(description="How many at most, 1 to 200.")] = 20,
        before: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only runs older than this one, to go on behind it.")
        ] = None,
    ) -> list[SynchronizationJob] | None:
        selection_of(info)
        if not 1 <= first <= _MOST:
            raise InvalidInputError(f"first must be between 1 and {_MOST}.", argument="first")
        services = info.context.services
        services.require_filled(mapping)
        older = await services.run_jobs.runs.get(run_id(before)) if before is not None else None
        if before is not None and older is None:
            raise InvalidInputError("There is no such run.", argument="before")
        place = (older.created_at, older.id) if older is not None else None
        runs = await services.run_jobs.runs.newest(
            company or services.company, mapping=mapping, before=place, limit=first
        )
        return [SynchronizationJob(run=each) for each in runs]

    @strawberry.field(
        description="What `synchronizeRecords` would do with couplings, and why: what is written where, or what keeps it from "
        "being written. Nothing is done.",
        metadata=declared(READERS),
    )
    async def synchronization_plan(
        self,
        info: Ask,
        coupling_ids: Annotated[list[strawberry.ID], COUPLINGS],
        way: Annotated[
            SynchronizeWay, strawberry.argument(description="Whose data counts where both sides differ.")
        ] = SynchronizeWay.MERGE,
    ) -> list[SynchronizationStep] | None:
        selection_of(info)
        couplings = await _couplings(info, coupling_ids)
        configured = await info.context.services.run_jobs.settings.of(couplings[0].mapping, couplings[0].company_id)
        company, tables = couplings[0].company_id, info.context.services.tables
        found = await planned(info.context.desk(company), configured, couplings, way)
        unseen = await Unseen.among(info.context, company, found)
        return [
            SynchronizationStep.of(each, company, tables.described(each.mapping), unseen.sides(each), as_caller=True)
            for each in found
        ]


@strawberry.type
class SynchronizationMutations:
    @strawberry.field(
        description="Synchronize what changed on either side since the last time, field by field, and what failed before. "
        "A job, see `synchronizationJob`. A dry run is waited for half the time of a request, so that its plan is in the answer.",
        metadata=declared(ADMINISTRATORS),
    )
    async def synchronize_modified(
        self, info: Ask, input: Annotated[SynchronizeModifiedInput, strawberry.argument(description="Which mapping.")]
    ) -> SynchronizePayload | None:
        selection_of(info)
        services = info.context.services
        company = input.company or services.company
        try:
            (await services.run_jobs.settings.of(input.mapping, company)).require_enabled()
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        jobs, by = services.run_jobs, info.context.caller.name
        if input.dry_run:
            run = await after_a_while(info, await jobs.planned(input.mapping, company, by))
        else:
            run = await jobs.modified(input.mapping, company, by)
        return SynchronizationStarted(job=SynchronizationJob(run=run))

    @strawberry.field(
        description="Synchronize chosen couplings now. A coupling on the skip list is taken off it. When it takes longer "
        "than half the time of a request, the run goes on as a job.",
        metadata=declared(READERS),
    )
    async def synchronize_records(
        self, info: Ask, input: Annotated[SynchronizeRecordsInput, strawberry.argument(description="Which couplings.")]
    ) -> SynchronizePayload | None:
        selection_of(info)
        jobs = info.context.services.run_jobs
        try:
            couplings = await _couplings(info, input.coupling_ids)
            configured = await jobs.settings.of(couplings[0].mapping, couplings[0].company_id)
            configured.require_enabled()
            require_way(configured.mapping, input.way)
            await require_seen(info.context.desk(couplings[0].company_id), configured.mapping, couplings)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        ids = [each.id for each in couplings]
        run = await jobs.records(
            couplings[0].mapping, couplings[0].company_id, info.context.caller.name, ids, input.way
        )
        return SynchronizationStarted(job=SynchronizationJob(run=await after_a_while(info, run)))

    @strawberry.field(
        description="End a run before its next page. What it wrote stays written.", metadata=declared(ADMINISTRATORS)
    )
    async def cancel_synchronization(
        self, info: Ask, id: Annotated[strawberry.ID, JOB_ID]
    ) -> CancelSynchronizationPayload | None:
        selection_of(info)
        jobs = info.context.services.run_jobs
        run = await jobs.get(run_id(id))
        if run is None:
            return UserError.of(no_run(id))
        if run.state.is_final or not await jobs.cancel(run):
            return UserError.of(
                RefusalError(
                    ErrorCode.INVALID_INPUT,
                    "The run is at its end already.",
                    hint="Look at synchronizationJob.",
                    argument="id",
                )
            )
        return CancelSynchronizationSuccess(job=SynchronizationJob(run=await jobs.get(run.id) or run))


def run_id(id: str) -> UUID:
    """Raises: InvalidInputError."""
    try:
        return UUID(id)
    except ValueError as error:
        raise InvalidInputError("This is not the id of a run.", argument="id") from error


def no_run(id: str) -> RefusalError:
    return RefusalError(
        ErrorCode.RECORD_NOT_FOUND, f"There is no run {id}.", hint="Look at synchronizationJobs.", argument="id"
    )


async def _couplings(info: Ask, given: Sequence[str]) -> Sequence[Coupling]:
    """As :func:`couplings_named`, of one mapping. Raises: InvalidInputError, RefusalError."""
    couplings = await couplings_named(info, given, argument="couplingIds")
    if len({each.mapping for each in couplings}) > 1:
        raise InvalidInputError("Couplings of one mapping at a time.", argument="couplingIds")
    return couplings


def require_way(mapping: TableMapping, way: SynchronizeWay) -> None:
    """
    Raises:
        RefusalError: the mapping does not write to the side that is to be overwritten.
    """
    if way.to is not None and not mapping.direction.goes_to(way.to):
        raise RefusalError(
            ErrorCode.DIRECTION_NOT_ALLOWED,
            f"The mapping {mapping.name} does not write to {way.to.label}.",
            hint=f"Its data goes the other way: use {SynchronizeWay.GET if way.to is CRM else SynchronizeWay.SEND}.",
            argument="way",
        )


async def after_a_while(info: Ask, run: Run) -> Run:
    """The run as it is when it is over, or when a caller has waited long enough."""
    jobs = info.context.services.run_jobs
    patience = info.context.deadline.remaining * _PATIENCE
    try:
        async with asyncio.timeout(patience):
            await jobs.jobs.wait(job_of(run.id))
    except TimeoutError:
        pass
    return await jobs.get(run.id) or run
