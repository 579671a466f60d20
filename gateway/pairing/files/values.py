"""What stands in a cell becomes a value: ids, results, yes and no, date-times, table numbers, however they were exported. Pure.

Source: Business Central, table CRM Integration Record; "Open in Excel" and configuration packages write values in the form of
the user's region.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.couplings.coupling import Result


class DateOrder(StrEnum):
    """In which order day, month and year stand."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


@dataclass(frozen=True, slots=True)
class Region:
    """What has to be known of whoever exported a file: their time zone and the order of their dates; None when not told."""

    zone: ZoneInfo | None = None
    order: DateOrder | None = None


class UnreadableError(Exception):
    """What a cell holds is not what its column is for. Never leaves pairing."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


_UNUSABLE: Final = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL does not take, and what remains of bytes that are no UTF-8; JSON can spell both."""

_GUID: Final = re.compile(r"\{?([0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})\}?")
_BLANK_RESULTS: Final = frozenset({"0", "_x0020_"})
_RESULTS: Final = {"success": Result.SUCCESS, "1": Result.SUCCESS, "failure": Result.FAILURE, "2": Result.FAILURE}
_BOOLEANS: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_WHOLE: Final = re.compile(r"(\d{1,12}|\d{1,3}(?:[.,'’ ]\d{3}){1,3})(?:[.,]0{1,2})?")
_SHOWN: Final = re.compile(
    r"(?P<first>\d{1,4})(?P<mark>[./-])(?P<second>\d{1,2})(?P=mark)(?P<third>\d{1,4})"
    r"(?:,? (?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second_of>\d{2})(?:[.,](?P<fraction>\d{1,7}))?)?"
    r" ?(?P<half>[AaPp]\.?[Mm]\.?)?)?"
)
_BLANK_YEAR: Final = 1753
"""Business Central's blank date-time is the year 1, in SQL Server 1753."""


def text_of(longest: int | None = None) -> Callable[[str, Region], str]:
    """Text of at most so many characters."""

    def read(text: str, region: Region) -> str:
        if _UNUSABLE.search(text):
            raise UnreadableError("is no text in UTF-8", "Save the file as CSV UTF-8.")
        if longest is not None and len(text) > longest:
            raise UnreadableError(f"is longer than {longest} characters", "Shorten it.")
        return text

    return read


def guid(text: str, region: Region) -> UUID | None:
    """With or without braces and hyphens, in either case; None for the null GUID, which is a blank one."""
    match = _GUID.fullmatch(text)
    if match is None or text.startswith("{") is not text.endswith("}"):
        raise UnreadableError("is no GUID", "Give it as 77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d, in braces or without.")
    return UUID(match[1]) if UUID(match[1]).int else None


def result(text: str, region: Region) -> Result | None:
    if text.casefold() in _BLANK_RESULTS:
        return None
    found = _RESULTS.get(text.casefold())
    if found is None:
        raise UnreadableError("is no result", "Results are blank or 0, Success or 1, Failure or 2.")
    return found


def boolean(text: str, region: Region) -> bool:
    found = _BOOLEANS.get(text.casefold())
    if found is None:
        raise UnreadableError("is neither yes nor no", "Give Yes or No, true or false, 1 or 0.")
    return found


def whole_number(text: str, region: Region) -> int:
    """With separators of thousands or without, and with decimals as long as they are 0."""
    match = _WHOLE.fullmatch(_plain_blanks(text))
    if match is None:
        raise UnreadableError("is no table number", "Give the number of Business Central's table, such as 18 or 5,050.")
    return int(re.sub(r"\D", "", match[1]))


def job(text: str, region: Region) -> str | None:
    """The id of a job: Business Central's are GUIDs, blank ones null GUIDs; ours are text."""
    if _GUID.fullmatch(text):
        found = guid(text, region)
        return str(found) if found is not None else None
    return _job(text, region)


_job: Final = text_of(40)
_json: Final = text_of()


def agreed_values(text: str, region: Region) -> dict[str, str | None]:
    hint = 'Leave it as it was exported: {"displayName":"…"}.'
    try:
        found: Any = json.loads(_json(text, region))
    except (ValueError, RecursionError):
        raise UnreadableError("is no JSON", hint) from None
    if not isinstance(found, dict) or not all(each is None or isinstance(each, str) for each in found.values()):
        raise UnreadableError("is no JSON object of texts", hint)
    if any(_UNUSABLE.search(each) for pair in found.items() for each in pair if each is not None):
        raise UnreadableError("holds characters that are none", "Take \\u0000 and halves of pairs such as \\ud800 out.")
    return found


def instant(text: str, region: Region) -> datetime | None:
    """ISO 8601, or as Business Central shows it; None for its blank date-time."""
    plain = _plain_blanks(text)
    moment = _iso(plain) or _shown(plain, region.order)
    if moment.year <= _BLANK_YEAR:
        return None
    if moment.tzinfo is None:
        if region.zone is None:
            raise UnreadableError(
                "does not say its time zone", "Say in which time zone it was exported (--time-zone, timeZone)."
            )
        moment = moment.replace(tzinfo=region.zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise UnreadableError("lies outside the years 1 to 9999", "Correct the year.") from None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _shown(text: str, order: DateOrder | None) -> datetime:
    match = _SHOWN.fullmatch(text)
    if match is None:
        raise UnreadableError("is no date-time", "Give it as 2026-11-16T08:30:00Z.")
    year, month, day = _date(match, order)
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "Pp" else 0)
    fraction = int((match["fraction"] or "").ljust(6, "0")[:6])
    try:
        return datetime(year, month, day, hour, int(match["minute"] or 0), int(match["second_of"] or 0), fraction)  # noqa: DTZ001
    except ValueError:
        raise UnreadableError("is no moment of the calendar", "Give it as 2026-11-16T08:30:00Z.") from None


def _date(match: re.Match[str], told: DateOrder | None) -> tuple[int, int, int]:
    first, second, third = match["first"], match["second"], match["third"]
    order = DateOrder.YMD if len(first) > 2 else told or _order(int(first), int(second), match["mark"])
    if order is DateOrder.YMD:
        return _year(first), int(second), int(third)
    if order is DateOrder.DMY:
        return _year(third), int(second), int(first)
    return _year(third), int(first), int(second)


def _order(first: int, second: int, mark: str) -> DateOrder:
    """As far as the date itself tells: no month has a number above 12, and dots stand where the day comes first."""
    if mark == "." or first > 12 or first == second:
        return DateOrder.DMY
    if second > 12:
        return DateOrder.MDY
    raise UnreadableError(
        "may be a day and a month or a month and a day", "Say in which order they stand (--date-order, dateOrder)."
    )


def _year(text: str) -> int:
    return 2000 + int(text) if len(text) <= 2 else int(text)


def _plain_blanks(text: str) -> str:
    """Regions put blanks of several kinds into numbers and before AM and PM."""
    return re.sub(r"[\s\u00a0\u202f\u2009]+", " ", text)
