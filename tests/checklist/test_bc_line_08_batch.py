"""Business Central, line 8: a batch in JSON that stops at the first error unless told to go on, a snapshot that is undone
although its parts report success, and at most a hundred operations."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from tests.checklist.answers import refusal, row

pytestmark = pytest.mark.anyio

Operation = dict[str, object]


@pytest.fixture
def company(sandbox: Sandbox) -> str:
    return f"companies({sandbox.company.company_id})"


def create(id_: str, company: str, name: str, **more: object) -> Operation:
    return {"id": id_, "method": "POST", "url": f"{company}/contacts", "body": {"displayName": name}, **more}


def count(id_: str, company: str, **more: object) -> Operation:
    return {"id": id_, "method": "GET", "url": f"{company}/contacts?$count=true&$top=0", **more}


async def send(client: httpx.AsyncClient, operations: Sequence[Operation], **headers: str) -> list[dict[str, Any]]:
    sent = {"Accept": "application/json"} | headers
    answers: list[dict[str, Any]] = row(await client.post("$batch", json={"requests": list(operations)}, headers=sent))[
        "responses"
    ]
    return answers


def statuses(answers: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(answer["id"], answer["status"]) for answer in answers]


async def contacts(client: httpx.AsyncClient, company: str) -> int:
    return int((await client.get(f"{company}/contacts/$count")).text)


async def test_parts_are_answered_as_if_sent_alone(bc_root: httpx.AsyncClient, company: str) -> None:
    created, counted = await send(bc_root, [create("a", company, "x"), count("b", company)])
    assert (created["status"], counted["status"]) == (201, 200)
    assert created["headers"]["odata-version"] == "4.0"
    assert created["headers"]["location"].endswith(f"/contacts({created['body']['id']})")
    assert counted["body"]["@odata.count"] == await contacts(bc_root, company)


async def test_the_first_failure_ends_it_and_the_envelope_is_200(bc_root: httpx.AsyncClient, company: str) -> None:
    before = await contacts(bc_root, company)
    operations = [create("1", company, "x"), create("2", company, ""), create("3", company, "z")]
    answers = await send(bc_root, operations)
    assert statuses(answers) == [("1", 201), ("2", 400)]
    assert answers[1]["body"]["error"]["code"] == "Application_DialogException"
    assert await contacts(bc_root, company) == before + 1


async def test_it_goes_on_when_it_is_told_to(bc_root: httpx.AsyncClient, company: str) -> None:
    before = await contacts(bc_root, company)
    operations = [create("1", company, "x"), create("2", company, ""), create("3", company, "z")]
    answers = await send(bc_root, operations, Prefer="odata.continue-on-error")
    assert statuses(answers) == [("1", 201), ("2", 400), ("3", 201)]
    assert await contacts(bc_root, company) == before + 2


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "odata.continue-on-error"}])
async def test_a_snapshot_is_undone_whole_although_parts_report_success(
    bc_root: httpx.AsyncClient, company: str, prefer: dict[str, str]
) -> None:
    before = await contacts(bc_root, company)
    operations = [create("1", company, "x"), count("2", company), create("3", company, "")]
    answers = await send(bc_root, operations, Isolation="snapshot", **prefer)
    assert statuses(answers) == [("1", 201), ("2", 200), ("3", 400)]
    assert answers[1]["body"]["@odata.count"] == before + 1
    assert await contacts(bc_root, company) == before
    gone = await bc_root.get(f"{company}/contacts({answers[0]['body']['id']})")
    assert refusal(gone) == (404, "Internal_RecordNotFound")


async def test_a_snapshot_without_failure_stays(bc_root: httpx.AsyncClient, company: str) -> None:
    before = await contacts(bc_root, company)
    await send(bc_root, [create("1", company, "x"), create("2", company, "y")], Isolation="snapshot")
    assert await contacts(bc_root, company) == before + 2


async def test_a_part_waits_for_what_it_depends_on(bc_root: httpx.AsyncClient, company: str) -> None:
    before = await contacts(bc_root, company)
    answers = await send(bc_root, [count("1", company, dependsOn=["2"]), create("2", company, "x")])
    assert statuses(answers) == [("2", 201), ("1", 200)]
    assert answers[1]["body"]["@odata.count"] == before + 1


async def test_the_etag_rule_holds_in_a_part(bc_root: httpx.AsyncClient, company: str) -> None:
    created = (await send(bc_root, [create("1", company, "x")]))[0]["body"]
    url = f"{company}/contacts({created['id']})"
    change: Operation = {"id": "1", "method": "PATCH", "url": url, "body": {"city": "Oslo"}}
    headers = {"If-Match": created["@odata.etag"]}
    assert statuses(await send(bc_root, [change])) == [("1", 400)]
    assert statuses(await send(bc_root, [change | {"headers": headers}])) == [("1", 200)]
    stale = await send(bc_root, [change | {"headers": headers}])
    assert (stale[0]["status"], stale[0]["body"]["error"]["code"]) == (409, "Request_EntityChanged")


async def test_a_hundred_is_the_limit(bc_root: httpx.AsyncClient, company: str) -> None:
    operations = [count(str(number), company) for number in range(101)]
    answers = await send(bc_root, operations[:100])
    assert len(answers) == 100
    before = await contacts(bc_root, company)
    writes = [create(str(number), company, "x") for number in range(101)]
    answer = await bc_root.post("$batch", json={"requests": writes}, headers={"Accept": "application/json"})
    assert refusal(answer) == (500, "Unknown")
    assert "A maximum number of '100' query operations and change sets are allowed" in answer.text
    assert await contacts(bc_root, company) == before


async def test_without_accepting_json_the_answer_is_multipart(bc_root: httpx.AsyncClient, company: str) -> None:
    body = {"requests": [count("1", company)]}
    answer = await bc_root.post("$batch", json=body, headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("multipart/mixed; boundary=")
    assert "HTTP/1.1 200 OK" in answer.text


async def test_the_id_of_a_part_is_echoed_and_null_when_there_is_none(bc_root: httpx.AsyncClient, company: str) -> None:
    answers = await send(bc_root, [{"method": "GET", "url": f"{company}/customers?$top=1"}])
    assert [answer["id"] for answer in answers] == [None]


async def test_an_order_is_shipped_and_invoiced_in_a_part(bc_root: httpx.AsyncClient, company: str) -> None:
    order = row(await bc_root.get(f"{company}/salesOrders?$top=1"))["value"][0]
    url = f"{company}/salesOrders({order['id']})/microsoft.nav.SHIPANDINVOICE"
    answers = await send(bc_root, [{"id": "1", "method": "POST", "url": url}])
    assert statuses(answers) == [("1", 204)]
    assert "body" not in answers[0]
