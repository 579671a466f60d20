"""Filters and orders of the lists, and what they become at a backend.

Every filter is pushed down; its parts all have to hold. Within one property ``in`` gives alternatives; alternatives over
two properties are not offered because Business Central refuses them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

import strawberry

from gateway.errors import InvalidInputError
from gateway.odata.query import AnyOf, Compare, Filter, Operator, Text, TextFunction, Value, both, unique
from gateway.reading.paging import Sort
from gateway.reading.values import usable
from gateway.records import Backend

_MOST_VALUES = 100
"""Values of ordinary length fit into one URL of Business Central; longer ones are refused by length."""

_PROPERTY = "property"
_WIRE = "wire"


class Condition(Protocol):
    """What one property is compared with."""

    def filters(self, name: str, backend: Backend) -> Iterator[Filter]: ...


@strawberry.enum(description="Up or down.")
class Direction(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest first.")
    DESC = strawberry.enum_value("DESC", description="Largest first.")


def _optional(description: str, **metadata: object) -> Any:
    return strawberry.field(default=None, description=description, metadata=metadata)


@strawberry.input(description="Conditions on text. Both systems compare without regard to case.")
class TextFilter:
    eq: str | None = _optional("Equal to.")
    ne: str | None = _optional("Not equal to.")
    in_: list[str] | None = strawberry.field(name="in", default=None, description="One of these, up to 100.")
    contains: str | None = _optional("Has this somewhere; taken literally, also % and _.")
    starts_with: str | None = _optional("Begins with this.")
    ends_with: str | None = _optional("Ends with this.")
    is_blank: bool | None = _optional("Whether it is empty.")

    def filters(self, name: str, backend: Backend) -> Iterator[Filter]:
        for given in (self.eq, self.ne, self.contains, self.starts_with, self.ends_with, *(self.in_ or ())):
            usable(given or "", "filter")
        if self.eq is not None:
            yield Compare(name, "eq", self.eq)
        if self.ne is not None:
            yield Compare(name, "ne", self.ne)
        if self.in_ is not None:
            yield _one_of(name, self.in_)
        functions: tuple[tuple[TextFunction, str | None], ...] = (
            ("contains", self.contains),
            ("startswith", self.starts_with),
            ("endswith", self.ends_with),
        )
        for function, value in functions:
            if value is not None:
                yield Text(function, name, value)
        if self.is_blank is not None:
            blank = "" if backend is Backend.BUSINESS_CENTRAL else None
            yield Compare(name, "eq" if self.is_blank else "ne", blank)


def _one_of(name: str, values: list[str]) -> Filter:
    if not 1 <= len(values) <= _MOST_VALUES:
        raise InvalidInputError(f"`in` takes between 1 and {_MOST_VALUES} values.", argument="filter")
    return AnyOf(name, unique(values))


def _bounds(name: str, condition: Any) -> Iterator[Filter]:
    operators: tuple[Operator, ...] = ("eq", "gt", "ge", "lt", "le")
    for operator, field in zip(operators, ("eq", "gt", "gte", "lt", "lte"), strict=True):
        value: Value = getattr(condition, field)
        if value is not None:
            yield Compare(name, operator, value)


@strawberry.input(description="Conditions on a number.")
class DecimalFilter:
    eq: Decimal | None = _optional("Equal to.")
    gt: Decimal | None = _optional("Greater than.")
    gte: Decimal | None = _optional("Greater than or equal to.")
    lt: Decimal | None = _optional("Less than.")
    lte: Decimal | None = _optional("Less than or equal to.")

    def filters(self, name: str, backend: Backend) -> Iterator[Filter]:
        return _bounds(name, self)


@strawberry.input(description="Conditions on a moment.")
class DateTimeFilter:
    eq: datetime | None = _optional("At.")
    gt: datetime | None = _optional("After.")
    gte: datetime | None = _optional("At or after.")
    lt: datetime | None = _optional("Before.")
    lte: datetime | None = _optional("At or before.")

    def filters(self, name: str, backend: Backend) -> Iterator[Filter]:
        return _bounds(name, self)


def on(name: str, description: str, *, wire: dict[Any, Value] | None = None) -> Any:
    """A filter's field: a condition on a property, or (with ``wire``) a value it has to have."""
    return _optional(description, **{_PROPERTY: name, _WIRE: wire})


def to_filter(given: Any, backend: Backend) -> Filter | None:
    """A list's filter input as a filter of the backend; None filters nothing."""
    return both(*_conditions(given, backend)) if given is not None else None


def properties_of(given: Any) -> Iterator[str]:
    """The properties a filter input compares."""
    for field in dataclasses.fields(given) if given is not None else ():
        if getattr(given, field.name) is not None:
            yield property_of(field.metadata)


def property_of(metadata: Mapping[Any, Any]) -> str:
    """The property that a filter's field compares."""
    return str(metadata[_PROPERTY])


def _conditions(given: Any, backend: Backend) -> Iterator[Filter]:
    for field in dataclasses.fields(given):
        value = getattr(given, field.name)
        name = field.metadata[_PROPERTY]
        wire = field.metadata[_WIRE]
        if value is None:
            continue
        if wire is not None:
            yield Compare(name, "eq", wire[value])
        elif isinstance(value, bool):
            yield Compare(name, "eq", value)
        else:
            yield from value.filters(name, backend)


def to_sort(field: Sort | None, direction: Direction | None, default: Sort) -> Sort:
    """The order of a list: the chosen property, or the set's own."""
    chosen = field or default
    return dataclasses.replace(chosen, descending=direction is Direction.DESC)
