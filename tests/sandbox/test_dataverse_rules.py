"""What the Dataverse simulator checks and keeps up by itself: lookups, owners, states, amounts, lengths, stamps."""

from collections.abc import Mapping

import httpx
import pytest

from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.store import Row, Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
DEAL = "00000004-0000-4000-8000-000000000000"
UNIT = "00000b01-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
TEAM = "00000d01-0000-4000-8000-000000000000"
EUR = "00000e01-0000-4000-8000-000000000000"
USD = "00000e02-0000-4000-8000-000000000000"
NOW = "2026-11-16T09:30:00Z"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    quay = {"accountid": QUAY, "name": "Quay Cycles", "statecode": 0, "statuscode": 1, "_ownerid_value": BEN}
    dataverse_store.seed("accounts", [{**quay, "createdon": "2026-01-01T00:00:00Z", "_createdby_value": BEN}])
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos"}])


async def created(client: httpx.AsyncClient, table: str, body: Mapping[str, object]) -> dict[str, object]:
    response = await client.post(table, json=body, headers={"Prefer": "return=representation"})
    assert response.status_code == 201, response.text
    row: dict[str, object] = response.json()
    return row


async def patched(client: httpx.AsyncClient, address: str, body: Mapping[str, object]) -> dict[str, object]:
    response = await client.patch(address, json=body, headers={"Prefer": "return=representation"})
    assert response.status_code == 200, response.text
    row: dict[str, object] = response.json()
    return row


async def refused(client: httpx.AsyncClient, table: str, body: Mapping[str, object]) -> tuple[int, str, str]:
    error = (response := await client.post(table, json=body)).json()["error"]
    return response.status_code, error["code"], error["message"]


def account(store: Store) -> Row:
    row = store.get("accounts", QUAY)
    assert row is not None
    return row


@pytest.mark.parametrize(
    "reference",
    [f"/contacts({IRIS})", f"contacts({IRIS})", f"http://crm.example/api/data/v9.2/contacts({IRIS})"],
)
async def test_a_lookup_is_bound_by_reference(
    dataverse: httpx.AsyncClient, dataverse_store: Store, reference: str
) -> None:
    await patched(dataverse, f"accounts({QUAY})", {"primarycontactid@odata.bind": reference})
    assert account(dataverse_store)["_primarycontactid_value"] == IRIS
    await patched(dataverse, f"accounts({QUAY})", {"primarycontactid@odata.bind": None})
    assert account(dataverse_store)["_primarycontactid_value"] is None


async def test_a_lookup_is_bound_by_alternate_key(dataverse: httpx.AsyncClient) -> None:
    await patched(dataverse, f"accounts({QUAY})", {"accountnumber": "C1"})
    deal = await created(
        dataverse, "opportunities", {"name": "D", "customerid_account@odata.bind": "/accounts(accountnumber='C1')"}
    )
    assert deal["_customerid_value"] == QUAY


async def test_navigation_names_in_a_bind_are_case_sensitive(dataverse: httpx.AsyncClient) -> None:
    status, code, message = await refused(dataverse, "accounts", {"PrimaryContactId@odata.bind": f"/contacts({IRIS})"})
    assert (status, code) == (400, "0x80048d19")
    assert message.startswith(
        "An undeclared property 'PrimaryContactId' which only has property annotations in the payload "
        "but no property value was found in the payload."
    )


async def test_a_bind_to_a_missing_row_is_404_and_to_a_wrong_table_400(dataverse: httpx.AsyncClient) -> None:
    missing = await refused(dataverse, "accounts", {"primarycontactid@odata.bind": f"/contacts({DEAL})"})
    assert missing == (404, "0x80040217", f"contact With Id = {DEAL} Does Not Exist")
    wrong = await refused(dataverse, "accounts", {"primarycontactid@odata.bind": f"/accounts({QUAY})"})
    assert wrong[:2] == (400, "0x80048d19")
    read_only = await refused(dataverse, "accounts", {"createdby@odata.bind": f"/systemusers({ADA})"})
    assert read_only[:2] == (400, "0x80048d19")


async def test_a_customer_is_an_account_or_a_contact(dataverse: httpx.AsyncClient) -> None:
    deal = await created(
        dataverse, "opportunities", {"name": "D", "customerid_account@odata.bind": f"/accounts({QUAY})"}
    )
    assert (deal["_customerid_value"], deal["_accountid_value"], deal["_contactid_value"]) == (QUAY, QUAY, None)
    change = {"customerid_contact@odata.bind": f"/contacts({IRIS})"}
    deal = await patched(dataverse, f"opportunities({deal['opportunityid']})", change)
    assert (deal["_customerid_value"], deal["_accountid_value"], deal["_contactid_value"]) == (IRIS, None, IRIS)


async def test_a_new_row_belongs_to_the_acting_user(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "accounts", {"name": "New"})
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (ADA, ADA, None)
    assert row["_owningbusinessunit_value"] == UNIT


async def test_an_owner_is_a_user_or_a_team(dataverse: httpx.AsyncClient) -> None:
    row = await patched(dataverse, f"accounts({QUAY})", {"ownerid@odata.bind": f"/teams({TEAM})"})
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (TEAM, None, TEAM)
    row = await patched(dataverse, f"accounts({QUAY})", {"ownerid@odata.bind": f"/systemusers({BEN})"})
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (BEN, BEN, None)
    response = await dataverse.patch(f"accounts({QUAY})", json={"ownerid@odata.bind": None})
    assert response.status_code == 400


async def test_who_and_when_are_kept_by_dataverse_alone(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "accounts", {"name": "New", "createdon": "2020-01-01T00:00:00Z", "versionnumber": 1})
    assert (row["createdon"], row["modifiedon"], row["_createdby_value"]) == (NOW, NOW, ADA)
    assert row["versionnumber"] != 1
    row = await patched(dataverse, f"accounts({QUAY})", {"telephone1": "010"})
    assert (row["createdon"], row["_createdby_value"]) == ("2026-01-01T00:00:00Z", BEN)
    assert (row["modifiedon"], row["_modifiedby_value"]) == (NOW, ADA)


async def test_a_row_may_be_dated_back_when_it_is_created(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "accounts", {"name": "Old", "overriddencreatedon": "2020-01-01T00:00:00Z"})
    assert (row["createdon"], row["overriddencreatedon"]) == ("2020-01-01T00:00:00Z", NOW)


async def test_the_full_name_follows_its_parts(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "contacts", {"firstname": "Tom", "lastname": "Baas", "fullname": "ignored"})
    assert row["fullname"] == "Tom Baas"
    row = await patched(dataverse, f"contacts({row['contactid']})", {"firstname": None})
    assert row["fullname"] == "Baas"


async def test_columns_have_their_defaults(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "accounts", {"name": "New", "donotfax": True})
    assert (row["creditonhold"], row["followemail"], row["donotfax"]) == (False, True, True)
    assert (row["statecode"], row["statuscode"]) == (0, 1)


async def test_state_and_status_reason_change_together(dataverse: httpx.AsyncClient) -> None:
    deal = await created(dataverse, "opportunities", {"name": "D"})
    address = f"opportunities({deal['opportunityid']})"
    held = await patched(dataverse, address, {"statuscode": 2})
    assert (held["statecode"], held["statuscode"]) == (0, 2)
    lost = await patched(dataverse, address, {"statecode": 2, "statuscode": 5})
    assert (lost["statecode"], lost["statuscode"]) == (2, 5)
    reopened = await patched(dataverse, address, {"statecode": 0})
    assert (reopened["statecode"], reopened["statuscode"]) == (0, 1)


@pytest.mark.parametrize(
    "body", [{"statuscode": 2}, {"statecode": 0, "statuscode": 2}, {"statecode": 1, "statuscode": 1}]
)
async def test_a_status_reason_of_another_state_is_refused(
    dataverse: httpx.AsyncClient, dataverse_store: Store, body: Mapping[str, object]
) -> None:
    response = await dataverse.patch(f"accounts({QUAY})", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048408")
    assert account(dataverse_store)["statuscode"] == 1


async def test_amounts_are_kept_in_the_base_currency_too(dataverse: httpx.AsyncClient) -> None:
    body = {"name": "New", "creditlimit": 100, "transactioncurrencyid@odata.bind": f"/transactioncurrencies({USD})"}
    row = await created(dataverse, "accounts", body)
    assert (row["exchangerate"], row["creditlimit_base"], row["revenue_base"]) == (1.25, 80.0, None)
    row = await patched(dataverse, f"accounts({row['accountid']})", {"creditlimit": 10.01, "revenue": 1})
    assert (row["creditlimit_base"], row["revenue_base"]) == (8.008, 0.8)
    change = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({EUR})"}
    row = await patched(dataverse, f"accounts({row['accountid']})", change)
    assert (row["exchangerate"], row["creditlimit_base"]) == (1, 10.01)


async def test_money_without_a_currency_is_in_that_of_the_organization(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "accounts", {"name": "New", "creditlimit": 7})
    assert (row["_transactioncurrencyid_value"], row["creditlimit_base"]) == (EUR, 7)


async def test_decimals_keep_every_digit(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    body = b'{"creditlimit": 12345678901234.5678}'
    response = await dataverse.patch(
        f"accounts({QUAY})?$select=creditlimit", content=body, headers={"Prefer": "return=representation"}
    )
    assert '"creditlimit":12345678901234.5678,' in response.text


async def test_a_text_that_is_too_long_is_refused(dataverse: httpx.AsyncClient) -> None:
    assert await refused(dataverse, "accounts", {"name": "x" * 161}) == (
        400,
        "0x80044331",
        "A validation error occurred.  The length of the 'name' attribute of the 'account' entity "
        "exceeded the maximum allowed length of '160'.",
    )
    await created(dataverse, "accounts", {"name": "x" * 160})


async def test_a_choice_that_does_not_exist_is_refused(dataverse: httpx.AsyncClient) -> None:
    status, code, message = await refused(dataverse, "accounts", {"accountcategorycode": 9})
    assert (status, code) == (400, "0x8004431a")
    assert message.endswith("is outside the valid range. Accepted Values: 1,2")


async def test_a_number_out_of_range_is_refused(dataverse: httpx.AsyncClient) -> None:
    for body in ({"creditlimit": -1}, {"numberofemployees": -1}):
        assert (await refused(dataverse, "accounts", body))[:2] == (400, "0x80044330")


async def test_an_empty_text_is_stored_as_null(dataverse: httpx.AsyncClient) -> None:
    row = await created(dataverse, "accounts", {"name": "New", "telephone1": ""})
    assert row["telephone1"] is None


async def test_dates_and_times_come_back_in_utc(dataverse: httpx.AsyncClient) -> None:
    body = {"name": "D", "estimatedclosedate": "2026-12-01", "lastonholdtime": "2026-05-04T09:41:22.5+02:00"}
    deal = await created(dataverse, "opportunities", body)
    assert (deal["estimatedclosedate"], deal["lastonholdtime"]) == ("2026-12-01", "2026-05-04T07:41:22Z")
    for wrong in ("2026-12-01T00:00:00Z", "2026-13-01", 5):
        assert (await refused(dataverse, "opportunities", {"estimatedclosedate": wrong}))[:2] == (400, "0x80048d19")


async def test_columns_of_creation_do_not_change_later(dataverse: httpx.AsyncClient) -> None:
    body = {"currencyname": "Pound", "currencysymbol": "£", "currencyprecision": 2, "exchangerate": 0.8}
    currency = await created(dataverse, "transactioncurrencies", body | {"isocurrencycode": "GBP"})
    address = f"transactioncurrencies({currency['transactioncurrencyid']})"
    assert (await dataverse.patch(address, json={"isocurrencycode": "XXX"})).status_code == 400
    row = await patched(dataverse, address, {"isocurrencycode": "GBP", "exchangerate": 0.9})
    assert (row["isocurrencycode"], row["exchangerate"]) == ("GBP", 0.9)


async def test_what_dataverse_insists_on_must_be_there(dataverse: httpx.AsyncClient) -> None:
    assert (await refused(dataverse, "products", {"name": "Bell"}))[:2] == (400, "0x80040203")


async def test_a_unit_group_brings_its_base_unit(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    group = await created(dataverse, "uomschedules", {"name": "Pieces", "baseuomname": "PCS"})
    (unit,) = dataverse_store.select("uoms")
    assert (unit["name"], unit["quantity"], unit["isschedulebaseuom"]) == ("PCS", 1, True)
    assert unit["_uomscheduleid_value"] == group["uomscheduleid"]


async def test_an_order_gets_a_number_unless_it_has_one(dataverse: httpx.AsyncClient) -> None:
    order = await created(dataverse, "salesorders", {"name": "Order"})
    assert str(order["ordernumber"]).startswith("ORD-01000-")
    named = await created(dataverse, "salesorders", {"name": "Order", "ordernumber": "SO-7"})
    assert named["ordernumber"] == "SO-7"


async def test_the_columns_of_the_business_central_connector_exist(dataverse: httpx.AsyncClient) -> None:
    company = await created(dataverse, "bcbi_companies", {"bcbi_name": "Fjord Wheels", "bcbi_externalid": IRIS})
    bind = {"bcbi_companyid@odata.bind": f"/bcbi_companies({company['bcbi_companyid']})"}
    for table in ("accounts", "contacts", "opportunities", "pricelevels"):
        assert (await created(dataverse, table, bind))["_bcbi_companyid_value"] == company["bcbi_companyid"]
    order = await created(dataverse, "salesorders", {**bind, "bcbi_businesscentralordernumber": "101001"})
    assert order["bcbi_businesscentralordernumber"] == "101001"


def test_the_model_knows_every_status_reason_of_its_states() -> None:
    for entity_set in dataverse_model().sets.values():
        status = entity_set.properties.get("statuscode")
        if status is not None:
            pairs = status.extra["stateOf"]
            assert isinstance(pairs, dict)
            assert status.options is not None
            assert pairs.keys() == status.options.keys()
            assert {str(state) for state in pairs.values()} <= (entity_set.properties["statecode"].options or {}).keys()
