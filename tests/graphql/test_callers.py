"""Who is asking: tokens are checked, roles decide, and everybody but administrators asks without an explanation."""

import asyncio
from typing import Literal

import httpx
import pytest

from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, NOBODY, SALES, WIDGET, Person
from gateway.sandbox.identity.registrations import GATEWAY
from tests.graphql.api import Api

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { name roles permissions isApplication objectId } }"


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        (ADMIN, ["INTEGRATION_ADMINISTRATOR"]),
        (SALES, ["INTEGRATION_USER"]),
        (WIDGET, ["PRODUCT_AVAILABILITY_USER"]),
        (NOBODY, []),
    ],
    ids=["admin", "sales", "widget", "nobody"],
)
async def test_everybody_learns_who_they_are(api: Api, person: Person, roles: list[str]) -> None:
    answer = await api.ask(VIEWER, person=person)
    assert answer.errors == []
    viewer = answer.data["viewer"]
    assert (viewer["name"], viewer["roles"], viewer["objectId"]) == (person.display_name, roles, person.object_id)
    assert ("EXPLAIN" in viewer["permissions"]) == (person is ADMIN)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer a.b.c"])
async def test_without_a_good_token_nothing_is_answered(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_token_for_another_resource_is_refused(api: Api) -> None:
    token = api.sandbox.identity.issue(ADMIN, "https://api.businesscentral.dynamics.com")
    response = await api.http.post("/graphql", json={"query": VIEWER}, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert "audience" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("person", [WIDGET, NOBODY], ids=["widget", "nobody"])
@pytest.mark.parametrize(
    "query",
    [
        "{ customers(first: 1) { nodes { number } } }",
        "{ accounts(first: 1) { nodes { name } } }",
        "{ couplings(first: 1) { nodes { id } } }",
        "{ connection { healthy } }",
        "{ viewer { companies { name } } }",
    ],
)
async def test_what_a_role_does_not_cover_is_refused_before_anything_is_asked(
    api: Api, person: Person, query: str
) -> None:
    answer = await api.ask(query, person=person)
    assert answer.codes == ["FORBIDDEN"]
    assert api.business_central.seen == api.dataverse.seen == []


async def test_a_widget_sees_what_identifies_an_item_and_its_stock(api: Api) -> None:
    answer = await api.ask('{ item(by: {number: "1001"}) { number displayName inventory } }', person=WIDGET)
    assert answer.data == {"item": {"number": "1001", "displayName": "Trekking bike Breeze", "inventory": "145"}}


async def test_a_widget_cannot_reach_an_account_through_its_id(api: Api) -> None:
    found = await api.ask('{ account(by: {customerNumber: "C00210"}) { id } }')
    query = "query ($id: ID!) { node(id: $id) { id ... on Account { name } } }"
    answer = await api.ask(query, {"id": found.data["account"]["id"]}, person=WIDGET)
    assert answer.data == {"node": None}
    assert answer.codes == ["FORBIDDEN"]


async def test_explanations_are_for_administrators_who_ask(api: Api) -> None:
    query = '{ item(by: {number: "1001"}) { number } }'
    assert "gateway" in (await api.ask(query)).body["extensions"]
    for answer in (await api.ask(query, explain=False), await api.ask(query, person=SALES)):
        assert "gateway" not in (answer.body.get("extensions") or {})


async def test_one_correlation_id_goes_from_the_caller_to_both_backends(api: Api) -> None:
    token = api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
    response = await api.http.post(
        "/graphql",
        json={"query": '{ customer(by: {number: "C00210"}) { number account { name } } }'},
        headers={"Authorization": f"Bearer {token}", "X-Correlation-Id": "from-the-form-42"},
    )
    assert response.headers["x-correlation-id"] == "from-the-form-42"
    for request in (*api.business_central.seen, *api.dataverse.seen):
        assert request.headers["client-request-id"] == "from-the-form-42"


async def test_a_correlation_id_that_is_none_is_replaced(api: Api) -> None:
    response = await api.http.get("/health/live", headers={"X-Correlation-Id": "x" * 500})
    assert response.headers["x-correlation-id"] != "x" * 500


async def test_health_needs_no_token(api: Api) -> None:
    assert (await api.http.get("/health/live")).json() == {"status": "live"}
    assert (await api.http.get("/health/ready")).json() == {
        "status": "ready",
        "checks": {"database": True},
        "overdue": [],
    }


async def test_a_browser_gets_graphiql_and_a_program_does_not(api: Api) -> None:
    page = await api.http.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml"})
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    program: httpx.Response = await api.http.get("/graphql", headers={"Accept": "application/json"})
    assert program.status_code == 401


async def test_keys_that_are_rolled_in_mid_traffic_drop_no_good_request(api: Api) -> None:
    """Old tokens stay good, new ones are signed with a key the gateway has not seen: all at once, three times over."""

    async def ask(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)).status_code

    tokens = [api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)]
    asking = [asyncio.ensure_future(ask(tokens[0])) for _ in range(20)]
    for _ in range(2):
        api.sandbox.identity.rotate()
        tokens.append(api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE))
        asking += [asyncio.ensure_future(ask(each)) for each in tokens * 20]
        await asyncio.sleep(0)

    assert set(await asyncio.gather(*asking)) == {200}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_tokens_of_both_versions_pass(api: Api, version: Literal["1.0", "2.0"]) -> None:
    token = api.sandbox.identity.issue(SALES, GATEWAY_RESOURCE, version=version)
    response = await api.http.post("/graphql", json={"query": VIEWER}, headers={"Authorization": f"Bearer {token}"})
    assert response.json()["data"]["viewer"]["name"] == SALES.display_name


async def test_keys_that_cannot_be_had_are_no_fault_of_the_caller(api: Api) -> None:
    api.identity.instead = lambda _: httpx.Response(500)
    token = api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
    for path in ("/graphql", "/graphql/stream"):
        response = await api.http.post(path, json={"query": VIEWER}, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["errors"][0]["extensions"]["code"] == "IDENTITY_UNAVAILABLE"


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_an_id_token_opens_nothing(api: Api, path: str) -> None:
    token = api.sandbox.identity.issue_id_token(ADMIN, client=GATEWAY)
    response = await api.http.post(path, json={"query": VIEWER}, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
