"""Many requests in one call to the Dataverse simulator: single ones, change sets, references between them, failures."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.sandbox.dataverse.app import dataverse_app
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
BIKES = "00000002-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
NEW = "00000009-0000-4000-8000-000000000000"
ROOT = "http://crm.example/api/data/v9.2/"
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TOO_LONG = {"name": "x" * 161}
CONTINUE = "odata.continue-on-error"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": QUAY, "name": "Quay & Söhne", "accountnumber": "C1", "statecode": 0},
            {"accountid": BIKES, "name": "Harbour Bikes", "accountnumber": "C2"},
        ],
    )
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos"}])


@dataclass(frozen=True)
class Part:
    """One answer as a mail reader sees it: headers around the response, and the response."""

    outer: Message
    status_line: str
    headers: Message
    body: str

    @property
    def status(self) -> int:
        return int(self.status_line.split(" ")[1])

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.document["error"]["code"]


def request(line: str, body: object = None, *, content_id: str | None = None, **headers: str) -> str:
    """One request as a part."""
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    outer += [f"Content-ID: {content_id}"] if content_id else []
    inner = [f"{line} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    inner += ["Content-Type: application/json; type=entry", "", json.dumps(body)] if body is not None else ["", ""]
    return "\r\n".join([*outer, "", *inner])


def change_set(*requests: str) -> str:
    return f"Content-Type: multipart/mixed; boundary=changeset_1\r\n\r\n{joined(requests, 'changeset_1')}"


def joined(parts: Sequence[str], boundary: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


async def post(client: httpx.AsyncClient, *parts: str, **headers: str) -> httpx.Response:
    sent = {"Content-Type": "multipart/mixed; boundary=batch_1", **headers}
    return await client.post("$batch", content=joined(parts, "batch_1").encode(), headers=sent)


async def send(client: httpx.AsyncClient, *parts: str, status: int = 200, **headers: str) -> list[Any]:
    """The answers: a Part for each request, a list of them for a change set."""
    response = await post(client, *parts, **headers)
    assert response.status_code == status, response.text
    return [_answer(part) for part in _parts(response.headers["Content-Type"], response.content)]


def _parts(content_type: str, content: bytes) -> list[Message]:
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    assert not message.defects
    parts = message.get_payload()
    assert isinstance(parts, list)
    return [part for part in parts if isinstance(part, Message)]


def _answer(part: Message) -> Part | list[Part | list[Any]]:
    if part.is_multipart():
        assert re.fullmatch(f"multipart/mixed; boundary=changesetresponse_{GUID}", part["Content-Type"])
        parts = part.get_payload()
        assert isinstance(parts, list)
        return [_answer(inner) for inner in parts if isinstance(inner, Message)]
    assert (part["Content-Type"], part["Content-Transfer-Encoding"]) == ("application/http", "binary")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    head, _, body = payload.partition(b"\r\n\r\n")
    line, _, headers = head.partition(b"\r\n")
    return Part(part, line.decode(), message_from_bytes(headers), body.decode())


def statuses(answers: Sequence[Any]) -> list[Any]:
    return [statuses(answer) if isinstance(answer, list) else answer.status for answer in answers]


def names(store: Store) -> set[object]:
    return {row["name"] for row in store.select("accounts")}


async def test_requests_are_answered_in_order_as_if_sent_alone(dataverse: httpx.AsyncClient) -> None:
    created, listed, counted = await send(
        dataverse,
        request("POST accounts", {"name": "New"}),
        request("GET accounts?$select=name&$orderby=name"),
        request("GET accounts/$count"),
    )
    assert (created.status_line, created.body) == ("HTTP/1.1 204 No Content", "")
    assert created.headers["OData-EntityId"] == created.headers["Location"]
    assert created.headers["Location"].startswith(f"{ROOT}accounts(")
    assert listed.headers["Content-Type"] == "application/json; odata.metadata=minimal"
    assert listed.headers["OData-Version"] == "4.0"
    assert [row["name"] for row in listed.document["value"]] == ["Harbour Bikes", "New", "Quay & Söhne"]
    assert (counted.headers["Content-Type"], counted.body) == ("text/plain", "3")


async def test_the_answer_is_multipart_with_a_boundary_of_its_own(dataverse: httpx.AsyncClient) -> None:
    response = await post(dataverse, request("GET WhoAmI"))
    kind, _, boundary = response.headers["Content-Type"].partition("; boundary=")
    assert kind == "multipart/mixed"
    assert re.fullmatch(f"batchresponse_{GUID}", boundary)
    assert response.text.startswith(f"--{boundary}\r\nContent-Type: application/http\r\n")
    assert response.text.endswith(f"\r\n--{boundary}--\r\n")
    assert "\n" not in response.text.replace("\r\n", "")


async def test_an_empty_batch_has_an_empty_answer(dataverse: httpx.AsyncClient) -> None:
    response = await post(dataverse)
    assert (response.status_code, response.text.count("--batchresponse_")) == (200, 1)


@pytest.mark.parametrize(
    "url",
    [
        "accounts?$select=name&$top=1",
        "/api/data/v9.2/accounts?$select=name&$top=1",
        f"{ROOT}accounts?$select=name&$top=1",
        "accounts?%24select=name&%24top=1&$filter=name%20eq%20'Quay%20%26%20S%C3%B6hne'",
        "accounts?$select=name&$top=1&$filter=name eq 'Quay %26 Söhne'",
        "accounts?$select=name&$top=1&$filter=contains(name,'+%26+')",
        f"accounts%28{QUAY}%29?$select=name",
        "accounts(accountnumber='C1')?$select=name",
    ],
)
async def test_addresses_are_relative_or_absolute_and_may_be_encoded(dataverse: httpx.AsyncClient, url: str) -> None:
    [answer] = await send(dataverse, request(f"GET {url}"))
    row = answer.document["value"][0] if "value" in answer.document else answer.document
    assert row["name"] in ("Quay & Söhne", "Harbour Bikes")
    assert "filter" not in url or row["name"] == "Quay & Söhne"


@pytest.mark.parametrize("prefix", ["http://crm.example/sandbox/dataverse", "/sandbox/dataverse", ""])
async def test_addresses_may_hold_the_place_the_app_is_mounted_at(dataverse_store: Store, prefix: str) -> None:
    app = dataverse_app(
        dataverse_store, verify=lambda _: {"idtyp": "app", "appid": "0000fa03-0000-4000-8000-000000000000"}
    )
    root = "http://crm.example/sandbox/dataverse/api/data/v9.2/"
    transport = httpx.ASGITransport(app=Starlette(routes=[Mount("/sandbox/dataverse", app)]))
    headers = {"Authorization": "Bearer x"}
    async with httpx.AsyncClient(transport=transport, base_url=root, headers=headers) as client:
        first = request(f"GET {prefix}/api/data/v9.2/accounts?$select=name", Prefer="odata.maxpagesize=1")
        [page] = await send(client, first)
        link = page.document["@odata.nextLink"]
        assert link.startswith(f"{root}accounts?$select=name&$skiptoken=")
        [following] = await send(client, request(f"GET {link}", Prefer="odata.maxpagesize=1"))
        assert len(page.document["value"] + following.document["value"]) == 2
        bind = {"parentaccountid@odata.bind": "$1"}
        creations = [request(f"POST {prefix}/api/data/v9.2/accounts", {"name": "A"}, content_id="1")]
        creations.append(request("POST accounts", bind))
        [[created, _]] = await send(client, change_set(*creations))
        assert created.headers["OData-EntityId"].startswith(f"{root}accounts(")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("acounts", (404, "0x80060888")),
        ("/accounts", (404, "0x80060888")),
        ("/api/data/v8.2/accounts", (404, "0x80060888")),
        ("https://other.example/api/data/v9.2/accounts", (400, "0x80060888")),
        ("http://[/api/data/v9.2/accounts", (400, "0x80060888")),
        (f"accounts({NEW})", (404, "0x80040217")),
        ("accounts?$skip=1", (400, "0x80060888")),
        pytest.param(f"accounts?$filter=name eq '{'x' * 65_536}'", (400, "0x80060888"), id="too long"),
    ],
)
async def test_an_address_that_leads_nowhere_fails_its_own_part(
    dataverse: httpx.AsyncClient, url: str, error: tuple[int, str]
) -> None:
    good, bad = await send(dataverse, request("GET WhoAmI"), request(f"GET {url}"), status=error[0])
    assert (good.status, bad.error) == (200, error)


async def test_an_address_in_a_batch_may_be_long(dataverse: httpx.AsyncClient) -> None:
    keys = ",".join(f"'C{number:05}'" for number in range(5000))
    inquiry = f"Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['C1',{keys}])"
    [answer] = await send(dataverse, request(f"GET accounts?$select=name&$filter={inquiry}"))
    assert len(answer.document["value"]) == 1


async def test_the_first_failure_ends_a_batch_and_gives_it_its_status(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    first, second = await send(
        dataverse,
        request("POST accounts", {"name": "Kept"}, content_id="a"),
        request("POST accounts", TOO_LONG, content_id="b"),
        request("POST accounts", {"name": "Never"}, content_id="c"),
        status=400,
    )
    assert (first.status, second.status_line) == (204, "HTTP/1.1 400 Bad Request")
    assert second.error == (400, "0x80044331")
    assert [part.outer["Content-ID"] for part in (first, second)] == ["a", "b"]
    assert names(dataverse_store) == {"Quay & Söhne", "Harbour Bikes", "Kept"}


@pytest.mark.parametrize(
    ("failing", "status"),
    [
        (request(f"GET accounts({NEW})"), 404),
        (request("PUT accounts", {}), 405),
        (request(f"PATCH accounts({QUAY})", {"name": "x"}, If_Match='W/"1"'), 412),
    ],
)
async def test_the_status_of_a_failed_batch_is_that_of_the_failure(
    dataverse: httpx.AsyncClient, failing: str, status: int
) -> None:
    assert statuses(await send(dataverse, failing, status=status)) == [status]


async def test_a_batch_may_continue_on_error(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    answers = await send(
        dataverse,
        request("POST accounts", TOO_LONG),
        change_set(request("POST accounts", {"name": "Undone"}), request("DELETE acounts")),
        request(f"GET accounts({NEW})"),
        request("POST accounts", {"name": "Done"}),
        Prefer=CONTINUE,
    )
    assert statuses(answers) == [400, 404, 404, 204]
    assert names(dataverse_store) == {"Quay & Söhne", "Harbour Bikes", "Done"}


async def test_a_batch_told_not_to_continue_stops(dataverse: httpx.AsyncClient) -> None:
    parts = [request("GET acounts"), request("GET accounts")]
    assert statuses(await send(dataverse, *parts, status=404, Prefer="odata.continue-on-error=false")) == [404]


async def test_a_failing_part_names_its_request_id(dataverse: httpx.AsyncClient) -> None:
    good, one, other = await send(
        dataverse, *(request(f"GET {name}") for name in ("WhoAmI", "acounts", "acounts")), Prefer=CONTINUE
    )
    assert good.headers["REQ_ID"] is None
    assert re.fullmatch(GUID, one.headers["REQ_ID"])
    assert one.headers["REQ_ID"] != other.headers["REQ_ID"]


async def test_preferences_are_those_of_the_part(dataverse: httpx.AsyncClient) -> None:
    wish = 'odata.include-annotations="*",odata.maxpagesize=1'
    mine, plain = await send(
        dataverse,
        request("GET accounts?$select=statecode&$orderby=accountnumber", Prefer=wish),
        request("GET accounts?$select=statecode&$orderby=accountnumber"),
        Prefer=f"{wish},return=representation",
    )
    assert mine.headers["Preference-Applied"] == wish
    assert mine.document["value"][0]["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert (len(mine.document["value"]), "@odata.nextLink" in mine.document) == (1, True)
    assert plain.headers["Preference-Applied"] is None
    assert (len(plain.document["value"]), "FormattedValue" in plain.body) == (2, False)


async def test_a_part_may_ask_for_the_row_it_writes(dataverse: httpx.AsyncClient) -> None:
    [[returned, silent]] = await send(
        dataverse,
        change_set(
            request("POST accounts?$select=name", {"name": "Größe"}, content_id="1", Prefer="return=representation"),
            request("PATCH $1", {"telephone1": "010"}, content_id="2"),
        ),
    )
    assert (returned.status_line, returned.document["name"]) == ("HTTP/1.1 201 Created", "Größe")
    assert returned.headers["Preference-Applied"] == "return=representation"
    assert silent.headers["OData-EntityId"] == f"{ROOT}accounts({returned.document['accountid']})"


async def test_conditions_hold_in_a_batch(dataverse: httpx.AsyncClient) -> None:
    tag = (await dataverse.get(f"accounts({QUAY})?$select=name")).headers["ETag"]
    answers = await send(
        dataverse,
        request(f"GET accounts({QUAY})?$select=name", If_None_Match=tag),
        request(f"PATCH accounts({QUAY})", {"name": "x"}, If_Match=tag),
        request(f"PATCH accounts({QUAY})", {"name": "y"}, If_Match=tag),
        status=412,
    )
    assert statuses(answers) == [304, 204, 412]


async def test_a_change_set_answers_as_one_part_that_echoes_content_ids(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    requests = [
        request("POST accounts", {"name": "New"}, content_id="one"),
        request(f"PATCH contacts({IRIS})", {"jobtitle": "x"}, content_id="two"),
        request(f"DELETE contacts({IRIS})"),
    ]
    created, before, after = await send(
        dataverse, change_set(*requests), request("GET accounts/$count"), request("GET contacts/$count")
    )
    assert [part.outer["Content-ID"] for part in created] == ["one", "two", None]
    assert statuses(created) == [204, 204, 204]
    assert (before.body, after.body) == ("3", "0")
    assert "New" in names(dataverse_store)


async def test_a_change_set_takes_effect_whole_or_not_at_all(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    answers = await send(
        dataverse,
        request("POST accounts", {"name": "Before"}),
        change_set(
            request("POST accounts", {"name": "Undone"}, content_id="1"),
            request(f"DELETE contacts({IRIS})", content_id="2"),
            request("POST accounts", TOO_LONG, content_id="3"),
            request("POST accounts", {"name": "Never"}, content_id="4"),
        ),
        status=400,
    )
    assert statuses(answers) == [204, 400]
    assert answers[1].error == (400, "0x80044331")
    assert answers[1].outer["Content-ID"] == "3"
    assert answers[1].headers["REQ_ID"]
    assert names(dataverse_store) == {"Quay & Söhne", "Harbour Bikes", "Before"}
    assert dataverse_store.count("contacts") == 1


async def test_each_change_set_is_a_transaction_of_its_own(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    first = change_set(request("POST accounts", {"name": "First"}))
    second = change_set(request("POST accounts", {"name": "Second"}), request("POST accounts", TOO_LONG))
    assert statuses(await send(dataverse, first, second, first, status=400)) == [[204], 400]
    assert names(dataverse_store) == {"Quay & Söhne", "Harbour Bikes", "First"}


def _creations(*more: str) -> str:
    """A new account as $1, a new contact as $2, and more."""
    return change_set(
        request("POST accounts", {"accountid": NEW, "name": "New"}, content_id="1"),
        request("POST contacts", {"lastname": "Baas", "parentcustomerid_account@odata.bind": "$1"}, content_id="2"),
        *more,
    )


@pytest.mark.parametrize(
    "last",
    [
        request("PATCH $1", {"primarycontactid@odata.bind": "$2"}),
        request("PATCH /api/data/v9.2/$1", {"primarycontactid@odata.bind": "$2"}),
        request("PUT $1/primarycontactid/$ref", {"@odata.id": "$2"}),
        request("PUT $1/name", {"value": "Other"}),
        request("POST $1/contact_customer_accounts/$ref", {"@odata.id": "$2"}),
        request("POST accounts", {"name": "A", "contact_customer_accounts@odata.bind": ["$2"]}),
        request(
            "POST accounts", {"name": "A", "opportunity_customer_accounts": [{"parentcontactid@odata.bind": "$2"}]}
        ),
    ],
)
async def test_later_requests_refer_to_rows_of_earlier_ones(
    dataverse: httpx.AsyncClient, dataverse_store: Store, last: str
) -> None:
    [[account, contact, changed]] = await send(dataverse, _creations(last))
    assert (account.status, contact.status, changed.status) == (204, 204, 204)
    key = contact.headers["OData-EntityId"][-37:-1]
    [row] = [row for row in dataverse_store.select("contacts") if row["contactid"] == key]
    new = dataverse_store.get("accounts", NEW)
    assert new is not None
    if "primarycontactid" in last:
        assert new["_primarycontactid_value"] == key
    if "Other" in last:
        assert new["name"] == "Other"
    if "contact_customer_accounts@odata.bind" not in last:
        assert row["_parentcustomerid_value"] == NEW
    if "opportunity" in last:
        assert [deal["_parentcontactid_value"] for deal in dataverse_store.select("opportunities")] == [key]


UNKNOWN = "Content-ID Reference: '$1' does not exist in the batch context."
BOUND: Mapping[str, object] = {"lastname": "Baas", "parentcustomerid_account@odata.bind": "$1"}


@pytest.mark.parametrize(
    "parts",
    [
        [change_set(request("POST contacts", BOUND), request("POST accounts", {"name": "A"}, content_id="1"))],
        [change_set(request("POST contacts", BOUND, content_id="1"))],
        [change_set(request("DELETE $1"))],
        [change_set(request(f"DELETE contacts({IRIS})", content_id="1"), request("PATCH $1", {"lastname": "x"}))],
        [change_set(request("POST accounts", {"name": "A"}, content_id="1")), change_set(request("DELETE $1"))],
        [request("POST accounts", {"name": "A"}, content_id="1"), request("GET $1")],
    ],
    ids=["declared later", "itself", "never declared", "no row written", "another change set", "no change set"],
)
async def test_a_reference_needs_an_earlier_request_of_its_change_set(
    dataverse: httpx.AsyncClient, parts: Sequence[str]
) -> None:
    answers = await send(dataverse, *parts, status=400)
    assert answers[-1].error[0] == 400
    assert answers[-1].document["error"]["message"] == UNKNOWN


async def test_a_reference_outside_a_batch_is_refused(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.post("contacts", json=BOUND)
    assert (response.status_code, response.json()["error"]["message"]) == (400, UNKNOWN)
