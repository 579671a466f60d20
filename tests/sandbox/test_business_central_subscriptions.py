"""Webhook subscriptions of the Business Central simulator: how they are made, renewed, refused and ended."""

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
from anyio import to_thread

from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.business_central.notifications import Timing
from gateway.sandbox.business_central.subscribing import handshake_over
from gateway.sandbox.store import Store
from gateway.sandbox.webhooks.delivery import DeliveryLog, Sender
from tests.sandbox.conftest import COMPANY, verify
from tests.sandbox.receivers import Clock, Receiver
from tests.sandbox.subscribers import HOOK, SETS, STATE, Setting, customer, subscribe, subscriptions, summary

pytestmark = pytest.mark.anyio

COUPLINGS = "wheelhouse/availability/v1.0"


@pytest.fixture
def setting(bc_store: Store) -> Setting:
    return Setting(bc_store)


@pytest.fixture
async def bc(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose addresses are relative to the standard API."""
    async with setting.client() as client:
        yield client


async def test_a_subscription_is_made_after_a_handshake(setting: Setting, bc: httpx.AsyncClient) -> None:
    body = {"notificationUrl": f"{HOOK}?x=1", "resource": f"/{SETS}/customers", "clientState": STATE}
    answer = await bc.post("subscriptions", json=body)
    assert answer.status_code == 201
    shown = answer.json()
    key = shown["subscriptionId"]
    assert {name for name in shown if "@" not in name} == {
        "subscriptionId",
        "notificationUrl",
        "resource",
        "timestamp",
        "userId",
        "lastModifiedDateTime",
        "clientState",
        "expirationDateTime",
    }
    assert {name: shown[name] for name in body} == body
    assert shown["expirationDateTime"] == "2026-11-19T12:00:00Z"
    assert shown["lastModifiedDateTime"] == "2026-11-16T12:00:00Z"
    assert shown["timestamp"] > 0
    assert answer.headers["ETag"] == shown["@odata.etag"]
    assert answer.headers["Location"].endswith(f"/api/v2.0/subscriptions('{key}')")
    (handshake,) = setting.receiver.handshakes
    assert (handshake.method, handshake.content, handshake.url.params["x"]) == ("POST", b"", "1")
    assert len(handshake.url.params["validationToken"]) == 36


async def test_a_receiver_that_returns_another_token_gets_no_subscription(
    setting: Setting, bc: httpx.AsyncClient
) -> None:
    setting.receiver.shakes_hands = False
    answer = await bc.post("subscriptions", json={"notificationUrl": HOOK, "resource": f"{SETS}/customers"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert await subscriptions(bc) == []


@pytest.mark.parametrize("status", [204, 201, 202, 404, 500])
async def test_a_handshake_needs_status_200(status: int) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=request.url.params["validationToken"])

    assert not await _handshake(httpx.MockTransport(echo))


async def test_a_handshake_that_takes_too_long_fails() -> None:
    assert Timing().handshake_seconds == 5

    async def silent(request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        return httpx.Response(200)

    assert not await _handshake(httpx.MockTransport(silent), seconds=0)
    assert await _handshake(Receiver().network)


async def _handshake(network: httpx.AsyncBaseTransport, *, seconds: float = 5) -> bool:
    shake = handshake_over(Sender(DeliveryLog(), now=Clock(), network=network), lambda: seconds)
    return await to_thread.run_sync(shake, HOOK, "token")


@pytest.mark.parametrize(
    "changes",
    [
        {"notificationUrl": "ftp://receiver.example/"},
        {"notificationUrl": ""},
        {"resource": ""},
        {"resource": "customers"},
        {"resource": f"/{SETS}/salesOrderLines"},
        {"resource": f"/{SETS}/customerFinancialDetails"},
        {"resource": f"/{SETS}/agedAccountsReceivables"},
        {"resource": f"/{SETS}/subscriptions"},
        {"resource": f"/{SETS}/customers?$filter=number eq '1'"},
        {"resource": f"/{SETS}/customers({COMPANY})"},
        {"resource": "/api/v2.0/customers"},
        {"resource": f"/api/microsoft/analytics/v1.0/companies({COMPANY})/customers"},
        {"resource": f"/api/{COUPLINGS}/companies({COMPANY})/couplings"},
        {"clientState": "x" * 2049},
        {"expirationDateTime": "2030-01-01T00:00:00Z"},
        {"colour": "red"},
    ],
)
async def test_a_subscription_that_cannot_work_is_refused_before_anybody_is_asked(
    setting: Setting, bc: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    body = {"notificationUrl": HOOK, "resource": f"/{SETS}/customers", "clientState": STATE} | changes
    answer = await bc.post("subscriptions", json=body)
    assert answer.status_code == 400
    assert "x" * 2049 not in answer.text
    assert setting.receiver.handshakes == []


async def test_an_unknown_company_is_refused(bc: httpx.AsyncClient) -> None:
    resource = "/api/v2.0/companies(00000000-0000-4000-8000-000000000099)/customers"
    answer = await bc.post("subscriptions", json={"notificationUrl": HOOK, "resource": resource})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "Internal_CompanyNotFound")


@pytest.mark.parametrize(
    "resource", [f"{SETS}/customers", f"https://bc.example/v2.0/t/Production/{SETS}/customers", f"/{SETS}/CUSTOMERS"]
)
async def test_a_resource_may_be_written_in_several_ways(
    setting: Setting, bc: httpx.AsyncClient, resource: str
) -> None:
    await subscribe(bc, resource=resource)
    key = await customer(bc)
    assert summary(await setting.after(seconds=30)) == [("created", f"customers({key})")]


async def test_a_client_state_may_have_2048_characters(bc: httpx.AsyncClient) -> None:
    assert len((await subscribe(bc, clientState="x" * 2048))["clientState"]) == 2048


async def test_an_environment_has_200_subscriptions_at_most(setting: Setting, bc: httpx.AsyncClient) -> None:
    known = await subscribe(bc)
    row = setting.store.get("subscriptions", known["subscriptionId"])
    assert row is not None
    more = [{**row.values, "subscriptionId": f"more{number}"} for number in range(199)]
    for values in more:
        values.pop("timestamp")
    setting.store.seed("subscriptions", more)
    answer = await bc.post("subscriptions", json={"notificationUrl": HOOK, "resource": f"{SETS}/items"})
    assert answer.status_code == 400
    assert "200" in answer.json()["error"]["message"]


async def test_subscriptions_are_listed_and_read_by_their_quoted_key(bc: httpx.AsyncClient) -> None:
    made = await subscribe(bc)
    key = made["subscriptionId"]
    listed = await subscriptions(bc)
    assert [one["subscriptionId"] for one in listed] == [key]
    assert (await bc.get(f"subscriptions('{key}')")).json()["resource"] == made["resource"]
    assert (await bc.get(f"Subscriptions('{key}')")).status_code == 200
    assert (await bc.get("subscriptions/$count")).text == "1"
    assert (await bc.get(f"subscriptions({key})")).status_code == 400
    assert (await bc.get("subscriptions('nobody')")).status_code == 404
    assert (await bc.put(f"subscriptions('{key}')", json={})).status_code == 405


async def test_a_subscription_is_renewed_for_three_days_after_another_handshake(
    setting: Setting, bc: httpx.AsyncClient
) -> None:
    made = await subscribe(bc)
    address = f"subscriptions('{made['subscriptionId']}')"
    setting.clock.advance(days=2)
    answer = await bc.patch(address, json={}, headers={"If-Match": made["@odata.etag"]})
    assert answer.status_code == 200
    assert answer.json()["expirationDateTime"] == "2026-11-21T12:00:00Z"
    assert len(setting.receiver.handshakes) == 2
    stale = await bc.patch(address, json={}, headers={"If-Match": made["@odata.etag"]})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "Request_EntityChanged")
    missing = await bc.patch(address, json={})
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "BadRequest_InvalidToken")


async def test_a_renewal_without_a_handshake_changes_nothing(setting: Setting, bc: httpx.AsyncClient) -> None:
    made = await subscribe(bc)
    setting.receiver.shakes_hands = False
    address = f"subscriptions('{made['subscriptionId']}')"
    assert (await bc.patch(address, json={"clientState": "new"}, headers={"If-Match": "*"})).status_code == 400
    assert (await subscriptions(bc))[0]["clientState"] == STATE


async def test_a_subscription_is_deleted_with_its_etag(setting: Setting, bc: httpx.AsyncClient) -> None:
    made = await subscribe(bc)
    address = f"subscriptions('{made['subscriptionId']}')"
    assert (await bc.delete(address)).status_code == 400
    await customer(bc)
    assert (await bc.delete(address, headers={"If-Match": made["@odata.etag"]})).status_code == 204
    assert (await bc.delete(address, headers={"If-Match": "*"})).status_code == 404
    assert await setting.after(seconds=30) == []


async def test_an_expired_subscription_is_gone(setting: Setting, bc: httpx.AsyncClient) -> None:
    made = await subscribe(bc)
    setting.clock.advance(days=3, seconds=-1)
    assert len(await subscriptions(bc)) == 1
    setting.clock.advance(seconds=1)
    await customer(bc)
    assert await setting.after(minutes=1) == []
    address = f"subscriptions('{made['subscriptionId']}')"
    assert (await bc.get(address)).status_code == 404
    assert (await bc.patch(address, json={}, headers={"If-Match": "*"})).status_code == 404
    assert setting.store.count("subscriptions") == 0


async def test_subscriptions_outlive_a_restart(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    again = Setting(setting.store, clock=setting.clock)
    key = await customer(bc)
    assert summary(await again.after(seconds=30)) == [("created", f"customers({key})")]


async def test_a_custom_page_is_watched_at_its_own_api(setting: Setting, bc: httpx.AsyncClient) -> None:
    root = f"http://bc/v2.0/contoso.example/Production/api/{COUPLINGS}"
    body = {"notificationUrl": HOOK, "resource": f"/api/{COUPLINGS}/companies({COMPANY})/couplings"}
    answer = await bc.post(f"{root}/subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    there = await bc.post(f"{root}/subscriptions", json={"notificationUrl": HOOK, "resource": f"{SETS}/customers"})
    assert there.status_code == 400


async def test_without_a_sender_nobody_can_subscribe(bc_store: Store) -> None:
    app = business_central_app(bc_store, verify=verify, tenant="t", environment="e", now=Clock())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, headers={"Authorization": "Bearer good"}) as client:
        body = {"notificationUrl": HOOK, "resource": f"{SETS}/customers"}
        assert (await client.post("http://bc/v2.0/t/e/api/v2.0/subscriptions", json=body)).status_code == 400
