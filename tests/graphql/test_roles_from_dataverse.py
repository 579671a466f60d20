"""Roles from Dataverse, through the public door: who an administrator of CRM made what, in one request."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from gateway.auth.security_roles import SecurityRoles
from gateway.config import RolesFrom
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, WIDGET, Person
from tests.graphql.api import Api, start
from tests.graphql.live import signed_in

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { roles } }"


@pytest.fixture
async def api(sandbox: Sandbox, database_url: str) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        yield await start(sandbox, database_url, stack, roles_from=RolesFrom.DATAVERSE)


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        (ADMIN, ["INTEGRATION_ADMINISTRATOR"]),
        (SALES, []),
        (WIDGET, ["PRODUCT_AVAILABILITY_USER"]),
        (NOBODY, []),
    ],
    ids=["admin", "sales", "widget", "nobody"],
)
async def test_roles_are_those_of_crm_and_cost_one_request_for_a_while(
    api: Api, person: Person, roles: list[str]
) -> None:
    """The salesperson of the demo has an app role, and no security role of the integration."""
    for _ in range(3):
        answer = await api.ask(VIEWER, person=person, explain=False)
        assert answer.data == {"viewer": {"roles": roles}}
    assert len(api.dataverse.seen) == 1


async def test_while_crm_is_away_who_is_not_known_comes_again_later(api: Api) -> None:
    api.dataverse.instead = lambda _: httpx.Response(503, headers={"Retry-After": "60"})

    answer = await api.ask(VIEWER, explain=False)

    assert (answer.status, answer.data, answer.codes) == (503, None, ["IDENTITY_UNAVAILABLE"])
    assert answer.errors[0]["extensions"]["retryAfter"] == 5


@pytest.mark.parametrize("roles_from", [RolesFrom.DATAVERSE, RolesFrom.BOTH])
async def test_operations_of_an_open_socket_begin_with_the_roles_of_that_moment(
    sandbox: Sandbox, database_url: str, roles_from: RolesFrom
) -> None:
    """Whoever loses a security role loses it on sockets that are open, too."""
    given = [{"name": "Dynamics 365 Business Central Integration Administrator"}]
    async with AsyncExitStack() as stack:
        api = await start(sandbox, database_url, stack, roles_from=roles_from)
        api.dataverse.instead = lambda _: httpx.Response(200, json={"value": given})
        async with signed_in(api, NOBODY) as socket:
            socket.subscribe(VIEWER)
            assert (await socket.answers())[0]["data"] == {"viewer": {"roles": ["INTEGRATION_ADMINISTRATOR"]}}
            given.clear()
            later(api)
            socket.subscribe(VIEWER)
            assert (await socket.answers())[0]["data"] == {"viewer": {"roles": []}}


def later(api: Api) -> None:
    """What CRM said is old now."""
    source = api.app.state.serving.authenticator._source
    assert isinstance(source, SecurityRoles)
    now = time.monotonic() + 3_600
    source._clock = lambda: now
