"""Conditions that administrators add to the filter of a mapping. Pure.

Source: Business Central, table Integration Table Mapping, "Table Filter" and "Integration Table Filter".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from gateway.odata.query import AnyOf, Compare, Either, Filter, Operator, Text, TextFunction, Value, unique
from gateway.sync.mapping import Rule


class Comparing(StrEnum):
    """How a column is compared."""

    EQUALS = "EQUALS"
    NOT_EQUALS = "NOT_EQUALS"
    GREATER_THAN = "GREATER_THAN"
    AT_LEAST = "AT_LEAST"
    LESS_THAN = "LESS_THAN"
    AT_MOST = "AT_MOST"
    CONTAINS = "CONTAINS"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    ONE_OF = "ONE_OF"
    BLANK = "BLANK"
    NOT_BLANK = "NOT_BLANK"


class ValueType(StrEnum):
    """What the values are."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    ID = "ID"


@dataclass(frozen=True, slots=True)
class Condition:
    """A column of one side compared with values, which are texts in the form of their type: ``true``, ``2026-01-31``, ``1.5``."""

    column: str
    comparing: Comparing
    values: tuple[str, ...] = ()
    type: ValueType = ValueType.TEXT

    @property
    def text(self) -> str:
        """As people read it."""
        return " ".join([self.column, self.comparing.lower().replace("_", " "), ", ".join(self.values)]).rstrip()

    def as_json(self) -> dict[str, Any]:
        return {"column": self.column, "comparing": self.comparing, "values": list(self.values), "type": self.type}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> "Condition":
        return cls(
            said["column"], Comparing(said["comparing"]), tuple(said["values"]), ValueType(said.get("type", "TEXT"))
        )


MOST_CONDITIONS: Final = 20
MOST_VALUES: Final = 50
MOST_CHARACTERS: Final = 250

_COLUMN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_TEXTS: Final[Mapping[Comparing, TextFunction]] = {
    Comparing.CONTAINS: "contains",
    Comparing.STARTS_WITH: "startswith",
    Comparing.ENDS_WITH: "endswith",
}
_OPERATORS: Final[Mapping[Comparing, Operator]] = {
    Comparing.EQUALS: "eq",
    Comparing.NOT_EQUALS: "ne",
    Comparing.GREATER_THAN: "gt",
    Comparing.AT_LEAST: "ge",
    Comparing.LESS_THAN: "lt",
    Comparing.AT_MOST: "le",
}


def rule_of(condition: Condition, *, blank: Value) -> Rule:
    """The condition as a rule of a mapping; ``blank`` is how the side says that nothing is there.

    Raises:
        ValueError: it cannot be used; the message says why.
    """
    return Rule(
        _filter(condition, blank),
        f"does not meet the condition '{condition.text}'",
        "Change the record, or the filter of the mapping with updateTableMapping.",
    )


def _filter(condition: Condition, blank: Value) -> Filter:
    column, comparing = condition.column, condition.comparing
    if _COLUMN.fullmatch(column) is None:
        raise ValueError(f"'{column}' is no name of a column")
    if comparing in (Comparing.BLANK, Comparing.NOT_BLANK):
        if condition.values:
            raise ValueError(f"{comparing} takes no value")
        return Compare(column, "eq" if comparing is Comparing.BLANK else "ne", blank)
    values = _values(condition)
    if comparing is Comparing.ONE_OF:
        return AnyOf(column, unique(values))
    if len(values) > 1:
        raise ValueError(f"{comparing} takes one value; use ONE_OF for several")
    if comparing not in _TEXTS:
        compared = Compare(column, _OPERATORS[comparing], values[0])
        has_nulls = comparing is Comparing.NOT_EQUALS and blank is None
        return Either((compared, Compare(column, "eq", None))) if has_nulls else compared
    if condition.type is not ValueType.TEXT:
        raise ValueError(f"{comparing} compares texts")
    return Text(_TEXTS[comparing], column, str(values[0]))


def _values(condition: Condition) -> Sequence[Value]:
    if not 1 <= len(condition.values) <= MOST_VALUES:
        raise ValueError(f"{condition.comparing} takes 1 to {MOST_VALUES} values")
    if any(not 1 <= len(each) <= MOST_CHARACTERS for each in condition.values):
        raise ValueError(f"a value has 1 to {MOST_CHARACTERS} characters; a blank is compared with BLANK")
    read = _READ[condition.type]
    try:
        return [read(each) for each in condition.values]
    except (ValueError, InvalidOperation) as error:
        said = ", ".join(f"'{each}'" for each in condition.values)
        raise ValueError(f"{said} cannot be read as {condition.type}") from error


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _no(text)


def _no(text: str) -> bool:
    raise ValueError(text)


_READ: Final[Mapping[ValueType, Callable[[str], Value]]] = {
    ValueType.TEXT: str,
    ValueType.NUMBER: _number,
    ValueType.BOOLEAN: _boolean,
    ValueType.DATE: date.fromisoformat,
    ValueType.ID: UUID,
}
