"""What a backend call takes along and brings back besides its data: how long it may take, and what really went over the wire."""

import time
from dataclasses import dataclass, field


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


@dataclass(slots=True)
class Call:
    """One backend call on behalf of somebody: its deadline, the id that follows it through the logs, its exchanges."""

    deadline: Deadline
    correlation_id: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
