"""Buckets of the calendar and of the fiscal year. Pure.

Source: Business Central, virtual table Date (weeks begin on Monday); "companyInformation resource type",
``currentFiscalYearStartDate``.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


class Bucket(StrEnum):
    """How long a period is."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Period:
    """From one day to another, both included."""

    start: date
    end: date


def periods(bucket: Bucket, first: date, count: int) -> Iterator[Period]:
    """So many periods of the calendar one after the other, beginning with the one that ``first`` lies in.

    Raises:
        OverflowError: they lead beyond the year 9999.
    """
    start = _start(bucket, first)
    for _ in range(count):
        following = _next(bucket, start)
        yield Period(start, following - timedelta(days=1))
        start = following


def _start(bucket: Bucket, day: date) -> date:
    match bucket:
        case Bucket.DAY:
            return day
        case Bucket.WEEK:
            return day - timedelta(days=day.weekday())
        case _:
            months = _MONTHS[bucket]
            return date(day.year, (day.month - 1) // months * months + 1, 1)


def _next(bucket: Bucket, start: date) -> date:
    match bucket:
        case Bucket.DAY:
            return start + timedelta(days=1)
        case Bucket.WEEK:
            return start + timedelta(days=7)
        case _:
            return months_later(start, _MONTHS[bucket])


def months_later(day: date, months: int) -> date:
    """The same day of a later (or earlier) month; the last one of a month that has no such day.

    Raises:
        OverflowError: there is no such year.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("beyond the calendar")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True)
class FiscalYear:
    """The fiscal year a day lies in, the month of it (an accounting period), and the year before.

    Periods of a month are what Business Central creates unless somebody changes them; no standard API shows them.
    """

    period: Period
    year: Period
    last_year: Period


def fiscal_year(some_start: date, on: date) -> FiscalYear:
    """``some_start`` is the first day of any fiscal year of the company; the others begin years before and after it."""
    years = on.year - some_start.year
    start = months_later(some_start, 12 * years)
    if start > on:
        years -= 1
        start = months_later(some_start, 12 * years)
    end = months_later(some_start, 12 * (years + 1)) - timedelta(days=1)
    before = months_later(some_start, 12 * (years - 1))
    months = min((on.year - start.year) * 12 + on.month - start.month, 11)
    if months_later(start, months) > on:
        months -= 1
    last = months == 11  # it ends with the year, also where a year of 29 February was begun a day early
    period = Period(months_later(start, months), end if last else months_later(start, months + 1) - timedelta(days=1))
    return FiscalYear(period, Period(start, end), Period(before, start - timedelta(days=1)))
