"""Stretches of the calendar that query functions name, such as `LastXDays` and `ThisWeek`, seen from a moment.

Everything is in UTC, the time zone of every user here. Weeks start on Sunday. "Last X days" reaches from the midnight X
days ago to now, "next X days" from now to the end of the Xth day; hours and minutes count from now.

Source: Dataverse, Web API Query Function Reference; Date and time operators (FetchXML).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_SIZED = re.compile(r"(Last|Next|OlderThan)X(Minutes|Hours|Days|Weeks|Months|Years)")


@dataclass(frozen=True)
class Period:
    """From `start` to `end`; an open side is None. The end belongs to it only when `end_included`."""

    start: datetime | None
    end: datetime | None
    end_included: bool = False


def period(name: str, *, now: datetime, size: int = 0) -> Period | None:
    """The period a function names, `size` being its X; None when it names none.

    Raises:
        OverflowError: the period leaves the calendar.
    """
    if name in _NAMED:
        first, last = _NAMED[name](now.date())
        return Period(midnight(first), midnight(last))
    match = _SIZED.fullmatch(name)
    if match is None or (match[2] == "Minutes" and match[1] != "OlderThan"):
        return None
    direction, unit = match[1], match[2]
    if direction == "Last":
        return Period(_moved(now, unit, -size), now, end_included=True)
    if direction == "OlderThan":
        return Period(None, _moved(now, unit, -size))
    end = _moved(now, unit, size)
    return Period(now, end if unit == "Hours" else end + timedelta(days=1))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def needs_size(name: str) -> bool:
    """Whether a function counts something, as `LastXDays` does."""
    return _SIZED.fullmatch(name) is not None


def _moved(now: datetime, unit: str, count: int) -> datetime:
    """Some units away from now; of units longer than an hour, the midnight of that day."""
    match unit:
        case "Minutes":
            return now + timedelta(minutes=count)
        case "Hours":
            return now + timedelta(hours=count)
        case "Days" | "Weeks":
            return midnight(now.date() + timedelta(days=count * (7 if unit == "Weeks" else 1)))
        case _:
            return midnight(_months_away(now.date(), count * (12 if unit == "Years" else 1)))


def _months_away(day: date, count: int) -> date:
    """The same day of another month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("The calendar has no such year.")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _days(first: int, last: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (today + timedelta(days=first), today + timedelta(days=last))


def _weeks(away: int) -> Callable[[date], tuple[date, date]]:
    def week(today: date) -> tuple[date, date]:
        sunday = today - timedelta(days=today.isoweekday() % 7)
        return sunday + timedelta(days=7 * away), sunday + timedelta(days=7 * (away + 1))

    return week


def _months(away: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (_months_away(today.replace(day=1), away), _months_away(today.replace(day=1), away + 1))


def _years(away: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (date(today.year + away, 1, 1), date(today.year + away + 1, 1, 1))


_NAMED: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "Yesterday": _days(-1, 0),
    "Today": _days(0, 1),
    "Tomorrow": _days(1, 2),
    "LastSevenDays": _days(-7, 1),
    "NextSevenDays": _days(0, 8),
    "LastWeek": _weeks(-1),
    "ThisWeek": _weeks(0),
    "NextWeek": _weeks(1),
    "LastMonth": _months(-1),
    "ThisMonth": _months(0),
    "NextMonth": _months(1),
    "LastYear": _years(-1),
    "ThisYear": _years(0),
    "NextYear": _years(1),
}
