"""Runs that synchronize no fields: deletions that nobody tells, statistics and stock of all records; and what they cost."""

import json
from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import CouplingFilter
from gateway.sandbox.company import story
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.graphql.api import Api
from tests.graphql.runs import JOB, Runs
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

RUN = f"""
mutation ($input: RunScheduleInput!) {{ runSchedule(input: $input) {{
  __typename ... on SynchronizationStarted {{ job {{ {JOB} }} }} ... on UserError {{ code message field }} }} }}
"""


class Kinds(Runs):
    """Counts what a run asked of each backend."""

    async def run(self, task: str, mapping: str | None = None) -> Any:
        given = {"task": task} | ({"mapping": mapping} if mapping else {})
        answer = await self.api.ask(RUN, {"input": given}, explain=False)
        assert answer.errors == []
        found = answer.data["runSchedule"]
        assert found["__typename"] == "SynchronizationStarted", found
        return await self.ended(found["job"]["id"])

    async def counted(self, task: str, mapping: str | None = None) -> tuple[Any, int, int]:
        before = len(self.api.business_central.seen), len(self.api.dataverse.seen)
        job = await self.run(task, mapping)
        after = len(self.api.business_central.seen), len(self.api.dataverse.seen)
        return job, after[0] - before[0], after[1] - before[1]

    async def number_coupled(self, mapping: Mapping = Mapping.CUSTOMER, *, skipped: bool | None = None) -> int:
        return await self.books.couplings.count(
            CouplingFilter(mapping=mapping, company_id=self.company, skipped=skipped)
        )


@pytest.fixture
def kinds(own_api: Api) -> Kinds:
    return Kinds(own_api)


async def settle(kinds: Kinds) -> None:
    """What the demo company has of its own: an account that was deleted, and what fails goes to the skip list."""
    for _ in range(2):
        await kinds.modified()


@pytest.mark.parametrize("policy", ["NONE", "REMOVE_COUPLING", "RESTORE_RECORDS"])
async def test_a_customer_deleted_in_business_central_is_found(kinds: Kinds, policy: str) -> None:
    await settle(kinds)
    made = await kinds.api.in_business_central("POST", "customers", {"displayName": "Gone Tomorrow BV"})
    number = made["number"]
    await kinds.coupled(businessCentral={"number": number}, dataverse={"create": True})
    await kinds.modified()
    await kinds.update(deletionConflict=policy)
    before = await kinds.stored(number)
    await kinds.api.in_business_central("DELETE", f"customers({made['id']})")
    await kinds.modified()
    assert await kinds.books.couplings.get(before.id) is not None, "what changed tells nothing of it"
    whole = await kinds.number_coupled(skipped=False) - 1
    job = await kinds.run("RECONCILE", "CUSTOMER")
    assert (job["status"], job["kind"], job["counters"]["unchanged"]) == ("SUCCEEDED", "RECONCILE", whole)
    now = await kinds.books.couplings.get(before.id)
    match policy:
        case "NONE":
            (error,) = job["errors"]["nodes"]
            assert (error["code"], number in error["message"]) == ("DELETION_CONFLICT", True)
            assert now is not None
        case "REMOVE_COUPLING":
            assert (job["counters"]["uncoupled"], now) == (1, None)
        case _:
            assert job["counters"]["inserted"] == 1
            assert now is None or now.bc_id != before.bc_id, "a new customer was made of the account"
    again = await kinds.run("RECONCILE", "CUSTOMER")
    assert again["counters"]["uncoupled"] == again["counters"]["inserted"] == 0


async def test_where_nothing_was_deleted_it_costs_a_few_requests(kinds: Kinds) -> None:
    await settle(kinds)
    count = await kinds.number_coupled(skipped=False)
    job, central, dataverse = await kinds.counted("RECONCILE", "CUSTOMER")
    assert job["counters"] == {**job["counters"], "unchanged": count, "failed": 0, "uncoupled": 0}
    assert count > 100
    assert (central, dataverse) == (1, 1), "each side's ids in one request, of up to a thousand couplings in one batch"


@pytest.mark.parametrize("side", ["business_central", "dataverse"])
async def test_a_side_that_looks_empty_ends_nothing(kinds: Kinds, side: str) -> None:
    await settle(kinds)
    await kinds.update(deletionConflict="REMOVE_COUPLING")
    before = await kinds.all()
    way = getattr(kinds.api, side)

    async def emptied(request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = await way.inner.handle_async_request(request)
        if request.url.path.endswith("$batch") and b"/customers?" in request.content:
            parts = json.loads(await answer.aread())
            for each in parts["responses"]:
                each["body"]["value"] = []
            return httpx.Response(200, json=parts)
        if request.method == "GET" and request.url.path.endswith(("/customers", "/accounts")):
            return httpx.Response(200, json={"value": []})
        return answer

    way.instead = emptied
    job = await kinds.run("RECONCILE", "CUSTOMER")
    assert (job["status"], job["code"]) == ("FAILED", "RECORD_NOT_VISIBLE")
    assert await kinds.all() == before


async def test_every_mapping_is_reconciled(kinds: Kinds) -> None:
    for mapping in TABLE_MAPPINGS:
        job = await kinds.run("RECONCILE", mapping)
        assert (job["status"], job["mapping"]) == ("SUCCEEDED", mapping), job
        assert job["counters"]["unchanged"] > 0


async def test_statistics_of_all_customers_are_copied_where_they_differ(kinds: Kinds) -> None:
    count = await kinds.number_coupled()
    first, *_ = await kinds.counted("STATISTICS")
    counters = first["counters"]
    assert (first["status"], first["mapping"], first["kind"]) == ("SUCCEEDED", "CUSTOMER", "STATISTICS")
    assert counters["inserted"] > 0
    assert counters["modified"] > 0
    assert counters["failed"] == 0
    assert sum(counters.values()) == count
    question = "query ($number: String!) { customer(by: {number: $number}) { statistics { crm { isStale } } } }"
    answer = await kinds.api.ask(question, {"number": story.HARBOUR})
    assert answer.data["customer"]["statistics"]["crm"]["isStale"] is False
    again, central, dataverse = await kinds.counted("STATISTICS")
    assert (again["counters"]["inserted"], again["counters"]["modified"]) == (0, 0)
    assert count > 100
    assert (central, dataverse) == (4, 2), "for a page of up to 200 customers; written is nothing"


async def test_stock_of_all_items_is_copied_where_it_differs(kinds: Kinds) -> None:
    first, *_ = await kinds.counted("STOCK")
    assert (first["status"], first["mapping"], first["kind"]) == ("SUCCEEDED", "ITEM", "STOCK")
    assert first["counters"]["failed"] == 0
    again, central, dataverse = await kinds.counted("STOCK")
    assert again["counters"]["modified"] == 0
    assert await kinds.number_coupled(Mapping.ITEM) > 200
    assert (central, dataverse) == (3, 2), "two pages"


async def test_one_customer_that_cannot_be_copied_stops_no_other(kinds: Kinds) -> None:
    """A failure is told, and keeps the coupling from nothing else."""
    await kinds.run("STATISTICS")
    row = (await kinds.api.in_dataverse("GET", "nav_accountstatisticses?$top=1"))["value"][0]
    address = f"nav_accountstatisticses({row['nav_accountstatisticsid']})"
    await kinds.api.in_dataverse("PATCH", address, {"nav_balancelcy": 1})
    inner = kinds.api.dataverse.inner

    async def meddle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and b"PATCH" in request.content:
            kinds.api.dataverse.instead = None
            await kinds.api.in_dataverse("PATCH", address, {"nav_balancelcy": 2})
        return await inner.handle_async_request(request)

    kinds.api.dataverse.instead = meddle
    job = await kinds.run("STATISTICS")
    (error,) = job["errors"]["nodes"]
    assert (job["status"], job["counters"]["failed"], error["code"]) == ("SUCCEEDED", 1, "RECORD_CHANGED")
    assert error["records"][0]["number"] == row["nav_customerno"]
    assert not (await kinds.stored(row["nav_customerno"])).skipped
    assert (await kinds.run("STATISTICS"))["counters"]["modified"] == 1, "and the next run has it"


async def test_a_system_that_is_away_ends_the_run(kinds: Kinds) -> None:
    kinds.api.business_central.instead = unreachable
    job = await kinds.run("STATISTICS")
    assert (job["status"], job["code"], job["errors"]["totalCount"]) == ("FAILED", "BACKEND_UNREACHABLE", 0)


async def test_figures_that_have_no_source_are_told_once(kinds: Kinds) -> None:
    kinds.api.sandbox.features.custom_pages = False
    job = await kinds.run("STATISTICS")
    (error,) = job["errors"]["nodes"]
    assert (job["counters"]["skipped"], job["counters"]["modified"]) == (await kinds.number_coupled(), 0)
    assert "is missing" in error["message"]
