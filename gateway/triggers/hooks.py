"""Webhooks of both systems as one thing: what is received, what it starts, what is registered for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.dataverse import DataverseClient
from gateway.clients.subscriptions import Subscriptions
from gateway.connection import Check, CheckCode
from gateway.couplings.store import CouplingStore
from gateway.errors import DatabaseError, ErrorCode
from gateway.records import Backend
from gateway.runs.run_jobs import RunJobs
from gateway.triggers.hook_reception import Reception
from gateway.triggers.hook_store import HookStore
from gateway.triggers.hook_upkeep import HookUpkeep
from gateway.triggers.hook_watching import Watching
from gateway.triggers.hooks_business_central import BusinessCentralHooks
from gateway.triggers.hooks_dataverse import DataverseHooks
from gateway.triggers.notices import HookPace, Notices

PATHS = {Backend.BUSINESS_CENTRAL: "/hooks/business-central/", Backend.DATAVERSE: "/hooks/dataverse/"}
"""Below the public address; the id of the registration follows."""

_GRACE_SECONDS = 5.0
"""How long a look under way may take when the application ends. What is broken off is found again by the next process."""

_CODES = {
    Backend.BUSINESS_CENTRAL: CheckCode.WEBHOOKS_BUSINESS_CENTRAL,
    Backend.DATAVERSE: CheckCode.WEBHOOKS_DATAVERSE,
}


@dataclass(frozen=True, slots=True)
class Hooks:
    """``on`` is whether we want to be told."""

    on: bool
    store: HookStore
    reception: Reception
    notices: Notices
    upkeep: HookUpkeep

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Registrations are looked after, and runs begin, while it is entered."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self.notices.run(stop)), asyncio.create_task(self.upkeep.run(stop))]
        try:
            yield
        finally:
            stop.set()
            self.notices.wake()
            _, late = await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def checks(self) -> list[Check]:
        """Whether both systems tell us of changes, as it was the last time somebody looked; none when they are not to."""
        return [await self._check(backend) for backend in Backend] if self.on else []

    async def _check(self, backend: Backend) -> Check:
        code, label = _CODES[backend], backend.label
        try:
            state = await self.store.upkeep(backend)
        except DatabaseError as error:
            return Check(code, False, f"Not known: {error.message}", "Look again when the database can be used.")
        if state.error_code is not None:
            hint = _HINTS.get((backend, ErrorCode(state.error_code)), _OTHERWISE)
            return Check(code, False, f"{label} does not tell us of all changes: {state.message}", hint)
        if not state.wanted:
            return Check(code, False, f"{label} was not asked yet to tell us of changes.", "Look again in a minute.")
        return Check(code, True, f"{label} tells us of changes.")


_HINTS: dict[tuple[Backend, str], str] = {
    (
        Backend.BUSINESS_CENTRAL,
        ErrorCode.BACKEND_REJECTED,
    ): "Check that GATEWAY_PUBLIC_URL leads here from the internet: "
    "Business Central asks there whether we want to be told. It is tried again by itself.",
    (
        Backend.BUSINESS_CENTRAL,
        ErrorCode.BACKEND_REFUSED,
    ): "Give our application permission to the tables of all mappings and "
    "to webhook subscriptions. It is tried again by itself.",
    (
        Backend.DATAVERSE,
        ErrorCode.BACKEND_REFUSED,
    ): "Give our application user a security role that may create, read, write and "
    "delete Service Endpoint and Sdk Message Processing Step in the whole organization. It is tried again by itself.",
}
_OTHERWISE = "It is tried again by itself. Until then changes are found by the next run, whatever begins it."


def hooks_of(
    engine: AsyncEngine,
    business_central: BusinessCentralClient,
    dataverse: DataverseClient,
    runs: RunJobs,
    *,
    public_url: str | None,
    on: bool,
    company: UUID,
    pace: HookPace | None,
) -> Hooks:
    """Webhooks that are told to ``public_url``; without one, or when they are off, there are none."""
    pace, store = pace or HookPace(), HookStore(engine)
    watching = Watching(runs.settings, store, company)
    notices = Notices(CouplingStore(engine), runs, pace)
    roots = {backend: f"{public_url or ''}{path}" for backend, path in PATHS.items()}
    upkeep = HookUpkeep(
        store,
        watching,
        notices,
        BusinessCentralHooks(Subscriptions(business_central), store, roots[Backend.BUSINESS_CENTRAL]),
        DataverseHooks(dataverse, store, roots[Backend.DATAVERSE]),
        on=on and public_url is not None,
        pace=pace,
    )
    reception = Reception(store, watching, notices)
    return Hooks(on and public_url is not None, store, reception, notices, upkeep)
