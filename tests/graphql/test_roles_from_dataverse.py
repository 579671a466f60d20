"""Roles from Dataverse, through the public door: who an administrator of CRM made what, in one request."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from gateway.config import RolesFrom
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, WIDGET, Person
from tests.graphql.api import Api, start

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
