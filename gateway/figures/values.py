"""Property values as a backend sends them -> the values that figures are made of. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

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
