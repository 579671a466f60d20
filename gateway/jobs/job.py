"""A job as any process sees it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from gateway.errors import ErrorCode

Json: TypeAlias = Any
"""What JSON can say, nothing else: a decimal, a date or a UUID goes in as text and comes out as text."""


class JobState(StrEnum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self not in (JobState.WAITING, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job is doing. ``error`` is fit for a caller. ``started_at`` is when it was last taken up."""

    job_id: str
    kind: str
    state: JobState
    progress: Json
    result: Json
    error: str | None
    error_code: ErrorCode | None
    cancelling: bool
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
