"""Who may act in the Dataverse simulator. The fixtures serve all its tests, which name this module as a plugin.

The environment has two people, one who left, an application user, a team and two currencies; Ada is signed in.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.sandbox.dataverse.app import dataverse_app, dataverse_model
from gateway.sandbox.dataverse.security_rows import administration
from gateway.sandbox.store import Store

UNIT = "00000b01-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
ROBOT = "00000a03-0000-4000-8000-000000000000"
LEFT = "00000a04-0000-4000-8000-000000000000"
TEAM = "00000d01-0000-4000-8000-000000000000"
EUR = "00000e01-0000-4000-8000-000000000000"
USD = "00000e02-0000-4000-8000-000000000000"

pytestmark = pytest.mark.anyio

CLAIMS: Mapping[str, Mapping[str, object]] = {
    "ada": {"oid": "0000fa01-0000-4000-8000-000000000000", "scp": "user_impersonation", "appid": ROBOT},
    "robot": {
        "appid": "0000fa03-0000-4000-8000-000000000000",
        "idtyp": "app",
        "oid": "0000fa99-0000-4000-8000-000000000000",
    },
    "left": {"oid": "0000fa04-0000-4000-8000-000000000000", "scp": "user_impersonation"},
    "stranger": {"oid": "0000fa98-0000-4000-8000-000000000000", "scp": "user_impersonation"},
}


def _verify(token: str) -> Mapping[str, object]:
    if token not in CLAIMS:
        raise ValueError("bad token")
    return CLAIMS[token]


@pytest.fixture
def dataverse_store() -> Store:
    store = Store(dataverse_model(), None)
    store.seed("businessunits", [{"businessunitid": UNIT, "name": "Harbour"}])
    store.seed(
        "systemusers",
        [
            _user(ADA, "Ada Vos", azureactivedirectoryobjectid="0000fa01-0000-4000-8000-000000000000"),
            _user(BEN, "Ben Moor"),
            _user(ROBOT, "# Gateway", applicationid="0000fa03-0000-4000-8000-000000000000"),
            _user(
                LEFT, "Lou Left", azureactivedirectoryobjectid="0000fa04-0000-4000-8000-000000000000", isdisabled=True
            ),
        ],
    )
    for name, rows in administration(store.model, business_unit_id=UNIT, user_ids=(ADA, BEN, ROBOT, LEFT)):
        store.seed(name, rows)
    store.seed("teams", [{"teamid": TEAM, "name": "Sales North", "teamtype": 0, "_businessunitid_value": UNIT}])
    store.seed(
        "transactioncurrencies",
        [
            {
                "transactioncurrencyid": EUR,
                "currencyname": "Euro",
                "isocurrencycode": "EUR",
                "currencysymbol": "€",
                "currencyprecision": 2,
                "exchangerate": 1,
            },
            {
                "transactioncurrencyid": USD,
                "currencyname": "US Dollar",
                "isocurrencycode": "USD",
                "currencysymbol": "$",
                "currencyprecision": 2,
                "exchangerate": "1.25",
            },
        ],
    )
    return store


def _user(key: str, name: str, **columns: object) -> dict[str, object]:
    return {"systemuserid": key, "fullname": name, "isdisabled": False, "_businessunitid_value": UNIT, **columns}


@pytest.fixture
async def dataverse(dataverse_store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as Ada, at the service root."""
    app = dataverse_app(dataverse_store, verify=_verify, now=lambda: datetime(2026, 11, 16, 9, 30, tzinfo=UTC))
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://crm.example/api/data/v9.2/",
        headers={"Authorization": "Bearer ada"},
    )
    async with client:
        yield client


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


async def test_who_am_i_names_the_acting_user(dataverse: httpx.AsyncClient) -> None:
    body = (await dataverse.get("WhoAmI")).json()
    assert body["@odata.context"] == "http://crm.example/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"
    assert body["UserId"] == ADA
    assert (await dataverse.get("WhoAmI()")).json()["UserId"] == ADA


async def test_the_version_is_retrieved(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get("RetrieveVersion()")).json()["Version"].startswith("9.2.")


@pytest.mark.parametrize("authorization", [None, "Bearer unknown", "Basic ada", "Bearer"])
async def test_a_missing_or_bad_token_is_answered_with_an_empty_401(
    dataverse: httpx.AsyncClient, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    dataverse.headers.pop("Authorization")
    response = await dataverse.get("accounts", headers=headers)
    assert (response.status_code, response.content) == (401, b"")


async def test_an_application_acts_as_its_application_user(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("WhoAmI", headers={"Authorization": "Bearer robot"})
    assert response.json()["UserId"] == "00000a03-0000-4000-8000-000000000000"


async def test_addresses_in_answers_hold_the_place_the_app_is_mounted_at(dataverse_store: Store) -> None:
    app = Starlette(routes=[Mount("/sandbox/dataverse", dataverse_app(dataverse_store, verify=_verify))])
    root = "http://crm.example/sandbox/dataverse/api/data/v9.2/"
    headers = {"Authorization": "Bearer ada", "Prefer": "odata.maxpagesize=1"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=root, headers=headers) as client:
        body = (await client.get("systemusers?$select=fullname")).json()
        assert body["@odata.context"] == f"{root}$metadata#systemusers(fullname)"
        assert body["@odata.nextLink"].startswith(f"{root}systemusers?")
        assert (await client.get(body["@odata.nextLink"])).json()["value"] != body["value"]
        created = await client.post("accounts", json={"name": "New"})
        assert created.headers["OData-EntityId"].startswith(f"{root}accounts(")
        bind = {"parentaccountid@odata.bind": created.headers["OData-EntityId"]}
        assert (await client.post("accounts", json=bind)).status_code == 204


async def test_a_stranger_is_no_member_of_the_organization(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("WhoAmI", headers={"Authorization": "Bearer stranger"})
    assert refusal(response) == (403, "0x80072560", "The user is not a member of the organization.")


async def test_a_disabled_user_is_refused(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("WhoAmI", headers={"Authorization": "Bearer left"})
    assert refusal(response)[:2] == (403, "0x80040225")


async def test_every_answer_carries_request_identifiers(dataverse: httpx.AsyncClient) -> None:
    for path in ("WhoAmI", "acounts"):
        headers = (await dataverse.get(path)).headers
        assert headers["x-ms-service-request-id"] == headers["REQ_ID"]
        assert headers["OData-Version"] == "4.0"
