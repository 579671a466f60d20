"""The gate in front of a backend: how many of our requests may be there at once, and when none may.

Reads ``request.extensions["call"]`` for the caller's deadline, ``"operations"`` for how many requests a batch counts as, and
``"identity"`` for whom the backend takes us for: both backends count by user.
"""

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final

import httpx

from gateway.clients.budget import Budget, places
from gateway.clients.call import APPLICATION, Call
from gateway.clients.transports import Clock, NotAskedError
from gateway.odata.response import retry_after_seconds

_LONGEST_CLOSURE_SECONDS = 600.0
"""Both backends count in windows of five minutes; what is longer than two of them is a mistake of somebody on the way."""

TOGETHER: Final = 100
"""Requests of all identities at one backend at once: as many connections, whoever they are for."""

MOST_IDENTITIES: Final = 1_000


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


class _Door:
    """One identity's way in: its places, what is left of its allowance, until when it is shut, and how many want in or are."""

    __slots__ = ("budget", "closed_until", "places", "users")

    def __init__(self, most: int, budget: Budget) -> None:
        self.budget = budget
        self.places = Places(most, budget)
        self.closed_until = 0.0
        self.users = 0


class GateTransport(httpx.AsyncBaseTransport):
    """Never more than ``most`` requests of one identity at the backend at once, fewer when its allowance runs out, none while
    it asks us to wait; and never more than ``together`` of all identities.

    The pool of httpx slows down with the square of the requests waiting in it; waiting here keeps it empty. ``Retry-After``
    of a 429 is meant for the identity, not for one request, so it holds all of them back, and nobody else. Who waits for that
    holds no place: who has less time would stand behind and not be told.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        most: int,
        budget: Budget,
        together: int = TOGETHER,
        clock: Clock = time.monotonic,
    ) -> None:
        self._inner = inner
        self._most = most
        self._doors: OrderedDict[str, _Door] = OrderedDict({APPLICATION: _Door(most, budget)})
        self._together = asyncio.Semaphore(max(most, together))
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        door = self._door(str(request.extensions.get("identity", APPLICATION)))
        door.users += 1
        try:
            return await self._enter(door, request)
        finally:
            door.users -= 1

    def _door(self, identity: str) -> _Door:
        """Of many, those that nobody uses go, the one unused for longest first. What they knew of an allowance goes with them."""
        door = self._doors.get(identity)
        if door is None:
            door = self._doors[identity] = _Door(self._most, self._doors[APPLICATION].budget.untouched())
            idle = (
                name for name, each in self._doors.items() if not each.users and name not in (APPLICATION, identity)
            )
            if len(self._doors) > MOST_IDENTITIES and (oldest := next(idle, None)) is not None:
                del self._doors[oldest]
        self._doors.move_to_end(identity)
        return door

    async def _enter(self, door: _Door, request: httpx.Request) -> httpx.Response:
        while True:
            await door.places.take()
            try:
                if (seconds := door.closed_until - self._clock()) <= 0:
                    async with self._together:
                        return await self._through(door, request)
            finally:
                door.places.give_back(now=self._clock())
            _bear(request, seconds)
            await asyncio.sleep(seconds)

    async def _through(self, door: _Door, request: httpx.Request) -> httpx.Response:
        door.budget.spend(int(request.extensions.get("operations", 1)), now=self._clock())
        response = await self._inner.handle_async_request(request)
        door.budget.told(response.headers)
        if response.status_code == 429:
            told = retry_after_seconds(response.headers.get("retry-after"), now=datetime.now(UTC)) or 0.0
            door.closed_until = max(door.closed_until, self._clock() + min(told, _LONGEST_CLOSURE_SECONDS))
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
