"""Two records are coupled: every branch of the rules, through the endpoint, with what it cost and what it left."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.coupling import Cause, Event, Mapping
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, WIDGET
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs

pytestmark = pytest.mark.anyio

FREE = story.CRM_ONLY_ACCOUNT
"""The name of an account that nobody is coupled with."""


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


async def test_two_free_records_are_coupled(pairs: Pairs) -> None:
    """Both systems are asked side by side; the way CRM marks companies is asked for once and then known."""
    account = await pairs.account(FREE)
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": account["accountId"]})
    found = answer.data["coupleRecords"]
    assert answer.errors == []
    assert answer.cost == (3, 2)
    customer = await pairs.customer(story.UNCOUPLED)
    assert found == {
        "__typename": "CoupleRecordsSuccess",
        "created": False,
        "synchronizedAt": None,
        "movedFrom": None,
        "ended": [],
        "problem": None,
        "coupling": {
            "id": customer["coupling"]["id"],
            "mapping": "CUSTOMER",
            "businessCentralId": customer["systemId"],
            "dataverseId": account["accountId"],
            "businessCentralKey": story.UNCOUPLED,
            "dataverseKey": story.CRM_ONLY_ACCOUNT_NUMBER,
            "createdBy": ADMIN.display_name,
        },
    }
    assert customer["account"]["name"] == FREE
    (line,) = await pairs.history(Mapping.CUSTOMER, customer["systemId"])
    assert (line.event, line.cause, line.by) == (Event.COUPLED, Cause.MANUAL, ADMIN.display_name)
    again = await pairs.couple(businessCentral={"number": story.CASE_MATCH}, dataverse={"name": "Sattelfest & Co"})
    assert again.data["coupleRecords"]["__typename"] == "CoupleRecordsSuccess"
    assert again.cost == (2, 1)


async def test_the_same_two_are_not_coupled_again(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    found = await pairs.refused(
        businessCentral={"number": story.HARBOUR}, dataverse={"id": harbour["account"]["accountId"]}, move=True
    )
    assert found["code"] == "ALREADY_COUPLED"
    assert [each["number"] for each in found["records"]] == [story.HARBOUR, story.HARBOUR]


async def test_a_record_that_has_another_row_is_refused_by_the_row_s_name(pairs: Pairs) -> None:
    """The second of Business Central's two forms."""
    account = await pairs.account(FREE)
    answer = await pairs.couple(businessCentral={"number": story.HARBOUR}, dataverse={"id": account["accountId"]})
    found = answer.data["coupleRecords"]
    assert answer.cost == (4, 3)
    assert found["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    assert found["message"] == (
        f"Customer {story.HARBOUR} (Harbour Bikes BV) cannot be coupled with account LEAD-001 ({FREE}), because that customer "
        f"is already coupled with account {story.HARBOUR} (Harbour Bikes BV)."
    )
    assert found["hint"] == (
        f"Uncouple account {story.HARBOUR} (Harbour Bikes BV) first, or set move to true: the coupling then leaves it."
    )
    assert (found["field"], found["records"]) == (
        "businessCentral",
        [{"system": "DATAVERSE", "kind": "account", "number": story.HARBOUR, "name": "Harbour Bikes BV"}],
    )


async def test_a_row_that_has_another_record_is_refused_by_the_record_s_name(pairs: Pairs) -> None:
    """The first of Business Central's two forms."""
    harbour = await pairs.customer(story.HARBOUR)
    found = await pairs.refused(
        businessCentral={"number": story.UNCOUPLED}, dataverse={"id": harbour["account"]["accountId"]}
    )
    assert found["code"] == "DATAVERSE_ROW_TAKEN"
    assert "that account is already coupled with customer C00210 (Harbour Bikes BV)" in found["message"]
    assert (found["field"], found["records"][0]["kind"]) == ("dataverse", "customer")


@pytest.mark.parametrize("move", [False, True])
async def test_when_both_are_taken_neither_is_moved(pairs: Pairs, move: bool) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    found = await pairs.refused(
        businessCentral={"number": story.CONFLICT}, dataverse={"id": harbour["account"]["accountId"]}, move=move
    )
    assert found["code"] == "DATAVERSE_ROW_TAKEN"
    assert [each["number"] for each in found["records"]] == [story.CONFLICT, story.HARBOUR]
    assert found["hint"].startswith("Uncouple account")
    assert "move" not in found["hint"]


async def test_a_coupled_record_moves_to_a_free_row_and_its_state_is_reset(pairs: Pairs) -> None:
    before = await pairs.customer(story.SKIPPED)
    account = await pairs.account(FREE)
    was = await pairs.of(Mapping.CUSTOMER, before["systemId"])
    assert was is not None
    assert was.skipped
    assert was.error_code
    assert was.bc_modified_at
    assert was.last_synchronized_at
    found = await pairs.coupled(
        businessCentral={"number": story.SKIPPED}, dataverse={"id": account["accountId"]}, move=True
    )
    assert found["movedFrom"] == {
        "businessCentralId": before["systemId"],
        "dataverseId": before["account"]["accountId"],
    }
    now = await pairs.of(Mapping.CUSTOMER, before["systemId"])
    assert now is not None
    assert str(now.crm_id) == account["accountId"]
    assert (now.id, now.skipped, now.error_code, now.error_message) == (was.id, False, None, None)
    assert {now.bc_modified_at, now.crm_modified_at, now.last_synchronized_at, now.last_result_to_crm} == {None}
    assert (await pairs.account(before["account"]["name"]))["coupling"] is None
    line, *_ = await pairs.history(Mapping.CUSTOMER, before["systemId"])
    assert (line.event, str(line.was_crm_id)) == (Event.MOVED, before["account"]["accountId"])


async def test_a_coupled_row_moves_to_an_uncoupled_record(pairs: Pairs) -> None:
    harbour = await pairs.customer(story.HARBOUR)
    await pairs.coupled(
        businessCentral={"number": story.UNCOUPLED}, dataverse={"id": harbour["account"]["accountId"]}, move=True
    )
    assert (await pairs.customer(story.HARBOUR))["coupling"] is None
    assert (await pairs.customer(story.UNCOUPLED))["account"]["name"] == "Harbour Bikes BV"


async def test_a_partner_that_was_deleted_in_crm_stands_in_nobody_s_way(pairs: Pairs) -> None:
    orphan = await pairs.customer(story.ORPHANED)
    was = await pairs.of(Mapping.CUSTOMER, orphan["systemId"])
    assert was is not None
    found = await pairs.coupled(businessCentral={"number": story.ORPHANED}, dataverse={"name": FREE})
    assert found["ended"] == [{"businessCentralId": orphan["systemId"], "dataverseId": str(was.crm_id)}]
    coupled, ended = await pairs.history(Mapping.CUSTOMER, orphan["systemId"])
    assert (coupled.event, ended.event, ended.cause) == (Event.COUPLED, Event.UNCOUPLED, Cause.STALE)


async def test_a_partner_that_was_deleted_in_business_central_stands_in_nobody_s_way(pairs: Pairs) -> None:
    old = await pairs.customer(story.NO_ENTRIES)
    await pairs.api.in_business_central("DELETE", f"customers({old['systemId']})")
    found = await pairs.coupled(
        businessCentral={"number": story.UNCOUPLED}, dataverse={"id": old["account"]["accountId"]}
    )
    assert [each["businessCentralId"] for each in found["ended"]] == [old["systemId"]]
    assert await pairs.of(Mapping.CUSTOMER, old["systemId"]) is None


async def test_whether_a_partner_still_exists_is_not_guessed(pairs: Pairs) -> None:
    """A coupling is not dropped because CRM does not answer."""
    account = await pairs.account(FREE)
    harbour = await pairs.customer(story.HARBOUR)
    await pairs.coupled(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": account["accountId"]})
    before = await pairs.all()
    lost = harbour["account"]["accountId"]

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, request=request)

    async def only_for_the_partner(request: httpx.Request) -> httpx.Response:
        if lost in str(request.url):
            return respond(request)
        return await pairs.api.dataverse.inner.handle_async_request(request)

    pairs.api.dataverse.instead = only_for_the_partner
    free = await pairs.account("Sattelfest & Co")
    answer = await pairs.couple(businessCentral={"number": story.HARBOUR}, dataverse={"id": free["accountId"]})
    assert (answer.data["coupleRecords"], answer.codes) == (None, ["BACKEND_UNREACHABLE"])
    assert await pairs.all() == before


def hide(pairs: Pairs, account: str, changed: Callable[[bytes], bytes]) -> None:
    """From now on lists leave the account out; what CRM answers to batches is changed."""
    inner = pairs.api.dataverse.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and account in str(request.url):
            return httpx.Response(200, json={"value": []}, request=request)
        answer = await inner.handle_async_request(request)
        if request.url.path.endswith("/$batch"):
            headers = {"Content-Type": answer.headers["Content-Type"]}
            return httpx.Response(200, content=changed(await answer.aread()), headers=headers, request=request)
        return answer

    pairs.api.dataverse.instead = respond


def refusing(status: int, code: str) -> Callable[[bytes], bytes]:
    """How CRM's answer to a look by id is changed: the row is there, and is refused."""

    def changed(content: bytes) -> bytes:
        body = json.dumps({"error": {"code": code, "message": "no"}}).encode()
        return re.sub(
            rb"HTTP/1.1 200 OK\r\n.*?\r\n\r\n.*?(?=\r\n--)",
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n\r\n%s" % (status, body),
            content,
            flags=re.DOTALL,
        )

    return changed


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        (lambda content: content, "it is there"),
        (refusing(403, "0x80040220"), "it may not be read"),
        (refusing(404, "0x80060888"), "the set is unknown"),
        (refusing(404, ""), "a 404 of somebody else"),
        (refusing(400, "0x80040217"), "another status"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_a_partner_that_cannot_be_seen_is_not_taken_for_deleted(
    pairs: Pairs, changed: Callable[[bytes], bytes], name: str
) -> None:
    """A list leaves out what rights hide; only CRM's own "does not exist" ends a coupling."""
    harbour, free = await pairs.customer(story.HARBOUR), await pairs.account(FREE)
    hide(pairs, harbour["account"]["accountId"], changed)
    found = await pairs.refused(businessCentral={"number": story.HARBOUR}, dataverse={"id": free["accountId"]})
    assert found["code"] == "RECORD_NOT_VISIBLE", name
    assert found["message"] == (
        f"Account {story.HARBOUR} cannot be seen in Dataverse, which does not say that it was deleted. Nothing was ended."
    )
    assert found["records"][0]["number"] == story.HARBOUR


async def test_a_partner_of_which_crm_says_that_it_does_not_exist_is_deleted(pairs: Pairs) -> None:
    harbour, free = await pairs.customer(story.HARBOUR), await pairs.account(FREE)
    hide(pairs, harbour["account"]["accountId"], refusing(404, "0x80040217"))
    found = await pairs.coupled(businessCentral={"number": story.HARBOUR}, dataverse={"id": free["accountId"]})
    assert [each["dataverseId"] for each in found["ended"]] == [harbour["account"]["accountId"]]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"businessCentral": {"number": "C'%_99"}}, "customer with the number C'%_99 in Business Central"),
        ({"businessCentral": {"id": str(uuid4())}}, "customer with the id"),
        ({"dataverse": {"number": "O'Neill"}}, "account with the number O'Neill in Dataverse"),
        ({"dataverse": {"name": "No such [name] 100%"}}, "account with the name No such [name] 100% in Dataverse"),
        ({"dataverse": {"id": str(uuid4())}}, "account with the id"),
    ],
    ids=["number", "id", "row number", "row name", "row id"],
)
async def test_a_record_that_does_not_exist(pairs: Pairs, given: dict[str, Any], what: str) -> None:
    sides = {"businessCentral": {"number": story.UNCOUPLED}, "dataverse": {"name": FREE}}
    found = await pairs.refused(**{**sides, **given})
    assert found["code"] == "RECORD_NOT_FOUND"
    assert found["message"].startswith("There is no ")
    assert what in found["message"]
    assert found["field"] == next(iter(given))


async def test_a_name_that_two_accounts_have_means_neither(pairs: Pairs) -> None:
    name = (await pairs.customer(story.AMBIGUOUS_MATCH))["displayName"]
    found = await pairs.refused(businessCentral={"number": story.UNCOUPLED}, dataverse={"name": name})
    assert (found["code"], found["field"]) == ("INVALID_INPUT", "dataverse")
    assert [each["name"] for each in found["records"]] == [name, name]
    assert "by its id" in found["hint"]


async def test_names_and_numbers_with_quotes(pairs: Pairs) -> None:
    coupled = await pairs.customer(story.QUOTED_NUMBER)
    assert coupled["coupling"] is not None
    assert (await pairs.uncouple(coupled["coupling"]["id"])).errors == []
    found = await pairs.coupled(
        businessCentral={"number": story.QUOTED_NUMBER}, dataverse={"number": story.QUOTED_NUMBER}
    )
    assert found["coupling"]["businessCentralKey"] == found["coupling"]["dataverseKey"] == story.QUOTED_NUMBER


async def test_a_blocked_customer(pairs: Pairs) -> None:
    found = await pairs.refused(businessCentral={"number": story.BLOCKED}, dataverse={"name": FREE})
    assert (found["code"], found["field"]) == ("RECORD_BLOCKED", "businessCentral")
    assert found["message"].startswith(f"Customer {story.BLOCKED} (")
    assert found["hint"] == "Set Blocked to blank on its card in Business Central."


OUTSIDE: dict[str, tuple[dict[str, Any], str]] = {
    "inactive": ({"statecode": 1, "statuscode": 2}, "is inactive"),
    "no customer": ({"customertypecode": 8}, "is not of the relationship type Customer"),
    "both": (
        {"statecode": 1, "statuscode": 2, "customertypecode": 8},
        "is inactive and is not of the relationship type",
    ),
}


@pytest.mark.parametrize("change", OUTSIDE)
async def test_an_account_outside_the_filter(pairs: Pairs, change: str) -> None:
    values, words = OUTSIDE[change]
    account = await pairs.account(FREE)
    await pairs.api.in_dataverse("PATCH", f"accounts({account['accountId']})", values)
    found = await pairs.refused(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": account["accountId"]})
    assert (found["code"], found["field"]) == ("RECORD_OUTSIDE_FILTER", "dataverse")
    assert found["message"].startswith(f"Account LEAD-001 ({FREE}) {words}")


async def test_an_account_of_another_company(pairs: Pairs) -> None:
    account = await pairs.account(FREE)
    other = {"bcbi_companyid": str(uuid4()), "bcbi_name": "Elsewhere", "bcbi_externalid": str(uuid4())}
    await pairs.api.in_dataverse("POST", "bcbi_companies", other)
    way = {"bcbi_companyid@odata.bind": f"/bcbi_companies({other['bcbi_companyid']})"}
    await pairs.api.in_dataverse("PATCH", f"accounts({account['accountId']})", way)
    found = await pairs.refused(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": account["accountId"]})
    assert found["code"] == "RECORD_OUTSIDE_FILTER"
    assert "belongs to another company" in found["message"]


async def test_a_product_of_another_type(pairs: Pairs) -> None:
    made = await product(pairs, {"producttypecode": 3})
    found = await pairs.refused(
        mapping="ITEM", businessCentral={"number": story.UNCOUPLED_ITEM}, dataverse={"id": made}
    )
    assert found["code"] == "RECORD_OUTSIDE_FILTER"
    assert "Sales Inventory" in found["message"]
    assert "Sales Inventory" in found["hint"]


async def product(pairs: Pairs, values: dict[str, Any] | None = None) -> str:
    """A new active product that is coupled with nothing."""
    api, id = pairs.api, str(uuid4())
    like = (await api.in_dataverse("GET", "products?$select=_defaultuomid_value,_defaultuomscheduleid_value&$top=1"))[
        "value"
    ][0]
    row = {
        "productid": id,
        "name": "Spare saddle 'Ö'",
        "productnumber": "SPARE'1",
        "producttypecode": 1,
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": f"/uoms({like['_defaultuomid_value']})",
        "defaultuomscheduleid@odata.bind": f"/uomschedules({like['_defaultuomscheduleid_value']})",
    }
    await api.in_dataverse("POST", "products", row | (values or {}))
    await api.in_dataverse("PATCH", f"products({id})", {"statecode": 0, "statuscode": 1})
    return id


Made = Callable[[Pairs], Any]


async def of_items(pairs: Pairs) -> dict[str, Any]:
    return {"businessCentral": {"number": story.UNCOUPLED_ITEM}, "dataverse": {"id": await product(pairs)}}


async def of_salespersons(pairs: Pairs) -> dict[str, Any]:
    return {
        "businessCentral": {"number": story.UNCOUPLED_SALESPERSON},
        "dataverse": {"number": "kaia.thorsen@wheelhouse.example"},
    }


async def of_currencies(pairs: Pairs) -> dict[str, Any]:
    row = {"isocurrencycode": "PLN", "currencyname": "Zloty", "currencysymbol": "zł", "exchangerate": Decimal("4.32")}
    await pairs.api.in_dataverse("POST", "transactioncurrencies", row | {"currencyprecision": 2})
    return {"businessCentral": {"number": "PLN"}, "dataverse": {"number": "PLN"}}


async def of_units(pairs: Pairs) -> dict[str, Any]:
    await pairs.api.in_business_central("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    await pairs.api.in_dataverse("POST", "uomschedules", {"name": "NAV CRATE", "baseuomname": "CRATE"})
    return {"businessCentral": {"number": "CRATE"}, "dataverse": {"number": "CRATE"}}


async def of_payment_terms(_: Pairs) -> dict[str, Any]:
    return {"businessCentral": {"number": "14 DAYS"}, "dataverse": {"name": "2% 10, Net 30"}}


async def of_shipment_methods(pairs: Pairs) -> dict[str, Any]:
    coupled = (await pairs.api.ask("{ couplings(mapping: SHIPMENT_METHOD, first: 9) { nodes { id } } }")).data[
        "couplings"
    ]
    await pairs.uncouple(*(each["id"] for each in coupled["nodes"]))
    return {"businessCentral": {"number": "EXW"}, "dataverse": {"number": "1"}}


async def of_contacts(pairs: Pairs) -> dict[str, Any]:
    harbour = await pairs.customer(story.HARBOUR)
    person = {"type": "Person", "displayName": "Nils O'Brien", "companyNumber": "CT00210"}
    made = await pairs.api.in_business_central("POST", "contacts", person)
    row = {
        "contactid": str(uuid4()),
        "firstname": "Nils",
        "lastname": "O'Brien",
        "parentcustomerid_account@odata.bind": f"/accounts({harbour['account']['accountId']})",
    }
    await pairs.api.in_dataverse("POST", "contacts", row)
    return {"businessCentral": {"id": made["id"]}, "dataverse": {"id": row["contactid"]}}


async def of_opportunities(pairs: Pairs) -> dict[str, Any]:
    name = story.MATCHING_OPPORTUNITY_NAME
    return {"businessCentral": {"number": story.MATCHING_OPPORTUNITY}, "dataverse": {"name": name}}


async def of_vendors(pairs: Pairs) -> dict[str, Any]:
    return {"businessCentral": {"number": story.VENDOR_MATCH}, "dataverse": {"number": "SUPPLIER-01"}}


@pytest.mark.parametrize(
    ("mapping", "given"),
    [
        ("VENDOR", of_vendors),
        ("ITEM", of_items),
        ("SALESPERSON", of_salespersons),
        ("CURRENCY", of_currencies),
        ("UNIT_OF_MEASURE", of_units),
        ("PAYMENT_TERMS", of_payment_terms),
        ("SHIPMENT_METHOD", of_shipment_methods),
        ("CONTACT", of_contacts),
        ("OPPORTUNITY", of_opportunities),
    ],
)
async def test_every_mapping_couples(pairs: Pairs, mapping: str, given: Made) -> None:
    sides = await given(pairs)
    found = await pairs.coupled(mapping=mapping, **sides)
    assert found["coupling"]["mapping"] == mapping
    again = await pairs.refused(mapping=mapping, **sides)
    assert again["code"] == "ALREADY_COUPLED"


async def test_a_contact_that_is_a_company_is_coupled_as_a_customer(pairs: Pairs) -> None:
    sides = await of_contacts(pairs)
    found = await pairs.refused(mapping="CONTACT", businessCentral={"number": "CT00210"}, dataverse=sides["dataverse"])
    assert found["code"] == "RECORD_OUTSIDE_FILTER"
    assert "is a company, not a person" in found["message"]


async def test_a_closed_opportunity_is_not_coupled(pairs: Pairs) -> None:
    given = {"mapping": "OPPORTUNITY", "dataverse": {"name": story.MATCHING_OPPORTUNITY_NAME}}
    found = await pairs.refused(**given, businessCentral={"number": story.WON_OPPORTUNITY})
    assert (found["code"], "is closed" in found["message"]) == ("RECORD_OUTSIDE_FILTER", True)


async def test_a_disabled_user_is_not_coupled(pairs: Pairs) -> None:
    await pairs.api.in_dataverse(
        "PATCH", f"systemusers({await user(pairs, 'kaia.thorsen@wheelhouse.example')})", {"isdisabled": True}
    )
    found = await pairs.refused(mapping="SALESPERSON", **await of_salespersons(pairs))
    assert (found["code"], "is disabled" in found["message"]) == ("RECORD_OUTSIDE_FILTER", True)


async def user(pairs: Pairs, email: str) -> str:
    found = await pairs.api.in_dataverse(
        "GET", f"systemusers?$filter=internalemailaddress eq '{email}'&$select=fullname"
    )
    id: str = found["value"][0]["systemuserid"]
    return id


@pytest.mark.parametrize("side", ["business_central", "dataverse"])
async def test_with_a_backend_that_is_away_nothing_is_coupled(pairs: Pairs, side: str) -> None:
    account = await pairs.account(FREE)
    before = await pairs.all()
    getattr(pairs.api, side).instead = lambda request: httpx.Response(503, request=request)
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": account["accountId"]})
    assert (answer.data["coupleRecords"], answer.codes) == (None, ["BACKEND_UNREACHABLE"])
    assert await pairs.all() == before


@pytest.mark.parametrize(
    "given",
    [
        {"businessCentral": {"number": " "}},
        {"businessCentral": {"create": False}},
        {"dataverse": {"number": "x" * 251}},
        {"dataverse": {"name": "\0"}},
        {"businessCentral": {"create": True}, "dataverse": {"create": True}},
    ],
    ids=["blank", "create false", "too long", "NUL", "both created"],
)
async def test_input_that_cannot_be_used(pairs: Pairs, given: dict[str, Any]) -> None:
    sides = {"businessCentral": {"number": story.UNCOUPLED}, "dataverse": {"name": FREE}}
    found = await pairs.refused(**{**sides, **given})
    assert found["code"] == "INVALID_INPUT"


async def test_who_may_couple(pairs: Pairs) -> None:
    given: dict[str, Any] = {"businessCentral": {"number": story.UNCOUPLED}, "dataverse": {"name": FREE}}
    for person in (WIDGET, NOBODY):
        answer = await pairs.couple(person=person, explain=False, **given)
        assert (answer.data["coupleRecords"], answer.codes) == (None, ["FORBIDDEN"])
    found = (await pairs.couple(person=SALES, explain=False, **given)).data["coupleRecords"]
    assert found["coupling"]["createdBy"] == SALES.display_name


async def test_a_record_that_got_a_partner_while_we_looked(pairs: Pairs) -> None:
    """The database decides, and the refusal names who was faster."""
    account = await pairs.account(FREE)
    faster = await pairs.customer(story.CASE_MATCH)
    changes = pairs.books.changes
    apply, done = changes.apply, False

    async def late(*given: Any, **named: Any) -> None:
        nonlocal done
        if not done:
            done = True
            (wanted,) = named["added"]
            await apply(
                *given, added=[replace(wanted, id=uuid4(), bc_id=UUID(faster["systemId"]), bc_key=story.CASE_MATCH)]
            )
        await apply(*given, **named)

    changes.apply = late  # type: ignore[method-assign]
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse={"id": account["accountId"]})
    found = answer.data["coupleRecords"]
    assert found["code"] == "DATAVERSE_ROW_TAKEN"
    assert found["records"][0]["number"] == story.CASE_MATCH
