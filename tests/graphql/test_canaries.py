"""No secret comes to light, whatever fails: in no log, error, explanation, repr, cache key or table, nor in the audit trail."""

import io
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import structlog
from pydantic import SecretStr

from gateway.auth.credentials import read_certificate
from gateway.auth.entra import Entra
from gateway.auth.tokens import HeldToken
from gateway.jobs.database import jobs_database_url
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, NOBODY, SALES, WIDGET
from gateway.telemetry import configure_logging, log
from tests.clients.test_on_behalf_of_tokens import pem
from tests.databases import DATABASES, postgresql
from tests.graphql.api import Api, Switch
from tests.graphql.hooked import Hooked, hooked
from tests.graphql.live import signed_in
from tests.graphql.planted import Canaries, look_everywhere, told
from tests.sandbox.receivers import Clock

pytestmark = pytest.mark.anyio

PASSWORD = "canary-of-the-database-9Q"
ASKED = f"""{{
  customer(by: {{number: "{story.HARBOUR}"}}) {{ displayName account {{ name }}
    statistics {{ balance {{ amount }} missing {{ message }} }} }}
  item(by: {{number: "1896-S"}}) {{ availability {{ availableInventory missing {{ message }} }} }}
  couplings(first: 2) {{ nodes {{ id differences {{ field }} }} }}
  connection {{ checks {{ code message hint }} optionalSources {{ __typename }} }}
  auditTrail {{ nodes {{ input changes {{ before after }} }} }}
}}"""
UNCOUPLE = 'mutation { uncoupleRecords(input: {couplingId: "x"}) { __typename } }'
RUN = "mutation { synchronizeModified(input: {mapping: CUSTOMER}) { __typename } }"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged, with all that can be switched on; the configuration before is put back."""
    before, root, stream = structlog.get_config(), logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("DEBUG")
    yield stream
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """With a password where a database has one."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        return
    with postgresql() as there:
        yield there.replace("postgres@", f"postgres:{PASSWORD}@")


@pytest.fixture
def sandbox(sandbox_files: Path, tmp_path: Path) -> Iterator[Sandbox]:
    shutil.copytree(sandbox_files, tmp_path / "sandbox")
    opened = open_sandbox("http://localhost", folder=tmp_path / "sandbox")
    yield opened
    opened.close()


def repeating(status: int, *, html: bool = False) -> Any:
    """A far end that repeats all it was sent, as people would read it."""

    def respond(request: httpx.Request) -> httpx.Response:
        sent = f"{request.headers.get('authorization')} {request.content.decode(errors='replace')}"
        if html:
            return httpx.Response(status, html=f"<html>{sent}</html>", request=request)
        error = {"code": sent, "message": f"You sent {sent}"}
        return httpx.Response(
            status,
            json={"error": error},
            headers={"request-id": sent.encode("ascii", "replace").hex()[:8]},
            request=request,
        )

    return respond


def raising(error: Exception) -> Any:
    def respond(request: httpx.Request) -> httpx.Response:
        raise error

    return respond


FAILURES = {
    "bad request": repeating(400),
    "401": repeating(401),
    "403": repeating(403),
    "404": repeating(404),
    "500": repeating(500),
    "503 page": repeating(503, html=True),
    "a page instead of rows": repeating(200, html=True),
    "rows that are none": lambda request: httpx.Response(200, json={"value": 7}, request=request),
    "unreachable": raising(httpx.ConnectError("no route")),
    "unforeseen": raising(RuntimeError("boom")),
}


class Listening:
    """Asks, and looks at every answer."""

    def __init__(self, gateway: Hooked, canaries: Canaries) -> None:
        self.gateway, self.api, self.canaries = gateway, gateway.api, canaries
        self._tokens: dict[str, str] = {}
        for person in (ADMIN, SALES, WIDGET, NOBODY):
            canaries.plant_token(f"token of {person.name}", self.token(person))
        self.answers = 0

    def token(self, person: Any) -> str:
        return self._tokens.setdefault(person.name, self.api.sandbox.identity.issue(person, GATEWAY_RESOURCE))

    async def ask(self, query: str, person: Any = ADMIN, *, path: str = "/graphql", **variables: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(person)}", "Gateway-Explain": "1"}
        if path != "/graphql":
            headers["Accept"] = "text/event-stream"
        body = {"query": query, "variables": variables}
        return self.heard(await self.api.http.post(path, json=body, headers=headers))

    def heard(self, answer: httpx.Response) -> httpx.Response:
        self.answers += 1
        self.canaries.look(f"answer {answer.status_code}", told(answer))
        return answer


def plant_what_was_sent(canaries: Canaries, *ways: Switch) -> None:
    """The gateway's own tokens and the secrets of its webhooks, as the far ends got them."""
    for way in ways:
        for number, request in enumerate(way.seen):
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme == "Bearer":
                canaries.plant_token(f"token {hash(token)} sent to a system", token)
            body = request.content.decode(errors="replace")
            if '"clientState"' in body and body.startswith("{"):
                canaries.plant(f"clientState {number}", json.loads(body)["clientState"])


def identity_of(api: Api) -> tuple[Switch, list[HeldToken]]:
    """The way to Entra ID, and those who hold tokens of the gateway's own."""
    backends = api.app.state.running.services.backends
    providers = [each.wire._http.auth._provider for each in (backends.business_central, backends.dataverse)]
    (http,) = {entra._http for each in providers for entra in _of_closure(each._acquire)}
    way = Switch(http._transport)
    http._transport = way
    return way, providers


def _of_closure(acquire: Any) -> list[Entra]:
    held = [each.cell_contents for each in acquire.__closure__]
    return [each for each in held if isinstance(each, Entra)]


async def live_through(listening: Listening) -> None:
    """Successes and failures of everything that answers."""
    api, gateway = listening.api, listening.gateway
    assert not (await listening.ask(ASKED)).json().get("errors")
    for person in (SALES, WIDGET, NOBODY):
        await listening.ask(ASKED, person)
        await listening.ask(UNCOUPLE, person)
    await listening.ask(RUN)
    await gateway.settled()
    for way in (api.business_central, api.dataverse):
        for failure in FAILURES.values():
            way.instead = failure
            for person in (ADMIN, WIDGET):
                await listening.ask(ASKED, person)
            await listening.ask('mutation { updateProductStock(input: {items: [{number: "1896-S"}]}) { __typename } }')
        await listening.ask(RUN)
        await gateway.look(hours=24 * 7)
        way.instead = None
    await knock(listening)
    await come_in_badly(listening)


async def knock(listening: Listening) -> None:
    """At the webhooks, knowing the secrets and not."""
    gateway, clear = listening.gateway, listening.api.http
    subscription = gateway.subscriptions()[0] if gateway.subscriptions() else None
    if subscription is not None:
        address = str(subscription["notificationUrl"]).replace("https://gateway.example", "")
        for state in (subscription["clientState"], "wrong"):
            for body in (json.dumps({"value": [{"clientState": state, "resource": 7}]}), f"{state} is no JSON"):
                listening.heard(await clear.post(address, content=body))
    for endpoint in gateway.endpoints():
        address = str(endpoint["url"]).replace("https://gateway.example", "")
        for secret in (gateway.secret(), "wrong"):
            for body in ("{", "{}", f'{{"a": "{secret}"}}'):
                listening.heard(await clear.post(address, content=body, headers={"x-gateway-secret": secret}))


async def come_in_badly(listening: Listening) -> None:
    """Tokens in the wrong place, or broken; other transports; health."""
    api, token = listening.api, listening.token(ADMIN)
    for header in (
        token,
        f"Basic {token}",
        f"Bearer {token}x",
        f"Bearer {token} {token}",
        f"Bearer {token[:-9]}{token[-3:]}",
    ):
        listening.heard(
            await api.http.post("/graphql", json={"query": "{ viewer { name } }"}, headers={"Authorization": header})
        )
    await listening.ask("query($token: String!) { customer(by: {number: $token}) { displayName } }", token=token)
    await listening.ask("mutation($token: ID!) { cancelSynchronization(id: $token) { __typename } }", token=token)
    await listening.ask("{ nothing }", path="/graphql/stream")
    for path in ("/health/live", "/health/ready", "/nothing"):
        listening.heard(await api.http.get(path))
    async with signed_in(api) as wire:
        wire.subscribe("{ connection { checks { message } } }")
        listening.canaries.look("socket", str(await wire.message()))


async def test_no_secret_comes_to_light_whatever_fails(
    url: str, sandbox: Sandbox, lines: io.StringIO, record_property: Any
) -> None:
    canaries = Canaries()
    canaries.plant("client secret", sandbox.identity.client_secret)
    canaries.plant("database password", PASSWORD)
    async with AsyncExitStack() as stack:
        gateway = await hooked(sandbox, url, stack, Clock(), log_level="DEBUG")
        listening = Listening(gateway, canaries)
        identity, providers = identity_of(gateway.api)
        await gateway.look(hours=1)
        plant_what_was_sent(canaries, gateway.api.business_central, gateway.api.dataverse)
        if gateway.endpoints():
            canaries.plant("webhook secret of Dataverse", gateway.secret())
        await live_through(listening)
        for failure in (repeating(400), repeating(500), raising(RuntimeError("boom")), repeating_a_secret(identity)):
            identity.instead = failure
            for each in providers:
                each._held = None
            asked = len(identity.seen)
            await listening.ask(ASKED)
            await listening.ask(ASKED, WIDGET)
            assert len(identity.seen) > asked
        plant_what_was_sent(canaries, gateway.api.business_central, gateway.api.dataverse)
        assert {"client secret", "database password", "webhook secret of Dataverse"} <= canaries.planted.keys()
        assert any(name.startswith("clientState") for name in canaries.planted)
        assert any(name.startswith("token ") and name.endswith("sent to a system") for name in canaries.planted)
        look_everywhere(canaries, gateway.api.app, [url, jobs_database_url(url)])
        canaries.look("log", lines.getvalue())
        record_property(
            "counts",
            f"{len(canaries.planted)} canaries, {listening.answers} answers, {len(lines.getvalue().splitlines())} log lines",
        )

    assert len(lines.getvalue().splitlines()) > 20, "the failures left something to look at"
    assert canaries.found == set()


def repeating_a_secret(way: Switch) -> Any:
    """Entra ID, were it to repeat what it was sent; what it publishes is as always."""

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await way.inner.handle_async_request(request)
        (secret,) = parse_qs(request.content.decode())["client_secret"]
        told = {"error": f"invalid_client {secret}", "error_description": f"AADSTS7000215: Invalid secret {secret}."}
        return httpx.Response(401, json=told, request=request)

    return respond


async def test_neither_a_certificate_nor_what_opens_it_nor_redis_shows_itself(
    sandbox: Sandbox, tmp_path: Path, lines: io.StringIO
) -> None:
    """Where Entra ID does not know the certificate, and no Redis answers."""
    password, canaries = "canary-of-the-certificate-5", Canaries()
    file, made = tmp_path / "gateway.pem", pem(password=password)
    file.write_bytes(made)
    key = read_certificate(made, password).key
    canaries.plant("key of the certificate", "".join(key.splitlines()[1:3]))
    canaries.plant("key of the certificate as it is written", key.splitlines()[2])
    canaries.plant("password of the certificate", password)
    canaries.plant("password of Redis", "canary-of-redis-31")
    settings = {
        "client_secret": None,
        "client_certificate": file,
        "client_certificate_password": SecretStr(password),
        "redis_url": SecretStr("redis://:canary-of-redis-31@127.0.0.1:1/0"),
    }
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        gateway = await hooked(sandbox, url, stack, Clock(), public_url=None, log_level="DEBUG", **settings)
        listening = Listening(gateway, canaries)
        answers = [await listening.ask(query, person) for query in (ASKED, UNCOUPLE, RUN) for person in (ADMIN, WIDGET)]
        listening.heard(await gateway.api.http.get("/health/ready"))
        look_everywhere(canaries, gateway.api.app, [url])
        canaries.look("log", lines.getvalue())

    assert "BACKEND_TOKEN_UNAVAILABLE" in answers[0].text
    assert canaries.found == set()


async def test_a_secret_that_does_come_to_light_is_noticed(
    sandbox: Sandbox, tmp_path: Path, lines: io.StringIO
) -> None:
    """In each of the places that are looked at: otherwise the test above would prove nothing."""
    canary = "a-canary-that-nobody-hides-7"
    canaries = Canaries()
    canaries.plant("canary", canary)
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with AsyncExitStack() as stack:
        gateway = await hooked(sandbox, url, stack, Clock(), public_url=None)
        listening = Listening(gateway, canaries)
        log.info("planted", note=canary)
        canaries.look("log", lines.getvalue())
        logging.getLogger("a.library").warning("planted %s", canary)
        await listening.ask(f'{{ customer(by: {{number: "{canary}"}}) {{ {canary.replace("-", "_")} }} }}')
        listening.heard(httpx.Response(200, text=canary))
        mutation = f'mutation {{ cancelSynchronization(id: "{canary}") {{ __typename }} }}'
        await listening.ask(mutation)
        gateway.api.app.state.running.services.reading.lookups._planted = {canary: 1}
        look_everywhere(canaries, gateway.api.app, [url])

    places = {place for _, place in canaries.found}
    assert {"log", "answer 200", "table audit_entries", "key of a mapping"} <= places
