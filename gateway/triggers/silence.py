"""Synchronization that stopped without a word: what should have run and did not, and why; what is tried again. Pure.

Business Central's own jobs stop silently: a job queue entry goes on hold, or its session ends, and nothing tells. Here each
schedule is held against its runs.
"""

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from gateway.errors import ErrorCode
from gateway.runs.run import RunState
from gateway.triggers.schedule import Key

LATE: Final = timedelta(minutes=5)
"""After this, what is due and was not begun is not merely waiting for somebody to look."""

STUCK: Final = timedelta(minutes=20)
"""A page takes ten minutes at most; the jobs of a process that is gone are taken over within one."""

RETRY: Final = timedelta(minutes=5)
"""How long after a run that failed for what passes by itself the next one begins, whatever the rhythm."""

_PATIENCE: Final = timedelta(hours=1)

_PASSING: Final = frozenset(
    {
        ErrorCode.BACKEND_UNREACHABLE,
        ErrorCode.BACKEND_THROTTLED,
        ErrorCode.BACKEND_TOO_SLOW,
        ErrorCode.BACKEND_FAILED,
        ErrorCode.BACKEND_TOKEN_UNAVAILABLE,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.DATABASE_UNAVAILABLE,
    }
)


class Silence(StrEnum):
    """Why a schedule is overdue."""

    NOT_BEGUN = "NOT_BEGUN"
    NOT_TAKEN_UP = "NOT_TAKEN_UP"
    NO_PROGRESS = "NO_PROGRESS"
    FAILING = "FAILING"


HINTS: Final[ReadOnly[Silence, str]] = {
    Silence.NOT_BEGUN: "No process looks at schedules: see that `gateway worker` runs (or `gateway serve` without "
    "GATEWAY_JOBS=elsewhere), over the same database.",
    Silence.NOT_TAKEN_UP: "No process carries out jobs, or all are busy: see that `gateway worker` runs and what "
    "synchronizationJobs has under way.",
    Silence.NO_PROGRESS: "Look at the log of the workers for this run. cancelSynchronization ends it; a worker that hangs has "
    "to be started again.",
    Silence.FAILING: "Look at the code and message of the last run in synchronizationJobs. What was changed meanwhile is "
    "synchronized as soon as a run succeeds.",
}


@dataclass(frozen=True, slots=True)
class Last:
    """The newest run of a kind over a mapping, and when one of them last succeeded."""

    run_id: UUID
    state: RunState
    created_at: datetime
    started_at: datetime | None = None
    progressed_at: datetime | None = None
    finished_at: datetime | None = None
    succeeded_at: datetime | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """An enabled schedule as it is now: how often, when it is due, how its runs went.

    ``busy_since``: another run of the mapping is at work, and last came on then; runs of a mapping come one after another.
    """

    every: timedelta
    next_due: datetime | None
    last: Last | None
    busy_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """``since`` is when it should have run, or last came on."""

    reason: Silence
    since: datetime

    @property
    def hint(self) -> str:
        return HINTS[self.reason]


def overdue(watched: Watched, now: datetime) -> Overdue | None:
    """None: it runs as it should."""
    last = watched.last
    if last is not None and last.state is RunState.RUNNING:
        came_on = last.progressed_at or last.started_at or last.created_at
        return Overdue(Silence.NO_PROGRESS, came_on) if now - came_on > STUCK else None
    if last is not None and last.state is RunState.WAITING:
        if watched.busy_since is not None and now - watched.busy_since <= STUCK:
            return None
        return Overdue(Silence.NOT_TAKEN_UP, last.created_at) if now - last.created_at > LATE else None
    if watched.next_due is not None and now - watched.next_due > LATE:
        return Overdue(Silence.NOT_BEGUN, watched.next_due)
    if last is None or last.state is RunState.SUCCEEDED:
        return None
    return _failing(watched.every, last, now)


def _failing(every: timedelta, last: Last, now: datetime) -> Overdue | None:
    """One run that failed is made up for by the next, unless that one is far off."""
    if last.succeeded_at is None:
        return Overdue(Silence.FAILING, last.finished_at or last.created_at)
    expected = last.succeeded_at + every
    grace = max(LATE, min(every, _PATIENCE))
    return Overdue(Silence.FAILING, expected) if now - expected > grace else None


def is_tried_again(watched: Watched, now: datetime) -> bool:
    """Whether a run is to begin although nothing is due: the last one failed, and its cause may have passed.

    Business Central tries ten times, thirty seconds apart, and then leaves the job in error.
    """
    last = watched.last
    if last is None or last.state is not RunState.FAILED or last.finished_at is None or last.error_code not in _PASSING:
        return False
    return now - last.finished_at >= RETRY and (watched.next_due is None or watched.next_due > now)


def news(before: ReadOnly[Key, Silence], now: ReadOnly[Key, Overdue]) -> tuple[list[Key], list[Key]]:
    """Which schedules fell silent since the last look, or for another reason, and which came back."""
    fallen = [key for key, each in now.items() if before.get(key) is not each.reason]
    return fallen, [key for key in before if key not in now]
