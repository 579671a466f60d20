"""The gate in front of a backend: how many of our requests may be there at once, and when none may.

Reads ``request.extensions["call"]`` for the caller's deadline and ``"operations"`` for how many requests a batch counts as.
"""

import asyncio
import time
from datetime import UTC, datetime

import httpx

from gateway.clients.budget import Budget, places
from gateway.clients.call import Call
from gateway.clients.transports import Clock, NotAskedError
from gateway.odata.response import retry_after_seconds

_LONGEST_CLOSURE_SECONDS = 600.0
"""Both backends count in windows of five minutes; what is longer than two of them is a mistake of somebody on the way."""


class Places:
    """So many at most, fewer while the budget is low. A place that is to be closed is kept back when it becomes free."""

    def __init__(self, most: int, budget: Budget) -> None:
        self._most = most
        self._budget = budget
        self._free = asyncio.Semaphore(most)
        self._closed = 0

    async def take(self) -> None:
        await self._free.acquire()

    def give_back(self, *, now: float) -> None:
        wanted = places(self._most, left=self._budget.left(now=now))
        if self._most - self._closed > wanted:
            self._closed += 1
            return
        self._free.release()
        while self._most - self._closed < wanted:
            self._closed -= 1
            self._free.release()


class GateTransport(httpx.AsyncBaseTransport):
    """Never more than ``most`` requests at the backend at once, fewer when its allowance runs out, none while it asks us to wait.

    The pool of httpx slows down with the square of the requests waiting in it; waiting here keeps it empty. ``Retry-After``
    of a 429 is meant for the identity, not for one request, so it holds all of them back. Who waits for that holds no place:
    who has less time would stand behind and not be told.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, *, most: int, budget: Budget, clock: Clock = time.monotonic
    ) -> None:
        self._inner = inner
        self._budget = budget
        self._places = Places(most, budget)
        self._clock = clock
        self._closed_until = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        while True:
            await self._places.take()
            try:
                if (seconds := self._closed_until - self._clock()) <= 0:
                    return await self._through(request)
            finally:
                self._places.give_back(now=self._clock())
            _bear(request, seconds)
            await asyncio.sleep(seconds)

    async def _through(self, request: httpx.Request) -> httpx.Response:
        self._budget.spend(int(request.extensions.get("operations", 1)), now=self._clock())
        response = await self._inner.handle_async_request(request)
        self._budget.told(response.headers)
        if response.status_code == 429:
            told = retry_after_seconds(response.headers.get("retry-after"), now=datetime.now(UTC)) or 0.0
            self._closed_until = max(self._closed_until, self._clock() + min(told, _LONGEST_CLOSURE_SECONDS))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def _bear(request: httpx.Request, seconds: float) -> None:
    """
    Raises:
        NotAskedError: the caller cannot wait that long.
    """
    call = request.extensions.get("call")
    if isinstance(call, Call) and seconds >= call.deadline.remaining:
        raise NotAskedError("asks us to slow down", seconds=seconds, throttled=True)
