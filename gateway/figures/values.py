"""Property values as a backend sends them -> the values that figures are made of. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

ROOMY: Final = Context(prec=500, rounding=ROUND_HALF_UP)
"""Rounds nothing but what is meant to be rounded: room for any number that a backend or a caller may send."""

Values = Mapping[str, object]
"""A row: property name -> value; None is what the backend does not have."""


def number(value: object) -> Decimal:
    """A quantity or an amount as a backend sends it.

    Raises:
        ValueError: it is no number, or not there: what is missing is not 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is no number")
    return Decimal(value)


def day(value: object) -> date:
    """A date; none is the beginning of time, as in Business Central.

    Raises:
        ValueError: it is no date.
    """
    return date.min if value is None else date.fromisoformat(str(value))


def text(value: object) -> str:
    """A code; none is blank."""
    return "" if value is None else str(value)
