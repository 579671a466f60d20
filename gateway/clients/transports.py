"""What happens to a request between our client and the network, one concern per transport, nested::

    RetryTransport(GateTransport(BreakerTransport(ExchangeTransport(network))))

A repeat waits outside the gate, so that a sleeping request holds no place; an exchange is timed inside it, so that waiting
for a place does not count as the backend's time. All read the :class:`~gateway.clients.call.Call` of the request from
``request.extensions["call"]``, and whether it may be repeated from ``request.extensions["repeatable"]``; ``"sent"`` there
says whether the present attempt has left.
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


MOST_BYTES = 128 * 1024 * 1024
"""Of one answer, unpacked. The largest page there is, 20,000 rows of two kilobytes, is a third of this."""


class AnswerTooLongError(httpx.RequestError):
    """Nothing a backend has to say is so long."""


class ExchangeTransport(httpx.AsyncBaseTransport):
    """Reads every answer to its end and writes down what happened."""

    def __init__(self, network: httpx.AsyncBaseTransport, *, backend: str) -> None:
        self._network = network
        self._backend = backend

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        started = time.perf_counter()
        status: int | None = None
        request.extensions["sent"] = True
        try:
            response = await self._network.handle_async_request(request)
            response = await _whole(response)  # inside the gate: a body that is still coming is still running there
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


async def _whole(response: httpx.Response) -> httpx.Response:
    """The answer with its body read and unpacked. Raises: AnswerTooLongError."""
    if _is_short(response.headers):
        await response.aread()
        return response
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise AnswerTooLongError(f"more than {MOST_BYTES} bytes")
    finally:
        await response.aclose()
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_THE_PACKED]
    return httpx.Response(
        response.status_code, headers=headers, content=b"".join(pieces), extensions=response.extensions
    )


def _is_short(headers: httpx.Headers) -> bool:
    """The answer says how long it is, and nothing has to be unpacked: no need to count."""
    length = headers.get("content-length", "")
    return length.isdecimal() and len(length) < 10 and int(length) <= MOST_BYTES and "content-encoding" not in headers


_OF_THE_PACKED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class BreakerTransport(httpx.AsyncBaseTransport):
    """Sends nothing while the breaker is open.

    No answer, 502 and 503 are failures, and so is a request that its caller gave up while the backend had been silent for
    long. How long this caller waited says little: of many, most got their place late.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, breaker: Breaker, slow_seconds: float, clock: Clock) -> None:
        self._inner = inner
        self._breaker = breaker
        self._slow_seconds = slow_seconds
        self._clock = clock
        self._running = 0
        self._silent_since = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        now = self._clock()
        if (seconds := self._breaker.refuses(now)) is not None:
            raise NotAskedError("has not answered many times in a row", seconds=seconds, throttled=False)
        probe = self._breaker.is_open
        if not self._running:
            self._silent_since = now
        self._running += 1
        try:
            response = await self._inner.handle_async_request(request)
        except httpx.TransportError:
            self._silent_since = self._clock()
            self._breaker.failed(self._silent_since)
            raise
        except BaseException:  # the caller gave up
            if (now := self._clock()) - self._silent_since >= self._slow_seconds:
                self._breaker.failed(now)
            elif probe:
                self._breaker.abandoned()
            raise
        finally:
            self._running -= 1
        self._silent_since = self._clock()
        if response.status_code in (502, 503):
            self._breaker.failed(self._silent_since)
        else:
            self._breaker.answered()
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class RetryTransport(httpx.AsyncBaseTransport):
    """Repeats what may be repeated while the call's deadline leaves time for it.

    Once an attempt may have been carried out, ``extensions["unsettled"]`` of the request is true, and stays so when the
    authentication sends the same request again.
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
        attempt = 1
        while True:
            response, failure = await self._attempt(request)
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

    async def _attempt(self, request: httpx.Request) -> tuple[httpx.Response | None, httpx.TransportError | None]:
        response: httpx.Response | None = None
        request.extensions["sent"] = False
        try:
            response = await self._inner.handle_async_request(request)
            return response, None
        except NotAskedError:
            raise
        except httpx.TransportError as error:
            return None, error
        finally:  # also when the caller gave up, or the body could not be unpacked
            if request.extensions.get("sent") and may_have_happened(_status(response)):
                request.extensions["unsettled"] = True

    def _wait(self, request: httpx.Request, response: httpx.Response | None, attempt: int) -> float | None:
        """Seconds until the next attempt, or None when this outcome is final."""
        status = _status(response)
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


def _status(response: httpx.Response | None) -> int | None:
    """The status of an answer that can be read, else None."""
    if response is None or is_garbled(response.status_code, response.headers.get("content-type", ""), response.content):
        return None
    return response.status_code
