"""A large company is made part by part and put into stores without indexes; what comes out is the same."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.business_central.app import load_model
from gateway.sandbox.company.accounts import accounts
from gateway.sandbox.company.couplings import couplings
from gateway.sandbox.company.demo import demo_company
from gateway.sandbox.company.identifiers import bc_id, crm_id
from gateway.sandbox.company.opportunities import opportunities
from gateway.sandbox.company.orders import orders
from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.identity.people import TENANT_ID
from gateway.sandbox.seeding import seed
from gateway.sandbox.store import Store

CUSTOMERS = 420
STORY_END = 200


def keys_of_couplings(part: range) -> Iterator[object]:
    return iter(sorted((one.mapping, one.bc_id) for one in couplings(part=part, item_count=300)))


@pytest.mark.parametrize("make", [accounts, orders, opportunities])
@pytest.mark.parametrize("cut", [STORY_END, 201, 333])
def test_parts_hold_what_the_whole_holds(make: Callable[[range], Iterator[object]], cut: int) -> None:
    assert [*make(range(cut)), *make(range(cut, CUSTOMERS))] == list(make(range(CUSTOMERS)))


def test_parts_hold_the_couplings_of_the_whole() -> None:
    parted = [*keys_of_couplings(range(300)), *keys_of_couplings(range(300, CUSTOMERS))]
    assert sorted(parted, key=str) == sorted(keys_of_couplings(range(CUSTOMERS)), key=str)


def test_the_parts_of_a_company_are_all_its_customers() -> None:
    company = demo_company(customers=2500)
    assert [index for part in company.parts() for index in part] == list(range(2500))


@given(kind=st.text(max_size=10), key=st.text(max_size=10))
def test_ids_are_name_based_uuids(kind: str, key: str) -> None:
    for made, space in ((bc_id, "business-central"), (crm_id, "dataverse")):
        assert made(kind, key) == str(uuid5(uuid5(UUID(TENANT_ID), space), f"{kind}:{key}"))


def indexes(path: Path) -> list[object]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' ORDER BY name").fetchall()
    finally:
        connection.close()


def test_indexes_are_back_when_a_store_is_full(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(load_model(), path)
    before = indexes(path)
    with store.filling():
        assert len(indexes(path)) < len(before)
        store.seed("customers", [{"id": bc_id("customer", "1"), "number": "1"}])
    store.close()
    assert indexes(path) == before


def test_a_store_that_holds_the_company_is_left_alone() -> None:
    company = demo_company()
    central, dataverse = Store(load_model(), None), Store(dataverse_model(), None)
    seed(company, business_central=central, dataverse=dataverse)
    versions = central.version, dataverse.version
    assert central.count("customers") == company.customers
    dataverse.fingerprint = "something else"
    seed(company, business_central=central, dataverse=dataverse)
    assert central.version == versions[0]
    assert dataverse.version > versions[1]
    assert dataverse.fingerprint == company.fingerprint
