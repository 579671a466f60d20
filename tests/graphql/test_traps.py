"""What callers and backends can do to confuse the gateway, and must not."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, WIDGET
from tests.graphql.api import Api, start

pytestmark = pytest.mark.anyio


async def test_nodes_and_edges_are_two_places_where_one_key_may_mean_two_things(api: Api) -> None:
    answer = await api.ask(
        """{ customers(first: 2, filter: {number: {in: ["C00210", "C00080"]}}) {
            nodes { x: number y: account { name } z: salesOrders(first: 1) { nodes { number } } }
            edges { node { x: displayName y: salesperson { code } z: salesOrders(first: 2) { nodes { number } } } }
            more: edges { n: node { x: city } m: node { x: country } } } }"""
    )
    assert answer.errors == []
    page = answer.data["customers"]
    names = {"C00210": "Harbour Bikes BV", "C00080": "O'Neill & Söhne 100%"}
    for node, edge, more in zip(page["nodes"], page["edges"], page["more"], strict=True):
        assert edge["node"]["x"] == names[node["x"]]
        assert node["y"] == {"name": names[node["x"]]}
        assert set(edge["node"]["y"]) == {"code"}
        assert more["n"]["x"] != more["m"]["x"]
    harbour = next(index for index, node in enumerate(page["nodes"]) if node["x"] == "C00210")
    assert len(page["nodes"][harbour]["z"]["nodes"]) == 1
    assert len(page["edges"][harbour]["node"]["z"]["nodes"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        "{ items(first: 2) { nodes { x: number } edges { node { x: unitPrice { amount } } } } }",
        "{ items(first: 2) { nodes { number } a: edges { n: node { unitPrice { amount } } } } }",
        "{ items(first: 2, orderBy: {field: UNIT_PRICE}) { edges { cursor node { number } } } }",
        '{ items(filter: {unitPrice: {gt: "500"}}) { totalCount } }',
        '{ items(filter: {lastModifiedAt: {gt: "2026-01-01T00:00:00Z"}}) { totalCount } }',
    ],
    ids=["same_key", "aliases", "order", "filter", "filter_by_change"],
)
async def test_a_widget_finds_no_way_around_to_a_price(api: Api, query: str) -> None:
    answer = await api.ask(query, person=WIDGET)
    assert answer.codes == ["FORBIDDEN"]
    assert answer.data["items"] is None or _values(answer.data["items"]) <= {None, "1000", "1001"}
    assert not any("unitPrice" in str(request.url) for request in api.business_central.seen)


def _values(found: Any) -> set[Any]:
    """Every value of an answer, whatever it stands in."""
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else None
    return {found} if inner is None else set().union(*map(_values, inner))


async def test_a_widget_may_still_filter_and_order_by_what_it_sees(api: Api) -> None:
    query = '{ items(first: 1, filter: {displayName: {contains: "bike"}}, orderBy: {field: DISPLAY_NAME}) { nodes { number } } }'
    assert (await api.ask(query, person=WIDGET)).errors == []


async def test_a_widget_does_not_learn_that_a_record_exists(api: Api) -> None:
    found = await api.ask('{ account(by: {customerNumber: "C00210"}) { id } }')
    query = "query ($id: ID!) { node(id: $id) { __typename } }"
    answer = await api.ask(query, {"id": found.data["account"]["id"]}, person=WIDGET)
    assert answer.codes == ["FORBIDDEN"]


async def test_one_callers_bad_key_is_not_anothers_error(api: Api) -> None:
    query = "query ($n: String!) { customer(by: {number: $n}) { displayName } }"
    good, long = await asyncio.gather(
        api.ask(query, {"n": "C00210"}, explain=False), api.ask(query, {"n": "X" * 9000}, explain=False)
    )
    assert good.data["customer"] == {"displayName": "Harbour Bikes BV"}
    assert long.codes == ["INVALID_INPUT"]


async def test_a_question_the_backend_rejects_is_not_anothers_error(api: Api) -> None:
    def picky(request: httpx.Request) -> httpx.Response:
        if "BAD" in str(request.url):
            return httpx.Response(400, json={"error": {"code": "BadRequest", "message": "no"}}, request=request)
        row = {"id": "7a2f6611-c76f-5b9f-9fb1-f12cf380c661", "number": "C00210", "displayName": "Harbour"}
        return httpx.Response(200, json={"value": [row]}, request=request)

    await api.ask('{ customer(by: {number: "C00210"}) { number } }')
    api.business_central.instead = picky
    api.business_central.hold = asyncio.Event()
    query = "query ($n: String!) { customer(by: {number: $n}) { displayName } }"
    asking = [asyncio.ensure_future(api.ask(query, {"n": n}, explain=False)) for n in ("Q1", "Q2", "C00210", "BAD")]
    for _ in range(3000):
        await asyncio.sleep(0)
    api.business_central.hold.set()
    *_, good, bad = await asyncio.gather(*asking)
    assert good.data["customer"] == {"displayName": "Harbour"}
    assert bad.codes == ["BACKEND_REJECTED"]


async def test_a_late_comer_is_not_held_to_anothers_deadline(sandbox: Sandbox, database_url: str) -> None:
    query = '{ customer(by: {number: "C00210"}) { displayName } }'
    async with AsyncExitStack() as stack:
        api = await start(sandbox, database_url, stack, deadline_seconds=3.0)
        await api.ask(query)
        api.business_central.hold = asyncio.Event()
        first = asyncio.ensure_future(api.ask(query, explain=False))
        await asyncio.wait([first], timeout=1.5)  # half of the first one's time passes
        second = asyncio.ensure_future(api.ask(query, explain=False))
        assert (await first).codes == ["DEADLINE_EXCEEDED"]
        api.business_central.hold.set()
        assert (await second).data["customer"] == {"displayName": "Harbour Bikes BV"}


@pytest.mark.parametrize("garbage", ["garbage", "1234"])
async def test_a_guid_that_is_none_costs_its_own_branch_only(api: Api, garbage: str) -> None:
    def lie(request: httpx.Request) -> httpx.Response:
        row = {"accountid": garbage, "_transactioncurrencyid_value": garbage, "name": "x", "creditlimit": 5}
        return httpx.Response(200, json={"value": [row]}, request=request)

    api.dataverse.instead = lie
    answer = await api.ask(
        '{ customer(by: {number: "C00210"}) { displayName account { name creditLimit { currencyCode } } } }'
    )
    assert answer.data["customer"]["displayName"] == "Harbour Bikes BV"
    assert set(answer.codes) == {"BACKEND_PROTOCOL_ERROR"}


async def test_a_row_nobody_asked_for_is_an_error_not_an_absence(api: Api) -> None:
    def lie(request: httpx.Request) -> httpx.Response:
        row = {"accountid": "00000000-0000-4000-8000-000000000001", "name": "somebody else"}
        return httpx.Response(200, json={"value": [row]}, request=request)

    api.dataverse.instead = lie
    answer = await api.ask('{ customer(by: {number: "C00210"}) { displayName account { name } } }')
    assert answer.data["customer"] == {"displayName": "Harbour Bikes BV", "account": None}
    assert answer.codes == ["BACKEND_PROTOCOL_ERROR"]


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'"abc"',
        b"123",
        b"true",
        b"[]",
        b"",
        b"{",
        b'{"query":"\xff"}',
        b'{"query":"{ viewer { name } }","operationName":"\\ud800"}',
        b"[" * 200_000,
        b'{"query":"{ viewer { name } }","variables":{"n":' + b"1" * 6000 + b"}}",
    ],
    ids=["null", "string", "number", "true", "list", "empty", "cut", "not_utf8", "surrogate", "deep", "huge_number"],
)
async def test_a_body_that_is_no_request_is_refused_typed(api: Api, body: bytes) -> None:
    token = api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    response = await api.http.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_variables_in_a_query_string_are_refused_typed(api: Api) -> None:
    token = api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
    response = await api.http.get(
        "/graphql",
        params={"query": "{ viewer { name } }", "variables": "[" * 20_000},
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    )
    assert response.status_code == 400


async def test_no_redirect_repeats_a_foreign_host(api: Api) -> None:
    response = await api.http.post("/graphql/", json={}, headers={"Host": "evil.example"})
    assert response.status_code == 404


class Dead:
    """An engine whose database is gone."""

    def connect(self) -> None:
        raise ConnectionRefusedError("no database")

    begin = connect


async def test_without_the_database_backend_fields_still_arrive(api: Api) -> None:
    store = api.app.state.running.services.couplings
    alive, store.engine = store.engine, Dead()
    try:
        answer = await api.ask('{ customer(by: {number: "C00210"}) { displayName account { name } } }')
        listed = await api.ask("{ couplings(first: 1) { nodes { id } } }")
    finally:
        store.engine = alive
    assert answer.data["customer"] == {"displayName": "Harbour Bikes BV", "account": None}
    assert answer.codes == listed.codes == ["DATABASE_UNAVAILABLE"]
