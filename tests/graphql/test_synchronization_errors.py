"""What is wrong now is told with what can be done about it, and what is done about it puts it right."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Mapping
from gateway.runs.run import Run, RunError, RunKind, RunState
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from schema.types.couple_records import coupling_id
from tests.graphql.api import Api
from tests.graphql.problems import PROBLEMS, Problems
from tests.graphql.test_synchronize import OTHER, QUIET

pytestmark = pytest.mark.anyio


@pytest.fixture
def runs(settled_api: Api) -> Problems:
    return Problems(settled_api)


async def conflict(runs: Problems, *, city: bool = False) -> tuple[str, str, str]:
    """A customer and its account whose phone number differs, both edited; the coupling and both addresses."""
    bc, crm = await runs.both(QUIET)
    more: tuple[dict[str, str], dict[str, str]] = ({"city": "Delft"}, {"address1_city": "Gouda"}) if city else ({}, {})
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0111", **more[0]})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222", **more[1]})
    return await runs.id_of(QUIET), bc, crm


async def test_what_is_wrong_is_told_with_what_can_be_done(own_api: Api) -> None:
    runs = Problems(own_api)
    before = await runs.problem(story.SKIPPED)
    assert (before["skipped"], before["since"], before["jobId"]) == (True, None, None)
    assert (before["code"], before["hint"], before["times"]) == ("LOOKUP_NOT_COUPLED", None, 0), "no run told of it"
    first = await runs.modified()
    found = await runs.problems(mapping="CUSTOMER")
    by_number = {each["records"][0]["number"]: each for each in found["nodes"]}
    assert found["totalCount"] == len(found["nodes"]) == 4
    gap = by_number[story.SALESPERSON_GAP]
    assert (gap["code"], gap["to"], gap["skipped"], gap["times"]) == ("SALESPERSON_NOT_COUPLED", "DATAVERSE", False, 1)
    assert (gap["since"], gap["jobId"]) == (gap["failedAt"], first["id"])
    assert gap["actions"] == ["COUPLE_SALESPERSONS", "RETRY", "UNCOUPLE"]
    assert by_number[story.CONFLICT]["actions"] == [
        "RESOLVE_FIELDS",
        "USE_BUSINESS_CENTRAL",
        "USE_DATAVERSE",
        "UNCOUPLE",
    ]
    assert (by_number[story.CONFLICT]["field"], by_number[story.ORPHANED]["actions"]) == (
        "phoneNumber",
        ["RESTORE", "UNCOUPLE"],
    )
    assert [each["kind"] for each in by_number[story.ORPHANED]["records"]] == ["customer", "account"]
    await runs.modified()
    again = await runs.problem(story.SALESPERSON_GAP)
    assert (again["skipped"], again["times"], again["since"]) == (True, 2, gap["since"]), "since when, and how often"
    assert (await runs.problems(code="DELETION_CONFLICT"))["totalCount"] == 1
    assert (await runs.problems(skipped=False))["totalCount"] == 0


async def test_pages_of_what_is_wrong_and_what_they_cost(runs: Problems) -> None:
    await runs.modified()
    whole = [each["cursor"] for each in (await runs.problems())["edges"]]
    after, seen = None, []
    while True:
        page = await runs.problems(first=1, after=after)
        seen += [each["cursor"] for each in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == whole
    answer = await runs.api.ask(PROBLEMS, {"mapping": "CUSTOMER"})
    assert answer.cost[0] == 0, "nothing is asked of either system"
    exists = "{ synchronizationErrors(mapping: CUSTOMER) { nodes { code businessCentralExists dataverseExists } } }"
    answer = await runs.api.ask(exists)
    told = {(each["code"], each["businessCentralExists"], each["dataverseExists"]) for each in _nodes(answer)}
    assert ("DELETION_CONFLICT", True, False) in told
    assert answer.cost == (3, 2), "one for each side, whatever the number of errors, and one for what is not there"
    nested = """{ synchronizationErrors(mapping: CUSTOMER, code: UPDATE_CONFLICT) { nodes {
        coupling { conflictToken differences { field } businessCentralName } } } }"""
    (node,) = _nodes(await runs.api.ask(nested))
    assert [each["field"] for each in node["coupling"]["differences"]] == ["phoneNumber"]
    assert len(node["coupling"]["conflictToken"]) == 32
    for given in ({"first": 0}, {"after": "nonsense"}, {"after": "WyJjIl0"}):
        answer = await runs.api.ask(PROBLEMS, given)
        assert answer.codes == ["INVALID_INPUT"]
    assert (await runs.api.ask(PROBLEMS, person=WIDGET)).codes == ["FORBIDDEN"]


def _nodes(answer: Any) -> Any:
    assert answer.errors == []
    return answer.data["synchronizationErrors"]["nodes"]


async def test_a_record_without_a_coupling_is_told_until_it_has_one(runs: Problems) -> None:
    """The newest error of each record, behind those of couplings."""
    store, now = runs.jobs.runs, datetime.now(UTC)
    run = Run(uuid4(), Mapping.CUSTOMER, runs.company, RunKind.MODIFIED, {}, RunState.SUCCEEDED, now, "somebody")
    await store.add(run)
    lonely, coupled = uuid4(), UUID((await runs.customer(QUIET))["systemId"])
    at = iter(now + timedelta(seconds=each) for each in range(10))

    def error(number: int, bc_id: UUID, code: str) -> RunError:
        return RunError(run.id, number, run.mapping, runs.company, code, f"No. {number}", next(at), bc_id=bc_id)

    rejected, token = "BACKEND_REJECTED", "LOOKUP_NOT_COUPLED"
    told = [error(1, lonely, rejected), error(2, coupled, rejected), error(3, lonely, token), error(4, uuid4(), token)]
    await store.note(run.id, 1, told)
    found = await runs.problems(code=token, skipped=False)
    assert [each["message"] for each in found["nodes"]] == ["No. 4", "No. 3"]
    assert [each["actions"] for each in found["nodes"]] == [["COUPLE_RECORDS"]] * 2
    assert (found["totalCount"], found["nodes"][0]["couplingId"]) == (2, None)
    page = await runs.problems(code=token, first=2)
    assert page["nodes"][0]["couplingId"] is not None, "a coupling comes first"
    rest = await runs.problems(code=token, first=1, after=page["pageInfo"]["endCursor"])
    assert ([each["message"] for each in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == (["No. 3"], False)
    assert (await runs.problems(code=rejected))["totalCount"] == 0, "what is coupled, or has a newer error, is not told"


async def test_a_coupled_salesperson_takes_its_customers_off_the_skip_list(runs: Problems) -> None:
    assert (await runs.problem(story.SALESPERSON_GAP))["skipped"]
    rows = await runs.api.in_business_central(
        "GET", f"salespeoplePurchasers?$filter=code eq '{story.UNCOUPLED_SALESPERSON}'"
    )
    (person,) = rows["value"]
    users = await runs.api.in_dataverse("GET", f"systemusers?$filter=internalemailaddress eq '{person['email']}'")
    await runs.coupled(
        mapping="SALESPERSON",
        businessCentral={"id": person["id"]},
        dataverse={"id": users["value"][0]["systemuserid"]},
        explain=False,
    )
    await runs.modified()
    assert await runs.problem(story.SALESPERSON_GAP) is None
    _, crm = await runs.both(story.SALESPERSON_GAP)
    row = await runs.api.in_dataverse("GET", crm)
    assert row["_owninguser_value"] == users["value"][0]["systemuserid"]


@pytest.mark.parametrize(
    ("use", "value", "kept"),
    [
        ("BUSINESS_CENTRAL", None, "+31 10 555 0111"),
        ("DATAVERSE", None, "+31 10 555 0222"),
        ("VALUE", " +31 10 555 0333 ", "+31 10 555 0333"),
        ("VALUE", None, ""),
    ],
)
async def test_a_conflict_is_resolved_field_by_field(runs: Problems, use: str, value: Any, kept: str) -> None:
    """Also one on the skip list; another edit of one side travels along."""
    coupling, bc, crm = await conflict(runs)
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    await runs.modified()
    await runs.modified()
    assert (await runs.stored(QUIET)).skipped
    job = await runs.resolved(coupling, ("phoneNumber", use, value))
    assert (job["counters"]["modified"], job["counters"]["failed"]) == (1, 0)
    assert await runs.phones(QUIET) == (kept, kept or None)
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    stored = await runs.stored(QUIET)
    assert (stored.error_code, stored.skipped, (stored.base or {})["phoneNumber"]) == (None, False, kept)
    assert await runs.problem(QUIET) is None
    assert (await runs.modified())["counters"]["modified"] == 0


async def test_each_field_has_its_own_choice(runs: Problems) -> None:
    coupling, bc, crm = await conflict(runs, city=True)
    token = (await runs.looked_at(coupling))["conflictToken"]
    found = await runs.resolve(coupling, token, ("phoneNumber", "DATAVERSE"))
    assert (found["code"], found["field"]) == ("UPDATE_CONFLICT", "fields")
    assert "City (city)" in found["message"]
    wrong: dict[Any, str] = {
        ("phoneNumber", "VALUE", "1" * 31): "takes 30",
        ("phoneNumber", "DATAVERSE", "1"): "a value goes with VALUE only",
        ("state", "DATAVERSE"): "is in no conflict",
    }
    for choice, said in wrong.items():
        found = await runs.resolve(coupling, token, choice, ("city", "DATAVERSE"))
        assert (found["code"], said in found["message"]) == ("INVALID_INPUT", True), found
    found = await runs.resolve(coupling, token, ("city", "DATAVERSE"), ("city", "VALUE", "Utrecht"))
    assert "named twice" in found["message"]
    assert await runs.phones(QUIET) == ("+31 10 555 0111", "+31 10 555 0222"), "nothing was written"
    await runs.resolved(coupling, ("phoneNumber", "DATAVERSE"), ("city", "VALUE", "Utrecht"))
    assert await runs.phones(QUIET) == ("+31 10 555 0222", "+31 10 555 0222")
    assert (await runs.api.in_business_central("GET", bc))["city"] == "Utrecht"
    assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == "Utrecht"
    found = await runs.resolve(coupling, (await runs.looked_at(coupling))["conflictToken"], ("city", "DATAVERSE"))
    assert (found["code"], "in no conflict" in found["message"]) == ("INVALID_INPUT", True)


async def test_what_changed_since_it_was_looked_at_is_not_overwritten(runs: Problems) -> None:
    coupling, bc, _ = await conflict(runs)
    token = (await runs.looked_at(coupling))["conflictToken"]
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0444"})
    found = await runs.resolve(coupling, token, ("phoneNumber", "DATAVERSE"))
    assert found["__typename"] == "ConflictMoved"
    (shown,) = found["differences"]
    assert (shown["businessCentral"], shown["dataverse"]) == ("+31 10 555 0444", "+31 10 555 0222")
    assert await runs.phones(QUIET) == ("+31 10 555 0444", "+31 10 555 0222")
    again = await runs.resolve(coupling, found["conflictToken"], ("phoneNumber", "DATAVERSE"))
    await runs.ended(again["job"]["id"])
    assert await runs.phones(QUIET) == ("+31 10 555 0222", "+31 10 555 0222")


async def test_a_value_of_ones_own_that_reached_one_side_only_is_found_again(runs: Problems) -> None:
    """CRM has it, Business Central refused the write: still a conflict, and the same choice settles it."""
    coupling, bc, _ = await conflict(runs)

    async def edited(request: Any) -> Any:
        if b"PATCH" in request.content:
            runs.api.business_central.instead = None
            await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0444"})
        return await runs.api.business_central.inner.handle_async_request(request)

    runs.api.business_central.instead = edited
    job = await runs.resolved(coupling, ("phoneNumber", "VALUE", "+31 10 555 0333"))
    assert [each["code"] for each in job["errors"]["nodes"]] == ["UPDATE_CONFLICT"]
    assert await runs.phones(QUIET) == ("+31 10 555 0444", "+31 10 555 0333"), "what was entered meanwhile is kept"
    await runs.resolved(coupling, ("phoneNumber", "VALUE", "+31 10 555 0333"))
    assert await runs.phones(QUIET) == ("+31 10 555 0333", "+31 10 555 0333")


async def test_a_deleted_account_is_made_anew_once(runs: Problems) -> None:
    """Asked twice at once and once more later: one account, one coupling."""
    customer = await runs.customer(QUIET)
    old, (bc, crm) = await runs.id_of(QUIET), await runs.both(QUIET)
    found = await runs.restore(old)
    assert (found["code"], "Neither customer" in found["message"]) == ("ALREADY_COUPLED", True)
    await runs.api.in_dataverse("DELETE", crm)
    first, second = await asyncio.gather(runs.restore(old), runs.restore(old))
    third = await runs.restore(old)
    done = [each for each in (first, second, third) if each["__typename"] == "RestoreRecordSuccess"]
    assert len(done) >= 2, (first, second, third)
    assert [each["restored"] for each in done].count(True) == 1
    (id,) = {each["coupling"]["dataverseId"] for each in done}
    rows = await runs.api.in_dataverse("GET", f"accounts?$filter=name eq '{customer['displayName']}'")
    assert [each["accountid"] for each in rows["value"]] == [id]
    assert (third["coupling"]["account"]["name"], third["coupling"]["errorCode"]) == (customer["displayName"], None)
    assert await runs.problem(QUIET) is None
    await runs.api.in_business_central("PATCH", bc, {"city": "Delft"})
    assert (await runs.modified())["counters"]["modified"] == 1, "and it is synchronized from then on"


async def test_what_cannot_be_made_anew_is_refused_with_the_reason(runs: Problems) -> None:
    bc, crm = await runs.both(QUIET)
    coupling, other = await runs.id_of(QUIET), await runs.id_of(OTHER)
    await runs.api.in_business_central("PATCH", bc, {"blocked": "All"})
    await runs.api.in_dataverse("DELETE", crm)
    found = await runs.restore(coupling)
    assert (found["code"], "blocked" in found["message"]) == ("RECORD_BLOCKED", True)
    assert (await runs.uncouple(other)).data["uncoupleRecords"]["__typename"] == "UncoupleRecordsSuccess"
    assert (await runs.restore(other))["code"] == "NOT_COUPLED", "somebody ended it on purpose"
    units = await runs.api.in_business_central("GET", "unitsOfMeasure")
    found = [await runs.of(Mapping.UNIT_OF_MEASURE, each["id"]) for each in units["value"]]
    stored = next(each for each in found if each is not None)
    await runs.api.in_business_central("DELETE", f"unitsOfMeasure({stored.bc_id})")
    found = await runs.restore(str(coupling_id(stored)))
    assert (found["code"], "does not write to Business Central" in found["message"]) == ("DIRECTION_NOT_ALLOWED", True)


async def test_what_failed_is_tried_again_all_of_it_or_one_kind(runs: Problems) -> None:
    coupling, *_ = await conflict(runs)
    await runs.modified()
    await runs.update(updateConflict="DATAVERSE_WINS")
    job = await runs.retried(mapping="CUSTOMER", code="UPDATE_CONFLICT")
    assert (job["kind"], job["counters"]["modified"], job["counters"]["failed"]) == ("RETRY", 2, 0)
    assert await runs.phones(QUIET) == ("+31 10 555 0222", "+31 10 555 0222")
    job = await runs.retried(mapping="CUSTOMER")
    assert job["counters"]["failed"] == 3, "the others fail as before, and are told again"
    assert not (await runs.problem(story.SALESPERSON_GAP))["skipped"], "it is off the list, until it fails again"
    await runs.modified()
    assert (await runs.problem(story.SALESPERSON_GAP))["skipped"]
    job = await runs.retried(couplingIds=[coupling])
    assert (job["kind"], job["counters"]["unchanged"]) == ("RECORDS", 1)


async def test_two_callers_retry_once(runs: Problems) -> None:
    """While a run of the mapping is under way, both wait for the same one."""
    hold = asyncio.Event()
    runs.api.business_central.hold = hold
    started = (await runs.api.ask(_MODIFIED, explain=False)).data["synchronizeModified"]["job"]["id"]
    answers = [await runs.retry(mapping="CUSTOMER") for _ in range(2)]
    ids = {each.data["retrySynchronization"]["job"]["id"] for each in answers}
    assert len(ids) == 1
    hold.set()
    await runs.ended(started)
    assert (await runs.ended(ids.pop()))["status"] == "SUCCEEDED"
    wrong: list[dict[str, Any]] = [{}, {"couplingIds": []}, {"mapping": "CUSTOMER", "couplingIds": ["x"]}]
    for given in wrong:
        found = (await runs.retry(**given)).data["retrySynchronization"]
        assert (found["__typename"], found["code"]) == ("UserError", "INVALID_INPUT")
    assert (await runs.retry(mapping="CUSTOMER", person=SALES)).codes == ["FORBIDDEN"]


_MODIFIED = """mutation { synchronizeModified(input: {mapping: CUSTOMER}) {
    ... on SynchronizationStarted { job { id } } } }"""
