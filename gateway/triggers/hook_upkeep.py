"""Registrations are looked after: made, renewed before they expire, made again when a backend dropped them, taken back.

A look costs nothing while nothing is due: then it reads our own tables and asks no backend. Once an hour what is registered is
compared with what there is. One process at a time looks after a backend. What a backend refuses stops nothing: it is told to
administrators, logged once, and tried again after one minute, then two, then four, up to an hour.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from json import dumps

from gateway.clients.call import Call, Deadline
from gateway.errors import GatewayError
from gateway.records import Backend
from gateway.telemetry import log
from gateway.triggers.hook_store import HookStore, Upkeep
from gateway.triggers.hook_watch import Watch
from gateway.triggers.hook_watching import Watching
from gateway.triggers.hooks_business_central import BusinessCentralHooks
from gateway.triggers.hooks_dataverse import DataverseHooks
from gateway.triggers.notices import HookPace, Notices

LISTING = timedelta(hours=1)
_HELD = timedelta(seconds=120)
_SECONDS = 90.0
"""How long one look at a backend may take; less than it is held."""

_MOST_DOUBLINGS = 6


class HookUpkeep:
    """``on`` is whether we want to be told; when not, what was registered earlier is taken back."""

    def __init__(
        self,
        store: HookStore,
        watching: Watching,
        notices: Notices,
        business_central: BusinessCentralHooks,
        dataverse: DataverseHooks,
        *,
        on: bool,
        pace: HookPace,
    ) -> None:
        self._store = store
        self._watching = watching
        self._notices = notices
        self._business_central = business_central
        self._dataverse = dataverse
        self._on = on
        self._pace = pace
        self._looking = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Look every few minutes until somebody says stop."""
        while not stop.is_set():
            try:
                await self.look()
            except GatewayError as error:
                log.warning("hooks.not_looked_at", code=str(error.code))
            except Exception:  # nobody waits for this task
                log.exception("hooks.upkeep_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.look_seconds):
                    await stop.wait()

    async def look(self) -> None:
        """Raises: DatabaseError."""
        async with self._looking:
            await self._notices.recover()
            watch = await self._watching.refresh() if self._on else Watch()
            for backend in Backend:
                await self._look(backend, watch)

    async def _look(self, backend: Backend, watch: Watch) -> None:
        wanted = self._wanted(watch)[backend]
        mark = (
            sha256(dumps([self._root(backend), _plain(wanted)], sort_keys=True).encode()).hexdigest() if wanted else ""
        )
        if not self._is_due(await self._store.upkeep(backend), mark):
            return
        now = self._pace.now()
        until = now + _HELD
        if not await self._store.hold(backend, now=now, until=until):
            return
        state = await self._store.upkeep(backend)
        try:
            if self._is_due(state, mark):  # nobody else has just done it
                state = await self._looked_after(state, watch, wanted=mark, now=now)
        finally:
            await self._store.let_go(state, held_until=until)

    def _is_due(self, state: Upkeep, mark: str) -> bool:
        """Where nothing is wanted and nothing was, there is nothing to look at."""
        if not mark and not state.wanted and not state.attempts:
            return False
        return state.wanted != mark or self._pace.now() >= state.due_at

    async def _looked_after(self, before: Upkeep, watch: Watch, *, wanted: str, now: datetime) -> Upkeep:
        backend, call = before.backend, Call(Deadline.after(_SECONDS), f"hooks-{before.backend.lower()}")
        ends: datetime | None = None
        try:
            if backend is Backend.BUSINESS_CENTRAL:
                ends = await self._business_central.look(_resources(watch), now=now, call=call)
            else:
                await self._dataverse.look(watch.attributes, call=call)
        except GatewayError as error:
            if (before.error_code, before.message) != (str(error.code), error.message):
                log.warning("hooks.refused", backend=backend, code=str(error.code), message=error.message)
            again = now + timedelta(minutes=2 ** min(before.attempts, _MOST_DOUBLINGS))
            return Upkeep(
                backend, min(again, now + LISTING), wanted, before.attempts + 1, str(error.code), error.message
            )
        if before.wanted != wanted or before.error_code is not None:
            log.info("hooks.registered" if wanted else "hooks.taken_back", backend=backend)
        return Upkeep(backend, min(filter(None, (ends, now + LISTING))), wanted)

    def _wanted(self, watch: Watch) -> Mapping[Backend, Collection[str] | Mapping[str, Collection[str]]]:
        return {Backend.BUSINESS_CENTRAL: _resources(watch), Backend.DATAVERSE: watch.attributes}

    def _root(self, backend: Backend) -> str:
        return (self._business_central if backend is Backend.BUSINESS_CENTRAL else self._dataverse).root


def _resources(watch: Watch) -> list[str]:
    return [f"companies({company})/{name}" for company, name in watch.sets]


def _plain(wanted: Collection[str] | Mapping[str, Collection[str]]) -> object:
    return {name: sorted(each) for name, each in wanted.items()} if isinstance(wanted, Mapping) else sorted(wanted)
