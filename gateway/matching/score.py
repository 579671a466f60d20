"""How much speaks for two records being the same thing, out of 100, and the reasons one by one. Pure.

Each field on which both sides say something gives points for and points against, by how alike it is. The score is

    for / (max(ENOUGH, for) + against)

so that fields that are blank neither help nor harm, a single field that agrees never makes 100, and enough that agrees does not
wipe out what contradicts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.matching.criteria import Field, ValueKind
from gateway.matching.proposal import Outcome, Reason
from gateway.matching.record import Value
from gateway.matching.similarity import similarity
from gateway.matching.values import exact_form, is_blank


@dataclass(frozen=True, slots=True)
class Weight:
    """``agrees``: points for, when alike. ``differs``: points against, when not at all alike."""

    agrees: int
    differs: int


ENOUGH = 80
"""Points that make 100 where nothing contradicts: a name and one more strong field."""

WEIGHTS = {
    ValueKind.NAME: Weight(50, 40),
    ValueKind.CODE: Weight(60, 15),  # each system may number by itself: another number says little
    ValueKind.EMAIL: Weight(50, 20),  # one company has many addresses and telephones: another one is no contradiction
    ValueKind.PHONE: Weight(40, 15),
    ValueKind.WEB: Weight(35, 20),
    ValueKind.POSTAL_CODE: Weight(20, 20),
    ValueKind.TEXT: Weight(15, 10),
    ValueKind.OTHER: Weight(5, 10),  # that two are in the same country says little, that they are not says more
}

SHORT = {ValueKind.CODE: 4, ValueKind.PHONE: 6}
"""Fewer characters say no more than OTHER does: a choice, an extension."""


def score(fields: Sequence[Field], one: Sequence[str], other: Sequence[str]) -> int:
    """Of two records' normalised values, in the order of the fields."""
    agreed = opposed = 0.0
    for field, left, right in zip(fields, one, other, strict=True):
        if left and right:
            alike = similarity(field.kind, left, right)
            weight = _weight(field.kind, left, right)
            agreed += weight.agrees * alike
            opposed += weight.differs * (1 - alike)
    return round(100 * agreed / (max(ENOUGH, agreed) + opposed))


def reason(field: Field, values: tuple[Value, Value], normalised: tuple[str, str]) -> Reason:
    """One field of a source and a target."""
    source, target = values
    left, right = normalised
    if is_blank(source) or is_blank(target):
        return Reason(field.name, source, target, Outcome.BLANK, 0)
    alike = similarity(field.kind, left, right) if left and right else 0.0
    points = 0
    if left and right:
        weight = _weight(field.kind, left, right)
        points = round(weight.agrees * alike - weight.differs * (1 - alike))
    return Reason(field.name, source, target, _outcome(field, values, alike), points)


def _weight(kind: ValueKind, one: str, other: str) -> Weight:
    short = min(len(one), len(other)) < SHORT.get(kind, 0)
    return WEIGHTS[ValueKind.OTHER if short else kind]


def _outcome(field: Field, values: tuple[Value, Value], alike: float) -> Outcome:
    left, right = (exact_form(each, case_sensitive=field.case_sensitive) for each in values)
    if left == right:
        return Outcome.EQUAL
    if alike == 1.0:
        return Outcome.EQUAL_WHEN_NORMALISED
    return Outcome.SIMILAR if alike else Outcome.DIFFERENT
