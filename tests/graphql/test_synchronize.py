"""Synchronization through the endpoint: what travels where, what is a conflict, what is told, and what it costs."""

import asyncio
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.couplings.coupling import Mapping, Result
from gateway.couplings.store import CouplingFilter
from gateway.sandbox.identity.people import SALES, WIDGET
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.graphql.api import Api
from tests.graphql.runs import MODIFIED, Runs
from tests.graphql.test_operations import operation

pytestmark = pytest.mark.anyio

# Two customers, each agreeing with its account; nothing changed there since.
QUIET, OTHER = "C00023", "C00024"
UNCOUPLED_SALESPERSON = "KT"
ON_THE_LIST = 4
"""The demo company's own cases: one from the beginning, three that fail in the first runs."""
NOTHING = dict.fromkeys(
    ("inserted", "modified", "deleted", "unchanged", "skipped", "failed", "coupled", "uncoupled"), 0
) | {"skipped": ON_THE_LIST}


@pytest.fixture
def runs(settled_api: Api) -> Runs:
    return Runs(settled_api)


def away(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("away")


async def test_the_first_run_looks_at_everything_and_the_second_at_nothing(own_api: Api) -> None:
    runs = Runs(own_api)
    first = await runs.modified()
    assert (first["status"], first["mapping"], first["createdBy"]) == ("SUCCEEDED", "CUSTOMER", "Ada Verhoeven")
    assert first["counters"]["modified"] > 0
    seen = len(runs.api.business_central.seen), len(runs.api.dataverse.seen)
    again = await runs.modified()
    assert (again["status"], again["counters"]["modified"], again["counters"]["unchanged"]) == ("SUCCEEDED", 0, 0)
    spent = len(runs.api.business_central.seen) - seen[0], len(runs.api.dataverse.seen) - seen[1]
    assert spent[0] + spent[1] <= 12


async def test_a_phone_number_changed_in_crm_reaches_business_central(runs: Runs) -> None:
    bc, crm = await runs.both(QUIET)
    await runs.api.in_dataverse("PATCH", crm, {"address1_city": "Delft"})
    await runs.modified()  # what belongs to the company, to CRM and to codes is known for a while
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
    seen = len(runs.api.business_central.seen), len(runs.api.dataverse.seen)
    job = await runs.modified()
    spent = len(runs.api.business_central.seen) - seen[0], len(runs.api.dataverse.seen) - seen[1]
    assert job["counters"] == NOTHING | {"modified": 1}
    assert (job["toBusinessCentral"]["modified"], job["toDataverse"]["modified"]) == (1, 0)
    assert (await runs.api.in_business_central("GET", bc))["phoneNumber"] == "+31 10 555 0999"
    coupling = await runs.stored(QUIET)
    assert coupling.last_result_to_bc is Result.SUCCESS
    assert coupling.last_job_to_bc == job["id"]
    assert await runs.written(QUIET) == (["phoneNumber"], "Ada Verhoeven")
    assert (coupling.base or {})["phoneNumber"] == "+31 10 555 0999"
    assert spent[0] + spent[1] <= 10, "five for the change, whatever the size of the tables, and five for the skip list"
    assert (await runs.modified())["counters"]["modified"] == 0, "what we wrote ourselves is no change"


async def test_a_change_in_business_central_reaches_crm(runs: Runs) -> None:
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0123", "city": "Delft"})
    job = await runs.modified()
    assert job["counters"] == NOTHING | {"modified": 1}
    row = await runs.api.in_dataverse("GET", crm)
    assert (row["telephone1"], row["address1_city"]) == ("+31 10 555 0123", "Delft")


async def test_both_sides_changed_different_fields(runs: Runs) -> None:
    """Business Central's own integration calls this a conflict; here both edits are kept."""
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
    job = await runs.modified()
    assert (job["counters"]["modified"], job["counters"]["failed"]) == (1, 0)
    assert (job["toBusinessCentral"]["modified"], job["toDataverse"]["modified"]) == (1, 1)
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    assert await runs.phones(QUIET) == ("+31 10 555 0999", "+31 10 555 0999")
    assert (await runs.modified())["counters"] == NOTHING


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({}, None),
        ({"updateConflict": "BUSINESS_CENTRAL_WINS"}, "+31 10 555 0111"),
        ({"updateConflict": "DATAVERSE_WINS"}, "+31 10 555 0222"),
        (
            {
                "updateConflict": "DATAVERSE_WINS",
                "fields": [{"field": "phoneNumber", "updateConflict": "BUSINESS_CENTRAL_WINS"}],
            },
            "+31 10 555 0111",
        ),
        ({"fields": [{"field": "phoneNumber", "updateConflict": "DATAVERSE_WINS"}]}, "+31 10 555 0222"),
    ],
)
async def test_both_sides_changed_the_same_field(runs: Runs, policy: Any, kept: str | None) -> None:
    await runs.update(**policy)
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0111"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222"})
    job = await runs.modified()
    if kept is not None:
        assert (job["counters"]["modified"], job["counters"]["failed"]) == (2, 0), "and the demo's own conflict"
        assert await runs.phones(QUIET) == (kept, kept)
        return
    assert (job["status"], job["counters"]["failed"]) == ("SUCCEEDED", 1)
    (error,) = job["errors"]["nodes"]
    assert (error["code"], error["field"]) == ("UPDATE_CONFLICT", "phoneNumber")
    for said in ("+31 10 555 0111", "+31 10 555 0222", "Phone No.", QUIET):
        assert said in error["message"]
    assert "SEND" in error["hint"]
    assert {each["system"] for each in error["records"]} == {"BUSINESS_CENTRAL", "DATAVERSE"}
    assert await runs.phones(QUIET) == ("+31 10 555 0111", "+31 10 555 0222"), "nothing was written"


@pytest.mark.parametrize(("way", "kept"), [("SEND", "+31 10 555 0111"), ("GET", "+31 10 555 0222")])
async def test_somebody_decides_a_conflict(runs: Runs, way: str, kept: str) -> None:
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0111"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222"})
    assert (await runs.modified())["counters"]["failed"] == 1
    job = await runs.synchronized(await runs.id_of(QUIET), way=way)
    assert (job["kind"], job["counters"]["modified"]) == ("RECORDS", 1)
    assert await runs.phones(QUIET) == (kept, kept)
    coupling = await runs.stored(QUIET)
    assert (coupling.error_code, coupling.skipped) == (None, False)
    assert (await runs.modified())["counters"] == NOTHING


async def test_touching_a_record_is_no_conflict(runs: Runs) -> None:
    """Both records are another version, and no field that is synchronized changed."""
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"taxRegistrationNumber": "NL0012"})
    await runs.api.in_dataverse("PATCH", crm, {"description": "called on Monday"})
    job = await runs.modified()
    assert job["counters"]["failed"] == 0
    assert job["counters"]["modified"] == 0
    assert job["counters"]["unchanged"] >= 1


async def test_the_same_error_twice_puts_a_record_on_the_skip_list(runs: Runs) -> None:
    """And it is left out until its cause is gone, or somebody synchronizes it by hand, which takes it off.

    Source: Business Central, "skipped after the same error".
    """
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0111"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222"})
    assert (await runs.modified())["counters"]["failed"] == 1
    assert not (await runs.stored(QUIET)).skipped
    assert (await runs.modified())["counters"]["failed"] == 1, "what failed is tried again in every run"
    assert (await runs.stored(QUIET)).skipped
    third = await runs.modified()
    assert (third["counters"]["failed"], third["errors"]["totalCount"]) == (0, 0), "it is told no more"
    (step,) = await runs.plan(await runs.id_of(QUIET))
    assert (step["action"], step["reason"]) == ("FAIL", "CONFLICT"), "who asks for it by name has it tried"
    await runs.synchronized(await runs.id_of(QUIET), way="SEND")
    assert not (await runs.stored(QUIET)).skipped


async def test_a_record_leaves_the_skip_list_when_its_cause_is_gone(runs: Runs) -> None:
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0111"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222"})
    await runs.modified()
    await runs.modified()
    assert (await runs.stored(QUIET)).skipped
    await runs.update(updateConflict="DATAVERSE_WINS")
    await runs.modified()
    assert await runs.phones(QUIET) == ("+31 10 555 0222", "+31 10 555 0222")
    coupling = await runs.stored(QUIET)
    assert (coupling.skipped, coupling.error_code) == (False, None)


async def test_an_owner_who_is_not_coupled_fails_the_record_and_no_other(runs: Runs) -> None:
    bc, _ = await runs.both(QUIET)
    other, crm = await runs.both(OTHER)
    await runs.api.in_business_central("PATCH", bc, {"salespersonCode": UNCOUPLED_SALESPERSON})
    await runs.api.in_business_central("PATCH", other, {"city": "Delft"})
    job = await runs.modified()
    assert (job["counters"]["failed"], job["counters"]["modified"]) == (1, 1)
    (error,) = job["errors"]["nodes"]
    assert (error["code"], error["to"]) == ("SALESPERSON_NOT_COUPLED", "DATAVERSE")
    assert "coupleSalespersons" in error["hint"]
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"


async def test_a_blocked_customer_is_left_out(runs: Runs) -> None:
    bc, _ = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"blocked": "All", "phoneNumber": "+31 10 555 0111"})
    job = await runs.modified()
    assert job["counters"] == NOTHING | {"skipped": ON_THE_LIST + 1}
    (step,) = await runs.plan(await runs.id_of(QUIET))
    assert (step["action"], step["reason"]) == ("SKIP", "OUTSIDE_FILTER")


@pytest.mark.parametrize("policy", ["NONE", "REMOVE_COUPLING", "RESTORE_RECORDS"])
async def test_a_deleted_account(runs: Runs, policy: str) -> None:
    await runs.update(deletionConflict=policy)
    customer = await runs.customer(QUIET)
    _, crm = await runs.both(QUIET)
    await runs.api.in_dataverse("DELETE", crm)
    job = await runs.modified()
    coupling = await runs.of(Mapping.CUSTOMER, customer["systemId"])
    match policy:
        case "NONE":
            (error,) = job["errors"]["nodes"]
            assert (error["code"], job["counters"]["failed"]) == ("DELETION_CONFLICT", 1)
            assert QUIET in error["message"]
            assert coupling is not None
        case "REMOVE_COUPLING":
            assert job["counters"]["uncoupled"] >= 1
            assert coupling is None
        case _:
            assert (job["counters"]["inserted"], job["counters"]["failed"]) == (2, 0), "and the demo's own orphan"
            assert coupling is not None
            row = await runs.api.in_dataverse("GET", f"accounts({coupling.crm_id})")
            assert row["name"] == customer["displayName"]
            assert (await runs.modified())["counters"]["inserted"] == 0


async def test_what_would_be_done_is_told_without_doing_it(runs: Runs) -> None:
    ids = [await runs.id_of(QUIET), await runs.id_of(OTHER)]
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
    before = await runs.stored(QUIET)
    first, second = await runs.plan(*ids)
    assert (first["action"], first["reason"], first["moved"]) == ("MODIFY", "BOTH_CHANGED", "BOTH")
    assert (first["toDataverse"], first["toBusinessCentral"]) == (["city"], ["phoneNumber"])
    assert (second["action"], second["reason"]) == ("UNCHANGED", "NOTHING_CHANGED")
    assert await runs.stored(QUIET) == before


async def test_who_may_synchronize(runs: Runs) -> None:
    coupling = await runs.id_of(QUIET)
    assert (await runs.records(coupling, person=SALES)).errors == []
    for person, question in ((SALES, MODIFIED), (WIDGET, MODIFIED)):
        answer = await runs.api.ask(question, {"input": {"mapping": "CUSTOMER"}}, person=person, explain=False)
        assert answer.errors[0]["extensions"]["code"] == "FORBIDDEN"
    assert (await runs.records(coupling, person=WIDGET)).errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_input_that_cannot_be_used(runs: Runs) -> None:
    found = (await runs.records()).data["synchronizeRecords"]
    assert (found["code"], found["field"]) == ("INVALID_INPUT", "couplingIds")
    coupling = await runs.id_of(QUIET)
    found = await runs.update(fields=[{"field": "nonsense", "updateConflict": "NONE"}])
    assert (found["code"], "phoneNumber" in found["message"]) == ("INVALID_INPUT", True)
    await runs.uncouple(coupling)
    found = (await runs.records(coupling)).data["synchronizeRecords"]
    assert found["code"] == "NOT_COUPLED"


async def test_a_mapping_is_changed_and_reset(runs: Runs) -> None:
    found = (await runs.update(updateConflict="DATAVERSE_WINS"))["tableMapping"]
    assert (found["updateConflict"], found["changed"]) == ("DATAVERSE_WINS", True)
    shown = await runs.api.ask(
        "{ tableMappings { mapping name changed updateConflict fields { field dataverseColumn } } }"
    )
    by_name = {each["mapping"]: each for each in shown.data["tableMappings"]}
    assert set(by_name) == {each.value for each in TABLE_MAPPINGS}
    assert by_name["CUSTOMER"]["updateConflict"] == "DATAVERSE_WINS"
    found = (await runs.update(reset=True))["tableMapping"]
    assert (found["updateConflict"], found["changed"]) == ("NONE", False)


async def test_a_backend_that_is_away_ends_the_run_and_loses_nothing(runs: Runs) -> None:
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    runs.api.dataverse.instead = away
    job = await runs.modified()
    assert (job["status"], job["code"]) == ("FAILED", "BACKEND_UNREACHABLE")
    assert "Dataverse" in job["message"]
    runs.api.dataverse.instead = None
    job = await runs.modified()
    assert job["counters"]["modified"] == 1
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"


@pytest.mark.parametrize("mapping", list(TABLE_MAPPINGS))
async def test_every_mapping_runs(runs: Runs, mapping: Mapping) -> None:
    """The demo company's own cases fail as they should; a second run finds nothing more to write."""
    job = await runs.modified(mapping)
    assert (job["status"], job["mapping"]) == ("SUCCEEDED", mapping)
    assert all(each["hint"] for each in job["errors"]["nodes"])
    again = await runs.modified(mapping)
    assert (again["status"], again["counters"]["modified"]) == ("SUCCEEDED", 0)


@pytest.mark.parametrize("seed", range(3))
async def test_edits_in_any_order_end_in_agreement(runs: Runs, seed: int) -> None:
    """Fields that go both ways are equal afterwards, or a conflict is named; what only one side changed is kept."""
    chance = Random(seed)  # noqa: S311 - a test that can be repeated
    last: dict[tuple[str, str], tuple[str, set[str]]] = {}
    numbers = [QUIET, OTHER, "C00025", "C00027"]
    for _ in range(3):
        for _ in range(8):
            number, name, side = chance.choice(numbers), chance.choice(["city", "state"]), chance.choice(["bc", "crm"])
            bc, crm = await runs.both(number)
            value = f"{name} {chance.randrange(10**6)}"
            if side == "bc":
                await runs.api.in_business_central("PATCH", bc, {name: value})
            else:
                column = {"city": "address1_city", "state": "address1_stateorprovince"}[name]
                await runs.api.in_dataverse("PATCH", crm, {column: value})
            _, editors = last.get((number, name), ("", set()))
            last[number, name] = (value, editors | {side})
        job = await runs.modified()
        conflicts = {each["records"][0]["number"] for each in job["errors"]["nodes"]}
        assert all(each["code"] == "UPDATE_CONFLICT" for each in job["errors"]["nodes"])
        expected = {number for (number, _), (_, editors) in last.items() if len(editors) == 2}
        assert conflicts == expected
        for number in conflicts:
            await runs.synchronized(await runs.id_of(number), way=chance.choice(["SEND", "GET"]))
        for (number, name), (value, editors) in last.items():
            bc, crm = await runs.both(number)
            record = (await runs.api.in_business_central("GET", bc))[name]
            row = await runs.api.in_dataverse("GET", crm)
            other = row[{"city": "address1_city", "state": "address1_stateorprovince"}[name]]
            assert (record or None) == other, "a blank of Business Central is CRM's null"
            assert number in conflicts or len(editors) == 2 or record == value
        last.clear()
    assert (await runs.modified())["counters"]["modified"] == 0


async def test_somebody_edits_while_we_write(runs: Runs) -> None:
    """The write is refused, the pair is looked at again, and both edits are kept."""
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    meanwhile = [True]

    async def edited(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content and meanwhile:
            meanwhile.clear()
            runs.api.dataverse.instead = None
            await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
        return await runs.api.dataverse.inner.handle_async_request(request)

    runs.api.dataverse.instead = edited
    job = await runs.modified()
    assert (job["counters"]["modified"], job["counters"]["failed"]) == (1, 0)
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    assert await runs.phones(QUIET) == ("+31 10 555 0999", "+31 10 555 0999")


async def test_a_backend_that_is_away_for_two_runs_puts_nothing_on_the_skip_list(runs: Runs) -> None:
    bc, _ = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})

    async def no_writes(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content:
            raise httpx.ConnectError("away")
        return await runs.api.dataverse.inner.handle_async_request(request)

    runs.api.dataverse.instead = no_writes
    for _ in range(2):
        job = await runs.modified()
        assert job["errors"]["nodes"][0]["code"] == "BACKEND_UNREACHABLE"
    assert not (await runs.stored(QUIET)).skipped
    runs.api.dataverse.instead = None
    assert (await runs.modified())["counters"]["modified"] == 1


async def test_when_only_one_of_two_sides_could_be_written_the_other_follows(runs: Runs) -> None:
    """CRM has Business Central's edit by then; its own is still found."""
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})

    async def no_writes(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content:
            raise httpx.ConnectError("away")
        return await runs.api.business_central.inner.handle_async_request(request)

    runs.api.business_central.instead = no_writes
    assert (await runs.modified())["counters"]["failed"] == 1
    runs.api.business_central.instead = None
    assert (await runs.modified())["counters"]["modified"] == 1
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    assert await runs.phones(QUIET) == ("+31 10 555 0999", "+31 10 555 0999")


async def test_an_emptied_side_stops_the_run(runs: Runs) -> None:
    """Rights that are gone look like deletions; nothing ends, and nothing is written."""
    before = await runs.all()
    numbers = [f"C000{number}" for number in (12, 13, 14, 15, 17, 18, 19, 20, 22, 23, 24, 25)]
    for number in numbers:
        bc, _ = await runs.both(number)
        await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})

    async def emptied(request: httpx.Request) -> httpx.Response:
        answer = await runs.api.dataverse.inner.handle_async_request(request)
        if request.method == "GET" and "/accounts?" in str(request.url) and "deltatoken" not in str(request.url):
            return httpx.Response(200, json={"value": []})
        return answer

    runs.api.dataverse.instead = emptied
    job = await runs.modified()
    assert (job["status"], job["code"]) == ("FAILED", "RECORD_NOT_VISIBLE")
    assert "Nothing was done" in job["message"]
    assert await runs.all() == before
    runs.api.dataverse.instead = None
    assert (await runs.modified())["counters"]["modified"] == len(numbers), "and nothing was lost"


async def test_many_deleted_at_once_stop_nobody_else(runs: Runs) -> None:
    """A page of nothing but deleted records is no emptied side, and neither is a skip list of them."""
    found = await runs.books.couplings.page(CouplingFilter(mapping=Mapping.CUSTOMER), after=None, limit=13)
    rows = [each for each in found if each.bc_key != QUIET][:12]
    for each in rows:
        await runs.api.in_dataverse("DELETE", f"accounts({each.crm_id})")
    for _ in range(2):
        job = await runs.modified()
        assert (job["status"], job["counters"]["failed"]) == ("SUCCEEDED", len(rows))
        assert {each["code"] for each in job["errors"]["nodes"]} == {"DELETION_CONFLICT"}
    assert {each.skipped for each in (await runs.books.couplings.get_many(each.id for each in rows)).values()} == {True}
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    assert (await runs.modified())["counters"]["modified"] == 1
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"


async def test_the_job_log(own_api: Api) -> None:
    runs = Runs(own_api)
    first, second = await runs.modified(), await runs.modified("ITEM")
    question = """query ($mapping: Mapping, $before: ID) {
        synchronizationJobs(mapping: $mapping, before: $before, first: 1) { id mapping status } }"""
    newest = (await runs.api.ask(question)).data["synchronizationJobs"]
    assert [each["id"] for each in newest] == [second["id"]]
    older = (await runs.api.ask(question, {"before": second["id"]})).data["synchronizationJobs"]
    assert [each["id"] for each in older] == [first["id"]]
    of_items = (await runs.api.ask(question, {"mapping": "ITEM"})).data["synchronizationJobs"]
    assert [each["mapping"] for each in of_items] == ["ITEM"]
    errors = """query ($id: ID!, $after: String) { synchronizationJob(id: $id) {
        errors(first: 1, after: $after) { totalCount nodes { code } pageInfo { endCursor hasNextPage } } } }"""
    page = (await runs.api.ask(errors, {"id": first["id"]})).data["synchronizationJob"]["errors"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (first["counters"]["failed"], True)
    rest = await runs.api.ask(errors, {"id": first["id"], "after": page["pageInfo"]["endCursor"]})
    assert rest.data["synchronizationJob"]["errors"]["nodes"]


async def test_a_run_that_is_over_cannot_be_cancelled(runs: Runs) -> None:
    job = await runs.modified()
    question = """mutation ($id: ID!) { cancelSynchronization(id: $id) {
        ... on UserError { code message } ... on CancelSynchronizationSuccess { job { status } } } }"""
    found = await runs.api.ask(question, {"id": job["id"]})
    assert found.data["cancelSynchronization"]["code"] == "INVALID_INPUT"
    found = await runs.api.ask(question, {"id": str(uuid4())})
    assert found.data["cancelSynchronization"]["code"] == "RECORD_NOT_FOUND"


async def test_a_run_is_cancelled_between_two_pages(runs: Runs) -> None:
    asked, hold = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        asked.set()
        await hold.wait()
        return await runs.api.business_central.inner.handle_async_request(request)

    runs.api.business_central.instead = slow
    answer = await runs.api.ask(MODIFIED, {"input": {"mapping": "CUSTOMER"}}, explain=False)
    id = answer.data["synchronizeModified"]["job"]["id"]
    await asked.wait()
    assert (await runs.job(id))["status"] == "RUNNING"
    question = "mutation ($id: ID!) { cancelSynchronization(id: $id) { __typename } }"
    found = await runs.api.ask(question, {"id": id}, explain=False)
    assert found.data["cancelSynchronization"]["__typename"] == "CancelSynchronizationSuccess"
    hold.set()
    assert (await runs.ended(id))["status"] == "CANCELLED"


async def test_the_operations_outsiders_rely_on(runs: Runs) -> None:
    answer = await runs.api.ask(operation("SynchronizeModified"), explain=False)
    job = answer.data["synchronizeModified"]["job"]
    assert (answer.data["synchronizeModified"]["__typename"], job["status"]) == ("SynchronizationStarted", "WAITING")
    await runs.ended(job["id"])
    answer = await runs.api.ask(operation("SynchronizationJob"), {"id": job["id"]}, explain=False)
    found = answer.data["synchronizationJob"]
    assert (found["status"], found["mapping"]) == ("SUCCEEDED", "CUSTOMER")
    assert found["counters"]["failed"] == len(found["errors"]["nodes"])
