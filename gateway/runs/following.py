"""All runs of a company while they are followed: those that are under way, those that begin, and every change of them.

The job log is the truth, as for single runs (:mod:`gateway.runs.watching`): of what this process writes there it learns at once,
of what others write by one look for all who follow, and only while somebody does. Who reads slowly gets each run as it is last.
"""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.couplings.coupling import Mapping
from gateway.runs.run import Run
from gateway.runs.store import RunStore
from gateway.telemetry import log

_OVERLAP = timedelta(minutes=1)
"""So far back a look goes: clocks of processes differ, and commits take their time."""

_MOST = 200
"""Runs that are looked at together, and that wait to be told to one who reads slowly; the newest of them."""


@dataclass(slots=True, eq=False)
class _Follower:
    """Whom to tell of which runs, and what is to be told next, by run."""

    company_id: UUID
    mapping: Mapping | None
    waiting: dict[UUID, Run] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, run: Run) -> None:
        if run.company_id == self.company_id and self.mapping in (None, run.mapping):
            self.waiting[run.id] = run
            while len(self.waiting) > _MOST:
                del self.waiting[next(iter(self.waiting))]
            self.wake.set()

    def take(self) -> list[Run]:
        runs, self.waiting = list(self.waiting.values()), {}
        self.wake.clear()
        return runs


class RunFollowing:
    """All who follow in this process. ``seconds`` is how often it looks for what other processes wrote."""

    def __init__(self, runs: RunStore, *, seconds: float) -> None:
        self._runs = runs
        self._seconds = seconds
        self._followers: set[_Follower] = set()
        self._seen: dict[UUID, dict[UUID, Run]] = {}
        self._wake = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._ended = False
        runs.listeners.append(self._written)

    @property
    def followers(self) -> int:
        """How many there are."""
        return len(self._followers)

    async def of(self, company_id: UUID, mapping: Mapping | None) -> AsyncGenerator[Run, None]:
        """Runs that are under way now, then each run that begins or changed. It ends when the gateway stops.

        Raises:
            DatabaseError: the job log cannot be read for the first time. Later, reading is tried again until it succeeds.
        """
        async with self._following(company_id, mapping) as follower:
            while not self._ended:
                runs = follower.take()
                for run in runs:
                    yield run
                if not runs:
                    await follower.wake.wait()

    async def close(self) -> None:
        """Nothing is followed any more."""
        self._ended = True
        for follower in self._followers:
            follower.wake.set()
        self._wake.set()
        if self._looking is not None:
            await asyncio.wait([self._looking])

    @asynccontextmanager
    async def _following(self, company_id: UUID, mapping: Mapping | None) -> AsyncIterator[_Follower]:
        follower = _Follower(company_id, mapping)
        async with self._lock:
            before = self._seen.get(company_id)
            now = await self._read(company_id)
            self._seen.setdefault(company_id, now)
            for run in (before or now).values():
                if not run.state.is_final:
                    follower.see(run)
            self._followers.add(follower)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_after(), context=contextvars.Context())
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            if not self._followers:
                self._wake.set()

    def _written(self, run_id: UUID) -> None:
        """This process has just changed a run."""
        if self._followers:
            self._wake.set()

    async def _look_after(self) -> None:
        """As long as somebody follows. A database that is away is looked at again, and told of once."""
        is_away = False
        while self._followers and not self._ended:
            await self._pause()
            try:
                async with self._lock:
                    await self._look()
                is_away = False
            except Exception:  # whatever it was, the next look may be luckier
                if not is_away:
                    log.exception("runs.not_followed")
                is_away = True
        if not self._followers:
            self._seen.clear()

    async def _look(self) -> None:
        companies = {each.company_id for each in self._followers}
        self._seen = {company: seen for company, seen in self._seen.items() if company in companies}
        for company in companies:
            before, now = self._seen.get(company, {}), await self._read(company)
            self._seen[company] = now
            for run in now.values():
                if run != before.get(run.id):
                    for follower in self._followers:
                        follower.see(run)

    async def _read(self, company_id: UUID) -> dict[UUID, Run]:
        runs = await self._runs.lively(company_id, since=datetime.now(UTC) - _OVERLAP, limit=_MOST)
        return {each.id: each for each in runs}

    async def _pause(self) -> None:
        """Until something was written here, or it is time to look without that."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
