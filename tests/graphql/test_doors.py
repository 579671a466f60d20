"""What a caller may send and hold open before anything is done for it, and that no more of it is read than that."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.endpoint import FILE_BYTES
from gateway.open_connections import Bounds, OpenConnections
from gateway.request_json import MESSAGE_BYTES
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, Person
from tests.graphql.api import Api, start
from tests.graphql.live import ClosedError, bearer, signed_in, socket, stream

pytestmark = pytest.mark.anyio

MOST = 10_000
VIEWER = "{ viewer { name } }"
PATHS = ("/graphql", "/graphql/stream")
BAD_REQUEST, TRY_AGAIN_LATER = 4400, 1013


@pytest.fixture
async def api(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        yield await start(
            sandbox, f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", stack, max_body_bytes=MOST, webhooks=False
        )


WATCH = "subscription { synchronizationJobs { id } }"


@dataclass
class Sender:
    """A caller that sends its body in pieces, and knows how many were taken."""

    pieces: list[bytes]
    then: str = "http.disconnect"
    taken: int = 0
    answer: list[Any] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        if self.taken == len(self.pieces):
            if self.then == "nothing" or self.status:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}
        self.taken += 1
        more = self.taken < len(self.pieces) or self.then != "end"
        return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": more}

    async def send(self, message: Any) -> None:
        self.answer.append(message)

    @property
    def status(self) -> int | None:
        return self.answer[0]["status"] if self.answer else None

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.answer[0]["headers"])

    @property
    def error(self) -> dict[str, Any]:
        body = b"".join(each["body"] for each in self.answer[1:])
        error: dict[str, Any] = json.loads(body)["errors"][0]
        return {"message": error["message"], **error["extensions"]}


async def sent(api: Api, path: str, sender: Sender, *, token: str, length: int | None = None) -> Sender:
    headers = {
        "host": "gateway.example",
        "content-type": "application/json",
        "accept": "*/*",
        "authorization": token,
    } | ({} if length is None else {"content-length": str(length)})
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("gateway.example", 80),
        "state": {},
    }
    await api.app(scope, sender.receive, sender.send)
    return sender


def body(length: int) -> bytes:
    """A request that can be answered, of so many bytes."""
    text = json.dumps({"query": VIEWER, "filling": ""})
    return text.replace('""', '"' + "-" * (length - len(text)) + '"').encode()


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_is_read_to_its_limit_and_no_further(api: Api, path: str) -> None:
    token = bearer(api, SALES)
    fits = await sent(api, path, Sender([body(MOST)], "end"), token=token, length=MOST)
    assert fits.status == 200

    declared = await sent(api, path, Sender([body(MOST + 1)]), token=token, length=MOST + 1)
    assert (declared.status, declared.taken) == (413, 0)
    assert (declared.error["code"], str(MOST) in declared.error["message"]) == ("REQUEST_TOO_LARGE", True)
    assert b"connection" not in declared.headers, "what was declared may be thrown away"
    absurd = await sent(api, path, Sender([b"{}"]), token=token, length=10**18)
    assert (absurd.status, absurd.taken) == (413, 0)

    endless = await sent(api, path, Sender([b" " * 1_000] * 99), token=token)
    assert (endless.status, endless.taken) == (413, 1 + MOST // 1_000)
    assert (endless.error["code"], endless.headers[b"connection"]) == ("REQUEST_TOO_LARGE", b"close")
    lies = await sent(api, path, Sender([b" " * 1_000] * 99), token=token, length=10)
    assert (lies.status, lies.taken) == (413, 1 + MOST // 1_000)

    unknown = await sent(api, path, Sender([body(MOST + 1)]), token="Bearer a.b.c")
    assert (unknown.status, unknown.taken) == (401, 0), "who asks is settled first"


async def test_administrators_bring_files(api: Api) -> None:
    length = 20 * MOST
    allowed = await sent(api, "/graphql", Sender([body(length)], "end"), token=bearer(api, ADMIN), length=length)
    assert allowed.status == 200
    length = FILE_BYTES + 1
    refused = await sent(api, "/graphql", Sender([b"{"]), token=bearer(api, ADMIN), length=length)
    assert (refused.status, refused.taken, refused.error["code"]) == (413, 0, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_does_not_arrive_is_not_waited_for(api: Api, path: str) -> None:
    api.app.state.serving = replace(api.app.state.serving, body_seconds=0)
    slow = await sent(api, path, Sender([b'{"query":'], "nothing"), token=bearer(api, NOBODY))
    assert (slow.status, slow.error["code"]) == (408, "REQUEST_TOO_SLOW")
    assert slow.headers[b"connection"] == b"close"


async def test_who_leaves_in_the_middle_of_a_body_has_asked_nothing(api: Api) -> None:
    gone = await sent(api, "/graphql", Sender([b'{"query":"{ viewer { name } }"}']), token=bearer(api))
    assert gone.status != 200


async def test_a_message_of_a_socket_has_a_limit_whatever_the_server(api: Api) -> None:
    def ping(length: int) -> str:
        text = json.dumps({"type": "ping", "payload": {"a": ""}})
        return text.replace('""', '"' + "-" * (length - len(text)) + '"')

    async with socket(api) as opened:
        opened.say(ping(MESSAGE_BYTES))
        assert await opened.message() == {"type": "pong"}
        opened.say(ping(MESSAGE_BYTES + 1))
        with pytest.raises(ClosedError) as caught:
            await opened.message()
        assert caught.value.code == BAD_REQUEST


# How many at once


def bounded(api: Api, **bounds: int) -> OpenConnections:
    found = OpenConnections(Bounds(**bounds))
    api.app.state.serving = replace(api.app.state.serving, connections=found)
    return found


async def refusal(api: Api, person: Person | None) -> ClosedError:
    """How a socket is closed; without a person before it says anything."""
    async with socket(api) as opened:
        if person is not None:
            opened.say({"type": "connection_init", "payload": {"authorization": bearer(api, person)}})
        with pytest.raises(ClosedError) as caught:
            await opened.message()
        return caught.value


async def test_one_caller_leaves_room_for_others(api: Api) -> None:
    connections = bounded(api, of_caller=2, in_all=3)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(signed_in(api, SALES))
        events = await stack.enter_async_context(stream(api, WATCH, token=bearer(api, SALES)))
        assert events.status == 200
        closed = await refusal(api, SALES)
        assert (closed.code, closed.reason) == (TRY_AGAIN_LATER, "2 sockets and event streams of yours are open.")
        more = Sender([body(100)], "end")
        await sent(api, "/graphql/stream", more, token=bearer(api, SALES))
        assert (more.status, more.taken, more.error["code"]) == (429, 0, "TOO_MANY_CONNECTIONS")

        await stack.enter_async_context(signed_in(api, ADMIN))
        closed = await refusal(api, NOBODY)
        assert (closed.code, "3 sockets" in closed.reason) == (TRY_AGAIN_LATER, True)
        assert connections.open == 3, "who was refused takes no place"
        assert (await api.ask(VIEWER, person=SALES)).data, "requests go on"

        await first.leave()
        assert connections.open == 2
        async with signed_in(api, SALES):
            assert connections.open == 3, "one left, and another one came"
    assert connections.open == 0


async def test_sockets_that_say_nothing_take_no_place_of_others(api: Api) -> None:
    connections = bounded(api, waiting=2)
    async with AsyncExitStack() as stack:
        known = await stack.enter_async_context(signed_in(api))
        first = await stack.enter_async_context(socket(api))
        await stack.enter_async_context(socket(api))
        closed = await refusal(api, None)
        assert (closed.code, "wait to say" in closed.reason) == (TRY_AGAIN_LATER, True)
        known.subscribe(VIEWER)
        assert await known.answers()
        async with stream(api, VIEWER) as events:
            assert len(await events.events()) == 2
        first.say("nonsense")
        with pytest.raises(ClosedError):
            await first.message()
        await first.leave()
        async with signed_in(api):
            assert connections.open == 3
        async with socket(api) as wrong:
            wrong.say({"type": "connection_init", "payload": {"authorization": "Bearer a.b.c"}})
            with pytest.raises(ClosedError):
                await wrong.message()
    assert connections.open == 0


async def test_streams_that_end_any_way_give_their_place_back(api: Api) -> None:
    connections = bounded(api, of_caller=1)
    for query, accept in ((VIEWER, "text/event-stream"), ("{ viewer {", "text/event-stream"), (VIEWER, "text/html")):
        async with stream(api, query, accept=accept) as events:
            assert events.status in (200, 406)
        assert connections.open == 0
    for piece in (b"nonsense", b" " * (FILE_BYTES + 1)):
        await sent(api, "/graphql/stream", Sender([piece], "end"), token=bearer(api))
        assert connections.open == 0
    async with stream(api, WATCH) as events:
        assert (events.status, connections.open) == (200, 1)
        api.app.state.streams.end()
        await events.events()
    assert connections.open == 0
