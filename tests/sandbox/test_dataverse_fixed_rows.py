"""The organization in the Dataverse simulator: a row that is read and changed, never created or deleted."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ORGANIZATION = "00000f01-0000-4000-8000-000000000000"
ANOTHER = "00000f02-0000-4000-8000-000000000000"
EUR = "00000e01-0000-4000-8000-000000000000"
ADDRESS = f"organizations({ORGANIZATION})"


@pytest.fixture(autouse=True)
def organization(dataverse_store: Store) -> None:
    row = {"organizationid": ORGANIZATION, "name": "Harbour", "_basecurrencyid_value": EUR}
    dataverse_store.seed("organizations", [row])


async def test_the_base_currency_is_read_through_the_organization(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("organizations?$select=name&$expand=basecurrencyid($select=isocurrencycode)")
    (row,) = response.json()["value"]
    assert (row["name"], row["basecurrencyid"]["isocurrencycode"]) == ("Harbour", "EUR")


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("POST", "organizations"),
        ("PATCH", f"organizations({ANOTHER})"),
        ("DELETE", ADDRESS),
        ("POST", "organizations/Microsoft.Dynamics.CRM.CreateMultiple"),
    ],
)
async def test_no_organization_is_made_or_deleted(dataverse: httpx.AsyncClient, method: str, address: str) -> None:
    target = {"@odata.type": "Microsoft.Dynamics.CRM.organization", "name": "Other"}
    body = {"Targets": [target]} if "Multiple" in address else {"name": "Other"}
    response = await dataverse.request(method, address, json=None if method == "DELETE" else body)
    assert response.status_code == 405
    assert (await dataverse.get("organizations/$count")).text == "1"


async def test_the_organization_is_changed_but_for_its_currency(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.patch(ADDRESS, json={"name": "Quay"})).status_code == 204
    assert (await dataverse.get(f"{ADDRESS}?$select=name")).json()["name"] == "Quay"
    bind = {"basecurrencyid@odata.bind": f"/transactioncurrencies({EUR})"}
    assert (await dataverse.patch(ADDRESS, json=bind)).status_code == 400


async def test_the_currency_of_the_organization_stays(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.delete(f"transactioncurrencies({EUR})")
    assert (response.status_code, response.json()["error"]["code"]) == (405, "0x80040227")
