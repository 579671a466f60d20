"""The wire: exact URLs and headers, links, repeats, deadlines, broken answers and batches, without a network."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from gateway.auth.tokens import BearerAuth
from gateway.clients.budget import ToldBudget
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.clients.client import ODataClient
from gateway.clients.dataverse import DataverseClient, WhoAmI
from gateway.clients.gate import GateTransport
from gateway.clients.retry import RetryPolicy
from gateway.clients.transports import ExchangeTransport, RetryTransport
from gateway.clients.wire import Patience
from gateway.errors import (
    BackendError,
    DeadlineError,
    FailedError,
    NotFoundError,
    ProtocolError,
    RefusedError,
    RejectedError,
    ThrottledError,
    TokenError,
    TooSlowError,
    UnreachableError,
)
from gateway.odata.query import AnyOf, Compare, Query
from gateway.odata.response import Page
from gateway.records import Backend, Record

pytestmark = pytest.mark.anyio

PLENTY = ToldBudget(requests=6_000, seconds=1_200)

BASE = "https://bc.example/v2.0/contoso/Production/api/v2.0"
ORGANIZATION = "https://contoso.crm4.example"
COMPANY = UUID("1b2c0000-0000-4000-8000-000000000001")
CUSTOMERS = f"companies({COMPANY})/customers"
AT_ONCE = RetryPolicy(attempts=3, first_wait_seconds=0, longest_wait_seconds=0)
EMPTY: dict[str, Any] = {"value": []}


class Tokens:
    """Gives token-1, and another one for each that was refused."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.error: TokenError | None = None

    async def token(self, *, instead_of: str | None = None) -> str:
        if self.error is not None:
            raise self.error
        if instead_of is not None:
            self.refused.append(instead_of)
        return f"token-{len(self.refused) + 1}"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def wire() -> respx.MockRouter:
    """Both backends; a request nobody mocked fails the test."""
    return respx.MockRouter(assert_all_called=False)


@pytest.fixture
async def bc(wire: respx.MockRouter, tokens: Tokens) -> AsyncIterator[BusinessCentralClient]:
    network = httpx.MockTransport(wire.async_handler)
    client = BusinessCentralClient(base_url=BASE, auth=BearerAuth(tokens), network=network, patience=Patience(AT_ONCE))
    yield client
    await client.close()


@pytest.fixture
async def dataverse(wire: respx.MockRouter, tokens: Tokens) -> AsyncIterator[DataverseClient]:
    network = httpx.MockTransport(wire.async_handler)
    client = DataverseClient(
        organization_url=ORGANIZATION + "/", auth=BearerAuth(tokens), network=network, patience=Patience(AT_ONCE)
    )
    yield client
    await client.close()


@pytest.fixture
def call() -> Call:
    return Call(Deadline.after(3_600), "correlation-1")


def sent(wire: respx.MockRouter) -> list[httpx.Request]:
    return [each.request for each in wire.calls]


def urls(wire: respx.MockRouter) -> list[str]:
    return [str(request.url) for request in sent(wire)]


# -- URLs and headers -------------------------------------------------------------------------------------------------


async def test_business_central_gets_the_url_and_headers_it_documents(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.get(host="bc.example").respond(json=EMPTY)
    query = Query(select=("id", "number"), filter=Compare("displayName", "eq", "O'Neill & Söhne + 1"), top=3)

    await bc.page(bc.path("customers", company=COMPANY), query, call=call)

    (request,) = sent(wire)
    assert request.method == "GET"
    assert request.url.raw_path.decode() == (
        f"/v2.0/contoso/Production/api/v2.0/companies({COMPANY})/customers"
        "?$select=id,number&$filter=displayName%20eq%20'O''Neill%20%26%20S%C3%B6hne%20%2B%201'&$top=3"
    )
    assert request.headers["host"] == "bc.example"
    assert request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer token-1"
    assert "prefer" not in request.headers
    assert request.content == b""


async def test_only_companies_stand_at_the_root(bc: BusinessCentralClient) -> None:
    assert bc.path("companies", company=None) == "companies"
    assert bc.path("items", company=COMPANY) == f"companies({COMPANY})/items"


async def test_dataverse_gets_the_url_and_headers_it_documents(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.get(host="contoso.crm4.example").respond(json=EMPTY)

    await dataverse.page("accounts", Query(select=("name",), filter=AnyOf("accountnumber", ("1", "2"))), call=call)

    (request,) = sent(wire)
    assert request.url.raw_path.decode() == (
        "/api/data/v9.2/accounts?$select=name&$filter="
        "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=%5B'1','2'%5D)"
    )
    expected = {
        "accept": "application/json",
        "odata-maxversion": "4.0",
        "odata-version": "4.0",
        "if-none-match": "null",
        "authorization": "Bearer token-1",
    }
    assert {name: request.headers[name] for name in expected} == expected


async def test_the_correlation_id_travels_to_both_backends(
    wire: respx.MockRouter, bc: BusinessCentralClient, dataverse: DataverseClient, call: Call
) -> None:
    wire.get().respond(json=EMPTY)

    for client in (bc, dataverse):
        await client.page("anything", Query(), call=call)

    for request in sent(wire):
        assert request.headers["client-request-id"] == "correlation-1"
        assert request.headers["x-ms-correlation-request-id"] == "correlation-1"


async def test_without_a_correlation_id_no_such_header_is_sent(
    wire: respx.MockRouter, bc: BusinessCentralClient
) -> None:
    wire.get().respond(json=EMPTY)

    await bc.page("companies", Query(), call=Call(Deadline.after(3_600)))

    assert "client-request-id" not in sent(wire)[0].headers
    assert urls(wire) == [f"{BASE}/companies"]


async def test_who_am_i_is_our_user_and_organization(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    user, organization = UUID(int=7), UUID(int=8)
    wire.get(f"{ORGANIZATION}/api/data/v9.2/WhoAmI").respond(
        json={"@odata.context": "…", "UserId": str(user).upper(), "OrganizationId": str(organization)}
    )

    assert await dataverse.who_am_i(call=call) == WhoAmI(user, organization)


@pytest.mark.parametrize("answer", [{}, {"UserId": "me", "OrganizationId": "us"}], ids=["nothing", "no guids"])
async def test_who_am_i_without_ids_is_a_protocol_error(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call, answer: dict[str, str]
) -> None:
    wire.get().respond(json=answer)

    with pytest.raises(ProtocolError, match="without ids"):
        await dataverse.who_am_i(call=call)


async def test_every_exchange_is_written_down(wire: respx.MockRouter, bc: BusinessCentralClient, call: Call) -> None:
    wire.get().mock(side_effect=[httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200, json=EMPTY)])

    await bc.page("companies", Query(top=1), call=call)

    assert [(each.method, each.url, each.status) for each in call.exchanges] == [
        ("GET", f"{BASE}/companies?$top=1", None),
        ("GET", f"{BASE}/companies?$top=1", 503),
        ("GET", f"{BASE}/companies?$top=1", 200),
    ]
    assert {each.backend for each in call.exchanges} == {Backend.BUSINESS_CENTRAL}


# -- next links -------------------------------------------------------------------------------------------------------


async def test_next_links_are_followed_untouched_with_the_same_preference(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    links = [f"{BASE}/customers?aid=FIN&$skiptoken=%5B2%5D'x'%2C1", f"{BASE}/customers?$skiptoken=a%20b+c"]
    wire.get().mock(
        side_effect=[
            httpx.Response(200, json={"value": [{"number": "1"}], "@odata.nextLink": links[0]}),
            httpx.Response(200, json={"value": [{"number": "2"}], "@odata.nextLink": links[1]}),
            httpx.Response(200, json={"value": [{"number": "3"}]}),
        ]
    )

    pages = [page async for page in bc.pages("customers", Query(select=("number",)), call=call, page_size=1)]

    assert [record.values["number"] for page in pages for record in page.records] == ["1", "2", "3"]
    assert [request.url.raw_path.decode() for request in sent(wire)] == [
        "/v2.0/contoso/Production/api/v2.0/customers?$select=number",
        *(link.removeprefix("https://bc.example") for link in links),
    ]
    assert [request.headers["prefer"] for request in sent(wire)] == ["odata.maxpagesize=1"] * 3
    assert {request.headers["authorization"] for request in sent(wire)} == {"Bearer token-1"}


async def test_everything_is_the_records_of_all_pages(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    link = f"{ORGANIZATION}/api/data/v9.2/accounts?$skiptoken=2"
    wire.get(url=link).respond(json={"value": [{"name": "B"}]})
    wire.get().respond(json={"value": [{"@odata.etag": 'W/"5"', "name": "A"}], "@odata.nextLink": link})

    records = await dataverse.everything("accounts", Query(), call=call)

    assert records == [Record({"name": "A"}, 'W/"5"'), Record({"name": "B"})]


FOREIGN = {
    "another host": "https://evil.example/v2.0/contoso/Production/api/v2.0/customers?$skiptoken=2",
    "another scheme": "http://bc.example/v2.0/contoso/Production/api/v2.0/customers?$skiptoken=2",
    "another port": "https://bc.example:8443/v2.0/customers?$skiptoken=2",
    "a host that begins alike": "https://bc.example.evil.example/customers",
    "our host as a user name": "https://bc.example@evil.example/customers",
    "no scheme": "//evil.example/customers",
    "a file": "file:///etc/passwd",
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_a_next_link_to_anywhere_else_is_refused_and_not_requested(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, case: str
) -> None:
    wire.get(url=f"{BASE}/customers").respond(json={"value": [], "@odata.nextLink": FOREIGN[case]})
    elsewhere = wire.route().respond(json=EMPTY)

    with pytest.raises(ProtocolError, match="another host"):
        await bc.everything("customers", Query(), call=call)

    assert not elsewhere.called
    assert urls(wire) == [f"{BASE}/customers"]


async def test_a_redirect_is_not_followed(wire: respx.MockRouter, bc: BusinessCentralClient, call: Call) -> None:
    wire.get(host="bc.example").respond(302, headers={"Location": "https://evil.example/"})

    with pytest.raises(RejectedError) as caught:
        await bc.page("customers", Query(), call=call)

    assert caught.value.status == 302
    assert len(sent(wire)) == 1


# -- tokens -----------------------------------------------------------------------------------------------------------


async def test_a_401_is_answered_once_with_a_new_token(
    wire: respx.MockRouter, bc: BusinessCentralClient, tokens: Tokens, call: Call
) -> None:
    carried: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        carried.append(request.headers["authorization"])  # noted at once: the same request is sent again
        return httpx.Response(401) if len(carried) == 1 else httpx.Response(200, json=EMPTY)

    wire.get().mock(side_effect=answer)

    await bc.page("customers", Query(), call=call)

    assert carried == ["Bearer token-1", "Bearer token-2"]
    assert tokens.refused == ["token-1"]


async def test_a_second_401_is_a_refusal(
    wire: respx.MockRouter, dataverse: DataverseClient, tokens: Tokens, call: Call
) -> None:
    wire.get().respond(401)

    with pytest.raises(RefusedError) as caught:
        await dataverse.page("accounts", Query(), call=call)

    assert caught.value.status == 401
    assert len(sent(wire)) == 2
    assert tokens.refused == ["token-1"]


async def test_without_a_token_nothing_is_sent(
    wire: respx.MockRouter, bc: BusinessCentralClient, tokens: Tokens, call: Call
) -> None:
    tokens.error = TokenError("Entra ID said no.", backend=Backend.BUSINESS_CENTRAL)

    with pytest.raises(TokenError, match="said no"):
        await bc.page("customers", Query(), call=call)

    assert sent(wire) == []


# -- repeats ----------------------------------------------------------------------------------------------------------

TRANSIENT: dict[str, httpx.Response | Exception] = {
    "429": httpx.Response(429, headers={"Retry-After": "0"}),
    "429 without a header": httpx.Response(429),
    "502": httpx.Response(502, text="<html>"),
    "503": httpx.Response(503),
    "connection refused": httpx.ConnectError("refused"),
    "connection lost": httpx.RemoteProtocolError("closed"),
    "read timeout": httpx.ReadTimeout("slow"),
}


@pytest.mark.parametrize("case", TRANSIENT)
async def test_a_read_is_repeated_after_a_passing_failure(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, case: str
) -> None:
    wire.get().mock(side_effect=[TRANSIENT[case], TRANSIENT[case], httpx.Response(200, json=EMPTY)])

    assert (await bc.page("customers", Query(), call=call)).records == ()

    assert len(sent(wire)) == 3


LASTING: dict[str, tuple[httpx.Response | Exception, type[BackendError]]] = {
    "429": (httpx.Response(429), ThrottledError),
    "503": (httpx.Response(503), UnreachableError),
    "connection refused": (httpx.ConnectError("refused by 10.0.0.1"), UnreachableError),
    "read timeout": (httpx.ReadTimeout("slow"), TooSlowError),
}


@pytest.mark.parametrize("case", LASTING)
async def test_repeats_end_after_the_attempts_of_the_policy(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, case: str
) -> None:
    failure, kind = LASTING[case]
    route = wire.get()
    route.side_effect = [failure] * 10

    with pytest.raises(BackendError) as caught:
        await bc.page("customers", Query(), call=call)

    assert type(caught.value) is kind
    assert "10.0.0.1" not in caught.value.message
    assert len(sent(wire)) == AT_ONCE.attempts


FINAL: dict[int, type[BackendError]] = {
    400: RejectedError,
    403: RefusedError,
    404: NotFoundError,
    500: FailedError,
    504: TooSlowError,
}


@pytest.mark.parametrize("status", FINAL)
async def test_a_failure_that_would_come_again_is_not_repeated(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, status: int
) -> None:
    wire.get().respond(status)

    with pytest.raises(FINAL[status]):
        await bc.page("customers", Query(), call=call)

    assert len(sent(wire)) == 1


async def test_a_wait_that_the_deadline_does_not_allow_is_not_begun(
    wire: respx.MockRouter, bc: BusinessCentralClient
) -> None:
    wire.get().respond(429, headers={"Retry-After": "7200"})

    with pytest.raises(ThrottledError) as caught:
        await bc.page("customers", Query(), call=Call(Deadline.after(3_600)))

    assert caught.value.retry_after_seconds == 7200
    assert len(sent(wire)) == 1


Answer = httpx.Response | Exception


def repeating(answers: Sequence[Answer], *, policy: RetryPolicy = AT_ONCE) -> tuple[RetryTransport, list[str]]:
    """A repeating transport over these answers, and the methods it was asked with."""
    methods: list[str] = []
    remaining = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        given = remaining.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    return RetryTransport(httpx.MockTransport(answer), policy=policy, chance=lambda: 1.0), methods


async def test_the_waits_are_what_the_backend_says_or_grow_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("gateway.clients.transports.asyncio.sleep", wait)
    answers = [
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "17"}),
        httpx.Response(503),
        httpx.Response(503),
        httpx.Response(200),
    ]
    transport, _ = repeating(answers, policy=RetryPolicy(5, first_wait_seconds=1, longest_wait_seconds=6))

    response = await transport.handle_async_request(httpx.Request("GET", BASE, extensions={"repeatable": True}))

    assert response.status_code == 200
    assert waits == [1, 18, 4, 6]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("case", ["429", "503"])
async def test_what_is_not_marked_repeatable_goes_out_once(method: str, case: str) -> None:
    transport, methods = repeating([TRANSIENT[case]])

    response = await transport.handle_async_request(httpx.Request(method, BASE))

    assert response.status_code == int(case)
    assert methods == [method]


async def test_an_unguarded_write_whose_connection_broke_is_not_repeated() -> None:
    transport, methods = repeating([httpx.RemoteProtocolError("closed")])

    with pytest.raises(httpx.RemoteProtocolError):
        await transport.handle_async_request(httpx.Request("POST", BASE))

    assert methods == ["POST"]


@pytest.mark.parametrize("case", ["429", "503", "connection lost"])
async def test_a_post_that_is_safe_to_repeat_is_repeated(case: str) -> None:
    transport, methods = repeating([TRANSIENT[case], httpx.Response(200)])

    response = await transport.handle_async_request(httpx.Request("POST", BASE, extensions={"repeatable": True}))

    assert response.status_code == 200
    assert methods == ["POST", "POST"]


class BreaksOff(httpx.AsyncByteStream):
    """A body that ends before it is complete."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"value": ['
        raise httpx.ReadError("connection reset")


async def test_a_body_that_breaks_off_is_read_again(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.get().mock(side_effect=[httpx.Response(200, stream=BreaksOff()), httpx.Response(200, json=EMPTY)])

    assert (await bc.page("customers", Query(), call=call)).records == ()

    assert [each.status for each in call.exchanges] == [None, 200]


# -- deadlines and broken answers -------------------------------------------------------------------------------------


async def test_a_backend_that_does_not_answer_in_time_is_a_deadline_error(
    wire: respx.MockRouter, bc: BusinessCentralClient
) -> None:
    call = Call(Deadline.after(0.02))

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    wire.get().mock(side_effect=never)

    with pytest.raises(DeadlineError) as caught:
        await bc.page("customers", Query(), call=call)

    assert caught.value.extensions == {"code": "DEADLINE_EXCEEDED", "backend": "BUSINESS_CENTRAL"}
    assert [each.status for each in call.exchanges] == [None]


BROKEN = {
    "truncated": b'{"value": [{"number": ',
    "html": b"<html><body>Sign in</body></html>",
    "empty": b"",
    "no collection": b'{"number": "10000"}',
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_200_that_is_no_collection_is_a_protocol_error(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, case: str
) -> None:
    wire.get().respond(200, content=BROKEN[case])

    with pytest.raises(ProtocolError):
        await bc.page("customers", Query(), call=call)

    assert len(sent(wire)) == 1


async def test_a_body_that_cannot_be_unpacked_is_a_protocol_error(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    class Plain(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"not gzip at all"

    wire.get().mock(return_value=httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Plain()))

    with pytest.raises(ProtocolError, match="broke off"):
        await bc.page("customers", Query(), call=call)


async def test_a_vendors_error_arrives_with_its_words_and_ids(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.get().respond(
        400,
        json={"error": {"code": "0x80060888", "message": "Could not find a property named 'nam'."}},
        headers={"x-ms-service-request-id": "abc-1"},
    )

    with pytest.raises(RejectedError, match="Could not find a property named 'nam'") as caught:
        await dataverse.page("accounts", Query(select=("nam",)), call=call)

    assert (caught.value.vendor_code, caught.value.request_id) == ("0x80060888", "abc-1")


# -- batches ----------------------------------------------------------------------------------------------------------


def queries(count: int) -> list[tuple[str, Query]]:
    return [(CUSTOMERS, Query(filter=Compare("number", "eq", f"{number}"), top=1)) for number in range(count)]


def part(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"{number}", "status": 200, "headers": {}, "body": {"value": [{"number": f"{number}"}]}} | changes


def numbers(answers: Sequence[Page | BackendError]) -> list[object]:
    return [answer.records[0].values["number"] if isinstance(answer, Page) else type(answer) for answer in answers]


async def test_a_batch_of_reads_is_one_post_in_json(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().respond(json={"responses": [part(0), part(1)]})

    await bc.page_each(queries(2), call=call)

    (request,) = sent(wire)
    assert str(request.url) == f"{BASE}/$batch"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["prefer"] == "odata.continue-on-error"
    assert request.headers["client-request-id"] == "correlation-1"
    assert json.loads(request.content) == {
        "requests": [
            {
                "id": f"{number}",
                "method": "GET",
                "url": f"{CUSTOMERS}?$filter=number%20eq%20'{number}'&$top=1",
                "headers": {"Accept": "application/json"},
            }
            for number in range(2)
        ]
    }


async def test_answers_of_a_batch_come_in_the_order_of_the_questions(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().respond(json={"responses": [part(2), part(0), part(1)]})

    assert numbers(await bc.page_each(queries(3), call=call)) == ["0", "1", "2"]


async def test_an_error_in_a_part_is_that_parts_error_alone(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    message = "The Customer does not exist.  CorrelationId:  2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10."
    missing = part(1, status=404, body={"error": {"code": "Internal_RecordNotFound", "message": message}})
    throttled = part(2, status=429, headers={"Retry-After": "5"}, body=None)
    broken = part(3, body={"number": "3"})
    wire.post().respond(json={"responses": [part(0), missing, throttled, broken, part(4)]})

    answers = await bc.page_each(queries(5), call=call)

    assert numbers(answers) == ["0", NotFoundError, ThrottledError, ProtocolError, "4"]
    _, not_found, slow_down, *_ = answers
    assert isinstance(not_found, NotFoundError)
    assert not_found.message.endswith("(404): The Customer does not exist.")
    assert not_found.request_id == "2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10"
    assert isinstance(slow_down, ThrottledError)
    assert slow_down.retry_after_seconds == 5


NO_BATCHES: dict[str, Any] = {
    "a part is missing": {"responses": [part(0), part(2)]},
    "a part has no status": {"responses": [part(0), {"id": "1", "body": {}}, part(2)]},
    "no responses": {"value": []},
    "responses are no list": {"responses": {}},
    "a list": [],
}


@pytest.mark.parametrize("case", NO_BATCHES)
async def test_a_batch_without_all_its_parts_is_a_protocol_error(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, case: str
) -> None:
    wire.post().respond(json=NO_BATCHES[case])

    with pytest.raises(ProtocolError):
        await bc.page_each(queries(3), call=call)


async def test_a_batch_holds_a_hundred_and_the_rest_travels_in_the_next(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["requests"]
        found = [each["url"].partition("eq%20'")[2].partition("'")[0] for each in asked]
        bodies = [part(index, body={"value": [{"number": number}]}) for index, number in enumerate(found)]
        return httpx.Response(200, json={"responses": bodies})

    wire.post().mock(side_effect=answer)

    answers = await bc.page_each(queries(205), call=call)

    assert [len(json.loads(request.content)["requests"]) for request in sent(wire)] == [100, 100, 5]
    assert numbers(answers) == [f"{number}" for number in range(205)]


async def test_a_batch_of_reads_is_repeated_like_a_read(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().mock(side_effect=[httpx.Response(429), httpx.Response(200, json={"responses": [part(0), part(1)]})])

    assert numbers(await bc.page_each(queries(2), call=call)) == ["0", "1"]


async def test_a_batch_that_fails_as_a_whole_raises(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call
) -> None:
    wire.post().respond(500)

    with pytest.raises(FailedError):
        await bc.page_each(queries(2), call=call)


@pytest.mark.parametrize("status", [200, 404])
async def test_a_single_question_is_a_plain_read(
    wire: respx.MockRouter, bc: BusinessCentralClient, call: Call, status: int
) -> None:
    wire.get().respond(status, json={"value": [{"number": "0"}]})

    answers = await bc.page_each(queries(1), call=call)

    assert numbers(answers) == (["0"] if status == 200 else [NotFoundError])
    assert [request.method for request in sent(wire)] == ["GET"]


ACCOUNTS = [("accounts", Query(filter=Compare("name", "eq", f"Söhne {number}"), top=1)) for number in range(3)]


def multipart(*answers: tuple[int, str, str], newline: str = "\r\n", boundary: str = "batchresponse_1") -> bytes:
    """A batch answer as Dataverse writes it: status, further header lines, body."""
    lines: list[str] = []
    for status, header, body in answers:
        lines += [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
        lines += [f"HTTP/1.1 {status} Reason", "Content-Type: application/json; odata.metadata=minimal"]
        lines += [*([header] if header else []), "OData-Version: 4.0", "", body]
    return newline.join([*lines, f"--{boundary}--", ""]).encode()


def account(number: int) -> tuple[int, str, str]:
    return 200, "", json.dumps({"value": [{"number": f"{number}", "name": f"Söhne {number}"}]}, ensure_ascii=False)


async def test_a_batch_of_dataverse_is_one_multipart_post(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    answer = multipart(*map(account, range(3)))
    wire.post().respond(content=answer, headers={"Content-Type": "multipart/mixed; boundary=batchresponse_1"})

    answers = await dataverse.page_each(ACCOUNTS, call=call)

    (request,) = sent(wire)
    assert str(request.url) == f"{ORGANIZATION}/api/data/v9.2/$batch"
    assert request.headers["prefer"] == "odata.continue-on-error"
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/mixed"
    part_of = "\r\n".join(
        [
            f"--{boundary}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            f"GET {ORGANIZATION}/api/data/v9.2/accounts?$filter=name%20eq%20'S%C3%B6hne%20{{}}'&$top=1 HTTP/1.1",
            "Accept: application/json",
            "",
            "",
            "",
        ]
    )
    assert request.content.decode() == "".join(map(part_of.format, range(3))) + f"--{boundary}--\r\n"
    assert numbers(answers) == ["0", "1", "2"]


async def test_an_error_in_a_multipart_part_is_that_parts_error_alone(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    missing = json.dumps({"error": {"code": "0x80040217", "message": "Does not exist"}})
    answer = multipart(account(0), (404, "REQ_ID: abc-1", missing), (429, "Retry-After: 7", ""), newline="\n")
    wire.post().respond(content=answer, headers={"Content-Type": 'multipart/mixed; boundary="batchresponse_1"'})

    answers = await dataverse.page_each(ACCOUNTS, call=call)

    assert numbers(answers) == ["0", NotFoundError, ThrottledError]
    _, not_found, slow_down = answers
    assert isinstance(not_found, NotFoundError)
    assert (not_found.vendor_code, not_found.request_id) == ("0x80040217", "abc-1")
    assert isinstance(slow_down, ThrottledError)
    assert slow_down.retry_after_seconds == 7


NO_MULTIPART: dict[str, tuple[str, bytes]] = {
    "a part is missing": ("batchresponse_1", multipart(account(0), account(1))),
    "a part too many": ("batchresponse_1", multipart(*map(account, range(4)))),
    "cut off": ("batchresponse_1", multipart(*map(account, range(3)))[:-25]),
    "cut off within a part": ("batchresponse_1", multipart(*map(account, range(3)))[:400]),
    "another boundary": ("batchresponse_2", multipart(*map(account, range(3)))),
    "a part that is no answer": (
        "batchresponse_1",
        multipart(*map(account, range(3))).replace(b"HTTP/1.1 200", b"HELLO", 1),
    ),
    "a part that is cut off": ("batchresponse_1", multipart(account(0), (200, "", '{"value": ['), account(2))),
    "empty": ("batchresponse_1", b""),
}


@pytest.mark.parametrize("case", NO_MULTIPART)
async def test_a_multipart_batch_without_all_its_parts_is_a_protocol_error(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call, case: str
) -> None:
    boundary, content = NO_MULTIPART[case]
    wire.post().respond(content=content, headers={"Content-Type": f"multipart/mixed; boundary={boundary}"})

    with pytest.raises(ProtocolError):
        await dataverse.page_each(ACCOUNTS, call=call)


async def test_a_multipart_batch_answered_in_html_is_a_protocol_error(
    wire: respx.MockRouter, dataverse: DataverseClient, call: Call
) -> None:
    wire.post().respond(text="<html>Sign in</html>", headers={"Content-Type": "text/html"})

    with pytest.raises(ProtocolError, match="without a boundary"):
        await dataverse.page_each(ACCOUNTS, call=call)


# -- the gate ---------------------------------------------------------------------------------------------------------


class Crowd(httpx.AsyncBaseTransport):
    """Holds every request until it is let go, and counts those inside."""

    def __init__(self) -> None:
        self.inside = self.most = self.total = 0
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.inside += 1
        self.total += 1
        self.most = max(self.most, self.inside)
        self.arrived.set()
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            return httpx.Response(500 if request.url.path == "/bad" else 200)
        finally:
            self.inside -= 1


async def settled(done: Callable[[], bool]) -> None:
    """Let everything run until nothing more can."""
    for _ in range(100):
        await asyncio.sleep(0)
    assert done()


async def test_the_gate_never_lets_more_in_than_it_has_places() -> None:
    crowd = Crowd()
    gate = GateTransport(crowd, most=5, budget=PLENTY)
    tasks = [
        asyncio.ensure_future(gate.handle_async_request(httpx.Request("GET", f"{BASE}/{number}")))
        for number in range(50)
    ]
    await settled(lambda: crowd.inside == 5)

    crowd.open.set()
    responses = await asyncio.gather(*tasks)

    assert [response.status_code for response in responses] == [200] * 50
    assert (crowd.most, crowd.total, crowd.inside) == (5, 50, 0)


async def test_a_request_that_is_given_up_frees_its_place() -> None:
    crowd = Crowd()
    gate = GateTransport(crowd, most=1, budget=PLENTY)
    inside, waiting, last = (
        asyncio.ensure_future(gate.handle_async_request(httpx.Request("GET", BASE))) for _ in range(3)
    )
    await settled(lambda: crowd.inside == 1)

    waiting.cancel()
    inside.cancel()
    crowd.open.set()

    assert (await last).status_code == 200
    assert crowd.total == 2


async def test_a_client_keeps_to_its_places(tokens: Tokens, call: Call) -> None:
    crowd = Crowd()
    client: ODataClient = BusinessCentralClient(
        base_url=BASE, auth=BearerAuth(tokens), network=crowd, places=3, patience=Patience(AT_ONCE)
    )
    tasks = [asyncio.ensure_future(client.page("customers", Query(top=top), call=call)) for top in range(10)]
    await settled(lambda: crowd.inside == 3)
    crowd.open.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()

    assert {type(outcome) for outcome in outcomes} == {ProtocolError}  # the crowd answers with nothing
    assert crowd.most == 3


async def test_an_exchange_without_a_call_is_written_down_nowhere_and_disturbs_nothing() -> None:
    transport = ExchangeTransport(httpx.MockTransport(lambda _: httpx.Response(200)), backend=Backend.DATAVERSE)

    assert (await transport.handle_async_request(httpx.Request("GET", BASE))).status_code == 200


# -- other APIs of the environment ------------------------------------------------------------------------------------------

ANALYTICS = "https://bc.example/v2.0/contoso/Production/api/microsoft/analytics/v1.0"


async def test_another_api_stands_beside_the_standard_one(
    bc: BusinessCentralClient, wire: respx.MockRouter, call: Call
) -> None:
    client = bc.api("microsoft/analytics/v1.0")
    wire.get(f"{ANALYTICS}/companies({COMPANY})/itemLedgerEntries").respond(json=EMPTY)
    parts = [{"id": name, "status": 200, "body": EMPTY} for name in ("0", "1")]
    wire.post(f"{ANALYTICS}/$batch").respond(json={"responses": parts})
    path = client.path("itemLedgerEntries", company=COMPANY)

    await client.page(path, Query(), call=call)
    await client.page_each([(path, Query(top=1)), (path, Query(top=2))], call=call)

    assert [request.method for request in sent(wire)] == ["GET", "POST"]
    envelope = json.loads(sent(wire)[1].content)
    assert envelope["requests"][0]["url"] == f"companies({COMPANY})/itemLedgerEntries?$top=1"


async def test_all_apis_are_under_one_gate(bc: BusinessCentralClient) -> None:
    client = bc.api("microsoft/analytics/v1.0")
    assert client.wire._http is bc.wire._http
    assert bc.api("microsoft/analytics/v1.0") is client
    assert bc.base_url.endswith("/api/v2.0/")


async def test_links_of_another_api_lead_to_the_same_host_only(
    bc: BusinessCentralClient, wire: respx.MockRouter, call: Call
) -> None:
    client = bc.api("microsoft/analytics/v1.0")
    stranger = EMPTY | {"@odata.nextLink": "https://elsewhere.example/api/microsoft/analytics/v1.0/items"}
    wire.get(url__startswith=ANALYTICS).respond(json=stranger)
    with pytest.raises(ProtocolError, match="another host"):
        await client.everything("items", Query(), call=call)
