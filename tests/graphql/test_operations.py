"""The operations outsiders rely on: they validate as they stand, they work, and they cost what they may cost.

``schema/operations.graphql`` is their contract. An operation that needs what is not there yet fails validation; the day it
passes, it has to be moved to the others and run.
"""

from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, print_ast, validate

from schema.root import build_schema
from tests.graphql.api import Api

pytestmark = pytest.mark.anyio

OPERATIONS = {
    definition.name.value: definition
    for definition in parse(Path("schema/operations.graphql").read_text(encoding="utf-8")).definitions
    if isinstance(definition, OperationDefinitionNode) and definition.name is not None
}
WORKING = {
    "AvailabilityByPeriod",
    "AvailabilityWidget",
    "Connection",
    "CoupleCustomer",
    "Couplings",
    "CustomerCard",
    "CustomerList",
    "CustomerStatistics",
    "ItemCard",
    "SalespersonCard",
    "SynchronizationJob",
    "SynchronizeModified",
    "UncoupleRecords",
    "WatchJob",
}
COUPLINGS_READ = """
query Couplings($first: Int!) {
  couplings(mapping: CUSTOMER, first: $first) {
    nodes { id mapping customer { number displayName } account { accountId name } lastSynchronizedAt skipped }
  }
}
"""
"""The operation ``Couplings`` without ``differences``."""


def operation(name: str) -> str:
    return print_ast(OPERATIONS[name])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_validates_as_soon_as_its_fields_are_there(name: str) -> None:
    schema = build_schema()._schema
    errors = validate(schema, parse(operation(name)))
    assert bool(errors) != (name in WORKING)


async def test_customer_card(api: Api) -> None:
    cold = await api.ask(operation("CustomerCard"), {"number": "C00210"})
    assert cold.errors == []
    card = cold.data["customer"]
    assert card["displayName"] == "Harbour Bikes BV"
    assert card["balanceDue"] == {"amount": "9440", "currencyCode": "EUR"}
    assert card["creditLimit"] == {"amount": "20000", "currencyCode": "EUR"}
    assert card["salesperson"]["code"] == "JO"
    assert card["salesperson"]["user"]["fullName"] == "Jonas Okafor"
    assert card["account"]["name"] == "Harbour Bikes BV"
    assert card["account"]["owner"] == {"fullName": "Jonas Okafor"}
    assert card["coupling"]["lastSynchronizedAt"].endswith("Z")
    assert cold.cost == (4, 2)
    warm = await api.ask(operation("CustomerCard"), {"number": "C00210"})
    assert warm.data == cold.data
    assert warm.cost == (2, 1)


@pytest.mark.parametrize(("first", "rows"), [(50, 50), (200, 200)])
async def test_customer_list_costs_the_same_for_any_page(api: Api, first: int, rows: int) -> None:
    answer = await api.ask(operation("CustomerList"), {"first": first, "after": None})
    assert answer.errors == []
    assert len(answer.data["customers"]["nodes"]) == rows
    assert sum(1 for node in answer.data["customers"]["nodes"] if node["account"]) > rows * 3 // 4
    assert answer.cost == (3, 2)


async def test_item_card(api: Api) -> None:
    answer = await api.ask(operation("ItemCard"), {"number": "1001"})
    assert answer.errors == []
    item = answer.data["item"]
    assert (item["number"], item["inventory"], item["unitPrice"]["currencyCode"]) == ("1001", "145", "EUR")
    assert item["product"]["productNumber"] == "1001"
    assert item["product"]["stateCode"] == "ACTIVE"
    assert answer.cost == (2, 1)


async def test_salesperson_card(api: Api) -> None:
    answer = await api.ask(operation("SalespersonCard"), {"code": "JO"})
    assert answer.errors == []
    person = answer.data["salesperson"]
    assert person["displayName"] == person["user"]["fullName"] == "Jonas Okafor"
    assert person["user"]["isDisabled"] is False
    assert len(person["customers"]["nodes"]) == 5
    assert answer.cost == (3, 2)
    warm = await api.ask(operation("SalespersonCard"), {"code": "JO"})
    assert warm.cost == (1, 1)


async def test_connection(api: Api) -> None:
    answer = await api.ask(operation("Connection"))
    assert answer.data["connection"]["healthy"] is True
    assert all(check["passed"] and check["hint"] is None for check in answer.data["connection"]["checks"])
    assert answer.cost == (3, 2)


async def test_availability_widget(api: Api) -> None:
    item = await api.ask('{ item(by: {number: "1016"}) { product { productId } } }')
    variables = {"productId": item.data["item"]["product"]["productId"], "quantity": "10", "on": "2026-12-02"}
    cold = await api.ask(operation("AvailabilityWidget"), variables)
    assert cold.errors == []
    found = cold.data["availability"]
    assert found["item"]["number"] == "1016"
    assert (found["inventory"], found["projectedAvailableBalance"]) == ("20", "45")
    assert (found["sufficient"], found["earliestDate"]) == (True, "2026-12-02")
    assert found["byLocation"] == [
        {
            "location": {"code": "MAIN", "displayName": "Main warehouse"},
            "inventory": "20",
            "projectedAvailableBalance": "45",
        }
    ]
    assert found["missing"] == []
    assert cold.cost == (7, 1)
    assert (await api.ask(operation("AvailabilityWidget"), variables)).cost == (6, 1)


async def test_availability_by_period(api: Api) -> None:
    answer = await api.ask(operation("AvailabilityByPeriod"), {"number": "1001", "from": "2026-11-16"})
    assert answer.errors == []
    found = answer.data["availability"]
    assert len(found["byPeriod"]) == 8
    assert found["byPeriod"][-1]["projectedAvailableBalance"] == found["events"][-1]["projectedInventory"] == "208"
    assert answer.cost == (5, 1)


async def test_customer_statistics(api: Api) -> None:
    card = await api.ask(operation("CustomerCard"), {"number": "C00210"})
    variables = {"accountId": card.data["customer"]["account"]["accountId"]}
    answer = await api.ask(operation("CustomerStatistics"), variables)
    assert answer.errors == []
    found = answer.data["customer"]["statistics"]
    assert (found["balance"], found["missing"]) == ({"amount": "9440", "currencyCode": "EUR"}, [])
    assert (found["total"]["amount"], found["availableCredit"]["amount"]) == ("17591.41", "2408.59")
    assert [age["label"] for age in found["aging"]] == ["Not due", "1-30 days", "31-60 days", "Over 60 days"]
    assert answer.data["customer"]["account"]["openOpportunities"]["count"] > 0
    assert answer.cost == (8, 2)
    assert (await api.ask(operation("CustomerStatistics"), variables)).cost == (7, 1)


async def test_couplings(api: Api) -> None:
    answer = await api.ask(operation("Couplings"), {"first": 50})
    assert answer.errors == []
    nodes = {node["customer"]["number"]: node for node in answer.data["couplings"]["nodes"]}
    assert len(nodes) == 50
    moved = {number: [each["changedSide"] for each in node["differences"] or ()] for number, node in nodes.items()}
    assert (moved["C00063"], moved["C00064"], moved["C00065"]) == (["BOTH"], ["BUSINESS_CENTRAL"], ["DATAVERSE"])
    assert nodes["C00058"]["differences"] is None, "its account was deleted"
    assert answer.cost == (8, 3), (
        "customers and accounts, then all they refer to: people, currencies, terms and methods"
    )
    again = await api.ask(operation("Couplings"), {"first": 50})
    assert again.cost == (4, 2), "whom a salesperson's code stands for is asked each time"


async def test_couplings_read_part(api: Api) -> None:
    answer = await api.ask(COUPLINGS_READ, {"first": 50})
    assert answer.errors == []
    nodes: list[dict[str, Any]] = answer.data["couplings"]["nodes"]
    assert len(nodes) == 50
    assert all(node["mapping"] == "CUSTOMER" for node in nodes)
    assert answer.cost == (2, 1)


async def test_couplings_of_a_large_page_stay_few_requests(api: Api) -> None:
    answer = await api.ask(COUPLINGS_READ, {"first": 160})
    assert len(answer.data["couplings"]["nodes"]) == 160
    assert answer.cost == (3, 1), "the customers' keys take two URLs of Business Central, side by side"


async def test_a_customer_is_coupled_and_uncoupled(own_api: Api) -> None:
    found = await own_api.ask('{ accounts(filter: {accountNumber: {eq: "LEAD-001"}}) { nodes { accountId } } }')
    variables = {"number": "C00021", "accountId": found.data["accounts"]["nodes"][0]["accountId"]}
    answer = await own_api.ask(operation("CoupleCustomer"), variables)
    assert answer.errors == []
    coupled = answer.data["coupleRecords"]
    assert coupled["__typename"] == "CoupleRecordsSuccess"
    assert coupled["coupling"]["customer"] == {"number": "C00021"}
    assert coupled["coupling"]["account"] == {"accountId": variables["accountId"]}
    assert answer.cost == (5, 3)
    again = await own_api.ask(operation("CoupleCustomer"), variables)
    assert again.data["coupleRecords"]["code"] == "ALREADY_COUPLED"
    ended = await own_api.ask(operation("UncoupleRecords"), {"id": coupled["coupling"]["id"]})
    assert ended.data["uncoupleRecords"] == {
        "__typename": "UncoupleRecordsSuccess",
        "uncoupledId": coupled["coupling"]["id"],
    }
    gone = await own_api.ask(operation("UncoupleRecords"), {"id": coupled["coupling"]["id"]})
    assert gone.data["uncoupleRecords"]["code"] == "NOT_COUPLED"
