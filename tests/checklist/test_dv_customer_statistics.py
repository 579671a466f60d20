"""Customer statistics in Dataverse: the table `nav_accountstatistics`, the lookup on accounts, who may read and write it;
the organization and its currency; unit groups of items with several units."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from gateway.sandbox.company.units import ITEM_UNITS
from gateway.sandbox.identity import people
from tests.checklist.answers import Row, first, refusal, row, rows
from tests.checklist.conftest import DATAVERSE_HEADERS
from tests.checklist.tokens import bearer

pytestmark = pytest.mark.anyio

SET = "nav_accountstatisticses"
NEW = "0000fe01-0000-4000-8000-000000000000"
HARBOUR = f"accounts(accountnumber='{story.HARBOUR}')"
ANNOTATED = {"Prefer": 'odata.include-annotations="*"'}
DOLLARS = "transactioncurrencies?$select=transactioncurrencyid&$filter=isocurrencycode eq 'USD'"


@pytest.fixture
async def widget(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Dataverse as the demo person `widget`, who holds the role Product Availability User."""
    async with _of(sandbox, app, people.WIDGET) as client:
        yield client


@pytest.fixture
async def sales(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Dataverse as the demo person `sales`, who holds the role Salesperson."""
    async with _of(sandbox, app, people.SALES) as client:
        yield client


def _of(sandbox: Sandbox, app: Starlette, person: people.Person) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=f"{sandbox.addresses.dataverse}/api/data/v9.2/",
        headers=bearer(sandbox, sandbox.addresses.dataverse, subject=person) | DATAVERSE_HEADERS,
    )


async def figures_of(client: httpx.AsyncClient, account: str = HARBOUR) -> Row:
    found = row(await client.get(f"{account}?$select=name&$expand=nav_AccountStatisticsId"))
    figures: Row = found["nav_AccountStatisticsId"]
    return figures


async def test_an_account_shows_what_was_last_sent_about_its_customer(dataverse: httpx.AsyncClient) -> None:
    figures = await figures_of(dataverse)
    assert (figures["nav_name"], figures["nav_customerno"]) == ("Harbour Bikes BV", story.HARBOUR)
    assert figures["nav_overdueamountsasof"] == "2026-11-02"
    assert figures["nav_balancelcy"] == figures["nav_balancelcy_base"] == 7320.7
    assert figures["modifiedon"] == "2026-11-02T06:30:00Z"
    never = row(
        await dataverse.get(f"accounts(accountnumber='{story.CHANGED_IN_CRM}')?$expand=nav_AccountStatisticsId")
    )
    assert (never["_nav_accountstatisticsid_value"], never["nav_AccountStatisticsId"]) == (None, None)


async def test_money_is_formatted_and_the_lookup_is_named(dataverse: httpx.AsyncClient) -> None:
    account = row(await dataverse.get(f"{HARBOUR}?$select=_nav_accountstatisticsid_value", headers=ANNOTATED))
    lookup = "_nav_accountstatisticsid_value"
    assert account[f"{lookup}@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "nav_AccountStatisticsId"
    assert account[f"{lookup}@Microsoft.Dynamics.CRM.lookuplogicalname"] == "nav_accountstatistics"
    assert account[f"{lookup}@OData.Community.Display.V1.FormattedValue"] == "Harbour Bikes BV"
    figures = row(await dataverse.get(f"{SET}({account[lookup]})", headers=ANNOTATED))
    assert figures["nav_balancelcy@OData.Community.Display.V1.FormattedValue"] == "€7,320.70"


async def test_figures_are_created_under_an_id_of_the_caller_and_bound(dataverse: httpx.AsyncClient) -> None:
    address, only_new = f"{SET}({NEW})", {"If-None-Match": "*"}
    columns = {"nav_name": "A", "nav_customerno": "C1", "nav_balancelcy": 10.5, "nav_overdueamountsasof": "2026-11-16"}
    assert (await dataverse.patch(address, json=columns, headers=only_new)).status_code == 204
    assert refusal(await dataverse.patch(address, json=columns, headers=only_new)) == (412, "0x80040237")
    account = row(
        await dataverse.post(
            "accounts",
            json={"name": "A", "nav_AccountStatisticsId@odata.bind": f"/{address}"},
            headers={"Prefer": "return=representation"},
        ),
        201,
    )
    assert account["_nav_accountstatisticsid_value"] == NEW
    assert row(await dataverse.get(f"{address}?$select=nav_balancelcy"))["nav_balancelcy"] == 10.5


@pytest.mark.parametrize("name", ["nav_accountstatisticsid", "nav_Accountstatisticsid", "nav_AccountStatisticsid"])
async def test_the_navigation_in_another_case_is_unknown(dataverse: httpx.AsyncClient, name: str) -> None:
    bind = {f"{name}@odata.bind": f"/{SET}({NEW})"}
    assert refusal(await dataverse.patch(HARBOUR, json=bind)) == (400, "0x80048d19")
    assert (await dataverse.get(f"accounts?$expand={name}")).status_code == 400


async def test_base_amounts_follow_the_currency(dataverse: httpx.AsyncClient) -> None:
    dollars = (await first(dataverse, DOLLARS))["transactioncurrencyid"]
    body = {
        "nav_name": "A",
        "nav_totallcy": 108,
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({dollars})",
    }
    wanted = {"Prefer": "return=representation"}
    made = row(await dataverse.post(SET, json=body, headers=wanted), 201)
    assert (made["nav_totallcy_base"], made["nav_balancelcy_base"], made["exchangerate"]) == (100, None, 1.08)
    changed = row(
        await dataverse.patch(f"{SET}({made['nav_accountstatisticsid']})", json={"nav_totallcy": 54}, headers=wanted)
    )
    assert changed["nav_totallcy_base"] == 50
    response = await dataverse.patch(f"{SET}({made['nav_accountstatisticsid']})", json={"nav_totallcy_base": 1})
    assert response.status_code == 204
    assert row(await dataverse.get(f"{SET}({made['nav_accountstatisticsid']})"))["nav_totallcy_base"] == 50


async def test_a_stale_tag_is_refused(dataverse: httpx.AsyncClient) -> None:
    figures = await figures_of(dataverse)
    address, tag = f"{SET}({figures['nav_accountstatisticsid']})", {"If-Match": figures["@odata.etag"]}
    assert (await dataverse.patch(address, json={"nav_balancelcy": 1}, headers=tag)).status_code == 204
    assert refusal(await dataverse.patch(address, json={"nav_balancelcy": 2}, headers=tag))[0] == 412
    only_there = {"If-Match": "*"}
    assert (await dataverse.patch(f"{SET}({NEW})", json={"nav_name": "A"}, headers=only_there)).status_code == 404


async def test_an_account_outlives_its_figures(dataverse: httpx.AsyncClient) -> None:
    figures = await figures_of(dataverse)
    assert (await dataverse.delete(f"{SET}({figures['nav_accountstatisticsid']})")).status_code == 204
    assert row(await dataverse.get(HARBOUR))["_nav_accountstatisticsid_value"] is None


async def test_changes_of_figures_are_tracked(dataverse: httpx.AsyncClient) -> None:
    tracked = {"Prefer": "odata.track-changes"}
    link = row(await dataverse.get(f"{SET}?$select=nav_customerno", headers=tracked))["@odata.deltaLink"]
    await dataverse.patch(f"{SET}({NEW})", json={"nav_name": "A"})
    assert [one["nav_accountstatisticsid"] for one in rows(await dataverse.get(link))] == [NEW]


async def test_the_table_is_defined(dataverse: httpx.AsyncClient) -> None:
    found = row(await dataverse.get("EntityDefinitions(LogicalName='nav_accountstatistics')"))
    expected = {
        "EntitySetName": SET,
        "PrimaryIdAttribute": "nav_accountstatisticsid",
        "PrimaryNameAttribute": "nav_name",
        "OwnershipType": "OrganizationOwned",
        "IsCustomEntity": True,
    }
    assert {name: found[name] for name in expected} == expected
    assert f'<EntitySet Name="{SET}"' in (await dataverse.get("$metadata")).text


async def test_the_roles_of_the_integration_hold_what_is_documented(
    widget: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    figures = await first(widget, f"{SET}?$filter=nav_customerno eq '{story.HARBOUR}'")
    address = f"{SET}({figures['nav_accountstatisticsid']})"
    assert (await widget.patch(address, json={"nav_balancelcy": 1})).status_code == 204
    assert (await widget.post(SET, json={"nav_name": "A"})).status_code == 204
    assert refusal(await widget.delete(address)) == (403, "0x80040220")
    refused = await sales.get(SET)
    assert refusal(refused) == (403, "0x80040220")
    assert "prvReadnav_AccountStatistics" in refused.json()["error"]["message"]
    account = row(await sales.get(HARBOUR))
    assert account["_nav_accountstatisticsid_value"] == figures["nav_accountstatisticsid"]


async def test_everybody_reads_the_organization_and_its_currency(
    dataverse: httpx.AsyncClient, widget: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    for client in (dataverse, widget, sales):
        (found,) = rows(await client.get("organizations?$expand=basecurrencyid($select=isocurrencycode)"))
        assert (found["basecurrencyid"]["isocurrencycode"], found["basecurrencysymbol"]) == ("EUR", "€")
        assert found["_basecurrencyid_value"] == found["basecurrencyid"]["transactioncurrencyid"]
        me = row(await client.get("WhoAmI"))
        assert me["OrganizationId"] == found["organizationid"]
        access = "Microsoft.Dynamics.CRM.EndpointAccessType'Default'"
        detail = row(await client.get(f"RetrieveCurrentOrganization(AccessType={access})"))["Detail"]
        assert (detail["OrganizationId"], detail["FriendlyName"]) == (found["organizationid"], found["name"])
    assert (await sales.patch(f"organizations({found['organizationid']})", json={"name": "A"})).status_code == 403


@pytest.mark.parametrize("number", list(ITEM_UNITS))
async def test_a_product_leads_to_the_units_of_its_item(dataverse: httpx.AsyncClient, number: str) -> None:
    product = await first(dataverse, f"products?$select=productid&$filter=productnumber eq '{number}'")
    condition = f"Microsoft.Dynamics.CRM.In(PropertyName='productid',PropertyValues=['{product['productid']}'])"
    units = "unit_of_measure_schedule_conversions($select=name,quantity)"
    (found,) = rows(
        await dataverse.get(
            f"products?$select=productid&$filter={condition}&$expand=defaultuomscheduleid($select=name;$expand={units})"
        )
    )
    group = found["defaultuomscheduleid"]
    assert group["name"] == f"ITEM {number} UOM GR"
    shown = {unit["name"]: unit["quantity"] for unit in group["unit_of_measure_schedule_conversions"]}
    (base,) = shown.keys() - ITEM_UNITS[number].keys()
    assert shown == {base: 1, **{code: float(quantity) for code, quantity in ITEM_UNITS[number].items()}}


@pytest.mark.parametrize("number", list(ITEM_UNITS))
async def test_further_units_are_counted_in_the_base_unit(dataverse: httpx.AsyncClient, number: str) -> None:
    product = await first(dataverse, f"products?$filter=productnumber eq '{number}'&$expand=defaultuomid")
    base = product["defaultuomid"]
    assert (base["isschedulebaseuom"], base["quantity"], base["_baseuom_value"]) == (True, 1, None)
    assert base["_uomscheduleid_value"] == product["_defaultuomscheduleid_value"]
    further = rows(await dataverse.get(f"uoms({base['uomid']})/unit_of_measurement_base_unit"))
    assert {unit["name"] for unit in further} == ITEM_UNITS[number].keys()
    assert {unit["isschedulebaseuom"] for unit in further} == {False}
    for table in ("productpricelevels", "salesorderdetails", "opportunityproducts"):
        lines = rows(await dataverse.get(f"{table}?$filter=_productid_value eq {product['productid']}"))
        assert {line["_uomid_value"] for line in lines} <= {base["uomid"]}
        assert lines or table != "productpricelevels"


async def test_a_product_with_one_unit_shares_a_group(dataverse: httpx.AsyncClient) -> None:
    condition = f"productnumber eq '{story.OUT_OF_STOCK}'"
    product = await first(dataverse, f"products?$filter={condition}&$expand=defaultuomscheduleid,defaultuomid")
    assert product["defaultuomscheduleid"]["name"] == f"NAV {product['defaultuomid']['name']}"
