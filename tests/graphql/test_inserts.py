"""Records that nobody coupled get partners: in runs over what changed, in full runs, and never twice."""

from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.runs import JOB, Runs

pytestmark = pytest.mark.anyio

FULL = f"""
mutation ($input: StartFullSynchronizationInput!) {{
  startFullSynchronization(input: $input) {{
    __typename
    ... on FullSynchronizationStarted {{ jobs {{ {JOB} }} }}
    ... on UserError {{ code message hint field }}
  }}
}}
"""
LOOKALIKES = {story.CASE_MATCH, story.NUMBER_MATCH, story.AMBIGUOUS_MATCH}


@pytest.fixture
def runs(own_api: Api) -> Runs:
    return Runs(own_api)


async def started(runs: Runs, **given: Any) -> Any:
    answer = await runs.api.ask(FULL, {"input": given}, explain=False)
    assert answer.errors == []
    return answer.data["startFullSynchronization"]


async def full(runs: Runs, **given: Any) -> list[Any]:
    """Full runs that have to come to their end."""
    found = await started(runs, **given)
    assert found["__typename"] == "FullSynchronizationStarted", found
    return [await runs.ended(each["id"]) for each in found["jobs"]]


def codes(job: Any) -> dict[str, str]:
    """What kept which records from being made, by number or name."""
    return {
        each["records"][0]["number"] or each["records"][0]["name"]: each["code"]
        for each in job["errors"]["nodes"]
        if each["couplingId"] is None
    }


async def count(runs: Runs, set_name: str) -> int:
    return len((await runs.api.in_dataverse("GET", f"{set_name}?$select=createdon"))["value"])


async def sizes(runs: Runs) -> tuple[int, int]:
    """How many customers and accounts there are."""
    customers = await runs.api.in_business_central("GET", "customers?$select=number")
    return len(customers["value"]), await count(runs, "accounts")


async def test_only_coupled_off_makes_partners_both_ways_and_no_doubles(runs: Runs) -> None:
    before, accounts = await runs.all(), await count(runs, "accounts")
    assert (await runs.modified())["counters"]["inserted"] == 0, "as it is shipped"
    await runs.update(onlyCoupled=False)
    (job,) = await full(runs, mapping="CUSTOMER")
    assert (job["kind"], job["status"]) == ("FULL", "SUCCEEDED")
    inserted = job["counters"]["inserted"]
    assert (
        inserted == job["counters"]["coupled"] == job["toBusinessCentral"]["inserted"] + job["toDataverse"]["inserted"]
    )
    assert await count(runs, "accounts") == accounts + job["toDataverse"]["inserted"]
    assert len(await runs.all()) == len(before) + inserted
    customer = await runs.customer(story.UNCOUPLED)
    assert customer["account"]["name"] == customer["displayName"]
    assert (await runs.account(story.CRM_ONLY_ACCOUNT))["coupling"] is not None
    doubles = codes(job)
    assert set(doubles.values()) == {"POSSIBLE_DUPLICATE"}
    assert doubles.keys() >= LOOKALIKES
    of_number = [each for each in job["errors"]["nodes"] if each["records"][0]["number"] == story.NUMBER_MATCH]
    (error,) = [each for each in of_number if each["to"] == "DATAVERSE"]
    assert story.NUMBER_MATCH in error["message"]
    assert "account" in error["message"]
    assert "coupleRecords" in error["hint"]
    assert codes(await runs.modified()) == {}, "a double is told of again when it changes, or in a full run"
    (again,) = await full(runs, mapping="CUSTOMER")
    assert (again["counters"]["inserted"], codes(again)) == (0, doubles)
    assert await count(runs, "accounts") == accounts + job["toDataverse"]["inserted"]


async def test_what_keeps_a_partner_from_being_made_is_told_until_it_is_gone(runs: Runs) -> None:
    """The salesperson is coupled later; the customer is not touched, and gets its account in the next run."""
    await runs.modified()
    await runs.update(onlyCoupled=False)
    number = (await runs.api.in_business_central("POST", "customers", {"displayName": "Nebelhorn Cycles"}))["number"]
    id = (await runs.customer(number))["systemId"]
    await runs.api.in_business_central("PATCH", f"customers({id})", {"salespersonCode": story.UNCOUPLED_SALESPERSON})
    for _ in range(2):
        job = await runs.modified()
        assert (codes(job), job["counters"]["inserted"]) == ({number: "SALESPERSON_NOT_COUPLED"}, 0)
    found = await runs.couple(
        mapping="SALESPERSON",
        businessCentral={"number": story.UNCOUPLED_SALESPERSON},
        dataverse={"name": "Kaia Thorsen"},
        explain=False,
    )
    assert found.data["coupleRecords"]["__typename"] == "CoupleRecordsSuccess", found.body
    job = await runs.modified()
    assert (codes(job), job["counters"]["inserted"], job["counters"]["coupled"]) == ({}, 1, 1)
    assert (await runs.customer(number))["account"]["name"] == "Nebelhorn Cycles"
    quiet = await runs.modified()
    assert (quiet["counters"]["inserted"], quiet["counters"]["unchanged"], codes(quiet)) == (0, 0, {})


async def test_requests_do_not_grow_with_the_records_that_get_partners(runs: Runs) -> None:
    await runs.modified()
    await runs.update(onlyCoupled=False)
    await runs.modified()
    spent = []
    for many in (1, 60):
        for number in range(many):
            body = {"displayName": f"Firnlicht {many} {number} Sport", "currencyCode": "EUR"}
            await runs.api.in_business_central("POST", "customers", body)
        seen = len(runs.api.business_central.seen) + len(runs.api.dataverse.seen)
        job = await runs.modified()
        assert (job["counters"]["inserted"], job["toDataverse"]["inserted"]) == (many, many)
        spent.append(len(runs.api.business_central.seen) + len(runs.api.dataverse.seen) - seen)
    assert spent[1] <= spent[0] <= 10


async def test_deleted_partners_are_made_anew_in_batches(runs: Runs) -> None:
    await runs.modified()
    await runs.update(deletionConflict="RESTORE_RECORDS")
    await runs.modified()
    numbers = ("C00023", "C00024", "C00025", "C00027", "C00028")
    couplings = {}
    for number in numbers:
        _, crm = await runs.both(number)
        couplings[number] = await runs.id_of(number)
        await runs.api.in_dataverse("DELETE", crm)
    writes = len([each for each in runs.api.dataverse.seen if b"PATCH" in each.content])
    job = await runs.modified()
    assert (job["counters"]["inserted"], job["counters"]["failed"]) == (len(numbers), 0), job["errors"]
    assert len([each for each in runs.api.dataverse.seen if b"PATCH" in each.content]) == writes + 1
    for number in numbers:
        customer = await runs.customer(number)
        assert customer["account"]["name"] == customer["displayName"]
        assert customer["coupling"]["id"] != couplings[number]
    assert (await runs.modified())["counters"]["inserted"] == 0


async def test_what_crm_does_not_make_anew_keeps_its_coupling(runs: Runs) -> None:
    await runs.modified()
    await runs.update(deletionConflict="RESTORE_RECORDS")
    await runs.modified()
    _, crm = await runs.both("C00023")
    before = await runs.all()
    await runs.api.in_dataverse("DELETE", crm)

    async def refusing(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content:
            return httpx.Response(400, json={"error": {"code": "0x80040203", "message": "No."}}, request=request)
        return await runs.api.dataverse.inner.handle_async_request(request)

    runs.api.dataverse.instead = refusing
    assert (await runs.modified())["counters"]["failed"] == 1
    assert await runs.all() == before
    runs.api.dataverse.instead = None
    assert (await runs.modified())["counters"]["inserted"] == 1


async def test_a_creation_whose_end_a_run_does_not_learn_is_finished_by_the_next_one(settled_api: Api) -> None:
    """Its answer was lost, and CRM was away from then on: nobody waits until the run's time is over, for the run is."""
    runs = Runs(settled_api)
    await runs.update(onlyCoupled=False)
    await runs.modified()
    name, away = "Broken Off GmbH", False
    new = await runs.api.in_business_central("POST", "customers", {"displayName": name, "salespersonCode": "AB"})

    async def lost(request: httpx.Request) -> httpx.Response:
        nonlocal away
        if not away:
            answer = await runs.api.dataverse.inner.handle_async_request(request)
            if name.encode() not in request.content:
                return answer
            away = True
        raise httpx.ReadError("gone", request=request)

    runs.api.dataverse.instead = lost
    job = await runs.modified()
    assert (job["status"], job["code"]) == ("FAILED", "BACKEND_UNREACHABLE")
    runs.api.dataverse.instead = None
    left = await runs.of(Mapping.CUSTOMER, new["id"])
    assert left is not None
    assert left.base is None
    job = await runs.modified()
    assert (job["counters"]["inserted"], job["counters"]["failed"]) == (1, 0)
    assert (await runs.customer(new["number"]))["account"]["name"] == name
    rows = await runs.api.in_dataverse("GET", f"accounts?$filter=name eq '{name}'&$select=accountid")
    assert len(rows["value"]) == 1
