"""What should have run and did not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.couplings.coupling import Mapping
from gateway.runs.run import RunState
from gateway.triggers.schedule import Key, Task
from gateway.triggers.silence import HINTS, Last, Overdue, Silence, Watched, is_tried_again, news, overdue

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HALF_HOUR, DAY = timedelta(minutes=30), timedelta(days=1)
RUN = UUID(int=7)


def ago(**given: float) -> datetime:
    return NOW - timedelta(**given)


def ended(state: RunState, *, minutes: float, succeeded: float | None = None) -> Last:
    at = ago(minutes=minutes)
    good = ago(minutes=succeeded) if succeeded is not None else None
    return Last(RUN, state, at, at, at, at, good)


def running(*, came_on: float | None, began: float = 90) -> Last:
    return Last(
        RUN, RunState.RUNNING, ago(minutes=began), ago(minutes=began), ago(minutes=came_on) if came_on else None
    )


def waiting(*, minutes: float) -> Last:
    return Last(RUN, RunState.WAITING, ago(minutes=minutes))


def failed(code: str | None, *, minutes: float) -> Last:
    return replace(ended(RunState.FAILED, minutes=minutes), error_code=code)


SOON = NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("watched", "reason", "since"),
    [
        # nobody looked at it yet, or it is still to come
        (Watched(HALF_HOUR, None, None), None, None),
        (Watched(HALF_HOUR, SOON, None), None, None),
        (Watched(HALF_HOUR, SOON, ended(RunState.SUCCEEDED, minutes=20, succeeded=20)), None, None),
        # due: a moment ago, or for long
        (Watched(HALF_HOUR, ago(minutes=5), None), None, None),
        (Watched(HALF_HOUR, ago(minutes=6), None), Silence.NOT_BEGUN, ago(minutes=6)),
        (
            Watched(HALF_HOUR, ago(days=2), ended(RunState.SUCCEEDED, minutes=2900, succeeded=2900)),
            Silence.NOT_BEGUN,
            ago(days=2),
        ),
        # begun, and nobody carries it out; unless another run of the mapping is at work
        (Watched(HALF_HOUR, SOON, waiting(minutes=5)), None, None),
        (Watched(HALF_HOUR, SOON, waiting(minutes=6)), Silence.NOT_TAKEN_UP, ago(minutes=6)),
        (Watched(HALF_HOUR, SOON, waiting(minutes=60), busy_since=ago(minutes=1)), None, None),
        (
            Watched(HALF_HOUR, SOON, waiting(minutes=60), busy_since=ago(minutes=21)),
            Silence.NOT_TAKEN_UP,
            ago(minutes=60),
        ),
        # under way for long, page by page, or without one; it is not begun again meanwhile, and that is right
        (Watched(HALF_HOUR, ago(minutes=50), running(came_on=1)), None, None),
        (Watched(HALF_HOUR, SOON, running(came_on=20)), None, None),
        (Watched(HALF_HOUR, SOON, running(came_on=21)), Silence.NO_PROGRESS, ago(minutes=21)),
        (Watched(HALF_HOUR, SOON, running(came_on=None)), Silence.NO_PROGRESS, ago(minutes=90)),
        # failed: once may be chance, unless it never went well or the next time is far off
        (Watched(HALF_HOUR, SOON, ended(RunState.FAILED, minutes=1, succeeded=31)), None, None),
        (Watched(HALF_HOUR, SOON, ended(RunState.FAILED, minutes=1, succeeded=61)), Silence.FAILING, ago(minutes=31)),
        (
            Watched(HALF_HOUR, SOON, ended(RunState.CANCELLED, minutes=1, succeeded=61)),
            Silence.FAILING,
            ago(minutes=31),
        ),
        (Watched(HALF_HOUR, SOON, ended(RunState.FAILED, minutes=1)), Silence.FAILING, ago(minutes=1)),
        (Watched(DAY, NOW + DAY, ended(RunState.FAILED, minutes=1, succeeded=1440)), None, None),
        (Watched(DAY, NOW + DAY, ended(RunState.FAILED, minutes=61, succeeded=1501)), Silence.FAILING, ago(minutes=61)),
        (Watched(timedelta(minutes=1), SOON, ended(RunState.FAILED, minutes=0, succeeded=6)), None, None),
        (
            Watched(timedelta(minutes=1), SOON, ended(RunState.FAILED, minutes=0, succeeded=7)),
            Silence.FAILING,
            ago(minutes=6),
        ),
    ],
)
def test_what_is_overdue(watched: Watched, reason: Silence | None, since: datetime | None) -> None:
    expected = Overdue(reason, since) if reason is not None and since is not None else None
    assert overdue(watched, NOW) == expected


@pytest.mark.parametrize(
    ("last", "next_due", "again"),
    [
        (None, SOON, False),
        (failed("BACKEND_UNREACHABLE", minutes=5), NOW + DAY, True),
        (failed("BACKEND_UNREACHABLE", minutes=4), NOW + DAY, False),
        (failed("DATABASE_UNAVAILABLE", minutes=5), None, True),
        (failed("BACKEND_UNREACHABLE", minutes=5), NOW, False),  # it is due anyway
        (failed("RECORD_NOT_VISIBLE", minutes=500), NOW + DAY, False),
        (failed(None, minutes=500), NOW + DAY, False),
        (ended(RunState.SUCCEEDED, minutes=9, succeeded=9), NOW + DAY, False),
        (ended(RunState.CANCELLED, minutes=9), NOW + DAY, False),
        (waiting(minutes=9), NOW + DAY, False),
        (running(came_on=9), NOW + DAY, False),
    ],
)
def test_what_failed_for_a_cause_that_passes_is_tried_again(
    last: Last | None, next_due: datetime | None, again: bool
) -> None:
    assert is_tried_again(Watched(DAY, next_due, last), NOW) is again


def test_each_reason_says_what_to_do() -> None:
    assert HINTS.keys() == set(Silence)


def test_news_are_told_once() -> None:
    customers, items = (Key(Task.SYNCHRONIZE, each, UUID(int=1)) for each in (Mapping.CUSTOMER, Mapping.ITEM))
    silent = {customers: Overdue(Silence.NOT_BEGUN, NOW)}
    assert news({}, silent) == ([customers], [])
    assert news({customers: Silence.NOT_BEGUN}, silent) == ([], [])
    assert news({customers: Silence.FAILING, items: Silence.FAILING}, silent) == ([customers], [items])
