"""Drift: what is wrong with couplings, told with names and numbers, and repaired as far as nobody has to be asked."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Cause, Coupling, Doing, Intent, Mapping
from gateway.couplings.store import CouplingFilter, CouplingStore, Side
from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from gateway.sync.desk import Books
from schema.cursors import write_cursor
from schema.ids import GlobalId
from tests.graphql.api import Api, start
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

DRIFT = """
query ($mapping: Mapping! = CUSTOMER, $kinds: [DriftKind!], $first: Int! = 200, $after: String) {
  drift(mapping: $mapping, kinds: $kinds, first: $first, after: $after) {
    nodes { id kind message hint repair whyNoRepair otherRows records { system kind number name }
            rules { system broken remedy code } }
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }
"""
COUNTED = """
query ($mapping: Mapping! = CUSTOMER, $kinds: [DriftKind!], $first: Int! = 200, $after: String) {
  drift(mapping: $mapping, kinds: $kinds, first: $first, after: $after) { counts { kind count } nodes { id } } }
"""
REPAIR = """
mutation ($input: RepairDriftInput!) { repairDrift(input: $input) { __typename
    ... on UserError { code message field }
    ... on RepairDriftSuccess { dryRun remaining endCursor counters { repaired wouldRepair noRepair gone failed notAsked also }
        results { id kind action outcome code message hint records { number name }
            also { businessCentralId dataverseId } } } } }
"""
BROKEN = ["BROKEN_BUSINESS_CENTRAL", "BROKEN_DATAVERSE"]


async def drift(api: Api, **asked: Any) -> list[Any]:
    answer = await api.ask(DRIFT, asked)
    assert answer.errors == []
    nodes: list[Any] = answer.data["drift"]["nodes"]
    return nodes


async def repair(api: Api, **input: Any) -> Any:
    answer = await api.ask(REPAIR, {"input": {"mapping": "CUSTOMER", **input}})
    assert answer.errors == []
    return answer.data["repairDrift"]


def counted(payload: Any) -> dict[str, int]:
    """What was counted at all."""
    return {name: count for name, count in payload["counters"].items() if count}


def company(api: Api) -> UUID:
    return UUID(api.sandbox.company.company_id)


def store(api: Api) -> CouplingStore:
    found: CouplingStore = api.app.state.running.services.couplings
    return found


def books(api: Api) -> Books:
    found: Books = api.app.state.running.services.books
    return found


async def coupling_of(api: Api, number: str, mapping: Mapping = Mapping.CUSTOMER) -> Coupling:
    found = await store(api).find_by_key(mapping, company(api), Side.BUSINESS_CENTRAL, [number])
    return next(iter(found.values()))


async def added(api: Api, *couplings: Coupling) -> None:
    await store(api).add(couplings)


def unreal(api: Api, number: int, mapping: Mapping = Mapping.UNIT_OF_MEASURE) -> Coupling:
    """A coupling of two records that are not there."""
    return Coupling(uuid4(), mapping, company(api), uuid4(), uuid4(), f"Z{number:05}", f"Z{number:05}")


def account(api: Api, number: str | None, name: str = "Twin's & Söhne", **more: object) -> str:
    """Another account, put in behind the API: this organization has an alternate key on numbers, others have none."""
    rows = api.sandbox.dataverse
    model = next(row for row in rows.select("accounts") if row["name"] == story.CRM_ONLY_ACCOUNT)
    id = str(uuid4())
    rows.insert("accounts", {**model.values, "accountid": id, "name": name, "accountnumber": number, **more})
    return id


def kinds(nodes: Iterable[Any]) -> list[tuple[str, str]]:
    """What is wrong with whom."""
    return [(each["kind"], each["records"][0]["number"]) for each in nodes]


# -- each kind -------------------------------------------------------------------------------------------------------


async def test_the_demo_company_shows_its_cases_in_the_order_of_numbers(api: Api) -> None:
    assert kinds(await drift(api)) == [
        ("UNOWNED", story.SALESPERSON_GAP),
        ("UNOWNED", story.OWNER_GAP),
        ("BROKEN_DATAVERSE", story.ORPHANED),
        ("SKIPPED", story.SKIPPED),
        ("OUT_OF_FILTER", story.BLOCKED),
        ("OUT_OF_FILTER", story.INACTIVE_ACCOUNT),
    ]


async def test_a_deleted_account_is_named_with_the_customer_that_is_left(api: Api) -> None:
    (found,) = await drift(api, kinds=["BROKEN_DATAVERSE"])
    assert [(each["system"], each["number"]) for each in found["records"]] == [
        ("DATAVERSE", story.ORPHANED),
        ("BUSINESS_CENTRAL", story.ORPHANED),
    ]
    assert found["records"][1]["name"] in found["message"]
    assert "was deleted in Dataverse" in found["message"]
    assert (found["repair"], found["whyNoRepair"]) == ("DELETE_COUPLING", None)
    assert "coupleRecords" in found["hint"], "to have it again it is created anew"


async def test_a_record_outside_its_filter_says_which_side_and_which_rule(api: Api) -> None:
    blocked, inactive = await drift(api, kinds=["OUT_OF_FILTER"])
    assert blocked["rules"] == [
        {
            "system": "BUSINESS_CENTRAL",
            "broken": "is blocked",
            "remedy": "Set Blocked to blank on its card in Business Central.",
            "code": "RECORD_BLOCKED",
        }
    ]
    assert [(each["system"], each["broken"]) for each in inactive["rules"]] == [("DATAVERSE", "is inactive")]
    assert (blocked["repair"], inactive["records"][0]["system"]) == (None, "DATAVERSE")
    assert blocked["whyNoRepair"]
    assert "uncoupleRecords" in inactive["hint"]


async def test_a_row_of_another_company_is_outside_the_filter(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.HARBOUR)
    rows = own_api.sandbox.dataverse
    other = {**rows.select("bcbi_companies")[0].values, "bcbi_companyid": str(uuid4()), "bcbi_externalid": str(uuid4())}
    rows.insert("bcbi_companies", other)
    rows.update("accounts", str(coupling.crm_id), {"_bcbi_companyid_value": other["bcbi_companyid"]})
    found = {each["records"][0]["number"]: each for each in await drift(own_api, kinds=["OUT_OF_FILTER"])}
    assert found[story.HARBOUR]["rules"][0]["broken"] == "belongs to another company"


async def test_an_item_outside_on_both_sides_is_told_once(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.BLOCKED_ITEM, Mapping.ITEM)
    await own_api.in_dataverse("PATCH", f"products({coupling.crm_id})", {"statecode": 1, "statuscode": 2})
    found = [
        each
        for each in await drift(own_api, mapping="ITEM", kinds=["OUT_OF_FILTER"])
        if each["records"][0]["number"] == story.BLOCKED_ITEM
    ]
    assert [[rule["system"] for rule in each["rules"]] for each in found] == [["BUSINESS_CENTRAL", "DATAVERSE"]]


async def test_the_owner_rule_names_salesperson_user_and_record(api: Api) -> None:
    gap, owner = await drift(api, kinds=["UNOWNED"])
    assert [each["number"] for each in gap["records"]] == [story.SALESPERSON_GAP, story.UNCOUPLED_SALESPERSON]
    assert "kaia.thorsen@wheelhouse.example" in gap["hint"], "a user with the same e-mail address is there"
    assert owner["records"][1]["number"] == story.UNCOUPLED_OWNER


async def test_who_is_disabled_fails_a_row_that_somebody_else_owns(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.DISABLED_OWNER)
    users = own_api.sandbox.dataverse.select("systemusers")
    ruben = next(row["systemuserid"] for row in users if row["internalemailaddress"] == story.UNCOUPLED_OWNER)
    body = {"ownerid@odata.bind": f"/systemusers({ruben})"}
    await own_api.in_dataverse("PATCH", f"accounts({coupling.crm_id})", body)
    found = await drift(own_api, kinds=["UNOWNED"])
    (disabled,) = [each for each in found if "disabled" in each["message"]]
    assert disabled["records"][0]["number"] == story.DISABLED_OWNER


async def test_a_contact_counts_as_unowned_by_its_owner_alone(api: Api) -> None:
    (found,) = await drift(api, mapping="CONTACT", kinds=["UNOWNED"])
    assert found["records"][1]["number"] == story.UNCOUPLED_OWNER


async def test_a_skipped_coupling_says_why(api: Api) -> None:
    (found,) = await drift(api, kinds=["SKIPPED"])
    assert "PLN" in found["message"]
    assert (found["repair"], found["records"][0]["number"]) == ("UNSKIP", story.SKIPPED)


async def test_an_account_with_the_number_of_a_coupled_one_is_a_duplicate(own_api: Api) -> None:
    account(own_api, story.QUOTED_NUMBER.lower())
    (found,) = await drift(own_api, kinds=["DUPLICATE"])
    assert [each["kind"] for each in found["records"]] == ["customer", "account", "account"]
    assert found["records"][2]["name"] == "Twin's & Söhne"
    assert (found["otherRows"], found["repair"]) == (1, None)
    assert story.QUOTED_NUMBER in found["message"]


async def test_a_customers_number_on_an_account_it_is_not_coupled_with_is_a_duplicate(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.HARBOUR)
    await own_api.in_dataverse("PATCH", f"accounts({coupling.crm_id})", {"accountnumber": "MOVED-1"})
    account(own_api, story.HARBOUR, "Harbour, the second")
    account(own_api, story.HARBOUR, "Harbour, the third")
    found, among_themselves = await drift(own_api, kinds=["DUPLICATE"])
    assert (found["otherRows"], len(found["records"])) == (2, 4)
    assert found["message"].startswith("2 other rows")
    assert [each["name"] for each in among_themselves["records"]] in (
        ["Harbour, the second", "Harbour, the third"],
        ["Harbour, the third", "Harbour, the second"],
    )


async def test_rows_that_could_not_be_coupled_are_no_duplicates(own_api: Api) -> None:
    account(own_api, story.HARBOUR, statecode=1, statuscode=2)
    account(own_api, story.HARBOUR, customertypecode=11)
    assert await drift(own_api, kinds=["DUPLICATE"]) == []


async def test_rows_nobody_has_come_last_whatever_the_case_of_their_number(own_api: Api) -> None:
    for number in ("new-7", "NEW-7", "new-8", "'n'", "'N'", "New-7"):
        account(own_api, number)
    account(own_api, story.HARBOUR)
    first, *rest = await drift(own_api, kinds=["DUPLICATE"])
    assert first["records"][0]["number"] == story.HARBOUR
    assert [(each["records"][0]["number"].lower(), each["otherRows"], len(each["records"])) for each in rest] == [
        ("'n'", 1, 2),
        ("new-7", 2, 3),
    ]
    assert all("none of them is coupled" in each["message"] for each in rest)


async def test_persons_with_one_address_are_duplicates(own_api: Api) -> None:
    coupling = next(iter(await store(own_api).page(of_mapping(own_api, Mapping.CONTACT), after=None, limit=1)))
    assert coupling.crm_key is not None
    row = await own_api.in_dataverse("GET", f"contacts({coupling.crm_id})")
    twin = {
        "contactid": str(uuid4()),
        "lastname": "O'Twin",
        "emailaddress1": coupling.crm_key.upper(),
        "parentcustomerid_account@odata.bind": f"/accounts({row['_parentcustomerid_value']})",
    }
    await own_api.in_dataverse("POST", "contacts", twin)
    (found,) = await drift(own_api, mapping="CONTACT", kinds=["DUPLICATE"])
    assert found["records"][2]["name"] == "O'Twin"


def of_mapping(api: Api, mapping: Mapping) -> CouplingFilter:
    return CouplingFilter(mapping=mapping, company_id=company(api))


# -- pages, counts, costs ------------------------------------------------------------------------------------------------


async def test_pages_of_one_bring_the_same_as_everything_at_once(own_api: Api) -> None:
    for number in ("new-7", "NEW-7", "new-9", "NEW-9", story.SKIPPED):
        account(own_api, number)
    skipped = await coupling_of(own_api, story.SKIPPED)
    await books(own_api).changes.update_each([replace(await coupling_of(own_api, story.BLOCKED), skipped=True)])
    whole = await drift(own_api)
    assert kinds(whole).count(("SKIPPED", story.BLOCKED)) == 1, "two things are wrong with one coupling"
    assert ("DUPLICATE", skipped.bc_key) in kinds(whole)
    seen: list[Any] = []
    after: str | None = None
    while True:
        answer = await own_api.ask(DRIFT, {"first": 1, "after": after})
        assert answer.errors == []
        page = answer.data["drift"]
        seen += page["nodes"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        assert page["edges"][0]["cursor"] == page["pageInfo"]["endCursor"]
        after = page["pageInfo"]["endCursor"]
    assert seen == whole


async def test_counts_are_of_everything_whatever_the_page(api: Api) -> None:
    answer = await api.ask(COUNTED, {"first": 1})
    counts = {each["kind"]: each["count"] for each in answer.data["drift"]["counts"]}
    assert counts == {
        "BROKEN_BUSINESS_CENTRAL": 0,
        "BROKEN_DATAVERSE": 1,
        "OUT_OF_FILTER": 2,
        "DUPLICATE": 0,
        "UNOWNED": 2,
        "SKIPPED": 1,
        "UNFINISHED": 0,
    }
    assert len(answer.data["drift"]["nodes"]) == 1
    end = (await api.ask(DRIFT, {"first": 1})).data["drift"]["pageInfo"]["endCursor"]
    second = await api.ask(COUNTED, {"first": 1, "after": end, "kinds": ["UNOWNED", "SKIPPED"]})
    assert second.data["drift"]["counts"] == [{"kind": "UNOWNED", "count": 2}, {"kind": "SKIPPED", "count": 1}]
    assert second.data["drift"]["nodes"] != answer.data["drift"]["nodes"]


async def test_what_drift_costs_does_not_depend_on_what_is_wrong(api: Api) -> None:
    await api.ask("{ salespersonCoupling(first: 1) { nodes { defaultTeamMember } } }")  # the company is known then
    broken = await api.ask(DRIFT, {"kinds": [*BROKEN, "OUT_OF_FILTER"]})
    assert broken.cost == (3, 2), "both sides of all couplings, by id, and whether what is missing was deleted"
    unowned = await api.ask(DRIFT, {"kinds": ["UNOWNED"]})
    assert unowned.cost == (4, 2), "besides all salespersons and all users"
    keys = await api.ask(DRIFT, {"kinds": ["DUPLICATE"]})
    assert keys.cost == (4, 3), "besides rows with the keys of the page, and all keys in their order"
    assert (await api.ask(DRIFT, {"kinds": ["SKIPPED", "UNFINISHED"]})).cost == (0, 0)
    assert (await api.ask(DRIFT)).cost == (7, 5)


async def test_of_many_couplings_a_page_reads_no_more_than_it_shows(own_api: Api) -> None:
    await added(own_api, *(unreal(own_api, number) for number in range(1_200)))
    asked = {"mapping": "UNIT_OF_MEASURE", "kinds": ["BROKEN_DATAVERSE"]}
    page = await own_api.ask(DRIFT, asked | {"first": 10})
    assert page.cost == (2 + 6, 2), (
        "both sides; then 500 missing rows of CRM are one batch, records of Business Central five"
    )
    assert len(page.data["drift"]["nodes"]) == 10
    counted = await own_api.ask(COUNTED, asked | {"first": 1})
    assert counted.cost[0] == 3 * 2 + 3 + 13, "three pages of 500 couplings, the last one not full"
    assert counted.cost[1] <= 6
    assert counted.data["drift"]["counts"] == [{"kind": "BROKEN_DATAVERSE", "count": 1_200}]


async def test_the_coupling_of_each_entry_is_read_together(api: Api) -> None:
    query = """{ drift(mapping: CUSTOMER, kinds: [UNOWNED, SKIPPED, BROKEN_DATAVERSE]) {
        nodes { kind a: coupling { businessCentralKey account { name } } coupling { customer { displayName } } } } }"""
    answer = await api.ask(query)
    nodes = answer.data["drift"]["nodes"]
    assert [each["a"]["businessCentralKey"] for each in nodes][2:4] == [story.ORPHANED, story.SKIPPED]
    assert (nodes[2]["a"]["account"], nodes[0]["coupling"]["customer"]["displayName"]) == (None, "Rowanmoor Gear Ltd")
    assert answer.cost[0] <= 8, (
        "company, persons and both sides, what is missing; then one request for each system, whatever the entries"
    )


async def test_without_time_counts_say_what_to_ask_instead(sandbox: Sandbox, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        api = await start(sandbox, database_url, stack, deadline_seconds=0.4)
        api.business_central.instead = never
        answer = await api.ask(COUNTED)
    assert answer.data == {"drift": None}
    (error,) = answer.errors
    assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert "Leave out `counts`" in error["message"]


async def never(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    "after", ["x", "WyJDb3VwbGluZ3MiLCJhIiwibm8gaWQiLCIiXQ", "WyJDb3VwbGluZ3MiXQ", "WyJhIiwiXHUwMDAwIl0"]
)
async def test_a_cursor_of_somebody_else_is_refused(api: Api, after: str) -> None:
    assert (await api.ask(DRIFT, {"after": after})).codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("first", [0, 10_000])
async def test_a_page_has_bounds(api: Api, first: int) -> None:
    assert (await api.ask(DRIFT, {"first": first})).codes == ["INVALID_INPUT"]


async def test_who_may_look_and_who_may_repair(api: Api) -> None:
    assert (await api.ask(DRIFT, person=SALES)).errors == []
    assert (await api.ask(DRIFT, person=WIDGET)).codes == ["FORBIDDEN"]
    refused = await api.ask(REPAIR, {"input": {"mapping": "CUSTOMER"}}, person=SALES)
    assert (refused.data, refused.codes) == ({"repairDrift": None}, ["FORBIDDEN"])


@pytest.mark.parametrize("system", ["business_central", "dataverse"])
async def test_a_dead_system_is_no_deletion(api: Api, system: str) -> None:
    getattr(api, system).instead = unreachable
    answer = await api.ask(DRIFT, {"kinds": BROKEN})
    assert (answer.data, answer.codes) == ({"drift": None}, ["BACKEND_UNREACHABLE"])
    repaired = await api.ask(REPAIR, {"input": {"mapping": "CUSTOMER", "dryRun": False}})
    assert repaired.codes == ["BACKEND_UNREACHABLE"]
    assert kinds(await drift(api, kinds=["SKIPPED"])) == [("SKIPPED", story.SKIPPED)], "that is known without them"


# -- repairs ---------------------------------------------------------------------------------------------------------


async def test_a_dry_run_says_everything_and_writes_nothing(own_api: Api) -> None:
    before = await drift(own_api)
    payload = await repair(own_api)
    assert (payload["dryRun"], payload["remaining"], payload["endCursor"]) == (True, False, None)
    assert [(each["kind"], each["action"], each["outcome"]) for each in payload["results"]] == [
        ("BROKEN_DATAVERSE", "DELETE_COUPLING", "WOULD_REPAIR"),
        ("SKIPPED", "UNSKIP", "WOULD_REPAIR"),
    ]
    assert counted(payload) == {"wouldRepair": 2}
    assert await drift(own_api) == before
    assert not any(request.method in ("PATCH", "DELETE") for request in own_api.dataverse.seen)


async def test_what_is_repaired_is_no_longer_there(own_api: Api) -> None:
    payload = await repair(own_api, dryRun=False)
    assert counted(payload) == {"repaired": 2}
    assert await drift(own_api, kinds=[*BROKEN, "SKIPPED"]) == []
    skipped = await coupling_of(own_api, story.SKIPPED)
    assert (skipped.skipped, skipped.error_code, skipped.error_message) == (False, None, None)
    orphaned = await store(own_api).find_by_key(
        Mapping.CUSTOMER, company(own_api), Side.BUSINESS_CENTRAL, [story.ORPHANED]
    )
    assert orphaned == {}
    history = await books(own_api).changes.history_of_record(
        Mapping.CUSTOMER, company(own_api), UUID(await customer_id(own_api, story.ORPHANED)), 10
    )
    assert [(each.event, each.cause, each.by) for each in history] == [("UNCOUPLED", "REPAIRED", "Ada Verhoeven")]
    assert (await repair(own_api, dryRun=False))["results"] == []


async def customer_id(api: Api, number: str) -> str:
    found = await api.in_business_central("GET", f"customers?$filter=number eq '{number}'")
    return str(found["value"][0]["id"])


async def test_the_account_of_a_deleted_customer_loses_its_mark(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.NO_ENTRIES)
    await own_api.in_business_central("DELETE", f"customers({coupling.bc_id})")
    (found,) = await drift(own_api, kinds=["BROKEN_BUSINESS_CENTRAL"])
    assert [each["number"] for each in found["records"]] == [story.NO_ENTRIES] * 2
    assert found["records"][0]["name"] is None, "nobody remembers the name of what is gone"
    payload = await repair(own_api, entries=[found["id"]], dryRun=False)
    assert [each["outcome"] for each in payload["results"]] == ["REPAIRED"]
    row = await own_api.in_dataverse("GET", f"accounts({coupling.crm_id})")
    assert row["_bcbi_companyid_value"] is None
    again = await repair(own_api, entries=[found["id"]], dryRun=False)
    assert [(each["outcome"], each["id"]) for each in again["results"]] == [("GONE", found["id"])]
    assert again["results"][0]["message"] == "This is no longer so: nothing has to be done."


async def test_with_a_customer_the_couplings_of_its_contacts_end_and_that_is_told(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.NO_ENTRIES)
    await own_api.in_business_central("DELETE", f"customers({coupling.bc_id})")
    contacts = await own_api.in_dataverse("GET", f"contacts?$filter=_parentcustomerid_value eq {coupling.crm_id}")
    ids = [UUID(each["contactid"]) for each in contacts["value"]]
    below = await store(own_api).find(Mapping.CONTACT, company(own_api), Side.DATAVERSE, ids)
    assert below
    asked = ["BROKEN_BUSINESS_CENTRAL"]
    (entry,) = await drift(own_api, kinds=asked)
    assert "The couplings of the account's contacts end with it." in entry["hint"]
    dry, wet = await repair(own_api, kinds=asked), await repair(own_api, kinds=asked, dryRun=False)
    also = {(str(each.bc_id), str(each.crm_id)) for each in below.values()}
    for payload in (dry, wet):
        (result,) = payload["results"]
        assert {(each["businessCentralId"], each["dataverseId"]) for each in result["also"]} == also
    assert (counted(dry), counted(wet)) == (
        {"wouldRepair": 1, "also": len(also)},
        {"repaired": 1, "also": len(also)},
    )
    assert await store(own_api).find(Mapping.CONTACT, company(own_api), Side.DATAVERSE, ids) == {}


async def test_an_account_that_only_a_list_leaves_out_is_not_broken(own_api: Api) -> None:
    """Rights hide an account: drift does not call it deleted, and a repair says that it ends nothing."""
    hidden = await coupling_of(own_api, story.HARBOUR)
    inner = own_api.dataverse.inner

    async def hide(request: httpx.Request) -> httpx.Response:
        answer = await inner.handle_async_request(request)
        if request.method != "GET" or not request.url.path.endswith("/accounts"):
            return answer
        body = json.loads(await answer.aread(), parse_float=str)
        rows = [row for row in body["value"] if row["accountid"] != str(hidden.crm_id)]
        return httpx.Response(200, json=body | {"value": rows}, request=request)

    own_api.dataverse.instead = hide
    assert kinds(await drift(own_api, kinds=BROKEN)) == [("BROKEN_DATAVERSE", story.ORPHANED)]
    id = str(GlobalId("Drift.BROKEN_DATAVERSE", company(own_api), hidden.id))
    for asked in ({"entries": [id]}, {"kinds": BROKEN}):
        for dry in (True, False):
            payload = await repair(own_api, **asked, dryRun=dry)
            (result,) = [each for each in payload["results"] if each["id"] == id]
            assert (result["outcome"], result["code"]) == ("FAILED", "RECORD_NOT_VISIBLE")
            assert result["message"].endswith("does not say that it was deleted. Nothing was ended.")
    assert await store(own_api).get(hidden.id) == hidden
    orphaned = await store(own_api).find_by_key(
        Mapping.CUSTOMER, company(own_api), Side.BUSINESS_CENTRAL, [story.ORPHANED]
    )
    assert orphaned == {}, "what was deleted is repaired all the same"


async def test_a_coupling_of_two_deleted_records_is_told_twice_and_ends_once(own_api: Api) -> None:
    gone = unreal(own_api, 1)
    await added(own_api, gone)
    found = await drift(own_api, mapping="UNIT_OF_MEASURE", kinds=BROKEN)
    assert [each["kind"] for each in found] == BROKEN
    assert "which is gone as well" in found[0]["message"]
    payload = await repair(own_api, mapping="UNIT_OF_MEASURE", dryRun=False)
    assert [each["outcome"] for each in payload["results"]] == ["REPAIRED", "REPAIRED"]
    assert await store(own_api).get(gone.id) is None


async def test_nothing_is_taken_for_deleted_on_a_side_that_shows_nothing_at_all(own_api: Api) -> None:
    """Rights were lost, or it is the wrong company: every coupling would be broken."""
    inner = own_api.dataverse.inner

    async def empty(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith("/accounts"):
            return httpx.Response(200, json={"value": []}, request=request)
        return await inner.handle_async_request(request)

    own_api.dataverse.instead = empty
    before = await store(own_api).count(of_mapping(own_api, Mapping.CUSTOMER))
    payload = await repair(own_api, kinds=["BROKEN_DATAVERSE"], dryRun=False)
    assert counted(payload) == {"failed": before - 1, "repaired": 1}, "CRM says itself that one was deleted"
    first = payload["results"][0]
    assert (first["code"], first["outcome"]) == ("RECORD_NOT_VISIBLE", "FAILED")
    assert "rights" in first["hint"]
    assert await store(own_api).count(of_mapping(own_api, Mapping.CUSTOMER)) == before - 1


async def test_what_somebody_has_to_decide_is_left_and_says_so(own_api: Api) -> None:
    entries = [each["id"] for each in await drift(own_api, kinds=["OUT_OF_FILTER", "UNOWNED"])]
    payload = await repair(own_api, entries=entries, dryRun=False)
    assert {(each["action"], each["outcome"]) for each in payload["results"]} == {(None, "NO_REPAIR")}
    assert all(each["hint"] for each in payload["results"])
    assert payload["counters"]["noRepair"] == 4


async def test_only_the_entries_named_are_repaired(own_api: Api) -> None:
    broken, skipped = await drift(own_api, kinds=["BROKEN_DATAVERSE", "SKIPPED"])
    payload = await repair(own_api, entries=[skipped["id"], skipped["id"]], dryRun=False)
    assert [(each["kind"], each["outcome"]) for each in payload["results"]] == [("SKIPPED", "REPAIRED")]
    assert await drift(own_api, kinds=["BROKEN_DATAVERSE", "SKIPPED"]) == [broken]


async def test_what_repairs_cost_does_not_depend_on_how_many(own_api: Api) -> None:
    await added(own_api, *(unreal(own_api, number, Mapping.CUSTOMER) for number in range(3)))
    few = await own_api.ask(REPAIR, {"input": {"mapping": "CUSTOMER", "kinds": BROKEN, "dryRun": False}})
    await added(own_api, *(unreal(own_api, number, Mapping.CUSTOMER) for number in range(90)))
    many = await own_api.ask(REPAIR, {"input": {"mapping": "CUSTOMER", "kinds": BROKEN, "dryRun": False}})
    assert many.data["repairDrift"]["counters"]["repaired"] == 180
    assert many.cost[0] <= few.cost[0]
    assert many.cost[0] <= 6, "both sides, a look at each set, the accounts and contacts that are left"


async def test_a_duplicate_nobody_has_can_be_named_and_stays(own_api: Api) -> None:
    rows = [account(own_api, number) for number in ("NEW-7", "new-7")]
    (found,) = await drift(own_api, kinds=["DUPLICATE"])
    payload = await repair(own_api, entries=[found["id"]], dryRun=False)
    (result,) = payload["results"]
    assert (result["id"], result["kind"], result["outcome"]) == (found["id"], "DUPLICATE", "NO_REPAIR")
    assert (result["message"], result["hint"]) == (found["message"], found["hint"])
    own_api.sandbox.dataverse.update("accounts", str(rows[1]), {"accountnumber": "new-8"})
    (result,) = (await repair(own_api, entries=[found["id"]]))["results"]
    assert (result["id"], result["outcome"]) == (found["id"], "GONE")


async def test_what_is_no_longer_so_is_told_whatever_its_kind(own_api: Api) -> None:
    coupling = await coupling_of(own_api, story.BLOCKED)
    found = (await drift(own_api, kinds=["OUT_OF_FILTER"]))[0]
    await own_api.in_business_central("PATCH", f"customers({coupling.bc_id})", {"blocked": " "})
    payload = await repair(own_api, entries=[found["id"]], dryRun=False)
    (result,) = payload["results"]
    assert (result["id"], result["outcome"], "no longer so" in result["message"]) == (found["id"], "GONE", True)


async def test_every_entry_is_answered_under_its_own_id(own_api: Api) -> None:
    """One is of a kind that is not asked for, one is nobody's."""
    broken, skipped = await drift(own_api, kinds=["SKIPPED", "BROKEN_DATAVERSE"])
    entries = [skipped["id"], broken["id"]]
    entries.append(str(GlobalId("Drift.DuplicateRows", company(own_api), uuid4())))
    entries.append(str(GlobalId("Drift.SKIPPED", company(own_api), uuid4())))
    payload = await repair(own_api, entries=entries, kinds=["SKIPPED", "DUPLICATE"], dryRun=False)
    assert [each["id"] for each in payload["results"]] == entries
    assert [each["outcome"] for each in payload["results"]] == ["REPAIRED", "NOT_ASKED", "GONE", "GONE"]
    assert all(each["message"] for each in payload["results"])
    assert kinds(await drift(own_api, kinds=["BROKEN_DATAVERSE"])) == [("BROKEN_DATAVERSE", story.ORPHANED)]


async def test_unskipping_leaves_what_synchronization_wrote(own_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and repairing a job has written to the coupling."""
    skipped = await coupling_of(own_api, story.SKIPPED)
    real = CouplingChanges.unskip_each

    async def late(self: CouplingChanges, ids: Any) -> Any:
        newer = replace(skipped, crm_etag='W/"99"', last_job_to_crm="job", base={"number": "C1"})
        await self.update_each([newer])
        return await real(self, ids)

    monkeypatch.setattr(CouplingChanges, "unskip_each", late)
    assert counted(await repair(own_api, kinds=["SKIPPED"], dryRun=False)) == {"repaired": 1}
    now = await coupling_of(own_api, story.SKIPPED)
    assert (now.skipped, now.error_code, now.error_message) == (False, None, None)
    assert (now.crm_etag, now.last_job_to_crm, now.base) == ('W/"99"', "job", {"number": "C1"})


async def test_a_cursor_of_another_question_is_refused_instead_of_leading_nowhere(api: Api) -> None:
    rows = write_cursor("DuplicateRows", "", "")
    assert (await api.ask(DRIFT, {"kinds": ["SKIPPED"], "after": rows})).codes == ["INVALID_INPUT"]
    assert (await api.ask(DRIFT, {"mapping": "OPPORTUNITY", "after": rows})).codes == ["INVALID_INPUT"]
    assert (await api.ask(DRIFT, {"kinds": ["DUPLICATE"], "after": rows})).errors == []
    refused = await repair(api, after=rows)
    assert (refused["__typename"], refused["field"]) == ("UserError", "after")


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({"entries": []}, "entries"),
        ({"entries": ["x"] * 201}, "entries"),
        ({"entries": ["x"]}, "id"),
        ({"after": "x"}, "after"),
    ],
)
async def test_what_cannot_be_repaired_is_refused_before_anything_is_read(
    api: Api, input: dict[str, Any], field: str
) -> None:
    answer = await api.ask(REPAIR, {"input": {"mapping": "CUSTOMER", **input}})
    payload = answer.data["repairDrift"]
    assert (payload["__typename"], payload["code"], payload["field"]) == ("UserError", "INVALID_INPUT", field)
    assert answer.cost == (0, 0)


async def test_entries_of_another_mapping_are_refused(api: Api) -> None:
    (found,) = await drift(api, kinds=["SKIPPED"])
    assert (await repair(api, mapping="ITEM", entries=[found["id"]]))["field"] == "entries"
    couplings = await api.ask("{ couplings(mapping: ITEM, first: 1) { nodes { id } } }")
    other = couplings.data["couplings"]["nodes"][0]["id"]
    assert (await repair(api, entries=[other]))["message"] == "This is the id of a Coupling, not of an entry of drift."


# -- creations that broke off --------------------------------------------------------------------------------------------


async def begun(api: Api, number: str, *, ago: timedelta) -> Coupling:
    """What is there between saving the coupling and creating the account."""
    coupling = Coupling(uuid4(), Mapping.CUSTOMER, company(api), UUID(await customer_id(api, number)), uuid4(), number)
    now = datetime.now(UTC)
    intent = Intent(coupling.id, True, now - ago)
    await books(api).changes.apply(Doing("test", now, Cause.CREATED), added=[coupling], begun=intent)
    return coupling


async def test_a_creation_that_broke_off_is_finished(own_api: Api) -> None:
    coupling = await begun(own_api, story.UNCOUPLED, ago=timedelta(hours=1))
    (found,) = await drift(own_api, kinds=["UNFINISHED"])
    assert (found["repair"], found["records"][0]["number"]) == ("FINISH", story.UNCOUPLED)
    assert "broke off" in found["message"]
    assert kinds(await drift(own_api, kinds=BROKEN)) == [("BROKEN_DATAVERSE", story.ORPHANED)], "it is not broken"
    payload = await repair(own_api, entries=[found["id"]], dryRun=False)
    assert [(each["action"], each["outcome"], each["message"]) for each in payload["results"]] == [
        ("FINISH", "REPAIRED", found["message"])
    ]
    row = await own_api.in_dataverse("GET", f"accounts({coupling.crm_id})")
    assert row["name"] == found["records"][0]["name"]
    assert kinds(await drift(own_api, kinds=["UNFINISHED", *BROKEN])) == [("BROKEN_DATAVERSE", story.ORPHANED)]
    assert not await books(own_api).intents.of([coupling.id])


async def test_a_creation_under_way_is_nothing_to_tell_of(own_api: Api) -> None:
    await begun(own_api, story.UNCOUPLED, ago=timedelta(0))
    told = kinds(await drift(own_api))
    assert not any(number == story.UNCOUPLED for _, number in told)


async def test_a_creation_whose_source_is_gone_ends_its_coupling(own_api: Api) -> None:
    coupling = await begun(own_api, story.UNCOUPLED, ago=timedelta(hours=1))
    own_api.sandbox.business_central.delete("customers", str(coupling.bc_id))
    (found,) = await drift(own_api, kinds=["UNFINISHED"])
    assert "was deleted since" in found["message"]
    payload = await repair(own_api, kinds=["UNFINISHED"], dryRun=False)
    assert payload["counters"]["repaired"] == 1
    assert await store(own_api).get(coupling.id) is None
    assert not await books(own_api).intents.of([coupling.id])


async def test_a_creation_that_still_cannot_be_done_says_why_and_stays(own_api: Api) -> None:
    coupling = await begun(own_api, story.UNCOUPLED, ago=timedelta(hours=1))
    await own_api.in_business_central(
        "PATCH", f"customers({coupling.bc_id})", {"salespersonCode": story.UNCOUPLED_SALESPERSON}
    )
    payload = await repair(own_api, kinds=["UNFINISHED"], dryRun=False)
    (result,) = payload["results"]
    assert (result["outcome"], result["code"]) == ("FAILED", "SALESPERSON_NOT_COUPLED")
    assert "coupleSalespersons" in result["hint"]
    assert await books(own_api).intents.of([coupling.id])
