"""Business Central, line 9: webhook subscriptions.

A subscription is made after a handshake and lives for three days. Changes of a row are merged for 30 seconds, which can be
set otherwise. Above a threshold one `collection` row stands for all of them. A receiver that answers with a 4xx loses
its subscription.
"""

import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import httpx
import pytest

from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.business_central.notifications import Timing
from gateway.sandbox.faults import Rule
from tests.checklist.tokens import bearer
from tests.conftest import SANDBOX as BASE
from tests.sandbox.receivers import Clock, Receiver

pytestmark = pytest.mark.anyio

HOOK = "http://gateway.test/hooks/bc"
STATE = "only-we-know"


@pytest.fixture
def clock(sandbox: Sandbox) -> Clock:
    """The time of the sandbox, which stands still until it is moved."""
    clock = Clock()
    sandbox.now = clock
    return clock


@pytest.fixture
def receiver(sandbox: Sandbox) -> Receiver:
    """Where everything arrives that the sandbox sends."""
    receiver = Receiver()
    sandbox.outgoing.sender.network = receiver.network
    return receiver


@pytest.fixture
def resource(sandbox: Sandbox) -> str:
    return f"api/v2.0/companies({sandbox.company.company_id})/customers"


@pytest.fixture
async def made(bc_root: httpx.AsyncClient, clock: Clock, receiver: Receiver, resource: str) -> dict[str, Any]:
    """A subscription to customers, as it was answered."""
    return await subscribe(bc_root, resource)


async def subscribe(client: httpx.AsyncClient, resource: str, **changes: str) -> dict[str, Any]:
    body = {"notificationUrl": HOOK, "resource": f"/{resource}", "clientState": STATE} | changes
    answer = await client.post("subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def customers(client: httpx.AsyncClient, count: int = 1) -> list[str]:
    """The ids of new customers."""
    made = [await client.post("customers", json={"displayName": f"Quay Cycles {number}"}) for number in range(count)]
    return [str(one.json()["id"]) for one in made]


async def rename(client: httpx.AsyncClient, key: str, name: str) -> None:
    answer = await client.patch(f"customers({key})", json={"displayName": name}, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text


async def work(sandbox: Sandbox, clock: Clock, **later: float) -> None:
    """What is due by then is sent."""
    clock.advance(**later)
    await sandbox.outgoing.engine.work()


async def is_alive(client: httpx.AsyncClient, made: dict[str, Any]) -> bool:
    return (await client.get(f"subscriptions('{made['subscriptionId']}')")).status_code == 200


async def test_the_receiver_is_asked_by_post_for_its_token(made: dict[str, Any], receiver: Receiver) -> None:
    (handshake,) = receiver.handshakes
    assert (handshake.method, handshake.url.path) == ("POST", "/hooks/bc")
    assert handshake.url.params["validationToken"]
    assert (made["notificationUrl"], made["clientState"]) == (HOOK, STATE)


async def test_without_the_token_there_is_no_subscription(
    bc_root: httpx.AsyncClient, receiver: Receiver, resource: str
) -> None:
    receiver.shakes_hands = False
    answer = await bc_root.post("subscriptions", json={"notificationUrl": HOOK, "resource": resource})
    assert answer.status_code == 400
    assert (await bc_root.get("subscriptions")).json()["value"] == []


async def test_a_receiver_has_five_seconds_for_the_handshake(
    sandbox: Sandbox, bc_root: httpx.AsyncClient, resource: str
) -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        return httpx.Response(200)

    assert Timing().handshake_seconds == 5
    sandbox.outgoing.sender.network = httpx.MockTransport(silent)
    sandbox.outgoing.notifications.timing = Timing(handshake_seconds=0)
    answer = await bc_root.post("subscriptions", json={"notificationUrl": HOOK, "resource": resource})
    assert answer.status_code == 400


async def test_a_subscription_ends_after_three_days_unless_it_is_renewed(
    bc_root: httpx.AsyncClient, clock: Clock, receiver: Receiver, made: dict[str, Any]
) -> None:
    assert made["expirationDateTime"] == f"{clock() + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
    clock.advance(days=2)
    address = f"subscriptions('{made['subscriptionId']}')"
    renewed = await bc_root.patch(address, json={}, headers={"If-Match": made["@odata.etag"]})
    assert renewed.json()["expirationDateTime"] == f"{clock() + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
    assert len(receiver.handshakes) == 2
    clock.advance(days=2, hours=23)
    assert await is_alive(bc_root, made)
    clock.advance(hours=1)
    assert not await is_alive(bc_root, made)


async def test_renewing_and_deleting_need_the_etag(bc_root: httpx.AsyncClient, made: dict[str, Any]) -> None:
    address = f"subscriptions('{made['subscriptionId']}')"
    assert (await bc_root.patch(address, json={})).status_code == 400
    assert (await bc_root.delete(address)).status_code == 400
    assert (await bc_root.delete(address, headers={"If-Match": made["@odata.etag"]})).status_code == 204
    assert not await is_alive(bc_root, made)


async def test_changes_of_a_row_are_merged_for_thirty_seconds(
    sandbox: Sandbox,
    business_central: httpx.AsyncClient,
    clock: Clock,
    receiver: Receiver,
    made: dict[str, Any],
    resource: str,
) -> None:
    (key,) = await customers(business_central)
    clock.advance(seconds=10)
    await rename(business_central, key, "Quay Bikes")
    await work(sandbox, clock, seconds=19)
    assert receiver.rows == []
    await work(sandbox, clock, seconds=1)
    assert receiver.rows == [
        {
            "subscriptionId": made["subscriptionId"],
            "clientState": STATE,
            "expirationDateTime": made["expirationDateTime"],
            "resource": f"{resource}({key})",
            "changeType": "created",
            "lastModifiedDateTime": "2026-11-16T12:00:10Z",
        }
    ]
    (received,) = receiver.received
    assert received.headers["clientrequestid"] == received.headers["x-ms-correlation-id"]


async def test_updates_and_deletions_are_told_too(
    sandbox: Sandbox, business_central: httpx.AsyncClient, clock: Clock, receiver: Receiver, made: dict[str, Any]
) -> None:
    first, second = await customers(business_central, 2)
    await work(sandbox, clock, seconds=30)
    await rename(business_central, first, "Quay Bikes")
    assert (await business_central.delete(f"customers({second})")).status_code == 204
    await work(sandbox, clock, seconds=30)
    assert [row["changeType"] for row in receiver.rows] == ["created", "created", "updated", "deleted"]


async def test_the_merge_window_can_be_set(
    sandbox: Sandbox,
    business_central: httpx.AsyncClient,
    bc_root: httpx.AsyncClient,
    clock: Clock,
    receiver: Receiver,
    resource: str,
) -> None:
    sandbox.outgoing.notifications.timing = Timing(window=timedelta(0))
    await subscribe(bc_root, resource)
    await customers(business_central)
    await work(sandbox, clock)
    assert len(receiver.rows) == 1


@pytest.mark.parametrize(("count", "kinds"), [(1000, {"created"}), (1001, {"collection"})])
async def test_above_a_thousand_changes_one_collection_row_stands_for_all(
    sandbox: Sandbox,
    business_central: httpx.AsyncClient,
    clock: Clock,
    receiver: Receiver,
    made: dict[str, Any],
    resource: str,
    count: int,
    kinds: set[str],
) -> None:
    clock.advance(milliseconds=370)
    moment = "2026-11-16T12:00:00.37Z"
    store = sandbox.business_central
    with store.transaction():
        for number in range(count):
            key = f"00000000-0000-4000-8000-{number:012d}"
            row = {"id": key, "number": f"Z{number:05d}", "displayName": "Z", "lastModifiedDateTime": moment}
            store.insert("customers", row)
    await work(sandbox, clock, seconds=30)
    assert {row["changeType"] for row in receiver.rows} == kinds
    if kinds == {"collection"}:
        (row,) = receiver.rows
        address, _, condition = row["resource"].partition("?$filter=")
        assert address == resource
        assert condition == "lastModifiedDateTime%20gt%202026-11-16T12%3A00%3A00.32Z"
        read = await business_central.get(f"customers/$count?$filter={unquote(condition)}")
        assert int(read.text.lstrip("\ufeff")) == count


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_4xx_deletes_the_subscription_at_once(
    sandbox: Sandbox,
    business_central: httpx.AsyncClient,
    bc_root: httpx.AsyncClient,
    clock: Clock,
    receiver: Receiver,
    made: dict[str, Any],
    status: int,
) -> None:
    receiver.answers.append(status)
    await customers(business_central)
    await work(sandbox, clock, seconds=30)
    assert not await is_alive(bc_root, made)
    await work(sandbox, clock, days=1)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [408, 429, 503])
async def test_a_busy_receiver_is_asked_again_and_loses_its_subscription_in_the_end(
    sandbox: Sandbox,
    business_central: httpx.AsyncClient,
    bc_root: httpx.AsyncClient,
    clock: Clock,
    receiver: Receiver,
    made: dict[str, Any],
    status: int,
) -> None:
    receiver.answers.extend([status] * 5)
    await customers(business_central)
    for seconds in (30, 60, 60, 60):
        await work(sandbox, clock, seconds=seconds)
        assert await is_alive(bc_root, made)
    await work(sandbox, clock, minutes=10)
    assert len(receiver.received) == 5
    assert not await is_alive(bc_root, made)


async def test_subscriptions_outlive_a_restart(
    sandbox_files: Path, tmp_path: Path, receiver: Receiver, resource: str
) -> None:
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_files, folder)
    key = ""
    for start in range(2):
        with closing(open_sandbox(BASE, folder=folder)) as opened:
            opened.outgoing.sender.network = receiver.network
            transport = httpx.ASGITransport(app=opened.app())
            root = f"{opened.addresses.business_central}/"
            async with httpx.AsyncClient(transport=transport, base_url=root, headers=bearer(opened)) as client:
                if start == 0:
                    key = (await subscribe(client, resource))["subscriptionId"]
                else:
                    assert (await client.get(f"subscriptions('{key}')")).json()["clientState"] == STATE


async def test_the_running_sandbox_sends_by_itself(
    sandbox: Sandbox,
    business_central: httpx.AsyncClient,
    bc_root: httpx.AsyncClient,
    receiver: Receiver,
    resource: str,
) -> None:
    sandbox.outgoing.notifications.timing = Timing(window=timedelta(0))
    async with sandbox.running():
        await subscribe(bc_root, resource)
        await customers(business_central)
        with anyio.fail_after(10):
            await receiver.arrived.wait()
    assert [row["changeType"] for row in receiver.rows] == ["created"]


async def test_a_fault_can_double_a_notification(
    sandbox: Sandbox, business_central: httpx.AsyncClient, clock: Clock, receiver: Receiver, made: dict[str, Any]
) -> None:
    sandbox.faults.add(Rule("duplicate-webhook", backend="business-central", count=1))
    for _ in range(2):
        await customers(business_central)
        await work(sandbox, clock, seconds=30)
    first, second, third = receiver.received
    assert first.content == second.content != third.content


async def test_the_log_of_deliveries_shows_no_secret(
    sandbox: Sandbox, business_central: httpx.AsyncClient, clock: Clock, receiver: Receiver, made: dict[str, Any]
) -> None:
    await customers(business_central)
    await work(sandbox, clock, seconds=30)
    handshake, notification = sandbox.deliveries.rows(backend="business-central")
    assert (notification.url, notification.status, notification.attempt) == (HOOK, 204, 1)
    assert notification.subscription == made["subscriptionId"]
    assert handshake.url == HOOK
    assert STATE not in repr(sandbox.deliveries.rows())
