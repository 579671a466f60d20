"""States are passed on where an administrator wants it: both ways, once, and nothing but the state."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Coupling, Mapping, Result
from gateway.errors import DatabaseError
from gateway.runs.states import BEGUN, MARK
from tests.graphql.api import Api
from tests.graphql.problems import Problems
from tests.graphql.runs import Runs

pytestmark = pytest.mark.anyio


async def pair(runs: Runs, number: str) -> tuple[str, str]:
    """The addresses of an item and its product."""
    question = "query ($number: String!) { item(by: {number: $number}) { systemId product { productId } } }"
    found = (await runs.api.ask(question, {"number": number}, explain=False)).data["item"]
    return f"items({found['systemId']})", f"products({found['product']['productId']})"


async def states(runs: Runs, bc: str, crm: str) -> tuple[Any, Any]:
    record, row = await runs.api.in_business_central("GET", bc), await runs.api.in_dataverse("GET", crm)
    return record["blocked"], row["statecode"]


async def test_states_are_passed_on(own_api: Api) -> None:
    runs = Runs(own_api)
    await runs.modified("ITEM")
    await runs.modified("ITEM")
    first, second = await pair(runs, "1001"), await pair(runs, "1002")
    ask, crm = runs.api.in_business_central, runs.api.in_dataverse
    await ask("PATCH", first[0], {"blocked": True})
    await runs.modified("ITEM")
    assert await states(runs, *first) == (True, 0), "as it is shipped"
    refused = await runs.update(mapping="CONTACT", passStates=True)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "passStates")
    await runs.update(mapping="ITEM", passStates=True)
    await ask("PATCH", first[0], {"unitPrice": 12})
    await crm("PATCH", second[1], {"statecode": 1, "statuscode": 2})
    job = await runs.modified("ITEM")
    assert (job["counters"]["modified"], job["counters"]["failed"]) == (2, 0), job
    assert (await states(runs, *first), await states(runs, *second)) == ((True, 1), (True, 1))
    assert (await runs.modified("ITEM"))["counters"]["modified"] == 0, "what we wrote ourselves is no change"
    # unblocked: only the product that was retired from here is active again, and what changed meanwhile follows
    await ask("PATCH", first[0], {"blocked": False, "displayName": "Renamed meanwhile"})
    await ask("PATCH", second[0], {"blocked": False})
    for _ in range(2):
        assert (await runs.modified("ITEM"))["counters"]["failed"] == 0
    assert (await states(runs, *first), await states(runs, *second)) == ((False, 0), (False, 1))
    assert (await crm("GET", first[1]))["name"] == "Renamed meanwhile"
    found = await runs.of(Mapping.ITEM, first[0][6:-1])
    assert found is not None
    assert (found.base or {})["displayName"] == "Renamed meanwhile"
    # an item that was blocked from here stays as it is, and so does a product that somebody activates meanwhile
    for state, expected in (
        ({"statecode": 0, "statuscode": 1}, (False, 0)),
        ({"statecode": 1, "statuscode": 2}, (True, 1)),
    ):
        await crm("PATCH", second[1], state)
        await runs.modified("ITEM")
        assert await states(runs, *second) == expected
    await crm("PATCH", second[1], {"statecode": 0, "statuscode": 1})
    for _ in range(2):
        assert (await runs.modified("ITEM"))["counters"]["modified"] == 0
    assert await states(runs, *second) == (True, 0)
    await runs.update(passStates=True)
    await runs.modified()
    bc, account = await runs.both("C00023")
    await crm("PATCH", account, {"statecode": 1, "statuscode": 2})
    await runs.modified()
    assert (await ask("GET", bc))["blocked"] == "All"


class Items(Problems):
    """Items whose states are passed on to CRM, and nothing from there: no later run comes to what this one leaves."""

    @classmethod
    async def settled(cls, api: Api) -> "Items":
        runs = cls(api)
        await runs.modified("ITEM")
        await runs.update(mapping="ITEM", passStates=True, direction="TO_INTEGRATION_TABLE")
        await runs.modified("ITEM")  # an item was blocked before
        return runs

    async def block(self, item: str, **also: Any) -> None:
        await self.api.in_business_central("PATCH", item, {"blocked": True, **also})

    async def unblock(self, item: str, **also: Any) -> None:
        await self.api.in_business_central("PATCH", item, {"blocked": False, **also})

    async def run(self) -> tuple[int, int, int]:
        """How many were modified, unchanged and failed."""
        counters = (await self.modified("ITEM"))["counters"]
        return counters["modified"], counters["unchanged"], counters["failed"]

    async def coupling(self, item: str) -> Coupling:
        found = await self.of(Mapping.ITEM, item[6:-1])
        assert found is not None
        return found

    async def notes(self, item: str) -> set[str]:
        return {MARK, BEGUN} & set((await self.coupling(item)).base or {})

    async def codes(self) -> list[str]:
        return [each["code"] for each in (await self.problems(mapping="ITEM"))["nodes"]]


async def test_fields_follow_at_once_when_an_item_is_unblocked(own_api: Api) -> None:
    runs = await Items.settled(own_api)
    renamed, same = await pair(runs, "1001"), await pair(runs, "1002")
    for item, _ in (renamed, same):
        await runs.block(item)
    assert await runs.run() == (2, 0, 0)
    await runs.unblock(renamed[0], displayName="Renamed meanwhile")
    await runs.unblock(same[0])
    assert await runs.run() == (2, 0, 0), "each once"
    assert (await states(runs, *renamed), await states(runs, *same)) == ((False, 0), (False, 0))
    assert (await runs.api.in_dataverse("GET", renamed[1]))["name"] == "Renamed meanwhile"
    assert await runs.run() == (0, 0, 0)
    # a product that cannot be written is told of, and its fields are not forgotten
    await runs.block(renamed[0])
    await runs.run()
    await runs.unblock(renamed[0], displayName="N" * 100)
    longest = 100

    async def too_long(request: httpx.Request) -> httpx.Response:
        if b"N" * longest in request.content:
            raise httpx.ConnectError("away")
        return await runs.api.dataverse.inner.handle_async_request(request)

    runs.api.dataverse.instead = too_long
    assert await runs.run() == (0, 0, 1)
    runs.api.dataverse.instead = None
    assert await states(runs, *renamed) == (False, 0)
    assert await runs.codes() == ["BACKEND_UNREACHABLE"]
    assert await runs.run() == (1, 0, 0)
    assert (await runs.api.in_dataverse("GET", renamed[1]))["name"] == "N" * longest
    assert await runs.codes() == []


async def test_what_failed_before_is_over_when_the_state_is_passed_on(own_api: Api) -> None:
    runs = await Items.settled(own_api)
    item, product = await pair(runs, "1001")
    way = runs.api.dataverse

    async def away(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content:
            raise httpx.ConnectError("away")
        return await way.inner.handle_async_request(request)

    await runs.block(item)
    way.instead = away
    assert await runs.run() == (0, 0, 1)
    assert (await runs.codes(), (await runs.coupling(item)).last_result_to_crm) == (
        ["BACKEND_UNREACHABLE"],
        Result.FAILURE,
    )
    way.instead = None
    before = datetime.now(UTC)
    job = await runs.modified("ITEM")
    assert (job["counters"]["modified"], await states(runs, item, product)) == (1, (True, 1))
    found = await runs.coupling(item)
    assert (found.error_code, found.error_message, found.last_result_to_crm) == (None, None, Result.SUCCESS)
    assert found.last_job_to_crm == job["id"]
    assert found.last_synchronized_at is not None
    assert found.last_synchronized_at >= before
    assert await runs.codes() == []
    assert await runs.run() == (0, 0, 0)


async def test_a_product_that_was_retired_unnoticed_is_activated_again(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the write is lost, or our own database is away after it: the next run finds what was written."""
    runs = await Items.settled(own_api)
    lost, unsaved = await pair(runs, "1001"), await pair(runs, "1002")
    way, arrived = runs.api.dataverse, list[httpx.Request]()

    async def lose(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content and not arrived:
            arrived.append(request)
            await way.inner.handle_async_request(request)
        if arrived:
            raise httpx.ReadError("lost")
        return await way.inner.handle_async_request(request)

    await runs.block(lost[0])
    way.instead = lose
    assert await runs.run() == (0, 0, 1)
    way.instead = None
    assert (await states(runs, *lost), await runs.notes(lost[0])) == ((True, 1), {BEGUN})
    assert await runs.run() == (1, 0, 0)
    assert (await runs.notes(lost[0]), await runs.codes()) == ({MARK}, [])

    real, broken = CouplingChanges.update_each, list[Coupling]()

    async def away(self: CouplingChanges, wanted: Iterable[Coupling], **rest: Any) -> set[UUID]:
        wanted = list(wanted)
        marked = [each for each in wanted if MARK in (each.base or {})]
        if marked and not broken:
            broken.extend(marked)
            raise DatabaseError("away")
        return await real(self, wanted, **rest)

    await runs.block(unsaved[0])
    monkeypatch.setattr(CouplingChanges, "update_each", away)
    assert (await runs.modified("ITEM"))["status"] == "FAILED"
    assert (await states(runs, *unsaved), await runs.notes(unsaved[0])) == ((True, 1), {BEGUN})
    assert await runs.run() == (1, 0, 0)
    assert await runs.notes(unsaved[0]) == {MARK}
    for item, _ in (lost, unsaved):
        await runs.unblock(item)
    assert await runs.run() == (2, 0, 0)
    assert (await states(runs, *lost), await states(runs, *unsaved)) == ((False, 0), (False, 0))
    assert await runs.notes(lost[0]) == set()


async def test_a_product_that_a_person_retired_first_stays_retired(own_api: Api) -> None:
    """Between our look and our write: the write is refused, and what was begun is taken back."""
    runs = await Items.settled(own_api)
    item, product = await pair(runs, "1001")
    way, retired = runs.api.dataverse, list[httpx.Request]()

    async def respond(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content and not retired:
            retired.append(request)
            await runs.api.in_dataverse("PATCH", product, {"statecode": 1, "statuscode": 2})
        return await way.inner.handle_async_request(request)

    await runs.block(item)
    way.instead = respond
    assert await runs.run() == (0, 0, 1)
    way.instead = None
    assert (await states(runs, item, product), await runs.notes(item)) == ((True, 1), set())
    await runs.unblock(item)
    for _ in range(2):
        assert (await runs.run())[2] == 0
    assert await states(runs, item, product) == (False, 1)
