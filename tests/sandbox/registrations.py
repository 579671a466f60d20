"""What tests of Dataverse's webhooks share: the simulator with its sender, and a receiver that can be registered."""

from typing import Any

import httpx

from gateway.sandbox.dataverse.app import dataverse_app
from gateway.sandbox.dataverse.message_catalogue import filter_id, message_id, register_messages
from gateway.sandbox.dataverse.system_jobs import SystemJobs
from gateway.sandbox.store import Store
from gateway.sandbox.webhooks.delivery import DeliveryLog, Sender
from gateway.sandbox.webhooks.engine import Engine
from tests.sandbox.receivers import Clock, Receiver
from tests.sandbox.test_dataverse_callers import CLAIMS

HOOK = "http://receiver.example/hooks/crm"
SECRET = "s3cret-of-the-receiver"


class Setting:
    """The simulator with its sender, and what arrived."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.receiver = Receiver()
        self.log = DeliveryLog()
        self.engine = Engine(now=self.clock)
        self.sender = Sender(self.log, now=self.clock, network=self.receiver.network)
        register_messages(store)
        self.jobs = SystemJobs(store, self.sender, now=self.clock, wake=self.engine.wake)
        self.engine.add(self.jobs)

    async def sent(self) -> list[Any]:
        """Every body that has arrived once all is sent."""
        await self.engine.work()
        return [one.document for one in self.receiver.received]

    def client(self) -> httpx.AsyncClient:
        """A client signed in as Ada, at the service root."""
        app = dataverse_app(self.store, verify=lambda token: CLAIMS[token], now=self.clock)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://crm.example/api/data/v9.2/",
            headers={"Authorization": "Bearer ada"},
        )


async def endpoint(client: httpx.AsyncClient, **columns: object) -> str:
    """The key of a new endpoint."""
    body = {"name": "Gateway", "contract": 8, "url": HOOK, "authtype": 4, "authvalue": SECRET} | columns
    answer = await client.post("serviceendpoints", json=body, headers={"Prefer": "return=representation"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["serviceendpointid"])


async def step(
    client: httpx.AsyncClient, message: str, *, entity: str | None = "account", to: str | None = None, **columns: object
) -> httpx.Response:
    """Register a message; without `to` at an endpoint of its own."""
    body: dict[str, object] = {
        "name": f"{message} of {entity}",
        "mode": 1,
        "stage": 40,
        "sdkmessageid@odata.bind": f"/sdkmessages({message_id(message)})",
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({to or await endpoint(client)})",
    }
    if entity is not None:
        body["sdkmessagefilterid@odata.bind"] = f"/sdkmessagefilters({filter_id(message, entity)})"
    return await client.post("sdkmessageprocessingsteps", json=body | columns)


async def account(client: httpx.AsyncClient, **columns: object) -> str:
    answer = await client.post("accounts", json={"name": "Quay Cycles"} | columns)
    assert answer.status_code == 204, answer.text
    return str(answer.headers["OData-EntityId"][-37:-1])


def attributes(document: Any) -> dict[str, Any]:
    """The columns in the target of a message."""
    (parameter,) = document["InputParameters"]
    assert parameter["key"] == "Target"
    return {pair["key"]: pair["value"] for pair in parameter["value"]["Attributes"]}


async def failed_jobs(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("asyncoperations?$filter=statuscode eq 31")).json()["value"])
