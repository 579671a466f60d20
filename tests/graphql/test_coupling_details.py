"""What a coupling tells of its two records: differences, who moved, what is gone, history and links; and what that costs."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.changes import CouplingChanges, Move
from gateway.couplings.coupling import Cause, Coupling, Doing, Mapping
from gateway.errors import DatabaseError
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES
from gateway.sync.links import WebClients
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.graphql.api import Api
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

DIFFERENCES = "differences { field label businessCentral dataverse synchronized changedSide direction enabled }"
EVENTS = """{ event cause at by job businessCentralId dataverseId businessCentralKey dataverseKey
    previousBusinessCentralId previousDataverseId }"""


async def of_customer(api: Api, number: str, fields: str) -> dict[str, Any]:
    answer = await api.ask(f'{{ customer(by: {{number: "{number}"}}) {{ coupling {{ {fields} }} }} }}')
    assert answer.errors == []
    coupling: dict[str, Any] = answer.data["customer"]["coupling"]
    return coupling


def phone(change: story.Change, side: str) -> dict[str, Any]:
    return {
        "field": "phoneNumber",
        "label": "Phone No.",
        "businessCentral": change.business_central,
        "dataverse": change.dataverse,
        "synchronized": change.synchronized,
        "changedSide": side,
        "direction": "BIDIRECTIONAL",
        "enabled": True,
    }


@pytest.mark.parametrize(
    ("number", "change", "side"),
    [
        (story.CONFLICT, story.CONFLICT_PHONE, "BOTH"),
        (story.CHANGED_IN_BC, story.BC_PHONE, "BUSINESS_CENTRAL"),
        (story.CHANGED_IN_CRM, story.CRM_PHONE, "DATAVERSE"),
    ],
)
async def test_which_side_changed_what(api: Api, number: str, change: story.Change, side: str) -> None:
    coupling = await of_customer(api, number, f"{DIFFERENCES} brokenSide businessCentralName dataverseName")
    assert coupling["differences"] == [phone(change, side)]
    assert coupling["brokenSide"] is None
    assert coupling["businessCentralName"] == coupling["dataverseName"]


async def test_an_item_that_was_renamed_on_both_sides(api: Api) -> None:
    answer = await api.ask(f'{{ item(by: {{number: "{story.ITEM_CONFLICT}"}}) {{ coupling {{ {DIFFERENCES} }} }} }}')
    (found,) = answer.data["item"]["coupling"]["differences"]
    assert (found["field"], found["label"], found["changedSide"]) == ("displayName", "Description", "BOTH")
    assert (found["businessCentral"], found["dataverse"]) == (
        story.ITEM_NAME.business_central,
        story.ITEM_NAME.dataverse,
    )
    assert found["synchronized"] == story.ITEM_NAME.synchronized


async def test_records_that_are_alike_have_no_differences(api: Api) -> None:
    assert (await of_customer(api, story.HARBOUR, DIFFERENCES))["differences"] == []


async def test_people_are_shown_by_their_code_or_their_name(api: Api) -> None:
    """And without a synchronized value, the moments of change tell who moved."""
    owned = await of_customer(api, story.OWNER_GAP, DIFFERENCES)
    (found,) = owned["differences"]
    assert (found["field"], found["businessCentral"], found["dataverse"]) == ("salespersonCode", "AB", "Ruben Castell")
    assert (found["synchronized"], found["changedSide"]) == (None, "DATAVERSE")
    gap = await of_customer(api, story.SALESPERSON_GAP, DIFFERENCES)
    assert [(each["businessCentral"], each["dataverse"]) for each in gap["differences"]] == [("KT", "EV")]
    assert gap["differences"][0]["changedSide"] == "BUSINESS_CENTRAL"


async def test_currencies_are_shown_by_their_codes(api: Api) -> None:
    skipped = await of_customer(api, story.SKIPPED, DIFFERENCES)
    (found,) = [each for each in skipped["differences"] if each["field"] == "currencyCode"]
    assert (found["businessCentral"], found["dataverse"]) == ("PLN", "EUR")


# -- what is gone, what does not answer --------------------------------------------------------------------------------------


async def test_a_deleted_side_is_told_without_an_error(api: Api) -> None:
    coupling = await of_customer(
        api,
        story.ORPHANED,
        f"{DIFFERENCES} brokenSide businessCentralName dataverseName account {{ name }} dataverseUrl",
    )
    assert (coupling["brokenSide"], coupling["differences"]) == ("DATAVERSE", None)
    assert (coupling["dataverseName"], coupling["account"]) == (None, None)
    assert coupling["businessCentralName"] is not None


@pytest.mark.parametrize("way", ["business_central", "dataverse"])
async def test_a_dead_backend_is_told_once_and_the_rest_arrives(own_api: Api, way: str) -> None:
    getattr(own_api, way).instead = unreachable
    answer = await own_api.ask(
        f"""{{ couplings(mapping: CUSTOMER, first: 5) {{ nodes {{
            lastSynchronizedAt businessCentralName dataverseName {DIFFERENCES} brokenSide dataverseUrl }} }} }}"""
    )
    nodes = answer.data["couplings"]["nodes"]
    assert answer.codes == ["BACKEND_UNREACHABLE"]
    assert {node["differences"] for node in nodes} == {node["brokenSide"] for node in nodes} == {None}
    names = {"business_central": "dataverseName", "dataverse": "businessCentralName"}
    assert all(node[names[way]] is not None for node in nodes)
    assert all(node["lastSynchronizedAt"] is not None and node["dataverseUrl"] is not None for node in nodes)


async def test_look_ups_that_cannot_be_read_are_told_once(own_api: Api) -> None:
    inner = own_api.business_central.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.rpartition("/")[2] != "salespeoplePurchasers":
            return await inner.handle_async_request(request)
        return httpx.Response(500, json={"error": {"code": "Internal", "message": "It broke."}}, request=request)

    own_api.business_central.instead = respond
    question = f"{{ couplings(mapping: CUSTOMER, first: 5) {{ nodes {{ businessCentralName {DIFFERENCES} }} }} }}"
    answer = await own_api.ask(question)
    assert answer.codes == ["BACKEND_FAILED"]
    nodes = answer.data["couplings"]["nodes"]
    assert {node["differences"] for node in nodes} == {None}
    assert all(node["businessCentralName"] for node in nodes)


# -- history -----------------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)


async def moved(api: Api) -> tuple[Coupling, Coupling]:
    """A coupling that was made, moved and ended; and one that was made only."""
    changes = CouplingChanges(api.app.state.running.engine)
    company = UUID(api.sandbox.company.company_id)
    first, second = (
        Coupling(uuid4(), Mapping.CONTACT, company, uuid4(), uuid4(), bc_key=f"CT{n}", crm_key=f"{n}@example.example")
        for n in (1, 2)
    )
    doing = Doing("Ada Admin", NOON, Cause.MANUAL)
    await changes.apply(doing, added=[first, second])
    now = first.moved(first.bc_id, uuid4(), bc_key="CT1", crm_key=None)
    await changes.apply(replace(doing, cause=Cause.REPAIRED, job=uuid4()), moved=[Move(first, now)])
    return now, second


async def test_the_history_of_a_coupling_newest_first(own_api: Api) -> None:
    coupling, _ = await moved(own_api)
    question = f"""query ($id: UUID!) {{ coupling(by: {{businessCentral: {{mapping: CONTACT, id: $id}}}}) {{
        all: history {EVENTS} newest: history(first: 1) {{ event }} }} }}"""
    answer = await own_api.ask(question, {"id": str(coupling.bc_id)})
    assert answer.errors == []
    found = answer.data["coupling"]
    assert found["newest"] == [{"event": "MOVED"}]
    last, first = found["all"]
    assert (first["event"], first["cause"], first["by"], first["job"]) == ("COUPLED", "MANUAL", "Ada Admin", None)
    assert (first["businessCentralKey"], first["dataverseKey"]) == ("CT1", "1@example.example")
    assert (last["event"], last["cause"], last["dataverseId"]) == ("MOVED", "REPAIRED", str(coupling.crm_id))
    assert (last["previousBusinessCentralId"], last["previousDataverseId"]) == (
        str(coupling.bc_id),
        first["dataverseId"],
    )
    assert last["job"] is not None


async def test_of_a_long_history_only_what_is_shown_is_read(own_api: Api) -> None:
    """Each coupling has its own newest lines, however much happened to the others."""
    now, other = await moved(own_api)
    changes = CouplingChanges(own_api.app.state.running.engine)
    for _ in range(30):
        was, now = now, now.moved(now.bc_id, uuid4(), bc_key="CT1", crm_key=None)
        await changes.apply(Doing("Ada Admin", NOON, Cause.MANUAL), moved=[Move(was, now)])
    found = await changes.history([now.id, other.id], 3)
    assert [[each.event for each in found[id]] for id in (now.id, other.id)] == [["MOVED"] * 3, ["COUPLED"]]
    assert found[now.id][0].crm_id == now.crm_id
    question = """query ($id: UUID!) { coupling(by: {businessCentral: {mapping: CONTACT, id: $id}}) {
        history { event } few: history(first: 2) { event } many: history(first: 100) { event } } }"""
    answer = (await own_api.ask(question, {"id": str(now.bc_id)})).data["coupling"]
    assert [len(answer[name]) for name in ("history", "few", "many")] == [20, 2, 32]


async def test_the_history_of_a_page_is_one_question_to_the_database(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moved(own_api)
    asked: list[tuple[int, int]] = []
    real = CouplingChanges.history

    async def counted(self: CouplingChanges, ids: Any, limit: int) -> Any:
        asked.append((len(set(ids)), limit))
        return await real(self, ids, limit)

    monkeypatch.setattr(CouplingChanges, "history", counted)
    answer = await own_api.ask(
        "{ couplings(first: 50) { nodes { history { event } again: history(first: 2) { by } } } }"
    )
    assert answer.errors == []
    assert asked == [(50, 20)]
    assert answer.cost == (0, 0)


async def test_a_database_that_cannot_be_used_is_told_once(own_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: CouplingChanges, ids: Any, limit: int) -> Any:
        raise DatabaseError("The gateway's own database cannot be used now.")

    monkeypatch.setattr(CouplingChanges, "history", broken)
    answer = await own_api.ask("{ couplings(first: 5) { nodes { skipped history { event } } } }")
    assert answer.codes == ["DATABASE_UNAVAILABLE"]
    assert {node["history"] for node in answer.data["couplings"]["nodes"]} == {None}


@pytest.mark.parametrize("first", [0, 101])
async def test_how_many_events_can_be_asked_for(api: Api, first: int) -> None:
    answer = await api.ask(f"{{ couplings(first: 1) {{ nodes {{ history(first: {first}) {{ event }} }} }} }}")
    assert answer.codes == ["INVALID_INPUT"]


async def test_the_history_of_a_record_outlives_its_coupling(own_api: Api) -> None:
    coupling, _ = await moved(own_api)
    changes = CouplingChanges(own_api.app.state.running.engine)
    await changes.apply(Doing("Ada Admin", NOON, Cause.MANUAL), removed=[coupling])
    question = f"""query ($bc: UUID, $crm: UUID) {{
        couplingHistory(mapping: CONTACT, businessCentral: $bc, dataverse: $crm) {EVENTS} }}"""
    answer = await own_api.ask(question, {"bc": str(coupling.bc_id)})
    assert [each["event"] for each in answer.data["couplingHistory"]] == ["UNCOUPLED", "MOVED", "COUPLED"]
    by_row = await own_api.ask(question, {"crm": answer.data["couplingHistory"][2]["dataverseId"]})
    assert [each["event"] for each in by_row.data["couplingHistory"]] == ["MOVED", "COUPLED"]
    assert (await own_api.ask(question)).codes == ["INVALID_INPUT"]
    both = {"bc": str(coupling.bc_id), "crm": str(coupling.crm_id)}
    assert (await own_api.ask(question, both)).codes == ["INVALID_INPUT"]
    refused = await own_api.ask(question, {"bc": str(coupling.bc_id)}, person=SALES, explain=False)
    assert refused.codes == ["FORBIDDEN"]


# -- links -------------------------------------------------------------------------------------------------------------------


async def test_links_into_both_systems(own_api: Api) -> None:
    links = "businessCentralId dataverseId businessCentralUrl dataverseUrl"
    root = own_api.sandbox.addresses.dataverse
    coupling = await of_customer(own_api, story.QUOTED_NUMBER, links)
    row = f"{root}/main.aspx?pagetype=entityrecord&etn=account&id={coupling['dataverseId']}"
    assert (coupling["businessCentralUrl"], coupling["dataverseUrl"]) == (None, row)
    serving = own_api.app.state.serving
    web = WebClients("https://businesscentral.dynamics.com/tenant/Production", root)
    own_api.app.state.serving = replace(serving, services=replace(serving.services, web=web))
    coupling = await of_customer(own_api, story.QUOTED_NUMBER, links)
    assert coupling["businessCentralUrl"] == (
        "https://businesscentral.dynamics.com/tenant/Production/?company=Wheelhouse%20Supply&page=21"
        "&filter=%27No.%27%20IS%20%27C%27%270099%27"
    )
    answer = await own_api.ask("{ couplings(mapping: ITEM, first: 50) { nodes { businessCentralUrl } } }")
    assert all("page=30" in node["businessCentralUrl"] for node in answer.data["couplings"]["nodes"])
    assert answer.cost == (1, 1), "the company's name is known by now"


# -- every mapping, and what it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapping", list(TABLE_MAPPINGS))
async def test_every_mapping_is_compared(api: Api, mapping: Mapping) -> None:
    question = f"""{{ couplings(mapping: {mapping}, first: 50) {{ nodes {{
        brokenSide businessCentralName dataverseName dataverseUrl {DIFFERENCES} }} }} }}"""
    cold = await api.ask(question)
    assert cold.errors == []
    assert all(node["businessCentralName"] for node in cold.data["couplings"]["nodes"])
    assert cold.cost[0] <= 8
    warm = await api.ask(question)
    assert warm.data == cold.data
    assert warm.cost[0] <= 5


async def test_couplings_of_all_mappings_on_one_page(api: Api) -> None:
    """One request for each set that has rows on the page, and those that look-ups lead to."""
    answer = await api.ask(f"{{ couplings(first: 200) {{ nodes {{ mapping {DIFFERENCES} }} }} }}")
    assert answer.errors == []
    assert answer.cost[0] <= 14 + 6


async def test_the_name_of_one_side_costs_one_request(api: Api) -> None:
    answer = await api.ask("{ couplings(mapping: CUSTOMER, first: 50) { nodes { dataverseName } } }")
    assert answer.cost == (1, 1)


async def test_the_same_field_at_two_places_of_the_answer(api: Api) -> None:
    answer = await api.ask(
        f"""{{ couplings(mapping: CUSTOMER, first: 5) {{
            nodes {{ {DIFFERENCES} businessCentralName }} edges {{ node {{ businessCentralName {DIFFERENCES} }} }} }} }}"""
    )
    assert answer.errors == []
    page = answer.data["couplings"]
    assert [edge["node"] for edge in page["edges"]] == [
        {name: node[name] for name in ("businessCentralName", "differences")} for node in page["nodes"]
    ]


async def test_a_contact_of_crm(api: Api) -> None:
    question = "{ couplings(mapping: CONTACT, first: 1) { nodes { crmContact { fullName } dataverseName } } }"
    (node,) = (await api.ask(question)).data["couplings"]["nodes"]
    assert node["crmContact"]["fullName"] == node["dataverseName"]
