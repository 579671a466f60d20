"""Backends that lie about where a listing goes on, what they were asked for, and how much they send."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.auth.tokens import BearerAuth
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.clients.dataverse import DataverseClient
from gateway.errors import BackendError, ProtocolError
from gateway.odata.query import Query
from gateway.odata.write import Create
from tests.clients.test_writing import Token

pytestmark = pytest.mark.anyio

BASE = "https://bc.example/api/v2.0"
ORGANIZATION = "https://contoso.crm4.example"
API = f"{ORGANIZATION}/api/data/v9.2"
EARLY, LATE = "2026-05-04T07:41:22Z", "2026-05-04T07:41:23Z"

Answer = Callable[[httpx.Request], httpx.Response]


class Patience:
    """Answers no more than so often; whoever asks once more would ask for ever."""

    def __init__(self, answer: Answer, most: int = 20) -> None:
        self.answer, self.left = answer, most

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left < 0:
            pytest.fail("this goes on for ever")
        return self.answer(request)


def central(answer: Answer) -> BusinessCentralClient:
    return BusinessCentralClient(base_url=BASE, auth=BearerAuth(Token()), network=httpx.MockTransport(Patience(answer)))


def dataverse(answer: Answer) -> DataverseClient:
    return DataverseClient(
        organization_url=ORGANIZATION, auth=BearerAuth(Token()), network=httpx.MockTransport(Patience(answer))
    )


@pytest.fixture
def call() -> Call:
    return Call(Deadline.after(3_600))


def changed(moment: str | None, *numbers: int) -> list[dict[str, Any]]:
    return [{"id": str(UUID(int=number)), "lastModifiedDateTime": moment} for number in numbers]


async def read(pages: AsyncIterator[Any]) -> list[UUID]:
    return [UUID(str(record.values["id"])) for page in [page async for page in pages] for record in page.records]


# -- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 3])
async def test_next_links_in_a_circle_are_not_followed_for_ever(call: Call, length: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        here = int(request.url.params.get("$skiptoken", "0"))
        return httpx.Response(200, json={"value": [], "@odata.nextLink": f"customers?$skiptoken={(here + 1) % length}"})

    with pytest.raises(ProtocolError, match="circle"):
        await central(answer).everything("customers", Query(), call=call)


async def test_links_of_changes_in_a_circle_are_not_followed_for_ever(call: Call) -> None:
    link = {"value": [], "@odata.nextLink": f"{API}/accounts?$skiptoken=1"}
    client = dataverse(lambda _: httpx.Response(200, json=link))

    with pytest.raises(ProtocolError, match="circle"):
        _ = [page async for page in client.changes("accounts", ("name",), since=None, call=call)]


async def test_changes_that_go_on_nowhere_are_not_taken_for_complete(call: Call) -> None:
    nowhere = {"value": [], "@odata.nextLink": ""}
    client = dataverse(lambda _: httpx.Response(200, json=nowhere))

    with pytest.raises(ProtocolError):
        _ = [page async for page in client.changes("accounts", ("name",), since=None, call=call)]


@pytest.mark.parametrize(
    "link", [f"{BASE}/\ud800", f"{BASE}/\0", f"{BASE}/{'x' * 70_000}"], ids=["surrogate", "NUL", "long"]
)
async def test_a_link_that_cannot_be_asked_for_is_a_protocol_error(call: Call, link: str) -> None:
    content = json.dumps({"value": [], "@odata.nextLink": link})
    client = central(lambda _: httpx.Response(200, content=content, headers={"Content-Type": "application/json"}))

    with pytest.raises(ProtocolError, match="link that cannot be read"):
        await client.everything("customers", Query(), call=call)


# -- rows that changed ------------------------------------------------------------------------------------------------


async def test_a_page_shorter_than_asked_for_is_not_the_last_while_there_is_a_link(call: Call) -> None:
    """A server's own page may be smaller than ours."""
    rows = changed(EARLY, 1, 2, 3)

    def answer(request: httpx.Request) -> httpx.Response:
        where = request.url.params.get("$filter", "")
        if " gt 2026" in where and "id gt" not in where:
            return httpx.Response(200, json={"value": []})
        behind = UUID(where.rpartition("id gt ")[2]).int if "id gt" in where else 0
        left = rows[behind:]
        more = {"@odata.nextLink": f"{BASE}/customers?$skiptoken=x"} if len(left) > 1 else {}
        return httpx.Response(200, json={"value": left[:1], **more})

    found = await read(central(answer).modified("customers", (), since=None, call=call, page_size=50))

    assert found == [UUID(int=1), UUID(int=2), UUID(int=3)]


async def test_rows_out_of_order_are_not_taken_for_progress(call: Call) -> None:
    rows = [*changed(LATE, 1), *changed(EARLY, 2)]
    client = central(lambda _: httpx.Response(200, json={"value": rows}))

    with pytest.raises(ProtocolError, match="not asked for"):
        await read(client.modified("customers", (), since=None, call=call, page_size=50))


async def test_rows_of_one_moment_that_come_again_and_again_are_not_read_for_ever(call: Call) -> None:
    client = central(lambda _: httpx.Response(200, json={"value": changed(EARLY, 1, 2)}))

    with pytest.raises(ProtocolError, match="not asked for"):
        await read(client.modified("customers", (), since=None, call=call, page_size=2))


async def test_rows_that_were_never_modified_are_the_oldest(call: Call) -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("$filter"))
        rows = [changed("0001-01-01T00:00:00Z", 1), [], changed(EARLY, 2), [], []]
        return httpx.Response(200, json={"value": rows[len(asked) - 1]})

    pages = central(answer).modified("customers", (), since=None, call=call, page_size=1)

    assert [page.watermark.isoformat() async for page in pages] == [
        "0001-01-01T00:00:00+00:00",
        "2026-05-04T07:41:22+00:00",
    ]
    assert asked[:3] == [None, *(f"lastModifiedDateTime {how} 0001-01-01T00:00:00Z" for how in ("eq", "gt"))]


@pytest.mark.parametrize(
    "row",
    [
        {"id": str(UUID(int=1)), "lastModifiedDateTime": "2026-05-04T07:41:22"},
        {"id": str(UUID(int=1)), "lastModifiedDateTime": "0001-01-01T00:00:00+14:00"},
        {"id": str(UUID(int=1))},
        {"lastModifiedDateTime": EARLY},
    ],
    ids=["no time zone", "before all time", "no moment", "no id"],
)
async def test_a_row_without_what_reading_on_needs_is_a_protocol_error(call: Call, row: dict[str, Any]) -> None:
    client = central(lambda _: httpx.Response(200, json={"value": [row]}))

    with pytest.raises(ProtocolError, match="without"):
        _ = [page async for page in client.modified("customers", (), since=None, call=call, page_size=1)]


# -- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [900, 100_000])
async def test_a_row_nested_without_end_is_a_protocol_error(call: Call, depth: int) -> None:
    content = '{"value":[{"a":' + "[" * depth + "]" * depth + "}]}"
    client = central(lambda _: httpx.Response(200, content=content, headers={"Content-Type": "application/json"}))

    with pytest.raises(ProtocolError):
        await client.page("customers", Query(), call=call)


@pytest.mark.parametrize("status", [100, 302, 404, True])
async def test_a_part_of_a_batch_that_is_no_success_is_none(call: Call, status: int) -> None:
    answer = {"responses": [{"id": "0", "status": status, "body": {}}]}

    (outcome,) = await central(lambda _: httpx.Response(200, json=answer)).write_each(
        [Create("customers", UUID(int=1), {})], call=call
    )

    assert isinstance(outcome, BackendError)


# -- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1e999999999", "-1E+401", "0.1e-999999999"])
async def test_a_number_with_more_digits_than_anybody_means_is_not_read(call: Call, number: str) -> None:
    """Nine characters that would be a gigabyte, written out."""
    content = f'{{"value":[{{"price":{number}}}]}}'
    client = central(lambda _: httpx.Response(200, content=content, headers={"Content-Type": "application/json"}))

    with pytest.raises(ProtocolError):
        await client.page("items", Query(), call=call)


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
async def test_an_answer_that_swells_without_end_is_not_unpacked(
    call: Call, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    monkeypatch.setattr("gateway.clients.transports.MOST_BYTES", 1_000_000)
    bomb = gzip.compress(json.dumps({"value": [{"name": "x" * 2_000_000}]}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    client = central(lambda _: httpx.Response(200, stream=httpx.ByteStream(bomb), headers=headers))

    asking = client.write(Create("customers", UUID(int=1), {}), call=call) if write else client.object("x", call=call)

    with pytest.raises(ProtocolError, match="AnswerTooLong") as caught:
        await asking
    assert caught.value.unsettled
