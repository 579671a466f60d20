"""Lists: filter, order and position are the backend's work; a cursor survives what happens meanwhile."""

import base64
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import Api, start

pytestmark = pytest.mark.anyio


async def walk(api: Api, query: str, root: str, *, first: int, **variables: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page; every page but the last is full."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        answer = await api.ask(query, {"first": first, "after": after, **variables})
        assert answer.errors == []
        page = answer.data[root]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        assert len(page["nodes"]) == first
        after = page["pageInfo"]["endCursor"]


CUSTOMERS = """query ($first: Int!, $after: String, $order: CustomerOrder, $filter: CustomerFilter) {
  customers(first: $first, after: $after, orderBy: $order, filter: $filter) {
    nodes { number city balanceDue { amount } } pageInfo { hasNextPage endCursor } } }"""
ACCOUNTS = """query ($first: Int!, $after: String, $order: AccountOrder, $filter: AccountFilter) {
  accounts(first: $first, after: $after, orderBy: $order, filter: $filter) {
    nodes { accountId accountNumber name } pageInfo { hasNextPage endCursor } } }"""


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["NUMBER", "CITY", "BALANCE_DUE", "LAST_MODIFIED_AT"])
async def test_every_customer_once_in_any_order(api: Api, field: str, direction: str) -> None:
    order = {"field": field, "direction": direction}
    rows = await walk(api, CUSTOMERS, "customers", first=37, order=order)
    numbers = [row["number"] for row in rows]
    assert len(numbers) == len(set(numbers)) == 200
    if field == "CITY":
        cities = [row["city"].casefold() for row in rows]
        assert cities == sorted(cities, reverse=direction == "DESC")
    if field == "BALANCE_DUE":
        amounts = [float(row["balanceDue"]["amount"]) for row in rows]
        assert amounts == sorted(amounts, reverse=direction == "DESC")


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["NAME", "ACCOUNT_NUMBER", "MODIFIED_AT"])
async def test_every_account_once_in_any_order_nulls_included(api: Api, field: str, direction: str) -> None:
    rows = await walk(api, ACCOUNTS, "accounts", first=41, order={"field": field, "direction": direction})
    assert len(rows) == len({row["accountId"] for row in rows}) == 192
    assert any(row["accountNumber"] is None for row in rows)


async def test_a_later_page_is_one_round_trip_also_where_two_segments_are_asked(api: Api) -> None:
    order = {"field": "CITY", "direction": "ASC"}
    first = await api.ask(CUSTOMERS, {"first": 5, "order": order})
    after = first.data["customers"]["pageInfo"]["endCursor"]
    second = await api.ask(CUSTOMERS, {"first": 5, "order": order, "after": after})
    assert first.cost == second.cost == (1, 1)


async def test_a_cursor_survives_inserts_and_the_deletion_of_its_row(database_url: str) -> None:
    opened = open_sandbox("http://localhost", folder=None)
    async with AsyncExitStack() as stack:
        api = await start(opened, database_url, stack)
        before = await walk(api, CUSTOMERS, "customers", first=50)
        page = (await api.ask(CUSTOMERS, {"first": 50})).data["customers"]
        store = opened.business_central
        store.insert(
            "customers", {"id": "aaaaaaaa-0000-4000-8000-000000000001", "number": "C00012A", "displayName": "New"}
        )
        store.insert(
            "customers", {"id": "aaaaaaaa-0000-4000-8000-000000000002", "number": "C99999", "displayName": "Last"}
        )
        last = page["nodes"][-1]["number"]
        gone = next(row for row in store.select("customers", where=None, order=(), limit=None) if row["number"] == last)
        store.delete("customers", gone["id"])
        rest: list[dict[str, Any]] = []
        after = page["pageInfo"]["endCursor"]
        while after is not None:
            following = (await api.ask(CUSTOMERS, {"first": 50, "after": after})).data["customers"]
            rest += following["nodes"]
            after = following["pageInfo"]["endCursor"] if following["pageInfo"]["hasNextPage"] else None
        expected = [row["number"] for row in before[50:]] + ["C99999"]
        assert [row["number"] for row in rest] == expected
    opened.close()


async def test_total_count_is_asked_for_only_when_wanted_and_is_right_on_every_page(api: Api) -> None:
    query = """query ($after: String) { customers(first: 10, after: $after, filter: {country: {eq: "nl"}}) {
        totalCount nodes { number } pageInfo { endCursor } } }"""
    first = await api.ask(query)
    total = first.data["customers"]["totalCount"]
    assert total > 10
    second = await api.ask(query, {"after": first.data["customers"]["pageInfo"]["endCursor"]})
    assert second.data["customers"]["totalCount"] == total
    assert first.cost == second.cost == (1, 1)
    assert "$count" in str(api.business_central.seen[0].url)
    await api.ask("{ customers(first: 1) { nodes { number } } }")
    assert "$count" not in str(api.business_central.seen[-1].url)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"blocked": "ALL"}, {"C00072"}),
        ({"number": {"in": ["C00210", "C00072", "nope"]}}, {"C00210", "C00072"}),
        ({"number": {"startsWith": "C0021"}}, {"C00210"}),
        ({"balanceDue": {"gt": "9439.99", "lte": "9440"}}, {"C00210"}),
        ({"salespersonCode": {"isBlank": True}, "number": {"eq": "C00089"}}, {"C00089"}),
        ({"displayName": {"eq": "harbour bikes bv"}, "city": {"ne": "Utrecht"}}, {"C00210"}),
    ],
    ids=["enum", "in", "starts_with", "between", "blank", "both_conditions"],
)
async def test_customers_are_filtered_by_the_backend(api: Api, filter_: dict[str, Any], expected: set[str]) -> None:
    answer = await api.ask(CUSTOMERS, {"first": 50, "filter": filter_})
    assert answer.errors == []
    assert {row["number"] for row in answer.data["customers"]["nodes"]} == expected
    assert answer.cost == (1, 1)


@pytest.mark.parametrize(
    ("root", "kind", "filter_", "field", "expected"),
    [
        ("items", "ItemFilter", {"type": "SERVICE", "number": {"eq": "1007-S"}}, "number", ["1007-S"]),
        ("items", "ItemFilter", {"blocked": True, "number": {"eq": "1006"}}, "number", ["1006"]),
        (
            "products",
            "ProductFilter",
            {"stateCode": "RETIRED", "productNumber": {"eq": "1011"}},
            "productNumber",
            ["1011"],
        ),
        ("salespersons", "SalespersonFilter", {"code": {"eq": "jo"}}, "code", ["JO"]),
        ("systemUsers", "SystemUserFilter", {"email": {"startsWith": "jonas"}}, "fullName", ["Jonas Okafor"]),
        ("accounts", "AccountFilter", {"accountNumber": {"eq": "LEAD-001"}}, "accountNumber", ["LEAD-001"]),
    ],
)
async def test_every_list_takes_its_filter(
    api: Api, root: str, kind: str, filter_: dict[str, Any], field: str, expected: list[str]
) -> None:
    query = f"query ($f: {kind}) {{ {root}(filter: $f) {{ nodes {{ {field} }} }} }}"
    answer = await api.ask(query, {"f": filter_})
    assert answer.errors == []
    assert [node[field] for node in answer.data[root]["nodes"]] == expected


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": 201},
        {"first": 5, "after": "nonsense"},
        {"first": 5, "filter": {"number": {"in": []}}},
        {"first": 5, "filter": {"number": {"in": [str(n) for n in range(101)]}}},
        {"first": 5, "filter": {"displayName": {"eq": "x" * 9000}}},
    ],
    ids=["none", "too_many", "cursor", "empty_in", "long_in", "long_text"],
)
async def test_an_argument_that_cannot_be_used_is_refused_before_anything_is_asked(
    api: Api, variables: dict[str, Any]
) -> None:
    answer = await api.ask(CUSTOMERS, variables)
    assert answer.data == {"customers": None}
    assert answer.codes == ["INVALID_INPUT"]
    assert answer.cost == (0, 0)


async def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    cursor = (await api.ask(CUSTOMERS, {"first": 1})).data["customers"]["pageInfo"]["endCursor"]
    answer = await api.ask(CUSTOMERS, {"first": 1, "after": cursor, "order": {"field": "CITY"}})
    assert answer.codes == ["INVALID_INPUT"]


async def test_edges_carry_the_cursor_of_each_row(api: Api) -> None:
    query = "{ customers(first: 3) { edges { cursor node { number } } nodes { number } pageInfo { startCursor endCursor } } }"
    page = (await api.ask(query)).data["customers"]
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    cursors = [edge["cursor"] for edge in page["edges"]]
    assert page["pageInfo"] == {"startCursor": cursors[0], "endCursor": cursors[-1]}
    after_first = await api.ask(CUSTOMERS, {"first": 2, "after": cursors[0]})
    assert [row["number"] for row in after_first.data["customers"]["nodes"]] == [
        row["number"] for row in page["nodes"][1:]
    ]


async def test_lists_below_rows_travel_in_one_batch(api: Api) -> None:
    query = """{ salespersons(first: 12) { nodes { code
        customers(first: 2) { totalCount nodes { number account { name } } pageInfo { hasNextPage } } } } }"""
    answer = await api.ask(query)
    assert answer.errors == []
    by_code = {node["code"]: node["customers"] for node in answer.data["salespersons"]["nodes"]}
    assert len(by_code) == 12
    assert len(by_code["JO"]["nodes"]) == 2
    assert by_code["JO"]["totalCount"] > 2
    assert by_code["JO"]["pageInfo"]["hasNextPage"] is True
    assert answer.cost == (3, 3)


async def test_opportunities_below_accounts_travel_in_one_batch(api: Api) -> None:
    query = """{ accounts(first: 25) { nodes { name
        opportunities(first: 3) { totalCount nodes { name estimatedValue { amount currencyCode } } } } } }"""
    answer = await api.ask(query)
    assert answer.errors == []
    lists = [node["opportunities"] for node in answer.data["accounts"]["nodes"]]
    assert sum(each["totalCount"] for each in lists) > 0
    assert answer.cost == (3, 3)


async def test_couplings_page_filter_and_count(api: Api) -> None:
    query = """query ($first: Int!, $after: String) { couplings(mapping: CUSTOMER, first: $first, after: $after) {
        totalCount nodes { id businessCentralKey } pageInfo { hasNextPage endCursor } } }"""
    rows = await walk(api, query, "couplings", first=33)
    assert len(rows) == len({row["id"] for row in rows}) == 160
    keys = [row["businessCentralKey"] for row in rows]
    assert keys == sorted(keys, key=str.casefold)
    skipped = await api.ask("{ couplings(skipped: true) { nodes { businessCentralKey errorCode errorMessage } } }")
    assert [node["businessCentralKey"] for node in skipped.data["couplings"]["nodes"]] == ["C00067"]
    failed = await api.ask(
        '{ couplings(failed: true, keyStartsWith: "c0005") { totalCount nodes { businessCentralKey } } }'
    )
    assert {node["businessCentralKey"] for node in failed.data["couplings"]["nodes"]} <= {"C00052", "C00058"}
    one = await api.ask("query ($id: ID!) { coupling(by: {id: $id}) { businessCentralKey } }", {"id": rows[0]["id"]})
    assert one.data["coupling"] == {"businessCentralKey": keys[0]}


async def test_a_coupling_by_either_record(api: Api) -> None:
    query = """query ($bc: UUID!, $crm: UUID!) {
        a: coupling(by: {businessCentral: {mapping: CUSTOMER, id: $bc}}) { id customer { number } account { name } }
        b: coupling(by: {dataverse: {mapping: CUSTOMER, id: $crm}}) { id }
        c: coupling(by: {dataverse: {mapping: ITEM, id: $crm}}) { id } }"""
    variables = {"bc": "7a2f6611-c76f-5b9f-9fb1-f12cf380c661", "crm": "61665137-3630-567e-aa8b-056ab5b6c1af"}
    answer = await api.ask(query, variables)
    assert answer.errors == []
    assert answer.data["a"]["id"] == answer.data["b"]["id"]
    assert answer.data["a"]["customer"] == {"number": "C00210"}
    assert answer.data["c"] is None


@pytest.mark.parametrize(
    ("field", "position"),
    [
        ("UNIT_PRICE", ["unitPrice+number", "1E+4000"]),
        ("UNIT_PRICE", ["unitPrice+number", "-1E+4000"]),
        ("UNIT_PRICE", ["unitPrice+number", "1E-4000"]),
        ("UNIT_PRICE", ["unitPrice+number", "0E-4000"]),
        ("UNIT_PRICE", ["unitPrice+number", "1" * 4_000]),
        ("LAST_MODIFIED_AT", ["lastModifiedDateTime+number", "0001-01-01T00:00:00+14:00"]),
        ("DISPLAY_NAME", ["displayName+number", "a\0b"]),
    ],
    ids=["huge", "negative", "tiny", "nothing", "digits", "before_the_year_1", "nul"],
)
async def test_a_cursor_with_a_value_that_no_backend_has_is_refused(api: Api, field: str, position: list[str]) -> None:
    """Cursors are the caller's to write; a number written out as backends want it could be longer than our memory."""
    cursor = base64.urlsafe_b64encode(json.dumps([*position, "1001"]).encode()).decode().rstrip("=")
    query = "query ($by: ItemOrderField!, $after: String) { items(orderBy: {field: $by}, after: $after) { nodes { number } } }"
    answer = await api.ask(query, {"by": field, "after": cursor})
    assert (answer.codes, api.business_central.seen) == (["INVALID_INPUT"], [])
