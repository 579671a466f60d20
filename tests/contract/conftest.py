"""The suites of this folder run on the sandbox always, and on a real tenant with ``-m live``.

Live, the gateway's own settings (``GATEWAY_…``, see docs/settings.md) name tenant and application. Nothing is written there
unless ``GATEWAY_LIVE_WRITES=1``: without it, nothing but GET leaves this machine. What the tests write, they delete again.
"""

import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from gateway.backends import Networks, clients_of
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.clients.dataverse import DataverseClient
from gateway.config import Settings, load_settings
from gateway.demo import demo_settings
from gateway.errors import ConfigError
from gateway.sandbox.app import Sandbox, open_sandbox

TARGETS = ["sandbox", pytest.param("live", marks=[pytest.mark.live, pytest.mark.enable_socket])]


_REQUEST_LINE = re.compile(rb"^([A-Z]+) \S+ HTTP/1\.1\r?$", re.MULTILINE)


def only_reads(request: httpx.Request) -> bool:
    """Whether this is a GET, or a batch of nothing else."""
    if request.method != "POST" or not request.url.path.endswith("/$batch"):
        return request.method == "GET"
    if request.headers["content-type"].startswith("application/json"):
        methods = {part["method"].upper() for part in json.loads(request.content)["requests"]}
    else:
        methods = {method.decode() for method in _REQUEST_LINE.findall(request.content)}
    return methods == {"GET"}


class ReadOnly(httpx.AsyncBaseTransport):
    """The way to a real tenant for what only reads; anything else fails before it leaves."""

    def __init__(self, network: httpx.AsyncBaseTransport) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert only_reads(request), f"{request.method} is sent to a real tenant only with GATEWAY_LIVE_WRITES=1"
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


@dataclass(frozen=True)
class Contract:
    """What both parties agreed on: our clients, and the bare wire with a good token for what clients never send."""

    business_central: BusinessCentralClient
    dataverse: DataverseClient
    company: UUID
    bc_wire: httpx.AsyncClient
    dataverse_wire: httpx.AsyncClient
    writable: bool
    live: bool

    @property
    def call(self) -> Call:
        return Call(Deadline.after(60))

    def in_company(self, entity_set: str) -> str:
        return self.business_central.path(entity_set, company=self.company)

    def may_write(self) -> None:
        if not self.writable:
            pytest.skip("a real tenant is only read, unless GATEWAY_LIVE_WRITES=1")

    def too_small(self, what: str) -> None:
        """A tenant may hold too little to look at; the sandbox holds enough, so there it is a fault."""
        if self.live:
            pytest.skip(what)
        pytest.fail(what)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One for all tests: what they write they delete again, as on a tenant."""
    opened = open_sandbox("https://sandbox.test", folder=None)
    yield opened
    opened.close()


@pytest.fixture(params=TARGETS)
async def contract(request: pytest.FixtureRequest) -> AsyncIterator[Contract]:
    opened = _live() if request.param == "live" else _over(request.getfixturevalue("sandbox"))
    async with opened as agreed:
        yield agreed


@asynccontextmanager
async def _over(sandbox: Sandbox) -> AsyncIterator[Contract]:
    network = httpx.ASGITransport(app=sandbox.app())
    settings = demo_settings(sandbox, "sqlite+aiosqlite:///never-opened.db")
    async with _agreed(settings, Networks(network, network, network), writable=True, live=False) as agreed:
        yield agreed


@asynccontextmanager
async def _live() -> AsyncIterator[Contract]:
    try:
        settings = load_settings()
    except ConfigError as error:
        pytest.fail(f"-m live needs the settings of a gateway: {error}", pytrace=False)
    writable = os.environ.get("GATEWAY_LIVE_WRITES") == "1"
    networks = Networks() if writable else Networks(ReadOnly(_network()), ReadOnly(_network()))
    async with _agreed(settings, networks, writable=writable, live=True) as agreed:
        yield agreed


def _network() -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(http2=True)


@asynccontextmanager
async def _agreed(settings: Settings, networks: Networks, *, writable: bool, live: bool) -> AsyncIterator[Contract]:
    async with clients_of(settings, networks) as backends:
        central, dataverse = backends.business_central, backends.dataverse
        async with (
            httpx.AsyncClient(
                transport=networks.business_central, base_url=central.base_url, auth=central.wire.auth, timeout=60
            ) as bc_wire,
            httpx.AsyncClient(
                transport=networks.dataverse, base_url=dataverse.base_url, auth=dataverse.wire.auth, timeout=60
            ) as dataverse_wire,
        ):
            yield Contract(central, dataverse, settings.company_id, bc_wire, dataverse_wire, writable, live)
