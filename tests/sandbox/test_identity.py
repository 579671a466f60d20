"""The Entra ID stand-in: what it publishes, whom it gives tokens, what it refuses, and that MSAL can use it."""

import stat
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import httpx
import jwt
import msal
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.sandbox.identity.app import identity_app
from gateway.sandbox.identity.grants import DEVICE_CODE, ON_BEHALF_OF
from gateway.sandbox.identity.people import (
    ADMIN,
    GATEWAY_CLIENT_ID,
    GATEWAY_RESOURCE,
    GRAPHIQL_CLIENT_ID,
    NOBODY,
    SALES,
    TENANT_ID,
    Person,
)
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from gateway.sandbox.identity.tokens import ExpiredToken, Identity, InvalidToken, WrongAudience

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
BASE = "https://localhost/sandbox/identity"
TENANT = f"{BASE}/{TENANT_ID}"
DATAVERSE = "http://127.0.0.1:8000/sandbox/dataverse"


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Caller:
    """A synchronous HTTP client, such as MSAL wants, whose every request goes to the identity provider."""

    def __init__(self, identity: Identity) -> None:
        self._app = Starlette(routes=[Mount("/sandbox/identity", identity_app(identity))])

    def get(self, url: str, **kwargs: object) -> httpx.Response:
        return self._request("GET", url, **kwargs)

    def post(self, url: str, **kwargs: object) -> httpx.Response:
        return self._request("POST", url, **kwargs)

    def close(self) -> None:
        """MSAL asks for it; nothing is open between requests."""

    def token(self, **form: str) -> httpx.Response:
        return self.post(f"{TENANT}/oauth2/v2.0/token", data=form)

    def _request(self, method: str, url: str, **kwargs: object) -> httpx.Response:
        known = {name: kwargs[name] for name in ("params", "data", "headers") if kwargs.get(name)}

        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self._app)) as client:
                return await client.request(method, url, **known)  # type: ignore[arg-type]

        return anyio.run(send)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity") / "keys"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identity(folder: Path, clock: Clock) -> Identity:
    return Identity(folder, clock=clock)


@pytest.fixture
def caller(identity: Identity) -> Caller:
    return Caller(identity)


def as_app(identity: Identity, **form: str) -> dict[str, str]:
    return {"client_id": GATEWAY_CLIENT_ID, "client_secret": identity.client_secret, **form}


def as_person(person: Person, **form: str) -> dict[str, str]:
    return {
        "grant_type": "password",
        "client_id": GRAPHIQL_CLIENT_ID,
        "username": person.user_name,
        "password": person.password,
        "scope": f"{GATEWAY_RESOURCE}/.default",
        **form,
    }


def gateway_token(identity: Identity, person: Person = SALES) -> str:
    return identity.issue(person, GATEWAY_RESOURCE, base=BASE)


# What it publishes


@pytest.mark.parametrize(
    ("path", "issuer"), [("/v2.0", f"{TENANT}/v2.0"), ("", f"{TENANT}/")], ids=["version 2", "version 1"]
)
def test_discovery_names_endpoints_under_the_address_that_was_used(caller: Caller, path: str, issuer: str) -> None:
    document = caller.get(f"{TENANT}{path}/.well-known/openid-configuration").json()
    assert document["issuer"] == issuer
    assert document["token_endpoint"] == f"{TENANT}/oauth2/v2.0/token"
    assert document["jwks_uri"] == f"{TENANT}/discovery/v2.0/keys"


def test_a_fixed_issuer_is_named_wherever_the_request_went(folder: Path, clock: Clock) -> None:
    caller = Caller(Identity(folder, issuer_base="https://login.example/", clock=clock))
    document = caller.get(f"{TENANT}/v2.0/.well-known/openid-configuration").json()
    assert document["issuer"] == f"https://login.example/{TENANT_ID}/v2.0"
    assert document["token_endpoint"].startswith(BASE)


def test_a_token_is_verified_with_nothing_but_the_published_keys(caller: Caller) -> None:
    token = caller.token(**as_person(ADMIN)).json()["access_token"]
    keys = jwt.PyJWKSet.from_dict(caller.get(f"{TENANT}/discovery/v2.0/keys").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=GATEWAY_RESOURCE,
        issuer=f"{TENANT}/v2.0",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["oid"] == ADMIN.object_id


def test_the_interactive_sign_in_that_discovery_must_name_says_that_it_is_not_there(caller: Caller) -> None:
    document = caller.get(f"{TENANT}/v2.0/.well-known/openid-configuration").json()
    assert caller.get(document["authorization_endpoint"]).status_code == 501


def test_another_tenant_is_not_found(caller: Caller) -> None:
    answer = caller.get(f"{BASE}/contoso.example/v2.0/.well-known/openid-configuration")
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])


# Whom it gives tokens


def test_an_application_gets_a_token_for_itself(identity: Identity, caller: Caller) -> None:
    form = as_app(identity, grant_type="client_credentials", scope=f"{BUSINESS_CENTRAL_RESOURCE}/.default")
    answer = caller.token(**form)
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    claims = identity.verify(answer.json()["access_token"], audience=BUSINESS_CENTRAL_RESOURCE)
    assert claims["idtyp"] == "app"
    assert claims["appid"] == claims["azp"] == GATEWAY_CLIENT_ID
    assert claims["oid"] == claims["sub"] == GATEWAY.object_id
    assert claims["roles"] == ["API.ReadWrite.All"]
    assert (claims["ver"], claims["tid"], claims["iss"]) == ("2.0", TENANT_ID, f"{TENANT}/v2.0")
    assert "scp" not in claims


def test_a_person_gets_app_roles_of_the_gateway(identity: Identity, caller: Caller) -> None:
    answer = caller.token(**as_person(SALES)).json()
    claims = identity.verify(answer["access_token"], audience=GATEWAY_RESOURCE)
    assert claims["roles"] == ["Gateway.IntegrationUser"]
    assert claims["scp"] == "access_as_user"
    assert claims["preferred_username"] == SALES.user_name
    assert claims["azp"] == GRAPHIQL_CLIENT_ID
    assert "idtyp" not in claims
    assert answer["scope"] == f"{GATEWAY_RESOURCE}/access_as_user"


def test_a_person_without_a_role_gets_a_token_without_roles(identity: Identity, caller: Caller) -> None:
    token = caller.token(**as_person(NOBODY)).json()["access_token"]
    assert "roles" not in identity.verify(token, audience=GATEWAY_RESOURCE)


def test_an_id_token_comes_only_to_who_asks_for_one(caller: Caller) -> None:
    scope = f"{GATEWAY_RESOURCE}/access_as_user"
    assert "id_token" not in caller.token(**as_person(SALES, scope=scope)).json()
    asked = caller.token(**as_person(SALES, scope=f"{scope} openid profile")).json()
    claims = jwt.decode(asked["id_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["name"]) == (GRAPHIQL_CLIENT_ID, SALES.display_name)


@pytest.mark.parametrize(
    ("resource", "scp"),
    [(BUSINESS_CENTRAL_RESOURCE, "Financials.ReadWrite.All"), (DATAVERSE, "user_impersonation")],
)
def test_the_gateway_acts_on_behalf_of_its_caller(identity: Identity, caller: Caller, resource: str, scp: str) -> None:
    form = as_app(
        identity,
        grant_type=ON_BEHALF_OF,
        requested_token_use="on_behalf_of",
        assertion=gateway_token(identity),
        scope=f"{resource}/.default",
    )
    claims = identity.verify(caller.token(**form).json()["access_token"], audience=resource)
    assert (claims["oid"], claims["scp"], claims["azp"]) == (SALES.object_id, scp, GATEWAY_CLIENT_ID)
    assert "roles" not in claims


def test_a_version_1_token_has_the_older_claims(identity: Identity) -> None:
    token = identity.issue(SALES, GATEWAY_RESOURCE, base=BASE, version="1.0")
    claims = identity.verify(token, audience=(GATEWAY_RESOURCE, GATEWAY_CLIENT_ID))
    assert (claims["ver"], claims["iss"], claims["upn"]) == ("1.0", f"{TENANT}/", SALES.user_name)
    assert claims["appid"] == GATEWAY_CLIENT_ID
    assert not claims.keys() & {"azp", "preferred_username"}


def test_an_authority_without_an_address_cannot_issue_for_nobody_in_particular(identity: Identity) -> None:
    with pytest.raises(ValueError, match="needs an issuer"):
        identity.issue(SALES, GATEWAY_RESOURCE)


# The device code grant


def started(caller: Caller) -> tuple[dict[str, str], dict[str, str]]:
    form = {"client_id": GRAPHIQL_CLIENT_ID, "scope": f"{GATEWAY_RESOURCE}/access_as_user"}
    device = caller.post(f"{TENANT}/oauth2/v2.0/devicecode", data=form).json()
    poll = {"grant_type": DEVICE_CODE, "client_id": GRAPHIQL_CLIENT_ID, "device_code": device["device_code"]}
    return device, poll


def test_a_device_waits_until_somebody_confirms_its_code_and_gets_one_token(identity: Identity, caller: Caller) -> None:
    device, poll = started(caller)
    assert caller.token(**poll).json()["error"] == "authorization_pending"
    assert 'name="user_code"' in caller.get(device["verification_uri"]).text
    form = {"user_code": device["user_code"].lower(), "person": "sales"}
    assert SALES.display_name in caller.post(device["verification_uri"], data=form).text
    token = caller.token(**poll).json()["access_token"]
    assert identity.verify(token, audience=GATEWAY_RESOURCE)["oid"] == SALES.object_id
    assert caller.token(**poll).json()["error"] == "bad_verification_code"


def test_a_refused_device_is_told_so(caller: Caller) -> None:
    device, poll = started(caller)
    caller.post(device["verification_uri"], data={"user_code": device["user_code"], "person": ""})
    assert caller.token(**poll).json()["error"] == "authorization_declined"


def test_a_device_code_lasts_fifteen_minutes(caller: Caller, clock: Clock) -> None:
    device, poll = started(caller)
    clock.now += timedelta(minutes=15)
    late = {"user_code": device["user_code"], "person": "sales"}
    assert caller.post(device["verification_uri"], data=late).status_code == 400
    assert caller.token(**poll).json()["error"] == "expired_token"


# What it refuses


Change = Callable[[Identity], dict[str, str]]
REFUSALS: Mapping[str, tuple[Change, int, str, int]] = {
    "no grant": (lambda i: {"grant_type": ""}, 400, "invalid_request", 900144),
    "unknown grant": (lambda i: {"grant_type": "implicit"}, 400, "unsupported_grant_type", 70003),
    "unknown application": (lambda i: {"client_id": "somebody"}, 400, "unauthorized_client", 700016),
    "no secret": (lambda i: {"client_secret": ""}, 401, "invalid_client", 7000218),
    "wrong secret": (lambda i: {"client_secret": "guess"}, 401, "invalid_client", 7000215),
    "secret of a public client": (lambda i: {"client_id": GRAPHIQL_CLIENT_ID}, 401, "invalid_client", 700025),
    "public client for itself": (
        lambda i: {"client_id": GRAPHIQL_CLIENT_ID, "client_secret": ""},
        401,
        "invalid_client",
        7000216,
    ),
    "no scope": (lambda i: {"scope": ""}, 400, "invalid_request", 900144),
    "one permission for an application": (
        lambda i: {"scope": f"{DATAVERSE}/user_impersonation"},
        400,
        "invalid_scope",
        1002012,
    ),
    "unknown resource": (lambda i: {"scope": "api://elsewhere/.default"}, 400, "invalid_resource", 500011),
    "an address that is none": (lambda i: {"scope": "https://[x/.default"}, 400, "invalid_resource", 500011),
    "unknown person": (
        lambda i: as_app(i, **as_person(SALES, client_id=GATEWAY_CLIENT_ID, username="x@y.example")),
        400,
        "invalid_grant",
        50034,
    ),
    "wrong password": (
        lambda i: as_app(i, **as_person(SALES, client_id=GATEWAY_CLIENT_ID, password="guess")),
        400,
        "invalid_grant",
        50126,
    ),
    "two resources": (
        lambda i: as_app(
            i, **as_person(SALES, client_id=GATEWAY_CLIENT_ID, scope=f"{DATAVERSE}/a {GATEWAY_RESOURCE}/b")
        ),
        400,
        "invalid_scope",
        70011,
    ),
    "permission that is not there": (
        lambda i: as_app(i, **as_person(SALES, client_id=GATEWAY_CLIENT_ID, scope=f"{GATEWAY_RESOURCE}/everything")),
        400,
        "invalid_scope",
        70011,
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_has_the_status_word_and_number_of_entra_id(identity: Identity, caller: Caller, case: str) -> None:
    change, status, error, code = REFUSALS[case]
    form = as_app(identity, grant_type="client_credentials", scope=f"{DATAVERSE}/.default") | change(identity)
    answer = caller.token(**form)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert body["timestamp"] == "2026-11-16 12:00:00Z"
    assert body["trace_id"] != body["correlation_id"]


ASSERTIONS: Mapping[str, tuple[Callable[[Identity], str], int]] = {
    "not a token": (lambda i: "nonsense", 50013),
    "signed by somebody else": (lambda i: gateway_token(Identity(clock=i.clock)), 50013),
    "for another API": (lambda i: i.issue(SALES, DATAVERSE, base=BASE), 500131),
    "too old": (lambda i: i.issue(SALES, GATEWAY_RESOURCE, base=BASE, lifetime=timedelta()), 500133),
    "an ID token": (lambda i: i.issue_id_token(SALES, client=GATEWAY, base=BASE), 50013),
    "of an application": (lambda i: i.issue(GATEWAY, GATEWAY_RESOURCE, base=BASE), 7000114),
}


@pytest.mark.parametrize("case", ASSERTIONS)
def test_nobody_is_acted_for_without_a_good_token_of_theirs(identity: Identity, caller: Caller, case: str) -> None:
    assertion, code = ASSERTIONS[case]
    form = as_app(
        identity,
        grant_type=ON_BEHALF_OF,
        requested_token_use="on_behalf_of",
        assertion=assertion(identity),
        scope=f"{DATAVERSE}/.default",
    )
    body = caller.token(**form).json()
    assert (body["error"], body["error_codes"]) == ("invalid_grant", [code])


def test_a_token_is_good_for_its_hour_and_no_longer(identity: Identity, clock: Clock) -> None:
    token = gateway_token(identity)
    clock.now += timedelta(minutes=59)
    identity.verify(token, audience=GATEWAY_RESOURCE)
    clock.now += timedelta(minutes=1)
    with pytest.raises(ExpiredToken):
        identity.verify(token, audience=GATEWAY_RESOURCE)


def test_a_simulator_accepts_tokens_for_itself_only(identity: Identity) -> None:
    verify = identity.verifier(DATAVERSE)
    assert verify(identity.issue(SALES, DATAVERSE, base=BASE))["scp"] == "user_impersonation"
    with pytest.raises(WrongAudience):
        verify(gateway_token(identity))


@pytest.mark.parametrize("token", ["", "a.b.c", "ä.ö.ü", "eyJhbGciOiJSUzI1NiJ9.e30.AA", "e30.e30.e30", "W10.e30.AA"])
def test_what_is_no_token_proves_nothing(identity: Identity, token: str) -> None:
    with pytest.raises(InvalidToken):
        identity.verify(token, audience=GATEWAY_RESOURCE)


def test_a_changed_token_proves_nothing(identity: Identity) -> None:
    head, _, signature = gateway_token(identity).split(".")
    _, other_claims, _ = gateway_token(identity, ADMIN).split(".")
    with pytest.raises(InvalidToken):
        identity.verify(f"{head}.{other_claims}.{signature}", audience=GATEWAY_RESOURCE)


def test_an_unsigned_token_proves_nothing(identity: Identity) -> None:
    claims = jwt.decode(gateway_token(identity), options={"verify_signature": False})
    kid = jwt.get_unverified_header(gateway_token(identity))["kid"]
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": kid})
    with pytest.raises(InvalidToken):
        identity.verify(unsigned, audience=GATEWAY_RESOURCE)


def test_a_fixed_issuer_is_the_only_one_accepted(folder: Path, clock: Clock, identity: Identity) -> None:
    strict = Identity(folder, issuer_base="https://login.example", clock=clock)
    strict.verify(gateway_token(strict), audience=GATEWAY_RESOURCE)
    with pytest.raises(InvalidToken, match="issued by"):
        strict.verify(gateway_token(identity), audience=GATEWAY_RESOURCE)


# What it keeps


def test_keys_and_secret_survive_a_restart_and_are_private(folder: Path, identity: Identity, clock: Clock) -> None:
    again = Identity(folder, clock=clock)
    again.verify(gateway_token(identity), audience=GATEWAY_RESOURCE)
    assert again.client_secret == identity.client_secret
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_two_authorities_in_memory_share_nothing() -> None:
    assert Identity().client_secret != Identity().client_secret


def test_a_rotated_key_stays_published_and_reaches_other_processes(tmp_path: Path, clock: Clock) -> None:
    here, there = Identity(tmp_path, clock=clock), Identity(tmp_path, clock=clock)
    old = gateway_token(here)
    here.rotate()
    new = gateway_token(here)
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    for token in (old, new):
        there.verify(token, audience=GATEWAY_RESOURCE)
    assert here.jwks() == there.jwks()


# MSAL


@pytest.fixture
def app(identity: Identity, caller: Caller) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        GATEWAY_CLIENT_ID,
        client_credential=identity.client_secret,
        authority=TENANT,
        instance_discovery=False,
        http_client=caller,
    )


def test_msal_acquires_a_token_for_the_application(app: msal.ConfidentialClientApplication, identity: Identity) -> None:
    answer = app.acquire_token_for_client([f"{BUSINESS_CENTRAL_RESOURCE}/.default"])
    assert identity.verify(answer["access_token"], audience=BUSINESS_CENTRAL_RESOURCE)["idtyp"] == "app"


def test_msal_acquires_a_token_on_behalf_of_a_caller(
    app: msal.ConfidentialClientApplication, identity: Identity
) -> None:
    answer = app.acquire_token_on_behalf_of(gateway_token(identity), [f"{DATAVERSE}/.default"])
    assert identity.verify(answer["access_token"], audience=DATAVERSE)["oid"] == SALES.object_id
    assert answer["id_token_claims"]["name"] == SALES.display_name


def test_msal_reports_a_refusal_as_entra_ids(app: msal.ConfidentialClientApplication) -> None:
    answer = app.acquire_token_on_behalf_of("nonsense", [f"{DATAVERSE}/.default"])
    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [50013])
