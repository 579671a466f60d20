"""The Couple Salespersons page: who is whose user, by hand, by e-mail, newly created; and who is uncoupled."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.coupling import Cause, Coupling, Doing, Intent, Mapping
from gateway.couplings.store import CouplingFilter, CouplingStore, Side
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from gateway.sync.desk import Books
from tests.graphql.api import Api
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

PAGE = """
query ($shown: Boolean! = true, $for: String, $first: Int! = 200, $after: String) {
  salespersonCoupling(showCoupled: $shown, salesperson: $for, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } edges { cursor node { name } }
    nodes { name email mobilePhone coupled salespersonCode problem salesperson { name } couplingId
            user { id number } candidates { number } } } }
"""
MEMBERS = "{ salespersonCoupling(first: 200) { nodes { email defaultTeamMember } } }"
COUPLE = """
mutation ($input: CoupleSalespersonsInput!) { coupleSalespersons(input: $input) { __typename
    ... on UserError { code message field }
    ... on CoupleSalespersonsSuccess { dryRun remaining counters { coupled created uncoupled addedToTeam failed }
        ambiguous { email salespersons { number } users { number } }
        results { action done joinedTeam code message hint couplingId
                  salesperson { number name } user { number } records { number } } } } }
"""
KAIA = "kaia.thorsen@wheelhouse.example"
JONAS = "jonas.okafor@wheelhouse.example"
DORIS = "doris.meyer@wheelhouse.example"


async def page(api: Api, **asked: Any) -> Any:
    answer = await api.ask(PAGE, asked)
    assert answer.errors == []
    return answer.data["salespersonCoupling"]


async def couple(api: Api, *, dry: bool = False, **input: Any) -> Any:
    answer = await api.ask(COUPLE, {"input": {"dryRun": dry, **input}})
    assert answer.errors == []
    return answer.data["coupleSalespersons"]


def by_email(found: Any) -> dict[str, Any]:
    return {each["email"]: each for each in found["nodes"]}


def done(payload: Any) -> list[tuple[str, str | None, str | None]]:
    """What was done to whom."""
    return [
        (each["action"], (each["salesperson"] or {}).get("number"), (each["user"] or {}).get("number"))
        for each in payload["results"]
        if each["done"]
    ]


def counters(payload: Any, *names: str) -> list[int]:
    return [payload["counters"][name] for name in names]


def store(api: Api) -> CouplingStore:
    found: CouplingStore = api.app.state.running.services.couplings
    return found


def books(api: Api) -> Books:
    found: Books = api.app.state.running.services.books
    return found


def company(api: Api) -> UUID:
    return UUID(api.sandbox.company.company_id)


async def couplings(api: Api) -> dict[str | None, Coupling]:
    wanted = CouplingFilter(mapping=Mapping.SALESPERSON, company_id=company(api))
    return {each.bc_key: each for each in await store(api).page(wanted, after=None, limit=200)}


def user_id(api: Api, email: str) -> str:
    rows = api.sandbox.dataverse.select("systemusers")
    return str(next(row["systemuserid"] for row in rows if row["internalemailaddress"] == email))


async def patch_seller(api: Api, code: str, **values: object) -> None:
    found = await api.in_business_central("GET", f"salespeoplePurchasers?$filter=code eq '{code}'")
    await api.in_business_central("PATCH", f"salespeoplePurchasers({found['value'][0]['id']})", values)


# -- the page --------------------------------------------------------------------------------------------------------


async def test_users_are_listed_with_their_salespersons_and_candidates(api: Api) -> None:
    users = by_email(await page(api))
    jonas, kaia, doris = users[JONAS], users[KAIA], users[DORIS]
    assert (jonas["coupled"], jonas["salespersonCode"], jonas["candidates"]) == ("YES", story.STORY_SALESPERSON, [])
    assert jonas["mobilePhone"]
    assert (kaia["coupled"], kaia["salespersonCode"]) == ("NO", None)
    assert kaia["candidates"] == [{"number": story.UNCOUPLED_SALESPERSON}]
    assert (doris["coupled"], doris["problem"]) == ("YES", "is disabled"), "a coupled one is shown all the same"
    assert not any("wheelhouse.example" in email and email.startswith("c2d9") for email in users), "no application user"


async def test_the_page_knows_for_whom_it_is_opened(api: Api) -> None:
    found = await page(api, **{"for": story.STORY_SALESPERSON.lower()})
    states = {each["email"]: each["coupled"] for each in found["nodes"]}
    assert [email for email, state in states.items() if state == "CURRENT"] == [JONAS]
    assert "YES" in states.values()


async def test_coupled_users_can_be_hidden(api: Api) -> None:
    found = await page(api, shown=False)
    assert {each["coupled"] for each in found["nodes"]} == {"NO"}
    assert KAIA in by_email(found)
    assert found["totalCount"] == len(found["nodes"])


async def test_pages_follow_each_other_by_name(api: Api) -> None:
    whole = await page(api)
    names = [each["name"] for each in whole["nodes"]]
    assert names == sorted(names, key=str.casefold)
    first = await page(api, first=4)
    second = await page(api, first=200, after=first["pageInfo"]["endCursor"])
    assert first["pageInfo"]["hasNextPage"] is True
    assert [*first["nodes"], *second["nodes"]] == whole["nodes"]
    assert first["edges"][3]["cursor"] == first["pageInfo"]["endCursor"]
    assert (await api.ask(PAGE, {"after": "WyJhIl0"})).codes == ["INVALID_INPUT"]


async def test_what_the_page_costs(api: Api) -> None:
    assert (await api.ask(PAGE)).cost == (2, 1), "salespersons and users, side by side"
    cold = await api.ask(MEMBERS)
    assert cold.cost == (4, 3)
    assert (await api.ask(MEMBERS)).cost == (3, 2)


async def test_who_may_look_and_who_may_couple(api: Api) -> None:
    assert (await api.ask(PAGE, person=SALES)).errors == []
    assert (await api.ask(PAGE, person=WIDGET)).codes == ["FORBIDDEN"]
    refused = await api.ask(COUPLE, {"input": {"byEmail": True}}, person=SALES)
    assert (refused.data, refused.codes) == ({"coupleSalespersons": None}, ["FORBIDDEN"])


@pytest.mark.parametrize("system", ["business_central", "dataverse"])
async def test_a_dead_system_is_told_and_nothing_is_done(own_api: Api, system: str) -> None:
    getattr(own_api, system).instead = unreachable
    assert (await own_api.ask(PAGE)).codes == ["BACKEND_UNREACHABLE"]
    answer = await own_api.ask(COUPLE, {"input": {"byEmail": True, "dryRun": False}})
    assert (answer.data, answer.codes) == ({"coupleSalespersons": None}, ["BACKEND_UNREACHABLE"])
    assert story.UNCOUPLED_SALESPERSON not in await couplings(own_api)


# -- by e-mail -------------------------------------------------------------------------------------------------------


async def test_who_has_the_same_address_is_coupled(own_api: Api) -> None:
    payload = await couple(own_api, byEmail=True)
    assert done(payload) == [("COUPLE", story.UNCOUPLED_SALESPERSON, KAIA)]
    assert counters(payload, "coupled", "addedToTeam", "failed") == [1, 1, 0]
    coupling = (await couplings(own_api))[story.UNCOUPLED_SALESPERSON]
    assert (coupling.crm_key, coupling.created_by) == (KAIA, "Ada Verhoeven")
    history = (await books(own_api).changes.history([coupling.id]))[coupling.id]
    assert [each.cause for each in history] == [Cause.MATCHED]
    assert by_email(await page(own_api))[KAIA]["salespersonCode"] == story.UNCOUPLED_SALESPERSON
    assert done(await couple(own_api, byEmail=True)) == [], "nobody is left to couple"


async def test_case_and_blanks_of_an_address_do_not_matter(own_api: Api) -> None:
    await patch_seller(own_api, story.UNCOUPLED_SALESPERSON, email="Kaia.THORSEN@Wheelhouse.example")
    assert done(await couple(own_api, byEmail=True, dry=True)) == [("COUPLE", story.UNCOUPLED_SALESPERSON, KAIA)]
    await patch_seller(own_api, story.UNCOUPLED_SALESPERSON, email="")
    assert done(await couple(own_api, byEmail=True, dry=True)) == []


async def test_an_address_that_two_have_is_listed_and_couples_nobody(own_api: Api) -> None:
    await patch_seller(own_api, story.SALESPERSON_WITHOUT_USER, email=KAIA)
    payload = await couple(own_api, byEmail=True, createMissing=True)
    (ambiguous,) = payload["ambiguous"]
    assert ambiguous["email"] == KAIA
    assert {each["number"] for each in ambiguous["salespersons"]} == {
        story.UNCOUPLED_SALESPERSON,
        story.SALESPERSON_WITHOUT_USER,
    }
    assert ambiguous["users"] == [{"number": KAIA}]
    assert not any(user == KAIA for _, _, user in done(payload)), "nor is a third salesperson created for her"
    pair = {"code": story.SALESPERSON_WITHOUT_USER, "userEmail": KAIA}
    assert done(await couple(own_api, pairs=[pair])) == [("COUPLE", story.SALESPERSON_WITHOUT_USER, KAIA)]


# -- by hand ---------------------------------------------------------------------------------------------------------


async def test_a_dry_run_says_everything_and_writes_nothing(own_api: Api) -> None:
    before = await couplings(own_api)
    input: dict[str, Any] = {"byEmail": True, "createMissing": True, "uncouple": ["AB"], "addCoupledUsersToTeam": True}
    dry = await couple(own_api, dry=True, **input)
    assert counters(dry, "coupled", "created", "uncoupled", "failed") == [1, 4, 1, 0]
    assert all(each["couplingId"] is None for each in dry["results"])
    assert await couplings(own_api) == before
    assert {each.method for each in (*own_api.dataverse.seen, *own_api.business_central.seen)} == {"GET"}
    wet = await couple(own_api, **input)
    assert (wet["counters"], wet["dryRun"]) == (dry["counters"], False)


async def test_a_pair_is_coupled_by_code_and_by_id_or_address(own_api: Api) -> None:
    pairs = [
        {"code": story.UNCOUPLED_SALESPERSON.lower(), "userId": user_id(own_api, KAIA)},
        {"code": story.SALESPERSON_WITHOUT_USER, "userEmail": story.UNCOUPLED_OWNER.upper()},
    ]
    payload = await couple(own_api, pairs=pairs)
    assert done(payload) == [
        ("COUPLE", story.UNCOUPLED_SALESPERSON, KAIA),
        ("COUPLE", story.SALESPERSON_WITHOUT_USER, story.UNCOUPLED_OWNER),
    ]
    assert all(each["joinedTeam"] for each in payload["results"])


@pytest.mark.parametrize(
    ("pair", "code", "named"),
    [
        ({"code": "NOPE", "userEmail": KAIA}, "RECORD_NOT_FOUND", []),
        ({"code": "O'N", "userEmail": KAIA}, "RECORD_NOT_FOUND", []),
        ({"code": "KT", "userEmail": "no'body@wheelhouse.example"}, "RECORD_NOT_FOUND", ["KT"]),
        ({"code": "KT", "userEmail": DORIS}, "RECORD_OUTSIDE_FILTER", [DORIS]),
        ({"code": "KT", "userEmail": JONAS}, "DATAVERSE_ROW_TAKEN", ["JO"]),
        ({"code": "JO", "userEmail": KAIA}, "BUSINESS_CENTRAL_RECORD_TAKEN", [JONAS]),
        ({"code": "JO", "userEmail": JONAS}, "ALREADY_COUPLED", ["JO", JONAS]),
    ],
)
async def test_what_a_rule_forbids_names_who_is_in_the_way(
    api: Api, pair: dict[str, str], code: str, named: list[str]
) -> None:
    payload = await couple(api, dry=True, pairs=[pair])
    (result,) = payload["results"]
    assert (result["done"], result["code"], [each["number"] for each in result["records"]]) == (False, code, named)
    assert result["hint"]
    assert result["message"]
    assert payload["counters"]["failed"] == 1


async def test_an_address_of_two_users_has_to_be_told_apart(own_api: Api) -> None:
    rows = own_api.sandbox.dataverse
    kaia = rows.get("systemusers", user_id(own_api, KAIA))
    assert kaia is not None
    twin = str(uuid4())
    rows.insert(
        "systemusers",
        {
            **kaia.values,
            "systemuserid": twin,
            "ownerid": twin,
            "fullname": "Kaia O'Twin",
            "domainname": "twin@wheelhouse.example",
            "azureactivedirectoryobjectid": str(uuid4()),
        },
    )
    payload = await couple(own_api, pairs=[{"code": "KT", "userEmail": KAIA}])
    (result,) = payload["results"]
    assert (result["code"], len(result["records"])) == ("INVALID_INPUT", 2)
    assert done(await couple(own_api, pairs=[{"code": "KT", "userId": twin}])) == [("COUPLE", "KT", KAIA)]


async def test_two_pairs_of_one_call_cannot_share_a_user(own_api: Api) -> None:
    pairs = [{"code": "KT", "userEmail": KAIA}, {"code": "ZW", "userEmail": KAIA}]
    first, second = (await couple(own_api, pairs=pairs))["results"]
    assert (first["done"], second["code"], second["records"][0]["number"]) == (True, "DATAVERSE_ROW_TAKEN", "KT")


async def test_a_coupling_whose_user_is_gone_stands_in_nobodys_way(own_api: Api) -> None:
    stale = (await couplings(own_api))[story.STORY_SALESPERSON]
    own_api.sandbox.dataverse.delete("systemusers", str(stale.crm_id))
    payload = await couple(own_api, pairs=[{"code": story.STORY_SALESPERSON, "userEmail": KAIA}])
    assert done(payload) == [("COUPLE", story.STORY_SALESPERSON, KAIA)]
    now = (await couplings(own_api))[story.STORY_SALESPERSON]
    assert now.id != stale.id
    history = (await books(own_api).changes.history([stale.id]))[stale.id]
    assert [each.cause for each in history] == [Cause.STALE]


def without(api: Api, path: str, *ids: str) -> None:
    """From now on, lists of this set leave these rows out, as rights do; all of them if none is named."""
    way = api.dataverse if path == "systemusers" else api.business_central
    inner, key = way.inner, "systemuserid" if path == "systemusers" else "id"

    async def hide(request: httpx.Request) -> httpx.Response:
        answer = await inner.handle_async_request(request)
        if request.method != "GET" or request.url.path.rpartition("/")[2] != path:
            return answer
        rows = [row for row in json.loads(await answer.aread())["value"] if ids and row[key] not in ids]
        return httpx.Response(200, json={"value": rows}, request=request)

    way.instead = hide


async def test_a_coupling_whose_user_cannot_be_seen_stays(own_api: Api) -> None:
    """Rights hide a user: that is no deletion, and nobody takes its place."""
    before = await couplings(own_api)
    without(own_api, "systemusers", str(before[story.STORY_SALESPERSON].crm_id))
    pair = {"code": story.STORY_SALESPERSON, "userEmail": KAIA}
    payload = await couple(own_api, pairs=[pair], byEmail=True, createMissing=True)
    refused = [each for each in payload["results"] if not each["done"]]
    assert [(each["action"], each["code"]) for each in refused] == [("COUPLE", "RECORD_NOT_VISIBLE")]
    assert "does not say that it was deleted" in refused[0]["message"]
    assert "uncoupleRecords" in refused[0]["hint"]
    now = await couplings(own_api)
    assert {code: now[code] for code in before} == before


async def test_a_user_whose_salesperson_cannot_be_seen_gets_no_other_one(own_api: Api) -> None:
    before = await couplings(own_api)
    without(own_api, "salespeoplePurchasers", str(before[story.STORY_SALESPERSON].bc_id))
    jonas = by_email(await page(own_api))[JONAS]
    assert (jonas["coupled"], jonas["salespersonCode"], jonas["candidates"]) == ("YES", None, [])
    assert JONAS not in by_email(await page(own_api, shown=False))
    payload = await couple(own_api, createFor=[user_id(own_api, JONAS)], createMissing=True)
    of_jonas = [each for each in payload["results"] if each["user"]["number"] == JONAS]
    assert [(each["done"], each["code"]) for each in of_jonas] == [(False, "RECORD_NOT_VISIBLE")]
    assert (await couplings(own_api))[story.STORY_SALESPERSON] == before[story.STORY_SALESPERSON]


@pytest.mark.parametrize("path", ["salespeoplePurchasers", "systemusers"])
@pytest.mark.parametrize("dry", [False, True])
async def test_a_set_that_is_suddenly_empty_refuses_everything(own_api: Api, path: str, dry: bool) -> None:
    before = await couplings(own_api)
    without(own_api, path)
    payload = await couple(own_api, dry=dry, byEmail=True, createMissing=True)
    assert (payload["__typename"], payload["code"]) == ("UserError", "RECORD_NOT_VISIBLE")
    assert await couplings(own_api) == before
    assert not any(each.method == "PATCH" for each in (*own_api.dataverse.seen, *own_api.business_central.seen))


async def test_whether_a_partner_was_deleted_costs_one_request_more(own_api: Api) -> None:
    known = await couplings(own_api)
    own_api.sandbox.dataverse.delete("systemusers", str(known[story.STORY_SALESPERSON].crm_id))
    assert (await own_api.ask(PAGE)).cost == (3, 2)
    own_api.sandbox.dataverse.delete("systemusers", str(known["AB"].crm_id))
    assert (await own_api.ask(PAGE)).cost == (3, 2)


async def test_a_salesperson_who_is_just_being_created_is_left_alone(own_api: Api) -> None:
    now = datetime.now(UTC)
    coupling = Coupling(uuid4(), Mapping.SALESPERSON, company(own_api), uuid4(), UUID(user_id(own_api, KAIA)))
    intent = Intent(coupling.id, False, now)
    await books(own_api).changes.apply(Doing("other", now, Cause.CREATED), added=[coupling], begun=intent)
    payload = await couple(own_api, pairs=[{"code": "KT", "userEmail": KAIA}], createMissing=True)
    refused = [(each["action"], each["code"]) for each in payload["results"] if not each["done"]]
    assert refused == [("COUPLE", "ALREADY_COUPLED"), ("CREATE", "ALREADY_COUPLED")]


async def test_who_is_coupled_meanwhile_is_told(own_api: Api) -> None:
    """Between looking and saving somebody else couples the same two."""
    inner = own_api.dataverse.inner

    async def meddle(request: httpx.Request) -> httpx.Response:
        answer = await inner.handle_async_request(request)
        if "systemusers" in request.url.path:
            own_api.dataverse.instead = None
            await couple_behind(own_api)
        return answer

    own_api.dataverse.instead = meddle
    answer = await own_api.ask(COUPLE, {"input": {"byEmail": True, "dryRun": False}}, explain=False)
    (result,) = answer.data["coupleSalespersons"]["results"]
    assert (result["done"], result["code"]) == (False, "COUPLING_CHANGED")
    assert {each["number"] for each in result["records"]} == {"KT", KAIA}


async def couple_behind(api: Api) -> None:
    found = await api.in_business_central("GET", "salespeoplePurchasers?$filter=code eq 'ZW'")
    pair = UUID(found["value"][0]["id"]), UUID(user_id(api, KAIA))
    await store(api).add([Coupling(uuid4(), Mapping.SALESPERSON, company(api), *pair)])


# -- uncoupling, creating, the team ------------------------------------------------------------------------------------


async def test_who_is_uncoupled_is_coupled_again_by_name_only(own_api: Api) -> None:
    payload = await couple(own_api, uncouple=["jo"], byEmail=True, createMissing=True)
    assert ("UNCOUPLE", story.STORY_SALESPERSON, JONAS) in done(payload)
    assert not any(user == JONAS for action, _, user in done(payload) if action != "UNCOUPLE")
    assert story.STORY_SALESPERSON not in await couplings(own_api)
    pair = {"code": "JO", "userEmail": KAIA}
    swapped = await couple(own_api, uncouple=["KT"], pairs=[pair])
    assert done(swapped) == [("UNCOUPLE", "KT", KAIA), ("COUPLE", "JO", KAIA)]


@pytest.mark.parametrize(("code", "error"), [("KT", "NOT_COUPLED"), ("NOPE", "RECORD_NOT_FOUND")])
async def test_who_is_not_coupled_cannot_be_uncoupled(api: Api, code: str, error: str) -> None:
    (result,) = (await couple(api, dry=True, uncouple=[code]))["results"]
    assert (result["done"], result["code"]) == (False, error)


async def test_a_salesperson_is_created_with_the_name_and_address_of_the_user(own_api: Api) -> None:
    ruben = user_id(own_api, story.UNCOUPLED_OWNER)
    payload = await couple(own_api, createFor=[ruben])
    (result,) = payload["results"]
    code = result["salesperson"]["number"]
    assert (result["action"], result["done"], code) == ("CREATE", True, "SP NO. 00001")
    found = await own_api.in_business_central("GET", f"salespeoplePurchasers?$filter=code eq '{code}'")
    (seller,) = found["value"]
    assert (seller["displayName"], seller["email"]) == ("Ruben Castell", story.UNCOUPLED_OWNER)
    coupling = (await couplings(own_api))[code]
    assert (str(coupling.crm_id), str(coupling.bc_id)) == (ruben, seller["id"])
    assert not await books(own_api).intents.of([coupling.id])
    (again,) = (await couple(own_api, createFor=[ruben]))["results"]
    assert (again["code"], again["records"][0]["number"]) == ("DATAVERSE_ROW_TAKEN", code)


async def test_missing_salespersons_are_created_together(own_api: Api) -> None:
    payload = await couple(own_api, createMissing=True)
    codes = [code or "" for action, code, _ in done(payload) if action == "CREATE"]
    assert codes == sorted(codes)
    assert len(set(codes)) == len(codes) == 5
    users = (await page(own_api, shown=False))["nodes"]
    assert users == []


async def test_nobody_is_created_for_who_is_no_user(own_api: Api) -> None:
    unknown = str(uuid4())
    payload = await couple(own_api, createFor=[unknown, user_id(own_api, JONAS)])
    assert [each["code"] for each in payload["results"]] == ["RECORD_NOT_FOUND", "DATAVERSE_ROW_TAKEN"]
    stale = (await couplings(own_api))[story.STORY_SALESPERSON]
    found = await own_api.in_business_central("GET", f"salespeoplePurchasers?$filter=code eq '{stale.bc_key}'")
    own_api.sandbox.business_central.delete("salespeoplePurchasers", found["value"][0]["id"])
    payload = await couple(own_api, createFor=[str(stale.crm_id)])
    assert [each["done"] for each in payload["results"]] == [True], "the coupling with a deleted one ends"
    assert await store(own_api).get(stale.id) is None


async def test_coupled_users_become_members_of_the_default_team(own_api: Api) -> None:
    await couple(own_api, byEmail=True)
    nodes = (await own_api.ask(MEMBERS)).data["salespersonCoupling"]["nodes"]
    members = {each["email"]: each["defaultTeamMember"] for each in nodes}
    assert (members[KAIA], members[JONAS]) == (True, False)
    payload = await couple(own_api, addCoupledUsersToTeam=True)
    assert ("ADD_TO_TEAM", story.STORY_SALESPERSON, JONAS) in done(payload)
    assert DORIS not in [user for _, _, user in done(payload)], "who is disabled is left out"
    assert counters(await couple(own_api, addCoupledUsersToTeam=True), "addedToTeam", "failed") == [0, 0]


async def test_a_team_that_cannot_be_changed_is_told_and_undoes_nothing(own_api: Api) -> None:
    inner = own_api.dataverse.inner

    async def refuse(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(403, json={"error": {"code": "0x80040220", "message": "no"}}, request=request)
        return await inner.handle_async_request(request)

    own_api.dataverse.instead = refuse
    payload = await couple(own_api, byEmail=True)
    couple_result, team = payload["results"]
    assert (couple_result["done"], couple_result["joinedTeam"]) == (True, False)
    assert (team["action"], team["done"], team["code"]) == ("ADD_TO_TEAM", False, "BACKEND_REFUSED")
    assert story.UNCOUPLED_SALESPERSON in await couplings(own_api)


async def test_a_company_that_crm_does_not_know_has_no_team(own_api: Api) -> None:
    for row in list(own_api.sandbox.dataverse.select("bcbi_companies")):
        own_api.sandbox.dataverse.delete("bcbi_companies", row["bcbi_companyid"])
    payload = await couple(own_api, byEmail=True, addCoupledUsersToTeam=True)
    assert done(payload) == [("COUPLE", story.UNCOUPLED_SALESPERSON, KAIA)]
    assert payload["counters"]["addedToTeam"] == 0
    nodes = (await own_api.ask(MEMBERS)).data["salespersonCoupling"]["nodes"]
    assert {each["defaultTeamMember"] for each in nodes} == {None}


async def test_what_coupling_costs_does_not_depend_on_how_many(own_api: Api) -> None:
    await own_api.ask(MEMBERS)
    codes = list(await couplings(own_api))
    few = await own_api.ask(COUPLE, {"input": {"byEmail": True, "dryRun": False}})
    assert few.cost == (4, 3), "both sets, the team's members, the new member"
    await couple(own_api, uncouple=[code for code in codes if code != story.DISABLED_SALESPERSON])
    many = await own_api.ask(COUPLE, {"input": {"byEmail": True, "dryRun": False}})
    assert many.data["coupleSalespersons"]["counters"]["coupled"] == 9
    assert many.cost == few.cost
    created = await own_api.ask(COUPLE, {"input": {"createMissing": True, "dryRun": False}})
    assert created.data["coupleSalespersons"]["counters"]["created"] == 4
    assert created.cost[0] == 6, "besides the codes that are taken, and one batch of creations"


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({}, "input"),
        ({"pairs": [{"code": "KT"}]}, "pairs"),
        ({"pairs": [{"code": "KT", "userEmail": "a", "userId": str(UUID(int=1))}]}, "pairs"),
        ({"pairs": [{"code": " ", "userEmail": "a"}]}, "pairs"),
        ({"pairs": [{"code": "KT", "userEmail": "a"}] * 201}, "pairs"),
        ({"uncouple": ["x" * 251]}, "uncouple"),
        ({"createFor": [str(UUID(int=1))] * 101}, "createFor"),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_read(
    api: Api, input: dict[str, Any], field: str
) -> None:
    answer = await api.ask(COUPLE, {"input": input})
    payload = answer.data["coupleSalespersons"]
    assert (payload["__typename"], payload["code"], payload["field"]) == ("UserError", "INVALID_INPUT", field)
    assert answer.cost == (0, 0)


async def test_the_same_salesperson_in_another_company_is_another_coupling(own_api: Api) -> None:
    known = (await couplings(own_api))[story.STORY_SALESPERSON]
    await store(own_api).add([replace(known, id=uuid4(), company_id=UUID(int=7))])
    assert by_email(await page(own_api))[JONAS]["salespersonCode"] == story.STORY_SALESPERSON
    await couple(own_api, uncouple=["JO"])
    left = await store(own_api).find(Mapping.SALESPERSON, UUID(int=7), Side.DATAVERSE, [known.crm_id])
    assert len(left) == 1
