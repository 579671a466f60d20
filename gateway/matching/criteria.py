"""What makes two records the same thing: which fields are compared, how, and in which order. Pure.

Source: Business Central, "Set Up a Connection", match-based coupling; codeunit CDS Int. Table Couple.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import InvalidInputError

MOST_CRITERIA = 10
"""Every combination of blank fields that occurs is one search, so n fields in a group can be 2^n searches."""


class Comparison(StrEnum):
    """When two values are alike: EXACT by Microsoft's rules, NORMALISED when no more than their spelling differs."""

    EXACT = "EXACT"
    NORMALISED = "NORMALISED"


class Grouping(StrEnum):
    """What a later priority does with the conditions of earlier ones: forgets them, or keeps them as Microsoft's code does."""

    FALL_BACK = "FALL_BACK"
    NARROW = "NARROW"


class ValueKind(StrEnum):
    """What a field holds, which says how it is normalised and how much it proves.

    CODE is a number somebody gave to this one record. What many records share (country, currency, terms) is OTHER.
    """

    NAME = "NAME"
    TEXT = "TEXT"
    CODE = "CODE"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    WEB = "WEB"
    POSTAL_CODE = "POSTAL_CODE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is compared. ``case_sensitive``: some criterion wants it so."""

    name: str
    kind: ValueKind
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """One field to match by. Those of one priority have to agree together; lower priorities are tried first."""

    field: str
    kind: ValueKind
    priority: int = 0
    case_sensitive: bool = False
    comparison: Comparison = Comparison.EXACT


@dataclass(frozen=True, slots=True)
class Group:
    """One search. ``own`` and ``all`` are places in `Criteria.criteria`; they differ when groups narrow."""

    priority: int
    own: tuple[int, ...]
    all: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Criteria:
    """``evidence``: further fields that decide nothing by themselves, but count in a score and are shown among the reasons.

    ``minimum_score`` and ``margin`` over the second best are what makes a scored candidate a likely one.

    Raises:
        InvalidInputError: without criteria, or with some that contradict each other.
    """

    criteria: tuple[Criterion, ...]
    grouping: Grouping = Grouping.FALL_BACK
    scored: bool = True
    minimum_score: int = 60
    margin: int = 10
    evidence: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        problem = next(self._problems(), None)
        if problem:
            raise InvalidInputError(problem)

    def _problems(self) -> Iterator[str]:
        if not self.criteria:
            yield "You must specify which fields to use for match-based coupling."
        if len(self.criteria) > MOST_CRITERIA:
            yield f"Match-based coupling takes at most {MOST_CRITERIA} criteria."
        if not (0 < self.minimum_score <= 100 and 0 < self.margin <= 100):
            yield "The minimum score and the margin are between 1 and 100."
        for each in self.criteria:
            if each.case_sensitive and each.comparison is Comparison.NORMALISED:
                yield f'The field "{each.field}" cannot be compared both normalised and case-sensitive.'
        kinds = {(each.field, each.kind) for each in self.criteria} | {(each.name, each.kind) for each in self.evidence}
        if len(kinds) > len({name for name, _ in kinds}):
            yield "A field is of one kind, whatever the criterion."

    @property
    def groups(self) -> tuple[Group, ...]:
        """One for each priority, in the order they are tried."""
        groups: list[Group] = []
        for priority in sorted({each.priority for each in self.criteria}):
            own = tuple(place for place, each in enumerate(self.criteria) if each.priority == priority)
            earlier = groups[-1].all if groups and self.grouping is Grouping.NARROW else ()
            groups.append(Group(priority, own, earlier + own))
        return tuple(groups)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field that is compared, once: those of the criteria in their order, then further evidence."""
        ordered = sorted(self.criteria, key=lambda each: each.priority)
        kinds = {each.field: each.kind for each in ordered} | {each.name: each.kind for each in self.evidence}
        strict = {each.field for each in self.criteria if each.case_sensitive}
        return tuple(Field(name, kind, name in strict) for name, kind in kinds.items())
