"""Webhooks of the Dataverse simulator: what is sent, and what becomes of a failure."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from gateway.sandbox.dataverse.system_jobs import Limits
from gateway.sandbox.store import Store
from tests.sandbox.receivers import NOON
from tests.sandbox.registrations import Setting, account, attributes, endpoint, failed_jobs, step
from tests.sandbox.test_dataverse_callers import ADA, BEN, EUR, UNIT

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"
NOON_MS = int(NOON.timestamp() * 1000)


@pytest.fixture
def setting(dataverse_store: Store) -> Setting:
    return Setting(dataverse_store)


@pytest.fixture
async def crm(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as Ada, at the service root."""
    async with setting.client() as client:
        yield client


async def test_a_created_row_is_sent_as_its_execution_context(setting: Setting, crm: httpx.AsyncClient) -> None:
    registered = await step(crm, "Create")
    key = await account(crm, creditlimit=1500, customertypecode=3)
    (document,) = await setting.sent()
    assert (document["MessageName"], document["PrimaryEntityName"], document["PrimaryEntityId"]) == (
        "Create",
        "account",
        key,
    )
    assert (document["Stage"], document["Mode"], document["Depth"], document["IsolationMode"]) == (40, 1, 1, 1)
    assert (document["UserId"], document["InitiatingUserId"], document["BusinessUnitId"]) == (ADA, ADA, UNIT)
    assert document["OperationCreatedOn"] == f"/Date({NOON_MS}+0000)/"
    assert document["OwningExtension"]["Id"] == registered.headers["OData-EntityId"][-37:-1]
    assert (document["SecondaryEntityName"], document["ParentContext"]) == ("none", None)
    target = document["InputParameters"][0]["value"]
    assert (target["__type"], target["Id"], target["LogicalName"]) == (f"Entity:{CONTRACTS}", key, "account")
    written = attributes(document)
    assert written["name"] == "Quay Cycles"
    assert written["createdon"] == f"/Date({NOON_MS})/"
    assert written["creditlimit"] == {"__type": f"Money:{CONTRACTS}", "Value": 1500}
    assert written["customertypecode"] == {"__type": f"OptionSetValue:{CONTRACTS}", "Value": 3}
    assert written["transactioncurrencyid"]["Id"] == EUR


async def test_references_name_their_table(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create")
    team = "00000d01-0000-4000-8000-000000000000"
    await account(crm, **{"ownerid@odata.bind": f"/teams({team})"})
    (document,) = await setting.sent()
    assert attributes(document)["ownerid"] == {
        "__type": f"EntityReference:{CONTRACTS}",
        "Id": team,
        "KeyAttributes": [],
        "LogicalName": "team",
        "Name": None,
        "RowVersion": None,
    }
    assert attributes(document)["modifiedby"]["LogicalName"] == "systemuser"


async def test_an_update_holds_what_was_written_and_an_image_of_the_name(
    setting: Setting, crm: httpx.AsyncClient
) -> None:
    key = await account(crm, description="old")
    await step(crm, "Update")
    await crm.patch(f"accounts({key})", json={"telephone1": "+49 40 1", "description": None})
    (document,) = await setting.sent()
    written = attributes(document)
    assert written.keys() - {"modifiedonbehalfby"} == {"telephone1", "description", "modifiedon", "modifiedby"}
    assert (written["telephone1"], written["description"]) == ("+49 40 1", None)
    (image,) = document["PostEntityImages"]
    assert image["key"] == "AsynchronousStepPrimaryName"
    assert image["value"]["Attributes"] == [{"key": "name", "value": "Quay Cycles"}]


async def test_the_target_of_a_deletion_is_a_reference(setting: Setting, crm: httpx.AsyncClient) -> None:
    key = await account(crm)
    await step(crm, "Delete")
    await crm.delete(f"accounts({key})")
    (document,) = await setting.sent()
    target = document["InputParameters"][0]["value"]
    assert (target["__type"], target["Id"]) == (f"EntityReference:{CONTRACTS}", key)
    assert (document["MessageName"], document["UserId"], document["PostEntityImages"]) == ("Delete", ADA, [])


async def test_solidi_are_escaped_in_the_body(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create")
    await account(crm, name="A/B")
    await setting.engine.work()
    content = setting.receiver.received[0].content
    assert rb'"A\/B"' in content
    assert rb'"\/Date(' in content
    assert b"/" not in content.replace(rb"\/", b"")


async def test_headers_name_organization_table_message_and_correlation(
    setting: Setting, crm: httpx.AsyncClient
) -> None:
    await step(crm, "Create")
    correlation = "6f6e5a1e-0b7c-4c55-9d2b-3f1f0a6c9e01"
    await crm.post("accounts", json={"name": "A"}, headers={"x-ms-correlation-request-id": correlation})
    (document,) = await setting.sent()
    received = setting.receiver.received[0]
    assert received.method == "POST"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["x-ms-dynamics-organization"] == "crm.example"
    assert received.headers["x-ms-dynamics-entity-name"] == "account"
    assert received.headers["x-ms-dynamics-request-name"] == "Create"
    assert received.headers["x-ms-correlation-request-id"] == correlation == document["CorrelationId"]
    assert "x-ms-dynamics-msg-size-exceeded" not in received.headers


async def test_a_payload_above_256_kb_loses_its_large_parts_and_says_so(
    setting: Setting, crm: httpx.AsyncClient
) -> None:
    await step(crm, "Create")
    await account(crm)
    (document,) = await setting.sent()
    size = len(setting.receiver.received[0].content)
    assert Limits().most_bytes == 262_144
    for most, shortened in ((size, False), (size - 1, True)):
        setting.jobs.limits = Limits(most_bytes=most)
        await account(crm)
        shown = (await setting.sent())[-1]
        left_out = {"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"} if shortened else set()
        assert document.keys() - shown.keys() == left_out
        assert shown["PrimaryEntityName"] == "account"
        assert ("x-ms-dynamics-msg-size-exceeded" in setting.receiver.received[-1].headers) is shortened


async def test_a_write_that_is_rolled_back_is_never_told(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create")
    refused = await crm.post("accounts", json={"name": "A", "contact_customer_accounts": [{"gendercode": 99}]})
    assert refused.status_code == 400
    assert await setting.sent() == []


async def test_an_upsert_is_a_create_and_then_an_update(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create")
    await step(crm, "Update")
    key = "00000009-0000-4000-8000-000000000000"
    for _ in range(2):
        await crm.patch(f"accounts({key})", json={"name": "A"})
    documents = await setting.sent()
    assert sorted(document["MessageName"] for document in documents) == ["Create", "Update"]


async def test_writes_on_behalf_of_somebody_name_both(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create")
    await step(crm, "Delete")
    await crm.post("accounts", json={"name": "A"}, headers={"MSCRMCallerID": BEN})
    key = setting.store.select("accounts")[0]["accountid"]
    await crm.delete(f"accounts({key})", headers={"MSCRMCallerID": BEN})
    for document in await setting.sent():
        assert (document["UserId"], document["InitiatingUserId"]) == (BEN, ADA)


PART = (
    "Content-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: {0}\n\n"
    'POST accounts HTTP/1.1\nContent-Type: application/json\n\n{{"name": "A{0}"}}\n'
)


@pytest.mark.parametrize("together", [True, False])
async def test_a_batch_is_told_under_one_correlation(setting: Setting, crm: httpx.AsyncClient, together: bool) -> None:
    await step(crm, "Create")
    parts = "".join(f"--c\n{PART.format(number)}" for number in (1, 2)) + "--c--\n"
    body = f"--b\nContent-Type: multipart/mixed; boundary=c\n\n{parts}--b--\n" if together else parts
    headers = {"Content-Type": f"multipart/mixed; boundary={'b' if together else 'c'}"}
    answer = await crm.post("$batch", content=body.replace("\n", "\r\n"), headers=headers)
    assert answer.status_code == 200, answer.text
    documents = await setting.sent()
    assert {attributes(document)["name"] for document in documents} == {"A1", "A2"}
    (correlation,) = {document["CorrelationId"] for document in documents}
    assert str(UUID(correlation)) == correlation


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_error_is_answered_by_one_more_attempt(
    setting: Setting, crm: httpx.AsyncClient, status: int
) -> None:
    await step(crm, "Create")
    setting.receiver.answers.append(status)
    await account(crm)
    await setting.engine.work()
    assert [(row.attempt, row.status) for row in setting.log.rows()] == [(1, status), (2, 204)]
    assert await failed_jobs(crm) == []


@pytest.mark.parametrize(("answers", "attempts"), [([503, 503], 2), ([500], 1), ([404], 1), ([429], 1), ([302], 1)])
async def test_a_failure_is_a_failed_system_job_and_is_not_repeated(
    setting: Setting, crm: httpx.AsyncClient, answers: list[int], attempts: int
) -> None:
    await step(crm, "Create")
    setting.receiver.answers.extend(answers)
    await account(crm)
    await setting.engine.work()
    assert len(setting.receiver.received) == attempts
    (job,) = await failed_jobs(crm)
    assert (job["statecode"], job["messagename"], job["primaryentitytype"]) == (3, "Create", "account")
    assert job["message"] == f"The webhook answered with status {answers[-1]}."
    setting.clock.advance(days=2)
    await setting.engine.work()
    assert len(setting.receiver.received) == attempts


async def test_a_receiver_that_is_too_slow_has_failed(setting: Setting, crm: httpx.AsyncClient) -> None:
    assert Limits().seconds == 60
    setting.jobs.limits = Limits(seconds=0)
    await step(crm, "Create")
    setting.receiver.answers.append(None)
    await account(crm)
    await setting.engine.work()
    (job,) = await failed_jobs(crm)
    assert job["message"] == "The webhook did not answer in time."
    assert [row.status for row in setting.log.rows()] == [None]


async def test_a_success_is_kept_only_if_the_step_says_so(setting: Setting, crm: httpx.AsyncClient) -> None:
    to = await endpoint(crm)
    await step(crm, "Create", to=to)
    await step(crm, "Create", to=to, asyncautodelete=False)
    await account(crm)
    await setting.engine.work()
    (job,) = (await crm.get("asyncoperations")).json()["value"]
    assert job["statuscode"] == 30


async def test_jobs_beyond_the_queue_fail_visibly(setting: Setting, crm: httpx.AsyncClient) -> None:
    setting.jobs.limits = Limits(most=1)
    await step(crm, "Create")
    await account(crm)
    await account(crm)
    assert len(await setting.sent()) == 1
    assert [job["message"] for job in await failed_jobs(crm)] == ["Too many system jobs are waiting."]
