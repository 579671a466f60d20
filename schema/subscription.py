"""The root fields that go on answering, a few lines each.

What keeps a subscription from beginning is settled before its first event: the resolvers are coroutines that give an
asynchronous generator, so a refusal is an error of the operation and not an event.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.couplings.watching import Changed
from gateway.errors import BackendError
from gateway.telemetry import log
from schema.context import Context
from schema.enums import Mapping
from schema.fields import ADMINISTRATORS, READERS, declared
from schema.selection import selection_of
from schema.synchronization import COMPANY, JOB_ID, no_run, run_id
from schema.types.couplings_changed import CouplingsChanged
from schema.types.synchronization import SynchronizationJob

Ask = Info[Context, Any]


@strawberry.type(description="What can be watched: over a WebSocket (graphql-transport-ws), or as an event stream.")
class Subscription:
    @strawberry.subscription(
        description="A run of synchronization: as it is now, then each time something of it changed, until it has come "
        "to its end. Who reads slowly gets the newest state, not every one.",
        metadata=declared(READERS),
    )
    async def synchronization_job(
        self, info: Ask, id: Annotated[strawberry.ID, JOB_ID]
    ) -> AsyncGenerator[SynchronizationJob, None]:
        selection_of(info)
        run = await info.context.services.run_jobs.get(run_id(id))
        if run is None:
            raise no_run(id)
        return _job(info.context, run.id)

    @strawberry.subscription(
        description="All runs of a company: those that are under way, then each one that begins or changed, whoever began it "
        "and whichever process carries it out. Who reads slowly gets the newest state of each.",
        metadata=declared(READERS),
    )
    async def synchronization_jobs(
        self,
        info: Ask,
        mapping: Annotated[Mapping | None, strawberry.argument(description="Only of these tables.")] = None,
        company: Annotated[UUID | None, COMPANY] = None,
    ) -> AsyncGenerator[SynchronizationJob, None]:
        selection_of(info)
        info.context.services.require_filled(mapping)
        return _jobs(info.context, mapping, company or info.context.services.company)

    @strawberry.subscription(
        description="Couplings of a mapping that are made, moved or ended from now on, by anybody and in any process. Changes "
        "that come close together are one event.",
        metadata=declared(ADMINISTRATORS),
    )
    async def coupling_changed(
        self,
        info: Ask,
        mapping: Annotated[Mapping, strawberry.argument(description="Of which tables.")],
        company: Annotated[UUID | None, COMPANY] = None,
    ) -> AsyncGenerator[CouplingsChanged, None]:
        selection_of(info)
        info.context.services.require_filled(mapping)
        return _couplings(info.context, mapping, company or info.context.services.company)


async def _job(context: Context, id: UUID) -> AsyncGenerator[SynchronizationJob, None]:
    async with aclosing(context.services.run_watches.of(id)) as runs:
        async for run in runs:
            context.renew()
            yield SynchronizationJob(run=run)


async def _jobs(context: Context, mapping: Any, company: UUID) -> AsyncGenerator[SynchronizationJob, None]:
    async with aclosing(context.services.run_following.of(company, mapping)) as runs:
        async for run in runs:
            context.renew()
            yield SynchronizationJob(run=run)


async def _couplings(context: Context, mapping: Any, company: UUID) -> AsyncGenerator[CouplingsChanged, None]:
    async with aclosing(context.services.coupling_watches.of(mapping, company)) as changes:
        async for changed in changes:
            context.renew()
            yield CouplingsChanged.of(changed, is_seen=await _is_seen(context, changed, mapping, company))


async def _is_seen(context: Context, changed: Changed, mapping: Any, company: UUID) -> bool:
    """Whether the caller may see both records of the newest change; not, when that is not known."""
    try:
        return bool(await context.details.seen([changed.newest], mapping, company))
    except BackendError as error:
        log.info("what a watcher may see is not known", code=error.code)
        return False
