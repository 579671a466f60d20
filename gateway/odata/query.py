"""OData queries as data, and their text. Pure.

A query is built from frozen parts and rendered for one backend's dialect::

    Query(select=("number",), filter=Compare("displayName", "eq", "O'Neill"), top=3)
    -> $select=number&$filter=displayName%20eq%20'O''Neill'&$top=3

Source: OData 4.01, Part 2: URL Conventions, 5.1.1 (expressions and literals).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal, Protocol
from urllib.parse import quote
from uuid import UUID

Value = str | bool | int | Decimal | UUID | date | datetime | None
Operator = Literal["eq", "ne", "gt", "ge", "lt", "le"]
TextFunction = Literal["contains", "startswith", "endswith"]


def literal(value: Value) -> str:
    """One value as an OData literal. ``bool`` and ``datetime`` come before the types they extend."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case int() | UUID():
            return str(value)
        case Decimal():
            return _decimal(value)
        case datetime():
            return _instant(value)
        case date():
            return value.isoformat()


def _decimal(value: Decimal) -> str:
    """Never in exponent form: ``1E+3`` is a double to an OData parser, not a decimal."""
    if not value.is_finite():
        raise ValueError(f"{value} has no OData literal")
    return format(value, "f")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a date-time without a time zone means nothing to a backend")
    text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Compare:
    """``property op value``."""

    property: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Text:
    """``contains(property,'value')`` and its siblings; the value is meant literally, wildcards or not."""

    function: TextFunction
    property: str
    value: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The property has one of these values. Values are distinct and not empty."""

    property: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; there is at least one."""

    parts: tuple["Filter", ...]

    def __post_init__(self) -> None:
        _some(self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    """One of the parts holds. Business Central accepts it over one property only (see its client)."""

    parts: tuple["Filter", ...]

    def __post_init__(self) -> None:
        _some(self.parts)


def _some(parts: tuple["Filter", ...]) -> None:
    if not parts:
        raise ValueError("a filter without parts has no text")


Filter = Compare | Text | AnyOf | All | Either


def both(*parts: Filter | None) -> Filter | None:
    """The conjunction of what is there; None filters nothing."""
    present = tuple(part for part in parts if part is not None)
    if len(present) < 2:
        return present[0] if present else None
    return All(present)


@dataclass(frozen=True, slots=True)
class Enumeration:
    """How a dialect writes "one of these": a prefix, one text per value, what stands between them, a suffix."""

    prefix: str
    items: tuple[str, ...]
    separator: str
    suffix: str

    def __str__(self) -> str:
        return self.prefix + self.separator.join(self.items) + self.suffix


class Dialect(Protocol):
    """How one backend spells what OData leaves open."""

    def any_of(self, condition: AnyOf) -> Enumeration: ...

    def text(self, value: str) -> str:
        """The argument of a text function with the backend's wildcards made harmless."""
        ...


def render(condition: Filter, dialect: Dialect) -> str:
    """A filter as text, not yet percent-encoded."""
    match condition:
        case Compare():
            return f"{condition.property} {condition.operator} {literal(condition.value)}"
        case Text():
            return f"{condition.function}({condition.property},{literal(dialect.text(condition.value))})"
        case AnyOf(name, (only,)):
            return f"{name} eq {literal(only)}"
        case AnyOf():
            return str(dialect.any_of(condition))
        case All():
            return " and ".join(_operand(part, dialect) for part in condition.parts)
        case Either():
            return " or ".join(_operand(part, dialect) for part in condition.parts)


def _operand(condition: Filter, dialect: Dialect) -> str:
    text = render(condition, dialect)
    return f"({text})" if isinstance(condition, Either | All | AnyOf) else text


@dataclass(frozen=True, slots=True)
class Order:
    """One term of ``$orderby``."""

    property: str
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.property} desc" if self.descending else self.property


@dataclass(frozen=True, slots=True)
class Expand:
    """A navigation property to bring along, with what is wanted of its rows."""

    navigation: str
    select: tuple[str, ...] = ()
    expand: tuple["Expand", ...] = ()

    def __str__(self) -> str:
        options = []
        if self.select:
            options.append("$select=" + ",".join(self.select))
        if self.expand:
            options.append("$expand=" + ",".join(map(str, self.expand)))
        return f"{self.navigation}({';'.join(options)})" if options else self.navigation


@dataclass(frozen=True, slots=True)
class Query:
    """The system query options of one GET."""

    select: tuple[str, ...] = ()
    expand: tuple[Expand, ...] = ()
    filter: Filter | None = None
    order: tuple[Order, ...] = ()
    top: int | None = None
    count: bool = False

    def options(self, dialect: Dialect) -> Iterator[tuple[str, str]]:
        """The options in a fixed order, so that equal queries are equal texts."""
        if self.select:
            yield "$select", ",".join(self.select)
        if self.expand:
            yield "$expand", ",".join(map(str, self.expand))
        if self.filter is not None:
            yield "$filter", render(self.filter, dialect)
        if self.order:
            yield "$orderby", ",".join(map(str, self.order))
        if self.top is not None:
            yield "$top", str(self.top)
        if self.count:
            yield "$count", "true"

    def encode(self, dialect: Dialect) -> str:
        """The query string, percent-encoded, without the question mark."""
        return "&".join(f"{name}={_encode(text)}" for name, text in self.options(dialect))


_SAFE = "$'(),;=:@/*!"
"""What RFC 3986 lets stand in a query besides letters and digits, less ``&``, ``+`` and ``#``, which mean something.

``=`` is safe in a value because servers split at the first one; OData nests options with it."""


def _encode(text: str) -> str:
    return quote(text, safe=_SAFE)


def encoded_length(text: str) -> int:
    """How many characters ``text`` takes in a query string."""
    return len(_encode(text))


def chunks(condition: AnyOf, dialect: Dialect, *, room: int) -> Iterator[AnyOf]:
    """Split one condition into parts that take at most ``room`` characters of query string each."""
    enumeration = dialect.any_of(condition)
    fixed = encoded_length(enumeration.prefix) + encoded_length(enumeration.suffix)
    separator = encoded_length(enumeration.separator)
    chunk: list[Value] = []
    used = fixed
    for value, item in zip(condition.values, enumeration.items, strict=True):
        cost = encoded_length(item) + separator
        if chunk and used + cost > room:
            yield AnyOf(condition.property, tuple(chunk))
            chunk, used = [], fixed
        chunk.append(value)
        used += cost
    if chunk:
        yield AnyOf(condition.property, tuple(chunk))


def unique(values: Iterable[Value]) -> tuple[Value, ...]:
    """Distinct values in the order they came."""
    return tuple(dict.fromkeys(values))
