"""Writes on the wire: what goes out, and what a refusal after a lost answer means."""

import asyncio
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
    DeadlineError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    ProtocolError,
    RecordExistsError,
    RejectedError,
    UnreachableError,
)
from gateway.odata.write import ChangeSet, Create, CreateWith, Delete, Request, Revise, Update, Upsert, Write
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


def multipart(*answers: tuple[int, Any]) -> httpx.Response:
    """The answer of a multipart batch."""
    pieces = [
        f"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {status} Said\r\n\r\n{json.dumps(body)}\r\n"
        for status, body in answers
    ]
    content = "".join(pieces) + "--b--\r\n"
    return httpx.Response(200, content=content, headers={"Content-Type": "multipart/mixed; boundary=b"})


def creates(request: httpx.Request) -> httpx.Response:
    """Every create of a JSON batch is carried out."""
    asked = json.loads(request.content)["requests"]
    return parts(*({"status": 201, "body": row(id=each["body"]["id"])} for each in asked))


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
    assert sent(wire)[2] == f"PATCH accounts({ONE})?$select=name,modifiedon"
    assert wire.calls[2].request.headers["prefer"] == "return=representation"


async def test_dataverse_creates_only_where_nothing_is(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch().respond(201, json=row(name="Quay"))
    values = {"name": "Quay", "primarycontactid@odata.bind": f"/contacts({TWO})"}

    await dataverse.write(Create("accounts", ONE, values), call=call)

    assert sent(wire) == [f"PATCH accounts({ONE})?$select=name,modifiedon"]
    assert wire.calls[0].request.headers["if-none-match"] == "*"


async def test_dataverse_upserts_by_alternate_key(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch().respond(200, json=row(name="Quay"))

    await dataverse.write(Upsert("accounts", {"accountnumber": "C'1 ü"}, {"name": "Quay"}), call=call)

    assert wire.calls[0].request.url.raw_path.decode() == (
        "/api/data/v9.2/accounts(accountnumber='C''1%20%C3%BC')?$select=name,modifiedon"
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


@pytest.mark.parametrize("key", [{}, {"accountnumber": ""}, {"accountnumber": None}], ids=str)
async def test_a_blank_key_which_many_rows_may_share_is_refused(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call, key: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError, match="key"):
        await dataverse.write(Upsert("accounts", key, {"name": "Quay"}), call=call)
    assert sent(wire) == []


@pytest.mark.parametrize("etag", ["*", "", "None", "1", 'W/"1"\r\nX-Injected: 1', 'W/"é"'])
async def test_what_is_no_etag_guards_nothing_and_is_refused(
    wire: respx.MockRouter, bc: BusinessCentralClient, dataverse: DataverseClient, call: Call, etag: str
) -> None:
    for client in (bc, dataverse):
        writes: list[Write] = [Update("accounts", ONE, {"name": "Quay"}, etag), Delete("accounts", ONE, etag)]
        for write in writes:
            with pytest.raises(InvalidInputError, match="ETag"):
                await client.write(write, call=call)
    assert sent(wire) == []


@pytest.mark.parametrize("name", ["id", "Id"])
@pytest.mark.parametrize("value", [None, "", str(TWO)])
async def test_the_id_of_a_new_record_cannot_be_overruled_by_its_values(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, name: str, value: str | None
) -> None:
    """With a blank id Business Central would choose one, and a repeat would make a second record."""
    with pytest.raises(InvalidInputError, match="id"):
        await bc.write(Create(CUSTOMERS, ONE, {name: value}), call=call)
    assert sent(wire) == []


@pytest.mark.parametrize("value", ["\ud800", Decimal("NaN"), datetime(2026, 5, 4)], ids=["surrogate", "NaN", "naive"])  # noqa: DTZ001
async def test_a_value_that_cannot_be_written_is_refused_before_anything_is_sent(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, value: object
) -> None:
    with pytest.raises(InvalidInputError, match="cannot be written"):
        await bc.write(Create(CUSTOMERS, ONE, {"name": value}), call=call)
    assert sent(wire) == []


async def test_the_name_of_a_column_ends_no_line_of_a_batch(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.post().mock(return_value=multipart((400, {})))

    await dataverse.write_each([Create("accounts", ONE, {"a HTTP/1.1\r\n\r\n--batch_gateway": 1})], call=call)

    assert wire.calls[0].request.content.count(b"\r\n--batch_gateway") == 1


async def test_rows_below_the_row_are_not_columns_to_ask_for(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.patch().respond(201, json=row(name="Quay"))

    await dataverse.write(Create("accounts", ONE, {"name": "Quay", "primarycontactid": {"lastname": "Vos"}}), call=call)

    assert sent(wire) == [f"PATCH accounts({ONE})?$select=name,modifiedon"]


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


async def test_a_lost_update_is_remembered_across_a_refused_token(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.patch().mock(side_effect=[LOST, httpx.Response(401), CHANGED])
    wire.post(f"{BASE}/$batch").mock(return_value=parts({"status": 200, "body": row(name="Quay")}))

    record = await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=call)

    assert record == Record({"name": "Quay"}, NEWER)


@pytest.mark.parametrize(
    ("written", "now", "done"),
    [
        (f"/contacts({TWO})", str(TWO), True),
        (f"/contacts({TWO})", str(ONE), False),
        (f"/contacts({TWO})", None, False),
        (None, None, True),
        (None, str(TWO), False),
        ("/contacts(key='1')", str(TWO), False),
    ],
)
async def test_a_lost_update_of_a_reference_is_compared_with_its_column(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call, written: str | None, now: str | None, done: bool
) -> None:
    wire.patch().mock(side_effect=[LOST, STALE])
    wire.post().mock(return_value=multipart((200, row(name="Quay", _primarycontactid_value=now))))
    update = Update("accounts", ONE, {"name": "Quay", "primarycontactid@odata.bind": written}, ETAG)

    if done:
        assert await dataverse.write(update, call=call) is not None
    else:
        with pytest.raises(PreconditionFailedError):
            await dataverse.write(update, call=call)


@pytest.mark.parametrize(
    "values", [{"customerid_account@odata.bind": f"/accounts({TWO})"}, {"lines": [{"a": 1}]}], ids=str
)
async def test_what_cannot_be_compared_is_not_taken_for_done(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call, values: dict[str, Any]
) -> None:
    wire.patch().mock(side_effect=[LOST, STALE])
    wire.post().mock(return_value=multipart((200, row(_customerid_value=str(ONE), lines=[]))))

    with pytest.raises(PreconditionFailedError):
        await dataverse.write(Update("opportunities", ONE, values, ETAG), call=call)


async def test_a_throttled_update_was_not_carried_out_so_a_conflict_is_one(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.patch().mock(side_effect=[httpx.Response(429), CHANGED])

    with pytest.raises(PreconditionFailedError):
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=call)

    assert [request.split()[0] for request in sent(wire)] == ["PATCH", "PATCH"]


CUT_OFF = httpx.Response(201, content=b'{"id":"1"', headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("first", [LOST, CUT_OFF, None], ids=["answer lost", "answer cut off", "process killed"])
async def test_a_create_that_finds_its_own_row_is_done(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, first: Exception | httpx.Response | None
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

    with pytest.raises(UnreachableError) as caught:
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=call)

    assert len(sent(wire)) == 3
    assert caught.value.unsettled


@pytest.mark.parametrize(("status", "unsettled"), [(400, False), (429, False), (500, True), (503, True), (504, True)])
async def test_an_error_says_whether_the_write_may_have_been_carried_out(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, status: int, unsettled: bool
) -> None:
    wire.patch().respond(status)

    with pytest.raises(BackendError) as caught:
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=call)

    assert caught.value.unsettled is unsettled


async def test_a_write_that_was_under_way_when_the_deadline_passed_is_unsettled(
    wire: respx.MockRouter, bc: BusinessCentralClient
) -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    wire.patch().mock(side_effect=hang)

    with pytest.raises(DeadlineError) as caught:
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=Call(Deadline.after(0.02)))

    assert caught.value.unsettled


async def test_after_the_deadline_nothing_is_sent(wire: respx.MockRouter, bc: BusinessCentralClient) -> None:
    with pytest.raises(DeadlineError) as caught:
        await bc.write(Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG), call=Call(Deadline.after(-1)))

    assert sent(wire) == []
    assert not caught.value.unsettled


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
    wire.post(f"{BASE}/$batch").mock(side_effect=creates)
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


async def test_writes_whose_outcome_cannot_be_read_again_leave_the_outcomes_of_the_others(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["requests"]
        if asked[0]["method"] == "GET":
            return httpx.Response(500)
        return creates(request) if len(asked) > 1 else parts({"status": 400, "body": TAKEN.json()})

    wire.post().mock(side_effect=answer)

    *done, doubtful = await bc.write_each([Create(CUSTOMERS, UUID(int=n), {}) for n in range(1, 102)], call=call)

    assert all(isinstance(outcome, Record) for outcome in done)
    assert isinstance(doubtful, BackendError)
    assert doubtful.unsettled


@pytest.mark.parametrize(
    "bad",
    [Create(CUSTOMERS, TWO, {"name": "\ud800"}), Upsert("x", {"a": "1"}, {}), Update(CUSTOMERS, TWO, {}, "*")],
    ids=["half a character", "no upsert", "no etag"],
)
async def test_a_write_that_cannot_be_asked_for_fails_alone(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, bad: Write
) -> None:
    wire.post().mock(side_effect=creates)
    good = [Create(CUSTOMERS, UUID(int=n), {}) for n in range(10, 110)]

    outcomes = await bc.write_each([*good, bad, Create(CUSTOMERS, ONE, {})], call=call)

    assert [type(outcome) for outcome in outcomes] == [Record] * 100 + [InvalidInputError, Record]


async def test_a_batch_that_leaves_answers_out_leaves_its_writes_unsettled(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().mock(return_value=parts({"status": 201, "body": row()}))

    outcomes = await bc.write_each([Create(CUSTOMERS, ONE, {}), Create(CUSTOMERS, TWO, {})], call=call)

    assert [isinstance(each, ProtocolError) and each.unsettled for each in outcomes] == [True, True]


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
        f"PATCH {API}accounts({ONE})?$select=name,modifiedon HTTP/1.1\nAccept: application/json\nIf-None-Match: *\n"
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


async def test_writes_together_that_cannot_be_read_again_are_no_conflict(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().mock(side_effect=[LOST, parts({"status": 409, "body": CHANGED.json()}), *[LOST] * 3])

    with pytest.raises(UnreachableError) as caught:
        await bc.write_together([Update(CUSTOMERS, ONE, {"name": "Quay"}, ETAG)], call=call)

    assert caught.value.unsettled


async def test_an_upsert_among_writes_together_is_settled_by_its_key(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    found = multipart((200, row(name="Quay")), (200, row(name="Wharf")))
    wire.post().mock(side_effect=[LOST, multipart((412, STALE.json())), found])
    upsert = Upsert("accounts", {"accountnumber": "C1"}, {"name": "Wharf"})

    records = await dataverse.write_together([Create("accounts", ONE, {"name": "Quay"}), upsert], call=call)

    assert records == [Record({"name": "Quay"}, NEWER), Record({"name": "Wharf"}, NEWER)]
    assert b"accounts(accountnumber='C1') HTTP/1.1" in wire.calls[2].request.content


async def test_writes_together_that_are_refused_as_a_whole_after_a_lost_answer_are_settled(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.post().mock(side_effect=[LOST, STALE, multipart((200, row(name="Quay")))])

    (record,) = await dataverse.write_together([Create("accounts", ONE, {"name": "Quay"})], call=call)

    assert record == Record({"name": "Quay"}, NEWER)


async def test_nothing_to_write_is_not_sent(wire: respx.MockRouter, bc: BusinessCentralClient, call: Call) -> None:
    assert await bc.write_together([], call=call) == await bc.write_each([], call=call) == []
    assert sent(wire) == []


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


# -- a row with rows below it ----------------------------------------------------------------------------------------------


def change_sets(*answers: list[tuple[int, Any]] | tuple[int, Any], refused: str = "400 Bad Request") -> httpx.Response:
    """The answer of a batch of change sets: the answers of each, or the one refusal of it with the Content-ID it is about."""
    pieces = []
    for answer in answers:
        if isinstance(answer, list):
            inner = "".join(
                f"--cs\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\nHTTP/1.1 {status} Said\r\n\r\n"
                f"{json.dumps(body)}\r\n"
                for id, (status, body) in enumerate(answer)
            )
            pieces.append(f"--b\r\nContent-Type: multipart/mixed; boundary=cs\r\n\r\n{inner}--cs--\r\n\r\n")
        else:
            place, body = answer
            said = f"HTTP/1.1 {refused}\r\n\r\n{json.dumps(body)}"
            pieces.append(f"--b\r\nContent-Type: application/http\r\nContent-ID: {place}\r\n\r\n{said}\r\n")
    content = "".join(pieces) + "--b--\r\n"
    return httpx.Response(200, content=content, headers={"Content-Type": "multipart/mixed; boundary=b"})


def document(id: UUID, *quantities: int) -> CreateWith:
    below = [
        Create("invoicedetails", UUID(int=id.int * 100 + place), {"quantity": each})
        for place, each in enumerate(quantities)
    ]
    return CreateWith(Create("invoices", id, {"name": f"Invoice {id.int}"}), "invoice_details", tuple(below))


async def test_dataverse_writes_each_row_with_those_below_it_in_a_change_set_of_its_own(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    refusal = {"error": {"code": "0x80044330", "message": "The value is outside the valid range."}}
    made = [(201, row(name="Invoice 1")), (201, row(quantity=1)), (201, row(quantity=2))]
    wire.post().mock(return_value=change_sets(made, (1, refusal)))

    one, two = await dataverse.write_each([document(ONE, 1, 2), document(TWO, 3)], call=call)

    assert one == Record({"name": "Invoice 1"}, NEWER), "the row above stands for all"
    assert isinstance(two, RejectedError)
    assert two.place == 1, "the first of the rows below"
    content = wire.calls[0].request.content.decode()
    assert sent(wire) == ["POST $batch"]
    assert content.count("multipart/mixed; boundary=changeset_gateway") == 2
    assert [each for each in content.splitlines() if each.startswith("Content-ID")] == [
        f"Content-ID: {place}" for place in (0, 1, 2, 0, 1)
    ]


REVISED = Revise(
    Update("salesorders", ONE, {"statecode": 0, "statuscode": 2}, ETAG),
    (
        Delete("salesorderdetails", UUID(int=11), ETAG),
        Update("salesorderdetails", UUID(int=12), {"quantity": 7}, ETAG),
        Create("salesorderdetails", UUID(int=13), {"quantity": 1}),
    ),
    ({"shipto_city": "Nantes"}, {"statecode": 1, "statuscode": 3}),
)
"""A submitted order is opened, changed with its lines, and submitted again."""


async def test_dataverse_revises_a_row_and_those_below_it_in_one_change_set(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    answers = [(200, row(statecode=0)), (204, {}), (200, row(quantity=7)), (201, row(quantity=1)), *[(200, row())] * 2]
    wire.post().mock(return_value=change_sets(answers))

    assert await dataverse.write_each([REVISED], call=call) == [Record({"statecode": 0}, NEWER)]

    content = wire.calls[0].request.content.decode().splitlines()
    asked = [each.partition("?")[0].partition(" HTTP")[0] for each in content if each.startswith(("PATCH", "DELETE"))]
    order, line = f"PATCH {API}salesorders({ONE})", f"{API}salesorderdetails"
    below = [f"DELETE {line}({UUID(int=11)})", *(f"PATCH {line}({UUID(int=each)})" for each in (12, 13))]
    assert asked == [order, *below, order, order]
    guards = [each for each in content if each.startswith(("If-Match", "If-None-Match"))]
    assert guards == [*[f"If-Match: {ETAG}"] * 3, "If-None-Match: *", *["If-Match: *"] * 2]


async def test_a_lost_answer_of_a_revision_counts_as_a_change_by_somebody(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    """The row alone does not tell whether those below it are as written, so whoever asked looks at all of it again."""
    stale = {"error": {"code": "0x80060882", "message": "The version …"}}
    wire.post().mock(side_effect=[LOST, change_sets((0, stale), refused="412 Precondition Failed")])

    (outcome,) = await dataverse.write_each([REVISED], call=call)

    assert isinstance(outcome, PreconditionFailedError)
    assert outcome.unsettled
    assert len(wire.calls) == 2, "nothing is read"


async def test_a_lost_answer_of_a_change_set_is_settled_by_the_row_above(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    taken = {"error": {"code": "0x80040237", "message": "A record with matching key values already exists."}}
    wire.post().mock(side_effect=[LOST, change_sets((0, taken)), multipart((200, row(name="Invoice 1")))])

    (found,) = await dataverse.write_each([document(ONE, 1, 2)], call=call)

    assert found == Record({"name": "Invoice 1"}, NEWER)
    assert f"invoices({ONE})".encode() in wire.calls[2].request.content
    assert b"invoicedetails" not in wire.calls[2].request.content


async def test_business_central_gets_rows_below_a_new_one_nested_in_it(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().respond(201, json=row(id=str(ONE)))
    line = Create("companies(1)/salesOrderLines", TWO, {"quantity": 3})

    await bc.write(CreateWith(Create(CUSTOMERS, ONE, {"name": "Quay"}), "salesOrderLines", (line,)), call=call)

    assert json.loads(wire.calls[0].request.content) == {
        "id": str(ONE),
        "name": "Quay",
        "salesOrderLines": [{"id": str(TWO), "quantity": 3}],
    }


async def test_what_is_written_together_is_not_torn_apart_over_batches(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    made = [(201, row(name="Invoice"))] * 601
    wire.post().mock(side_effect=[change_sets(made), change_sets(made)])

    outcomes = await dataverse.write_each([document(id, *range(600)) for id in (ONE, TWO)], call=call)

    assert [type(each) for each in outcomes] == [Record, Record]
    assert [each.request.content.count(b"PATCH ") for each in wire.calls] == [601, 601]


async def test_more_rows_than_a_batch_takes_fail_their_own_row_alone(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.post().mock(return_value=change_sets([(201, row(name="Invoice 2")), (201, row())]))

    large, small = await dataverse.write_each([document(ONE, *range(1000)), document(TWO, 1)], call=call)

    assert isinstance(large, InvalidInputError)
    assert "1000" in large.message
    assert small == Record({"name": "Invoice 2"}, NEWER)


async def test_a_row_with_rows_below_it_is_not_written_together_with_others(
    dataverse: DataverseClient, call: Call
) -> None:
    with pytest.raises(InvalidInputError, match="on its own"):
        await dataverse.write_together([document(ONE, 1)], call=call)


DRY = Call(Deadline.after(3_600), dry_run=True)
LINES = tuple(Create("salesorderdetails", UUID(int=number), {"quantity": 1}) for number in range(2, 1_003))


async def test_in_a_dry_run_writes_are_checked_and_none_goes_out(
    wire: respx.MockRouter, bc: BusinessCentralClient, dataverse: DataverseClient
) -> None:
    good = Update("accounts", ONE, {"name": "Nordwind"}, ETAG)
    too_many = CreateWith(Create("salesorders", TWO, {"name": "S-1"}), "order_details", LINES)
    nameless = Update("accounts", TWO, {"exchangerate": Decimal("NaN")}, ETAG)
    done, refused, unwritable = await dataverse.write_each([good, too_many, nameless], call=DRY)
    assert done is None
    assert isinstance(refused, InvalidInputError)
    assert isinstance(unwritable, InvalidInputError)
    assert await dataverse.write(good, call=DRY) is None
    assert await dataverse.write_together([good, Delete("accounts", TWO, ETAG)], call=DRY) == [None, None]
    with pytest.raises(InvalidInputError):
        await dataverse.write(nameless, call=DRY)
    (made,) = await bc.write_each([Create(CUSTOMERS, ONE, {"displayName": "Nordwind"})], call=DRY)
    assert made is None
    assert sent(wire) == []


async def test_who_forgets_that_it_is_a_dry_run_gets_no_further_than_the_wire(
    wire: respx.MockRouter, dataverse: DataverseClient
) -> None:
    patch = Request("PATCH", f"accounts({ONE})", body={"name": "Nordwind"})
    for attempt in (
        dataverse.wire.send(patch, call=DRY),
        dataverse.wire.batch([Request("GET", "accounts"), patch], call=DRY),
        dataverse.wire.batch([ChangeSet((patch,))], call=DRY),
    ):
        with pytest.raises(AssertionError, match="writes nothing"):
            await attempt
    assert sent(wire) == []
