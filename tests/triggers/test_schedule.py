"""When a schedule is due."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.couplings.coupling import Mapping
from gateway.triggers.schedule import Key, Task, due_after_change, first_due, following

COMPANY = UUID(int=1)
NOW = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
MOMENTS = st.integers(0, 525_600).map(lambda minutes: NOW + timedelta(minutes=minutes))
INTERVALS = st.integers(1, 10_080).map(lambda minutes: timedelta(minutes=minutes))


@given(MOMENTS, INTERVALS, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_the_next_moment_is_the_first_of_the_rhythm_that_lies_ahead(
    due: datetime, every: timedelta, late: timedelta
) -> None:
    now = due + late
    after = following(due, every, now)
    assert now < after <= now + every
    assert (after - due) % every == timedelta(0)


@given(MOMENTS, INTERVALS)
def test_what_somebody_changed_waits_no_longer_than_its_new_interval(last: datetime, every: timedelta) -> None:
    for now in (last, last + every / 2, last + 2 * every):
        due = due_after_change(last, every, now)
        assert now <= due <= now + every
        assert due - last >= every
    assert due_after_change(None, every, last) == last


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "Pacific/Auckland", "America/Los_Angeles"])
def test_what_is_done_daily_is_done_at_night(zone: str) -> None:
    where, day = ZoneInfo(zone), timedelta(days=1)
    for hour in range(48):
        now = NOW + timedelta(hours=hour)
        moments = [first_due(Key(Task.RECONCILE, each, COMPANY), day, now, where) for each in Mapping]
        assert all(now < each <= now + day + timedelta(hours=1) for each in moments), "an hour more when clocks change"
        assert {each.astimezone(where).hour for each in moments} <= {2, 3}, "3 where there is no 2 that night"
        assert len(set(moments)) == len(moments), "one after another"
    half_hour = timedelta(minutes=30)
    assert first_due(Key(Task.SYNCHRONIZE, Mapping.ITEM, COMPANY), half_hour, NOW, where) == NOW + half_hour
