"""The rows of the demo company fit what the simulators serve: names, lengths, choices, keys and references."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from gateway.sandbox.business_central.app import load_model
from gateway.sandbox.company.demo import DemoCompany, demo_company
from gateway.sandbox.company.rows import Row
from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.model import EntitySet, Model
from gateway.sandbox.store import Store

BACKENDS = ("business_central", "dataverse")


STARTS_EMPTY = frozenset(
    {
        "subscriptions",
        "agedAccountsReceivables",
        "customerSales",
        "$otherLines",
        "salesQuotes",
        "salesQuoteLines",
        "invoices",
        "invoicedetails",
        "$numberSeries",
        "asyncoperations",
        "sdkmessages",
        "sdkmessagefilters",
        "sdkmessageprocessingsteps",
    }
    | {"serviceendpoints", "serviceendpointsecrets"}
)
"""Sets that only callers, or what the simulators themselves do, fill."""


@cache
def model(backend: str) -> Model:
    return load_model() if backend == "business_central" else dataverse_model()


def rows_of(company: DemoCompany, backend: str) -> dict[str, list[Row]]:
    sets = company.business_central() if backend == "business_central" else company.dataverse()
    return {name: list(rows) for name, rows in sets}


@cache
def rows(backend: str) -> dict[str, list[Row]]:
    return rows_of(demo_company(), backend)


def values(backend: str) -> Iterator[tuple[EntitySet, str, object]]:
    for name, some in rows(backend).items():
        entity_set = model(backend).sets[name]
        for row in some:
            yield from ((entity_set, column, value) for column, value in row.items() if value is not None)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_table_of_the_model_has_rows_and_no_other(backend: str) -> None:
    tables = {name for name, entity_set in model(backend).sets.items() if entity_set.view is None}
    assert rows(backend).keys() == tables - STARTS_EMPTY
    assert all(rows(backend).values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_column_is_a_property_of_the_model(backend: str) -> None:
    unknown = {(entity_set.name, column) for entity_set, column, _ in values(backend)} - {
        (name, column) for name, entity_set in model(backend).sets.items() for column in entity_set.properties
    }
    assert not unknown


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_text_is_longer_than_its_column(backend: str) -> None:
    for entity_set, column, value in values(backend):
        length = entity_set.properties[column].max_length
        assert length is None or len(str(value)) <= length, (entity_set.name, column, value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_choice_is_one_of_its_options(backend: str) -> None:
    for entity_set, column, value in values(backend):
        options = entity_set.properties[column].options
        assert options is None or isinstance(value, bool) or str(value) in options, (entity_set.name, column, value)


def test_every_status_reason_belongs_to_its_state() -> None:
    for name, some in rows("dataverse").items():
        status = model("dataverse").sets[name].properties.get("statuscode")
        if status is not None:
            state_of = status.extra["stateOf"]
            assert isinstance(state_of, dict)
            assert all(state_of[str(row["statuscode"])] == row["statecode"] for row in some), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_key_is_given_once(backend: str) -> None:
    for name, some in rows(backend).items():
        key = model(backend).sets[name].key
        assert len({row[key] for row in some}) == len(some), name


@pytest.mark.parametrize(
    ("backend", "name", "column"),
    [
        ("business_central", "customers", "number"),
        ("business_central", "vendors", "number"),
        ("business_central", "contacts", "number"),
        ("business_central", "items", "number"),
        ("business_central", "salesOrders", "number"),
        ("business_central", "opportunities", "number"),
        ("business_central", "salespeoplePurchasers", "code"),
        ("business_central", "items", "gtin"),
        ("dataverse", "products", "productnumber"),
        ("dataverse", "systemusers", "internalemailaddress"),
        ("dataverse", "salesorders", "ordernumber"),
    ],
)
def test_natural_keys_are_unique(backend: str, name: str, column: str) -> None:
    given = [row[column] for row in rows(backend)[name] if row.get(column)]
    assert len(set(given)) == len(given)


def dangling(backend: str, entity_set: EntitySet) -> dict[str, set[object]]:
    """By property: what it refers to that no target row has."""
    found: dict[str, set[object]] = defaultdict(set)
    for navigation in entity_set.navigations.values():
        if navigation.collection:
            continue
        if model(backend).sets[navigation.target].view is not None:
            continue
        targets = navigation.extra.get("targets", [navigation.target])
        assert isinstance(targets, list)
        for target in targets:
            key = navigation.target_property if len(targets) == 1 else model(backend).sets[target].key
            found[navigation.source_property] |= {row.get(key) for row in rows(backend).get(target, [])}
    some = rows(backend).get(entity_set.name, [])
    used = {source: {row[source] for row in some if row.get(source)} for source in found}
    return {source: used[source] - found[source] for source in found if used[source] - found[source]}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_reference_leads_to_a_row(backend: str) -> None:
    for entity_set in model(backend).sets.values():
        assert not dangling(backend, entity_set), entity_set.name


@pytest.mark.parametrize(
    ("name", "column", "target", "key"),
    [
        ("customers", "salespersonCode", "salespeoplePurchasers", "code"),
        ("salesOrders", "salesperson", "salespeoplePurchasers", "code"),
        ("contacts", "companyNumber", "contacts", "number"),
        ("$contactBusinessRelations", "contactNo", "contacts", "number"),
        ("$purchaseLines", "buyFromVendorNo", "vendors", "number"),
        ("opportunities", "contactNumber", "contacts", "number"),
        ("opportunities", "contactCompanyNumber", "contacts", "number"),
        ("opportunities", "salespersonCode", "salespeoplePurchasers", "code"),
        ("salesOrderLines", "lineObjectNumber", "items", "number"),
        ("$customerLedgerEntries", "customerNo", "customers", "number"),
        ("$customerLedgerEntries", "currencyCode", "currencies", "code"),
        ("$itemLedgerEntries", "itemNo", "items", "number"),
        ("$itemLedgerEntries", "locationCode", "locations", "code"),
        ("$itemLedgerEntries", "sourceNo", "customers", "number"),
        ("$purchaseLines", "itemNo", "items", "number"),
        ("$purchaseLines", "locationCode", "locations", "code"),
        ("$transferLines", "itemNo", "items", "number"),
        ("$transferLines", "transferFromCode", "locations", "code"),
        ("$transferLines", "transferToCode", "locations", "code"),
        ("$transferLines", "inTransitCode", "locations", "code"),
        ("$itemUnitsOfMeasure", "itemNo", "items", "number"),
        ("$itemUnitsOfMeasure", "code", "unitsOfMeasure", "code"),
        ("$salesReturnLines", "itemNo", "items", "number"),
        ("$salesReturnLines", "billToCustomerNo", "customers", "number"),
        ("$serviceLines", "customerNo", "customers", "number"),
        ("$serviceLines", "billToCustomerNo", "customers", "number"),
        ("salesInvoiceLines", "orderLineId", "salesOrderLines", "id"),
    ],
)
def test_every_code_and_number_leads_to_a_record(name: str, column: str, target: str, key: str) -> None:
    known = {row[key] for row in rows("business_central")[target]}
    assert {row[column] for row in rows("business_central")[name] if row.get(column)} <= known


def test_every_business_relation_leads_to_its_customer_or_vendor() -> None:
    numbers = {
        kind: {row["number"] for row in rows("business_central")[name]}
        for kind, name in (("Customer", "customers"), ("Vendor", "vendors"))
    }
    relations = rows("business_central")["$contactBusinessRelations"]
    assert all(row["no"] in numbers[str(row["linkToTable"])] for row in relations)
    assert len(relations) == sum(map(len, numbers.values()))


def test_the_owner_column_agrees_with_the_owning_user_or_team() -> None:
    for name in ("accounts", "contacts", "opportunities", "salesorders"):
        for row in rows("dataverse")[name]:
            user, team = row.get("_owninguser_value"), row.get("_owningteam_value")
            assert row["_ownerid_value"] == (user or team)
            assert not (user and team)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_store_takes_every_row(backend: str) -> None:
    store = Store(model(backend), None)
    for name, some in rows(backend).items():
        assert store.seed(name, some) == len(some)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_larger_company_holds_the_smaller_one_unchanged(backend: str) -> None:
    larger = rows_of(demo_company(customers=230, items=330), backend)
    for name, some in rows(backend).items():
        key = model(backend).sets[name].key
        by_key = {row[key]: row for row in larger[name]}
        assert all(by_key[row[key]] == row for row in some), name


def test_a_larger_company_keeps_the_couplings_of_the_smaller_one() -> None:
    assert set(demo_company().couplings()) <= set(demo_company(customers=230, items=330).couplings())


def test_four_of_five_further_customers_and_items_are_coupled() -> None:
    larger = set(demo_company(customers=300, items=400).couplings()) - set(demo_company().couplings())
    assert sum(coupling.mapping == "CUSTOMER" for coupling in larger) == 80
    assert sum(coupling.mapping == "ITEM" for coupling in larger) == 80


def test_rows_are_the_same_every_time() -> None:
    assert rows_of(demo_company(), "dataverse") == rows("dataverse")
    assert rows_of(demo_company(), "business_central") == rows("business_central")


def test_rows_of_a_huge_company_start_at_once() -> None:
    sets = demo_company(customers=10**9, items=10**9).business_central()
    assert {name: next(some) for name, some in sets}["customers"]["number"] == "C00011"


def test_a_company_smaller_than_the_story_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 200 customers and 300 items"):
        demo_company(customers=199)
