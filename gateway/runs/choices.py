"""What a person decided about single fields of a conflict. Pure.

A choice holds for what the person looked at, and for what it makes of that: so a run that broke off between its two writes still
finds it, and a value that somebody entered meanwhile is not overwritten by it.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from gateway.errors import InvalidInputError, ProtocolError
from gateway.json_text import dumps
from gateway.records import Backend
from gateway.sync.comparison import AT_MOST, Places, canonical
from gateway.sync.differences import Difference
from gateway.sync.mapping import Direction, FieldMapping, Kind
from gateway.sync.names import split
from gateway.sync.records import Found

_MOST_CHARACTERS = 2000
"""More than any field of a mapping takes."""


_MOST_DIGITS = 15
"""Before the point of a number, and behind it. Source: Dataverse, "Money columns"."""


class Use(StrEnum):
    """What both sides of a field are to hold."""

    BUSINESS_CENTRAL = "BUSINESS_CENTRAL"
    DATAVERSE = "DATAVERSE"
    VALUE = "VALUE"


@dataclass(frozen=True, slots=True)
class Choice:
    """``seen`` is what Business Central and CRM held when it was made, ``value`` what both are to hold: canonical texts."""

    use: Use
    seen: tuple[str | None, str | None]
    value: str | None

    @property
    def to(self) -> tuple[Backend, ...]:
        """The sides that are written."""
        return {
            Use.BUSINESS_CENTRAL: (Backend.DATAVERSE,),
            Use.DATAVERSE: (Backend.BUSINESS_CENTRAL,),
            Use.VALUE: (Backend.BUSINESS_CENTRAL, Backend.DATAVERSE),
        }[self.use]

    def holds(self, difference: Difference) -> bool:
        """Whether both sides are still as seen, or as this choice makes them."""
        now = (difference.business_central, difference.dataverse)
        return all(each in (seen, self.value) for each, seen in zip(now, self.seen, strict=True))

    def as_json(self) -> dict[str, Any]:
        return {"use": self.use, "seen": list(self.seen), "value": self.value}

    @classmethod
    def of_json(cls, said: ReadOnly[str, Any]) -> "Choice":
        bc, crm = said["seen"]
        return cls(Use(said["use"]), (bc, crm), said["value"])


def choose(difference: Difference, use: Use, value: str | None, places: Places = AT_MOST) -> Choice:
    """
    Args:
        value: as a person writes it; None for any use but VALUE, and for a blank.
        places: how many decimals CRM keeps.

    Raises:
        InvalidInputError: the value is none that both sides can take.
    """
    field, seen = difference.field, (difference.business_central, difference.dataverse)
    if use is not Use.VALUE:
        if value is not None:
            raise InvalidInputError(f"{field.label}: a value goes with VALUE only.", argument="fields")
        return Choice(use, seen, seen[0] if use is Use.BUSINESS_CENTRAL else seen[1])
    return Choice(use, seen, _checked(field, value, places))


def _checked(field: FieldMapping, value: str | None, places: Places) -> str | None:
    """The value in the form in which both sides are compared. Raises: InvalidInputError."""
    if field.kind is Kind.LOOKUP:
        raise _unusable(field, "it refers to another record: keep one side's")
    if field.given_by_bc or field.once:
        raise _unusable(field, "one of the systems takes no value for it: keep that side's")
    if value is not None and len(value) > _MOST_CHARACTERS:
        raise _unusable(field, f"a value has at most {_MOST_CHARACTERS} characters")
    text = _text(field, value, places)
    if not text or (field.kind is Kind.DECIMAL and text == "0"):
        if field.not_null:
            raise _unusable(field, "a blank is never written")
        return text or None
    if field.not_negative and text.startswith("-"):
        raise _unusable(field, "it cannot be below 0 in CRM")
    for backend in Backend:
        room = field.room(backend)
        if room is not None and len(text) > room:
            raise _unusable(field, f"the value has {len(text)} characters, {backend.label} takes {room}")
    return text


def _text(field: FieldMapping, value: str | None, places: Places) -> str:
    """Raises: InvalidInputError."""
    if value is None or not value.strip():
        return "0" if field.kind is Kind.DECIMAL else ""
    given: object = value.strip()
    try:
        if field.kind is Kind.DECIMAL:
            given = number = Decimal(value.strip())
            if not number.is_finite() or number.adjusted() > _MOST_DIGITS or len(value) > 2 * _MOST_DIGITS:
                raise ValueError("more than either system takes")
        plain = replace(field, not_negative=False, otherwise=None)
        return canonical(plain, Backend.BUSINESS_CENTRAL, {field.bc: given}, places)
    except (ArithmeticError, ValueError, ProtocolError) as error:
        what = "number, such as 12.5" if field.kind is Kind.DECIMAL else "date, such as 2026-11-16"
        raise _unusable(field, f"this is no {what}") from error


def _unusable(field: FieldMapping, why: str) -> InvalidInputError:
    return InvalidInputError(f"{field.label} ({field.name}): {why}.", argument="fields")


def conflicts_among(differences: Iterable[Difference]) -> list[Difference]:
    """Those that a person may decide on: they go both ways, and are synchronized."""
    return [each for each in differences if each.field.enabled and each.direction is Direction.BIDIRECTIONAL]


def token_of(differences: Sequence[Difference]) -> str:
    """The same for the same differences: what a person looked at before deciding."""
    seen = [[each.field.name, each.business_central, each.dataverse, each.synchronized] for each in differences]
    return sha256(dumps(sorted(seen, key=str)).encode(errors="replace")).hexdigest()[:32]


def as_chosen(record: Found, field: FieldMapping, value: str | None) -> Found:
    """The record as if it held the value already: what the other side is to get."""
    if record.table.source.backend is Backend.BUSINESS_CENTRAL:
        values: dict[str, object] = {field.bc: value or ""}
        if field.otherwise:
            values[field.otherwise] = value or ""
    elif field.parts:
        values = {name: part or None for name, part in zip(field.parts, split(value or ""), strict=True)}
        values[field.crm] = value
    else:
        values = {field.crm: value}
    if field.kind is Kind.DECIMAL:
        values = {name: Decimal(value or "0") for name in values}
    if field.kind is Kind.DATE:
        values = dict.fromkeys(values, value)
    return replace(record, values={**record.values, **values})
