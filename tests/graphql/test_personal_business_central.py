"""Business Central asked on behalf of callers: each question carries its caller's token, and two callers share nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import ActsAs
from gateway.sandbox.identity.people import ADMIN, SALES, Person
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from tests.graphql.api import Api
from tests.graphql.personal import opened

pytestmark = pytest.mark.anyio

CUSTOMER = "query ($number: String!) { customer(by: {number: $number}) { displayName account { name } } }"
SELLERS = "{ customers(first: 60) { nodes { number salesperson { displayName } } } }"


@pytest.fixture
async def api(unused_files: Path, tmp_path: Path) -> AsyncIterator[Api]:
    settings = {"business_central_as": ActsAs.ON_BEHALF_OF, "dataverse_as": ActsAs.CLIENT_CREDENTIALS}
    async with AsyncExitStack() as stack:
        yield await opened(unused_files, tmp_path, stack, **settings)


def asker(api: Api, request: httpx.Request, audience: str) -> str:
    """Whose token a request carries, by object id."""
    token = request.headers["authorization"].removeprefix("Bearer ")
    return str(api.sandbox.identity.verify(token, audience=audience)["oid"])


def askers(api: Api) -> list[str]:
    return [asker(api, each, BUSINESS_CENTRAL_RESOURCE) for each in api.business_central.seen]


async def ask(api: Api, person: Person, query: str, **variables: Any) -> Any:
    answer = await api.ask(query, variables, person=person, explain=False)
    assert answer.errors == [], answer.body
    return answer.data


async def test_each_question_carries_the_token_of_who_asks(api: Api) -> None:
    for person in (ADMIN, SALES):
        api.business_central.seen.clear()
        api.dataverse.seen.clear()

        assert (await ask(api, person, CUSTOMER, number="C00210"))["customer"]["account"] is not None

        assert set(askers(api)) == {person.object_id}
        of_crm = {asker(api, each, api.sandbox.addresses.dataverse) for each in api.dataverse.seen}
        assert of_crm == {GATEWAY.object_id}, "the other system is asked as before"


async def test_two_callers_share_no_batch_and_one_does(api: Api) -> None:
    numbers = [f"C002{each:02}" for each in range(10, 20)]
    await asyncio.gather(*(ask(api, each, CUSTOMER, number="C00210") for each in (ADMIN, SALES)))
    alone = await requests_of(api, [(ADMIN, each) for each in numbers])

    together = await requests_of(api, [(person, each) for each in numbers for person in (ADMIN, SALES)])

    assert len(alone) < len(numbers), "one caller's questions travel together"
    assert {each: together.count(each) for each in set(together)} == {
        ADMIN.object_id: len(alone),
        SALES.object_id: len(alone),
    }


async def requests_of(api: Api, asked: list[tuple[Person, str]]) -> list[str]:
    """Who asked Business Central while all of these were asked at once."""
    api.business_central.seen.clear()
    await asyncio.gather(*(ask(api, person, CUSTOMER, number=number) for person, number in asked))
    return askers(api)


async def test_what_one_caller_left_in_the_cache_is_not_there_for_another(api: Api) -> None:
    """Salespersons are kept for minutes: whoever asks first reads them, and the same caller does not again."""
    costs = []
    for person in (ADMIN, ADMIN, SALES, SALES):
        api.business_central.seen.clear()
        await ask(api, person, SELLERS)
        assert set(askers(api)) == {person.object_id}
        costs.append(len(api.business_central.seen))

    first, again = costs[:2]
    assert first > again
    assert costs == [first, again, first, again]


async def test_what_business_central_refuses_to_one_caller_it_refuses_to_nobody_else(api: Api) -> None:
    """Rights there are a matter of the token: the simulator has none for single rows, so the way there has."""

    def refuse(request: httpx.Request) -> Any:
        if asker(api, request, BUSINESS_CENTRAL_RESOURCE) != SALES.object_id:
            return api.business_central.inner.handle_async_request(request)
        return httpx.Response(200, json={"value": []}) if "customers" in str(request.url) else httpx.Response(403)

    api.business_central.instead = refuse
    query = '{ customer(by: {number: "C00210"}) { displayName coupling { businessCentralKey dataverseKey } } }'
    seen, hidden = await asyncio.gather(*(api.ask(query, person=each, explain=False) for each in (ADMIN, SALES)))

    assert seen.data["customer"]["coupling"]["businessCentralKey"] == "C00210"
    assert hidden.data["customer"] is None, hidden.body
