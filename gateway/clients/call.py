"""What a backend call takes along and brings back besides its data: how long it may take, whom the backend takes us for, and
what really went over the wire.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from gateway.records import Backend

APPLICATION: Final = "application"
"""The acting identity of every backend call made with our own client credentials: what one caller reads, all may share."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, on the monotonic clock, at which the caller stops waiting."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at - time.monotonic()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was sent to a backend, and how it ended. ``status`` is None when no answer came."""

    backend: str
    method: str
    url: str
    status: int | None
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Acting:
    """Whom the backends take us for: a person at those that ``auth`` names, at the others the application.

    ``identity`` tells persons apart; it is neither a token nor made of one.
    """

    identity: str = APPLICATION
    auth: Mapping[Backend, httpx.Auth] = field(default_factory=dict, repr=False, compare=False)

    @property
    def personal(self) -> frozenset[Backend]:
        """The backends whose own rights decide what this caller sees."""
        return frozenset(self.auth)

    def at(self, backend: Backend) -> str:
        return self.identity if backend in self.auth else APPLICATION


AS_APPLICATION: Final = Acting()


@dataclass(slots=True)
class Call:
    """One backend call on behalf of somebody: its deadline, the id that follows it through the logs, who acts, its exchanges.

    ``dry_run``: nothing is written. What would be is checked as far as it can be without asking, and counts as carried out.
    """

    deadline: Deadline
    correlation_id: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    acting: Acting = AS_APPLICATION
    dry_run: bool = False
