"""Values as Dataverse shows them in JSON, and as it would show them to a person (the formatted value, in English).

Source: Dataverse, Retrieve a table row using the Web API (formatted values).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from gateway.sandbox.model import Property

_MONEY_DIGITS = 4
_RATE_DIGITS = 10


@dataclass(frozen=True)
class Currency:
    symbol: str = ""
    precision: int = 2


def wire_value(column: Property, value: object) -> object:
    """A stored value as JSON: money with at least four decimals, an exchange rate with ten, times without fractions."""
    if isinstance(value, Decimal):
        digits = _MONEY_DIGITS if "money" in column.extra else _RATE_DIGITS if column.name == "exchangerate" else 0
        return at_least(value, digits)
    if column.type == "Edm.DateTimeOffset" and isinstance(value, str):
        return value.split(".")[0].removesuffix("Z") + "Z"
    return value


def at_least(value: Decimal, digits: int) -> Decimal:
    """The same number, with zeros up to so many decimals."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent >= digits:
        return value
    return Decimal(f"{value:.{digits}f}")


def formatted(column: Property, value: object, *, currency: Currency) -> str | None:
    """The formatted value, or None for a column that has none (text and identifiers)."""
    if column.options is not None:
        return column.options.get(str(value).lower())
    match value:
        case Decimal() if "money" in column.extra:
            sign = "-" if value < 0 else ""
            return f"{sign}{currency.symbol}{abs(value):,.{currency.precision}f}"
        case Decimal():
            return f"{at_least(value, 2):,f}"
        case float():
            return f"{value:,.5f}"
        case int():
            return f"{value:,}"
        case str() if column.type == "Edm.DateTimeOffset":
            return _moment(datetime.fromisoformat(value), date_only="dateOnly" in column.extra)
        case str() if column.type == "Edm.Date":
            return _day(date.fromisoformat(value))
    return None


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _moment(moment: datetime, *, date_only: bool) -> str:
    if date_only:
        return _day(moment.date())
    half = "AM" if moment.hour < 12 else "PM"
    return f"{_day(moment.date())} {moment.hour % 12 or 12}:{moment.minute:02d} {half}"
