"""The gateway over the sandbox, entered as callers enter it: POST /graphql with a demo person's token."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from gateway.backends import Networks
from gateway.clients.wire import Patience
from gateway.demo import create_demo
from gateway.jobs.engine import Pace
from gateway.json_text import dumps
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, Person
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from gateway.triggers.notices import HookPace

PACE = Pace(queue_seconds=0.02, status_seconds=0.02, others_seconds=1.0, schedules_seconds=None, away_seconds=())
"""Nobody waits half a second for a job to be noticed, nor minutes for a backend that a test has put away."""

_UNHURRIED = {"rate_per_minute": 0, "rate_cost_per_minute": 0}
"""One person asks all the questions of a test."""

Respond = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


@dataclass
class Switch(httpx.AsyncBaseTransport):
    """The way to one far end. With ``instead`` set, that answers (or raises) in its place; ``hold`` holds answers back."""

    inner: httpx.AsyncBaseTransport
    instead: Respond | None = None
    hold: asyncio.Event | None = None
    seen: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if self.hold is not None:
            await self.hold.wait()
        if self.instead is not None:
            response = self.instead(request)
            return response if isinstance(response, httpx.Response) else await response
        return await self.inner.handle_async_request(request)


@dataclass(frozen=True)
class Answer:
    """A GraphQL answer, taken apart."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.body.get("data")

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self.body.get("errors") or []

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]

    @property
    def cost(self) -> tuple[int, int]:
        """Backend requests and round trips, as Gateway-Explain tells them."""
        explained = self.body["extensions"]["gateway"]
        return len(explained["backendRequests"]), explained["roundTrips"]

    @property
    def estimate(self) -> int:
        """How many backend requests the gateway expected at most."""
        return int(self.body["extensions"]["gateway"]["estimatedRequests"])


@dataclass
class Api:
    """A running gateway and what it stands on."""

    app: FastAPI
    http: httpx.AsyncClient
    sandbox: Sandbox
    business_central: Switch
    dataverse: Switch
    identity: Switch

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, person: Person = ADMIN, explain: bool = True
    ) -> Answer:
        """One question. The backends' own log is compared with what the explanation says it cost."""
        before = self._asked()
        token = self.sandbox.identity.issue(person, GATEWAY_RESOURCE)
        headers = {"Authorization": f"Bearer {token}"} | ({"Gateway-Explain": "1"} if explain else {})
        response = await self.http.post(
            "/graphql", json={"query": query, "variables": variables or {}}, headers=headers
        )
        answer = Answer(response.status_code, response.json())
        if explain and "gateway" in (answer.body.get("extensions") or {}):
            assert answer.cost[0] == self._asked() - before
        return answer

    async def in_business_central(self, method: str, path: str, body: object = None) -> Any:
        """Something that somebody does in Business Central meanwhile; ``path`` is below the company."""
        company = self.sandbox.company.company_id
        return await self._beside(
            self.business_central,
            f"{self.sandbox.addresses.business_central}/companies({company})/{path}",
            method,
            body,
        )

    async def in_dataverse(self, method: str, path: str, body: object = None) -> Any:
        """The same in CRM."""
        return await self._beside(
            self.dataverse, f"{self.sandbox.addresses.dataverse}/api/data/v9.2/{path}", method, body
        )

    async def _beside(self, way: Switch, url: str, method: str, body: object) -> Any:
        resource = BUSINESS_CENTRAL_RESOURCE if way is self.business_central else self.sandbox.addresses.dataverse
        headers = {"Authorization": f"Bearer {self.sandbox.identity.issue(GATEWAY, resource)}"}
        if method in ("PATCH", "DELETE"):
            headers["If-Match"] = "*"
        async with httpx.AsyncClient(transport=way.inner) as http:
            content = None if body is None else dumps(body)
            headers["Content-Type"] = "application/json"
            answer = await http.request(method, url, content=content, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def _asked(self) -> int:
        return len(self.business_central.seen) + len(self.dataverse.seen)


async def start(
    sandbox: Sandbox,
    database_url: str,
    stack: AsyncExitStack,
    *,
    deadline_seconds: float = 30.0,
    pace: Pace = PACE,
    hook_pace: HookPace | None = None,
    patience: Patience | None = None,
    **settings: Any,
) -> Api:
    """A gateway of its own, with cold caches; ``settings`` besides those of the demo."""
    for throttle in (sandbox.throttles.business_central, sandbox.throttles.dataverse):
        throttle.forget()  # tests share a sandbox, and together they ask more than one caller may in five minutes
    network = httpx.ASGITransport(app=sandbox.app())
    central, dataverse, identity = Switch(network), Switch(network), Switch(network)
    networks = Networks(central, dataverse, identity, patience)
    demo = create_demo(
        sandbox,
        database_url,
        networks=networks,
        pace=pace,
        hook_pace=hook_pace,
        **({"request_deadline_seconds": deadline_seconds} | _UNHURRIED | settings),
    )
    if hook_pace is not None and sandbox.outgoing.sender.network is None:
        sandbox.outgoing.sender.network = httpx.ASGITransport(app=demo.app)
    await stack.enter_async_context(demo.app.router.lifespan_context(demo.app))
    transport = httpx.ASGITransport(app=demo.app)
    http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://gateway.example"))
    return Api(demo.app, http, sandbox, central, dataverse, identity)
