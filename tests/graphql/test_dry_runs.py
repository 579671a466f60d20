"""Dry runs through the endpoint: they tell what a run would do and why, cost what reading costs, and leave no trace."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import CouplingFilter
from gateway.records import Backend
from gateway.runs import parts, pulling, run_work
from gateway.runs.told import Notice
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES
from schema.ids import GlobalId
from tests.graphql.api import Api
from tests.graphql.foretelling import (
    EVERYTHING,
    JOB,
    WHAT_CHANGED,
    foretold,
    planned_changes,
    planned_full,
    step_of,
)
from tests.graphql.runs import PLAN, Runs
from tests.graphql.test_inserts import full
from tests.graphql.test_pass_states import pair

pytestmark = pytest.mark.anyio

TO_CRM, BOTH, TO_BC, TOUCHED, GONE, BLOCKED, LEFT = QUIET = tuple(
    f"C000{number}" for number in (23, 24, 25, 27, 28, 29, 32)
)
"""Coupled customers that are the same on both sides."""


@pytest.fixture
def runs(settled_api: Api) -> Runs:
    return Runs(settled_api)


async def test_a_dry_run_tells_what_a_run_over_what_changed_would_do(runs: Runs) -> None:
    ask, crm = runs.api.in_business_central, runs.api.in_dataverse
    places = {number: await runs.both(number) for number in QUIET}
    await ask("PATCH", places[TO_CRM][0], {"phoneNumber": "+31 10 555 0111"})
    await ask("PATCH", places[BOTH][0], {"city": "Delft"})
    await crm("PATCH", places[BOTH][1], {"address1_city": "Gouda"})
    await crm("PATCH", places[TO_BC][1], {"telephone1": "+31 10 555 0222"})
    await crm("PATCH", places[TOUCHED][1], {"description": "Called back."})
    await crm("DELETE", places[GONE][1], None)
    await ask("PATCH", places[BLOCKED][0], {"blocked": "All"})
    await ask("PATCH", places[LEFT][0], {"salespersonCode": story.UNCOUPLED_SALESPERSON})
    new = (await ask("POST", "customers", {"displayName": "Föhnwind Boards"}))["number"]
    plan = await planned_changes(runs)
    assert (plan["dryRunOf"], plan["status"]) == ("MODIFIED", "SUCCEEDED")
    told = {number: step_of(plan, number) for number in (*places, new)}
    assert {number: (each["action"], each["reason"], each["moved"]) for number, each in told.items()} == {
        TO_CRM: ("MODIFY", "BUSINESS_CENTRAL_CHANGED", "BUSINESS_CENTRAL"),
        BOTH: ("FAIL", "CONFLICT", "BOTH"),
        TO_BC: ("MODIFY", "DATAVERSE_CHANGED", "DATAVERSE"),
        TOUCHED: ("UNCHANGED", "NO_MAPPED_FIELD_CHANGED", "DATAVERSE"),
        GONE: ("FAIL", "PARTNER_DELETED", None),
        BLOCKED: ("SKIP", "OUTSIDE_FILTER", "BUSINESS_CENTRAL"),
        LEFT: ("FAIL", "NOT_POSSIBLE", "BUSINESS_CENTRAL"),
        new: ("SKIP", "NOT_COUPLED", None),
    }
    assert (told[TO_CRM]["toDataverse"], told[TO_CRM]["toBusinessCentral"]) == (["phoneNumber"], [])
    (difference,) = told[TO_CRM]["differences"]
    assert (difference["field"], difference["businessCentral"]) == ("phoneNumber", "+31 10 555 0111")
    assert (told[TO_BC]["toDataverse"], told[TO_BC]["toBusinessCentral"]) == ([], ["phoneNumber"])
    (conflict,) = told[BOTH]["conflicts"]
    assert (conflict["field"], conflict["businessCentral"], conflict["dataverse"]) == ("city", "Delft", "Gouda")
    assert told[LEFT]["code"] == "SALESPERSON_NOT_COUPLED"
    assert "coupleSalespersons" in told[LEFT]["hint"] or "salesperson" in told[LEFT]["hint"]
    assert told[new]["couplingId"] is None
    await foretold(runs, runs.modified, plan)
    assert (await runs.phones(TO_CRM))[1] == "+31 10 555 0111"
    assert (await runs.phones(TO_BC))[0] == "+31 10 555 0222"
    assert {each["action"] for each in (await planned_changes(runs))["steps"]} <= {"FAIL", "SKIP"}, "all is done"


@pytest.mark.parametrize("policy", ["REMOVE_COUPLING", "RESTORE_RECORDS"])
async def test_deletions_and_new_partners_are_foretold(runs: Runs, policy: str) -> None:
    ask, crm = runs.api.in_business_central, runs.api.in_dataverse
    await runs.update(deletionConflict=policy, onlyCoupled=False)
    (_, account), lost = await runs.both(TO_CRM), await ask("POST", "customers", {"displayName": "Lost to Both"})
    coupled = await runs.coupled(businessCentral={"id": lost["id"]}, dataverse={"create": True})
    gone, other = f"customers({lost['id']})", f"accounts({coupled['coupling']['dataverseId']})"
    await crm("DELETE", account, None)
    await ask("DELETE", gone, None)
    await crm("DELETE", other, None)
    new = (await ask("POST", "customers", {"displayName": "Nebelhorn Cycles"}))["number"]
    lead = "Lone Peak Supply"
    await crm("POST", "accounts", {"name": lead, "customertypecode": 3})
    plan = await planned_changes(runs)
    wanted = "UNCOUPLE" if policy == "REMOVE_COUPLING" else "RESTORE"
    assert [(each["action"], each["reason"]) for each in plan["steps"] if _is_about(each, TO_CRM)] == [
        (wanted, "PARTNER_DELETED")
    ]
    ended = step_of(plan, lost["number"])
    assert (ended["action"], ended["reason"]) == ("UNCOUPLE", "BOTH_DELETED")
    assert [(each["action"], each["reason"]) for each in plan["steps"] if _is_about(each, new)] == [
        ("INSERT", "NOT_COUPLED")
    ]
    made = step_of(plan, new)
    assert {"displayName"} <= set(made["toDataverse"])
    assert [each["system"] for each in made["records"]] == ["BUSINESS_CENTRAL"], "its partner is not there yet"
    (into,) = [each for each in plan["steps"] if any(one["name"] == lead for one in each["records"])]
    assert (into["action"], into["toDataverse"]) == ("INSERT", [])
    assert into["toBusinessCentral"]
    await foretold(runs, runs.modified, plan)
    assert (await runs.customer(new))["account"]["name"] == "Nebelhorn Cycles"


def _is_about(step: Any, number: str) -> bool:
    return any(each["number"] == number for each in step["records"])


async def test_a_full_run_is_foretold_with_its_doubles(runs: Runs) -> None:
    (plan,) = await planned_full(runs, mapping="CUSTOMER", onlyCoupled=False)
    assert plan["dryRunOf"] == "FULL"
    reasons = {(each["action"], each["reason"]) for each in plan["steps"]}
    assert {("INSERT", "NOT_COUPLED"), ("FAIL", "NOT_POSSIBLE"), ("UNCHANGED", "NO_MAPPED_FIELD_CHANGED")} <= reasons
    assert "POSSIBLE_DUPLICATE" in {each["code"] for each in plan["steps"]}

    async def run() -> Any:
        (job,) = await full(runs, mapping="CUSTOMER", onlyCoupled=False)
        return job

    await foretold(runs, run, plan)
    (again,) = await planned_full(runs, mapping="CUSTOMER", onlyCoupled=False)
    assert "INSERT" not in {each["action"] for each in again["steps"]}


async def test_overwriting_a_side_is_foretold(runs: Runs) -> None:
    await runs.api.in_dataverse("PATCH", (await runs.both(TO_CRM))[1], {"telephone1": "+31 10 555 0333"})
    (plan,) = await planned_full(runs, mapping="CUSTOMER", way="SEND")
    step = step_of(plan, TO_CRM)
    assert (step["action"], step["reason"], step["toDataverse"]) == ("MODIFY", "ASKED_FOR", ["phoneNumber"])

    async def run() -> Any:
        (job,) = await full(runs, mapping="CUSTOMER", way="SEND")
        return job

    await foretold(runs, run, plan)


async def test_all_mappings_are_planned_as_if_those_before_had_run(own_api: Api) -> None:
    """A customer who bills in a currency that CRM lacks, an item in a new unit: neither is there when the plan is made."""
    runs = Runs(own_api)
    ask = runs.api.in_business_central
    await runs.uncouple(
        await runs.id_of(story.ORPHANED)
    )  # CRM refuses what refers to its account: that is foretold of nobody
    await ask("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    item = await ask("POST", "items", {"displayName": "Firnlicht Rack", "baseUnitOfMeasureCode": "CRATE"})
    customer = await ask("POST", "customers", {"displayName": "Firnlicht Sport", "currencyCode": "PLN"})
    plans = await planned_full(runs, onlyCoupled=False)
    assert [each["status"] for each in plans] == ["SUCCEEDED"] * len(plans)
    by_mapping = {each["mapping"]: each for each in plans}
    assert step_of(by_mapping["CUSTOMER"], customer["number"])["action"] == "INSERT"
    assert step_of(by_mapping["ITEM"], item["number"])["action"] == "INSERT"
    jobs = await full(runs, onlyCoupled=False)
    for plan, job in zip(plans, jobs, strict=True):

        async def ended(job: Any = job) -> Any:
            return job

        await foretold(runs, ended, plan)


async def test_states_are_foretold_with_the_fields_that_follow_them(own_api: Api) -> None:
    runs = Runs(own_api)
    await runs.modified("ITEM")
    await runs.update(mapping="ITEM", passStates=True)
    await runs.modified("ITEM")
    (first, product), (_, other), (third, _) = [await pair(runs, number) for number in ("1001", "1002", "1003")]
    ask, crm = runs.api.in_business_central, runs.api.in_dataverse
    await ask("PATCH", first, {"blocked": True})
    await crm("PATCH", other, {"statecode": 1, "statuscode": 2})
    await ask("PATCH", third, {"displayName": "Renamed"})
    plan = await planned_changes(runs, "ITEM")
    told = {number: step_of(plan, number) for number in ("1001", "1002", "1003")}
    assert {number: (each["action"], each["reason"]) for number, each in told.items()} == {
        "1001": ("CHANGE_STATE", "STATE_CHANGED"),
        "1002": ("CHANGE_STATE", "STATE_CHANGED"),
        "1003": ("MODIFY", "BUSINESS_CENTRAL_CHANGED"),
    }
    assert told["1001"]["toDataverse"] == ["statecode", "statuscode"]
    assert told["1002"]["toBusinessCentral"] == ["blocked"]
    await foretold(runs, lambda: runs.modified("ITEM"), plan)
    await ask("PATCH", first, {"blocked": False, "displayName": "Renamed meanwhile"})
    (step,) = await runs.plan(await item_coupling(runs, "1001"))
    assert (step["action"], step["toDataverse"]) == ("MODIFY", ["displayName", "statecode", "statuscode"])
    plan = await planned_changes(runs, "ITEM")
    assert step_of(plan, "1001")["toDataverse"] == step["toDataverse"]
    assert step_of(plan, "1001")["couplingId"] == step["couplingId"]
    await foretold(runs, lambda: runs.modified("ITEM"), plan)
    row = await crm("GET", product)
    assert (row["statecode"], row["name"]) == (0, "Renamed meanwhile")


async def item_coupling(runs: Runs, number: str) -> str:
    question = "query ($number: String!) { item(by: {number: $number}) { coupling { id } } }"
    answer = await runs.api.ask(question, {"number": number}, explain=False)
    return str(answer.data["item"]["coupling"]["id"])


async def test_what_failed_before_is_planned_once_wherever_a_run_would_come_to_it(runs: Runs) -> None:
    """On the skip list, failed, changed on both sides: each record has one step, and the real run agrees."""
    ask, crm = runs.api.in_business_central, runs.api.in_dataverse
    (bc, account), (other, _) = await runs.both(BOTH), await runs.both(TO_CRM)
    await ask("PATCH", bc, {"city": "Delft"})
    await crm("PATCH", account, {"address1_city": "Gouda"})
    await ask("PATCH", other, {"salespersonCode": story.UNCOUPLED_SALESPERSON})
    await runs.modified()  # fails for the first time
    reasons = []
    for last in (1, 2):
        await crm("PATCH", account, {"telephone1": f"+31 10 555 000{last}"})
        plan = await planned_changes(runs)
        for number in (BOTH, TO_CRM):
            assert step_of(plan, number)["code"] is not None
        assert len({each["couplingId"] for each in plan["steps"] if each["couplingId"]}) == sum(
            each["couplingId"] is not None for each in plan["steps"]
        )
        await foretold(runs, runs.modified, plan)
        reasons.append(step_of(plan, TO_CRM)["reason"])
    assert reasons == ["NOT_POSSIBLE", "ON_THE_SKIP_LIST"]
    await ask("PATCH", other, {"salespersonCode": "AB"})
    freed = step_of(await planned_changes(runs), TO_CRM)
    assert freed["action"] in ("UNCHANGED", "MODIFY"), "its cause is gone"
    assert (await runs.stored(TO_CRM)).skipped, "which only a run takes note of"


async def test_a_record_that_was_told_deleted_is_planned_for_and_still_told_to_the_run(runs: Runs) -> None:
    lost = await runs.api.in_business_central("POST", "customers", {"displayName": "Gone Again"})
    await runs.coupled(businessCentral={"id": lost["id"]}, dataverse={"create": True})
    await runs.api.in_business_central("DELETE", f"customers({lost['id']})")
    now = datetime.now(UTC)
    notices = [Notice(Mapping.CUSTOMER, runs.company, Backend.BUSINESS_CENTRAL, UUID(lost["id"]), now)]
    notices += [Notice(Mapping.CUSTOMER, runs.company, Backend.BUSINESS_CENTRAL, uuid4(), now) for _ in range(3)]
    told = runs.jobs.runs.told
    await told.keep(notices)
    (first, second, *_) = await told.deletions(Mapping.CUSTOMER, runs.company, limit=9)
    assert (await told.deletions(Mapping.CUSTOMER, runs.company, limit=9, behind=first))[0] == second
    plan = await planned_changes(runs)
    step = step_of(plan, lost["number"])
    assert (step["action"], step["code"]) == ("FAIL", "DELETION_CONFLICT")
    assert len(await told.deletions(Mapping.CUSTOMER, runs.company, limit=9)) == 4
    await foretold(runs, runs.modified, plan)
    assert await told.deletions(Mapping.CUSTOMER, runs.company, limit=9) == []


async def test_a_plan_costs_what_the_run_reads(runs: Runs) -> None:
    """The run writes one batch besides. Half of it is for the skip list of the demo; how much changed is no matter."""
    ways, spent = (runs.api.business_central, runs.api.dataverse), []

    async def cost(asked: Awaitable[Any]) -> tuple[Any, list[int]]:
        before = [len(each.seen) for each in ways]
        found = await asked
        return found, [len(each.seen) - count for each, count in zip(ways, before, strict=True)]

    for numbers in (QUIET[:1], QUIET):
        for number in numbers:
            bc, _ = await runs.both(number)
            await runs.api.in_business_central("PATCH", bc, {"city": f"Town of {len(numbers)}"})
        await planned_changes(runs)  # what codes stand for is known for a while
        plan, planning = await cost(planned_changes(runs))
        job, running = await cost(runs.modified())
        assert plan["counters"]["modified"] == job["counters"]["modified"] == len(numbers)
        spent.append((planning, running))
    assert spent == [([5, 4], [5, 5])] * 2


async def test_plans_are_looked_at_a_page_at_a_time_and_by_action(runs: Runs) -> None:
    (plan,) = await planned_full(runs, mapping="CUSTOMER")
    id, steps = plan["id"], plan["steps"]

    async def page(**given: Any) -> Any:
        answer = await runs.api.ask(JOB, {"id": id, **given}, explain=False)
        return answer.data["synchronizationJob"]["plan"] if not answer.errors else answer.codes

    skips = [each for each in steps if each["action"] == "SKIP"]
    assert len(skips) > 1
    first = await page(actions=["SKIP"], first=1)
    assert (first["totalCount"], first["nodes"], first["counts"]) == (len(skips), skips[:1], plan["plan"]["counts"])
    assert first["pageInfo"]["hasNextPage"]
    second = await page(actions=["SKIP"], first=1, after=first["pageInfo"]["endCursor"])
    assert (second["nodes"], second["pageInfo"]["hasPreviousPage"]) == (skips[1:2], True)
    assert (await page(actions=["RESTORE"]))["nodes"] == []
    assert (await page(actions=[]))["totalCount"] == 0
    for wrong in ({"first": 0}, {"first": 201}, {"after": "nonsense"}, {"actions": ["FAIL"] * 21}):
        assert await page(**wrong) == ["INVALID_INPUT"], wrong
    real = await runs.modified()
    answer = await runs.api.ask(JOB, {"id": real["id"]}, explain=False)
    job = answer.data["synchronizationJob"]
    assert (job["kind"], job["dryRunOf"], job["plan"]) == ("MODIFIED", None, None)


async def test_a_dry_run_is_no_run(runs: Runs) -> None:
    """It is no last full run, keeps no other from beginning, and no other has to wait for it."""
    hold, asked = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        asked.set()
        await hold.wait()
        return await runs.api.business_central.inner.handle_async_request(request)

    runs.api.business_central.instead = slow
    given = {"input": {"mapping": "CUSTOMER", "dryRun": True}}
    asking = asyncio.create_task(runs.api.ask(EVERYTHING, given, explain=False))  # it waits a while for its plan
    await asked.wait()
    (job,) = (await runs.api.ask("{ synchronizationJobs(first: 1) { id } }", explain=False)).data["synchronizationJobs"]
    runs.api.business_central.instead = None
    assert (await runs.modified())["status"] == "SUCCEEDED", "while the dry run is under way"
    (full_run,) = await full(runs, mapping="CUSTOMER")
    assert full_run["status"] == "SUCCEEDED"
    cancel = "mutation ($id: ID!) { cancelSynchronization(id: $id) { __typename } }"
    cancelled = await runs.api.ask(cancel, {"id": job["id"]}, explain=False)
    assert cancelled.data["cancelSynchronization"]["__typename"] == "CancelSynchronizationSuccess"
    hold.set()
    assert (await runs.ended(job["id"]))["status"] == "CANCELLED"
    assert (await asking).data["startFullSynchronization"]["jobs"][0]["id"] == job["id"]
    last = await runs.jobs.last_full(runs.company)
    assert str(last[Mapping.CUSTOMER].id) == full_run["id"]
    log = await runs.api.ask("{ synchronizationJobs(mapping: CUSTOMER) { id kind } }", explain=False)
    assert {"DRY_RUN", "FULL", "MODIFIED"} <= {each["kind"] for each in log.data["synchronizationJobs"]}


async def test_only_administrators_plan_runs(runs: Runs) -> None:
    for question, given in ((WHAT_CHANGED, {"mapping": "CUSTOMER"}), (EVERYTHING, {})):
        answer = await runs.api.ask(question, {"input": {**given, "dryRun": True}}, person=SALES, explain=False)
        assert answer.codes == ["FORBIDDEN"]


async def test_what_cannot_be_run_cannot_be_planned(runs: Runs) -> None:
    await runs.update(enabled=False)
    for question in (WHAT_CHANGED, EVERYTHING):
        answer = await runs.api.ask(question, {"input": {"mapping": "CUSTOMER", "dryRun": True}}, explain=False)
        (refused,) = answer.data.values()
        assert (refused["__typename"], refused["code"]) == ("UserError", "MAPPING_DISABLED")
    await runs.update(reset=True)
    await runs.update(direction="TO_INTEGRATION_TABLE")
    answer = await runs.api.ask(
        EVERYTHING, {"input": {"mapping": "CUSTOMER", "way": "GET", "dryRun": True}}, explain=False
    )
    assert answer.data["startFullSynchronization"]["code"] == "DIRECTION_NOT_ALLOWED"


async def test_a_side_that_looks_empty_ends_a_dry_run_as_it_ends_a_run(runs: Runs) -> None:
    async def emptied(request: httpx.Request) -> httpx.Response:
        answer = await runs.api.dataverse.inner.handle_async_request(request)
        await answer.aread()
        is_rows = request.method == "GET" and "/accounts?" in str(request.url)
        return httpx.Response(200, json={**answer.json(), "value": []}, request=request) if is_rows else answer

    runs.api.dataverse.instead = emptied
    (plan,) = await planned_full(runs, mapping="CUSTOMER")
    assert (plan["status"], plan["code"]) == ("FAILED", "RECORD_NOT_VISIBLE")


async def test_a_pair_that_is_left_out_counts_once_though_both_records_changed(runs: Runs) -> None:
    await runs.modified()
    (bc, account), seen = await runs.both(BLOCKED), (await runs.modified())["counters"]["skipped"]
    await runs.api.in_business_central("PATCH", bc, {"blocked": "All"})
    await runs.api.in_dataverse("PATCH", account, {"telephone1": "+31 10 555 0666"})
    plan = await planned_changes(runs)
    assert step_of(plan, BLOCKED)["moved"] == "BOTH"
    job = await foretold(runs, runs.modified, plan)
    assert job["counters"]["skipped"] == seen + 1
    await runs.api.in_dataverse("PATCH", account, {"telephone1": "+31 10 555 0667"})
    job = await foretold(runs, runs.modified, await planned_changes(runs))
    assert job["counters"]["skipped"] == seen + 1, "the other one changed long ago, or ten seconds"


async def test_what_is_on_the_skip_list_and_fails_otherwise_fails_once(runs: Runs) -> None:
    (bc, account) = await runs.both(BOTH)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    await runs.api.in_dataverse("PATCH", account, {"address1_city": "Gouda"})
    for _ in range(3):
        await runs.modified()
    assert (await runs.stored(BOTH)).skipped
    await runs.api.in_dataverse("PATCH", account, {"address1_city": "Leiden"})
    plan = await planned_changes(runs)
    assert step_of(plan, BOTH)["action"] == "FAIL"
    job = await foretold(runs, runs.modified, plan)
    assert (job["counters"]["failed"], job["errors"]["totalCount"]) == (1, 1)
    assert not (await runs.stored(BOTH)).skipped


@pytest.mark.parametrize("only_coupled", [True, False])
async def test_what_is_left_of_a_pair_that_ends_is_planned_for_as_the_run_meets_it(
    runs: Runs, only_coupled: bool
) -> None:
    """Its coupling ends when Business Central's changes are looked at; then its account comes, coupled with nobody."""
    await runs.update(deletionConflict="REMOVE_COUPLING", onlyCoupled=only_coupled)
    lost = await runs.api.in_business_central("POST", "customers", {"displayName": "Gone Again"})
    coupled = await runs.coupled(businessCentral={"id": lost["id"]}, dataverse={"create": True})
    await runs.modified()
    account = f"accounts({coupled['coupling']['dataverseId']})"
    await runs.api.in_business_central("DELETE", f"customers({lost['id']})")
    await runs.jobs.runs.told.keep(
        [Notice(Mapping.CUSTOMER, runs.company, Backend.BUSINESS_CENTRAL, UUID(lost["id"]), datetime.now(UTC))]
    )
    await runs.api.in_dataverse("PATCH", account, {"telephone1": "+31 10 555 0888"})
    plan = await planned_changes(runs)
    actions = [each["action"] for each in plan["steps"] if any(one["name"] == "Gone Again" for one in each["records"])]
    assert actions == ["UNCOUPLE", "SKIP" if only_coupled else "INSERT"]
    await foretold(runs, runs.modified, plan)


async def test_a_pair_is_left_out_and_counted_whichever_of_its_records_is_shut(runs: Runs) -> None:
    """What was synchronized a moment ago is looked at again, and is no change; the other record's is."""
    bc, account = await runs.both(TO_CRM)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    await runs.modified()
    before = (await runs.modified())["counters"]["skipped"]
    await runs.api.in_dataverse("PATCH", account, {"statecode": 1, "statuscode": 2})
    plan = await planned_changes(runs)
    assert step_of(plan, TO_CRM)["reason"] == "OUTSIDE_FILTER"
    assert (await foretold(runs, runs.modified, plan))["counters"]["skipped"] == before + 1


async def test_what_failed_and_is_blocked_then_counts_once_and_stays_on_its_list(runs: Runs) -> None:
    """Nothing is tried with it, so what is known of it stays: it is tried as soon as it is within the filter again."""
    bc, _ = await runs.both(TO_CRM)
    await runs.api.in_business_central("PATCH", bc, {"salespersonCode": story.UNCOUPLED_SALESPERSON})
    for times in (1, 2):
        await runs.modified()
        await runs.api.in_business_central("PATCH", bc, {"blocked": "All"})
        plan = await planned_changes(runs)
        assert step_of(plan, TO_CRM)["reason"] == "OUTSIDE_FILTER"
        await foretold(runs, runs.modified, plan)
        left = await runs.stored(TO_CRM)
        assert (left.skipped, left.error_code) == (times == 2, "SALESPERSON_NOT_COUPLED")
        job = await runs.synchronized(await runs.id_of(TO_CRM))
        assert job["counters"]["skipped"] == 1
        assert (await runs.stored(TO_CRM)).error_code == "SALESPERSON_NOT_COUPLED"
        await runs.api.in_business_central("PATCH", bc, {"blocked": " "})
    await runs.api.in_business_central("PATCH", bc, {"salespersonCode": "AB"})
    await runs.modified()
    left = await runs.stored(TO_CRM)
    assert (left.skipped, left.error_code) == (False, None)


@pytest.mark.parametrize("policy", ["REMOVE_COUPLING", "RESTORE_RECORDS"])
async def test_what_a_deleted_customer_means_for_its_contacts_is_foretold(own_api: Api, policy: str) -> None:
    """The coupling of its contact ends with its own; or a contact that nobody coupled finds the customer that is made anew."""
    runs, crm = Runs(own_api), own_api.in_dataverse
    ended = policy == "REMOVE_COUPLING"
    made = await own_api.in_business_central("POST", "customers", {"displayName": "Firnlicht Sport"})
    coupled = await runs.coupled(businessCentral={"id": made["id"]}, dataverse={"create": True})
    account = f"/accounts({coupled['coupling']['dataverseId']})"
    await crm("POST", "contacts", {"lastname": "Firn", "parentcustomerid_account@odata.bind": account})
    (contact,) = (await crm("GET", "contacts?$filter=lastname eq 'Firn'&$select=contactid"))["value"]
    if ended:
        there = {"id": contact["contactid"]}
        await runs.coupled(mapping="CONTACT", businessCentral={"create": True}, dataverse=there)
    for other in ("ITEM", "OPPORTUNITY", "SALES_ORDER", "SALES_INVOICE"):
        await runs.update(mapping=other, enabled=False)  # what comes after contacts is not what this is about
    await runs.update(deletionConflict=policy)
    await own_api.in_business_central("DELETE", f"customers({made['id']})")
    plans = {each["mapping"]: each for each in await planned_full(runs, onlyCoupled=None if ended else False)}
    jobs = {each["mapping"]: each for each in await full(runs, onlyCoupled=None if ended else False)}
    of_contact = [each for each in plans["CONTACT"]["steps"] if any(one["name"] == "Firn" for one in each["records"])]
    assert [each["action"] for each in of_contact] == ([] if ended else ["INSERT"])
    for name in ("CUSTOMER", "CONTACT"):
        assert jobs[name]["counters"]["inserted"] == plans[name]["counters"]["inserted"]
        counted = [one["counters"]["uncoupled"] for one in (jobs[name], plans[name])]
        assert counted[0] == counted[1] == (3 if name == "CUSTOMER" and ended else 0), "one is the demo's own"


@pytest.mark.parametrize("mode", ["what changed", "all"])
async def test_pages_know_of_each_other(runs: Runs, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made anew stands where the old coupling stood, or behind: the next page is not to come to it again."""
    await runs.update(deletionConflict="RESTORE_RECORDS", onlyCoupled=False)
    await runs.api.in_dataverse("DELETE", (await runs.both(TO_CRM))[1])
    for module in (parts, pulling, run_work):
        monkeypatch.setattr(module, "PAGE", 7)
    if mode == "what changed":
        await foretold(runs, runs.modified, await planned_changes(runs))
        return
    (plan,) = await planned_full(runs, mapping="CUSTOMER", onlyCoupled=False)

    async def run() -> Any:
        (job,) = await full(runs, mapping="CUSTOMER", onlyCoupled=False)
        return job

    await foretold(runs, run, plan)


async def test_a_request_looks_at_no_more_than_a_thousand_steps(runs: Runs) -> None:
    (plan,) = await planned_full(runs, mapping="CUSTOMER")
    looks = " ".join(f"n{number}: plan(first: 200) {{ totalCount }}" for number in range(6))
    answer = await runs.api.ask(f'{{ synchronizationJob(id: "{plan["id"]}") {{ {looks} }} }}', explain=False)
    assert answer.codes == ["INVALID_INPUT"]
    assert "1000" in answer.errors[0]["message"]


@pytest.mark.parametrize("mapping", ["CUSTOMER", "OPPORTUNITY"])
@pytest.mark.parametrize("policy", ["REMOVE_COUPLING", "RESTORE_RECORDS"])
async def test_a_plan_of_chosen_couplings_costs_no_more_than_is_estimated(
    own_api: Api, mapping: str, policy: str
) -> None:
    runs, spent = Runs(own_api), []
    await runs.update(mapping=mapping, deletionConflict=policy)
    of = CouplingFilter(mapping=Mapping(mapping), company_id=runs.company)
    couplings = await runs.books.couplings.page(of, after=None, limit=200)
    ids = [str(GlobalId("Coupling", each.company_id, each.id)) for each in couplings]
    rows = "accounts" if mapping == "CUSTOMER" else "opportunities"
    for each in couplings[:3], couplings[3:8]:
        for one in each:
            await own_api.in_dataverse("DELETE", f"{rows}({one.crm_id})")
        answer = await own_api.ask(PLAN, {"ids": ids})
        assert answer.errors == []
        assert answer.cost[0] <= answer.estimate
        spent.append(answer.cost[0])
    assert spent[1] <= spent[0], "however many are deleted"
