"""When a backend is not asked any more for a while, because it did not answer many times in a row. Pure.

::

    closed ──(failures in a row)──> open ──(pause)──> one request is let through
       ^                             ^                    │
       └────────── it answered ──────┼────────────────────┤
                                     └─ it did not: pause doubled ─┘

What counts as a failure is for the caller to say; that a backend refuses, rejects or throttles is an answer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """After how many failures in a row, and for how long."""

    failures: int = 10
    first_pause_seconds: float = 2.0
    longest_pause_seconds: float = 60.0
    slow_seconds: float = 5.0
    """A request given up by its caller after this long counts as a failure: a backend that hangs answers nobody."""


class Breaker:
    """One backend's. Moments are seconds on a clock that only goes forward."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._pauses = 0
        self._until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._until is not None

    def refuses(self, now: float) -> float | None:
        """Seconds until it is worth asking again, or None: ask. Whoever is let through must report how it went."""
        if self._until is None:
            return None
        if self._probing or now < self._until:
            return max(self._until - now, self._policy.first_pause_seconds if self._probing else 0.0)
        self._probing = True
        return None

    def answered(self) -> None:
        self._failures = self._pauses = 0
        self._until, self._probing = None, False

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._probing or (self._until is None and self._failures >= self._policy.failures):
            pause = min(self._policy.first_pause_seconds * 2.0**self._pauses, self._policy.longest_pause_seconds)
            self._until, self._probing = now + pause, False
            self._pauses += 1

    def abandoned(self) -> None:
        """The caller of the one request that was let through gave up before anything could be said."""
        self._probing = False
