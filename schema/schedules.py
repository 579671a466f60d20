"""The root fields of schedules."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError, RefusalError
from gateway.triggers.schedule import checked, key_for
from gateway.triggers.schedules import Wish
from schema.context import Context
from schema.fields import ADMINISTRATORS, READERS, declared
from schema.selection import selection_of
from schema.types.schedule import (
    RunScheduleInput,
    SynchronizationSchedule,
    UpdateScheduleInput,
    UpdateSchedulePayload,
    UpdateScheduleSuccess,
)
from schema.types.synchronization import SynchronizationJob, SynchronizationStarted, SynchronizePayload
from schema.types.user_error import UserError

Ask = Info[Context, Any]
COMPANY = strawberry.argument(description="SystemId of the Business Central company; the configured one by default.")


@strawberry.type
class ScheduleQueries:
    @strawberry.field(
        description="All that is begun by itself in a company: how often, when next, how it went, and what should have run "
        "and did not.",
        metadata=declared(READERS),
    )
    async def synchronization_schedules(
        self, info: Ask, company: Annotated[UUID | None, COMPANY] = None
    ) -> list[SynchronizationSchedule] | None:
        selection_of(info)
        services = info.context.services
        found = await services.schedules.all(company or services.company)
        return [SynchronizationSchedule(shown=each) for each in found]


@strawberry.type
class ScheduleMutations:
    @strawberry.field(
        description="Change how often something is begun, or whether it is. What has waited longer than the new interval is "
        "begun at once.",
        metadata=declared(ADMINISTRATORS),
    )
    async def update_schedule(
        self, info: Ask, input: Annotated[UpdateScheduleInput, strawberry.argument(description="What.")]
    ) -> UpdateSchedulePayload | None:
        selection_of(info)
        services = info.context.services
        try:
            key = key_for(input.task, input.mapping, input.company or services.company)
            await services.run_jobs.settings.of(key.mapping, key.company_id)
            every = checked(input.every_minutes) if input.every_minutes is not None else None
        except InvalidInputError as error:
            return UserError.of(error)
        wish = Wish(every, input.enabled, input.reset)
        changed = await services.schedules.change(key, wish, info.context.caller.name)
        return UpdateScheduleSuccess(schedule=SynchronizationSchedule(shown=changed))

    @strawberry.field(
        description="Begin now what a schedule begins, whether it is enabled or not. A job, see `synchronizationJob`.",
        metadata=declared(ADMINISTRATORS),
    )
    async def run_schedule(
        self, info: Ask, input: Annotated[RunScheduleInput, strawberry.argument(description="What.")]
    ) -> SynchronizePayload | None:
        selection_of(info)
        services = info.context.services
        try:
            key = key_for(input.task, input.mapping, input.company or services.company)
            (await services.run_jobs.settings.of(key.mapping, key.company_id)).require_enabled()
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        run = await services.run_jobs.soon(key.task.kind, key.mapping, key.company_id, info.context.caller.name)
        return SynchronizationStarted(job=SynchronizationJob(run=run))
