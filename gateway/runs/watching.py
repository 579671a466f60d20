"""Runs while they are watched: whoever watches one is told each time it changed, whichever process carries it out.

The job log is the truth. Of what this process writes there it learns at once; what others write it finds by looking, once for
all runs that are watched, and only while somebody watches. A watcher holds one run, the newest, however slow it is.
"""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from gateway.runs.run import Run
from gateway.runs.run_jobs import RunJobs
from gateway.telemetry import log


@dataclass(slots=True)
class _Watched:
    """A run as it was last seen; None: it is not there any more. ``changed`` is set, and replaced, when it is seen otherwise."""

    run: Run | None = None
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, run: Run | None) -> None:
        if run != self.run:
            self.run = run
            self.tell()

    def tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class RunWatches:
    """All that is watched in this process. ``seconds`` is how often it looks for what other processes wrote."""

    def __init__(self, jobs: RunJobs, *, seconds: float) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._watched: dict[UUID, _Watched] = {}
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._ended = False
        jobs.runs.listeners.append(self._written)

    @property
    def watchers(self) -> int:
        """How many there are."""
        return sum(each.watchers for each in self._watched.values())

    async def of(self, run_id: UUID) -> AsyncGenerator[Run, None]:
        """The run as it is now, then as it is after each change until its end, which is the last.

        It ends without having reached the end of the run when the run is not there (any more), or when the gateway stops.

        Raises:
            DatabaseError: it cannot be read for the first time. Later, reading is tried again until it succeeds.
        """
        with self._watching(run_id) as watched:
            await self._read([run_id])
            shown: Run | None = None
            while not self._ended:
                changed, run = watched.changed, watched.run
                if run is None:
                    return
                if run != shown:
                    yield run
                    shown = run
                    if run.state.is_final:
                        return
                    continue  # it may have changed while this one was told
                await changed.wait()

    async def close(self) -> None:
        """Nothing is watched any more."""
        self._ended = True
        for watched in self._watched.values():
            watched.tell()
        self._wake.set()
        if self._looking is not None:
            await asyncio.wait([self._looking])

    @contextmanager
    def _watching(self, run_id: UUID) -> Iterator[_Watched]:
        watched = self._watched.setdefault(run_id, _Watched())
        watched.watchers += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_after(), context=contextvars.Context())
        try:
            yield watched
        finally:
            watched.watchers -= 1
            if watched.watchers == 0:
                del self._watched[run_id]
            if not self._watched:
                self._wake.set()

    def _written(self, run_id: UUID) -> None:
        """This process has just changed a run."""
        if run_id in self._watched:
            self._wake.set()

    async def _look_after(self) -> None:
        """As long as somebody watches. A database that is away is looked at again, and told of once."""
        is_away = False
        while self._watched and not self._ended:
            try:
                if not await self._woken():
                    await self._end_the_dead()
                await self._read(list(self._watched))
                is_away = False
            except Exception:  # whatever it was, the next look may be luckier
                if not is_away:
                    log.exception("runs.not_seen")
                is_away = True

    async def _woken(self) -> bool:
        """Whether something was written here; False when it is time to look without that."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def _end_the_dead(self) -> None:
        """A job that was cancelled or killed could not say so in the job log."""
        open_runs = [each.run.id for each in self._watched.values() if each.run is not None]
        for run_id in await self._jobs.dead(open_runs):
            await self._jobs.get(run_id)

    async def _read(self, run_ids: list[UUID]) -> None:
        """One after another: what was read earlier never replaces what was read later."""
        async with self._reading:
            found = await self._jobs.runs.get_many(run_ids)
            for run_id in run_ids:
                if (watched := self._watched.get(run_id)) is not None:
                    watched.see(found.get(run_id))
