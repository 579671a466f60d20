"""Schedules: what is begun by itself, when, and whether it runs as it should."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.triggers.schedules import Shown
from schema.access import ADMINISTRATORS, READERS, seen_by
from schema.context import Context
from schema.enums import Mapping
from schema.schedule_enums import ScheduleOverdueReason, ScheduleTask
from schema.types.synchronization import SynchronizationJob
from schema.types.user_error import UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."


@seen_by(READERS)
@strawberry.type(description="What is begun by itself every so many minutes.")
class SynchronizationSchedule:
    shown: strawberry.Private[Shown]

    @strawberry.field(description="What it begins.")
    def task(self) -> ScheduleTask:
        return self.shown.schedule.key.task

    @strawberry.field(description="Which tables it is about.")
    def mapping(self) -> Mapping:
        return self.shown.schedule.key.mapping

    @strawberry.field(description="SystemId of the Business Central company.")
    def company(self) -> UUID:
        return self.shown.schedule.key.company_id

    @strawberry.field(description="Whether it begins anything.")
    def enabled(self) -> bool:
        return self.shown.enabled

    @strawberry.field(description="How often, in minutes.")
    def every_minutes(self) -> int:
        return int(self.shown.every / timedelta(minutes=1))

    @strawberry.field(description="Whether somebody changed it; otherwise it is as by default.")
    def changed(self) -> bool:
        return self.shown.is_changed

    @strawberry.field(description="When somebody last changed it, or took that back.")
    def changed_at(self) -> datetime | None:
        return self.shown.schedule.changed_at

    @strawberry.field(description="Who that was.")
    def changed_by(self) -> str | None:
        return self.shown.schedule.changed_by

    @strawberry.field(
        description="When it begins next; null when it is not enabled, or before a process that carries out schedules has "
        "looked at it."
    )
    def next_due_at(self) -> datetime | None:
        return self.shown.schedule.next_due if self.shown.enabled else None

    @strawberry.field(description="When it last began a run.")
    def last_begun_at(self) -> datetime | None:
        return self.shown.schedule.last_begun

    @strawberry.field(description="The newest run of this kind over these tables, whoever began it.")
    async def last_job(self, info: Info[Context, Any]) -> SynchronizationJob | None:
        if self.shown.last is None:
            return None
        run = await info.context.services.run_jobs.get(self.shown.last.run_id)
        return SynchronizationJob(run=run) if run is not None else None

    @strawberry.field(description="When a run of this kind last came to its end, whoever began it.")
    def last_succeeded_at(self) -> datetime | None:
        return self.shown.last.succeeded_at if self.shown.last is not None else None

    @strawberry.field(description="Whether it should have run and did not.")
    def overdue(self) -> bool:
        return self.shown.overdue is not None

    @strawberry.field(description="Since when.")
    def overdue_since(self) -> datetime | None:
        return self.shown.overdue.since if self.shown.overdue is not None else None

    @strawberry.field(description="Why.")
    def reason(self) -> ScheduleOverdueReason | None:
        return self.shown.overdue.reason if self.shown.overdue is not None else None

    @strawberry.field(description="What to do about it.")
    def hint(self) -> str | None:
        return self.shown.overdue.hint if self.shown.overdue is not None else None


@strawberry.input(description="What is to be changed of a schedule; what is left out stays as it is.")
class UpdateScheduleInput:
    task: ScheduleTask = strawberry.field(default=ScheduleTask.SYNCHRONIZE, description="What it begins.")
    mapping: Mapping | None = strawberry.field(
        default=None, description="Which tables; may be left out for STATISTICS and STOCK."
    )
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)
    every_minutes: int | None = strawberry.field(
        default=None, description="How often, from 1 minute to 10080, which is a week."
    )
    enabled: bool | None = strawberry.field(default=None, description="Whether it begins anything.")
    reset: bool = strawberry.field(default=False, description="First everything as by default.")


@strawberry.input(description="What is to be begun now.")
class RunScheduleInput:
    task: ScheduleTask = strawberry.field(default=ScheduleTask.SYNCHRONIZE, description="What a schedule begins.")
    mapping: Mapping | None = strawberry.field(
        default=None, description="Which tables; may be left out for STATISTICS and STOCK."
    )
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The schedule was changed.")
class UpdateScheduleSuccess:
    schedule: SynchronizationSchedule = strawberry.field(description="The schedule, as it is now.")


UpdateSchedulePayload = Annotated[
    UpdateScheduleSuccess | UserError,
    strawberry.union("UpdateSchedulePayload", description="What came of `updateSchedule`."),
]
