"""Dry runs through the endpoint: they tell what a run would do and why, cost what reading costs, and leave no trace."""

from typing import Any

import pytest

from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.foretelling import foretold, planned_changes, planned_full, step_of
from tests.graphql.runs import Runs
from tests.graphql.test_inserts import full

pytestmark = pytest.mark.anyio

TO_CRM, BOTH, TO_BC, TOUCHED, GONE, BLOCKED, LEFT = QUIET = tuple(f"C000{number}" for number in (23, 24, 25, 27, 28, 29, 32))
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
    await runs.uncouple(await runs.id_of(story.ORPHANED))  # CRM refuses what refers to its account: that is foretold of nobody
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
