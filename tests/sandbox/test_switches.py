"""The switches of a whole sandbox: further APIs, webhooks, and what can be made to expire."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from gateway.sandbox.webhooks.delivery import Delivery

pytestmark = pytest.mark.anyio

ADMIN = "/sandbox/admin"
BASE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    opened = open_sandbox(BASE, folder=None)
    yield opened
    opened.close()


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app()), base_url=BASE) as client:
        yield client


def dataverse_token(sandbox: Sandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.identity.issue(GATEWAY, sandbox.addresses.dataverse)}"}


def central_token(sandbox: Sandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.identity.issue(GATEWAY, BUSINESS_CENTRAL_RESOURCE)}"}


async def test_the_index_lists_every_switch(client: httpx.AsyncClient) -> None:
    index = (await client.get(f"{ADMIN}/")).json()
    assert index.keys() == {
        "requests",
        "latency",
        "faults",
        "throttling",
        "features",
        "webhooks",
        "tokens",
        "delta-links",
        "backends",
    }
    for name in index.keys() - {"backends"}:
        assert f"/{name}" in index[name]


async def test_an_expired_token_is_refused_by_both_and_a_new_one_is_not(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    asked = [
        (f"{sandbox.addresses.business_central}/companies", central_token),
        (f"{sandbox.addresses.dataverse}/api/data/v9.2/WhoAmI", dataverse_token),
    ]
    old = [(url, issue(sandbox)) for url, issue in asked]
    assert [(await client.get(url, headers=token)).status_code for url, token in old] == [200, 200]
    assert (await client.post(f"{ADMIN}/tokens/expire")).status_code == 204
    assert [(await client.get(url, headers=token)).status_code for url, token in old] == [401, 401]
    assert [(await client.get(url, headers=issue(sandbox))).status_code for url, issue in asked] == [200, 200]


async def test_a_delta_link_given_out_before_is_too_old_and_a_new_one_is_not(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    url = f"{sandbox.addresses.dataverse}/api/data/v9.2/accounts?$select=name"
    headers = dataverse_token(sandbox) | {"Prefer": "odata.track-changes"}

    async def link() -> str:
        return str((await client.get(url, headers=headers)).json()["@odata.deltaLink"])

    old = await link()
    assert (await client.get(old, headers=headers)).status_code == 200
    assert (await client.post(f"{ADMIN}/delta-links/expire")).status_code == 204
    expired = await client.get(old, headers=headers)
    assert expired.json()["error"]["code"] == "0x80044352"
    assert (await client.get(await link(), headers=headers)).status_code == 200


async def test_the_fault_of_an_expired_link_is_the_answer_of_an_expired_link(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    url = f"{sandbox.addresses.dataverse}/api/data/v9.2/accounts?$select=name"
    headers = dataverse_token(sandbox) | {"Prefer": "odata.track-changes"}
    link = (await client.get(url, headers=headers)).json()["@odata.deltaLink"]
    await client.post(f"{ADMIN}/faults", json={"kind": "expired-delta", "count": 1})
    by_fault = await client.get(link, headers=headers)
    await client.post(f"{ADMIN}/delta-links/expire")
    by_age = await client.get(link, headers=headers)
    await client.delete(f"{ADMIN}/faults")
    assert (by_fault.status_code, by_fault.json()) == (by_age.status_code, by_age.json())


async def test_an_api_that_is_switched_off_is_not_there(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    features = (await client.get(f"{ADMIN}/features")).json()
    assert features == {"custom_pages": True, "analytics": True}
    changed = await client.put(f"{ADMIN}/features", json={"analytics": False})
    assert changed.json() == {"custom_pages": True, "analytics": False}
    assert not sandbox.features.analytics
    await client.put(f"{ADMIN}/features", json=features)
    assert sandbox.features.analytics


async def test_the_webhooks_that_were_sent_are_listed_and_forgotten(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    noon = datetime(2026, 11, 16, 12, tzinfo=UTC)
    sandbox.deliveries.add(Delivery(noon, "dataverse", "https://gw.example/hooks", 200, 1, "step"))
    listed = (await client.get(f"{ADMIN}/webhooks?backend=dataverse")).json()
    assert listed["deliveries"] == [
        {
            "time": "2026-11-16T12:00:00.000Z",
            "backend": "dataverse",
            "url": "https://gw.example/hooks",
            "status": 200,
            "attempt": 1,
            "subscription": "step",
        }
    ]
    assert (await client.get(f"{ADMIN}/webhooks?backend=business-central")).json()["deliveries"] == []
    assert (await client.delete(f"{ADMIN}/webhooks")).status_code == 204
    assert (await client.get(f"{ADMIN}/webhooks")).json()["deliveries"] == []


async def test_the_time_business_central_merges_changes_is_set(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert (await client.get(f"{ADMIN}/webhooks")).json()["merge_seconds"] == 30
    assert (await client.put(f"{ADMIN}/webhooks", json={"merge_seconds": 0.5})).json()["merge_seconds"] == 0.5
    assert sandbox.outgoing.notifications.timing.window.total_seconds() == 0.5
    await client.put(f"{ADMIN}/webhooks", json={"merge_seconds": 30})


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("features", {"analytics": "no"}, "analytics must be true or false."),
        ("features", {"telepathy": True}, "There is no field 'telepathy'; there are custom_pages, analytics."),
        ("features", [], "The body must be an object such as"),
        ("webhooks", {"merge_seconds": -1}, "merge_seconds must be a number from 0 to 3600."),
        ("webhooks", {"merge_seconds": None}, "merge_seconds must be a number from 0 to 3600."),
        ("webhooks", {"merge": 1}, "There is no field 'merge'; there are merge_seconds."),
    ],
)
async def test_what_nobody_can_mean_is_refused(client: httpx.AsyncClient, name: str, body: Any, said: str) -> None:
    answer = await client.put(f"{ADMIN}/{name}", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
