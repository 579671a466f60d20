"""Business Central, line 2: the body of a 401, and the difference between an application's token and a person's."""

import re

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.business_central.caller import Caller, authenticate
from gateway.sandbox.business_central.errors import RefusedError
from gateway.sandbox.identity.people import SALES
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from tests.checklist.answers import refusal, rows
from tests.checklist.tokens import bearer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("sent", ["", "Bearer x.y.z", "Basic dXNlcjpwYXNz"])
async def test_a_bad_token_has_the_recorded_body(sandbox: Sandbox, http: httpx.AsyncClient, sent: str) -> None:
    answer = await http.get(f"{sandbox.addresses.business_central}/companies", headers={"Authorization": sent})
    assert refusal(answer) == (401, "Authentication_InvalidCredentials")
    assert answer.headers["www-authenticate"] == "Bearer"
    message = answer.json()["error"]["message"]
    assert re.fullmatch(r"The server has rejected the client credentials\.  CorrelationId:  [0-9a-f-]{36}\.", message)


async def test_a_token_for_another_resource_is_401(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    headers = bearer(sandbox, sandbox.addresses.dataverse)
    answer = await http.get(f"{sandbox.addresses.business_central}/companies", headers=headers)
    assert refusal(answer) == (401, "Authentication_InvalidCredentials")


async def test_an_application_and_a_person_are_let_in(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    for subject in (GATEWAY, SALES):
        headers = bearer(sandbox, BUSINESS_CENTRAL_RESOURCE, subject=subject)
        assert rows(await http.get(f"{sandbox.addresses.business_central}/companies", headers=headers))


async def test_both_kinds_of_token_are_told_apart(sandbox: Sandbox) -> None:
    verify = sandbox.identity.verifier(BUSINESS_CENTRAL_RESOURCE)
    application = authenticate(verify, bearer(sandbox)["Authorization"])
    somebody = authenticate(verify, bearer(sandbox, subject=SALES)["Authorization"])
    assert application == Caller(GATEWAY.object_id, is_application=True)
    assert somebody == Caller(SALES.object_id, is_application=False)


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["API.ReadWrite.All"], "scp": "User.Read"},
        {"scp": "API.ReadWrite.All"},
        {"roles": ["Financials.ReadWrite.All"]},
        {"roles": ["Automation.ReadWrite.All"]},
        {},
    ],
)
def test_a_role_does_not_open_what_a_scope_opens(claims: dict[str, object]) -> None:
    with pytest.raises(RefusedError, match="rejected the client credentials"):
        authenticate(lambda token: claims, "Bearer anything")


async def test_the_rule_holds_over_http(sandbox: Sandbox) -> None:
    claims: dict[str, object] = {"roles": ["API.ReadWrite.All"], "scp": "User.Read"}
    app = business_central_app(
        sandbox.business_central, verify=lambda token: claims, tenant="t", environment="Production"
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        answer = await client.get("http://bc/v2.0/Production/api/v2.0/companies", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
