"""How property values lie in SQLite columns, so that plain comparison there is the comparison the vendors define.

| kind    | Edm types                  | column                                                             |
|---------|----------------------------|--------------------------------------------------------------------|
| text    | String, enumerations       | as is; compared through `fold()`, the Unicode case folding           |
| guid    | Guid                       | lower case, hyphens, no braces                                     |
| number  | Decimal                    | order-preserving text, exact for up to 4,999 digits either way     |
| integer | Int32, Int64, Boolean      | INTEGER                                                            |
| real    | Double                     | REAL                                                               |
| date    | Date                       | `2026-05-04`                                                       |
| moment  | DateTimeOffset             | UTC with seven digits of fraction; handed out with zeros trimmed   |

A decimal is stored as a class digit (0 negative, 1 zero, 2 positive), the exponent plus 5000 and the significant
digits; negatives hold nine's complements and end in `~`. Text order is then numeric order, an ordinary index serves it,
and the value comes back exactly, although without insignificant trailing zeros.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache, partial

from gateway.sandbox.model import Property
from gateway.sandbox.tree import Scalar

_KINDS = {
    "Edm.Guid": "guid",
    "Edm.Decimal": "number",
    "Edm.Int32": "integer",
    "Edm.Int64": "integer",
    "Edm.Boolean": "integer",
    "Edm.Double": "real",
    "Edm.Date": "date",
    "Edm.DateTimeOffset": "moment",
}
_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z")


def kind(property_type: str) -> str:
    """The kind of column an Edm type is stored in; enumerations are text."""
    return _KINDS.get(property_type, "text")


def declaration(column: Property) -> str:
    return {"integer": "INTEGER", "real": "REAL"}.get(kind(column.type), "TEXT")


def encoder(column: Property) -> Callable[[object], Scalar | float]:
    """What turns values of a property into what its column holds; None becomes the property's empty value.

    The function it returns raises ValueError for a value that is not of the property's type.
    """
    converted = _TO_COLUMN[kind(column.type)]
    empty = None if column.empty is None else converted(column.empty)

    def stored(value: object) -> Scalar | float:
        if value is None:
            return empty
        try:
            return converted(value)
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"'{value}' is no {column.type} for '{column.name}'.") from error

    return stored


def encode(column: Property, value: object) -> Scalar | float:
    """One value as its column holds it."""
    return encoder(column)(value)


def _guid(value: object) -> str:
    return str(value).strip("{}").lower()


def _number(value: object) -> str:
    return number_text(value if isinstance(value, Decimal) else Decimal(str(value)))


def _integer(value: object) -> int:
    return int(value) if isinstance(value, (int, Decimal)) else int(str(value))


@lru_cache(maxsize=4096)
def _date(value: date | str) -> str:
    return value.isoformat() if isinstance(value, date) else date.fromisoformat(value[:10]).isoformat()


@lru_cache(maxsize=4096)
def _moment(value: datetime | str) -> str:
    if isinstance(value, str) and (match := _MOMENT.fullmatch(value)):
        return f"{match[1]}.{(match[2] or '')[:7].ljust(7, '0')}Z"
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}0Z"


_TO_COLUMN: dict[str, Callable[[object], Scalar | float]] = {
    "text": str,
    "guid": _guid,
    "number": _number,
    "integer": _integer,
    "real": lambda value: float(str(value)),
    "date": lambda value: _date(value if isinstance(value, date) else str(value)),
    "moment": lambda value: _moment(value if isinstance(value, datetime) else str(value)),
}


def to_column(column_kind: str, value: object) -> Scalar | float:
    """One value as a column of that kind holds it.

    Raises:
        ValueError: it is not of that kind.
        ArithmeticError: it is no number.
    """
    return _TO_COLUMN[column_kind](value)


def decoder(column: Property) -> Callable[[Scalar | float], object] | None:
    """What turns a column's content into the value the rest of the sandbox works with; None where they are the same."""
    match kind(column.type):
        case "number":
            return lambda stored: None if stored is None else text_number(str(stored))
        case "integer" if column.type == "Edm.Boolean":
            return lambda stored: None if stored is None else bool(stored)
        case "moment":
            return lambda stored: None if stored is None else str(stored)[:-1].rstrip("0").rstrip(".") + "Z"
        case _:
            return None


def decode(column: Property, stored: Scalar | float) -> object:
    """One value from its column."""
    decoding = decoder(column)
    return stored if decoding is None else decoding(stored)


@lru_cache(maxsize=4096)
def number_text(value: Decimal) -> str:
    """The order-preserving text of a decimal."""
    if not value.is_finite():
        raise ValueError("not a finite number")
    if not value:
        return "1"
    sign, digits, _ = value.as_tuple()
    significant = "".join(map(str, digits)).lstrip("0").rstrip("0")
    exponent = value.adjusted() + 5000
    if not 0 <= exponent <= 9999:
        raise ValueError("out of range")
    if sign:
        return f"0{9999 - exponent:04d}{significant.translate(_COMPLEMENT)}~"
    return f"2{exponent:04d}{significant}"


@lru_cache(maxsize=4096)
def text_number(text: str) -> Decimal:
    """The decimal an order-preserving text stands for."""
    if text == "1":
        return Decimal(0)
    negative = text[0] == "0"
    digits = text[5:-1].translate(_COMPLEMENT) if negative else text[5:]
    exponent = (9999 - int(text[1:5]) if negative else int(text[1:5])) - 5000
    sign = "-" if negative else ""
    if 0 <= exponent < 28 and len(digits) <= exponent + 1:
        return Decimal(sign + digits.ljust(exponent + 1, "0"))
    return Decimal(f"{sign}{digits}E{exponent - len(digits) + 1}")


@lru_cache(maxsize=8192)
def fold(text: str | None) -> str | None:
    """Text as it is compared: composed, without regard to case."""
    return None if text is None else unicodedata.normalize("NFC", str(text)).casefold()


def matches(text: str | None, pattern: str | None) -> bool | None:
    """SQL Server's LIKE: `%`, `_`, `[abc]`, `[a-z]` and `[^a]`, without regard to case."""
    if text is None or pattern is None:
        return None
    return _like(str(fold(pattern))).fullmatch(str(fold(text))) is not None


@lru_cache(maxsize=256)
def _like(pattern: str) -> re.Pattern[str]:
    parts = []
    for piece in re.findall(r"%+|_|\[\^?[^\]]+\]|.", pattern, re.DOTALL):
        if piece[0] == "%":
            parts.append(".*")
        elif piece == "_":
            parts.append(".")
        elif len(piece) > 2 and piece[0] == "[":
            inverted, members = piece[1] == "^", piece[1:-1].removeprefix("^")
            escaped = members.replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
            parts.append(f"[{'^' if inverted else ''}{escaped}]" if escaped else re.escape(piece))
        else:
            parts.append(re.escape(piece))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern), re.DOTALL)


def _rounded(mode: str, text: str | None) -> str | None:
    return None if text is None else number_text(text_number(text).to_integral_value(rounding=mode))


def _as_number(value: int | float | None) -> str | None:
    return None if value is None else number_text(Decimal(str(value)))


def _strip(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that compiled expressions and indexes use."""
    functions: dict[str, tuple[int, Callable[..., str | int | None]]] = {
        "fold": (1, fold),
        "matches": (2, matches),
        "as_number": (1, _as_number),
        "round_number": (1, partial(_rounded, ROUND_HALF_UP)),
        "floor_number": (1, partial(_rounded, ROUND_FLOOR)),
        "ceiling_number": (1, partial(_rounded, ROUND_CEILING)),
        "strip_text": (1, _strip),
        "upper_text": (1, _upper),
        "lower_text": (1, _lower),
    }
    for name, (arity, function) in functions.items():
        connection.create_function(name, arity, function, deterministic=True)
