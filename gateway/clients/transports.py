"""What happens to a request between our client and the network, one concern per transport, nested::

    RetryTransport(GateTransport(BreakerTransport(ExchangeTransport(network))))

A repeat waits outside the gate, so that a sleeping request holds no place; an exchange is timed inside it, so that waiting
for a place does not count as the backend's time. All read the :class:`~gateway.clients.call.Call` of the request from
``request.extensions["call"]``, and whether it may be repeated from ``request.extensions["repeatable"]``.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx

from gateway.clients.breaker import Breaker
from gateway.clients.call import Call, Exchange
from gateway.clients.retry import RetryPolicy, is_garbled, may_have_happened, may_repeat, wait_seconds
from gateway.odata.response import retry_after_seconds

Clock = Callable[[], float]


class NotAskedError(httpx.TransportError):
    """The request was not sent, and it makes no sense to send it for so many seconds."""

    def __init__(self, message: str, *, seconds: float, throttled: bool) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.throttled = throttled


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


class BreakerTransport(httpx.AsyncBaseTransport):
    """Sends nothing while the breaker is open.

    No answer, 502 and 503 are failures, and so is a request that its caller gave up after a long wait.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, breaker: Breaker, slow_seconds: float, clock: Clock) -> None:
        self._inner = inner
        self._breaker = breaker
        self._slow_seconds = slow_seconds
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        started = self._clock()
        if (seconds := self._breaker.refuses(started)) is not None:
            raise NotAskedError("has not answered many times in a row", seconds=seconds, throttled=False)
        probe = self._breaker.is_open
        try:
            response = await self._inner.handle_async_request(request)
        except httpx.TransportError:
            self._breaker.failed(self._clock())
            raise
        except BaseException:  # the caller gave up
            if self._clock() - started >= self._slow_seconds:
                self._breaker.failed(self._clock())
            elif probe:
                self._breaker.abandoned()
            raise
        if response.status_code in (502, 503):
            self._breaker.failed(self._clock())
        else:
            self._breaker.answered()
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class GateTransport(httpx.AsyncBaseTransport):
    """Never more than ``places`` requests at the backend at once, and none while it asks us to wait.

    The pool of httpx slows down with the square of the requests waiting in it; waiting here keeps it empty. ``Retry-After``
    of a 429 is meant for the identity, not for one request, so it holds all of them back.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, places: int, clock: Clock = time.monotonic) -> None:
        self._inner = inner
        self._gate = asyncio.Semaphore(places)
        self._clock = clock
        self._closed_until = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._gate:
            while (seconds := self._closed_until - self._clock()) > 0:
                _bear(request, seconds)
                await asyncio.sleep(seconds)
            response = await self._inner.handle_async_request(request)
            if response.status_code == 429:
                told = retry_after_seconds(response.headers.get("retry-after"), now=datetime.now(UTC))
                self._closed_until = max(self._closed_until, self._clock() + (told or 0.0))
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


class RetryTransport(httpx.AsyncBaseTransport):
    """Repeats what may be repeated while the call's deadline leaves time for it.

    When an earlier attempt may have been carried out, the final answer says so in ``extensions["unsettled"]``.
    """

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
        attempt, unsettled = 1, False
        while True:
            response: httpx.Response | None = None
            failure: httpx.TransportError | None = None
            try:
                response = await self._inner.handle_async_request(request)
            except NotAskedError:
                raise
            except httpx.TransportError as error:
                failure = error
            wait = self._wait(request, response, attempt)
            if wait is None:
                if failure is not None:
                    raise failure
                assert response is not None  # noqa: S101 - one of the two is there
                response.extensions["unsettled"] = unsettled
                return response
            unsettled = unsettled or may_have_happened(response.status_code if response is not None else None)
            if response is not None:
                await response.aclose()
            await asyncio.sleep(wait)
            attempt += 1

    def _wait(self, request: httpx.Request, response: httpx.Response | None, attempt: int) -> float | None:
        """Seconds until the next attempt, or None when this outcome is final."""
        status = response.status_code if response is not None else None
        if response is not None and is_garbled(status, response.headers.get("content-type", ""), response.content):
            status = None
        repeatable = bool(request.extensions.get("repeatable"))
        if attempt >= self._policy.attempts or not may_repeat(status, repeatable=repeatable):
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
