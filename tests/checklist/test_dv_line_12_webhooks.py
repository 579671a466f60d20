"""Dataverse, line 12: the sender of webhooks.

A registered step makes the service POST the execution context of a message. A receiver has 60 seconds; after 502, 503 or
504 there is one more attempt, and any other failure is a failed system job that is not repeated.
"""

from typing import Any

import anyio
import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.dataverse.system_jobs import Limits
from gateway.sandbox.faults import Rule
from tests.sandbox.receivers import Clock, Receiver

pytestmark = pytest.mark.anyio

HOOK = "http://gateway.test/hooks/crm"
SECRET = "only-we-know"


@pytest.fixture(autouse=True)
def clock(sandbox: Sandbox) -> Clock:
    """The time of the sandbox, which stands still until it is moved."""
    clock = Clock()
    sandbox.now = clock
    return clock


@pytest.fixture(autouse=True)
def receiver(sandbox: Sandbox) -> Receiver:
    """Where everything arrives that the sandbox sends."""
    receiver = Receiver()
    sandbox.outgoing.sender.network = receiver.network
    return receiver


async def register(client: httpx.AsyncClient, message: str, entity: str = "account", **columns: object) -> str:
    """An endpoint with one step, both made as any client can; the key of the endpoint."""
    body = {"name": "Gateway", "contract": 8, "url": HOOK, "authtype": 4, "authvalue": SECRET}
    made = await client.post("serviceendpoints", json=body, headers={"Prefer": "return=representation"})
    endpoint = made.json()["serviceendpointid"]
    found = await client.get(f"sdkmessages?$filter=name eq '{message}'&$select=sdkmessageid")
    message_id = found.json()["value"][0]["sdkmessageid"]
    narrowed = f"_sdkmessageid_value eq {message_id} and primaryobjecttypecode eq '{entity}'"
    found = await client.get(f"sdkmessagefilters?$filter={narrowed}&$select=sdkmessagefilterid")
    step = {
        "name": f"Gateway: {message} of {entity}",
        "mode": 1,
        "stage": 40,
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
        "sdkmessageid@odata.bind": f"/sdkmessages({message_id})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({found.json()['value'][0]['sdkmessagefilterid']})",
    }
    answer = await client.post("sdkmessageprocessingsteps", json=step | columns)
    assert answer.status_code == 204, answer.text
    return str(endpoint)


async def account(client: httpx.AsyncClient, **columns: object) -> str:
    answer = await client.post("accounts", json={"name": "Quay Cycles"} | columns)
    assert answer.status_code == 204, answer.text
    return str(answer.headers["OData-EntityId"][-37:-1])


async def failed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("asyncoperations?$filter=statuscode eq 31")).json()["value"])


async def test_the_body_is_the_execution_context(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(dataverse, "Update")
    key = await account(dataverse)
    await dataverse.patch(f"accounts({key})", json={"telephone1": "+49 40 1"})
    await sandbox.outgoing.engine.work()
    (received,) = receiver.received
    who = (await dataverse.get("WhoAmI")).json()
    context = received.document
    assert context.keys() == {
        *("BusinessUnitId", "CorrelationId", "Depth", "InitiatingUserId", "UserId", "InputParameters"),
        *("IsExecutingOffline", "IsInTransaction", "IsolationMode", "MessageName", "Mode", "Stage"),
        *("OperationCreatedOn", "OperationId", "OrganizationId", "OrganizationName", "OutputParameters"),
        *("OwningExtension", "ParentContext", "PreEntityImages", "PostEntityImages", "PrimaryEntityId"),
        *("PrimaryEntityName", "RequestId", "SecondaryEntityName", "SharedVariables"),
    }
    for name in ("BusinessUnitId", "OrganizationId", "UserId"):
        assert context[name] == who[name]
    assert context["InitiatingUserId"] == who["UserId"]
    assert (context["MessageName"], context["PrimaryEntityName"], context["PrimaryEntityId"]) == (
        "Update",
        "account",
        key,
    )
    (parameter,) = context["InputParameters"]
    values = {pair["key"]: pair["value"] for pair in parameter["value"]["Attributes"]}
    assert values["telephone1"] == "+49 40 1"
    assert values["modifiedby"]["Id"] == who["UserId"]
    assert values["modifiedon"].startswith("/Date(")
    assert rb'"\/Date(' in received.content


async def test_the_headers_say_what_it_is_about(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(dataverse, "Create")
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    (received,) = receiver.received
    assert (received.method, received.url.path, received.url.params["code"]) == ("POST", "/hooks/crm", SECRET)
    assert received.headers["x-ms-dynamics-organization"] == "sandbox.test"
    assert received.headers["x-ms-dynamics-entity-name"] == "account"
    assert received.headers["x-ms-dynamics-request-name"] == "Create"
    assert received.headers["x-ms-correlation-request-id"] == received.document["CorrelationId"]


async def test_a_deletion_names_the_row_that_is_gone(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver
) -> None:
    key = await account(dataverse)
    await register(dataverse, "Delete")
    await dataverse.delete(f"accounts({key})")
    await sandbox.outgoing.engine.work()
    target = receiver.received[0].document["InputParameters"][0]["value"]
    assert target["__type"].startswith("EntityReference:")
    assert (target["LogicalName"], target["Id"]) == ("account", key)


async def test_a_large_body_loses_its_parts_and_says_so(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver
) -> None:
    assert Limits().most_bytes == 256 * 1024
    sandbox.outgoing.system_jobs.limits = Limits(most_bytes=1024)
    await register(dataverse, "Create")
    await account(dataverse, description="x" * 1024)
    await sandbox.outgoing.engine.work()
    (received,) = receiver.received
    assert received.headers["x-ms-dynamics-msg-size-exceeded"]
    left_out = {"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"}
    assert not left_out & received.document.keys()


async def test_a_receiver_has_sixty_seconds(sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver) -> None:
    assert Limits().seconds == 60
    sandbox.outgoing.system_jobs.limits = Limits(seconds=0)
    receiver.answers.append(None)
    await register(dataverse, "Create")
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    assert [row.status for row in sandbox.deliveries.rows()] == [None]
    assert len(await failed(dataverse)) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_there_is_one_more_attempt_after_502_503_and_504(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver, status: int
) -> None:
    await register(dataverse, "Create")
    receiver.answers.extend([status, 204, status, status])
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    assert await failed(dataverse) == []
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    assert [row.attempt for row in sandbox.deliveries.rows(backend="dataverse")] == [1, 2, 1, 2]
    assert len(await failed(dataverse)) == 1


@pytest.mark.parametrize("status", [302, 400, 404, 408, 429, 500, 501])
async def test_any_other_failure_is_a_failed_job_and_final(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver, clock: Clock, status: int
) -> None:
    await register(dataverse, "Create")
    receiver.answers.append(status)
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    clock.advance(days=2)
    await sandbox.outgoing.engine.work()
    assert len(receiver.received) == 1
    (job,) = await failed(dataverse)
    assert (job["statecode"], job["messagename"]) == (3, "Create")


async def test_a_writer_does_not_wait_for_the_receiver(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(dataverse, "Create")
    receiver.answers.append(None)
    async with sandbox.running():
        await account(dataverse)
        with anyio.fail_after(10):
            await receiver.arrived.wait()
        await account(dataverse)
    assert await failed(dataverse) == []


async def test_the_secret_is_never_shown(sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver) -> None:
    endpoint = await register(dataverse, "Create")
    receiver.answers.append(400)
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    shown = [(await dataverse.get(path)).text for path in (f"serviceendpoints({endpoint})", "asyncoperations")]
    assert SECRET not in "".join([*shown, repr(sandbox.deliveries.rows())])


async def test_a_fault_can_double_a_delivery(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, receiver: Receiver
) -> None:
    sandbox.faults.add(Rule("duplicate-webhook", backend="dataverse", count=1))
    await register(dataverse, "Create")
    await account(dataverse)
    await sandbox.outgoing.engine.work()
    first, second = receiver.received
    assert first.content == second.content
