"""What was spent in the last so many seconds: a sliding window over amounts."""

import math
from collections import deque


class SlidingWindow:
    """Amounts by the time they were spent, on the caller's clock, in seconds; what is older than the window is forgotten.

    It holds one entry for each tick (a thousandth of the window) in which something was spent.
    """

    def __init__(self) -> None:
        self._spent: deque[tuple[float, float]] = deque()
        self._total = 0.0

    def spend(self, amount: float, *, now: float, seconds: float) -> None:
        """Adds an amount. `seconds` is how long the window is."""
        self.total(now=now, seconds=seconds)
        tick = seconds / 1000
        if self._spent and tick and now - self._spent[-1][0] < tick:
            then, before = self._spent.pop()
            self._spent.append((then, before + amount))
        else:
            self._spent.append((now, amount))
        self._total += amount

    def total(self, *, now: float, seconds: float) -> float:
        """What was spent within the last `seconds`."""
        while self._spent and self._spent[0][0] <= now - seconds:
            self._total -= self._spent.popleft()[1]
        if not self._spent:
            self._total = 0.0
        return self._total

    def seconds_until(self, most: float, *, now: float, seconds: float) -> int:
        """Whole seconds, at least one, until the total is no more than `most`."""
        left = self.total(now=now, seconds=seconds)
        for then, amount in self._spent:
            left -= amount
            if left <= most:
                return max(math.ceil(then + seconds - now), 1)
        return max(math.ceil(seconds), 1)
