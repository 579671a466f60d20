"""Schedules as they are, with their runs; changed by administrators; begun when they are due, by one of any number of processes.

The rhythm is our own table and not the engine's: see docs/adr/0018. A process that is gone between claiming a schedule and
beginning its run leaves a claim that runs out; the next look begins what it left.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.errors import GatewayError
from gateway.noted import Change as Noted
from gateway.noted import note
from gateway.runs.configured import Configured
from gateway.runs.retention import RunRetention
from gateway.runs.run import Run
from gateway.runs.run_jobs import RunJobs
from gateway.telemetry import log
from gateway.triggers.run_history import RunHistory
from gateway.triggers.schedule import (
    BY,
    Key,
    Schedule,
    default_of,
    due_after_change,
    first_due,
    following,
    keys_of,
)
from gateway.triggers.schedule_store import Change, ScheduleStore
from gateway.triggers.silence import Last, Overdue, Silence, Watched, is_tried_again, news, overdue

_CLAIM = timedelta(minutes=2)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_MEMORY = timedelta(seconds=60)
"""How long what is overdue is taken to be so."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Shown:
    """A schedule with what holds for it now, and whether it runs as it should."""

    schedule: Schedule
    enabled: bool
    watched: Watched
    overdue: Overdue | None
    """None also for one that is not enabled."""

    @property
    def every(self) -> timedelta:
        return self.watched.every

    @property
    def last(self) -> Last | None:
        """The newest of its runs, whoever began it."""
        return self.watched.last

    @property
    def is_changed(self) -> bool:
        return self.schedule.every is not None or self.schedule.enabled is not None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed of a schedule; None stays as it is. ``reset``: first everything as by default."""

    every: timedelta | None = None
    enabled: bool | None = None
    reset: bool = False


@dataclass(slots=True)
class Schedules:
    """All methods raise DatabaseError when a database cannot be used. ``company`` is the configured one."""

    store: ScheduleStore
    history: RunHistory
    runs: RunJobs
    company: UUID
    zone: ZoneInfo
    retention: RunRetention
    clock: Callable[[], datetime] = _now
    _silent: dict[Key, Silence] = field(default_factory=dict)
    _looked: tuple[datetime, dict[Key, Overdue]] | None = None
    _looked_after: datetime | None = None
    _cleared: datetime | None = None

    async def all(self, company: UUID) -> list[Shown]:
        """All that there can be in a company, in the order in which they are begun."""
        known, past, now = await self.store.of(company), await self.history.of(company), self.clock()
        configured = await self.runs.settings.all(company)
        shown = []
        for key in keys_of(company, configured):
            schedule = known.get(key, Schedule(key))
            every, enabled = self._as_it_is(schedule, configured[key.mapping])
            last = past.last.get((key.task.kind, key.mapping))
            watched = Watched(every, schedule.next_due, last, past.busy.get(key.mapping))
            shown.append(Shown(schedule, enabled, watched, overdue(watched, now) if enabled else None))
        return shown

    async def change(self, key: Key, wish: Wish, by: str) -> Shown:
        """The schedule as it is then. ``key`` is one of those there can be."""
        now, before = self.clock(), await self.store.get(key) or Schedule(key)
        was = (before.every, before.enabled) if not wish.reset else (None, None)
        default = default_of(key, configured_company=self.company)
        every = wish.every if wish.every is not None else was[0]
        enabled = wish.enabled if wish.enabled is not None else was[1]
        due = due_after_change(before.last_begun, every or default.every, now)
        await self.store.change(key, Change(every, enabled, due, now, by))
        what = {"task": key.task, "mapping": key.mapping, "company": key.company_id}
        note(Noted("SCHEDULE", "CHANGED", what, _decided(before.every, before.enabled), _decided(every, enabled)))
        return next(each for each in await self.all(key.company_id) if each.schedule.key == key)

    def _as_it_is(self, schedule: Schedule, configured: Configured) -> tuple[timedelta, bool]:
        """How often, and whether it begins anything: nothing of a mapping that is switched off."""
        default = default_of(schedule.key, configured_company=self.company)
        every = schedule.every if schedule.every is not None else default.every
        enabled = schedule.enabled if schedule.enabled is not None else default.enabled
        return every, enabled and configured.enabled

    async def prepare(self) -> None:
        """Schedules that nobody looked at before get their first moment."""
        now, due = self.clock(), {}
        for key in keys_of(self.company, self.runs.settings.shipped):
            default = default_of(key, configured_company=self.company)
            due[key] = first_due(key, default.every, now, self.zone)
        await self.store.add_missing(due)

    async def tick(self) -> list[Run]:
        """Begin what is due now. However long nobody looked, each schedule begins one run."""
        now, begun = self.clock(), []
        for schedule in await self.store.due(now):
            if schedule.enabled is None and schedule.key.company_id != self.company:
                continue  # by default it is the business of a process that is configured for that company
            if schedule.key.mapping not in self.runs.settings.shipped:
                continue  # a place of the installation's own that is filled no more
            configured = await self.runs.settings.of(schedule.key.mapping, schedule.key.company_id)
            every, enabled = self._as_it_is(schedule, configured)
            assert schedule.next_due is not None  # noqa: S101 - it is due
            after = following(schedule.next_due, every, now)
            if not enabled:
                await self.store.postpone(schedule, after)
            elif await self.store.claim(schedule, now=now, until=now + _CLAIM):
                key = schedule.key
                run = await self.runs.soon(key.task.kind, key.mapping, key.company_id, BY)
                await self.store.settle(schedule, after, begun=now, run=run.id)
                begun.append(run)
        return begun

    async def try_again(self) -> list[Run]:
        """Begin anew what failed for a cause that may have passed, however far its next moment is."""
        now, begun = self.clock(), []
        for each in await self._everywhere():
            if not each.enabled or not is_tried_again(each.watched, now):
                continue
            key = each.schedule.key
            if await self.store.claim(each.schedule, now=now, until=now + _CLAIM):
                begun.append(await self.runs.soon(key.task.kind, key.mapping, key.company_id, BY))
        return begun

    async def _everywhere(self) -> list[Shown]:
        companies = {self.company, *await self.store.companies()}
        return [each for company in sorted(companies) for each in await self.all(company)]

    async def silent(self) -> dict[Key, Overdue]:
        """What is overdue, at most a minute old. What falls silent is logged once."""
        now = self.clock()
        if self._looked is None or now - self._looked[0] >= _MEMORY:
            found = {each.schedule.key: each.overdue for each in await self._everywhere() if each.overdue}
            fallen, back = news(self._silent, found)
            for key in fallen:
                since = found[key].since.isoformat()
                log.warning("schedule.overdue", **_named(key), reason=found[key].reason, since=since)
            for key in back:
                log.info("schedule.runs_again", **_named(key))
            self._silent = {key: each.reason for key, each in found.items()}
            self._looked = (now, found)
        return self._looked[1]

    async def _look_after(self) -> None:
        """Once a minute: runs whose process is gone, and what is tried again; once a day: what is too old."""
        now = self.clock()
        if self._looked_after is None or now - self._looked_after >= _MEMORY:
            await self.runs.settle()
            await self.try_again()
            self._looked_after = now
        if self._cleared is None or now - self._cleared >= _DAY:
            await self.retention.apply(now)
            self._cleared = now

    async def run(self, every_seconds: float, *, carry_out: bool) -> None:
        """Look again and again; whatever fails, the next look may be luckier. Who carries out nothing only tells of silence."""
        prepared = False
        while True:
            try:
                if not prepared:
                    await self.prepare()
                    prepared = True
                if carry_out:
                    await self.tick()
                    await self._look_after()
                await self.silent()
            except GatewayError as error:
                log.warning("schedule.not_looked_at", **error.extensions, error=error.message)
            except Exception:
                log.exception("schedule.not_looked_at")
            await asyncio.sleep(every_seconds)


def _decided(every: timedelta | None, enabled: bool | None) -> dict[str, object]:
    """None: as by default."""
    return {"everyMinutes": int(every / _MINUTE) if every is not None else None, "enabled": enabled}


def _named(key: Key) -> dict[str, str]:
    return {"task": key.task, "mapping": key.mapping, "company": str(key.company_id)}
