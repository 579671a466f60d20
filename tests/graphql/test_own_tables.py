"""Tables of an installation's own in a place that waits for them: everything a shipped mapping does, they do."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.config import ActsAs
from gateway.couplings.coupling import Mapping
from gateway.errors import ConfigError
from gateway.sandbox.app import open_sandbox
from tests.graphql.api import Api, start
from tests.graphql.runs import Runs

pytestmark = pytest.mark.anyio

COUNTED = ("inserted", "modified", "deleted", "unchanged", "skipped", "failed", "coupled", "uncoupled")
NOTHING = dict.fromkeys(COUNTED, 0)

PAGE = Path(__file__).parents[2] / "docs" / "mappings.md"


def example() -> str:
    """The file that docs/mappings.md shows."""
    section = PAGE.read_text(encoding="utf-8").partition("## Tables of your own")[2]
    return section.partition("```toml\n")[2].partition("```")[0]


METHODS: dict[str, Any] = {
    "place": "OWN_2",
    "label": "PAYMENT METHOD-PRICE LIST",
    "direction": "TO_INTEGRATION_TABLE",
    "only_coupled": False,
    "business_central": {
        "entity_set": "paymentMethods",
        "noun": "payment method",
        "name": "displayName",
        "number": "code",
    },
    "dataverse": {"entity_set": "pricelevels", "table": "pricelevel", "noun": "price list", "name": "name"},
    "fields": [
        {"label": "Code", "business_central": "code", "dataverse": "name", "kind": "CODE", "dataverse_length": 100},
    ],
}
REFERENCE = {
    "mapping": "CUSTOMER",
    "label": "Payment Method",
    "business_central": "paymentMethodId",
    "dataverse": "_defaultpricelevelid_value",
    "kind": "LOOKUP",
    "lookup": "OWN_2",
    "direction": "TO_INTEGRATION_TABLE",
}


class Installation:
    """A sandbox and a database, and a gateway over them with one file after another."""

    def __init__(self, folder: Path, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.stack, self.monkeypatch = folder, stack, monkeypatch
        self.running = AsyncExitStack()
        self.sandbox = open_sandbox("http://localhost", folder=folder / "sandbox")
        stack.callback(self.sandbox.close)

    async def runs(self, file: str | None = None, *, personal: bool = False, **said: Any) -> Runs:
        """The gateway with this file, or with what it would say; the one before is closed."""
        await self.running.aclose()
        self.running = await self.stack.enter_async_context(AsyncExitStack())
        path = self.folder / ("mappings.toml" if file is not None else "mappings.json")
        path.write_text(file if file is not None else json.dumps(said), encoding="utf-8")
        self.monkeypatch.setenv("GATEWAY_MAPPINGS_FILE", str(path))
        settings: dict[str, Any] = {"dataverse_as": ActsAs.ON_BEHALF_OF} if personal else {}
        api = await start(self.sandbox, f"sqlite+aiosqlite:///{self.folder / 'gateway.db'}", self.running, **settings)
        return Runs(api)


@pytest.fixture
async def installation(
    unused_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    shutil.copytree(unused_files, tmp_path, dirs_exist_ok=True)
    async with AsyncExitStack() as stack:
        yield Installation(tmp_path, stack, monkeypatch)


async def locations(api: Api) -> dict[str, Any]:
    found = await api.in_business_central("GET", "locations")
    return {each["code"]: each for each in found["value"]}


async def accounts(api: Api) -> dict[str, Any]:
    found = await api.in_dataverse("GET", "accounts?$filter=customertypecode eq 12")
    return {each["accountnumber"]: each for each in found["value"]}


async def question(api: Api, query: str, **variables: Any) -> Any:
    answer = await api.ask(query, variables, explain=False)
    assert answer.errors == []
    return answer.data


async def test_the_example_of_the_page_is_synchronized_both_ways(installation: Installation) -> None:
    runs = await installation.runs(example())
    api = runs.api
    there = await locations(api)
    run = await runs.modified("OWN_1")
    assert (run["status"], run["counters"]) == ("SUCCEEDED", NOTHING | {"inserted": len(there), "coupled": len(there)})
    made = await accounts(api)
    assert {code: each["name"] for code, each in made.items()} == {
        code: each["displayName"] for code, each in there.items()
    }
    code = min(made)
    row, record = f"accounts({made[code]['accountid']})", f"locations({there[code]['id']})"
    assert made[code]["_bcbi_companyid_value"] is not None
    assert made[code]["_owningteam_value"] is not None
    await api.in_dataverse("PATCH", row, {"address1_city": "Delft"})
    await api.in_business_central("PATCH", record, {"displayName": "New Name", "country": "nl"})
    coupling = await runs.of(Mapping.OWN_1, there[code]["id"])
    assert coupling is not None
    shown = await question(
        api,
        """{ couplings(mapping: OWN_1) { nodes { id businessCentralKey businessCentralName dataverseName brokenSide
             businessCentralUrl dataverseUrl differences { field } } } }""",
    )
    (mine,) = [each for each in shown["couplings"]["nodes"] if each["businessCentralKey"] == code]
    assert {each["field"] for each in mine["differences"]} == {"city", "country", "displayName"}
    assert (mine["businessCentralName"], mine["brokenSide"]) == ("New Name", None)
    assert f"etn=account&id={coupling.crm_id}" in mine["dataverseUrl"]
    (step,) = await runs.plan(mine["id"])
    assert (step["toBusinessCentral"], step["toDataverse"]) == (["city"], ["country", "displayName"])
    assert (await runs.modified("OWN_1"))["counters"] == NOTHING | {"modified": 1}
    assert (await locations(api))[code]["city"] == "Delft"
    now = (await accounts(api))[code]
    assert (now["name"], now["address1_country"]) == ("New Name", "NL")
    assert (await runs.modified("OWN_1"))["counters"] == NOTHING


async def test_conflicts_go_by_the_file_until_somebody_changes_that(installation: Installation) -> None:
    runs = await installation.runs(example())
    api = runs.api
    await runs.modified("OWN_1")
    code = min(await locations(api))
    row, record = (
        f"accounts({(await accounts(api))[code]['accountid']})",
        f"locations({(await locations(api))[code]['id']})",
    )

    async def both(bc: str, crm: str) -> tuple[str, str]:
        await api.in_dataverse("PATCH", row, {"name": crm})
        await api.in_business_central("PATCH", record, {"displayName": bc})
        await runs.modified("OWN_1")
        return (await locations(api))[code]["displayName"], (await accounts(api))[code]["name"]

    assert await both("A", "B") == ("A", "A")
    changed = await runs.update(mapping="OWN_1", updateConflict="DATAVERSE_WINS")
    assert changed["tableMapping"]["changed"] is True
    assert await both("C", "D") == ("D", "D")
    reset = await runs.update(mapping="OWN_1", reset=True)
    assert (reset["tableMapping"]["updateConflict"], reset["tableMapping"]["changed"]) == (
        "BUSINESS_CENTRAL_WINS",
        False,
    )


async def test_a_page_costs_the_same_whatever_its_length(installation: Installation) -> None:
    """No request is made for a single record: twelve new ones and twelve changed ones cost what one does."""
    runs = await installation.runs(example())
    api = runs.api

    async def cost() -> tuple[int, int]:
        before = len(api.business_central.seen), len(api.dataverse.seen)
        await runs.modified("OWN_1")
        return len(api.business_central.seen) - before[0], len(api.dataverse.seen) - before[1]

    async def add(*codes: str) -> None:
        for code in codes:
            await api.in_business_central("POST", "locations", {"code": code, "displayName": f"Depot {code}"})

    async def change(*codes: str) -> None:
        there = await locations(api)
        for code in codes:
            await api.in_business_central("PATCH", f"locations({there[code]['id']})", {"city": f"City of {code}"})

    await cost()
    await cost()
    many = [f"D{number:02}" for number in range(1, 13)]
    await add("D00")
    one_new = await cost()
    await cost()
    await add(*many)
    assert await cost() == one_new
    await cost()
    await change("D00")
    one_changed = await cost()
    await cost()
    await change(*many)
    assert await cost() == one_changed


COUPLE_BY_MATCH = """
mutation ($input: CoupleByMatchInput!) {
  coupleByMatch(input: $input) { ... on MatchPlanSuccess { plan { id } } ... on UserError { code message } }
}
"""


async def test_records_are_coupled_by_hand_and_by_match_and_uncoupled(installation: Installation) -> None:
    runs = await installation.runs(example().replace("only_coupled = false", "only_coupled = true"))
    api = runs.api
    there = await locations(api)
    first, second = sorted(there)[:2]
    for code in (first, second):
        body = {"accountnumber": code, "name": there[code]["displayName"], "customertypecode": 12}
        await api.in_dataverse("POST", "accounts", body)
    made = await accounts(api)
    coupled = await runs.coupled(
        mapping="OWN_1", businessCentral={"number": first}, dataverse={"id": made[first]["accountid"]}
    )
    assert coupled["coupling"]["mapping"] == "OWN_1"
    refused = await runs.refused(
        mapping="OWN_1", businessCentral={"number": first}, dataverse={"id": made[second]["accountid"]}
    )
    assert refused["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    fields = await question(api, "{ matchFields(mapping: OWN_1) { name defaultPriority } }")
    assert {
        each["name"]: each["defaultPriority"] for each in fields["matchFields"] if each["defaultPriority"] is not None
    } == {
        "code": 0,
        "displayName": 1,
    }
    asked = {"mapping": "OWN_1", "direction": "BUSINESS_CENTRAL_TO_DATAVERSE"}
    plan = (await question(api, COUPLE_BY_MATCH, input=asked))["coupleByMatch"]["plan"]["id"]
    await runs.jobs.jobs.wait(f"match-{plan}")
    found = await question(
        api,
        """query ($id: UUID!) { matchPlan(id: $id) { criteria { field } counts { matched }
           proposals { nodes { record { kind number } } } } }""",
        id=plan,
    )
    assert found["matchPlan"]["counts"]["matched"] == 1
    assert {each["record"]["kind"] for each in found["matchPlan"]["proposals"]["nodes"]} == {"location"}
    answer = await runs.uncouple(coupled["coupling"]["id"])
    assert answer.errors == []
    assert await runs.of(Mapping.OWN_1, there[first]["id"]) is None


async def test_a_deleted_row_is_restored(installation: Installation) -> None:
    runs = await installation.runs(example())
    api = runs.api
    await runs.modified("OWN_1")
    code = min(await locations(api))
    await api.in_dataverse("DELETE", f"accounts({(await accounts(api))[code]['accountid']})")
    await runs.update(mapping="OWN_1", deletionConflict="RESTORE_RECORDS")
    await api.in_business_central("PATCH", f"locations({(await locations(api))[code]['id']})", {"city": "Delft"})
    await runs.modified("OWN_1")
    assert (await accounts(api))[code]["address1_city"] == "Delft"


async def test_other_mappings_look_things_up_through_it(installation: Installation) -> None:
    runs = await installation.runs(tables=[METHODS], fields=[REFERENCE])
    api = runs.api
    shown = await question(api, "{ tableMappings { mapping name dependsOn } }")
    names = [each["mapping"] for each in shown["tableMappings"]]
    assert names.index("OWN_2") < names.index("CUSTOMER"), "what is looked up comes first"
    await runs.modified("OWN_2")
    await runs.modified()
    await runs.modified()
    methods = (await api.in_business_central("GET", "paymentMethods"))["value"]
    method = methods[0]
    bc, crm = await runs.both("C00210")
    await api.in_business_central("PATCH", bc, {"paymentMethodId": method["id"]})
    await runs.modified()
    coupling = await runs.of(Mapping.OWN_2, method["id"])
    assert coupling is not None
    assert UUID((await api.in_dataverse("GET", crm))["_defaultpricelevelid_value"]) == coupling.crm_id


async def test_what_the_installation_has_is_listed_and_scheduled(installation: Installation) -> None:
    runs = await installation.runs(example())
    query = (
        "{ tableMappings { mapping name tableNo updateConflict } synchronizationSchedules { mapping task enabled } }"
    )
    shown = await question(runs.api, query)
    own = [each for each in shown["tableMappings"] if each["mapping"].startswith("OWN")]
    assert own == [
        {
            "mapping": "OWN_1",
            "name": "LOCATION-ACCOUNT",
            "tableNo": 14,
            "updateConflict": "BUSINESS_CENTRAL_WINS",
        }
    ]
    scheduled = [each for each in shown["synchronizationSchedules"] if each["mapping"].startswith("OWN")]
    assert {(each["mapping"], each["task"], each["enabled"]) for each in scheduled} == {
        ("OWN_1", "SYNCHRONIZE", True),
        ("OWN_1", "RECONCILE", True),
    }


@pytest.mark.parametrize(
    "query",
    [
        "{ couplings(mapping: OWN_9) { nodes { id } } }",
        "{ matchFields(mapping: OWN_9) { name } }",
        "{ synchronizationJobs(mapping: OWN_9) { id } }",
        "{ synchronizationErrors(mapping: OWN_9) { nodes { code } } }",
        "{ couplingsCsv(mapping: OWN_9) { csv } }",
        "{ drift(mapping: OWN_9) { nodes { kind } } }",
        "{ ownerReadiness(mapping: [OWN_9]) { nodes { mapping } } }",
        "mutation { startFullSynchronization(input: {mapping: OWN_9}) { ... on UserError { code } } }",
        "mutation { synchronizeModified(input: {mapping: OWN_9}) { ... on UserError { code } } }",
        "mutation { updateTableMapping(input: {mapping: OWN_9, enabled: false}) { ... on UserError { code } } }",
        'mutation { updateFieldMapping(input: {mapping: OWN_9, field: "x"}) { ... on UserError { code } } }',
        "mutation { updateSchedule(input: {task: SYNCHRONIZE, mapping: OWN_9}) { ... on UserError { code } } }",
        "mutation { runSchedule(input: {task: SYNCHRONIZE, mapping: OWN_9}) { ... on UserError { code } } }",
        "mutation { uncoupleMapping(input: {mapping: OWN_9}) { ... on UserError { code } } }",
        """mutation { coupleByMatch(input: {mapping: OWN_9, direction: BUSINESS_CENTRAL_TO_DATAVERSE}) {
             ... on UserError { code } } }""",
        "mutation { retrySynchronization(input: {mapping: OWN_9}) { ... on UserError { code } } }",
        """mutation { coupleRecords(input: {mapping: OWN_9, businessCentral: {number: "1"}, dataverse: {number: "1"}}) {
             ... on UserError { code } } }""",
    ],
)
async def test_a_place_that_nobody_filled_is_refused_wherever_it_is_named(own_api: Api, query: str) -> None:
    answer = await own_api.ask(query, explain=False)
    told = [each.get("code") for each in (answer.data or {}).values() if isinstance(each, dict)]
    assert [*answer.codes, *filter(None, told)] == ["INVALID_INPUT"], answer.body


async def test_a_place_with_couplings_gets_no_other_meaning(installation: Installation) -> None:
    """And once it is empty, it may: nothing of the tables before is kept."""
    runs = await installation.runs(example())
    await runs.modified("OWN_1")
    other = METHODS | {"place": "OWN_1"}
    with pytest.raises(ConfigError) as told:
        await installation.runs(tables=[other])
    (problem,) = told.value.problems
    assert "OWN_1 has" in problem
    assert "locations and accounts" in problem
    runs = await installation.runs(example())
    ended = await question(
        runs.api,
        "mutation { uncoupleMapping(input: {mapping: OWN_1}) { ... on UncoupleMappingSuccess { job { id } } } }",
    )
    await runs.jobs.jobs.wait(ended["uncoupleMapping"]["job"]["id"])
    again = await installation.runs(tables=[other])
    run = await again.modified("OWN_1")
    methods = (await again.api.in_business_central("GET", "paymentMethods"))["value"]
    assert run["counters"] == NOTHING | {"inserted": len(methods), "coupled": len(methods)}


async def test_what_a_place_left_is_shown_and_waits(installation: Installation) -> None:
    runs = await installation.runs(example())
    await runs.modified("OWN_1")
    left = await installation.runs(tables=[METHODS])
    query = '{ couplings(keyStartsWith: "EAST") { nodes { mapping } } tableMappings { mapping } }'
    shown = await question(left.api, query)
    assert [each["mapping"] for each in shown["couplings"]["nodes"]] == ["OWN_1"]
    assert "OWN_1" not in {each["mapping"] for each in shown["tableMappings"]}
    again = await installation.runs(example())
    assert (await again.modified("OWN_1"))["counters"] == NOTHING


async def test_where_rights_decide_nothing_of_what_a_place_left_is_shown_of_crm(installation: Installation) -> None:
    """Nobody knows any more which table could be asked whether the caller may see the row; with its table, it is asked."""
    query = '{ couplings(keyStartsWith: "EAST") { nodes { businessCentralKey dataverseKey dataverseId } } }'
    await (await installation.runs(example())).modified("OWN_1")
    known = await question((await installation.runs(example(), personal=True)).api, query)
    assert [each["dataverseKey"] for each in known["couplings"]["nodes"]] == ["EAST"]
    left = await question((await installation.runs(tables=[METHODS], personal=True)).api, query)
    assert left["couplings"]["nodes"] == [{"businessCentralKey": "EAST", "dataverseKey": None, "dataverseId": None}]
