"""Couplings end, with what that changes in CRM: through the endpoint, with what it cost."""

from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Cause, Event, Mapping
from gateway.couplings.store import CouplingFilter
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from tests.graphql.api import Api
from tests.graphql.pairs import UNCOUPLE, Pairs

pytestmark = pytest.mark.anyio


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


async def in_crm(pairs: Pairs, path: str, select: str) -> Any:
    return await pairs.api.in_dataverse("GET", f"{path}?$select={select}")


async def test_a_customer_is_uncoupled_with_all_that_hangs_on_it(pairs: Pairs) -> None:
    """The account loses the mark of the company and its row of statistics, its contacts are uncoupled too; all rows stay."""
    harbour = await pairs.customer(story.HARBOUR)
    account = f"accounts({harbour['account']['accountId']})"
    columns = "_bcbi_companyid_value,_nav_accountstatisticsid_value"
    before = await in_crm(pairs, account, columns)
    assert before["_bcbi_companyid_value"]
    assert before["_nav_accountstatisticsid_value"]
    contacts = (
        f"contacts?$filter=_parentcustomerid_value eq {harbour['account']['accountId']}&$select=_bcbi_companyid_value"
    )
    people = (await pairs.api.in_dataverse("GET", contacts))["value"]
    assert people
    assert all(each["_bcbi_companyid_value"] for each in people)

    answer = await pairs.uncouple(harbour["coupling"]["id"])

    found = answer.data["uncoupleRecords"]
    assert answer.errors == []
    assert answer.cost == (7, 4)
    assert found["uncoupledId"] == harbour["coupling"]["id"]
    (result,) = found["results"]
    assert (result["uncoupled"], result["problem"]) == (True, None)
    assert {each["dataverseId"] for each in result["also"]} == {each["contactid"] for each in people}
    after = await in_crm(pairs, account, columns)
    assert (after["_bcbi_companyid_value"], after["_nav_accountstatisticsid_value"]) == (None, None)
    rows = await in_crm(pairs, "nav_accountstatisticses", "nav_name")
    gone = before["_nav_accountstatisticsid_value"]
    assert gone not in {each["nav_accountstatisticsid"] for each in rows["value"]}
    for each in (await pairs.api.in_dataverse("GET", contacts))["value"]:
        assert each["_bcbi_companyid_value"] is None
    assert (await pairs.customer(story.HARBOUR))["coupling"] is None
    ended, *_ = await pairs.history(Mapping.CUSTOMER, harbour["systemId"])
    assert (ended.event, ended.cause) == (Event.UNCOUPLED, Cause.MANUAL)
    person, *_ = await pairs.history(Mapping.CONTACT, people[0]["contactid"])
    assert person.cause is Cause.PARENT_UNCOUPLED


async def test_two_hundred_couplings_cost_as_much_as_one(pairs: Pairs) -> None:
    found = await pairs.books.couplings.page(CouplingFilter(mapping=Mapping.CUSTOMER), after=None, limit=150)
    ids = [await global_id(pairs, each) for each in found[:120]]
    answer = await pairs.uncouple(*ids)
    assert answer.errors == []
    assert all(each["uncoupled"] for each in answer.data["uncoupleRecords"]["results"])
    assert answer.cost == (7, 4)


async def global_id(pairs: Pairs, coupling: Any) -> str:
    from schema.types.couple_records import coupling_id

    return str(coupling_id(coupling))


async def test_nothing_of_crm_is_touched_for_tables_without_a_company(pairs: Pairs) -> None:
    found = await pairs.books.couplings.page(CouplingFilter(mapping=Mapping.SALESPERSON), after=None, limit=1)
    answer = await pairs.uncouple(await global_id(pairs, found[0]))
    assert answer.data["uncoupleRecords"]["results"][0]["uncoupled"] is True
    assert answer.cost == (0, 0)


async def test_a_coupling_whose_account_is_deleted(pairs: Pairs) -> None:
    orphan = await pairs.customer(story.ORPHANED)
    answer = await pairs.uncouple(orphan["coupling"]["id"])
    assert answer.errors == []
    assert (await pairs.customer(story.ORPHANED))["coupling"] is None


async def test_what_has_ended_cannot_end_again(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    await pairs.uncouple(harbour["coupling"]["id"])
    found = (await pairs.uncouple(harbour["coupling"]["id"])).data["uncoupleRecords"]
    assert (found["__typename"], found["code"]) == ("UserError", "NOT_COUPLED")
    assert "couplingHistory" in found["hint"]


async def test_with_crm_away_nothing_ends(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    pairs.api.dataverse.instead = lambda request: httpx.Response(503, request=request)
    answer = await pairs.uncouple(harbour["coupling"]["id"])
    assert (answer.data["uncoupleRecords"], answer.codes) == (None, ["BACKEND_UNREACHABLE"])
    pairs.api.dataverse.instead = None
    assert (await pairs.customer(story.HARBOUR))["coupling"] is not None


async def test_a_row_that_changes_meanwhile_keeps_its_coupling(pairs: Pairs) -> None:
    """Nothing is written over a change nobody looked at; the others end."""
    harbour, other = await pairs.customer(story.HARBOUR), await pairs.customer(story.CONFLICT)

    async def changing(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$batch") and b"PATCH" in request.content:
            pairs.api.dataverse.instead = None
            path = f"accounts({harbour['account']['accountId']})"
            await pairs.api.in_dataverse("PATCH", path, {"description": "Somebody wrote this."})
        return await pairs.api.dataverse.inner.handle_async_request(request)

    pairs.api.dataverse.instead = changing
    answer = await pairs.uncouple(harbour["coupling"]["id"], other["coupling"]["id"])
    kept, ended = answer.data["uncoupleRecords"]["results"]
    assert (kept["uncoupled"], kept["problem"]["code"]) == (False, "RECORD_CHANGED")
    assert (ended["uncoupled"], ended["problem"]) == (True, None)
    assert (await pairs.customer(story.HARBOUR))["coupling"] is not None
    assert (await pairs.customer(story.CONFLICT))["coupling"] is None


@pytest.mark.parametrize(
    "given",
    [{}, {"couplingIds": []}, {"couplingId": "nonsense"}, {"couplingIds": ["Q29tcGFueTpub25l"] * 3}],
    ids=["none", "empty", "no id", "no id either"],
)
async def test_input_that_cannot_be_used(pairs: Pairs, given: dict[str, Any]) -> None:
    question = """mutation ($input: UncoupleRecordsInput!) { uncoupleRecords(input: $input) {
        __typename ... on UserError { code } } }"""
    answer = await pairs.api.ask(question, {"input": given})
    assert answer.data["uncoupleRecords"] == {"__typename": "UserError", "code": "INVALID_INPUT"}


async def test_who_may_uncouple(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    assert (await pairs.uncouple(harbour["coupling"]["id"], person=WIDGET)).codes == ["FORBIDDEN"]
    answer = await pairs.uncouple(harbour["coupling"]["id"], person=SALES)
    assert answer.data["uncoupleRecords"]["uncoupledId"] == harbour["coupling"]["id"]


async def test_all_couplings_of_a_mapping_end_as_a_job(pairs: Pairs) -> None:
    count = len([each for each in await pairs.all() if each[0] is Mapping.ITEM])
    others = {each for each in await pairs.all() if each[0] is not Mapping.ITEM}
    answer = await pairs.api.ask(
        "mutation { uncoupleMapping(input: {mapping: ITEM}) { ... on UncoupleMappingSuccess { scheduled job { id state } } } }",
        explain=False,
    )
    begun = answer.data["uncoupleMapping"]
    assert begun["scheduled"] == count
    job = begun["job"]["id"]
    await pairs.api.app.state.running.services.jobs.wait(job)
    question = "query ($id: ID!) { couplingJob(id: $id) { state uncoupled failed code finishedAt } }"
    found = (await pairs.api.ask(question, {"id": job})).data["couplingJob"]
    assert (found["state"], found["uncoupled"], found["failed"], found["code"]) == ("SUCCEEDED", count, 0, None)
    assert await pairs.all() == others


async def test_only_administrators_end_all_couplings(pairs: Pairs) -> None:
    answer = await pairs.api.ask("mutation { uncoupleMapping(input: {mapping: ITEM}) { __typename } }", person=SALES)
    assert answer.codes == ["FORBIDDEN"]


async def test_contacts_stay_coupled_when_their_customer_was_moved_meanwhile(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    contacts = {each for each in await pairs.all() if each[0] is Mapping.CONTACT}

    async def moving(request: httpx.Request) -> httpx.Response:
        answer = await pairs.api.dataverse.inner.handle_async_request(request)
        if request.url.path.endswith("$batch") and b"PATCH" in request.content:
            pairs.api.dataverse.instead = None
            given = {"businessCentral": {"number": story.HARBOUR}, "dataverse": {"name": story.CRM_ONLY_ACCOUNT}}
            await pairs.coupled(**given, move=True, explain=False)
        return answer

    pairs.api.dataverse.instead = moving
    answer = await pairs.api.ask(UNCOUPLE, {"input": {"couplingId": harbour["coupling"]["id"]}}, explain=False)
    assert answer.codes == ["COUPLING_CHANGED"]
    assert {each for each in await pairs.all() if each[0] is Mapping.CONTACT} == contacts
