"""Periods of the calendar and the fiscal year: where a day belongs, up to the ends of years and of the calendar."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gateway.figures.calendar import Bucket, Period, fiscal_year, months_later, periods

A_DAY = timedelta(days=1)


def span(start: str, end: str) -> Period:
    return Period(date.fromisoformat(start), date.fromisoformat(end))


# -- buckets -----------------------------------------------------------------------------------------------------------

BUCKETS = {
    Bucket.DAY: ("2026-12-31", [span("2026-12-31", "2026-12-31"), span("2027-01-01", "2027-01-01")]),
    Bucket.WEEK: ("2026-12-31", [span("2026-12-28", "2027-01-03"), span("2027-01-04", "2027-01-10")]),
    Bucket.MONTH: ("2028-01-31", [span("2028-01-01", "2028-01-31"), span("2028-02-01", "2028-02-29")]),
    Bucket.QUARTER: ("2026-12-31", [span("2026-10-01", "2026-12-31"), span("2027-01-01", "2027-03-31")]),
    Bucket.YEAR: ("2026-02-28", [span("2026-01-01", "2026-12-31"), span("2027-01-01", "2027-12-31")]),
}


@pytest.mark.parametrize("bucket", Bucket)
def test_the_first_period_is_the_one_the_day_lies_in(bucket: Bucket) -> None:
    day, expected = BUCKETS[bucket]

    assert list(periods(bucket, date.fromisoformat(day), 2)) == expected


@pytest.mark.parametrize(("day", "monday"), [("2026-03-01", "2026-02-23"), ("2026-03-02", "2026-03-02")])
def test_a_week_begins_on_monday(day: str, monday: str) -> None:
    [week] = periods(Bucket.WEEK, date.fromisoformat(day), 1)

    assert week.start == date.fromisoformat(monday)


DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))


@given(st.sampled_from(Bucket), DAYS, st.integers(1, 15))
@settings(deadline=None, max_examples=80)
def test_periods_follow_each_other_without_a_gap_and_the_first_contains_the_day(
    bucket: Bucket, day: date, count: int
) -> None:
    found = list(periods(bucket, day, count))

    assert len(found) == count
    assert found[0].start <= day <= found[0].end
    assert all(later.start == earlier.end + A_DAY for earlier, later in pairwise(found))


@pytest.mark.parametrize("bucket", Bucket)
def test_periods_beyond_the_calendar_are_an_overflow_error(bucket: Bucket) -> None:
    with pytest.raises(OverflowError):
        list(periods(bucket, date.max, 2))


# -- months ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-01-31", 3, "2026-04-30"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-15", -1, "2025-12-15"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-03-31", 0, "2026-03-31"),
    ],
)
def test_the_same_day_of_another_month_or_the_last_one_it_has(day: str, months: int, expected: str) -> None:
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(expected)


@pytest.mark.parametrize(("day", "months"), [(date.max, 1), (date.min, -1)])
def test_a_month_beyond_the_calendar_is_an_overflow_error(day: date, months: int) -> None:
    with pytest.raises(OverflowError):
        months_later(day, months)


# -- the fiscal year ---------------------------------------------------------------------------------------------------

CALENDAR_YEAR, FROM_JULY, LEAP_DAY = date(2024, 1, 1), date(2024, 7, 1), date(2024, 2, 29)

#        first day of some year, the day: (its month of the fiscal year, its fiscal year, the one before)
FISCAL = {
    (CALENDAR_YEAR, "2026-12-31"): ("2026-12-01 2026-12-31", "2026-01-01 2026-12-31", "2025-01-01 2025-12-31"),
    (CALENDAR_YEAR, "2027-01-01"): ("2027-01-01 2027-01-31", "2027-01-01 2027-12-31", "2026-01-01 2026-12-31"),
    (CALENDAR_YEAR, "2028-02-29"): ("2028-02-01 2028-02-29", "2028-01-01 2028-12-31", "2027-01-01 2027-12-31"),
    (CALENDAR_YEAR, "2020-06-15"): ("2020-06-01 2020-06-30", "2020-01-01 2020-12-31", "2019-01-01 2019-12-31"),
    (FROM_JULY, "2026-06-30"): ("2026-06-01 2026-06-30", "2025-07-01 2026-06-30", "2024-07-01 2025-06-30"),
    (FROM_JULY, "2026-07-01"): ("2026-07-01 2026-07-31", "2026-07-01 2027-06-30", "2025-07-01 2026-06-30"),
    (FROM_JULY, "2026-12-31"): ("2026-12-01 2026-12-31", "2026-07-01 2027-06-30", "2025-07-01 2026-06-30"),
    (FROM_JULY, "2027-01-01"): ("2027-01-01 2027-01-31", "2026-07-01 2027-06-30", "2025-07-01 2026-06-30"),
    (LEAP_DAY, "2024-02-29"): ("2024-02-29 2024-03-28", "2024-02-29 2025-02-27", "2023-02-28 2024-02-28"),
    (LEAP_DAY, "2025-02-27"): ("2025-01-29 2025-02-27", "2024-02-29 2025-02-27", "2023-02-28 2024-02-28"),
    (LEAP_DAY, "2025-02-28"): ("2025-02-28 2025-03-27", "2025-02-28 2026-02-27", "2024-02-29 2025-02-27"),
    (LEAP_DAY, "2028-02-29"): ("2028-02-29 2028-03-28", "2028-02-29 2029-02-27", "2027-02-28 2028-02-28"),
    (date(2024, 4, 6), "2026-04-05"): ("2026-03-06 2026-04-05", "2025-04-06 2026-04-05", "2024-04-06 2025-04-05"),
    (date(2024, 4, 6), "2026-04-06"): ("2026-04-06 2026-05-05", "2026-04-06 2027-04-05", "2025-04-06 2026-04-05"),
}


@pytest.mark.parametrize(("some_start", "day"), FISCAL)
def test_a_day_lies_in_its_fiscal_year_and_in_the_month_of_that_year(some_start: date, day: str) -> None:
    found = fiscal_year(some_start, date.fromisoformat(day))

    expected = FISCAL[some_start, day]
    assert tuple(f"{each.start} {each.end}" for each in (found.period, found.year, found.last_year)) == expected


def test_the_last_day_before_a_leap_year_of_29_february_is_in_the_last_period_of_its_year() -> None:
    found = fiscal_year(LEAP_DAY, date(2028, 2, 28))

    assert found.year == span("2027-02-28", "2028-02-28")
    assert found.period.end == found.year.end


STARTS = st.one_of(DAYS, st.sampled_from([CALENDAR_YEAR, FROM_JULY, LEAP_DAY, date(2023, 1, 31), date(2023, 8, 31)]))


@given(STARTS, DAYS)
@settings(deadline=None, max_examples=200)
def test_the_fiscal_year_contains_the_day_and_is_next_to_the_years_before_and_after(
    some_start: date, day: date
) -> None:
    found = fiscal_year(some_start, day)

    assert found.year.start <= day <= found.year.end
    assert found.last_year.end + A_DAY == found.year.start
    assert fiscal_year(some_start, found.year.start - A_DAY).year == found.last_year
    assert fiscal_year(some_start, found.year.end + A_DAY).last_year == found.year
    assert 365 <= (found.year.end - found.year.start).days + 1 <= 366 or some_start.day == 29


@given(STARTS, DAYS)
@example(LEAP_DAY, date(2028, 2, 28))
@settings(deadline=None, max_examples=200)
def test_the_accounting_period_contains_the_day_and_lies_within_the_fiscal_year(some_start: date, day: date) -> None:
    found = fiscal_year(some_start, day)

    assert found.period.start <= day <= found.period.end
    assert found.year.start <= found.period.start
    assert found.period.end <= found.year.end


@given(STARTS, DAYS)
@example(date(2023, 1, 31), date(2023, 1, 31))
@example(LEAP_DAY, date(2027, 3, 1))
@settings(deadline=None, max_examples=30)
def test_the_accounting_periods_of_a_fiscal_year_are_twelve_without_a_gap(some_start: date, day: date) -> None:
    year = fiscal_year(some_start, day).year
    assume(year.end < date(2200, 1, 1))

    found = [fiscal_year(some_start, year.start).period]
    while found[-1].end < year.end:
        found.append(fiscal_year(some_start, found[-1].end + A_DAY).period)

    assert len(found) == 12
    assert (found[0].start, found[-1].end) == (year.start, year.end)
    assert all(later.start == earlier.end + A_DAY for earlier, later in pairwise(found))


@given(STARTS, DAYS, st.integers(-40, 40))
@settings(deadline=None, max_examples=60)
def test_any_first_day_of_a_fiscal_year_leads_to_the_same_years_unless_it_is_29_february(
    some_start: date, day: date, years: int
) -> None:
    assume((some_start.month, some_start.day) != (2, 29))
    other_start = some_start.replace(year=some_start.year + years)

    assert fiscal_year(other_start, day) == fiscal_year(some_start, day)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_a_day_whose_years_lead_beyond_the_calendar_is_an_overflow_error(day: date) -> None:
    with pytest.raises(OverflowError):
        fiscal_year(CALENDAR_YEAR, day)
