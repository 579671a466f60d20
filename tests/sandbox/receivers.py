"""What tests of webhooks share: a receiver that answers as it is told, and a clock that is moved by hand."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass(frozen=True)
class Received:
    """One request that arrived, at any host."""

    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.content)


@dataclass
class Receiver:
    """Answers 204, or the next of `answers` (None: never), and takes part in handshakes while `shakes_hands`."""

    answers: deque[int | None] = field(default_factory=deque)
    shakes_hands: bool = True
    received: list[Received] = field(default_factory=list)
    handshakes: list[Received] = field(default_factory=list)
    arrived: anyio.Event = field(default_factory=anyio.Event)

    @property
    def network(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(app=Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])]))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of all Business Central notifications, in the order they came."""
        return [row for one in self.received for row in one.document["value"]]

    async def _answer(self, request: Request) -> Response:
        one = Received(request.method, httpx.URL(str(request.url)), dict(request.headers), await request.body())
        token = request.query_params.get("validationToken")
        if token is not None:
            self.handshakes.append(one)
            return Response(token if self.shakes_hands else "no", 200)
        self.received.append(one)
        self.arrived.set()
        status = self.answers.popleft() if self.answers else 204
        if status is None:
            await anyio.sleep_forever()
        return Response(status_code=status or 204)
