"""What came of one source record: a verdict, and the candidates with the reasons for and against each. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from gateway.matching.record import Value


class Verdict(StrEnum):
    """MATCHED and TAKEN by the criteria are Microsoft's rules, the rest is ours."""

    MATCHED = "MATCHED"
    """Exactly one candidate meets the criteria, it is free, and no other source has it."""

    LIKELY = "LIKELY"
    """None meets the criteria, but one is clearly the best by score, and no other source has as good a claim to it."""

    AMBIGUOUS = "AMBIGUOUS"
    """Several meet the criteria, or the best ones by score are close together."""

    CONTESTED = "CONTESTED"
    """Its only candidate is another source's too, which has as good a claim or a better one."""

    TAKEN = "TAKEN"
    """Its only candidate is coupled already."""

    NONE = "NONE"
    """Nothing, or nothing that is alike enough."""


class Outcome(StrEnum):
    """How two values of one field compare. BLANK: one side says nothing."""

    EQUAL = "EQUAL"
    EQUAL_WHEN_NORMALISED = "EQUAL_WHEN_NORMALISED"
    SIMILAR = "SIMILAR"
    DIFFERENT = "DIFFERENT"
    BLANK = "BLANK"


@dataclass(frozen=True, slots=True)
class Reason:
    """One field of a candidate. ``points`` speak for it, negative ones against it."""

    field: str
    source: Value
    target: Value
    outcome: Outcome
    points: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """``score`` from 0 to 100; 100 for a match, whatever else is on record.

    ``taken_by``: key of the record it is coupled to. ``claimed_by``: another source of this run that is to have it, or may.
    """

    id: UUID
    key: str | None
    name: str | None
    score: int
    taken_by: str | None
    claimed_by: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """``priority`` of the criteria that decided; None: they found nothing. ``candidates`` best first, at most five."""

    id: UUID
    key: str | None
    name: str | None
    verdict: Verdict
    priority: int | None
    candidates: tuple[Candidate, ...]
