"""Full runs through the endpoint: what they find that others do not, their order, and the look that is taken before."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.runs.full import chain, ids_of
from gateway.runs.planning import Wanted
from gateway.runs.run import RunState
from gateway.sandbox.company import story
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.graphql.api import Api
from tests.graphql.runs import Runs
from tests.graphql.test_inserts import codes, full, started

pytestmark = pytest.mark.anyio

ORDER = [
    *("SALESPERSON", "CURRENCY", "PAYMENT_TERMS", "SHIPMENT_METHOD", "UNIT_OF_MEASURE"),
    *("CUSTOMER", "VENDOR", "CONTACT", "ITEM", "OPPORTUNITY", "SALES_ORDER", "SALES_INVOICE"),
]
REVIEW = """
{ fullSynchronizationReview {
  mapping to recommendation coupled job { id status }
  uncoupledInBusinessCentral { count exact reason } uncoupledInDataverse { count exact reason }
  dependencies { mapping satisfied }
} }
"""


@pytest.fixture
def runs(own_api: Api) -> Runs:
    return Runs(own_api)


async def review(runs: Runs) -> dict[tuple[str, str], Any]:
    """The lines by mapping and side."""
    answer = await runs.api.ask(REVIEW)
    assert answer.errors == []
    assert answer.cost[0] <= 10, "one batch for each system, and what says whose rows they are"
    return {(each["mapping"], each["to"]): each for each in answer.data["fullSynchronizationReview"]}


async def test_all_mappings_run_in_the_order_of_their_dependencies(runs: Runs) -> None:
    """A customer who bills in a currency that CRM lacks, an item in a new unit: one call, and all of them are coupled."""
    ask = runs.api.in_business_central
    (currency,) = (await ask("GET", "currencies?$filter=code eq 'PLN'"))["value"]
    unit = await ask("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    customer = await ask("POST", "customers", {"displayName": "Firnlicht Sport", "currencyCode": "PLN"})
    item = await ask("POST", "items", {"displayName": "Firnlicht Rack", "baseUnitOfMeasureCode": "CRATE"})
    found = await started(runs, onlyCoupled=False)
    assert [each["mapping"] for each in found["jobs"]] == ORDER
    refused = await started(runs, mapping="CUSTOMER")
    assert (refused["code"], refused["field"]) == ("FULL_SYNCHRONIZATION_UNDER_WAY", "mapping")
    jobs = [await runs.ended(each["id"]) for each in found["jobs"]]
    assert [each["status"] for each in jobs] == ["SUCCEEDED"] * len(ORDER), jobs
    for before, after in pairwise(jobs):
        assert before["finishedAt"] <= after["startedAt"]
    pairs = {str(bc) for _, bc, _ in await runs.all()}
    assert {each["id"] for each in (currency, unit, customer, item)} <= pairs
    assert codes(jobs[ORDER.index("CURRENCY")]) == {}
    assert (await runs.modified("OPPORTUNITY"))["counters"]["inserted"] == 0, (
        "its partners are made without being asked"
    )
    # a process that ended before it began the next run of a chain: the next process does
    mappings = [TABLE_MAPPINGS[each] for each in (Mapping.CURRENCY, Mapping.PAYMENT_TERMS, Mapping.SHIPMENT_METHOD)]
    last = await runs.jobs.last_full(runs.company)
    ids = ids_of(mappings, runs.company, last, datetime.now(UTC))
    made = chain(mappings, runs.company, "Ada", ids=ids, now=datetime.now(UTC), wanted=Wanted.MERGE, only_coupled=None)
    assert await runs.jobs.runs.add_each(made)
    await runs.jobs.runs.end(made[0].id, RunState.SUCCEEDED, datetime.now(UTC))
    await runs.jobs.resume()
    assert [(await runs.ended(str(each.id)))["status"] for each in made[1:]] == ["SUCCEEDED"] * 2


async def test_a_run_that_is_cancelled_takes_only_those_with_it_that_depend_on_it(runs: Runs) -> None:
    asked, hold = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        asked.set()
        await hold.wait()
        return await runs.api.business_central.inner.handle_async_request(request)

    runs.api.business_central.instead = slow
    found = await started(runs)
    ids = dict(zip(ORDER, (each["id"] for each in found["jobs"]), strict=True))
    await asked.wait()
    question = "mutation ($id: ID!) { cancelSynchronization(id: $id) { __typename } }"
    for each in ("UNIT_OF_MEASURE", "SALESPERSON"):
        answer = await runs.api.ask(question, {"id": ids[each]}, explain=False)
        assert answer.data["cancelSynchronization"]["__typename"] == "CancelSynchronizationSuccess"
    runs.api.business_central.instead = None
    hold.set()
    await runs.ended(ids["SALESPERSON"])
    told = {}
    for name, id in ids.items():
        job = await runs.job(id) if name == "UNIT_OF_MEASURE" else await runs.ended(id)
        told[name] = job["code"] or job["status"]
    below = ("CUSTOMER", "VENDOR", "CONTACT", "ITEM", "OPPORTUNITY", "SALES_ORDER", "SALES_INVOICE")
    unsatisfied = dict.fromkeys(below, "DEPENDENCY_NOT_SATISFIED")
    assert told == dict.fromkeys(ORDER, "SUCCEEDED") | unsatisfied | dict.fromkeys(
        ("SALESPERSON", "UNIT_OF_MEASURE"), "CANCELLED"
    )
    lines = await review(runs)
    assert lines["CUSTOMER", "DATAVERSE"]["job"] == {"id": ids["CUSTOMER"], "status": "FAILED"}
    assert lines["CUSTOMER", "DATAVERSE"]["recommendation"] == "COUPLE_RECORDS"


async def test_one_that_is_cancelled_does_not_let_the_next_begin_before_its_turn(runs: Runs) -> None:
    """The first is at work, the second is cancelled: the third still waits for the first, which it refers to."""
    names = [TABLE_MAPPINGS[each] for each in (Mapping.SALESPERSON, Mapping.CURRENCY, Mapping.CUSTOMER)]
    company, now = UUID(runs.api.sandbox.company.company_id), datetime.now(UTC)
    ids = ids_of(names, company, {}, now)
    first, second, third = chain(names, company, "Ada", ids=ids, now=now, wanted=Wanted.MERGE, only_coupled=None)
    assert await runs.jobs.runs.add_each([first, second, third])
    await runs.jobs.runs.begin(first.id, now)
    assert await runs.jobs.cancel(second)
    await runs.jobs.resume()
    assert [(await runs.job(str(each.id)))["status"] for each in (second, third)] == ["CANCELLED", "WAITING"]
    await runs.ended(str(first.id))
    await runs.jobs.resume()
    assert (await runs.ended(str(third.id)))["code"] == "DEPENDENCY_NOT_SATISFIED", "currencies were cancelled"


async def test_a_full_run_finds_what_versions_and_changes_do_not_show(runs: Runs) -> None:
    await runs.update(onlyCoupled=False)
    await runs.modified()
    await runs.modified()
    bc, crm = await runs.both("C00023")
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    etag = (await runs.api.in_business_central("GET", bc))["@odata.etag"]
    seen = await runs.stored("C00023")
    await runs.books.changes.update(
        replace(seen, bc_etag=etag)
    )  # as after a run that was lost with a restored database
    number = (await runs.api.in_business_central("POST", "customers", {"displayName": "Kurzlebig Bikes"}))["number"]
    assert (await runs.modified())["counters"]["inserted"] == 1
    gone = await runs.customer(number)
    await runs.api.in_business_central("DELETE", f"customers({gone['systemId']})")
    assert (await runs.modified())["counters"]["modified"] == 0
    (job,) = await full(runs, mapping="CUSTOMER")
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    deleted = [each for each in job["errors"]["nodes"] if each["code"] == "DELETION_CONFLICT"]
    assert number in {record["number"] for each in deleted for record in each["records"]}
    conflict = [each for each in job["errors"]["nodes"] if each["code"] == "UPDATE_CONFLICT"]
    assert conflict == [], "it is on the skip list, and told of no more"
    assert (await runs.phones(story.CONFLICT))[0] != (await runs.phones(story.CONFLICT))[1]
    (job,) = await full(runs, mapping="CUSTOMER", way="SEND", onlyCoupled=True)
    assert await runs.phones(story.CONFLICT) == (story.CONFLICT_PHONE.business_central,) * 2
    assert not (await runs.stored(story.CONFLICT)).skipped
    refused = await started(runs, mapping="CURRENCY", way="GET")
    assert refused["code"] == "DIRECTION_NOT_ALLOWED"


async def test_the_look_before_a_full_run(runs: Runs) -> None:
    lines = await review(runs)
    assert [mapping for mapping, _ in lines] == sorted((each for each, _ in lines), key=ORDER.index)
    customers = lines["CUSTOMER", "DATAVERSE"]
    assert (customers["recommendation"], customers["job"]) == ("COUPLE_RECORDS", None)
    (job,) = await full(runs, mapping="CUSTOMER", onlyCoupled=False)
    doubles = [each["to"] for each in job["errors"]["nodes"] if each["code"] == "POSSIBLE_DUPLICATE"]
    for side, to in (("uncoupledInBusinessCentral", "Dataverse"), ("uncoupledInDataverse", "BusinessCentral")):
        other = "DATAVERSE" if to == "Dataverse" else "BUSINESS_CENTRAL"
        expected = job[f"to{to}"]["inserted"] + doubles.count(other)
        assert customers[side] == {"count": expected, "exact": True, "reason": None}
    lines = await review(runs)
    left = lines["CUSTOMER", "DATAVERSE"]
    assert left["uncoupledInBusinessCentral"]["count"] == doubles.count("DATAVERSE")
    assert left["job"] == {"id": job["id"], "status": "SUCCEEDED"}
    assert {"mapping": "CUSTOMER", "satisfied": True} in lines["CONTACT", "DATAVERSE"]["dependencies"]

    def no_customers(request: httpx.Request) -> Any:
        if b"customers" not in request.content:
            return runs.api.business_central.inner.handle_async_request(request)
        raise httpx.ConnectError("away")

    runs.api.business_central.instead = no_customers
    lines = await review(runs)
    assert lines["CUSTOMER", "DATAVERSE"]["recommendation"] is None
    assert lines["CUSTOMER", "DATAVERSE"]["uncoupledInBusinessCentral"]["count"] is None
    assert "Business Central" in lines["CUSTOMER", "DATAVERSE"]["uncoupledInBusinessCentral"]["reason"]
