"""Faults over a real server: what a client of a broken or silent connection meets."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.lowlevel
import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from gateway.sandbox.connection import BreakableProtocol
from gateway.sandbox.faults import Faults, Rule
from gateway.sandbox.faulty import Faulty
from gateway.sandbox.observation import Latency, Observed, RequestLog

pytestmark = pytest.mark.anyio

ROWS = {"value": [{"number": number} for number in range(2000)]}


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """A server on a free port of this machine; its address."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", http=BreakableProtocol)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    running = asyncio.create_task(server.main_loop())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await running
        await server.shutdown()


class Site:
    """A simulator in an application, as the sandbox and as the demo mount it."""

    def __init__(self) -> None:
        self.faults = Faults(seed=1)
        self.log = RequestLog()
        self.asked = 0

    async def answer(self, _: StarletteRequest) -> JSONResponse:
        self.asked += 1
        return JSONResponse(ROWS)

    def routes(self) -> list[Mount]:
        simulator = Starlette(routes=[Route("/rows", self.answer, methods=["GET", "POST"])])
        faulty = Faulty(simulator, self.faults, "dataverse")
        return [Mount("/dataverse", Observed(faulty, self.log, "dataverse", Latency()))]

    def app(self, kind: str) -> ASGIApp:
        if kind == "sandbox":
            return Starlette(routes=self.routes())
        demo = FastAPI()
        demo.router.routes.extend(self.routes())

        async def pass_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
            return await call_next(request)

        demo.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)
        return demo


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture(params=["sandbox", "demo"])
async def client(request: pytest.FixtureRequest, site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with served(site.app(request.param)) as address, httpx.AsyncClient(base_url=address) as client:
        yield client


async def test_a_reset_connection_is_a_read_error_and_nothing_was_done(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.faults.add(Rule("reset", count=1))
    with caplog.at_level(logging.INFO), pytest.raises(httpx.ReadError):
        await client.get("/dataverse/rows")
    assert site.asked == 0
    assert (await client.get("/dataverse/rows")).json() == ROWS
    assert [one.status for one in site.log.requests()] == [None, 200]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_reset_after_the_work_loses_the_answer_only(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("reset-after"))
    with pytest.raises(httpx.ReadError):
        await client.post("/dataverse/rows", json={})
    assert site.asked == 1


async def test_a_reset_in_the_body_comes_after_a_good_start(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.faults.add(Rule("reset-body"))
    received: list[bytes] = []

    async def read(response: httpx.Response) -> None:
        async for part in response.aiter_bytes():
            received.append(part)

    with caplog.at_level(logging.INFO):
        async with client.stream("GET", "/dataverse/rows") as response:
            assert response.status_code == 200
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                await read(response)
    assert 0 < sum(len(part) for part in received) < int(response.headers["Content-Length"])
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_hanging_request_ends_when_the_client_gives_up(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.faults.add(Rule("hang", count=1))
    with caplog.at_level(logging.INFO), pytest.raises(httpx.ReadTimeout):
        await client.get("/dataverse/rows", timeout=0.05)
    assert (await client.get("/dataverse/rows")).json() == ROWS
    with anyio.fail_after(10):
        while site.log.load("dataverse").running:
            await anyio.lowlevel.checkpoint()
    assert {one.status for one in site.log.requests()} == {None, 200}
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_hanging_request_is_cut_off_at_its_limit(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("hang", seconds=0.01))
    with pytest.raises(httpx.ReadError):
        await client.get("/dataverse/rows", timeout=30)


async def test_a_truncated_answer_is_complete_as_http(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("truncated"))
    answer = await client.get("/dataverse/rows")
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(json.JSONDecodeError):
        answer.json()
