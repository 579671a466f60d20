"""Line 7: multipart batches with change sets; the first failure ends a batch and gives it its status; a failing part names
its request id."""

import json
import re
from email import message_from_bytes
from email.message import Message

import httpx
import pytest

pytestmark = pytest.mark.anyio

GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CONTINUE = {"Prefer": "odata.continue-on-error"}
TOO_LONG = {"name": "x" * 161}
NEW = "00000009-0000-4000-8000-000000000000"


def request(line: str, body: object = None, *, content_id: str | None = None) -> str:
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    outer += [f"Content-ID: {content_id}"] if content_id else []
    inner = [f"{line} HTTP/1.1", "Accept: application/json"]
    inner += ["Content-Type: application/json; type=entry", "", json.dumps(body)] if body is not None else ["", ""]
    return "\r\n".join([*outer, "", *inner])


def change_set(*requests: str) -> str:
    return f"Content-Type: multipart/mixed; boundary=changeset_1\r\n\r\n{joined(requests, 'changeset_1')}"


def joined(parts: tuple[str, ...], boundary: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


async def post(client: httpx.AsyncClient, *parts: str, headers: dict[str, str] | None = None) -> httpx.Response:
    sent = {"Content-Type": "multipart/mixed; boundary=batch_1", **(headers or {})}
    return await client.post("$batch", content=joined(parts, "batch_1").encode(), headers=sent)


def parts_of(response: httpx.Response) -> list[Message]:
    message = message_from_bytes(
        f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode() + response.content
    )
    return [part for part in message.walk() if not part.is_multipart()]


def inner(part: Message) -> tuple[int, str, str]:
    """Status, headers and body of the answer within a part."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    head, _, body = payload.decode().partition("\r\n\r\n")
    return int(head.split(" ")[1]), head, body


def statuses(response: httpx.Response) -> list[int]:
    return [inner(part)[0] for part in parts_of(response)]


async def exists(client: httpx.AsyncClient, name: str) -> bool:
    return bool((await client.get(f"accounts?$select=name&$filter=name eq '{name}'")).json()["value"])


async def test_a_batch_is_answered_part_by_part(dataverse: httpx.AsyncClient) -> None:
    contact = {"lastname": "Vos", "parentcustomerid_account@odata.bind": "$1"}
    response = await post(
        dataverse,
        request("GET /api/data/v9.2/accounts?$select=name&$top=1"),
        change_set(
            request("POST /api/data/v9.2/accounts", {"name": "Quay Cycles"}, content_id="1"),
            request("POST /api/data/v9.2/contacts", contact, content_id="2"),
        ),
    )
    assert response.status_code == 200
    assert re.fullmatch(f"multipart/mixed; boundary=batchresponse_{GUID}", response.headers["Content-Type"])
    assert re.search(f"Content-Type: multipart/mixed; boundary=changesetresponse_{GUID}\r\n", response.text)
    parts = parts_of(response)
    assert statuses(response) == [200, 204, 204]
    assert all(part["Content-Type"] == "application/http" for part in parts)
    assert [part["Content-ID"] for part in parts] == [None, "1", "2"]
    addresses = re.findall(r"OData-EntityId: (\S+)", response.text)
    owner = (await dataverse.get(f"{addresses[1]}?$select=_parentcustomerid_value")).json()
    assert owner["_parentcustomerid_value"] == addresses[0][-37:-1]


async def test_lines_of_the_answer_end_with_crlf(dataverse: httpx.AsyncClient) -> None:
    response = await post(dataverse, request("GET accounts?$top=1"))
    assert "\n" not in response.text.replace("\r\n", "")


async def test_a_change_set_is_one_transaction(dataverse: httpx.AsyncClient) -> None:
    bad = change_set(
        request("POST accounts", {"name": "Undone"}, content_id="1"),
        request("POST accounts", TOO_LONG, content_id="2"),
    )
    response = await post(dataverse, bad, headers=CONTINUE)
    assert (response.status_code, statuses(response)) == (200, [400])
    assert not await exists(dataverse, "Undone")


async def test_the_first_failure_ends_the_batch_with_its_status(dataverse: httpx.AsyncClient) -> None:
    response = await post(
        dataverse,
        request("POST accounts", {"name": "Before"}),
        request(f"GET accounts({NEW})"),
        request("POST accounts", {"name": "After"}),
    )
    assert (response.status_code, statuses(response)) == (404, [204, 404])
    assert await exists(dataverse, "Before")
    assert not await exists(dataverse, "After")


@pytest.mark.parametrize(
    ("line", "body", "status"),
    [("POST accounts", TOO_LONG, 400), (f"GET accounts({NEW})", None, 404), ("POST accounts(x)", {}, 400)],
)
async def test_the_status_of_the_batch_is_that_of_the_failure(
    dataverse: httpx.AsyncClient, line: str, body: object, status: int
) -> None:
    response = await post(dataverse, request(line, body))
    assert (response.status_code, statuses(response)) == (status, [status])


async def test_with_continue_on_error_every_part_is_answered(dataverse: httpx.AsyncClient) -> None:
    response = await post(
        dataverse, request(f"GET accounts({NEW})"), request("POST accounts", {"name": "After"}), headers=CONTINUE
    )
    assert (response.status_code, statuses(response)) == (200, [404, 204])
    assert await exists(dataverse, "After")


async def test_a_failing_part_names_its_request_id(dataverse: httpx.AsyncClient) -> None:
    response = await post(dataverse, request("GET accounts?$top=1"), request(f"GET accounts({NEW})"), headers=CONTINUE)
    good, bad = [inner(part) for part in parts_of(response)]
    assert re.search(f"\r\nREQ_ID: {GUID}", bad[1])
    assert "REQ_ID" not in good[1]
    assert json.loads(bad[2])["error"]["code"] == "0x80040217"


async def test_a_reference_needs_an_earlier_request(dataverse: httpx.AsyncClient) -> None:
    contact = {"lastname": "Vos", "parentcustomerid_account@odata.bind": "$1"}
    response = await post(dataverse, change_set(request("POST contacts", contact, content_id="2")))
    message = json.loads(inner(parts_of(response)[0])[2])["error"]["message"]
    assert (response.status_code, message) == (
        400,
        "Content-ID Reference: '$1' does not exist in the batch context.",
    )


async def test_a_change_set_holds_writes_only(dataverse: httpx.AsyncClient) -> None:
    response = await post(
        dataverse, change_set(request("POST accounts", {"name": "Undone"}, content_id="1"), request("GET accounts"))
    )
    assert response.status_code == 400
    assert not await exists(dataverse, "Undone")


async def test_a_batch_holds_no_batch_and_a_thousand_requests_at_most(dataverse: httpx.AsyncClient) -> None:
    assert (await post(dataverse, request("POST $batch", {}))).status_code == 400
    full = [request("GET WhoAmI")] * 1000
    assert statuses(await post(dataverse, *full)) == [200] * 1000
    assert (await post(dataverse, *full, full[0])).status_code == 400


async def test_an_address_may_be_longer_in_a_batch_than_alone(dataverse: httpx.AsyncClient) -> None:
    condition = " or ".join(f"accountnumber eq 'N{number:06}'" for number in range(1300))
    address = f"accounts?$select=name&$filter={condition.replace(' ', '%20')}"
    assert 32_768 < len(address) < 65_536
    assert (await dataverse.get(address)).status_code == 414
    assert statuses(await post(dataverse, request(f"GET {address}"))) == [200]
    assert (await post(dataverse, request(f"GET {address}{'%20' * 10_000}"))).status_code == 400


async def test_conditions_and_representations_work_in_a_batch(dataverse: httpx.AsyncClient) -> None:
    line = f"PATCH accounts({NEW}) HTTP/1.1\r\nIf-Match: *"
    part = request("PATCH", {"name": "A"}).replace("PATCH HTTP/1.1", line)
    response = await post(dataverse, part)
    assert (response.status_code, statuses(response)) == (404, [404])
    line = "POST accounts?$select=name HTTP/1.1\r\nPrefer: return=representation"
    part = request("POST", {"name": "A"}).replace("POST HTTP/1.1", line)
    response = await post(dataverse, part)
    status, _, body = inner(parts_of(response)[0])
    assert (status, json.loads(body)["name"]) == (201, "A")
