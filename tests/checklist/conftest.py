"""The whole sandbox for each test: the demo company, both simulators and real tokens, reached over HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from gateway.sandbox.app import Sandbox
from tests.checklist.tokens import bearer
from tests.conftest import SANDBOX

DATAVERSE_HEADERS = {"OData-MaxVersion": "4.0", "OData-Version": "4.0", "Accept": "application/json"}


@pytest.fixture
def app(sandbox: Sandbox) -> Starlette:
    """The sandbox as a server; one app for all clients of a test, as throttles and subscriptions live in it."""
    return sandbox.app()


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """The whole server, without a token."""
    async with _client(app, SANDBOX, {}) as client:
        yield client


@pytest.fixture
async def bc_root(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Business Central at `…/api/v2.0/`, as an application."""
    async with _client(app, f"{sandbox.addresses.business_central}/", bearer(sandbox)) as client:
        yield client


@pytest.fixture
async def business_central(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Business Central at `…/api/v2.0/companies({id})/`, as an application."""
    address = f"{sandbox.addresses.business_central}/companies({sandbox.company.company_id})/"
    async with _client(app, address, bearer(sandbox)) as client:
        yield client


@pytest.fixture
async def analytics(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Business Central at `…/api/microsoft/analytics/v1.0/companies({id})/`, as an application."""
    async with _client(app, f"{_of(sandbox, 'microsoft/analytics/v1.0')}/", bearer(sandbox)) as client:
        yield client


@pytest.fixture
async def availability(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Business Central at `…/api/wheelhouse/availability/v1.0/companies({id})/`, as an application."""
    async with _client(app, f"{_of(sandbox, 'wheelhouse/availability/v1.0')}/", bearer(sandbox)) as client:
        yield client


@pytest.fixture
async def dataverse(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Dataverse at `…/api/data/v9.2/`, as an application, with the usual OData headers."""
    headers = bearer(sandbox, sandbox.addresses.dataverse) | DATAVERSE_HEADERS
    async with _client(app, f"{sandbox.addresses.dataverse}/api/data/v9.2/", headers) as client:
        yield client


def _of(sandbox: Sandbox, route: str) -> str:
    """The company's address in an API of Business Central."""
    before = sandbox.addresses.business_central.removesuffix("v2.0")
    return f"{before}{route}/companies({sandbox.company.company_id})"


def _client(app: Starlette, address: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=address, headers=headers)
