"""Business Central, line 1: addresses with and without the company in the path, names in any case, and XML for an
environment that does not exist. Every API below `/api/` is an API of its own."""

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from tests.checklist.answers import first, refusal, row, rows
from tests.checklist.tokens import bearer

pytestmark = pytest.mark.anyio

NUMBER = "C00210"


def addresses(sandbox: Sandbox) -> list[str]:
    base, company = sandbox.addresses.business_central, sandbox.company
    return [
        f"{base}/companies({company.company_id})/customers",
        f"{base}/companies({company.company_id.upper()})/Customers",
        f"{base}/COMPANIES({company.company_id})/CUSTOMERS",
        f"{base}/customers?company={company.company_id}",
        f"{base}/customers?company={company.company_name}",
        f"{base.replace(f'/{company.tenant_id}', '')}/companies({company.company_id})/customers",
    ]


async def test_a_company_is_named_in_path_or_query_in_any_case(sandbox: Sandbox, bc_root: httpx.AsyncClient) -> None:
    for address in addresses(sandbox):
        joint = "&" if "?" in address else "?"
        found = await first(bc_root, f"{address}{joint}$filter=number eq '{NUMBER}'")
        assert found["number"] == NUMBER, address


async def test_only_companies_live_at_the_root_without_a_company(bc_root: httpx.AsyncClient) -> None:
    assert [found["name"] for found in rows(await bc_root.get("companies"))] == ["Wheelhouse Supply"]
    assert refusal(await bc_root.get("customers")) == (404, "Internal_CompanyNotFound")
    assert refusal(await bc_root.get("customers?company=Nobody")) == (404, "Internal_CompanyNotFound")


async def test_a_batch_part_names_its_company_in_a_header(sandbox: Sandbox, bc_root: httpx.AsyncClient) -> None:
    headers = {"Company": sandbox.company.company_name}
    body = {"requests": [{"id": "1", "method": "GET", "url": "customers?$top=1", "headers": headers}]}
    answer = row(await bc_root.post("$batch", json=body, headers={"Accept": "application/json"}))
    assert answer["responses"][0]["status"] == 200


async def test_property_names_match_in_any_case(business_central: httpx.AsyncClient) -> None:
    found = await first(business_central, f"customers?$select=NUMBER,displayname&$filter=NumBer eq '{NUMBER}'")
    assert found.keys() == {"@odata.etag", "number", "displayName"}


async def test_a_wrong_environment_is_answered_in_xml(sandbox: Sandbox, bc_root: httpx.AsyncClient) -> None:
    address = sandbox.addresses.business_central.replace("/Production/", "/Staging/")
    answer = await bc_root.get(f"{address}/companies", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/xml")
    assert "<code>NoEnvironment</code><message>Environment does not exist.</message>" in answer.text


async def test_the_environments_are_listed_outside_of_them(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    address = "/sandbox/bc/environments/v1.2"
    assert refusal(await http.get(address)) == (401, "Authentication_InvalidCredentials")
    (found,) = rows(await http.get(address, headers=bearer(sandbox)))
    assert (found["name"], found["type"], found["aadTenantId"]) == (
        "Production",
        "Production",
        sandbox.company.tenant_id,
    )
    assert {"applicationFamily", "countryCode", "webServiceUrl", "webClientLoginUrl", "ringName"} <= found.keys()
    assert refusal(await http.post(address, headers=bearer(sandbox))) == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize("route", ["v2.1", "v1.0", "contoso/sales/v1.0", "microsoft/analytics/v2.0", "microsoft"])
async def test_an_api_that_is_not_there_is_404(sandbox: Sandbox, bc_root: httpx.AsyncClient, route: str) -> None:
    address = sandbox.addresses.business_central.removesuffix("v2.0") + route
    assert refusal(await bc_root.get(f"{address}/companies")) == (404, "BadRequest_ResourceNotFound")


@pytest.mark.parametrize(
    ("route", "own", "foreign"),
    [
        ("v2.0", "customers", "itemAvailabilities"),
        ("microsoft/analytics/v1.0", "customerLedgerEntries", "customers"),
        ("microsoft/runtime/beta", "webhookSupportedResources", "customers"),
        ("Wheelhouse/Availability/v1.0", "couplings", "customers"),
    ],
)
async def test_each_api_has_sets_of_its_own(
    sandbox: Sandbox, bc_root: httpx.AsyncClient, route: str, own: str, foreign: str
) -> None:
    address = sandbox.addresses.business_central.removesuffix("v2.0") + route
    company = f"{address}/companies({sandbox.company.company_id})"
    listed = {found["name"] for found in rows(await bc_root.get(address))}
    assert {"companies", own} <= listed
    assert foreign not in listed
    page = row(await bc_root.get(f"{company}/{own}"))
    assert page["value"]
    assert page["@odata.context"].startswith(f"{address}/$metadata#companies(")
    assert refusal(await bc_root.get(f"{company}/{foreign}")) == (404, "BadRequest_ResourceNotFound")
    assert rows(await bc_root.get(f"{address}/companies"))
    assert "<EntityContainer" in (await bc_root.get(f"{address}/$metadata")).text
    body = {"requests": [{"id": "1", "method": "GET", "url": f"companies({sandbox.company.company_id})/{own}"}]}
    batch = row(await bc_root.post(f"{address}/$batch", json=body, headers={"Accept": "application/json"}))
    assert batch["responses"][0]["status"] == 200


async def test_the_metadata_describes_every_set(bc_root: httpx.AsyncClient) -> None:
    answer = await bc_root.get("$metadata")
    assert answer.headers["content-type"].startswith("application/xml")
    text = answer.text
    assert '<Schema Namespace="Microsoft.NAV"' in text
    assert '<EntityType Name="customer"><Key><PropertyRef Name="id" /></Key>' in text
    assert '<Property Name="number" Type="Edm.String" MaxLength="20" />' in text
    assert '<Property Name="creditLimit" Type="Edm.Decimal" Scale="Variable" />' in text
    assert '<Member Name="_x0020_" Value="0" />' in text
    assert '<NavigationProperty Name="customerFinancialDetail" Type="Microsoft.NAV.customerFinancialDetail" />' in text
    assert '<Action Name="shipAndInvoice" IsBound="true">' in text
    for entity_set in rows(await bc_root.get("")):
        assert f'<EntitySet Name="{entity_set["name"]}" EntityType="Microsoft.NAV.' in text
    assert "rowKey" not in text
    assert "$itemLedgerEntries" not in text


async def test_the_definitions_hold_names_and_captions(
    bc_root: httpx.AsyncClient, business_central: httpx.AsyncClient
) -> None:
    found = {definition["entitySetName"]: definition for definition in rows(await bc_root.get("entityDefinitions"))}
    customer = found["customers"]
    assert customer["entityName"] == "customer"
    captions = {one["name"]: one["captions"] for one in customer["properties"]}
    assert captions["creditLimit"] == [{"languageCode": 1033, "caption": "Credit Limit"}]
    assert captions.keys() == (await first(business_central, "customers?$top=1")).keys() - {"@odata.etag"}
    assert [action["name"] for action in found["salesOrders"]["actions"]] == ["shipAndInvoice"]
