"""Functions about the organization and its tables, and actions that close an opportunity or an order."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ROOT = "http://crm.example/api/data/v9.2/"
DEAL = "00000001-0000-4000-8000-000000000000"
ORDER = "00000002-0000-4000-8000-000000000000"
NOBODY = "00000009-0000-4000-8000-000000000000"
FULFILL = "salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed("opportunities", [{"opportunityid": DEAL, "statecode": 0, "statuscode": 1}])
    dataverse_store.seed("salesorders", [{"salesorderid": ORDER, "statecode": 0, "statuscode": 1}])


@pytest.mark.parametrize(
    "address",
    [
        "RetrieveTotalRecordCount(EntityNames=['account','contact'])",
        "RetrieveTotalRecordCount(EntityNames=@names)?@names=['account','contact']",
        'RetrieveTotalRecordCount(EntityNames=@names)?@names=["account","contact"]',
    ],
)
async def test_records_are_counted_beyond_five_thousand(
    dataverse: httpx.AsyncClient, dataverse_store: Store, address: str
) -> None:
    dataverse_store.seed("accounts", [{"accountid": f"00000000-0000-4000-8000-{n:012}"} for n in range(5001)])
    response = await dataverse.get(address)
    assert response.status_code == 200
    assert response.json() == {
        "@odata.context": f"{ROOT}$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse",
        "EntityRecordCountCollection": {
            "Count": 2,
            "IsReadOnly": False,
            "Keys": ["account", "contact"],
            "Values": [5001, 0],
        },
    }
    assert (await dataverse.get("accounts/$count")).text == "5000"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("RetrieveTotalRecordCount(EntityNames=['acount'])", 404),
        ("RetrieveTotalRecordCount(EntityNames='account')", 400),
        ("RetrieveTotalRecordCount(EntityNames=[account])", 400),
        ("RetrieveTotalRecordCount(EntityNames=@names)", 400),
        ("RetrieveTotalRecordCount()", 400),
        ("RetrieveCurrentOrganization()", 400),
        ("RetrieveCurrentOrganization(AccessType=5)", 400),
    ],
)
async def test_a_function_without_its_parameter_is_refused(
    dataverse: httpx.AsyncClient, address: str, status: int
) -> None:
    assert (await dataverse.get(address)).status_code == status


@pytest.mark.parametrize("kind", ["Microsoft.Dynamics.CRM.EndpointAccessType'Default'", "'Default'"])
async def test_the_organization_tells_where_it_answers(dataverse: httpx.AsyncClient, kind: str) -> None:
    body = (await dataverse.get(f"RetrieveCurrentOrganization(AccessType={kind})")).json()
    assert body["@odata.context"].endswith("#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse")
    detail = body["Detail"]
    assert detail["OrganizationId"] == (await dataverse.get("WhoAmI")).json()["OrganizationId"]
    assert detail["OrganizationVersion"] == (await dataverse.get("RetrieveVersion()")).json()["Version"]
    endpoints = dict(zip(detail["Endpoints"]["Keys"], detail["Endpoints"]["Values"], strict=True))
    assert endpoints["OrganizationDataService"] == ROOT
    assert detail["Endpoints"]["Count"] == len(endpoints)


@pytest.mark.parametrize(
    ("name", "status", "state", "reason"),
    [
        ("WinOpportunity", 3, 1, 3),
        ("WinOpportunity", -1, 1, 3),
        ("LoseOpportunity", 5, 2, 5),
        ("LoseOpportunity", -1, 2, 4),
    ],
)
async def test_an_opportunity_is_closed_by_an_action(
    dataverse: httpx.AsyncClient, dataverse_store: Store, name: str, status: int, state: int, reason: int
) -> None:
    body = {"Status": status, "OpportunityClose": {"opportunityid@odata.bind": f"{ROOT}opportunities({DEAL})"}}
    response = await dataverse.post(name, json=body)
    assert (response.status_code, response.content) == (204, b"")
    row = dataverse_store.get("opportunities", DEAL)
    assert row is not None
    assert (row["statecode"], row["statuscode"], row["actualclosedate"]) == (state, reason, "2026-11-16")
    again = await dataverse.post(name, json=body)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "0x80048408")


@pytest.mark.parametrize(
    ("address", "status", "state", "fulfilled"),
    [("CancelSalesOrder", 4, 2, None), (FULFILL, 100002, 3, "2026-11-16T09:30:00Z")],
)
async def test_an_order_is_closed_by_an_action(
    dataverse: httpx.AsyncClient,
    dataverse_store: Store,
    address: str,
    status: int,
    state: int,
    fulfilled: str | None,
) -> None:
    body = {"Status": status, "OrderClose": {"subject": "x", "salesorderid@odata.bind": f"/salesorders({ORDER})"}}
    assert (await dataverse.post(address, json=body)).status_code == 204
    row = dataverse_store.get("salesorders", ORDER)
    assert row is not None
    assert (row["statecode"], row["statuscode"], row["datefulfilled"]) == (state, status, fulfilled)


@pytest.mark.parametrize(
    "address",
    [
        "FulfillSalesOrder",
        "accounts/Microsoft.Dynamics.CRM.FulfillSalesOrder",
        f"salesorders({ORDER})/Microsoft.Dynamics.CRM.FulfillSalesOrder",
        "salesorders/Microsoft.Dynamics.CRM.CancelSalesOrder",
        "QualifyLead",
    ],
)
async def test_an_action_answers_only_where_it_is_bound(dataverse: httpx.AsyncClient, address: str) -> None:
    body = {"Status": 4, "OrderClose": {"salesorderid@odata.bind": f"/salesorders({ORDER})"}}
    assert (await dataverse.post(address, json=body)).status_code == 404


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"Status": 3}, (400, "0x80048d19")),
        ({"Status": 3, "OpportunityClose": {}}, (400, "0x80048d19")),
        ({"OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({DEAL})"}}, (400, "0x80048d19")),
        (
            {"Status": 4, "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({DEAL})"}},
            (400, "0x80048408"),
        ),
        (
            {"Status": 9, "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({DEAL})"}},
            (400, "0x8004431a"),
        ),
        (
            {"Status": 3, "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({NOBODY})"}},
            (404, "0x80040217"),
        ),
        ({"Status": 3, "OpportunityClose": {"opportunityid@odata.bind": f"/accounts({NOBODY})"}}, (400, "0x80048d19")),
    ],
)
async def test_an_action_that_does_not_fit_changes_nothing(
    dataverse: httpx.AsyncClient, dataverse_store: Store, body: object, refusal: tuple[int, str]
) -> None:
    response = await dataverse.post("WinOpportunity", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == refusal
    row = dataverse_store.get("opportunities", DEAL)
    assert row is not None
    assert row["statecode"] == 0
