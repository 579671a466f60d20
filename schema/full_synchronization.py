"""The root fields of full runs, a few lines each."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError, RefusalError
from gateway.runs.counting import facts_of
from gateway.runs.review import review
from schema.context import Context
from schema.fields import ADMINISTRATORS, declared
from schema.selection import selection_of
from schema.synchronization import after_a_while, require_way
from schema.types.full_synchronization import (
    FullSynchronizationReviewLine,
    FullSynchronizationStarted,
    StartFullSynchronizationInput,
    StartFullSynchronizationPayload,
)
from schema.types.synchronization import SynchronizationJob
from schema.types.user_error import UserError

Ask = Info[Context, Any]


COMPANY = strawberry.argument(description="SystemId of the Business Central company; the configured one by default.")


@strawberry.type
class FullSynchronizationQueries:
    @strawberry.field(
        description="What full runs would meet, in the order of the dependencies: a line for each mapping and direction, with "
        "how many records nobody coupled, and what is best done. Nothing is done.",
        metadata=declared(ADMINISTRATORS),
    )
    async def full_synchronization_review(
        self, info: Ask, company: Annotated[UUID | None, COMPANY] = None
    ) -> list[FullSynchronizationReviewLine] | None:
        selection_of(info)
        services = info.context.services
        where, jobs = company or services.company, services.run_jobs
        last = await jobs.last_full(where)
        mappings = [each.mapping for each in (await jobs.settings.all(where)).values() if each.enabled]
        lines = review(await facts_of(info.context.desk(where), mappings, last))
        return [FullSynchronizationReviewLine.of(each, last.get(each.facts.mapping.mapping)) for each in lines]


@strawberry.type
class FullSynchronizationMutations:
    @strawberry.field(
        description="Look at every record of a mapping, or of all, whatever changed: coupled records are compared and brought "
        "into line, and partners are made for the others where that is asked for. One full run of a mapping at a time. When one "
        "of several fails, those that refer to its records fail, too, and the others go on.",
        metadata=declared(ADMINISTRATORS),
    )
    async def start_full_synchronization(
        self, info: Ask, input: Annotated[StartFullSynchronizationInput, strawberry.argument(description="Of what.")]
    ) -> StartFullSynchronizationPayload | None:
        selection_of(info)
        services = info.context.services
        company = input.company or services.company
        configured = await services.run_jobs.settings.all(company)
        try:
            if input.mapping is None:
                wanted = [each.mapping for each in configured.values() if each.enabled]
            else:
                services.require_filled(input.mapping)
                configured[input.mapping].require_enabled()
                wanted = [configured[input.mapping].mapping]
                require_way(wanted[0], input.way)
            begin = services.run_jobs.planned_full if input.dry_run else services.run_jobs.full
            runs = await begin(
                wanted,
                company,
                info.context.caller.name,
                input.way,
                only_coupled=input.only_coupled,
            )
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        if input.dry_run:
            runs[0] = await after_a_while(info, runs[0])
        return FullSynchronizationStarted(jobs=[SynchronizationJob(run=each) for each in runs])
