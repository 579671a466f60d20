"""What one GraphQL operation may cost at the backends: estimated, added up and held against a limit before anything is asked."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.errors import QueryTooExpensiveError, RateLimitedError
from gateway.reading.estimate import Estimate

Pay = Callable[[int], Awaitable[None]]
"""Takes so many backend requests from what a caller may cause. Raises: RateLimitedError."""


class Budget:
    """Of one operation, or of one event of a subscription; ``most`` None is no limit. ``paid`` was taken from its caller."""

    def __init__(self, most: int | None = None, pay: Pay | None = None) -> None:
        self.estimate = Estimate()
        self.is_refused = False
        self.paid = 0
        self._most = most
        self._pay = pay
        self._paying = asyncio.Lock()

    async def take(self, estimate: Estimate) -> None:
        """Put what is about to be asked to the rest of the operation.

        Raises:
            QueryTooExpensiveError: together it is more than one operation may cost.
            RateLimitedError: other operations of the caller have cost too much already.
        """
        self.estimate.add(estimate)
        await asyncio.sleep(0)  # all root fields that begin now are added up before the first of them asks anything
        total = self.estimate.total
        if self._most is not None and total > self._most:
            self.is_refused = True
            raise QueryTooExpensiveError(value=total, limit=self._most, parts=self.estimate.dearest)
        async with self._paying:  # the first of them pays for all
            await self._settle(total)

    async def _settle(self, total: int) -> None:
        if self._pay is None or total <= self.paid:
            return
        try:
            await self._pay(total - self.paid)
        except RateLimitedError:
            self.is_refused = True
            raise
        self.paid = total

    def note(self, part: str, requests: int) -> None:
        """What is read beside needs; it is counted, and refused no more."""
        if requests:
            self.estimate.parts[part] += requests
