"""How tests watch: a WebSocket and an event stream into the application itself, without a server between.

Both are ended by the test, and end when the application is done with them, so that nothing has to be waited for by the clock.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, Person
from tests.graphql.api import Api

PROTOCOL = "graphql-transport-ws"
LONGEST_SECONDS = 30.0
"""A test that waits longer has failed."""


def bearer(api: Api, person: Person = ADMIN, **how: Any) -> str:
    return f"Bearer {api.sandbox.identity.issue(person, GATEWAY_RESOURCE, **how)}"


@dataclass
class ClosedError(Exception):
    """The gateway closed the socket."""

    code: int
    reason: str = ""


@dataclass
class _Connection:
    """Both directions of one connection; ``done`` is the application's part of it."""

    sent: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    given: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    done: asyncio.Task[None] | None = None

    async def receive(self) -> dict[str, Any]:
        return await self.given.get()

    async def send(self, message: Any) -> None:
        await self.sent.put(message)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await self.sent.get()

    def begin(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self.done = asyncio.create_task(_run(app, scope, self))

    async def vanish(self, message: dict[str, Any]) -> None:
        """The client is gone; returns when the application has noticed."""
        assert self.done is not None
        self.given.put_nowait(message)
        async with asyncio.timeout(LONGEST_SECONDS):
            await self.done


async def _run(app: ASGIApp, scope: dict[str, Any], connection: _Connection) -> None:
    await app(scope, connection.receive, connection.send)


def _scope(kind: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4" if kind == "websocket" else "2.3"},  # as uvicorn says
        "http_version": "1.1",
        "scheme": "ws" if kind == "websocket" else "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("gateway.example", 80),
        "state": {},
    }


@dataclass
class Socket:
    """A WebSocket of a caller."""

    connection: _Connection

    async def message(self) -> Any:
        """The next message. Raises: ClosedError."""
        found = await self.connection.next()
        if found["type"] == "websocket.close":
            raise ClosedError(found["code"], found.get("reason") or "")
        return json.loads(found["text"])

    def say(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.connection.given.put_nowait({"type": "websocket.receive", "text": text})

    async def init(self, **payload: object) -> Any:
        self.say({"type": "connection_init", "payload": payload})
        return await self.message()

    def subscribe(self, query: str, variables: Mapping[str, object] | None = None, *, id: str = "1") -> None:
        self.say({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables or {}}})

    async def leave(self, code: int = 1001) -> None:
        await self.connection.vanish({"type": "websocket.disconnect", "code": code})

    async def answers(self) -> list[Any]:
        """What one operation is answered, until it is complete or refused."""
        found: list[Any] = []
        while True:
            message = await self.message()
            match message["type"]:
                case "complete":
                    return found
                case "error":
                    return [*found, {"refused": message["payload"]}]
            found.append(message["payload"])


@asynccontextmanager
async def socket(
    api: Api, *, headers: Mapping[str, str] | None = None, protocol: str = PROTOCOL
) -> AsyncIterator[Socket]:
    """Opened, and accepted, but nobody has said who it is."""
    connection = _Connection()
    given = {"host": "gateway.example", "sec-websocket-protocol": protocol} | dict(headers or {})
    scope = _scope("websocket", "/graphql", given) | {"subprotocols": [protocol]}
    connection.given.put_nowait({"type": "websocket.connect"})
    connection.begin(api.app, scope)
    opened = Socket(connection)
    first = await connection.next()
    if first["type"] == "websocket.close":
        raise ClosedError(first["code"])
    assert first["type"] == "websocket.accept"
    try:
        yield opened
    finally:
        await opened.leave()


@asynccontextmanager
async def signed_in(
    api: Api, person: Person = ADMIN, more: Mapping[str, object] | None = None
) -> AsyncIterator[Socket]:
    async with socket(api) as opened:
        ack = await opened.init(authorization=bearer(api, person), **(more or {}))
        assert ack["type"] == "connection_ack"
        yield opened


@dataclass
class Stream:
    """An answer as an event stream; events as pairs of name and data, comments left out."""

    connection: _Connection
    status: int
    headers: dict[str, str]

    async def event(self) -> tuple[str, Any] | None:
        """The next event; None: the answer is over."""
        found = await self.connection.next()
        text = found["body"].decode()
        if not text and not found.get("more_body"):
            return None
        lines = dict(line.split(": ", 1) for line in text.splitlines() if line)
        return lines["event"], json.loads(lines["data"]) if lines["data"] else None

    async def events(self) -> list[tuple[str, Any]]:
        found = []
        while (event := await self.event()) is not None:
            found.append(event)
        return found

    async def body(self) -> Any:
        return json.loads((await self.connection.next())["body"])


@asynccontextmanager
async def stream(
    api: Api,
    query: str,
    variables: Mapping[str, object] | None = None,
    *,
    token: str | None = None,
    accept: str = "text/event-stream",
    path: str = "/graphql/stream",
) -> AsyncIterator[Stream]:
    connection = _Connection()
    headers = {
        "host": "gateway.example",
        "content-type": "application/json",
        "accept": accept,
        "authorization": token or bearer(api),
    }
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    connection.given.put_nowait({"type": "http.request", "body": body, "more_body": False})
    connection.begin(api.app, _scope("http", path, headers) | {"method": "POST"})
    start = await connection.next()
    assert start["type"] == "http.response.start"
    named = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    try:
        yield Stream(connection, start["status"], named)
    finally:
        await connection.vanish({"type": "http.disconnect"})
