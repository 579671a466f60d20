"""Bodies of Dataverse batches: what is understood, and what is refused as a whole before anything is carried out."""

from typing import Any

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

MIXED = "multipart/mixed; boundary=b"
PART = "Content-Type: application/http\nContent-Transfer-Encoding: binary\n"
LOOSE_PART = "content-transfer-encoding:BINARY\ncontent-type:Application/HTTP; msgtype=request\n"
READ = f"--b\n{PART}\nGET WhoAmI HTTP/1.1\n\n"
CREATE = f'--b\n{PART}\nPOST accounts HTTP/1.1\nContent-Type: application/json\n\n{{"name":"New"}}\n'
SET = "--b\nContent-Type: multipart/mixed; boundary=c\n\n"


def in_set(line: str, *, content_id: str = "1") -> str:
    return f"--c\n{PART}Content-ID: {content_id}\n\n{line} HTTP/1.1\n\n{{}}\n"


async def post(client: httpx.AsyncClient, body: str | bytes, content_type: str = MIXED) -> httpx.Response:
    return await client.post("$batch", content=body, headers={"Content-Type": content_type})


async def refusal(client: httpx.AsyncClient, body: str | bytes, content_type: str = MIXED) -> str:
    """The message of a batch that is refused as a whole."""
    response = await post(client, body, content_type)
    assert response.status_code == 400, response.text
    assert response.headers["Content-Type"] == "application/json; odata.metadata=minimal"
    error: dict[str, Any] = response.json()["error"]
    assert error["code"] == "0x80048d19"
    return str(error["message"])


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
async def test_lines_end_with_crlf_or_lf(dataverse: httpx.AsyncClient, dataverse_store: Store, line_end: str) -> None:
    inner = f'--c\n{PART}\nPOST accounts HTTP/1.1\n\n{{"name":"Inner"}}\n--c--\n'
    body = f"{CREATE}{SET}{inner}{READ}--b--\n".replace("\n", line_end)
    response = await post(dataverse, body)
    assert (response.status_code, response.text.count("HTTP/1.1 204 No Content\r\n")) == (200, 2)
    assert {row["name"] for row in dataverse_store.select("accounts")} == {"New", "Inner"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f"{READ}--b--", MIXED),
        (f"\n\n{READ}--b--\n\n", MIXED),
        (f"a preamble\n{READ}--b--\nan epilogue\n--b\nno part", MIXED),
        (f"{READ}--b-- \t\n", MIXED),
        (f"{READ}--b--", 'Multipart/Mixed;charset=utf-8; Boundary="b"'),
        (READ.replace("GET", "\n\nGET") + "--b--", MIXED),
        (READ.removesuffix("\n\n") + "\n--b--", MIXED),
        (READ.replace(PART, LOOSE_PART) + "--b--", MIXED),
        (READ.replace(PART, f"{PART}Content-Length: 9999\n") + "--b--", MIXED),
        (f"--b\n{PART}\nGET accounts?$filter=name eq '--b--' HTTP/1.1\n\n--b--", MIXED),
        (READ.replace("--b", "--b (1)+?") + "--b (1)+?--", 'multipart/mixed; boundary="b (1)+?"'),
    ],
)
async def test_harmless_liberties_are_forgiven(dataverse: httpx.AsyncClient, body: str, content_type: str) -> None:
    response = await post(dataverse, body, content_type)
    assert (response.status_code, response.text.count("HTTP/1.1 200 OK\r\n")) == (200, 1)


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (f"{READ}--b--", "application/json", "must be 'multipart/mixed', not 'application/json'"),
        (f"{READ}--b--", "", "must be 'multipart/mixed', not ''"),
        (f"{READ}--b--", "multipart/mixed", "must name its boundary"),
        (f"{READ}--b--", "multipart/mixed; boundary=", "must name its boundary"),
        ("", MIXED, "The delimiter of the boundary 'b' is missing"),
        (f"{READ}--b--", "multipart/mixed; boundary=other", "The delimiter of the boundary 'other' is missing"),
        (READ, MIXED, "The closing delimiter of the boundary 'b' is missing"),
        ("--b\n--b--", MIXED, "The content type of a part must be"),
        ("--b\n\nGET WhoAmI HTTP/1.1\n\n--b--", MIXED, "The content type of a part must be"),
        (READ.replace("application/http", "application/json") + "--b--", MIXED, "not 'application/json'"),
        (READ.replace("binary", "8bit") + "--b--", MIXED, "must be 'binary'"),
        (READ.replace("binary", "binary\nnonsense") + "--b--", MIXED, "'nonsense' is not a header"),
        (READ.replace("binary", "binary\nContent-ID: a b") + "--b--", MIXED, "'a b' is not a Content-ID"),
        (READ.replace("binary", "binary\nContent-ID:") + "--b--", MIXED, "'' is not a Content-ID"),
        (READ.replace("1.1\n", "1.1\nAccept application/json\n") + "--b--", MIXED, "is not a header"),
        (READ.replace("1.1\n", "1.1\nPrefer: a\rREQ_ID: b\n") + "--b--", MIXED, "control character"),
        (f"--b\n{PART}\n\n--b--", MIXED, "is not a request line"),
        (f"--b\n{PART}--b--", MIXED, "is not a request line"),
        (READ.replace("GET WhoAmI ", "") + "--b--", MIXED, "is not a request line"),
        (READ.replace("WhoAmI ", "") + "--b--", MIXED, "is not a request line"),
        (READ.replace(" HTTP/1.1", "") + "--b--", MIXED, "is not a request line"),
        (READ.replace("HTTP/1.1", "HTTP/2") + "--b--", MIXED, "The HTTP version 'HTTP/2'"),
        ((READ + "--b--").encode().replace(b"WhoAmI", b"\xff\xfe"), MIXED, "not encoded in UTF-8"),
        ((READ + "--b--").encode("utf-16"), MIXED, "is missing"),
        (f"{SET}--b--", MIXED, "The delimiter of the boundary 'c' is missing"),
        (f"{SET}{in_set('POST accounts')}--b--", MIXED, "The closing delimiter of the boundary 'c' is missing"),
        (f"{SET}{SET.replace('--b', '--c')}--c--\n--b--", MIXED, "cannot hold another change set"),
        (f"{SET}{in_set('POST accounts') * 2}--c--\n--b--", MIXED, "The Content-ID '1' is used twice"),
        (f"{SET}{in_set('GET accounts')}--c--\n--b--", MIXED, "An invalid HTTP method 'GET' was detected"),
        (f"{SET}{in_set('post accounts')}--c--\n--b--", MIXED, "An invalid HTTP method 'post' was detected"),
        (f"{SET}{in_set('POST $batch')}--c--\n--b--", MIXED, "A batch cannot hold another batch"),
        (f"--b\n{PART}\nPOST /api/data/v9.2/$batch HTTP/1.1\n\n--b--", MIXED, "A batch cannot hold another batch"),
        (f"--b\n{PART}\nGET %24batch?x=1 HTTP/1.1\n\n--b--", MIXED, "A batch cannot hold another batch"),
    ],
)
async def test_a_malformed_batch_is_refused_and_says_why(
    dataverse: httpx.AsyncClient, body: str | bytes, content_type: str, words: str
) -> None:
    assert words in await refusal(dataverse, body, content_type)


@pytest.mark.parametrize("bad", [READ.replace("1.1", "2"), f"{SET}{in_set('GET accounts')}--c--\n"])
async def test_nothing_of_a_malformed_batch_is_carried_out(
    dataverse: httpx.AsyncClient, dataverse_store: Store, bad: str
) -> None:
    await refusal(dataverse, f"{CREATE}{bad}--b--")
    assert dataverse_store.count("accounts") == 0


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"\ud800"', pytest.param("[" * 100_000, id="deep")])
async def test_a_malformed_body_of_a_request_fails_its_own_part(dataverse: httpx.AsyncClient, content: str) -> None:
    body = f"{READ}{CREATE}--b--".replace('{"name":"New"}', content)
    response = await post(dataverse, body.encode("utf-8", "surrogatepass"))
    assert response.status_code == 400
    assert response.text.count("HTTP/1.1 200 OK") == response.text.count("HTTP/1.1 400 Bad Request") == 1
    assert '{"error":{"code":"0x80048d19"' in response.text


async def test_a_method_that_does_not_exist_fails_its_own_part(dataverse: httpx.AsyncClient) -> None:
    response = await post(dataverse, f"{READ.replace('GET', 'BREW')}--b--")
    assert (response.status_code, "HTTP/1.1 405 Method Not Allowed" in response.text) == (405, True)


async def test_a_thousand_requests_are_the_limit(dataverse: httpx.AsyncClient) -> None:
    response = await post(dataverse, f"{READ * 1000}--b--")
    assert (response.status_code, response.text.count("HTTP/1.1 200 OK")) == (200, 1000)
    assert "1001 requests. At most 1000" in await refusal(dataverse, f"{READ * 1001}--b--")


async def test_requests_in_change_sets_count_towards_the_limit(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    requests = "".join(in_set("POST accounts", content_id=str(number)) for number in range(500))
    items = f"{SET}{requests}--c--\n" * 2
    assert "1001 requests" in await refusal(dataverse, f"{items}{READ}--b--")
    assert dataverse_store.count("accounts") == 0


async def test_a_batch_is_posted(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get("$batch")).status_code == 405


async def test_a_batch_needs_a_token_and_a_user(dataverse: httpx.AsyncClient) -> None:
    for token, status in (("unknown", 401), ("stranger", 403)):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": MIXED}
        response = await dataverse.post("$batch", content=f"{READ}--b--", headers=headers)
        assert response.status_code == status
