"""Half an answer beats none: a dead backend nulls its own fields, with one error that says which."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from tests.graphql.api import Api, start

pytestmark = pytest.mark.anyio

CUSTOMERS = """
{ customers(first: 20) { nodes { number displayName balanceDue { amount currencyCode } account { name owner { fullName } } } } }
"""
ACCOUNTS = "{ accounts(first: 20) { nodes { name owner { fullName } customer { number displayName } } } }"
CUSTOMER = """
{ customer(by: {number: "C00210"}) {
    id number displayName balanceDue { amount currencyCode } salesperson { displayName }
    account { name owner { fullName } } coupling { lastSynchronizedAt } } }
"""


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def answering(status: int, body: str = "", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, text=body, headers=headers, request=request)

    return respond


async def test_customers_without_dataverse_have_every_business_central_field(api: Api) -> None:
    whole = await api.ask(CUSTOMERS)
    api.dataverse.instead = unreachable
    half = await api.ask(CUSTOMERS)
    expected = [node | {"account": None} for node in whole.data["customers"]["nodes"]]
    assert half.data["customers"]["nodes"] == expected
    (error,) = half.errors
    assert error["extensions"]["code"] == "BACKEND_UNREACHABLE"
    assert error["extensions"]["backend"] == "DATAVERSE"
    assert error["extensions"]["branch"] == "customers.nodes.account"


async def test_accounts_without_business_central_have_every_dataverse_field(api: Api) -> None:
    whole = await api.ask(ACCOUNTS)
    api.business_central.instead = unreachable
    half = await api.ask(ACCOUNTS)
    assert half.data["accounts"]["nodes"] == [node | {"customer": None} for node in whole.data["accounts"]["nodes"]]
    (error,) = half.errors
    assert (error["extensions"]["code"], error["extensions"]["backend"]) == ("BACKEND_UNREACHABLE", "BUSINESS_CENTRAL")


async def test_a_coupled_customer_without_business_central_still_shows_its_account(api: Api) -> None:
    whole = await api.ask(CUSTOMER)
    api.business_central.instead = unreachable
    half = await api.ask(CUSTOMER)
    customer = half.data["customer"]
    assert customer["id"] == whole.data["customer"]["id"]
    assert customer["number"] == "C00210"
    assert customer["account"] == whole.data["customer"]["account"]
    assert customer["coupling"] == whole.data["customer"]["coupling"]
    assert customer["displayName"] is None
    assert customer["balanceDue"] is None
    (error,) = half.errors
    assert error["extensions"]["backend"] == "BUSINESS_CENTRAL"
    assert error["extensions"]["branch"] == "customer"


async def test_an_uncoupled_customer_without_business_central_is_null_with_the_error(api: Api) -> None:
    api.business_central.instead = unreachable
    answer = await api.ask('{ customer(by: {number: "C00021"}) { number } }')
    assert answer.data == {"customer": None}
    assert answer.codes == ["BACKEND_UNREACHABLE"]


async def test_both_backends_dead_is_one_error_for_each_branch(api: Api) -> None:
    api.business_central.instead = api.dataverse.instead = unreachable
    answer = await api.ask(CUSTOMER)
    assert sorted(error["extensions"]["backend"] for error in answer.errors) == ["BUSINESS_CENTRAL", "DATAVERSE"]


@pytest.mark.parametrize(
    ("respond", "code"),
    [
        (answering(200, '{"value": [{"accountid": "61665137-3630-56'), "BACKEND_PROTOCOL_ERROR"),
        (answering(200, "<html>Sign in</html>"), "BACKEND_PROTOCOL_ERROR"),
        (answering(200, '{"value": [{"name": "no key"}]}'), "BACKEND_PROTOCOL_ERROR"),
        (answering(200, '{"value": 7}'), "BACKEND_PROTOCOL_ERROR"),
        (answering(401), "BACKEND_REFUSED"),
        (answering(403, '{"error":{"code":"0x80040220","message":"missing prvReadAccount"}}'), "BACKEND_REFUSED"),
        (answering(404, '{"error":{"code":"0x80060888","message":"Resource not found"}}'), "BACKEND_NOT_FOUND"),
        (answering(400, '{"error":{"code":"0x80060888","message":"bad"}}'), "BACKEND_REJECTED"),
        (answering(500, ""), "BACKEND_FAILED"),
        (answering(504, "gateway timeout"), "BACKEND_TOO_SLOW"),
        (answering(429, "", **{"retry-after": "3600"}), "BACKEND_THROTTLED"),
    ],
    ids=[
        "truncated",
        "html",
        "no_key",
        "no_list",
        "unauthorized",
        "forbidden",
        "not_found",
        "bad_request",
        "broken",
        "too_slow",
        "throttled",
    ],
)
async def test_nonsense_from_one_backend_is_a_typed_error_of_its_branch(
    api: Api, respond: Callable[[httpx.Request], httpx.Response], code: str
) -> None:
    api.dataverse.instead = respond
    answer = await api.ask('{ customer(by: {number: "C00210"}) { displayName account { name } } }')
    assert answer.data == {"customer": {"displayName": "Harbour Bikes BV", "account": None}}
    assert answer.codes == [code]
    if code == "BACKEND_THROTTLED":
        assert answer.errors[0]["extensions"]["retryAfter"] == 3600


async def test_a_value_of_another_kind_than_promised_fails_its_own_field_only(api: Api) -> None:
    def lie(request: httpx.Request) -> httpx.Response:
        row = '{"id":"7a2f6611-c76f-5b9f-9fb1-f12cf380c661","number":"C00210","displayName":"Harbour","creditLimit":"lots"}'
        return httpx.Response(200, text=f'{{"value":[{row}]}}', request=request)

    await api.ask('{ customer(by: {number: "C00210"}) { number } }')
    api.business_central.instead = lie
    answer = await api.ask('{ customer(by: {number: "C00210"}) { displayName creditLimit { amount } } }')
    assert answer.data == {"customer": {"displayName": "Harbour", "creditLimit": None}}
    assert answer.codes == ["BACKEND_PROTOCOL_ERROR"]


async def test_nodes_of_a_dead_backend_are_null_beside_the_others(api: Api) -> None:
    query = '{ customer(by: {number: "C00210"}) { id account { id } } other: customer(by: {number: "C00080"}) { id } }'
    found = (await api.ask(query)).data
    ids = [found["customer"]["id"], found["customer"]["account"]["id"], found["other"]["id"]]
    api.business_central.instead = unreachable
    answer = await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})
    assert answer.data["nodes"] == [None, {"id": ids[1]}, None]
    assert answer.codes == ["BACKEND_UNREACHABLE"]


@pytest.mark.parametrize(
    ("query", "variables"),
    [("{ ", {}), ("{ nothing }", {}), ("query ($n: UUID!) { account(by: {accountId: $n}) { name } }", {"n": "zz"})],
    ids=["syntax", "field", "variable"],
)
async def test_what_graphql_itself_refuses_has_a_code_too(api: Api, query: str, variables: dict[str, str]) -> None:
    answer = await api.ask(query, variables)
    assert answer.codes == ["GRAPHQL_INVALID"]


async def test_a_slow_backend_is_left_behind_at_the_deadline(sandbox: Sandbox, database_url: str) -> None:
    """The gateway stops waiting; what the other backend has arrives."""

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async with AsyncExitStack() as stack:
        api = await start(sandbox, database_url, stack, deadline_seconds=3.0)
        await api.ask(CUSTOMERS)
        api.dataverse.instead = never
        answer = await api.ask(CUSTOMERS)
        assert len(answer.data["customers"]["nodes"]) == 20
        assert all(node["account"] is None for node in answer.data["customers"]["nodes"])
        assert answer.codes == ["DEADLINE_EXCEEDED"]


async def test_an_unforeseen_failure_is_masked_and_names_its_correlation_id(api: Api) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("a secret: eyJhbGciOi.eyJz.sig")

    api.dataverse.instead = broken
    answer = await api.ask("{ accounts(first: 1) { nodes { name } } }")
    (error,) = answer.errors
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert error["message"].endswith("its operators can find it under the correlation id.")
    assert error["extensions"]["correlationId"]
    assert "secret" not in error["message"]


async def test_connection_tells_which_side_fails_and_what_to_do(api: Api) -> None:
    api.dataverse.instead = answering(401)
    answer = await api.ask("{ connection { healthy checks { code passed message hint } } }")
    assert answer.errors == []
    checks = {check["code"]: check for check in answer.data["connection"]["checks"]}
    assert answer.data["connection"]["healthy"] is False
    assert checks["BUSINESS_CENTRAL_REACHABLE"]["passed"] is True
    assert checks["DATAVERSE_REACHABLE"]["passed"] is False
    assert "application user" in checks["DATAVERSE_REACHABLE"]["hint"]


async def test_connection_names_the_companies_when_the_configured_one_is_not_there(api: Api) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    query = "query ($company: UUID) { connection(company: $company) { checks { code passed hint } } }"
    answer = await api.ask(query, {"company": other})
    checks = {check["code"]: check for check in answer.data["connection"]["checks"]}
    assert checks["COMPANY_EXISTS"]["passed"] is False
    assert "Wheelhouse Supply" in checks["COMPANY_EXISTS"]["hint"]


async def test_an_unknown_company_is_a_typed_error(api: Api) -> None:
    query = "query ($company: UUID) { customers(first: 1, company: $company) { nodes { number } } }"
    answer = await api.ask(query, {"company": "11111111-2222-3333-4444-555555555555"})
    assert answer.data == {"customers": None}
    assert answer.codes == ["BACKEND_NOT_FOUND"]
