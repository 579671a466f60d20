"""How much of what a backend lets one identity do is left, and how many requests to run at once with so much left. Pure.

A gate as wide as the backend allows can use up five minutes' worth in half a minute; then everybody waits for the rest of
them. So the gate narrows as the budget shrinks, until what goes out is no more than what comes back.

Sources: Business Central, "Operational Limits for Business Central Online"; Dataverse, "Service protection API limits".
"""

from collections import deque
from collections.abc import Mapping
from math import ceil, isfinite
from typing import Protocol

_AT_EASE = 0.5
"""While so much is left, all places are open."""


def places(most: int, *, left: float) -> int:
    """How many of ``most`` places to open with this part of the budget left, 0 to 1. Never none: only an answer tells more."""
    return most if left >= _AT_EASE else max(1, ceil(most * left / _AT_EASE))


class Budget(Protocol):
    """What is left of a backend's allowance. Moments are seconds on a clock that only goes forward."""

    def spend(self, requests: int, *, now: float) -> None:
        """So many requests are about to be sent."""
        ...

    def told(self, headers: Mapping[str, str]) -> None:
        """An answer came with these headers."""
        ...

    def left(self, *, now: float) -> float:
        """The part that is left, 0 to 1."""
        ...

    def untouched(self) -> "Budget":
        """One of the same size for another identity."""
        ...


class CountedBudget:
    """Counts for itself what it sends, for a backend that does not tell (Business Central)."""

    def __init__(self, *, requests: int, window_seconds: float, steps: int = 60) -> None:
        self._sizes = (requests, window_seconds, steps)
        self._allowed = requests
        self._window = window_seconds
        self._step = window_seconds / steps
        self._spent: deque[tuple[float, int]] = deque()
        self._total = 0

    def spend(self, requests: int, *, now: float) -> None:
        step = now - now % self._step
        before = self._spent.pop()[1] if self._spent and self._spent[-1][0] == step else 0
        self._spent.append((step, before + requests))
        self._total += requests

    def told(self, headers: Mapping[str, str]) -> None:
        """It does not tell."""

    def left(self, *, now: float) -> float:
        while self._spent and self._spent[0][0] <= now - self._window - self._step:
            self._total -= self._spent.popleft()[1]
        return max(0.0, 1 - self._total / self._allowed)

    def untouched(self) -> "CountedBudget":
        requests, window_seconds, steps = self._sizes
        return CountedBudget(requests=requests, window_seconds=window_seconds, steps=steps)


class ToldBudget:
    """Believes what the backend says in its answers (Dataverse): requests and seconds of work left in the window."""

    def __init__(self, *, requests: int, seconds: float) -> None:
        self._sizes = (requests, seconds)
        self._allowed = {
            "x-ms-ratelimit-burst-remaining-xrm-requests": float(requests),
            "x-ms-ratelimit-time-remaining-xrm-requests": seconds,
        }
        self._left = dict.fromkeys(self._allowed, 1.0)

    def spend(self, requests: int, *, now: float) -> None:
        """It will be told."""

    def told(self, headers: Mapping[str, str]) -> None:
        for name, allowed in self._allowed.items():
            if (amount := _amount(headers.get(name))) is not None:
                self._left[name] = min(1.0, max(0.0, amount / allowed))

    def left(self, *, now: float) -> float:
        return min(self._left.values())

    def untouched(self) -> "ToldBudget":
        requests, seconds = self._sizes
        return ToldBudget(requests=requests, seconds=seconds)


def _amount(text: str | None) -> float | None:
    """A number, in whichever form a server of the backend writes it; None where there is none."""
    try:
        amount = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return amount if isfinite(amount) else None
