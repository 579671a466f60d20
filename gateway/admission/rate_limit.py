"""Who asks too often waits: by requests, and by what these cost at the backends.

While Redis is away each process counts for itself: a limit that cannot be looked up refuses nobody.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.admission.allowance import Rates
from gateway.admission.buckets import Buckets, MemoryBuckets
from gateway.errors import RateLimitedError
from gateway.redis_server import AWAY
from gateway.telemetry import log

_AGAIN_SECONDS: Final = 5.0
"""How long Redis is left alone after it did not answer."""


class RateLimit:
    """Lives as long as the application."""

    def __init__(
        self, rates: Rates, shared: Buckets | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = rates
        self._own = MemoryBuckets(rates, clock=clock)
        self._shared = shared
        self._clock = clock
        self._away_until = 0.0
        self._is_away = False

    async def admit(self, caller_id: str, operations: int = 1) -> None:
        """Let a caller in with so many operations.

        Raises:
            RateLimitedError: it has to wait first.
        """
        if self._rates.unlimited:
            return
        wanted = min(operations, self._rates.burst)
        _require(await self._with(lambda buckets: buckets.admit(caller_id, wanted)))

    async def pay(self, caller_id: str, cost: int) -> None:
        """Take what is about to be asked of the backends, before it is asked.

        Raises:
            RateLimitedError: the caller has overdrawn already, and has to wait first.
        """
        if cost and self._rates.cost_per_minute:
            _require(await self._with(lambda buckets: buckets.pay(caller_id, cost)))

    async def charge(self, caller_id: str, cost: int) -> None:
        """What an operation of this caller did cost at the backends is taken from what it may ask for next."""
        if cost and self._rates.cost_per_minute:
            await self._with(lambda buckets: self._charged(buckets, caller_id, cost))

    @staticmethod
    async def _charged(buckets: Buckets, caller_id: str, cost: int) -> float:
        await buckets.charge(caller_id, cost)
        return 0.0

    async def _with(self, ask: Callable[[Buckets], Awaitable[float]]) -> float:
        if self._shared is None or self._clock() < self._away_until:
            return await ask(self._own)
        try:
            answer = await ask(self._shared)
        except AWAY as error:
            self._gone(error)
            return await ask(self._own)
        if self._is_away:
            self._is_away = False
            log.info("Redis answers again: callers are counted over all processes")
        return answer

    def _gone(self, error: BaseException) -> None:
        self._away_until = self._clock() + _AGAIN_SECONDS
        if not self._is_away:
            self._is_away = True
            log.warning("Redis does not answer: each process counts its callers by itself", error=str(error))


def _require(wait: float) -> None:
    """Raises: RateLimitedError: there is something to wait for."""
    if wait > 0:
        raise RateLimitedError(retry_after_seconds=round(wait, 3))
