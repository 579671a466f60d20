"""What happened to a simulator: a middleware that logs its requests and makes them as slow as wanted.

The log counts on the server's side of the wire, so that a test of a client counts what really arrived. It never holds
an Authorization header: of the headers only a chosen few are kept.
"""

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BACKENDS: Final = ("business-central", "dataverse")
_MOST_REQUESTS = 10_000
_KEPT_HEADERS = (
    "accept",
    "content-type",
    "prefer",
    "if-match",
    "if-none-match",
    "data-access-intent",
    "callerobjectid",
    "x-ms-correlation-request-id",
)
"""Headers that change what a backend does, or that tell which call this was. None of them carries a secret."""


@dataclass(frozen=True)
class ObservedRequest:
    """One request to a simulator. `status` is None when the simulator failed before it answered."""

    time: datetime
    backend: str
    method: str
    target: str
    status: int | None
    milliseconds: float
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Load:
    """How many requests a backend has had since the log was cleared, runs now, and ran at once at most."""

    requests: int
    running: int
    most_running: int


class RequestLog:
    """The last requests, newest last; the oldest give way. Counts go on when rows are gone."""

    def __init__(self, *, most: int = _MOST_REQUESTS) -> None:
        self._requests: deque[ObservedRequest] = deque(maxlen=most)
        self._finished: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._most_running: Counter[str] = Counter()

    def started(self, backend: str) -> None:
        self._running[backend] += 1
        self._most_running[backend] = max(self._most_running[backend], self._running[backend])

    def finished(self, request: ObservedRequest) -> None:
        self._running[request.backend] -= 1
        self._finished[request.backend] += 1
        self._requests.append(request)

    def requests(self, *, backend: str | None = None, limit: int | None = None) -> Sequence[ObservedRequest]:
        """The last `limit` requests of one backend or of all, oldest first."""
        wanted = [request for request in self._requests if backend in (None, request.backend)]
        return wanted if limit is None else wanted[max(len(wanted) - limit, 0) :]

    def load(self, backend: str) -> Load:
        return Load(self._finished[backend], self._running[backend], self._most_running[backend])

    def clear(self, *, backend: str | None = None) -> None:
        """Forgets requests and counts; what runs now stays counted as running."""
        kept = [request for request in self._requests if backend not in (None, request.backend)]
        self._requests.clear()
        self._requests.extend(kept)
        for name in [backend] if backend is not None else set(self._finished) | set(self._running):
            self._finished[name] = 0
            self._most_running[name] = self._running[name]


@dataclass
class Latency:
    """How long each backend waits before it starts to answer; adjustable while it runs."""

    milliseconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(BACKENDS, 0.0))

    def of(self, backend: str) -> float:
        return self.milliseconds.get(backend, 0.0)


class Observed:
    """ASGI middleware around one simulator."""

    def __init__(
        self,
        app: ASGIApp,
        log: RequestLog,
        name: str,
        latency: Latency,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopwatch: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._app = app
        self._log = log
        self._name = name
        self._latency = latency
        self._clock = clock
        self._stopwatch = stopwatch
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began, start = self._clock(), self._stopwatch()
        self._log.started(self._name)
        try:
            if delay := self._latency.of(self._name):
                await self._sleep(delay / 1000)
            await self._app(scope, receive, send_and_look)
        finally:
            milliseconds = round((self._stopwatch() - start) * 1000, 3)
            self._log.finished(
                ObservedRequest(
                    began, self._name, scope["method"], target(scope), status, milliseconds, _headers(scope)
                )
            )


def target(scope: Scope) -> str:
    """Path and query as they were sent, still percent-encoded where the server tells."""
    path = scope["raw_path"].decode("ascii") if scope.get("raw_path") else scope["path"]
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


def _headers(scope: Scope, kept: Collection[str] = _KEPT_HEADERS) -> dict[str, str]:
    sent = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return {name: sent[name] for name in kept if name in sent}
