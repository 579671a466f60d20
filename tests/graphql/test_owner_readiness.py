"""Owner readiness: which records fail to synchronize because of a person who is not coupled."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import CouplingStore, Side
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from schema.cursors import write_cursor
from tests.graphql.api import Api
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

LIST = """
query ($mapping: [Mapping!], $first: Int! = 200, $after: String) {
  ownerReadiness(mapping: $mapping, first: $first, after: $after) {
    nodes { mapping to coupled reason hint record { system kind number name } person { kind number } }
    edges { cursor } pageInfo { hasNextPage endCursor } } }
"""
WHOLE = """
query ($mapping: [Mapping!], $first: Int! = 200, $after: String) {
  ownerReadiness(mapping: $mapping, first: $first, after: $after) {
    nodes { record { number } }
    counts { mapping toDataverse toBusinessCentral notCoupled }
    gaps { side reason message hint records coupledRecords person { number } candidate { kind number } } } }
"""


async def readiness(api: Api, query: str = LIST, **asked: Any) -> Any:
    answer = await api.ask(query, asked)
    assert answer.errors == []
    return answer.data["ownerReadiness"]


def told(found: Any) -> list[tuple[str, str, str, str]]:
    return [
        (each["mapping"], each["record"]["number"], each["reason"], each["person"]["number"]) for each in found["nodes"]
    ]


async def customer(api: Api, number: str) -> Any:
    return (await api.in_business_central("GET", f"customers?$filter=number eq '{number}'"))["value"][0]


async def assigned(api: Api, number: str, code: str) -> None:
    """A customer gets a salesperson."""
    id = (await customer(api, number))["id"]
    await api.in_business_central("PATCH", f"customers({id})", {"salespersonCode": code})


async def account_of(api: Api, number: str) -> str:
    store: CouplingStore = api.app.state.running.services.couplings
    company = UUID(api.sandbox.company.company_id)
    found = await store.find_by_key(Mapping.CUSTOMER, company, Side.BUSINESS_CENTRAL, [number])
    return str(next(iter(found.values())).crm_id)


async def test_each_record_names_the_person_it_fails_because_of(api: Api) -> None:
    found = await readiness(api)
    quirin = found["nodes"][2]["record"]["number"]
    assert told(found) == [
        ("CUSTOMER", story.SALESPERSON_GAP, "SALESPERSON_NOT_COUPLED", story.UNCOUPLED_SALESPERSON),
        ("CUSTOMER", story.OWNER_GAP, "OWNER_NOT_COUPLED", story.UNCOUPLED_OWNER),
        ("CONTACT", quirin, "OWNER_NOT_COUPLED", story.UNCOUPLED_OWNER),
    ]
    assert [each["to"] for each in found["nodes"]] == ["DATAVERSE", "BUSINESS_CENTRAL", "BUSINESS_CENTRAL"]
    assert all(each["coupled"] and each["hint"] for each in found["nodes"])


async def given_to(api: Api, number: str, email: str) -> None:
    """The account of a customer gets another owner."""
    users = api.sandbox.dataverse.select("systemusers")
    owner = next(row["systemuserid"] for row in users if row["internalemailaddress"] == email)
    body = {"ownerid@odata.bind": f"/systemusers({owner})"}
    await api.in_dataverse("PATCH", f"accounts({await account_of(api, number)})", body)


async def test_who_is_disabled_fails_only_rows_that_are_not_theirs_already(own_api: Api) -> None:
    assert story.DISABLED_OWNER not in [each["record"]["number"] for each in (await readiness(own_api))["nodes"]]
    await given_to(own_api, story.DISABLED_OWNER, story.UNCOUPLED_OWNER)
    await assigned(own_api, story.UNCOUPLED, story.DISABLED_SALESPERSON)
    found = await readiness(own_api, mapping=["CUSTOMER"])
    disabled = [each for each in found["nodes"] if each["reason"] == "OWNER_DISABLED"]
    assert {(each["record"]["number"], each["coupled"]) for each in disabled} == {
        (story.DISABLED_OWNER, True),
        (story.UNCOUPLED, False),
    }
    whole = await readiness(own_api, WHOLE, mapping=["CUSTOMER"])
    (gap,) = [each for each in whole["gaps"] if each["reason"] == "OWNER_DISABLED"]
    assert (gap["records"], gap["coupledRecords"], "disabled" in gap["message"]) == (2, 1, True)


async def test_who_cannot_be_seen_is_not_taken_for_deleted(own_api: Api) -> None:
    """Rights hide all users: whether a salesperson's customers would fail, or who owns a row, is not known, and not told."""
    inner = own_api.dataverse.inner

    async def hide(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith("/systemusers"):
            return httpx.Response(200, json={"value": []}, request=request)
        return await inner.handle_async_request(request)

    before = await readiness(own_api)
    own_api.dataverse.instead = hide
    salespersons = before | {"nodes": [each for each in before["nodes"] if each["to"] == "DATAVERSE"]}
    assert told(await readiness(own_api)) == told(salespersons)


async def test_the_persons_are_counted_with_who_could_be_theirs(api: Api) -> None:
    found = await readiness(api, WHOLE)
    assert found["counts"] == [
        {"mapping": "CUSTOMER", "toDataverse": 1, "toBusinessCentral": 1, "notCoupled": 0},
        {"mapping": "CONTACT", "toDataverse": None, "toBusinessCentral": 1, "notCoupled": 0},
        {"mapping": "OPPORTUNITY", "toDataverse": 0, "toBusinessCentral": 0, "notCoupled": 0},
    ]
    gaps = {each["person"]["number"]: each for each in found["gaps"]}
    assert gaps.keys() == {story.UNCOUPLED_OWNER, story.UNCOUPLED_SALESPERSON}
    assert gaps[story.UNCOUPLED_SALESPERSON]["candidate"] == {
        "kind": "user",
        "number": "kaia.thorsen@wheelhouse.example",
    }
    assert gaps[story.UNCOUPLED_OWNER]["candidate"] is None
    assert gaps[story.UNCOUPLED_OWNER]["coupledRecords"] == gaps[story.UNCOUPLED_OWNER]["records"] == 2
    assert "mapped back" in gaps[story.UNCOUPLED_OWNER]["message"]


async def test_a_record_that_is_not_coupled_would_fail_and_is_marked(own_api: Api) -> None:
    await assigned(own_api, story.UNCOUPLED, story.SALESPERSON_WITHOUT_USER)
    found = await readiness(own_api, mapping=["CUSTOMER"])
    assert {each["record"]["number"]: each["coupled"] for each in found["nodes"]}[story.UNCOUPLED] is False
    whole = await readiness(own_api, WHOLE, mapping=["CUSTOMER"])
    assert whole["counts"] == [{"mapping": "CUSTOMER", "toDataverse": 1, "toBusinessCentral": 1, "notCoupled": 1}]
    (gap,) = [each for each in whole["gaps"] if each["person"]["number"] == story.SALESPERSON_WITHOUT_USER]
    assert (gap["records"], gap["coupledRecords"], gap["candidate"]) == (1, 0, None)


async def test_a_record_outside_its_filter_is_not_synchronized_and_does_not_fail(own_api: Api) -> None:
    await assigned(own_api, story.BLOCKED, story.UNCOUPLED_SALESPERSON)
    found = await readiness(own_api, mapping=["CUSTOMER"])
    assert story.BLOCKED not in [each["record"]["number"] for each in found["nodes"]]


async def test_a_row_that_a_team_owns_is_fine(api: Api) -> None:
    found = await readiness(api)
    assert story.TEAM_OWNED not in [each["record"]["number"] for each in found["nodes"]]


async def test_a_salesperson_whose_user_is_gone_counts_as_not_coupled(own_api: Api) -> None:
    store: CouplingStore = own_api.app.state.running.services.couplings
    company = UUID(own_api.sandbox.company.company_id)
    found = await store.find_by_key(Mapping.SALESPERSON, company, Side.BUSINESS_CENTRAL, [story.STORY_SALESPERSON])
    own_api.sandbox.dataverse.delete("systemusers", str(next(iter(found.values())).crm_id))
    whole = await readiness(own_api, WHOLE, mapping=["CUSTOMER"])
    (gap,) = [each for each in whole["gaps"] if each["person"]["number"] == story.STORY_SALESPERSON]
    assert (gap["reason"], gap["candidate"]) == ("SALESPERSON_NOT_COUPLED", None)
    assert gap["coupledRecords"] > 1


async def test_one_click_repairs_the_gap(own_api: Api) -> None:
    """What the candidate is for."""
    mutation = """mutation ($pair: SalespersonPair!) {
        coupleSalespersons(input: {pairs: [$pair], dryRun: false}) {
            ... on CoupleSalespersonsSuccess { counters { coupled } } } }"""
    pair = {"code": story.UNCOUPLED_SALESPERSON, "userEmail": "kaia.thorsen@wheelhouse.example"}
    answer = await own_api.ask(mutation, {"pair": pair})
    assert answer.data["coupleSalespersons"]["counters"] == {"coupled": 1}
    found = await readiness(own_api, mapping=["CUSTOMER"])
    assert story.SALESPERSON_GAP not in [each["record"]["number"] for each in found["nodes"]]


async def test_opportunities_are_looked_at_from_both_sides(own_api: Api) -> None:
    users = own_api.sandbox.dataverse.select("systemusers")
    ruben = next(row["systemuserid"] for row in users if row["internalemailaddress"] == story.UNCOUPLED_OWNER)
    row = next(row for row in own_api.sandbox.dataverse.select("opportunities") if row["name"] == story.OFFER)
    body = {"ownerid@odata.bind": f"/systemusers({ruben})"}
    await own_api.in_dataverse("PATCH", f"opportunities({row['opportunityid']})", body)
    found = await own_api.in_business_central("GET", f"opportunities?$filter=number eq '{story.OFFER_NUMBER}'")
    path = f"opportunities({found['value'][0]['id']})"
    await own_api.in_business_central("PATCH", path, {"salespersonCode": story.UNCOUPLED_SALESPERSON})
    listed = await readiness(own_api, mapping=["OPPORTUNITY"])
    assert [(each["record"]["system"], each["record"]["name"], each["coupled"]) for each in listed["nodes"]] == [
        ("BUSINESS_CENTRAL", story.OFFER, True),
        ("DATAVERSE", story.OFFER, True),
    ]


async def test_pages_of_one_bring_the_same_as_everything_at_once(own_api: Api) -> None:
    for number in (story.HARBOUR, story.QUOTED_NUMBER.replace("'", "''"), story.UNCOUPLED):
        await assigned(own_api, number, story.UNCOUPLED_SALESPERSON)
    await given_to(own_api, story.DISABLED_OWNER, story.UNCOUPLED_OWNER)
    await assigned(own_api, story.CONFLICT, story.DISABLED_SALESPERSON)
    whole = (await readiness(own_api))["nodes"]
    assert len(whole) == 9
    seen: list[Any] = []
    after: str | None = None
    for _ in range(20):
        page = await readiness(own_api, first=1, after=after)
        seen += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == whole
    middle = await readiness(own_api, WHOLE, first=1, after=after)
    assert middle["counts"][0]["toDataverse"] == 5, "counts are of everything, whatever the page"


async def test_what_readiness_costs_does_not_depend_on_how_many_are_affected(own_api: Api) -> None:
    """Persons side by side, then one request for each mapping and direction, and one for the rows of a disabled user."""
    await own_api.ask("{ salespersonCoupling(first: 1) { nodes { defaultTeamMember } } }")
    few = await own_api.ask(WHOLE)
    assert few.cost[0] == 8
    listed = await own_api.ask("{ customers(first: 60) { nodes { number } } }")
    for node in listed.data["customers"]["nodes"][:40]:
        await assigned(own_api, node["number"].replace("'", "''"), story.UNCOUPLED_SALESPERSON)
    many = await own_api.ask(WHOLE)
    assert many.data["ownerReadiness"]["counts"][0]["toDataverse"] > 30
    assert many.cost == few.cost
    page = await own_api.ask(LIST, {"first": 1})
    assert page.cost == (3, 2), "a page reads what it shows"


@pytest.mark.parametrize(
    "place", [("OPPORTUNITY", "DATAVERSE"), ("CONTACT", "BUSINESS_CENTRAL"), ("ITEM", "DATAVERSE")]
)
async def test_a_cursor_of_another_question_is_refused_instead_of_leading_nowhere(
    api: Api, place: tuple[str, str]
) -> None:
    answer = await api.ask(LIST, {"mapping": ["CUSTOMER"], "after": write_cursor(*place, "", "", "")})
    assert (answer.codes, answer.cost) == (["INVALID_INPUT"], (0, 0))


async def test_who_may_ask_and_for_what(api: Api) -> None:
    assert (await api.ask(LIST, person=SALES)).errors == []
    assert (await api.ask(LIST, person=WIDGET)).codes == ["FORBIDDEN"]
    assert (await api.ask(LIST, {"mapping": ["ITEM"]})).codes == ["INVALID_INPUT"]
    assert (await api.ask(LIST, {"after": "x"})).codes == ["INVALID_INPUT"]
    assert (await api.ask(LIST, {"first": 0})).codes == ["INVALID_INPUT"]


@pytest.mark.parametrize("system", ["business_central", "dataverse"])
async def test_a_dead_system_is_told(api: Api, system: str) -> None:
    getattr(api, system).instead = unreachable
    answer = await api.ask(LIST)
    assert (answer.data, answer.codes) == ({"ownerReadiness": None}, ["BACKEND_UNREACHABLE"])


async def test_a_company_without_couplings_has_nobody_coupled(api: Api) -> None:
    answer = await api.ask(
        "query ($c: UUID!) { ownerReadiness(company: $c) { nodes { record { number } } } }", {"c": str(uuid4())}
    )
    assert answer.codes == ["BACKEND_NOT_FOUND"]
