"""Cursor paging that inserts and deletions cannot disturb, pushed down to the backend. Pure.

A cursor holds where a row stands in the order: the value it is sorted by and a unique value beside it. The next page is
"everything behind that", never "everything after the n-th".
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, Literal
from uuid import UUID

from gateway.errors import InvalidInputError
from gateway.odata.query import All, Compare, Either, Filter, Operator, Order, Value, both
from gateway.reading.values import usable

Kind = Literal["text", "number", "instant", "date", "guid"]

_MOST_DIGITS: Final = 400
"""Of a number in a cursor; what a backend sends has no more either."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A property to sort by, and what its values are."""

    property: str
    kind: Kind
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: ``first`` rows behind the cursor ``after``; ``count`` asks for the number of all."""

    first: int
    after: str | None = None
    count: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One request's share of a page: rows of a later segment come after all rows of an earlier one."""

    where: Filter | None
    order: tuple[Order, ...]


def encode_cursor(sort: Sort, unique: Sort, values: tuple[object, object]) -> str:
    """Where a row stands; opaque to callers."""
    content = [_signature(sort, unique), *(None if value is None else str(value) for value in values)]
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, sort: Sort, unique: Sort) -> tuple[Value, Value]:
    """The position a cursor stands for.

    Raises:
        InvalidInputError: it is none of ours, or belongs to another order.
    """
    try:
        content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        signature, value, tie = content
        position = _typed(value, sort.kind), _typed(tie, unique.kind)
    except (ValueError, TypeError, RecursionError, OverflowError, InvalidOperation) as error:
        raise InvalidInputError("The cursor is not one this API has given out.", argument="after") from error
    if signature != _signature(sort, unique):
        raise InvalidInputError("The cursor belongs to a list in another order.", argument="after")
    return position


def _signature(sort: Sort, unique: Sort) -> str:
    return f"{sort.property}{'-' if sort.descending else '+'}{unique.property}"


def _typed(text: object, kind: Kind) -> Value:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError("cursor values are text")
    match kind:
        case "text":
            return usable(text, "after")
        case "number":
            return _usual(Decimal(text))
        case "instant":
            return _aware(datetime.fromisoformat(text))
        case "date":
            return date.fromisoformat(text)
        case "guid":
            return UUID(text)


def _usual(number: Decimal) -> Decimal:
    """A few characters can stand for more digits than there is memory for, and backends want them written out."""
    if not number.is_finite() or len(number.as_tuple().digits) > _MOST_DIGITS or abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError("no backend has such a number")
    return number


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)


def segments(
    sort: Sort, unique: Sort, after: tuple[Value, Value] | None, where: Filter | None, *, has_null: bool, wide_or: bool
) -> Sequence[Segment]:
    """What to ask for: one segment, or two whose rows follow each other.

    Args:
        sort: the order asked for.
        unique: the property that tells equal rows apart.
        after: the position of the last row already given.
        where: the caller's own filter.
        has_null: the backend keeps null (Dataverse, which sorts it first), or the type's default (Business Central).
        wide_or: the backend takes ``or`` over two properties. Business Central does not, so there the rows that share the
            last row's value, and those beyond it, are two segments.
    """
    if sort.property == unique.property:
        beyond = Compare(sort.property, _beyond(sort), after[1]) if after else None
        return [Segment(both(where, beyond), (Order(sort.property, sort.descending),))]
    order = (Order(sort.property, sort.descending), Order(unique.property))
    if after is None:
        return [Segment(where, order)]
    value, tie = after
    if value is None and not has_null:
        value = _default(sort.kind)
    ties = All((Compare(sort.property, "eq", value), Compare(unique.property, "gt", tie)))
    beyond_value = _beyond_value(sort, value, has_null=has_null)
    if beyond_value is None:
        return [Segment(both(where, ties), order)]
    if wide_or:
        return [Segment(both(where, Either((ties, beyond_value))), order)]
    return [Segment(both(where, ties), order), Segment(both(where, beyond_value), order)]


def _beyond(sort: Sort) -> Operator:
    return "lt" if sort.descending else "gt"


def _beyond_value(sort: Sort, value: Value, *, has_null: bool) -> Filter | None:
    """The rows whose value lies beyond; with null first in ascending order, so last in descending."""
    if value is None:
        return None if sort.descending else Compare(sort.property, "ne", None)
    beyond = Compare(sort.property, _beyond(sort), value)
    return Either((beyond, Compare(sort.property, "eq", None))) if has_null and sort.descending else beyond


def _default(kind: Kind) -> Value:
    match kind:
        case "text":
            return ""
        case "number":
            return Decimal(0)
        case "instant":
            return datetime.fromisoformat("0001-01-01T00:00:00+00:00")
        case "date":
            return date.min
        case "guid":
            return UUID(int=0)
