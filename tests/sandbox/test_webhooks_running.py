"""Webhooks are sent by a sandbox that is served, alone or as a part of the demo, without anybody asking."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from gateway.demo import create_demo, database_url
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.business_central.notifications import Timing
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from tests.sandbox.receivers import Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with closing(open_sandbox("http://127.0.0.1:8000", folder=None)) as opened:
        opened.outgoing.notifications.timing = Timing(window=timedelta(0))
        yield opened


@pytest.fixture
def receiver(sandbox: Sandbox) -> Receiver:
    receiver = Receiver()
    sandbox.outgoing.sender.network = receiver.network
    return receiver


@pytest.fixture(params=["alone", "demo"])
async def served(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Starlette]:
    """The application of `gateway sandbox` or of `gateway demo`, started as a server starts it."""
    app: Starlette = sandbox.app() if request.param == "alone" else create_demo(sandbox, database_url(tmp_path)).app
    async with app.router.lifespan_context(app):
        yield app


async def test_a_served_sandbox_sends_by_itself(sandbox: Sandbox, receiver: Receiver, served: Starlette) -> None:
    headers = {"Authorization": f"Bearer {sandbox.identity.issue(GATEWAY, BUSINESS_CENTRAL_RESOURCE)}"}
    root, company = f"{sandbox.addresses.business_central}/", f"companies({sandbox.company.company_id})"
    transport = httpx.ASGITransport(app=served)
    async with httpx.AsyncClient(transport=transport, base_url=root, headers=headers) as client:
        resource = f"api/v2.0/{company}/customers"
        body = {"notificationUrl": "http://gateway.test/hooks", "resource": resource}
        assert (await client.post("subscriptions", json=body)).status_code == 201
        made = await client.post(f"{company}/customers", json={"displayName": "Quay Cycles"})
        with anyio.fail_after(10):
            await receiver.arrived.wait()
    told = {row["resource"] for row in receiver.rows}
    assert told == {f"{resource}({made.json()['id']})"}
