"""What a match is asked for, as it is kept with its plan, and as the matcher wants it. Pure.

Source: Business Central, "Set Up a Connection", match-based coupling.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.matching.criteria import Comparison, Criteria, Criterion, Field, Grouping, ValueKind
from gateway.matching.record import MatchRow, Value
from gateway.records import Backend
from gateway.sync.mapping import FieldMapping, Kind, TableMapping
from gateway.sync.records import Found

_SHARED = frozenset({"country", "state"})
"""Fields whose value many records share: they prove little."""


@dataclass(frozen=True, slots=True)
class AskedField:
    """One field to match by."""

    field: str
    priority: int = 0
    case_sensitive: bool = False
    comparison: Comparison = Comparison.EXACT


@dataclass(frozen=True, slots=True)
class Asked:
    """What to match by. Without ``fields`` the mapping's own are taken."""

    fields: tuple[AskedField, ...] | None = None
    grouping: Grouping = Grouping.FALL_BACK
    scored: bool = True
    minimum_score: int = 60

    def as_json(self) -> dict[str, Any]:
        """As it is kept with a plan."""
        fields = None
        if self.fields is not None:
            fields = [[each.field, each.priority, each.case_sensitive, each.comparison] for each in self.fields]
        return {"fields": fields, "grouping": self.grouping, "scored": self.scored, "minimumScore": self.minimum_score}


def asked_from(stored: Mapping[str, Any]) -> Asked:
    """What a plan was asked for."""
    fields = stored["fields"]
    if fields is not None:
        fields = tuple(AskedField(name, priority, case, Comparison(how)) for name, priority, case, how in fields)
    return Asked(fields, Grouping(stored["grouping"]), stored["scored"], stored["minimumScore"])


def fields_of(mapping: TableMapping, asked: Asked) -> tuple[AskedField, ...]:
    """The fields that are matched by: the caller's, or the mapping's own, each group with the next priority."""
    if asked.fields is not None:
        return asked.fields
    return tuple(AskedField(name, priority) for priority, names in enumerate(mapping.match) for name in names)


def criteria_of(mapping: TableMapping, asked: Asked) -> Criteria:
    """
    Raises:
        RefusalError: no field was chosen.
        InvalidInputError: a field is none that can be matched by, or is chosen twice in one group.
    """
    fields = fields_of(mapping, asked)
    if not fields:
        raise RefusalError(
            ErrorCode.MATCH_CRITERIA_MISSING,
            f"You must specify which fields to use for match-based coupling of the mapping {mapping.name}.",
            hint=f"Choose from: {', '.join(each.name for each in matchable(mapping))}.",
            argument="criteria",
        )
    known = {each.name: each for each in matchable(mapping)}
    for each in fields:
        if each.field not in known:
            raise InvalidInputError(
                f"{each.field} is no field to match by. The fields are: {', '.join(known)}.", argument="criteria"
            )
    if len({(each.field, each.priority) for each in fields}) < len(fields):
        raise InvalidInputError("A field is chosen twice in one group.", argument="criteria")
    criteria = tuple(
        Criterion(each.field, kind_of(known[each.field]), each.priority, each.case_sensitive, each.comparison)
        for each in fields
    )
    chosen = {each.field for each in fields}
    evidence = (
        [Field(name, kind_of(each)) for name, each in known.items() if name not in chosen] if asked.scored else []
    )
    return Criteria(criteria, asked.grouping, asked.scored, asked.minimum_score, evidence=tuple(evidence))


def matchable(mapping: TableMapping) -> Iterator[FieldMapping]:
    """The fields that hold a value of the record's own; a look-up holds another record's, and a constant has one side only."""
    return (each for each in mapping.fields if each.kind is not Kind.LOOKUP and each.bc and each.crm)


def kind_of(field: FieldMapping) -> ValueKind:
    """How much the field proves, and how it is normalised."""
    if field.name in _SHARED:
        return ValueKind.OTHER
    if field.name == "postalCode":
        return ValueKind.POSTAL_CODE
    return ValueKind(field.kind) if field.kind.value in ValueKind.__members__ else ValueKind.OTHER


def columns_of(mapping: TableMapping, backend: Backend, criteria: Criteria) -> frozenset[str]:
    """What is read of a record to match it."""
    names = {each.name for each in criteria.fields}
    fields = [each for each in mapping.fields if each.name in names]
    return frozenset(each.bc if backend is Backend.BUSINESS_CENTRAL else each.crm for each in fields)


def rows_of(
    mapping: TableMapping, backend: Backend, criteria: Criteria, found: Sequence[Found], partners: Mapping[Any, str]
) -> list[MatchRow]:
    """Records as the matcher wants them; ``partners`` are the keys of the records that targets are coupled with, by id."""
    names = {each.name for each in criteria.fields}
    columns = [
        (each.name, each.bc if backend is Backend.BUSINESS_CENTRAL else each.crm)
        for each in mapping.fields
        if each.name in names
    ]
    return [
        MatchRow(
            each.id,
            each.number,
            each.name,
            {name: _value(each.values.get(column)) for name, column in columns},
            partners.get(each.id),
        )
        for each in found
    ]


def _value(value: object) -> Value:
    match value:
        case None | str() | bool() | Decimal():
            return value
        case int():
            return Decimal(value)
        case date():
            return value.isoformat()
        case _:
            return str(value)
