"""A plan of match-based coupling: what was asked, what was found, and what somebody decided about it."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Mapping


class PlanState(StrEnum):
    """How far a plan is."""

    MATCHING = "MATCHING"
    READY = "READY"
    ACCEPTING = "ACCEPTING"
    UNDOING = "UNDOING"
    FAILED = "FAILED"


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    UNDONE = "UNDONE"


@dataclass(frozen=True, slots=True)
class MatchPlan:
    """One run of match-based coupling. ``to_crm``: records of Business Central look for rows of CRM, otherwise the other way.

    ``asked`` is what was asked for, as JSON: criteria, grouping, scoring. ``wish`` is what is being accepted or undone at the
    moment, as JSON.
    """

    id: UUID
    mapping: Mapping
    company_id: UUID
    to_crm: bool
    asked: ReadOnly[str, Any]
    state: PlanState
    created_at: datetime
    created_by: str
    finished_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    wish: ReadOnly[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredProposal:
    """One record of the side that was asked about. ``candidates`` are plain JSON, best first; ``score`` is the best one's.

    ``coupling_id`` and ``target_id`` are those of the coupling once it was accepted.
    """

    number: int
    source_id: UUID
    source_key: str | None
    source_name: str | None
    verdict: str
    priority: int | None
    score: int
    candidates: Sequence[ReadOnly[str, Any]]
    state: ProposalState = ProposalState.OPEN
    target_id: UUID | None = None
    coupling_id: UUID | None = None
    problem_code: str | None = None
    problem_message: str | None = None


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals of a plan; None does not filter.

    ``or_verdict``: also those of this verdict, whatever their score. ``coupled``: only those a coupling came of, or may have.
    """

    verdicts: tuple[str, ...] | None = None
    states: tuple[ProposalState, ...] | None = None
    minimum_score: int | None = None
    numbers: tuple[int, ...] | None = None
    or_verdict: str | None = None
    coupled: bool = False


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """How many proposals there are, by verdict and by what became of them."""

    verdicts: ReadOnly[str, int] = field(default_factory=dict)
    states: ReadOnly[str, int] = field(default_factory=dict)
