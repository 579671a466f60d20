"""A record is found by any key of either system, and only the right one is shown."""

from typing import Any
from uuid import UUID

import pytest

from gateway.couplings.store import CouplingStore, Side
from gateway.database import create_engine
from gateway.sandbox.company.story import (
    HARBOUR,
    ORPHANED,
    QUOTED_NAME,
    QUOTED_NUMBER,
    SALESPERSON_GAP,
    UNCOUPLED,
    VENDOR,
)
from tests.graphql.api import Api

pytestmark = pytest.mark.anyio

HARBOUR_ID = "7a2f6611-c76f-5b9f-9fb1-f12cf380c661"
HARBOUR_ACCOUNT = "61665137-3630-567e-aa8b-056ab5b6c1af"


@pytest.mark.parametrize(
    ("by", "cost"),
    [
        ({"number": HARBOUR}, (2, 1)),
        ({"number": HARBOUR.lower()}, (2, 1)),
        ({"systemId": HARBOUR_ID}, (2, 1)),
        ({"systemId": "{" + HARBOUR_ID.upper() + "}"}, (2, 1)),
        ({"accountId": HARBOUR_ACCOUNT}, (2, 1)),
        ({"accountNumber": HARBOUR}, (3, 2)),
    ],
)
async def test_a_customer_by_every_key(api: Api, by: dict[str, str], cost: tuple[int, int]) -> None:
    query = "query ($by: CustomerBy!) { customer(by: $by) { number systemId account { accountId } } }"
    answer = await api.ask(query, {"by": by})
    assert answer.errors == []
    assert answer.data["customer"] == {
        "number": HARBOUR,
        "systemId": HARBOUR_ID,
        "account": {"accountId": HARBOUR_ACCOUNT},
    }
    assert answer.cost == cost


@pytest.mark.parametrize(
    ("root", "kind", "by", "field", "expected"),
    [
        ("item", "ItemBy", {"number": "1001"}, "number", "1001"),
        ("item", "ItemBy", {"productNumber": "1001"}, "number", "1001"),
        ("salesperson", "SalespersonBy", {"code": "jo"}, "code", "JO"),
        ("salesperson", "SalespersonBy", {"userEmail": "jonas.okafor@wheelhouse.example"}, "code", "JO"),
        ("account", "AccountBy", {"accountId": HARBOUR_ACCOUNT}, "name", "Harbour Bikes BV"),
        ("account", "AccountBy", {"accountNumber": HARBOUR}, "name", "Harbour Bikes BV"),
        ("account", "AccountBy", {"customerNumber": HARBOUR}, "name", "Harbour Bikes BV"),
        ("account", "AccountBy", {"customerSystemId": HARBOUR_ID}, "name", "Harbour Bikes BV"),
        ("vendor", "VendorBy", {"number": "v00010"}, "number", VENDOR),
        ("vendor", "VendorBy", {"accountNumber": VENDOR}, "number", VENDOR),
        ("account", "AccountBy", {"vendorNumber": VENDOR}, "name", "Speichenwerk Köln e.K."),
        ("product", "ProductBy", {"productNumber": "1001"}, "productNumber", "1001"),
        ("product", "ProductBy", {"itemNumber": "1001"}, "productNumber", "1001"),
        ("systemUser", "SystemUserBy", {"email": "jonas.okafor@wheelhouse.example"}, "fullName", "Jonas Okafor"),
        ("systemUser", "SystemUserBy", {"salespersonCode": "JO"}, "fullName", "Jonas Okafor"),
    ],
)
async def test_every_kind_of_record_by_keys_of_both_systems(
    api: Api, root: str, kind: str, by: dict[str, str], field: str, expected: str
) -> None:
    answer = await api.ask(f"query ($by: {kind}!) {{ {root}(by: $by) {{ {field} }} }}", {"by": by})
    assert answer.errors == []
    assert answer.data[root] == {field: expected}


async def test_what_is_not_there_is_null_without_an_error(api: Api) -> None:
    answer = await api.ask(
        """query ($uncoupled: String!) {
             a: customer(by: {number: "NOPE"}) { number account { name } }
             b: customer(by: {accountId: "00000000-0000-0000-0000-000000000001"}) { number }
             c: account(by: {customerNumber: $uncoupled}) { name } }""",
        {"uncoupled": UNCOUPLED},
    )
    assert answer.errors == []
    assert answer.data == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("by", [{}, {"number": ""}, {"number": None}, {"number": "C00210", "accountNumber": "C00210"}])
async def test_exactly_one_key_that_is_not_blank(api: Api, by: dict[str, Any]) -> None:
    answer = await api.ask("query ($by: CustomerBy!) { customer(by: $by) { number } }", {"by": by})
    assert set(answer.codes) <= {"GRAPHQL_INVALID", "INVALID_INPUT"}
    assert answer.errors


async def test_an_uncoupled_customer_shows_no_account_and_no_coupling(api: Api) -> None:
    query = "query ($n: String!) { customer(by: {number: $n}) { number account { name } coupling { id } } }"
    answer = await api.ask(query, {"n": UNCOUPLED})
    assert answer.data["customer"] == {"number": UNCOUPLED, "account": None, "coupling": None}
    assert answer.cost == (1, 1)


async def test_a_coupling_whose_account_was_deleted_shows_the_customer_and_no_account(api: Api) -> None:
    query = "query ($n: String!) { customer(by: {number: $n}) { number account { name } coupling { dataverseId } } }"
    answer = await api.ask(query, {"n": ORPHANED})
    assert answer.errors == []
    assert answer.data["customer"]["account"] is None
    assert answer.data["customer"]["coupling"]["dataverseId"]


async def test_a_salesperson_without_user_is_null_not_an_error(api: Api) -> None:
    query = "query ($n: String!) { customer(by: {number: $n}) { salesperson { code user { fullName } } } }"
    answer = await api.ask(query, {"n": SALESPERSON_GAP})
    assert answer.errors == []
    assert answer.data["customer"]["salesperson"] == {"code": "KT", "user": None}


@pytest.mark.parametrize("root", ["customers", "accounts"])
async def test_a_name_with_every_trap_is_found_on_both_backends(api: Api, root: str) -> None:
    name = "displayName" if root == "customers" else "name"
    kind = "CustomerFilter" if root == "customers" else "AccountFilter"
    for condition in (
        {"eq": "O'Neill & Söhne 100%"},
        {"eq": "o'neill & SÖHNE 100%"},
        {"contains": "& Söhne 100%"},
        {"startsWith": "O'Neill & S"},
        {"endsWith": " 100%"},
        {"in": ["O'Neill & Söhne 100%", "nobody"]},
    ):
        query = f"query ($f: {kind}) {{ {root}(filter: $f) {{ totalCount nodes {{ {name} }} }} }}"
        answer = await api.ask(query, {"f": {name: condition}})
        assert answer.data[root] == {"totalCount": 1, "nodes": [{name: "O'Neill & Söhne 100%"}]}, condition


async def test_a_number_with_a_quote_is_found_on_both_backends(api: Api) -> None:
    query = """query ($n: String!) {
        customers(filter: {number: {eq: $n}}) { nodes { number } }
        accounts(filter: {accountNumber: {eq: $n}}) { nodes { accountNumber } }
        customer(by: {number: $n}) { number account { accountNumber } }
        account(by: {accountNumber: $n}) { accountNumber customer { number } } }"""
    answer = await api.ask(query, {"n": QUOTED_NUMBER})
    assert answer.errors == []
    assert answer.data["customers"]["nodes"] == [{"number": QUOTED_NUMBER}]
    assert answer.data["accounts"]["nodes"] == [{"accountNumber": QUOTED_NUMBER}]
    assert answer.data["customer"]["account"]["accountNumber"] == QUOTED_NUMBER
    assert answer.data["account"]["customer"]["number"] == QUOTED_NUMBER


async def test_wildcards_of_dataverse_are_taken_literally(api: Api) -> None:
    answer = await api.ask('{ accounts(filter: {name: {contains: "_"}}) { nodes { name } } }')
    assert answer.data["accounts"]["nodes"] == [{"name": "Rad_Lager [Nord]"}]


async def test_an_outdated_natural_key_never_shows_the_wrong_partner_and_is_put_right(
    api: Api, database_url: str
) -> None:
    """Two couplings are made to remember each other's customer numbers; asking by number must not mix them up."""
    engine = create_engine(database_url)
    store, company = CouplingStore(engine), UUID(api.sandbox.company.company_id)
    found = await store.find_by_key("CUSTOMER", company, Side.BUSINESS_CENTRAL, [HARBOUR, QUOTED_NAME])  # type: ignore[arg-type]
    harbour, other = found[HARBOUR.casefold()], found[QUOTED_NAME.casefold()]
    await store.correct_keys(Side.BUSINESS_CENTRAL, {harbour.id: QUOTED_NAME})
    await store.correct_keys(Side.BUSINESS_CENTRAL, {other.id: HARBOUR})
    query = (
        "query ($n: String!) { customer(by: {number: $n}) { number account { name } coupling { businessCentralId } } }"
    )
    try:
        answer = await api.ask(query, {"n": HARBOUR})
        assert answer.data["customer"]["account"]["name"] == "Harbour Bikes BV"
        assert answer.data["customer"]["coupling"]["businessCentralId"] == HARBOUR_ID
        assert (await store.get(harbour.id)).bc_key == HARBOUR  # type: ignore[union-attr]
    finally:
        await store.correct_keys(Side.BUSINESS_CENTRAL, {other.id: QUOTED_NAME})
        await store.correct_keys(Side.BUSINESS_CENTRAL, {harbour.id: HARBOUR})
        await engine.dispose()
    assert (await api.ask(query, {"n": HARBOUR})).cost == (2, 1)


async def test_node_gives_back_what_has_an_id(api: Api) -> None:
    first = await api.ask(
        """{ customer(by: {number: "C00210"}) { id account { id owner { id } } salesperson { id } coupling { id } }
             item(by: {number: "1001"}) { id product { id } } }"""
    )
    customer, item = first.data["customer"], first.data["item"]
    ids = [
        customer["id"],
        customer["account"]["id"],
        customer["account"]["owner"]["id"],
        customer["salesperson"]["id"],
        customer["coupling"]["id"],
        item["id"],
        item["product"]["id"],
    ]
    again = await api.ask(
        """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
             ... on Customer { displayName account { name } } ... on Account { name } ... on SystemUser { fullName }
             ... on Salesperson { code } ... on Coupling { customer { number } } ... on Item { number }
             ... on Product { productNumber } } }""",
        {"ids": ids},
    )
    assert again.errors == []
    assert [node["id"] for node in again.data["nodes"]] == ids
    kinds = ["Customer", "Account", "SystemUser", "Salesperson", "Coupling", "Item", "Product"]
    assert [node["__typename"] for node in again.data["nodes"]] == kinds
    one = await api.ask("query ($id: ID!) { node(id: $id) { ... on Customer { number } } }", {"id": customer["id"]})
    assert one.data["node"] == {"number": "C00210"}


@pytest.mark.parametrize("bad", ["", "nonsense", "Q3VzdG9tZXI6eDp5", "////"])
async def test_an_id_that_is_none_of_ours_is_refused(api: Api, bad: str) -> None:
    answer = await api.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": bad})
    assert answer.data == {"node": None}
    assert answer.codes == ["INVALID_INPUT"]


async def test_aliases_fragments_and_directives_are_looked_ahead_as_they_are_executed(api: Api) -> None:
    query = """
    query ($deep: Boolean!) {
      one: customer(by: {number: "C00210"}) { ...Names account @include(if: $deep) { name } account { owner { email } } }
      two: customer(by: {number: "C00210"}) { nick: displayName ... on Node { id } account @skip(if: true) { name } }
    }
    fragment Names on Customer { displayName ...More }
    fragment More on Customer { city }
    """
    answer = await api.ask(query, {"deep": True})
    assert answer.errors == []
    assert answer.data["one"]["account"] == {
        "name": "Harbour Bikes BV",
        "owner": {"email": "jonas.okafor@wheelhouse.example"},
    }
    assert answer.data["two"]["nick"] == "Harbour Bikes BV"
    assert answer.cost == (2, 1), "both aliases travel in one request to each backend"
    urls = [str(request.url) for request in api.business_central.seen]
    assert all("balanceDue" not in url and "city" in url for url in urls)


async def test_a_partner_shared_by_many_rows_is_shown_on_each(api: Api) -> None:
    """Expanded rows come once for each parent; the same owner of many accounts has the same salesperson on all."""
    answer = await api.ask(
        "{ accounts(first: 60) { nodes { owner { userId salesperson { code } coupling { id } } } } }"
    )
    assert answer.errors == []
    seen: dict[str, set[tuple[str | None, bool]]] = {}
    for node in answer.data["accounts"]["nodes"]:
        if owner := node["owner"]:
            code = owner["salesperson"]["code"] if owner["salesperson"] else None
            seen.setdefault(owner["userId"], set()).add((code, owner["coupling"] is not None))
    assert len(seen) > 3
    assert all(len(shown) == 1 for shown in seen.values()), "each owner is shown the same everywhere"
    assert sum(1 for shown in seen.values() if (None, False) not in shown) > 3
