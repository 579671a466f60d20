"""Business Central: where things are, who may ask, and what an answer looks like."""

import base64
import json
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

API = "http://bc/v2.0/contoso.example/Production/api/v2.0"
COMPANY = "1b2c0000-0000-4000-8000-000000000001"
CUSTOMER = "3f0c0000-0000-4000-8000-000000000210"
OTHER = "3f0c0000-0000-4000-8000-000000000211"
CONTACT = "3f0c0000-0000-4000-8000-000000000999"


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    customers = [
        {"id": CUSTOMER, "number": "C00210", "displayName": "Harbour Bikes BV", "balanceDue": "1250.50"},
        {"id": OTHER, "number": "C00211", "displayName": "Next"},
    ]
    bc_store.seed("customers", customers)
    bc_store.seed("customerFinancialDetails", [{"id": CUSTOMER, "number": "C00210", "balance": "1250.5"}])


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.parametrize("token", ["", "Bearer bad", "Basic good"])
async def test_a_missing_or_bad_token_gets_401(bc: httpx.AsyncClient, token: str) -> None:
    response = await bc.get("customers", headers={"Authorization": token})
    assert error(response) == (401, "Authentication_InvalidCredentials")
    assert "The server has rejected the client credentials." in response.json()["error"]["message"]


async def test_a_user_token_is_as_good_as_an_application_token(bc: httpx.AsyncClient) -> None:
    response = await bc.get("customers", headers={"Authorization": "Bearer user"})
    assert response.status_code == 200


async def test_a_token_without_a_role_or_scope_gets_401(bc_store: Store) -> None:
    app = business_central_app(bc_store, verify=lambda token: {"roles": []}, tenant="t", environment="Production")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        response = await client.get(
            "http://bc/v2.0/t/Production/api/v2.0/companies", headers={"Authorization": "Bearer x"}
        )
    assert response.status_code == 401


@pytest.mark.parametrize("scope", ["contoso.example/Elsewhere", "fabrikam.example/Production", "Elsewhere"])
async def test_an_unknown_environment_is_told_in_xml(bc: httpx.AsyncClient, scope: str) -> None:
    response = await bc.get(f"http://bc/v2.0/{scope}/api/v2.0/companies", headers={"Accept": "application/json"})
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/xml")
    assert "<code>NoEnvironment</code><message>Environment does not exist.</message>" in response.text


async def test_the_tenant_may_be_left_out(bc: httpx.AsyncClient) -> None:
    response = await bc.get("http://bc/v2.0/production/api/v2.0/companies")
    assert [row["name"] for row in response.json()["value"]] == ["Fjord Wheels"]


@pytest.mark.parametrize(
    "address",
    [
        f"{API}/companies({COMPANY})/customers",
        f"{API}/companies({COMPANY.upper()})/CUSTOMERS",
        f"{API}/customers?company={COMPANY}",
        f"{API}/customers?company=fjord%20wheels",
    ],
)
async def test_a_company_is_named_in_the_path_or_the_query(bc: httpx.AsyncClient, address: str) -> None:
    response = await bc.get(address)
    assert [row["number"] for row in response.json()["value"]] == ["C00210", "C00211"]
    assert response.json()["@odata.context"] == f"{API}/$metadata#companies({COMPANY})/customers"


@pytest.mark.parametrize(
    "address", [f"companies({OTHER})/customers", f"companies({OTHER})/x", "customers?company=Nobody", "customers"]
)
async def test_an_unknown_company_is_404(bc: httpx.AsyncClient, address: str) -> None:
    response = await bc.get(f"{API}/{address}")
    assert error(response) == (404, "Internal_CompanyNotFound")


async def test_the_root_lists_the_sets_without_the_ledgers(bc: httpx.AsyncClient) -> None:
    names = {row["name"] for row in (await bc.get(f"{API}")).json()["value"]}
    assert {"companies", "customers", "salesOrderLines"} <= names
    assert not any(name.startswith("$") for name in names)


@pytest.mark.parametrize("name", ["foo", "$customerLedgerEntries", "customers(…)/foo", "customers/foo"])
async def test_an_unknown_segment_is_404(bc: httpx.AsyncClient, name: str) -> None:
    response = await bc.get(name.replace("…", CUSTOMER))
    assert error(response) == (404, "BadRequest_ResourceNotFound")
    assert "Resource not found for the segment '" in response.json()["error"]["message"]


async def test_an_unknown_row_is_404_and_a_malformed_key_400(bc: httpx.AsyncClient) -> None:
    assert error(await bc.get(f"customers({CONTACT})")) == (404, "Internal_RecordNotFound")
    assert error(await bc.get("customers(C00210)")) == (400, "Application_InvalidGUID")


async def test_every_error_message_ends_in_a_correlation_id(bc: httpx.AsyncClient) -> None:
    for address in ("foo", "customers?$filter=x", f"customers({CONTACT})"):
        message = (await bc.get(address)).json()["error"]["message"]
        assert re.search(r"  CorrelationId:  [0-9a-f-]{36}\.$", message)


async def test_a_row_starts_with_its_etag_and_has_no_nulls(bc: httpx.AsyncClient) -> None:
    response = await bc.get(f"customers({CUSTOMER.upper()})")
    row = response.json()
    assert list(row)[:3] == ["@odata.context", "@odata.etag", "id"]
    assert row["@odata.context"] == f"{API}/$metadata#companies({COMPANY})/customers/$entity"
    assert response.headers["etag"] == row["@odata.etag"]
    assert None not in row.values()
    assert (row["blocked"], row["taxAreaId"], row["addressLine1"], row["taxLiable"]) == (
        "_x0020_",
        "00000000-0000-0000-0000-000000000000",
        "",
        False,
    )
    assert row["lastModifiedDateTime"] == "0001-01-01T00:00:00Z"


async def test_an_etag_has_the_recorded_make(bc: httpx.AsyncClient) -> None:
    value = (await bc.get("customers")).json()["value"][0]["@odata.etag"]
    content = base64.b64decode(value.removeprefix('W/"').removesuffix('"')).decode()
    assert re.fullmatch(r"'19;\d{19}1;00;'", content)


async def test_numbers_keep_their_digits(bc: httpx.AsyncClient, bc_store: Store) -> None:
    bc_store.update("customers", CUSTOMER, {"creditLimit": "12345678901234567.89"})
    text = (await bc.get(f"customers({CUSTOMER})?$select=balanceDue,creditLimit")).text
    assert '"balanceDue":1250.5,"creditLimit":12345678901234567.89' in text


async def test_date_times_lose_trailing_zeros(bc: httpx.AsyncClient, bc_store: Store) -> None:
    for stored, shown in [("22.370Z", "22.37Z"), ("09.000Z", "09Z"), ("09.125Z", "09.125Z")]:
        bc_store.update("customers", CUSTOMER, {"lastModifiedDateTime": f"2026-05-04T07:41:{stored}"})
        row = (await bc.get(f"customers({CUSTOMER})")).json()
        assert row["lastModifiedDateTime"] == f"2026-05-04T07:41:{shown}"


async def test_no_currency_shows_as_the_local_code(bc: httpx.AsyncClient) -> None:
    row = (await bc.get(f"customers({CUSTOMER})")).json()
    assert (row["currencyCode"], row["currencyId"]) == ("EUR", "00000000-0000-0000-0000-000000000000")


async def test_answers_carry_the_odata_headers(bc: httpx.AsyncClient) -> None:
    headers = (await bc.get("customers")).headers
    assert headers["odata-version"] == "4.0"
    assert headers["content-type"] == "application/json; odata.metadata=minimal; odata.streaming=true"
    assert headers["request-id"]


async def test_a_request_keeps_its_own_id(bc: httpx.AsyncClient) -> None:
    response = await bc.get("customers", headers={"client-request-id": "abc"})
    assert response.headers["client-request-id"] == "abc"


async def test_a_read_only_intent_allows_reading_only(bc: httpx.AsyncClient) -> None:
    intent = {"Data-Access-Intent": "ReadOnly"}
    assert (await bc.get("customers", headers=intent)).status_code == 200
    assert error(await bc.post("customers", json={"displayName": "x"}, headers=intent)) == (400, "BadRequest")


async def test_a_count_is_a_bare_number(bc: httpx.AsyncClient) -> None:
    assert (await bc.get("customers/$count")).text == "2"
    assert (await bc.get("customers/$count?$filter=number eq 'C00211'")).text == "1"


async def test_a_navigation_leads_from_a_row(bc: httpx.AsyncClient) -> None:
    single = (await bc.get(f"customers({CUSTOMER})/customerFinancialDetail")).json()
    assert single["balance"] == 1250.5
    assert single["@odata.context"].endswith(f"/customers({CUSTOMER})/customerFinancialDetail/$entity")
    assert error(await bc.get(f"customers({CONTACT})/customerFinancialDetail")) == (404, "Internal_RecordNotFound")


async def test_a_mounted_app_answers_with_its_own_address(bc_store: Store) -> None:
    inner = business_central_app(
        bc_store, verify=lambda token: {"scp": "Financials.ReadWrite.All"}, tenant="t", environment="P"
    )
    app = Starlette(routes=[Mount("/sandbox/bc", inner)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        base = "https://gw.example:8443/sandbox/bc/v2.0/t/P/api/v2.0"
        response = await client.get(
            f"{base}/companies({COMPANY})/customers",
            headers={"Authorization": "Bearer x", "Prefer": "odata.maxpagesize=1"},
        )
    body = json.loads(response.text)
    assert body["@odata.context"].startswith(f"{base}/$metadata")
    assert body["@odata.nextLink"].startswith(f"{base}/companies({COMPANY})/customers?")


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
async def test_what_a_set_does_not_allow_is_405(bc: httpx.AsyncClient, method: str) -> None:
    address = f"{API}/companies" if method == "POST" else f"{API}/companies({COMPANY})"
    response = await bc.request(method, address, json={}, headers={"If-Match": "*"})
    assert error(response) == (405, "BadRequest_MethodNotAllowed")
