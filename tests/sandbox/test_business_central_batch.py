"""Business Central: many operations in one call."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

BATCH = "http://bc/v2.0/contoso.example/Production/api/v2.0/$batch"
COMPANY = "companies(1b2c0000-0000-4000-8000-000000000001)"


def create(id_: str, name: str, **more: object) -> dict[str, object]:
    return {"id": id_, "method": "POST", "url": f"{COMPANY}/customers", "body": {"displayName": name}, **more}


def read(id_: str, options: str = "", **more: object) -> dict[str, object]:
    return {"id": id_, "method": "GET", "url": f"{COMPANY}/customers{options}", "headers": {}, **more}


async def send(bc: httpx.AsyncClient, operations: Sequence[object], **headers: str) -> list[dict[str, Any]]:
    sent = {"Accept": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    response = await bc.post(BATCH, json={"requests": operations}, headers=sent)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["responses"]
    return answers


def statuses(answers: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(answer["id"], answer["status"]) for answer in answers]


async def test_operations_are_answered_as_if_sent_alone(bc: httpx.AsyncClient) -> None:
    created, listed = await send(bc, [create("1", "Next"), read("2", "?$select=displayName&$count=true")])
    assert created["status"] == 201
    assert created["headers"]["location"].endswith(f"/customers({created['body']['id']})")
    assert created["headers"]["odata-version"] == "4.0"
    assert listed["body"]["@odata.count"] == 1
    assert listed["headers"]["content-type"] == "application/json; odata.metadata=minimal"


async def test_an_operation_may_name_its_company_in_a_header(bc: httpx.AsyncClient) -> None:
    operation = {"id": "1", "method": "GET", "url": "customers", "headers": {"Company": "Fjord%20Wheels"}}
    assert statuses(await send(bc, [operation])) == [("1", 200)]


async def test_the_etag_rule_holds_in_a_batch(bc: httpx.AsyncClient, bc_store: Store) -> None:
    key = "3f0c0000-0000-4000-8000-000000000210"
    bc_store.seed("customers", [{"id": key, "number": "C1", "displayName": "x"}])
    change = {"id": "1", "method": "PATCH", "url": f"{COMPANY}/customers({key})", "body": {"city": "Oslo"}}
    assert statuses(await send(bc, [change])) == [("1", 400)]
    assert statuses(await send(bc, [change | {"headers": {"If-Match": "*"}}])) == [("1", 200)]


async def test_the_first_failure_ends_a_batch(bc: httpx.AsyncClient, bc_store: Store) -> None:
    answers = await send(bc, [create("1", "A"), create("2", ""), create("3", "C")])
    assert statuses(answers) == [("1", 201), ("2", 400)]
    assert answers[1]["body"]["error"]["code"] == "Application_DialogException"
    assert bc_store.count("customers") == 1


async def test_a_batch_may_continue_on_error(bc: httpx.AsyncClient, bc_store: Store) -> None:
    answers = await send(bc, [create("1", "A"), create("2", ""), create("3", "C")], prefer="odata.continue-on-error")
    assert statuses(answers) == [("1", 201), ("2", 400), ("3", 201)]
    assert bc_store.count("customers") == 2


async def test_an_operation_waits_for_what_it_depends_on(bc: httpx.AsyncClient) -> None:
    answers = await send(bc, [read("1", "?$count=true", dependsOn=["2"]), create("2", "A")])
    assert statuses(answers) == [("2", 201), ("1", 200)]
    assert answers[1]["body"]["@odata.count"] == 1


async def test_what_depends_on_a_failure_fails(bc: httpx.AsyncClient) -> None:
    operations = [create("1", ""), read("2", dependsOn=["1"]), read("3")]
    answers = await send(bc, operations, prefer="odata.continue-on-error")
    assert statuses(answers) == [("1", 400), ("2", 424), ("3", 200)]


async def test_a_circle_of_dependencies_is_refused(bc: httpx.AsyncClient) -> None:
    operations = [read("1", dependsOn=["2"]), read("2", dependsOn=["1"])]
    response = await bc.post(BATCH, json={"requests": operations}, headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


async def test_a_snapshot_is_undone_whole_although_parts_report_success(bc: httpx.AsyncClient, bc_store: Store) -> None:
    answers = await send(bc, [create("1", "A"), create("2", "")], isolation="snapshot")
    assert statuses(answers) == [("1", 201), ("2", 400)]
    assert bc_store.count("customers") == 0
    assert statuses(await send(bc, [create("1", "A"), create("2", "B")], isolation="snapshot"))[1] == ("2", 201)
    assert bc_store.count("customers") == 2


async def test_a_hundred_operations_are_the_limit(bc: httpx.AsyncClient) -> None:
    assert len(await send(bc, [read(str(number), "?$top=1") for number in range(100)])) == 100
    response = await bc.post(BATCH, json={"requests": [read("x")] * 101}, headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (500, "Unknown")
    assert "A maximum number of '100' query operations" in response.json()["error"]["message"]


async def test_a_long_filter_fits_into_a_batch(bc: httpx.AsyncClient) -> None:
    long = " or ".join(f"number eq 'C{number:05d}'" for number in range(500))
    assert statuses(await send(bc, [read("1", f"?$filter={long}")])) == [("1", 200)]


async def test_an_operation_without_an_id_is_answered_with_null(bc: httpx.AsyncClient) -> None:
    operation = {"method": "GET", "url": "/companies"}
    assert [answer["id"] for answer in await send(bc, [operation])] == [None]


async def test_without_accepting_json_the_answer_is_multipart(bc: httpx.AsyncClient) -> None:
    response = await bc.post(BATCH, json={"requests": [read("1")]}, headers={"Accept": "*/*"})
    kind, _, boundary = response.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/mixed"
    assert response.text.startswith(f"--{boundary}\r\nContent-Type: application/http\r\n")
    assert "HTTP/1.1 200 OK\r\n" in response.text
    assert response.text.endswith(f"--{boundary}--\r\n")


@pytest.mark.parametrize("body", [{}, {"requests": 5}, {"requests": [5]}, []])
async def test_a_malformed_batch_is_refused(bc: httpx.AsyncClient, body: object) -> None:
    response = await bc.post(BATCH, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


async def test_a_batch_is_posted(bc: httpx.AsyncClient) -> None:
    assert (await bc.get(BATCH)).status_code == 405
