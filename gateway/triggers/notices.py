"""What backends told us becomes runs: collected for a moment, without what we wrote ourselves, one run for all of it.

Told of a change, we wait until it has been quiet for a second or two, ten seconds at most. Then the couplings of the records
are looked at: they remember the moment of the last change that was synchronized, and a notice of that change or an earlier one
is the echo of our own write. When nothing else was told, there is no run; so a run that writes does not cause another one that
writes.

What must outlive a crash is saved before the backend is answered: that something changed in a mapping, and which records of
Business Central were deleted.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingStore, Side
from gateway.errors import GatewayError
from gateway.records import Backend
from gateway.runs.run_jobs import RunJobs
from gateway.runs.told import SOMETHING, Notice
from gateway.telemetry import log
from gateway.triggers.hook_watch import Key, Watch

BY = "webhook"
"""Who began such a run, for the job log."""

_MOST = 10_000
"""Records of a mapping that are remembered until its run begins; with more of them nobody looks whose changes they are."""

_FORGOTTEN = timedelta(minutes=1)
"""A notice that is still there after that belongs to a process that is gone."""

_AGAIN_SECONDS = 10.0
"""When a run that could not be begun is tried again."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class HookPace:
    """How long it must have been quiet before a run begins, how long it waits at most, how often registrations are looked at.

    ``clock`` tells seconds, ``now`` the moment.
    """

    quiet_seconds: float = 1.5
    longest_seconds: float = 10.0
    look_seconds: float = 120.0
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now


@dataclass(frozen=True, slots=True)
class News:
    """A record changed, or was deleted; no ``record_id``: nobody knows which one.

    ``at`` is the moment of the change, ``ours`` says that it was done under our own identity.
    """

    backend: Backend
    record_id: UUID | None
    at: datetime | None = None
    deleted: bool = False
    ours: bool = True


@dataclass(slots=True)
class _Pending:
    """What was told of a mapping since its last run was begun. ``kept`` is what the database knows of it."""

    first: float
    last: float
    kept: dict[Backend, Notice] = field(default_factory=dict)
    records: dict[tuple[Backend, UUID], News] = field(default_factory=dict)
    anything: bool = False
    not_before: float = 0.0

    def add(self, news: News) -> None:
        if news.record_id is None or len(self.records) >= _MOST:
            self.anything = True
        if self.anything or news.record_id is None:
            self.records.clear()
            return
        key = (news.backend, news.record_id)
        self.records[key] = _later(self.records.get(key), news)


def _later(before: News | None, now: News) -> News:
    """Two notices of a record as one: the later change counts, and a deletion before all."""
    if before is None or now.deleted or now.at is None:
        return now
    if before.deleted or before.at is None:
        return before
    return now if now.at >= before.at else before


class Notices:
    """Starts runs for what is told. `tell` raises DatabaseError when it cannot be saved: then the backend has to tell again."""

    def __init__(self, couplings: CouplingStore, runs: RunJobs, pace: HookPace) -> None:
        self._couplings = couplings
        self._runs = runs
        self._told = runs.runs.told
        self._pace = pace
        self._pending: dict[Key, _Pending] = {}
        self._watch = Watch()
        self._woken = asyncio.Event()
        self._working = asyncio.Lock()
        self._age = timedelta(0)

    async def tell(self, keys: Sequence[Key], news: Sequence[News], watch: Watch) -> None:
        """Something was told about these mappings. When this returns, it is not lost any more."""
        self._watch = watch
        deletions = [each for key in keys for each in await self._deletions(key, news)]
        backends = {each.backend for each in news}
        kept: dict[tuple[Key, Backend], Notice] = {}
        if deletions or any(backend not in self._kept(key) for key in keys for backend in backends):
            at = self._pace.now()
            kept = {(key, one): Notice(*key, one, SOMETHING, at) for key in keys for one in backends}
            await self._told.keep([*kept.values(), *deletions])
        now = self._pace.clock()
        for key in keys:
            pending = self._pending.setdefault(key, _Pending(now, now))
            pending.last = now
            pending.kept |= {one: notice for (other, one), notice in kept.items() if other == key}
            for each in news:
                pending.add(each)
        self.wake()

    def _kept(self, key: Key) -> Iterable[Backend]:
        pending = self._pending.get(key)
        return pending.kept if pending is not None else ()

    async def _deletions(self, key: Key, news: Iterable[News]) -> list[Notice]:
        """Records of Business Central that were deleted and are coupled: nobody will tell us of them again."""
        mapping, company = key
        gone = {
            each.record_id
            for each in news
            if each.deleted and each.backend is Backend.BUSINESS_CENTRAL and each.record_id
        }
        if not gone:
            return []
        coupled = await self._couplings.find(mapping, company, Side.BUSINESS_CENTRAL, gone)
        at = self._pace.now()
        return [Notice(mapping, company, Backend.BUSINESS_CENTRAL, each, at) for each in coupled]

    async def recover(self) -> None:
        """Take up what a process left that is gone: the first time whatever there is, it may have been our predecessor's."""
        age, self._age = self._age, _FORGOTTEN
        for each in await self._told.somethings(before=self._pace.now() - age):
            now = self._pace.clock()
            pending = self._pending.setdefault((each.mapping, each.company_id), _Pending(now, now))
            pending.kept.setdefault(each.backend, each)
            pending.add(News(each.backend, None))
        self.wake()

    async def work(self) -> None:
        """Begin the runs whose time has come."""
        async with self._working:
            now = self._pace.clock()
            due = {key: each for key, each in self._pending.items() if self._due_at(each) <= now}
            for key, pending in due.items():
                del self._pending[key]
                try:
                    await self._begin(key, pending)
                except GatewayError as error:
                    log.warning("hooks.run_not_begun", mapping=key[0], code=str(error.code))
                    self._put_back(key, pending, not_before=now + _AGAIN_SECONDS)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until somebody says stop, and wakes us."""
        while not stop.is_set():
            self._woken.clear()
            try:
                await self.work()
            except Exception:  # nobody waits for this task
                log.exception("hooks.notices_failed")
            if not stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._rest()):
                        await self._woken.wait()

    def wake(self) -> None:
        """Something is to be looked at."""
        self._woken.set()

    @property
    def waiting(self) -> bool:
        """Whether something was told that no run was begun for."""
        return bool(self._pending)

    def _due_at(self, pending: _Pending) -> float:
        quiet = pending.last + self._pace.quiet_seconds
        return max(min(quiet, pending.first + self._pace.longest_seconds), pending.not_before)

    def _rest(self) -> float | None:
        """Seconds until something is due; None: until somebody tells something."""
        due = min(map(self._due_at, self._pending.values()), default=None)
        return max(due - self._pace.clock(), 0.0) if due is not None else None

    def _put_back(self, key: Key, pending: _Pending, *, not_before: float) -> None:
        now = self._pending.setdefault(key, pending)
        now.not_before = not_before
        if now is not pending:
            now.add(News(Backend.BUSINESS_CENTRAL, None))
            now.kept = pending.kept | now.kept

    async def _begin(self, key: Key, pending: _Pending) -> None:
        """Raises: DatabaseError."""
        settings = self._runs.settings
        is_wanted = key[0] in settings.shipped and (await settings.of(*key)).enabled
        if is_wanted and (pending.anything or await self._is_new(key, list(pending.records.values()))):
            await self._runs.modified_soon(*key, by=BY)
        await self._told.forget(pending.kept.values())

    async def _is_new(self, key: Key, news: Sequence[News]) -> bool:
        """Whether a run would find something that it has not seen. Raises: DatabaseError."""
        of_bc = [each for each in news if each.backend is Backend.BUSINESS_CENTRAL]
        of_crm = [each for each in news if each.backend is Backend.DATAVERSE]
        return await self._is_new_in_bc(key, of_bc) or await self._is_new_in_crm(key, of_crm)

    async def _is_new_in_bc(self, key: Key, news: Sequence[News]) -> bool:
        ids = [each.record_id for each in news if each.record_id is not None]
        couplings = await self._couplings.find(*key, Side.BUSINESS_CENTRAL, ids) if ids else {}
        return any(_is_news(each, couplings.get(each.record_id)) for each in news if each.record_id is not None)

    async def _is_new_in_crm(self, key: Key, news: Sequence[News]) -> bool:
        """A row that another mapping has, or another company, is none of ours; one that nobody has may become ours."""
        ids = [each.record_id for each in news if each.record_id is not None]
        if not ids:
            return False
        own: dict[UUID, Coupling] = {}
        others: set[UUID] = set()
        for mapping in dict.fromkeys(mapping for mapping, _ in self._watch.siblings(key)):
            for id, couplings in (await self._couplings.find_everywhere(mapping, ids)).items():
                mine = next((each for each in couplings if (each.mapping, each.company_id) == key), None)
                if mine is not None:
                    own[id] = mine
                else:
                    others.add(id)
        return any(
            _is_news(each, own.get(each.record_id))
            for each in news
            if each.record_id is not None and (each.record_id in own or each.record_id not in others)
        )


def _is_news(news: News, coupling: Coupling | None) -> bool:
    """Not what was synchronized already: the echo of our own write, or a notice that came late or twice.

    CRM's moments are whole seconds, so one of the same second is an echo only when it was done under our own identity.
    """
    if coupling is None:
        return not news.deleted
    known = coupling.bc_modified_at if news.backend is Backend.BUSINESS_CENTRAL else coupling.crm_modified_at
    if news.deleted or news.at is None or known is None or news.at > known:
        return True
    return news.at == known and not news.ours
