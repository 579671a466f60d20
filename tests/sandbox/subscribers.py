"""What tests of Business Central's webhooks share: the simulator with its sender, and a receiver that subscribes."""

from itertools import count
from typing import Any

import httpx

from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.business_central.notifications import Notifications, Timing
from gateway.sandbox.business_central.subscribing import handshake_over
from gateway.sandbox.store import Store
from gateway.sandbox.webhooks.delivery import DeliveryLog, Sender
from gateway.sandbox.webhooks.engine import Engine
from tests.sandbox.conftest import COMPANY, verify
from tests.sandbox.receivers import Clock, Receiver

HOOK = "http://receiver.example/hooks/bc"
STATE = "s3cret-client-state"
SETS = f"api/v2.0/companies({COMPANY})"


class Setting:
    """The simulator with its sender, and what arrived."""

    def __init__(self, store: Store, *, clock: Clock | None = None, timing: Timing | None = None) -> None:
        self.store = store
        self.clock = clock or Clock()
        self.receiver = Receiver()
        self.log = DeliveryLog()
        self.engine = Engine(now=self.clock)
        self.sender = Sender(self.log, now=self.clock, network=self.receiver.network)
        numbers = count(1)
        self.notifications = Notifications(
            store,
            self.sender,
            now=self.clock,
            new_id=lambda: f"77770000-0000-4000-8000-{next(numbers):012d}",
            wake=self.engine.wake,
            timing=timing,
        )
        self.engine.add(self.notifications)

    async def after(self, **by: float) -> list[dict[str, Any]]:
        """Every row that has arrived by then."""
        self.clock.advance(**by)
        await self.engine.work()
        return self.receiver.rows

    def client(self) -> httpx.AsyncClient:
        """A client whose addresses are relative to the standard API."""
        app = business_central_app(
            self.store,
            verify=verify,
            tenant="contoso.example",
            environment="Production",
            now=self.clock,
            handshake=handshake_over(self.sender, lambda: self.notifications.timing.handshake_seconds),
        )
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://bc/v2.0/contoso.example/Production/api/v2.0/",
            headers={"Authorization": "Bearer good"},
        )


async def subscribe(client: httpx.AsyncClient, name: str = "customers", **changes: object) -> dict[str, Any]:
    body = {"notificationUrl": HOOK, "resource": f"/{SETS}/{name}", "clientState": STATE} | changes
    answer = await client.post("subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def customer(client: httpx.AsyncClient, name: str = "Quay Cycles") -> str:
    answer = await client.post(f"companies({COMPANY})/customers", json={"displayName": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def rename(client: httpx.AsyncClient, key: str, name: str) -> dict[str, Any]:
    address = f"companies({COMPANY})/customers({key})"
    answer = await client.patch(address, json={"displayName": name}, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def subscriptions(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("subscriptions")).json()["value"])


def summary(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["changeType"], row["resource"].removeprefix(f"{SETS}/")) for row in rows]
