"""What happens to a request between our client and the network, one concern per transport, nested::

    RetryTransport(GateTransport(ExchangeTransport(network)))

A repeat waits outside the gate, so that a sleeping request holds no place; an exchange is timed inside it, so that waiting
for a place does not count as the backend's time. All read the :class:`~gateway.clients.call.Call` of the request from
``request.extensions["call"]``.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from gateway.clients.call import Call, Exchange
from gateway.clients.retry import RetryPolicy, may_repeat, wait_seconds
from gateway.odata.response import retry_after_seconds


class ExchangeTransport(httpx.AsyncBaseTransport):
    """Reads every answer to its end and writes down what happened."""

    def __init__(self, network: httpx.AsyncBaseTransport, *, backend: str) -> None:
        self._network = network
        self._backend = backend

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        started = time.perf_counter()
        status: int | None = None
        try:
            response = await self._network.handle_async_request(request)
            await response.aread()  # inside the gate: a body that is still coming is still running at the backend
            status = response.status_code
            return response
        finally:
            call = request.extensions.get("call")
            if isinstance(call, Call):
                milliseconds = (time.perf_counter() - started) * 1000
                call.exchanges.append(
                    Exchange(self._backend, request.method, str(request.url), status, round(milliseconds, 2))
                )

    async def aclose(self) -> None:
        await self._network.aclose()


class GateTransport(httpx.AsyncBaseTransport):
    """Never more than ``places`` requests at the backend at once.

    The pool of httpx slows down with the square of the requests waiting in it; waiting here keeps it empty.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, places: int) -> None:
        self._inner = inner
        self._gate = asyncio.Semaphore(places)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._gate:
            return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class RetryTransport(httpx.AsyncBaseTransport):
    """Repeats what may be repeated while the call's deadline leaves time for it."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        policy: RetryPolicy,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._chance = chance

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        attempt = 1
        while True:
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            try:
                response = await self._inner.handle_async_request(request)
            except httpx.TransportError as error:
                failure = error
            wait = self._wait(request, response, attempt)
            if wait is None:
                if failure is not None:
                    raise failure
                assert response is not None  # noqa: S101 - one of the two is there
                return response
            if response is not None:
                await response.aclose()
            await asyncio.sleep(wait)
            attempt += 1

    def _wait(self, request: httpx.Request, response: httpx.Response | None, attempt: int) -> float | None:
        """Seconds until the next attempt, or None when this outcome is final."""
        status = response.status_code if response is not None else None
        safe = bool(request.extensions.get("safe"))
        if attempt >= self._policy.attempts or not may_repeat(request.method, status, safe=safe):
            return None
        told = response.headers.get("retry-after") if response is not None else None
        seconds = wait_seconds(
            attempt,
            retry_after=retry_after_seconds(told, now=datetime.now(UTC)),
            chance=self._chance(),
            policy=self._policy,
        )
        call = request.extensions.get("call")
        return None if isinstance(call, Call) and seconds >= call.deadline.remaining else seconds

    async def aclose(self) -> None:
        await self._inner.aclose()
