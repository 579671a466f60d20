"""Couplings while they are watched: whoever watches a mapping is told that pairs were made, moved or ended, by any process.

The history is the truth: lines that are only ever added, numbered. One look for all who watch, and only while somebody does.
Who reads slowly is told of several changes at once, so that a watcher holds three numbers and one line, whatever happens.
"""

import asyncio
import contextvars
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Event, HistoryEntry
from gateway.couplings.coupling import Mapping as Tables
from gateway.telemetry import log

_LATE_SECONDS = 30.0
"""How long a number that is left out is looked for: PostgreSQL gives numbers out before it commits, in any order."""

_MOST_MISSING = 1_000
"""Numbers that are looked for at once; the newest of them."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What happened to couplings of a mapping since it was told last: how often, and the newest change."""

    counts: Mapping[Event, int]
    newest: HistoryEntry


@dataclass(slots=True, eq=False)
class _Watcher:
    """What is to be told next."""

    mapping: Tables
    company_id: UUID
    counts: Counter[Event] = field(default_factory=Counter)
    newest: HistoryEntry | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def see(self, line: HistoryEntry) -> None:
        if (line.mapping, line.company_id) == (self.mapping, self.company_id):
            self.counts[line.event] += 1
            if self.newest is None or line.number > self.newest.number:
                self.newest = line
            self.wake.set()

    def take(self) -> Changed | None:
        counts, newest = self.counts, self.newest
        self.counts, self.newest = Counter(), None
        self.wake.clear()
        return Changed(counts, newest) if newest is not None else None


class CouplingWatches:
    """All that is watched in this process. ``seconds`` is how often it looks."""

    def __init__(
        self, changes: CouplingChanges, *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._changes = changes
        self._seconds = seconds
        self._clock = clock
        self._watchers = set[_Watcher]()
        self._high = 0
        self._missing: dict[int, float] = {}
        self._reading = asyncio.Lock()
        self._wake = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def watchers(self) -> int:
        """How many there are."""
        return len(self._watchers)

    async def of(self, mapping: Tables, company_id: UUID) -> AsyncGenerator[Changed, None]:
        """What happens from now on; it ends when the gateway stops.

        Raises:
            DatabaseError: the history cannot be read for the first time. Later, reading is tried again until it succeeds.
        """
        async with self._watching(_Watcher(mapping, company_id)) as watcher:
            while not self._ended:
                changed = watcher.take()
                if changed is not None:
                    yield changed
                else:
                    await watcher.wake.wait()

    async def close(self) -> None:
        """Nothing is watched any more."""
        self._ended = True
        for each in self._watchers:
            each.wake.set()
        self._wake.set()
        if self._looking is not None:
            await asyncio.wait([self._looking])

    @asynccontextmanager
    async def _watching(self, watcher: _Watcher) -> AsyncIterator[_Watcher]:
        async with self._reading:
            if not self._watchers:
                await self._begin()
            self._watchers.add(watcher)
        if self._looking is None or self._looking.done():
            self._wake.clear()
            self._looking = asyncio.create_task(self._look_after(), context=contextvars.Context())
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._wake.set()

    async def _begin(self) -> None:
        """Where the history ends now. Numbers left out shortly before may belong to what is not committed yet."""
        self._high, self._missing = max(await self._changes.last_line() - _MOST_MISSING, 0), {}
        await self._look()

    async def _look_after(self) -> None:
        """As long as somebody watches. A database that is away is looked at again, and told of once."""
        is_away = False
        while self._watchers and not self._ended:
            try:
                async with self._reading:
                    await self._look()
                is_away = False
            except Exception:  # whatever it was, the next look may be luckier
                if not is_away:
                    log.exception("couplings.not_seen")
                is_away = True
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _look(self) -> None:
        self._tell(await self._changes.lines(list(self._missing)))
        while lines := await self._changes.lines_after(self._high):
            self._tell(lines)
        now = self._clock()
        kept = {number: since for number, since in self._missing.items() if now - since < _LATE_SECONDS}
        self._missing = dict(list(kept.items())[-_MOST_MISSING:])

    def _tell(self, lines: Iterable[HistoryEntry]) -> None:
        now = self._clock()
        for line in lines:
            first = max(self._high + 1, line.number - _MOST_MISSING)
            self._missing |= dict.fromkeys(range(first, line.number), now)
            self._missing.pop(line.number, None)
            self._high = max(self._high, line.number)
            for each in self._watchers:
                each.see(line)
