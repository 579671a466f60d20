"""Requests that no client should send are refused in the words of the service, and never break the simulators."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.identity import people
from gateway.sandbox.webhooks.delivery import is_web_address
from tests.checklist.tokens import bearer

pytestmark = pytest.mark.anyio

BASE = "http://sandbox.test"
MANY_DIGITS = "9" * 5000
HALF_A_PAIR = "\ud800"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with TemporaryDirectory() as folder:
        opened = open_sandbox(BASE, folder=Path(folder))
        yield opened
        opened.close()


@pytest.fixture
async def central(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    address = f"{sandbox.addresses.business_central}/companies({sandbox.company.company_id})/"
    async with _client(sandbox, address, bearer(sandbox)) as client:
        yield client


@pytest.fixture
async def dataverse(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = bearer(sandbox, sandbox.addresses.dataverse)
    async with _client(sandbox, f"{sandbox.addresses.dataverse}/api/data/v9.2/", headers) as client:
        yield client


def _client(sandbox: Sandbox, address: str, headers: dict[str, str]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=sandbox.app())
    return httpx.AsyncClient(transport=transport, base_url=address, headers=headers)


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_path_of_a_hundred_steps_is_refused(dataverse: httpx.AsyncClient) -> None:
    long_path = "parentaccountid/" * 100 + "name eq 'a'"
    assert refusal(await dataverse.get("accounts", params={"$filter": long_path})) == (400, "0x80060888")


async def test_a_page_size_of_thousands_of_digits_is_no_wish(
    central: httpx.AsyncClient, dataverse: httpx.AsyncClient
) -> None:
    wish = {"Prefer": f"odata.maxpagesize={MANY_DIGITS}"}
    for response in (await central.get("customers", headers=wish), await dataverse.get("accounts", headers=wish)):
        assert response.status_code == 200
        assert "Preference-Applied" not in response.headers


@pytest.mark.parametrize("name", ["creditLimit", "taxLiable", "displayName", "noSuchColumn", HALF_A_PAIR])
async def test_half_a_surrogate_pair_is_no_json(central: httpx.AsyncClient, name: str) -> None:
    response = await central.post("customers", content=json.dumps({name: HALF_A_PAIR}))
    assert refusal(response) == (400, "BadRequest")


@pytest.mark.parametrize("name", ["kind", "path", "pattern", HALF_A_PAIR])
async def test_a_rule_for_faults_is_text(sandbox: Sandbox, name: str) -> None:
    rule = json.dumps({"kind": "status", name: HALF_A_PAIR})
    async with _client(sandbox, BASE, {}) as admin:
        assert (await admin.post("/sandbox/admin/faults", content=rule)).status_code == 400
        assert (await admin.get("/sandbox/admin/faults")).json()["rules"] == []


@pytest.mark.parametrize("name", [{}, [], 1.5])
@pytest.mark.parametrize("member", ["id", "dependsOn"])
async def test_an_operation_of_a_batch_is_named_by_text(sandbox: Sandbox, member: str, name: object) -> None:
    operation = {"id": "1", "method": "GET", "url": "companies", member: [name] if member == "dependsOn" else name}
    async with _client(sandbox, f"{sandbox.addresses.business_central}/", bearer(sandbox)) as root:
        assert refusal(await root.post("$batch", json={"requests": [operation]})) == (400, "BadRequest")


async def test_an_item_variant_may_come_without_a_code(central: httpx.AsyncClient) -> None:
    item = (await central.get("items?$top=1&$select=id")).json()["value"][0]["id"]
    first, second = [await central.post("itemVariants", json={"itemId": item}) for _ in range(2)]
    assert first.status_code == 201, first.text
    assert refusal(second) == (400, "Internal_EntityWithSameKeyExists")


async def test_a_moment_beyond_the_calendar_is_refused(sandbox: Sandbox) -> None:
    before = sandbox.addresses.business_central.removesuffix("v2.0")
    address = f"{before}wheelhouse/availability/v1.0/companies({sandbox.company.company_id})/"
    async with _client(sandbox, address, bearer(sandbox) | {"If-Match": "*"}) as extension:
        key = (await extension.get("couplings?$top=1")).json()["value"][0]["id"]
        body = {"lastSynchModifiedOn": "9999-12-31T23:59:59-12:00"}
        assert refusal(await extension.patch(f"couplings({key})", json=body)) == (400, "BadRequest")


@pytest.mark.parametrize("amount", ["1e300", "-1e300", "1" + "0" * 18])
async def test_a_decimal_has_eighteen_digits_before_its_point(central: httpx.AsyncClient, amount: str) -> None:
    key = (await central.get("items?$top=1&$filter=type eq 'Inventory'")).json()["value"][0]["id"]
    response = await central.patch(f"items({key})", content=f'{{"inventory": {amount}}}', headers={"If-Match": "*"})
    assert refusal(response) == (400, "BadRequest")


async def test_amounts_that_grow_beyond_reason_are_refused(central: httpx.AsyncClient) -> None:
    line = {"lineType": "Item", "lineObjectNumber": "1001", "quantity": 10**17, "unitPrice": 10**17}
    order = {"customerNumber": "C00210", "salesOrderLines": [line]}
    count = (await central.get("salesOrders/$count")).text
    assert refusal(await central.post("salesOrders", json=order)) == (400, "BadRequest")
    assert (await central.get("salesOrders/$count")).text == count


async def test_a_price_that_grows_beyond_reason_is_refused(dataverse: httpx.AsyncClient) -> None:
    customer = {"customerid_account@odata.bind": "/accounts(accountnumber='C00210')"}
    order = await dataverse.post("salesorders", json={"name": "Much", **customer})
    line = {
        "salesorderid@odata.bind": order.headers["OData-EntityId"],
        "isproductoverridden": True,
        "productdescription": "Everything",
        "priceperunit": 9 * 10**14,
        "quantity": 10**11,
    }
    assert refusal(await dataverse.post("salesorderdetails", json=line)) == (400, "0x80044330")


@pytest.mark.parametrize("port", ["65536", "99999", "-1", "x"])
def test_an_address_names_a_port_there_is(port: str) -> None:
    assert not is_web_address(f"http://127.0.0.1:{port}/hooks")


@pytest.mark.parametrize(("method", "url"), [("POST", "subscriptions"), ("PATCH", "/Subscriptions('x')")])
async def test_a_receiver_is_not_asked_within_a_snapshot(sandbox: Sandbox, method: str, url: str) -> None:
    operation = {"id": "1", "method": method, "url": url, "body": {}}
    async with _client(sandbox, f"{sandbox.addresses.business_central}/", bearer(sandbox)) as root:
        answer = await root.post("$batch", json={"requests": [operation]}, headers={"Isolation": "snapshot"})
        assert refusal(answer) == (400, "BadRequest")
        assert "within a snapshot" in answer.json()["error"]["message"]


@pytest.mark.parametrize("person", [people.ADMIN, people.SALES])
@pytest.mark.parametrize("quantifier", ["any()", "any(o:o/lastname eq 'a')", "all(o:o/lastname eq 'a')"])
@pytest.mark.parametrize("collection", ["contact_customer_accounts", "parentcustomerid_account", "nothing"])
async def test_a_collection_that_a_table_has_not_is_refused_to_everybody(
    sandbox: Sandbox, person: people.Person, quantifier: str, collection: str
) -> None:
    headers = bearer(sandbox, sandbox.addresses.dataverse, subject=person)
    async with _client(sandbox, f"{sandbox.addresses.dataverse}/api/data/v9.2/", headers) as client:
        answer = await client.get("contacts", params={"$filter": f"{collection}/{quantifier}"})
    assert refusal(answer) == (400, "0x80060888")
