"""Match-based coupling: a plan is made, looked at, accepted and taken back. Every step of Business Central's, and ours beyond."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.coupling import Cause, Event, Mapping
from gateway.couplings.plan import PlanState, ProposalFilter, StoredProposal
from gateway.matching.proposal import Verdict
from gateway.pairing.matches.accepting import Acceptance
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs

pytestmark = pytest.mark.anyio

PLAN = """plan { id state code message summary
  counts { matched likely ambiguous contested taken none open accepted refused undone }
  proposals(first: 500) { nodes { number verdict priority state code message couplingId record { number name }
    candidates { record { id number name system } score takenBy claimedBy reasons { field outcome source target } } } } }"""
MAKE = f"""mutation ($input: CoupleByMatchInput!) {{ coupleByMatch(input: $input) {{
  ... on MatchPlanSuccess {{ {PLAN} }} ... on UserError {{ code message hint field }} }} }}"""
ACCEPT = f"""mutation ($input: AcceptMatchPlanInput!) {{ acceptMatchPlan(input: $input) {{
  ... on MatchPlanSuccess {{ {PLAN} }} ... on UserError {{ code message hint field }} }} }}"""
UNDO = f"""mutation ($id: UUID!) {{ undoMatchPlan(planId: $id) {{
  ... on MatchPlanSuccess {{ {PLAN} }} ... on UserError {{ code message hint field }} }} }}"""


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


class Plan:
    """A plan as it was answered."""

    def __init__(self, answered: Any) -> None:
        self.answered = answered
        self.id: str = answered["id"]
        self.counts: dict[str, int] = answered["counts"]
        self.by_name = {each["record"]["name"]: each for each in answered["proposals"]["nodes"]}

    def verdicts(self, *names: str) -> list[str]:
        return [self.by_name[name]["verdict"] for name in names]


async def make(pairs: Pairs, **given: Any) -> Plan:
    """A plan that is ready."""
    answer = await pairs.api.ask(MAKE, {"input": {"mapping": "CUSTOMER", **given}}, explain=False)
    assert answer.errors == []
    found = answer.data["coupleByMatch"]
    assert found.get("plan"), found
    assert found["plan"]["state"] == "READY", found["plan"]["message"]
    return Plan(found["plan"])


async def refused(pairs: Pairs, **given: Any) -> Any:
    answer = await pairs.api.ask(MAKE, {"input": {"mapping": "CUSTOMER", **given}}, explain=False)
    assert answer.errors == []
    return answer.data["coupleByMatch"]


async def accept(pairs: Pairs, plan: Plan, **given: Any) -> Plan:
    answer = await pairs.api.ask(ACCEPT, {"input": {"planId": plan.id, **given}}, explain=False)
    assert answer.errors == []
    found = answer.data["acceptMatchPlan"]
    assert found.get("plan"), found
    return Plan(found["plan"])


def by(*groups: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """Criteria in groups of ascending priority, without scores."""
    fields = [{"field": name, "priority": place} for place, names in enumerate(groups) for name in names]
    return {"criteria": {"fields": fields, "scored": False, **more}}


async def customer(pairs: Pairs, name: str, **values: Any) -> Any:
    return await pairs.api.in_business_central("POST", "customers", {"displayName": name, **values})


async def account(pairs: Pairs, name: str, **values: Any) -> str:
    id = str(uuid4())
    row = {"accountid": id, "name": name, "customertypecode": 3, **values}
    await pairs.api.in_dataverse("POST", "accounts", row)
    return id


async def test_a_plan_couples_nothing(pairs: Pairs) -> None:
    """The mapping's own criteria: the number, then name and postal code, then the name."""
    before = await pairs.all()
    plan = await make(pairs)
    names = [(await pairs.customer(number))["displayName"] for number in CASES]
    assert plan.verdicts(*names) == ["MATCHED", "MATCHED", "AMBIGUOUS", "NONE"]
    assert [plan.by_name[name]["priority"] for name in names] == [2, 0, 2, None]
    assert plan.counts["matched"] == 2
    assert plan.counts["open"] == sum(plan.counts[each] for each in ("matched", "ambiguous", "none"))
    assert await pairs.all() == before
    (match,) = plan.by_name[names[0]]["candidates"]
    assert (match["score"], match["record"]["name"]) == (100, names[0].upper())
    reasons = {each["field"]: each["outcome"] for each in match["reasons"]}
    assert reasons["displayName"] == "EQUAL"
    assert reasons["number"] == "BLANK"


CASES = (story.CASE_MATCH, story.NUMBER_MATCH, story.AMBIGUOUS_MATCH, story.UNCOUPLED)


async def test_what_matched_is_accepted_and_undone(pairs: Pairs) -> None:
    before = await pairs.all()
    plan = await make(pairs)
    accepted = await accept(pairs, plan, matched=True)
    assert (accepted.counts["accepted"], accepted.counts["refused"]) == (2, 0)
    assert len(await pairs.all() - before) == 2
    matched = await pairs.customer(story.CASE_MATCH)
    assert matched["account"]["name"] == matched["displayName"].upper()
    proposal = accepted.by_name[matched["displayName"]]
    assert (proposal["state"], proposal["couplingId"]) == ("ACCEPTED", matched["coupling"]["id"])
    (line,) = await pairs.history(Mapping.CUSTOMER, matched["systemId"])
    assert (line.event, line.cause, line.job) == (Event.COUPLED, Cause.MATCHED, UUID(plan.id))
    undone = await pairs.api.ask(UNDO, {"id": plan.id}, explain=False)
    counts = undone.data["undoMatchPlan"]["plan"]["counts"]
    assert (counts["undone"], counts["accepted"]) == (2, 0)
    assert await pairs.all() == before
    line, _ = await pairs.history(Mapping.CUSTOMER, matched["systemId"])
    assert (line.event, line.cause) == (Event.UNCOUPLED, Cause.UNDONE)


async def test_fields_of_one_priority_have_to_agree_together(pairs: Pairs) -> None:
    await customer(pairs, "Twice Wheels", city="Lund")
    await account(pairs, "Twice Wheels", address1_city="Malmö")
    right = await account(pairs, "Twice Wheels", address1_city="LUND")
    plan = await make(pairs, **by(("displayName", "city")))
    assert plan.verdicts("Twice Wheels") == ["MATCHED"]
    assert plan.by_name["Twice Wheels"]["candidates"][0]["record"]["id"] == right
    assert (await make(pairs, **by(("displayName",)))).verdicts("Twice Wheels") == ["AMBIGUOUS"]


async def test_blank_values_are_ignored(pairs: Pairs) -> None:
    await customer(pairs, "No City Wheels")
    await account(pairs, "No City Wheels", address1_city="Malmö")
    await customer(pairs, "No Mail Wheels")
    await account(pairs, "Nobody's")
    plan = await make(pairs, **by(("displayName", "city")))
    assert plan.verdicts("No City Wheels") == ["MATCHED"]
    assert (await make(pairs, **by(("email",)))).verdicts("No Mail Wheels") == ["NONE"]


@pytest.mark.parametrize(("sensitive", "verdict"), [(False, "MATCHED"), (True, "NONE")])
async def test_capital_letters_count_only_when_asked(pairs: Pairs, sensitive: bool, verdict: str) -> None:
    fields = [{"field": "displayName", "caseSensitive": sensitive}]
    plan = await make(pairs, criteria={"fields": fields, "scored": False})
    assert plan.verdicts((await pairs.customer(story.CASE_MATCH))["displayName"]) == [verdict]


async def test_candidates_outside_the_filter_are_none(pairs: Pairs) -> None:
    await customer(pairs, "Filtered Wheels")
    await account(pairs, "Filtered Wheels", customertypecode=8)
    inactive = await account(pairs, "Filtered Wheels")
    await pairs.api.in_dataverse("PATCH", f"accounts({inactive})", {"statecode": 1, "statuscode": 2})
    plan = await make(pairs, **by(("displayName",)))
    assert plan.verdicts("Filtered Wheels") == ["NONE"]
    assert (await pairs.customer(story.BLOCKED))["displayName"] not in plan.by_name


async def test_a_candidate_that_is_coupled_is_no_match_and_the_next_group_is_tried(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    await customer(pairs, harbour["displayName"], email="second@harbour.example")
    alone = await make(pairs, **by(("displayName",)))
    proposal = alone.by_name[harbour["displayName"]]
    assert (proposal["verdict"], proposal["candidates"][0]["takenBy"]) == ("TAKEN", story.HARBOUR)
    free = await account(pairs, "Another name", emailaddress1="second@harbour.example")
    then = await make(pairs, **by(("displayName",), ("email",)))
    proposal = then.by_name[harbour["displayName"]]
    assert (proposal["verdict"], proposal["priority"], proposal["candidates"][0]["record"]["id"]) == (
        "MATCHED",
        1,
        free,
    )


@pytest.mark.parametrize(("grouping", "verdict"), [("FALL_BACK", "MATCHED"), ("NARROW", "NONE")])
async def test_later_groups_fall_back_as_documented_or_narrow_as_the_code_reads(
    pairs: Pairs, grouping: str, verdict: str
) -> None:
    await customer(pairs, "Narrow Wheels", email="narrow@wheels.example")
    await account(pairs, "Quite another name", emailaddress1="narrow@wheels.example")
    plan = await make(pairs, **by(("displayName",), ("email",), grouping=grouping))
    assert plan.verdicts("Narrow Wheels") == [verdict]


async def test_two_records_with_the_same_only_candidate_are_both_listed(pairs: Pairs) -> None:
    await customer(pairs, "Contested Wheels", city="Lund")
    await customer(pairs, "contested wheels", city="Ystad")
    await account(pairs, "Contested Wheels")
    plan = await make(pairs, **by(("displayName",)))
    assert plan.verdicts("Contested Wheels", "contested wheels") == ["CONTESTED", "CONTESTED"]
    assert plan.by_name["Contested Wheels"]["candidates"][0]["claimedBy"]
    assert (await accept(pairs, plan, matched=True)).by_name["Contested Wheels"]["state"] == "OPEN"


async def test_the_other_direction(pairs: Pairs) -> None:
    plan = await make(pairs, direction="DATAVERSE_TO_BUSINESS_CENTRAL")
    name = (await pairs.customer(story.CASE_MATCH))["displayName"]
    proposal = plan.by_name[name.upper()]
    assert (proposal["verdict"], proposal["candidates"][0]["record"]["number"]) == ("MATCHED", story.CASE_MATCH)
    await accept(pairs, plan, matched=True)
    assert (await pairs.customer(story.CASE_MATCH))["account"]["name"] == name.upper()


@pytest.mark.parametrize(("comparison", "verdict"), [("EXACT", "NONE"), ("NORMALISED", "MATCHED")])
async def test_spelling_may_differ_when_asked(pairs: Pairs, comparison: str, verdict: str) -> None:
    await customer(pairs, "Müller  Räder GmbH & Co. KG", phoneNumber="+49 (40) 555-0191")
    await account(pairs, "MULLER RADER", telephone1="040 5550191")
    for field in ("displayName", "phoneNumber"):
        criteria = {"fields": [{"field": field, "comparison": comparison}], "scored": False}
        plan = await make(pairs, criteria=criteria)
        assert plan.verdicts("Müller  Räder GmbH & Co. KG") == [verdict]


async def test_similar_records_get_a_score_with_its_reasons_and_are_accepted_above_one(pairs: Pairs) -> None:
    await customer(pairs, "Norrviken Cykel AB", city="Sollentuna", email="info@norrviken.example")
    await account(pairs, "Norviken Cykel", address1_city="Sollentuna", emailaddress1="sales@norrviken.example")
    plan = await make(pairs)
    proposal = plan.by_name["Norrviken Cykel AB"]
    (candidate,) = proposal["candidates"]
    assert (proposal["verdict"], proposal["priority"]) == ("LIKELY", None)
    assert 60 <= candidate["score"] < 100
    outcomes = {each["field"]: each["outcome"] for each in candidate["reasons"]}
    assert (outcomes["displayName"], outcomes["city"], outcomes["website"]) == ("SIMILAR", "EQUAL", "BLANK")
    nothing = await accept(pairs, plan, minimumScore=candidate["score"] + 1)
    assert nothing.by_name["Norrviken Cykel AB"]["state"] == "OPEN"
    assert nothing.counts["accepted"] == 2
    accepted = await accept(pairs, plan, minimumScore=candidate["score"])
    assert accepted.by_name["Norrviken Cykel AB"]["state"] == "ACCEPTED"


async def test_somebody_chooses_among_several(pairs: Pairs) -> None:
    plan = await make(pairs)
    name = (await pairs.customer(story.AMBIGUOUS_MATCH))["displayName"]
    proposal = plan.by_name[name]
    second = proposal["candidates"][1]["record"]
    wrong = {"number": proposal["number"], "candidate": str(uuid4())}
    answer = await pairs.api.ask(ACCEPT, {"input": {"planId": plan.id, "proposals": [wrong]}}, explain=False)
    assert answer.data["acceptMatchPlan"]["code"] == "INVALID_INPUT"
    await accept(pairs, plan, proposals=[{"number": proposal["number"], "candidate": second["id"]}])
    assert (await pairs.customer(story.AMBIGUOUS_MATCH))["account"]["accountId"] == second["id"]


async def test_some_records_are_selected(pairs: Pairs) -> None:
    one = await pairs.customer(story.CASE_MATCH)
    harbour = await pairs.customer(story.HARBOUR)
    plan = await make(pairs, records=[one["systemId"], harbour["systemId"]])
    assert list(plan.by_name) == [one["displayName"]]


async def test_what_changed_since_the_plan_is_refused_with_the_reason_and_stops_nothing_else(pairs: Pairs) -> None:
    await customer(pairs, "Gone Wheels")
    gone = await account(pairs, "Gone Wheels")
    blocked = await customer(pairs, "Blocked Wheels")
    await account(pairs, "Blocked Wheels")
    plan = await make(pairs)
    taken = await pairs.customer(story.CASE_MATCH)
    await pairs.coupled(businessCentral={"number": story.UNCOUPLED}, dataverse={"name": taken["displayName"].upper()})
    await pairs.api.in_dataverse("DELETE", f"accounts({gone})")
    await pairs.api.in_business_central("PATCH", f"customers({blocked['id']})", {"blocked": "All"})
    accepted = await accept(pairs, plan, matched=True)
    told = {
        name: (each["state"], each["code"]) for name, each in accepted.by_name.items() if each["verdict"] == "MATCHED"
    }
    assert told == {
        "Gone Wheels": ("REFUSED", "RECORD_NOT_FOUND"),
        "Blocked Wheels": ("REFUSED", "RECORD_BLOCKED"),
        taken["displayName"]: ("REFUSED", "DATAVERSE_ROW_TAKEN"),
        (await pairs.customer(story.NUMBER_MATCH))["displayName"]: ("ACCEPTED", None),
    }
    message = accepted.by_name[taken["displayName"]]["message"]
    assert f"is coupled with customer {story.UNCOUPLED} (Elderbrook Wheels Ltd) by now. Uncouple" in message


async def test_what_was_moved_since_is_not_undone(pairs: Pairs) -> None:
    plan = await make(pairs)
    await accept(pairs, plan, matched=True)
    await pairs.coupled(
        businessCentral={"number": story.CASE_MATCH}, dataverse={"name": story.CRM_ONLY_ACCOUNT}, move=True
    )
    answer = await pairs.api.ask(UNDO, {"id": plan.id}, explain=False)
    undone = Plan(answer.data["undoMatchPlan"]["plan"])
    moved = await pairs.customer(story.CASE_MATCH)
    assert moved["account"]["name"] == story.CRM_ONLY_ACCOUNT
    proposal = undone.by_name[moved["displayName"]]
    assert (proposal["state"], proposal["code"]) == ("UNDONE", "COUPLING_CHANGED")


async def test_records_without_a_candidate_get_a_new_partner_when_asked(pairs: Pairs) -> None:
    one = await pairs.customer(story.UNCOUPLED)
    plan = await make(pairs, records=[one["systemId"]])
    assert plan.verdicts(one["displayName"]) == ["NONE"]
    assert plan.answered["summary"] == "1 of 1 records have no unique uncoupled match."
    accepted = await accept(pairs, plan, createNew=True)
    assert accepted.by_name[one["displayName"]]["state"] == "ACCEPTED", accepted.by_name
    assert (await pairs.customer(story.UNCOUPLED))["account"]["name"] == one["displayName"]


async def test_salespersons_are_never_created_in_crm(pairs: Pairs) -> None:
    """Found out before anything is accepted, and the plan stays as it is."""
    plan = await make(pairs, mapping="SALESPERSON")
    assert plan.verdicts("Kaia Thorsen", "Zora Wimmer") == ["MATCHED", "NONE"]
    for given in ({"createNew": True}, {"matched": True, "synchronize": "USE_BUSINESS_CENTRAL_DATA"}):
        answer = await pairs.api.ask(ACCEPT, {"input": {"planId": plan.id, **given}}, explain=False)
        assert answer.data["acceptMatchPlan"]["code"] == "DIRECTION_NOT_ALLOWED"
    accepted = await accept(pairs, plan, matched=True)
    assert accepted.by_name["Kaia Thorsen"]["state"] == "ACCEPTED"


async def test_what_is_coupled_is_synchronized_when_asked(pairs: Pairs) -> None:
    plan = await make(pairs)
    await accept(pairs, plan, matched=True, synchronize="USE_BUSINESS_CENTRAL_DATA")
    matched = await pairs.customer(story.NUMBER_MATCH)
    assert matched["account"]["name"] == matched["displayName"]
    coupling = await pairs.of(Mapping.CUSTOMER, matched["systemId"])
    assert coupling is not None
    assert coupling.last_result_to_crm == "SUCCESS"
    assert coupling.base


async def test_without_a_field_there_is_nothing_to_match_by(pairs: Pairs) -> None:
    found = await refused(pairs, criteria={"fields": []})
    assert found["code"] == "MATCH_CRITERIA_MISSING"
    assert "must specify which fields" in found["message"]
    assert found["hint"].startswith("Choose from: number, displayName")


@pytest.mark.parametrize(
    "given",
    [
        {"criteria": {"fields": [{"field": "shoeSize"}]}},
        {"criteria": {"fields": [{"field": "currencyCode"}]}},
        {"criteria": {"fields": [{"field": "city"}, {"field": "city"}]}},
        {"criteria": {"minimumScore": 0}},
        {"records": []},
    ],
    ids=["no field", "a look-up", "twice", "score", "no records"],
)
async def test_criteria_that_cannot_be_used(pairs: Pairs, given: dict[str, Any]) -> None:
    assert (await refused(pairs, **given))["code"] == "INVALID_INPUT"


async def test_a_backend_that_is_away_fails_the_plan_and_says_which(pairs: Pairs) -> None:
    pairs.api.dataverse.instead = lambda request: httpx.Response(503, request=request)
    answer = await pairs.api.ask(MAKE, {"input": {"mapping": "SALESPERSON"}}, explain=False)
    plan = answer.data["coupleByMatch"]["plan"]
    assert (plan["state"], plan["code"]) == ("FAILED", "BACKEND_UNREACHABLE")
    assert "Dataverse" in plan["message"]
    again = await pairs.api.ask(ACCEPT, {"input": {"planId": plan["id"], "matched": True}}, explain=False)
    assert again.data["acceptMatchPlan"]["code"] == "COUPLING_CHANGED"


async def test_plans_are_listed_and_discarded(pairs: Pairs) -> None:
    plan = await make(pairs, mapping="SALESPERSON")
    listed = await pairs.api.ask("{ matchPlans { id mapping direction createdBy criteria { field priority } } }")
    assert listed.data["matchPlans"] == [
        {
            "id": plan.id,
            "mapping": "SALESPERSON",
            "direction": "BUSINESS_CENTRAL_TO_DATAVERSE",
            "createdBy": "Ada Verhoeven",
            "criteria": [{"field": "email", "priority": 0}, {"field": "displayName", "priority": 1}],
        }
    ]
    question = "mutation ($id: UUID!) { discardMatchPlan(planId: $id) { __typename } }"
    gone = await pairs.api.ask(question, {"id": plan.id})
    assert gone.data["discardMatchPlan"]["__typename"] == "DiscardMatchPlanSuccess"
    assert (await pairs.api.ask(question, {"id": plan.id})).data["discardMatchPlan"]["__typename"] == "UserError"


async def test_candidates_of_a_few_records_cost_two_round_trips(pairs: Pairs) -> None:
    ids = [(await pairs.customer(number))["systemId"] for number in CASES]
    question = """query ($ids: [UUID!]!) { couplingCandidates(mapping: CUSTOMER, records: $ids) {
        record { number } verdict candidates { record { name } score } } }"""
    cold = await pairs.api.ask(question, {"ids": ids})
    assert cold.errors == []
    assert {each["record"]["number"]: each["verdict"] for each in cold.data["couplingCandidates"]} == {
        story.CASE_MATCH: "MATCHED",
        story.NUMBER_MATCH: "MATCHED",
        story.AMBIGUOUS_MATCH: "AMBIGUOUS",
        story.UNCOUPLED: "NONE",
    }
    warm = await pairs.api.ask(question, {"ids": ids})
    assert warm.cost == (2, 2)


async def test_candidates_in_business_central(pairs: Pairs) -> None:
    lone = await pairs.account("Sattelfest & Co")
    question = """query ($ids: [UUID!]!) { couplingCandidates(
        mapping: CUSTOMER, records: $ids, direction: DATAVERSE_TO_BUSINESS_CENTRAL) {
        verdict candidates { record { number system } } } }"""
    found = (await pairs.api.ask(question, {"ids": [lone["accountId"]]})).data["couplingCandidates"]
    assert found[0]["verdict"] == "MATCHED"
    assert found[0]["candidates"][0]["record"] == {"number": story.NUMBER_MATCH, "system": "BUSINESS_CENTRAL"}


async def test_the_fields_to_match_by(pairs: Pairs) -> None:
    found = (await pairs.api.ask("{ matchFields(mapping: SALESPERSON) { name label dataverse defaultPriority } }")).data
    assert found["matchFields"][0] == {
        "name": "email",
        "label": "E-Mail",
        "dataverse": "internalemailaddress",
        "defaultPriority": 0,
    }


async def test_only_administrators_make_plans(pairs: Pairs) -> None:
    answer = await pairs.api.ask(MAKE, {"input": {"mapping": "CUSTOMER"}}, person=SALES, explain=False)
    assert (answer.data["coupleByMatch"], answer.codes) == (None, ["FORBIDDEN"])


async def test_creating_what_has_no_candidate_does_not_lower_the_score_of_the_others(pairs: Pairs) -> None:
    await customer(pairs, "Norrviken Cykel AB", city="Sollentuna", email="info@norrviken.example")
    await account(pairs, "Norviken Cykel", address1_city="Sollentuna", emailaddress1="sales@norrviken.example")
    plan = await make(pairs)
    accepted = await accept(pairs, plan, minimumScore=100, createNew=True)
    states = {each["verdict"]: each["state"] for each in accepted.by_name.values()}
    assert (states["LIKELY"], states["MATCHED"], states["NONE"]) == ("OPEN", "ACCEPTED", "ACCEPTED")


async def test_what_somebody_else_coupled_is_not_the_plan_s_to_undo(pairs: Pairs) -> None:
    plan = await make(pairs)
    name = (await pairs.customer(story.CASE_MATCH))["displayName"]
    await pairs.coupled(businessCentral={"number": story.CASE_MATCH}, dataverse={"name": name.upper()})
    accepted = await accept(pairs, plan, matched=True)
    assert (accepted.by_name[name]["state"], accepted.by_name[name]["code"]) == ("REFUSED", "ALREADY_COUPLED")
    await pairs.api.ask(UNDO, {"id": plan.id}, explain=False)
    assert (await pairs.customer(story.CASE_MATCH))["coupling"] is not None


async def test_a_row_that_was_given_to_another_record_since_is_not_undone(pairs: Pairs) -> None:
    plan = await make(pairs)
    await accept(pairs, plan, matched=True)
    row = (await pairs.customer(story.CASE_MATCH))["account"]
    await pairs.coupled(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": row["accountId"]}, move=True)
    await pairs.api.ask(UNDO, {"id": plan.id}, explain=False)
    assert (await pairs.customer(story.UNCOUPLED))["account"] == row


async def test_what_was_refused_may_be_accepted_when_its_cause_is_gone(pairs: Pairs) -> None:
    made = await customer(pairs, "Blocked Wheels")
    await account(pairs, "Blocked Wheels")
    plan = await make(pairs)
    await pairs.api.in_business_central("PATCH", f"customers({made['id']})", {"blocked": "All"})
    refused = (await accept(pairs, plan, matched=True)).by_name["Blocked Wheels"]
    assert refused["code"] == "RECORD_BLOCKED"
    await pairs.api.in_business_central("PATCH", f"customers({made['id']})", {"blocked": " "})
    again = await accept(pairs, plan, proposals=[{"number": refused["number"]}])
    assert (again.by_name["Blocked Wheels"]["state"], again.by_name["Blocked Wheels"]["code"]) == ("ACCEPTED", None)


async def test_undoing_takes_the_mark_of_the_company_from_what_was_synchronized(pairs: Pairs) -> None:
    plan = await make(pairs)
    await accept(pairs, plan, matched=True, synchronize="USE_BUSINESS_CENTRAL_DATA")
    matched = await pairs.customer(story.NUMBER_MATCH)
    path = f"accounts({matched['account']['accountId']})?$select=_bcbi_companyid_value"
    assert (await pairs.api.in_dataverse("GET", path))["_bcbi_companyid_value"]
    await pairs.api.ask(UNDO, {"id": plan.id}, explain=False)
    assert (await pairs.api.in_dataverse("GET", path))["_bcbi_companyid_value"] is None


async def test_selected_records_that_are_left_out_are_told(pairs: Pairs) -> None:
    numbers = (story.CASE_MATCH, story.BLOCKED, story.HARBOUR)
    ids = [(await pairs.customer(each))["systemId"] for each in numbers]
    plan = await make(pairs, records=[*ids, str(uuid4())])
    assert len(plan.by_name) == 1
    assert plan.answered["message"].startswith("3 of the records named are not there")


async def test_a_plan_that_is_under_way_is_not_discarded(pairs: Pairs) -> None:
    plan = await make(pairs, mapping="SALESPERSON")
    plans = pairs.api.app.state.running.services.plans
    assert await plans.turn(UUID(plan.id), of=[PlanState.READY], to=PlanState.ACCEPTING)
    question = "mutation ($id: UUID!) { discardMatchPlan(planId: $id) { ... on UserError { code } } }"
    answer = await pairs.api.ask(question, {"id": plan.id})
    assert answer.data["discardMatchPlan"]["code"] == "COUPLING_CHANGED"


async def test_a_job_that_never_began_is_begun_by_whoever_meets_its_plan(pairs: Pairs) -> None:
    """Between the plan's new state and its job the process may end."""
    plan = await make(pairs)
    services = pairs.api.app.state.running.services
    acceptance = Acceptance((Verdict.MATCHED,)).as_json()
    wish = {**acceptance, "by": "Ada", "job": f"accept-{uuid4()}", "kind": "accept-matches"}
    assert await services.plans.turn(UUID(plan.id), of=[PlanState.READY], to=PlanState.ACCEPTING, wish=wish)
    answer = await pairs.api.ask(ACCEPT, {"input": {"planId": plan.id, "matched": True}}, explain=False)
    assert answer.data["acceptMatchPlan"]["code"] == "COUPLING_CHANGED"
    await services.jobs.wait(wish["job"])
    assert (await services.plans.get(UUID(plan.id))).state is PlanState.READY
    assert (await services.plans.counts(UUID(plan.id))).states["ACCEPTED"] == 2


async def test_a_plan_that_is_made_is_not_made_anew(pairs: Pairs) -> None:
    """The process may end between the plan's being ready and the engine's knowing it."""
    plan = await make(pairs)
    services = pairs.api.app.state.running.services
    await accept(pairs, plan, matched=True)
    assert await services.plan_jobs._run(None, UUID(plan.id)) == {}
    assert (await services.plans.counts(UUID(plan.id))).states["ACCEPTED"] == 2


@pytest.mark.parametrize("name", ["x" * 300, "half \ud83d of a character", "NUL \0 here"])
async def test_odd_names_do_not_fail_a_plan(pairs: Pairs, name: str) -> None:
    """PostgreSQL takes neither NUL nor half a character, and no more than a column has room for."""
    services = pairs.api.app.state.running.services
    plan = await make(pairs, mapping="SALESPERSON")
    candidate = {
        "id": str(uuid4()),
        "key": name,
        "name": name,
        "score": 1,
        "takenBy": None,
        "claimedBy": None,
        "reasons": [],
    }
    stored = StoredProposal(99, uuid4(), name, name, "AMBIGUOUS", 0, 1, [candidate])
    await services.plans.propose(UUID(plan.id), [stored])
    (kept,) = await services.plans.proposals(UUID(plan.id), ProposalFilter(numbers=(99,)), after=0, limit=1)
    assert kept.source_name == kept.candidates[0]["name"]
    assert set(kept.source_name or "") <= set(name)


async def test_candidates_by_any_field_that_is_asked_for(pairs: Pairs) -> None:
    made = await customer(pairs, "Somebody", city="Ystad", addressLine1="Storgatan 1")
    await account(pairs, "Another name", address1_city="ystad", address1_line1="Storgatan 1")
    question = """query ($ids: [UUID!]!, $criteria: MatchCriteriaInput) {
        couplingCandidates(mapping: CUSTOMER, records: $ids, criteria: $criteria) { verdict complete } }"""
    criteria = {"fields": [{"field": "city"}, {"field": "addressLine1"}]}
    found = (await pairs.api.ask(question, {"ids": [made["id"]], "criteria": criteria})).data["couplingCandidates"]
    assert found == [{"verdict": "MATCHED", "complete": True}]


async def test_a_pair_that_was_moved_since_is_decided_anew(pairs: Pairs) -> None:
    """The plan's own coupling has another partner by now: the row it had is nobody's, and is not written to."""
    plan = await make(pairs)
    await accept(pairs, plan, matched=True)
    name = (await pairs.customer(story.CASE_MATCH))["displayName"]
    given = {"businessCentral": {"number": story.CASE_MATCH}, "dataverse": {"name": story.CRM_ONLY_ACCOUNT}}
    await pairs.coupled(**given, move=True)
    undone = Plan((await pairs.api.ask(UNDO, {"id": plan.id}, explain=False)).data["undoMatchPlan"]["plan"])
    number = undone.by_name[name]["number"]
    again = await accept(pairs, plan, proposals=[{"number": number}], synchronize="USE_BUSINESS_CENTRAL_DATA")
    proposal = again.by_name[name]
    assert (proposal["state"], proposal["code"]) == ("REFUSED", "BUSINESS_CENTRAL_RECORD_TAKEN")
    assert (await pairs.account(name.upper()))["name"] == name.upper()


async def test_a_plan_whose_job_is_over_does_not_stay_under_way(pairs: Pairs) -> None:
    """The job ended without saying so: our own database was away when it wanted to."""
    plan = await make(pairs)
    services = pairs.api.app.state.running.services
    wish = {
        **Acceptance((Verdict.MATCHED,)).as_json(),
        "by": "Ada",
        "job": f"match-{plan.id}",
        "kind": "accept-matches",
    }
    assert await services.plans.turn(UUID(plan.id), of=[PlanState.READY], to=PlanState.ACCEPTING, wish=wish)
    first = await pairs.api.ask(ACCEPT, {"input": {"planId": plan.id, "matched": True}}, explain=False)
    assert first.data["acceptMatchPlan"]["code"] == "COUPLING_CHANGED"
    assert (await accept(pairs, plan, matched=True)).counts["accepted"] == 2


async def test_what_crm_has_under_the_natural_key_by_now_is_not_created_again(pairs: Pairs) -> None:
    await pairs.api.in_business_central("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    plan = await make(pairs, mapping="UNIT_OF_MEASURE")
    assert plan.verdicts("Crate") == ["NONE"]
    await pairs.api.in_dataverse("POST", "uomschedules", {"name": "NAV CRATE", "baseuomname": "CRATE"})
    accepted = await accept(pairs, plan, createNew=True)
    assert accepted.by_name["Crate"]["state"] == "ACCEPTED"
    groups = (await pairs.api.in_dataverse("GET", "uomschedules?$filter=name eq 'NAV CRATE'&$select=name"))["value"]
    assert len(groups) == 1


async def test_candidates_do_not_read_everybody_in_the_same_country(pairs: Pairs) -> None:
    ids = [(await pairs.customer(story.UNCOUPLED))["systemId"]]
    question = "query ($ids: [UUID!]!) { couplingCandidates(mapping: CUSTOMER, records: $ids) { verdict complete } }"
    seen = len(pairs.api.dataverse.seen)
    assert (await pairs.api.ask(question, {"ids": ids})).errors == []
    asked = b"".join(each.content for each in pairs.api.dataverse.seen[seen:]).decode()
    asked += "".join(str(each.url) for each in pairs.api.dataverse.seen[seen:])
    assert "name" in asked
    assert not any(
        f"{column}%20eq%20%27" in asked for column in ("address1_country", "address1_city", "address1_postalcode")
    )
