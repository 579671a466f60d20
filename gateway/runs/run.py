"""A synchronization run, its counters and its errors: the job log.

Source: Business Central, tables Integration Synch. Job (5338) and Integration Synch. Job Errors (5339).
"""

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Mapping
from gateway.records import Backend


class RunKind(StrEnum):
    """What a run is about."""

    MODIFIED = "MODIFIED"
    """What changed since the last run of the mapping."""
    RECORDS = "RECORDS"
    """Chosen couplings."""
    RECONCILE = "RECONCILE"
    """Whether both records of all couplings are still there."""
    STATISTICS = "STATISTICS"
    """The statistics of all coupled customers, copied to CRM."""
    STOCK = "STOCK"
    """The stock of all coupled items, copied to CRM."""
    FULL = "FULL"
    """Every record of the mapping."""
    RETRY = "RETRY"
    """What failed or is skipped, all of it or one kind of error."""
    DRY_RUN = "DRY_RUN"
    """What a run of another kind would do, without doing it."""


class RunState(StrEnum):
    """How far it is."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    """It came to its end; single records may have failed."""
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self not in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of records. ``skipped``: on the skip list, outside the filter, or not coupled."""

    inserted: int = 0
    modified: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    coupled: int = 0
    uncoupled: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counters)))

    def as_json(self) -> dict[str, int]:
        return {each.name: getattr(self, each.name) for each in fields(Counters)}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counters by direction: records written to a side, or meant for it. ``total`` counts each record once."""

    total: Counters = field(default_factory=Counters)
    to_bc: Counters = field(default_factory=Counters)
    to_crm: Counters = field(default_factory=Counters)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.total + other.total, self.to_bc + other.to_bc, self.to_crm + other.to_crm)

    def as_json(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name).as_json() for each in fields(Tally)}

    @classmethod
    def of_json(cls, said: ReadOnly[str, Any]) -> "Tally":
        return cls(**{name: Counters(**counters) for name, counters in said.items()})


@dataclass(frozen=True, slots=True)
class Run:
    """One entry of the job log. ``asked`` is what was asked for, as JSON; ``message`` why it ended early.

    ``progressed_at`` is when its last page was finished.
    """

    id: UUID
    mapping: Mapping
    company_id: UUID
    kind: RunKind
    asked: ReadOnly[str, Any]
    state: RunState
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tally: Tally = field(default_factory=Tally)
    error_code: str | None = None
    message: str | None = None
    progressed_at: datetime | None = None

    @property
    def dry_run(self) -> bool:
        return self.kind is RunKind.DRY_RUN

    @property
    def about(self) -> RunKind:
        """Its kind, or that of the run that it is a dry run of."""
        return RunKind(self.asked["of"]) if self.dry_run else self.kind


@dataclass(frozen=True, slots=True)
class RunError:
    """One record that could not be synchronized: what is wrong, with both records by name, and what to do about it.

    ``field`` is the one field that is to blame, if there is one. ``to`` is the side that should have been written.
    """

    run_id: UUID
    number: int
    mapping: Mapping
    company_id: UUID
    code: str
    message: str
    at: datetime
    hint: str | None = None
    field: str | None = None
    to: Backend | None = None
    coupling_id: UUID | None = None
    bc_id: UUID | None = None
    bc_number: str | None = None
    bc_name: str | None = None
    crm_id: UUID | None = None
    crm_number: str | None = None
    crm_name: str | None = None
