"""What Dataverse asks of new products, unit groups, currencies and opportunities, under a key the caller chose."""

from collections.abc import Mapping

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
COMPANY = "00000005-0000-4000-8000-000000000000"
OTHER = "00000006-0000-4000-8000-000000000000"
GROUP = "00000011-0000-4000-8000-000000000000"
UNIT = "00000012-0000-4000-8000-000000000000"
FOREIGN = "00000013-0000-4000-8000-000000000000"
NEW = "00000099-0000-4000-8000-000000000000"
ONLY_NEW = {"If-None-Match": "*", "Prefer": "return=representation"}
KRONE = {
    "isocurrencycode": "NOK",
    "currencyname": "Norwegian krone",
    "currencysymbol": "kr",
    "currencyprecision": 2,
    "exchangerate": 11.5,
}
BELL = {
    "name": "Bell",
    "productnumber": "1000",
    "quantitydecimal": 2,
    "defaultuomid@odata.bind": f"/uoms({UNIT})",
    "defaultuomscheduleid@odata.bind": f"/uomschedules({GROUP})",
}
Json = dict[str, object]


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    quay = {"accountid": QUAY, "name": "Quay Cycles", "_bcbi_companyid_value": COMPANY}
    dataverse_store.seed("accounts", [quay, {"accountid": OTHER, "name": "Other"}])
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos"}])
    dataverse_store.seed("bcbi_companies", [{"bcbi_companyid": COMPANY, "bcbi_name": "Fjord Wheels"}])
    dataverse_store.seed("uomschedules", [{"uomscheduleid": GROUP, "name": "NAV PCS", "baseuomname": "PCS"}])
    unit = {"name": "PCS", "quantity": 1, "_uomscheduleid_value": GROUP}
    dataverse_store.seed("uoms", [unit | {"uomid": UNIT}, unit | {"uomid": FOREIGN, "_uomscheduleid_value": NEW}])


async def made(client: httpx.AsyncClient, table: str, body: Mapping[str, object]) -> Json:
    response = await client.patch(f"{table}({NEW})", json=body, headers=ONLY_NEW)
    assert response.status_code == 201, response.text
    again = await client.patch(f"{table}({NEW})", json=body, headers=ONLY_NEW)
    assert (again.status_code, again.json()["error"]["code"]) == (412, "0x80040237")
    row: Json = response.json()
    return row


async def refused(client: httpx.AsyncClient, table: str, body: Mapping[str, object]) -> tuple[int, str, str]:
    response = await client.patch(f"{table}({NEW})", json=body, headers=ONLY_NEW)
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def without(body: Mapping[str, object], name: str) -> Json:
    return {column: value for column, value in body.items() if column != name}


async def test_a_unit_group_needs_a_base_unit_and_makes_it(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    expected = (400, "0x80043810", "baseuomname not specified")
    assert await refused(dataverse, "uomschedules", {"name": "NAV KG"}) == expected
    assert (await refused(dataverse, "uomschedules", {"baseuomname": "KG"}))[:2] == (400, "0x80040203")
    group = await made(dataverse, "uomschedules", {"name": "NAV KG", "baseuomname": "KG"})
    assert group["uomscheduleid"] == NEW
    (unit,) = (row for row in dataverse_store.select("uoms") if row["name"] == "KG")
    assert (unit["_uomscheduleid_value"], unit["quantity"], unit["isschedulebaseuom"]) == (NEW, 1, True)


async def test_a_currency_needs_all_its_columns(dataverse: httpx.AsyncClient) -> None:
    for name in KRONE:
        expected = (400, "0x80040203", f"The required field '{name}' is missing.")
        assert await refused(dataverse, "transactioncurrencies", without(KRONE, name)) == expected
    assert (await refused(dataverse, "transactioncurrencies", KRONE | {"exchangerate": 0}))[:2] == (400, "0x80044330")
    assert (await made(dataverse, "transactioncurrencies", KRONE))["transactioncurrencyid"] == NEW


async def test_a_currency_is_made_once(dataverse: httpx.AsyncClient) -> None:
    await made(dataverse, "transactioncurrencies", KRONE)
    again = await dataverse.post("transactioncurrencies", json=KRONE | {"isocurrencycode": "nok"})
    assert (again.status_code, again.json()["error"]["code"]) == (400, "0x80048cf3")


@pytest.mark.parametrize("given", [{}, {"statecode": 0, "statuscode": 1}])
async def test_a_product_is_a_draft_until_it_is_activated(
    dataverse: httpx.AsyncClient, given: Mapping[str, object]
) -> None:
    draft = await made(dataverse, "products", {**BELL, **given})
    assert (draft["statecode"], draft["statuscode"]) == (2, 0)
    address = f"products({NEW})"
    response = await dataverse.patch(address, json={"statecode": 0, "statuscode": 1}, headers={"If-Match": "*"})
    assert response.status_code == 204
    active = (await dataverse.get(address)).json()
    assert (active["statecode"], active["statuscode"]) == (0, 1)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (without(BELL, "productnumber"), "0x80040203", "The required field 'productnumber' is missing."),
        (without(BELL, "defaultuomid@odata.bind"), "0x80043b0d", "The unit id is missing."),
        (without(BELL, "defaultuomscheduleid@odata.bind"), "0x80043b0a", "The unit schedule id is missing."),
        (
            BELL | {"defaultuomid@odata.bind": f"/uoms({FOREIGN})"},
            "0x80043b16",
            "The unit does not exist in the specified unit schedule.",
        ),
    ],
)
async def test_a_product_needs_a_unit_of_its_group(
    dataverse: httpx.AsyncClient, body: Mapping[str, object], code: str, message: str
) -> None:
    assert await refused(dataverse, "products", body) == (400, code, message)


async def test_a_product_keeps_a_unit_of_its_group(dataverse: httpx.AsyncClient) -> None:
    await made(dataverse, "products", BELL)
    response = await dataverse.patch(f"products({NEW})", json={"defaultuomid@odata.bind": f"/uoms({FOREIGN})"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80043b16")
    assert (await dataverse.patch(f"products({NEW})", json={"name": "Bell, large"})).status_code == 204


async def test_a_family_of_products_has_no_unit(dataverse: httpx.AsyncClient) -> None:
    family = await made(dataverse, "products", {"name": "Bells", "productnumber": "F1", "productstructure": 2})
    assert family["_defaultuomid_value"] is None


@pytest.mark.parametrize(
    ("body", "customer", "mirrors"),
    [
        ({"parentaccountid@odata.bind": f"/accounts({QUAY})"}, QUAY, (QUAY, None)),
        ({"parentcontactid@odata.bind": f"/contacts({IRIS})"}, IRIS, (None, IRIS)),
        (
            {
                "parentcontactid@odata.bind": f"/contacts({IRIS})",
                "parentaccountid@odata.bind": f"/accounts({QUAY})",
            },
            QUAY,
            (QUAY, None),
        ),
        (
            {
                "customerid_account@odata.bind": f"/accounts({OTHER})",
                "parentaccountid@odata.bind": f"/accounts({QUAY})",
            },
            OTHER,
            (OTHER, None),
        ),
        ({}, None, (None, None)),
    ],
)
async def test_the_customer_of_an_opportunity_follows_its_account_or_contact(
    dataverse: httpx.AsyncClient, body: Mapping[str, object], customer: str | None, mirrors: tuple[object, object]
) -> None:
    deal = await made(dataverse, "opportunities", {"name": "Deal", **body})
    assert (deal["_customerid_value"], deal["_accountid_value"], deal["_contactid_value"]) == (customer, *mirrors)


async def test_another_account_becomes_the_customer_and_another_contact_does_not(dataverse: httpx.AsyncClient) -> None:
    body = {"name": "Deal", "customerid_account@odata.bind": f"/accounts({QUAY})"}
    await made(dataverse, "opportunities", body)
    for change, customer in (
        ({"parentcontactid@odata.bind": f"/contacts({IRIS})"}, QUAY),
        ({"parentaccountid@odata.bind": f"/accounts({OTHER})"}, OTHER),
    ):
        assert (await dataverse.patch(f"opportunities({NEW})", json=change)).status_code == 204
        assert (await dataverse.get(f"opportunities({NEW})")).json()["_customerid_value"] == customer


@pytest.mark.parametrize(
    ("table", "body"), [("accounts", {"name": "New"}), ("contacts", {"firstname": "Ann", "lastname": "Lee"})]
)
async def test_accounts_and_contacts_are_made_under_a_chosen_key(
    dataverse: httpx.AsyncClient, table: str, body: Mapping[str, object]
) -> None:
    row = await made(dataverse, table, body)
    assert NEW in row.values()


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("PATCH", f"accounts({QUAY})", {"bcbi_companyid@odata.bind": None}),
        ("PATCH", f"accounts({QUAY})", {"bcbi_companyid": None}),
        ("DELETE", f"accounts({QUAY})/bcbi_companyid/$ref", None),
    ],
)
async def test_a_lookup_is_cleared(
    dataverse: httpx.AsyncClient, dataverse_store: Store, method: str, address: str, body: Json | None
) -> None:
    assert (await dataverse.request(method, address, json=body)).status_code == 204
    row = dataverse_store.get("accounts", QUAY)
    assert row is not None
    assert (row["_bcbi_companyid_value"], row["name"]) == (None, "Quay Cycles")


async def test_the_column_of_a_lookup_does_not_clear_it(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.patch(f"accounts({QUAY})", json={"_bcbi_companyid_value": None})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "code": "0x80060888",
        "message": "Property _bcbi_companyid_value cannot be updated to null. The reference property can only be deleted.",
    }
