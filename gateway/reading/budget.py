"""What one GraphQL operation may cost at the backends: estimated, added up and held against a limit before anything is asked."""

import asyncio

from gateway.errors import QueryTooExpensiveError
from gateway.reading.estimate import Estimate


class Budget:
    """Of one operation, or of one event of a subscription; ``most`` None is no limit."""

    def __init__(self, most: int | None = None) -> None:
        self.estimate = Estimate()
        self.is_refused = False
        self._most = most

    async def take(self, estimate: Estimate) -> None:
        """Put what is about to be asked to the rest of the operation.

        Raises:
            QueryTooExpensiveError: together it is more than one operation may cost.
        """
        self.estimate.add(estimate)
        await asyncio.sleep(0)  # all root fields that begin now are added up before the first of them asks anything
        total = self.estimate.total
        if self._most is not None and total > self._most:
            self.is_refused = True
            raise QueryTooExpensiveError(value=total, limit=self._most, parts=self.estimate.dearest)

    def note(self, part: str, requests: int) -> None:
        """What is read beside needs; it is counted, and refused no more."""
        if requests:
            self.estimate.parts[part] += requests
