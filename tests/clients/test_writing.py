"""Writes on the wire: what goes out, and what a refusal after a lost answer means."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from gateway.auth.tokens import BearerAuth
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.clients.client import ODataClient
from gateway.clients.dataverse import DataverseClient
from gateway.clients.retry import RetryPolicy
from gateway.clients.wire import Patience
from gateway.errors import (
    BackendError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    RecordExistsError,
    RejectedError,
    UnreachableError,
)
from gateway.odata.write import Create, Delete, Update, Upsert, Write
from gateway.records import Record

pytestmark = pytest.mark.anyio

BASE = "https://bc.example/v2.0/contoso/Production/api/v2.0"
ORGANIZATION = "https://contoso.crm4.example"
API = f"{ORGANIZATION}/api/data/v9.2/"
CUSTOMERS = "companies(1b2c0000-0000-4000-8000-000000000001)/customers"
ONE, TWO = UUID(int=1), UUID(int=2)
ETAG, NEWER = 'W/"1"', 'W/"2"'
CHANGED = httpx.Response(409, json={"error": {"code": "Request_EntityChanged", "message": "Another user …"}})
STALE = httpx.Response(412, json={"error": {"code": "0x80060882", "message": "The version …"}})
TAKEN = httpx.Response(400, json={"error": {"code": "Internal_EntityWithSameKeyExists", "message": "The record …"}})
GONE = httpx.Response(404, json={"error": {"code": "Internal_RecordNotFound", "message": "The Customer …"}})
LOST = httpx.RemoteProtocolError("closed")


class Token:
    async def token(self, *, instead_of: str | None = None) -> str:
        return "token"


@pytest.fixture
def wire() -> respx.MockRouter:
    return respx.MockRouter(assert_all_called=False)


@pytest.fixture
async def bc(wire: respx.MockRouter) -> AsyncIterator[BusinessCentralClient]:
    network = httpx.MockTransport(wire.async_handler)
    at_once = Patience(RetryPolicy(attempts=3, first_wait_seconds=0, longest_wait_seconds=0))
    client = BusinessCentralClient(base_url=BASE, auth=BearerAuth(Token()), network=network, patience=at_once)
    yield client
    await client.close()


@pytest.fixture
async def dataverse(wire: respx.MockRouter) -> AsyncIterator[DataverseClient]:
    network = httpx.MockTransport(wire.async_handler)
    at_once = Patience(RetryPolicy(attempts=3, first_wait_seconds=0, longest_wait_seconds=0))
    client = DataverseClient(organization_url=ORGANIZATION, auth=BearerAuth(Token()), network=network, patience=at_once)
    yield client
    await client.close()


@pytest.fixture
def call() -> Call:
    return Call(Deadline.after(3_600))


def sent(wire: respx.MockRouter) -> list[str]:
    return [
        f"{each.request.method} {str(each.request.url).removeprefix(BASE).removeprefix(API)}" for each in wire.calls
    ]


def row(etag: str = NEWER, **values: Any) -> dict[str, Any]:
    return {"@odata.etag": etag, **values}


def parts(*answers: dict[str, Any]) -> httpx.Response:
    """The answer of a JSON batch."""
    numbered = [{"id": str(index), "headers": {}, **answer} for index, answer in enumerate(answers)]
    return httpx.Response(200, json={"responses": numbered})


# -- what goes out ----------------------------------------------------------------------------------------------------


async def test_business_central_creates_under_the_id_we_choose(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().respond(201, json=row(id=str(ONE), displayName="Söhne", creditLimit=0.10))
    values = {"displayName": "Söhne", "creditLimit": Decimal("0.10"), "when": datetime(2026, 5, 4, 7, tzinfo=UTC)}

    record = await bc.write(Create(CUSTOMERS, ONE, values), call=call)

    assert sent(wire) == [f"POST /{CUSTOMERS}"]
    request = wire.calls[0].request
    assert request.headers["content-type"] == "application/json"
    assert request.content.decode() == (
        f'{{"id":"{ONE}","displayName":"Söhne","creditLimit":0.10,"when":"2026-05-04T07:00:00Z"}}'
    )
    assert record == Record({"id": str(ONE), "displayName": "Söhne", "creditLimit": Decimal("0.1")}, NEWER)


async def test_an_update_and_a_deletion_name_the_version_they_were_decided_on(
    wire: respx.MockRouter, bc: BusinessCentralClient, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch().respond(200, json=row(name="Quay"))
    wire.delete().respond(204)

    for client, path in ((bc, CUSTOMERS), (dataverse, "accounts")):
        updated = await client.write(Update(path, ONE, {"name": "Quay"}, ETAG), call=call)
        assert updated is not None
        assert updated.etag == NEWER
        assert await client.write(Delete(path, ONE, ETAG), call=call) is None

    assert [each.request.headers["if-match"] for each in wire.calls] == [ETAG] * 4
    assert "if-none-match" not in wire.calls[2].request.headers
    assert sent(wire)[2] == f"PATCH accounts({ONE})?$select=name"
    assert wire.calls[2].request.headers["prefer"] == "return=representation"


async def test_dataverse_creates_only_where_nothing_is(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch().respond(201, json=row(name="Quay"))
    values = {"name": "Quay", "primarycontactid@odata.bind": f"/contacts({TWO})"}

    await dataverse.write(Create("accounts", ONE, values), call=call)

    assert sent(wire) == [f"PATCH accounts({ONE})?$select=name"]
    assert wire.calls[0].request.headers["if-none-match"] == "*"


async def test_dataverse_upserts_by_alternate_key(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch().respond(200, json=row(name="Quay"))

    await dataverse.write(Upsert("accounts", {"accountnumber": "C'1 ü"}, {"name": "Quay"}), call=call)

    assert wire.calls[0].request.url.raw_path.decode() == (
        "/api/data/v9.2/accounts(accountnumber='C''1%20%C3%BC')?$select=name"
    )
    assert "if-match" not in wire.calls[0].request.headers
    assert "if-none-match" not in wire.calls[0].request.headers


@pytest.mark.parametrize("character", list("/<>*%&:\\?+#"))
async def test_a_key_that_no_address_can_hold_is_refused_before_anything_is_sent(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call, character: str
) -> None:
    with pytest.raises(InvalidInputError, match="accountnumber"):
        await dataverse.write(Upsert("accounts", {"accountnumber": f"C{character}1"}, {"name": "Quay"}), call=call)
    assert sent(wire) == []


async def test_business_central_has_no_upsert(bc: BusinessCentralClient, call: Call) -> None:
    with pytest.raises(InvalidInputError, match="no upsert"):
        await bc.write(Upsert(CUSTOMERS, {"number": "1"}, {}), call=call)


# -- what a refusal means ---------------------------------------------------------------------------------------------


async def test_a_change_by_somebody_else_is_a_conflict(
    wire: respx.MockRouter, bc: BusinessCentralClient, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch(host="bc.example").mock(return_value=CHANGED)
    wire.patch(host="contoso.crm4.example").mock(return_value=STALE)

    for client, path in ((bc, CUSTOMERS), (dataverse, "accounts")):
        with pytest.raises(PreconditionFailedError):
            await client.write(Update(path, ONE, {"name": "Quay"}, ETAG), call=call)

    assert len(sent(wire)) == 2, "nothing is read again when the first answer says so"


@pytest.mark.parametrize("lost", [LOST, httpx.Response(503), httpx.Response(502, html="<html>")])
async def test_a_conflict_with_our_own_lost_update_is_none(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, lost: Any
) -> None:
    wire.patch().mock(side_effect=[lost, CHANGED])
    now = row(id=str(ONE), name="Quay", blocked=False, discount=1.50, city="")
    wire.post(f"{BASE}/$batch").mock(return_value=parts({"status": 200, "body": now}))
    written = {"name": "Quay", "blocked": False, "discount": Decimal("1.5"), "city": None}

    record = await bc.write(Update(CUSTOMERS, ONE, written, ETAG), call=call)

    assert record is not None
    assert record.etag == NEWER
    assert [request.split()[0] for request in sent(wire)] == ["PATCH", "PATCH", "POST"]


@pytest.mark.parametrize(
    "now", [{"name": "Wharf"}, {"name": "Quay", "blocked": True}, {"name": "Quay", "discount": 2}, {"name": None}]
)
async def test_a_lost_update_is_a_conflict_when_the_row_is_not_as_written(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, now: dict[str, Any]
) -> None:
    wire.patch().mock(side_effect=[LOST, CHANGED])
    as_written: dict[str, Any] = {"name": "Quay", "blocked": False, "discount": 1.5}
    wire.post(f"{BASE}/$batch").mock(return_value=parts({"status": 200, "body": row(**(as_written | now))}))

    with pytest.raises(PreconditionFailedError):
        await bc.write(
            Update(CUSTOMERS, ONE, {"name": "Quay", "blocked": False, "discount": Decimal("1.5")}, ETAG), call=call
        )


async def test_a_throttled_update_was_not_carried_out_so_a_conflict_is_one(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.patch().mock(side_effect=[httpx.Response(429), CHANGED])

    with pytest.raises(PreconditionFailedError):
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=call)

    assert [request.split()[0] for request in sent(wire)] == ["PATCH", "PATCH"]


@pytest.mark.parametrize("first", [LOST, None], ids=["answer lost", "process killed"])
async def test_a_create_that_finds_its_own_row_is_done(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, first: Exception | None
) -> None:
    wire.post(f"{BASE}/{CUSTOMERS}").mock(side_effect=[*([first] if first else []), TAKEN])
    wire.post(f"{BASE}/$batch").mock(return_value=parts({"status": 200, "body": row(id=str(ONE), name="Quay")}))

    record = await bc.write(Create(CUSTOMERS, ONE, {"name": "Quay"}), call=call)

    assert record == Record({"id": str(ONE), "name": "Quay"}, NEWER)


async def test_a_create_that_meets_another_row_with_its_number_says_so(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post(f"{BASE}/{CUSTOMERS}").mock(return_value=TAKEN)
    wire.post(f"{BASE}/$batch").mock(return_value=parts({"status": 404, "body": {}}))

    with pytest.raises(RecordExistsError, match="has such a record already"):
        await bc.write(Create(CUSTOMERS, ONE, {"number": "C1"}), call=call)


async def test_a_deletion_that_finds_nothing_after_a_lost_answer_is_done(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.delete().mock(side_effect=[LOST, GONE])
    wire.post(f"{BASE}/$batch").mock(return_value=parts({"status": 404, "body": {}}))

    assert await bc.write(Delete(CUSTOMERS, ONE, ETAG), call=call) is None


async def test_a_deletion_that_finds_nothing_at_once_says_so(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.delete().mock(return_value=GONE)

    with pytest.raises(NotFoundError):
        await bc.write(Delete(CUSTOMERS, ONE, ETAG), call=call)


async def test_a_write_that_gets_no_answer_at_all_is_unreachable(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.patch().mock(side_effect=LOST)

    with pytest.raises(UnreachableError):
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=call)

    assert len(sent(wire)) == 3


# -- batches ----------------------------------------------------------------------------------------------------------


async def test_many_writes_are_one_batch_and_each_has_its_outcome(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post(f"{BASE}/$batch").mock(
        return_value=parts(
            {"status": 201, "body": row(id=str(ONE))},
            {"status": 409, "body": CHANGED.json()},
            {"status": 204},
        )
    )
    writes: list[Write] = [
        Create(CUSTOMERS, ONE, {"a": 1}),
        Update(CUSTOMERS, TWO, {"a": 2}, ETAG),
        Delete(CUSTOMERS, TWO, ETAG),
    ]

    created, updated, deleted = await bc.write_each(writes, call=call)

    assert created == Record({"id": str(ONE)}, NEWER)
    assert isinstance(updated, PreconditionFailedError)
    assert deleted is None
    (batch,) = wire.calls
    assert batch.request.headers["prefer"] == "odata.continue-on-error"
    assert json.loads(batch.request.content)["requests"] == [
        {
            "id": "0",
            "method": "POST",
            "url": CUSTOMERS,
            "headers": {"Accept": "application/json", "Content-Type": "application/json"},
            "body": {"id": str(ONE), "a": 1},
        },
        {
            "id": "1",
            "method": "PATCH",
            "url": f"{CUSTOMERS}({TWO})",
            "headers": {"Accept": "application/json", "If-Match": ETAG, "Content-Type": "application/json"},
            "body": {"a": 2},
        },
        {
            "id": "2",
            "method": "DELETE",
            "url": f"{CUSTOMERS}({TWO})",
            "headers": {"Accept": "application/json", "If-Match": ETAG},
        },
    ]


async def test_more_writes_than_a_batch_takes_are_several_batches(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["requests"]
        return parts(*({"status": 201, "body": row(id=each["body"]["id"])} for each in asked))

    wire.post(f"{BASE}/$batch").mock(side_effect=answer)
    writes = [Create(CUSTOMERS, UUID(int=number), {}) for number in range(1, 251)]

    outcomes = await bc.write_each(writes, call=call)

    found = [outcome.values["id"] for outcome in outcomes if isinstance(outcome, Record)]
    assert found == [str(UUID(int=number)) for number in range(1, 251)]
    assert [len(json.loads(each.request.content)["requests"]) for each in wire.calls] == [100, 100, 50]


async def test_a_batch_whose_answer_was_lost_is_settled_with_one_more_batch(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post(f"{BASE}/$batch").mock(
        side_effect=[
            LOST,
            parts(
                {"status": 400, "body": TAKEN.json()},
                {"status": 409, "body": CHANGED.json()},
                {"status": 404, "body": GONE.json()},
                {"status": 409, "body": CHANGED.json()},
            ),
            parts(
                {"status": 200, "body": row(id=str(ONE))},
                {"status": 200, "body": row(a=2)},
                {"status": 404, "body": GONE.json()},
                {"status": 200, "body": row(a="somebody else's")},
            ),
        ]
    )
    writes: list[Write] = [
        Create(CUSTOMERS, ONE, {}),
        Update(CUSTOMERS, TWO, {"a": 2}, ETAG),
        Delete(CUSTOMERS, TWO, ETAG),
        Update(CUSTOMERS, TWO, {"a": 2}, ETAG),
    ]

    created, updated, deleted, conflict = await bc.write_each(writes, call=call)

    assert created == Record({"id": str(ONE)}, NEWER)
    assert updated == Record({"a": 2}, NEWER)
    assert deleted is None
    assert isinstance(conflict, PreconditionFailedError)
    assert len(wire.calls) == 3


async def test_a_batch_without_an_answer_fails_each_of_its_writes(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().mock(side_effect=LOST)

    outcomes = await bc.write_each([Create(CUSTOMERS, ONE, {}), Create(CUSTOMERS, TWO, {})], call=call)

    assert [type(outcome) for outcome in outcomes] == [UnreachableError, UnreachableError]
    assert outcomes[0] is not outcomes[1]


async def test_business_central_parts_that_claim_success_are_not_believed_when_one_failed(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    """A snapshot batch rolls everything back, although earlier parts may report 201."""
    refused = {"error": {"code": "Application_DialogException", "message": "No."}}
    wire.post().mock(return_value=parts({"status": 201, "body": row()}, {"status": 400, "body": refused}))

    with pytest.raises(RejectedError, match="No"):
        await bc.write_together([Create(CUSTOMERS, ONE, {}), Create(CUSTOMERS, TWO, {})], call=call)

    assert wire.calls[0].request.headers["isolation"] == "snapshot"
    assert "prefer" not in wire.calls[0].request.headers


async def test_dataverse_writes_together_in_a_change_set(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    one = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n" + json.dumps(row(name="Quay"))
    inner = f"--cs\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n{one}\r\n--cs--\r\n"
    answer = f"--b\r\nContent-Type: multipart/mixed; boundary=cs\r\n\r\n{inner}\r\n--b--\r\n"
    wire.post().respond(content=answer, headers={"Content-Type": "multipart/mixed; boundary=b"})

    (record,) = await dataverse.write_together([Create("accounts", ONE, {"name": "Quay"})], call=call)

    assert record == Record({"name": "Quay"}, NEWER)
    assert wire.calls[0].request.content.decode().replace("\r\n", "\n") == (
        "--batch_gateway\nContent-Type: multipart/mixed; boundary=changeset_gateway\n\n"
        "--changeset_gateway\nContent-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: 0\n\n"
        f"PATCH {API}accounts({ONE})?$select=name HTTP/1.1\nAccept: application/json\nIf-None-Match: *\n"
        'Prefer: return=representation\nContent-Type: application/json\n\n{"name":"Quay"}\n'
        "--changeset_gateway--\n\n--batch_gateway--\n"
    )


@pytest.mark.parametrize("rows", [[row(), row()], [row(), None]], ids=["carried out", "half of it"])
async def test_a_lost_answer_of_writes_together_is_settled_as_a_whole(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, rows: list[dict[str, Any] | None]
) -> None:
    found = [{"status": 200, "body": each} if each else {"status": 404, "body": {}} for each in rows]
    wire.post().mock(side_effect=[LOST, parts({"status": 400, "body": TAKEN.json()}), parts(*found)])
    writes = [Create(CUSTOMERS, ONE, {}), Create(CUSTOMERS, TWO, {})]

    if None in rows:
        with pytest.raises(RecordExistsError):
            await bc.write_together(writes, call=call)
    else:
        assert await bc.write_together(writes, call=call) == [Record({}, NEWER), Record({}, NEWER)]


async def test_more_than_a_batch_cannot_be_carried_out_together(bc: BusinessCentralClient, call: Call) -> None:
    with pytest.raises(InvalidInputError, match="100"):
        await bc.write_together([Create(CUSTOMERS, UUID(int=n), {}) for n in range(101)], call=call)


async def test_no_error_of_a_write_repeats_what_was_written(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.patch().mock(side_effect=LOST)
    client: ODataClient = bc

    with pytest.raises(BackendError) as caught:
        await client.write(Update(CUSTOMERS, ONE, {"name": "Very private name"}, ETAG), call=call)

    assert "private" not in str(caught.value)
    assert "private" not in str(caught.value.extensions)
