"""What one caller may ask for: two buckets that fill again as time passes. Pure.

One holds requests. The other holds backend requests, and may be overdrawn: what an operation costs is known only when it was
read, so it is taken then, and whoever has overdrawn waits until the bucket holds something again: at the door, and where
operations that were let in together are about to ask the backends.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """``burst`` requests may come at once; of backend requests a minute's worth. A rate of 0 is no limit."""

    requests_per_minute: int = 600
    burst: int = 200
    cost_per_minute: int = 600

    @property
    def unlimited(self) -> bool:
        return not self.requests_per_minute and not self.cost_per_minute


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of both at some moment, in seconds of any clock."""

    requests: float
    cost: float
    at: float

    @classmethod
    def full(cls, rates: Rates, now: float) -> "Allowance":
        return cls(float(rates.burst), float(rates.cost_per_minute), now)

    def later(self, rates: Rates, now: float) -> "Allowance":
        """A clock that goes back fills nothing."""
        passed = max(0.0, now - self.at)
        return Allowance(
            min(float(rates.burst), self.requests + passed * rates.requests_per_minute / 60),
            min(float(rates.cost_per_minute), self.cost + passed * rates.cost_per_minute / 60),
            max(now, self.at),
        )

    def admit(self, rates: Rates, wanted: int) -> tuple["Allowance", float]:
        """What is left then, and 0; or the same as before, and how many seconds to wait."""
        wait = 0.0
        if rates.requests_per_minute and self.requests < wanted:
            wait = (wanted - self.requests) * 60 / rates.requests_per_minute
        wait = max(wait, self._owed(rates))
        return (self, wait) if wait else (Allowance(self.requests - wanted, self.cost, self.at), 0.0)

    def pay(self, rates: Rates, cost: int) -> tuple["Allowance", float]:
        """The same for backend requests that are about to be made: one that holds something may be overdrawn."""
        wait = self._owed(rates)
        return (self, wait) if wait else (self.charge(cost), 0.0)

    def _owed(self, rates: Rates) -> float:
        """Seconds until there is something to spend again."""
        if not rates.cost_per_minute or self.cost > 0:
            return 0.0
        return (1 - self.cost) * 60 / rates.cost_per_minute

    def charge(self, cost: int) -> "Allowance":
        return Allowance(self.requests, self.cost - cost, self.at)
