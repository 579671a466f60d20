"""How a raw property value becomes a value of the schema. A value of another kind than promised is the backend's fault."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from gateway.errors import InvalidInputError

Convert = Callable[[object], object]
"""Raises ValueError, TypeError or KeyError for a value that is none of its kind. Never gets None."""


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def usable(given: str, argument: str) -> str:
    """Text of a caller that backends and databases can take.

    Raises:
        InvalidInputError: it holds a NUL, or half a character (a lone surrogate).
    """
    if "\0" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise InvalidInputError("Text must hold neither NUL nor lone surrogates.", argument=argument)
    return given


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("not a number")
    return Decimal(value)


def calendar_date(value: object) -> date:
    return date.fromisoformat(text(value))


def day_of(value: object) -> date:
    """The day of a column that is a date in one environment of Dataverse and a date-time (UTC) in another."""
    return date.fromisoformat(text(value).partition("T")[0])


def instant(value: object) -> datetime:
    """Backends send UTC; our own tables hold date-times already."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(text(value))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def guid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(text(value))


def choice(members: Mapping[Any, Enum]) -> Convert:
    """One of a closed set, by the backend's own member name or number."""

    def convert(value: object) -> Enum:
        return members[value]

    return convert
