"""One entry of the audit trail: who asked for a mutation, from where, for what, and what came of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class AuditOutcome(StrEnum):
    """How a mutation ended. ``NOT_ENDED`` is no end: it is under way, or whoever carried it out was cut off."""

    SUCCEEDED = "SUCCEEDED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"
    BROKEN_OFF = "BROKEN_OFF"
    NOT_ENDED = "NOT_ENDED"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a request came from, as far as that is known. ``origin`` is the page whose script sent it."""

    address: str | None = None
    user_agent: str | None = None
    origin: str | None = None
    transport: str | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """Written before anything is done."""

    mutation: str
    at: datetime
    object_id: str
    tenant_id: str
    name: str
    roles: Sequence[str]
    is_application: bool
    correlation_id: str
    input: Any
    where: Whereabouts
    records: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """Written afterwards. ``payload`` is the type of the answer, ``more`` how many changes are not told one by one."""

    at: datetime
    outcome: AuditOutcome
    payload: str | None = None
    codes: Sequence[str] = ()
    changes: Any = ()
    more: int = 0
    records: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry as it is read; without ``ending`` nobody wrote one."""

    number: int
    beginning: Beginning
    ending: Ending | None

    @property
    def outcome(self) -> AuditOutcome:
        return self.ending.outcome if self.ending is not None else AuditOutcome.NOT_ENDED


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; None does not filter. ``until`` itself is not included."""

    object_id: str | None = None
    tenant_id: str | None = None
    mutation: str | None = None
    record: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: AuditOutcome | None = None
    correlation_id: str | None = None


def changes_of(notes: Sequence[Any]) -> list[Mapping[str, Any]]:
    """What was noted, as it is kept: names that say nothing are left out."""
    told = ("kind", "event", "what", "before", "after")
    return [
        {name: value for name in told if (value := getattr(each, name)) is not None and value != {}} for each in notes
    ]
