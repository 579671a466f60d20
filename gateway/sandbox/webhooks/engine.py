"""What has to be sent, at its time: one engine for the webhooks of both simulators.

Sources hold what is waiting. The engine asks them what is due, and carries it out beside everything else, a limited
number of deliveries at a time. `running()` does so until it is left; a test moves its clock and calls `work()`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Protocol

import anyio
from anyio import to_thread

_MOST_AT_ONCE = 32

Job = Callable[[], Coroutine[object, object, None]]


class Source(Protocol):
    """Something that wants to send. Called on a worker thread, never twice at the same time."""

    def take(self, now: datetime) -> Sequence[Job]:
        """Hand over what is due; each is handed over once."""
        ...

    def due_at(self) -> datetime | None:
        """When there will be something to take, or None when nothing is waiting."""
        ...


class Engine:
    """Carries out the jobs of its sources. `now` returns aware UTC."""

    def __init__(self, *, now: Callable[[], datetime], most_at_once: int = _MOST_AT_ONCE) -> None:
        self._now = now
        self._most_at_once = most_at_once
        self._sources: list[Source] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    def add(self, source: Source) -> None:
        self._sources.append(source)

    def wake(self) -> None:
        """Something is waiting, or the clock was set. From any thread."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._woken.set)
            except RuntimeError:  # the loop closed in this moment
                return

    async def work(self) -> None:
        """Carry out everything that is due now, and what becomes due by that."""
        while jobs := await to_thread.run_sync(self._take):
            async with anyio.create_task_group() as tasks:
                for job in jobs:
                    tasks.start_soon(job)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work in the background; what is under way when it ends is broken off."""
        async with anyio.create_task_group() as tasks:
            self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
            tasks.start_soon(self._run)
            try:
                yield
            finally:
                self._loop = None
                tasks.cancel_scope.cancel()

    async def _run(self) -> None:
        limiter = anyio.CapacityLimiter(self._most_at_once)
        async with anyio.create_task_group() as tasks:
            while True:
                self._woken.clear()
                for job in await to_thread.run_sync(self._take):
                    tasks.start_soon(self._carry_out, job, limiter)
                with anyio.move_on_after(await to_thread.run_sync(self._pause)):
                    await self._woken.wait()

    async def _carry_out(self, job: Job, limiter: anyio.CapacityLimiter) -> None:
        try:
            async with limiter:
                await job()
        except Exception:
            _LOGGER.exception("A webhook could not be sent.")
        self.wake()

    def _take(self) -> list[Job]:
        now = self._now()
        return [job for source in self._sources for job in source.take(now)]

    def _pause(self) -> float | None:
        """Seconds until something is due; None: until somebody wakes us."""
        times = [due for source in self._sources if (due := source.due_at()) is not None]
        return max((min(times) - self._now()).total_seconds(), 0) if times else None


_LOGGER: Final = logging.getLogger(__name__)
