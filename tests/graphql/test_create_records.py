"""A record is created on the side that lacks it, and coupled: one record and one coupling, whatever happens in between."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Cause, Event, Mapping, Result
from gateway.pairing.recovery import recover
from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs

pytestmark = pytest.mark.anyio

NEW: dict[str, Any] = {"create": True}


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


async def row(pairs: Pairs, path: str) -> Any:
    return await pairs.api.in_dataverse("GET", path)


async def test_an_account_is_created_from_a_customer(pairs: Pairs) -> None:
    await pairs.api.in_business_central(
        "PATCH",
        f"customers({(await pairs.customer(story.UNCOUPLED))['systemId']})",
        {"salespersonCode": "JO", "city": "Ystad"},
    )
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    found = answer.data["coupleRecords"]
    assert answer.errors == []
    assert (found["created"], found["problem"]) == (True, None)
    assert found["synchronizedAt"] is not None
    customer = await pairs.customer(story.UNCOUPLED)
    made = await row(pairs, f"accounts({found['coupling']['dataverseId']})")
    assert (made["name"], made["address1_city"]) == (customer["displayName"], "Ystad")
    assert (made["customertypecode"], made["statecode"]) == (3, 0)
    assert made["_bcbi_companyid_value"]
    owner = await row(pairs, f"systemusers({made['_owninguser_value']})?$select=fullname")
    assert owner["fullname"] == "Jonas Okafor"
    coupling = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert coupling is not None
    assert coupling.last_result_to_crm is Result.SUCCESS
    assert coupling.bc_modified_at is not None
    assert coupling.base is not None
    assert coupling.base["displayName"] == customer["displayName"]
    (line,) = await pairs.history(Mapping.CUSTOMER, customer["systemId"])
    assert (line.event, line.cause) == (Event.COUPLED, Cause.CREATED)
    assert await pairs.books.intents.of([coupling.id]) == {}


async def test_what_it_costs_when_all_is_known(pairs: Pairs) -> None:
    """The record, whom its salesperson's code stands for, and the write; the rest is known for an hour."""
    await pairs.coupled(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    one, other = [
        f"customers({(await pairs.customer(each))['systemId']})" for each in (story.UNCOUPLED, story.CASE_MATCH)
    ]
    found = await pairs.api.in_business_central("GET", one)
    same = {name: found[name] for name in ("paymentTermsId", "shipmentMethodId")}
    await pairs.api.in_business_central("PATCH", other, same)
    answer = await pairs.couple(businessCentral={"number": story.CASE_MATCH}, dataverse=NEW)
    assert answer.errors == []
    assert answer.cost == (3, 3)


async def test_a_customer_is_created_from_an_account(pairs: Pairs) -> None:
    account = await pairs.account(story.CRM_ONLY_ACCOUNT)
    found = await pairs.coupled(businessCentral=NEW, dataverse={"id": account["accountId"]})
    number = found["coupling"]["businessCentralKey"]
    assert number
    assert (await pairs.customer(number))["displayName"] == story.CRM_ONLY_ACCOUNT


async def test_a_product_is_created_from_an_item_and_activated(pairs: Pairs) -> None:
    found = await pairs.coupled(mapping="ITEM", businessCentral={"number": story.UNCOUPLED_ITEM}, dataverse=NEW)
    made = await row(pairs, f"products({found['coupling']['dataverseId']})")
    assert (made["productnumber"], made["statecode"], made["producttypecode"]) == (story.UNCOUPLED_ITEM, 0, 1)
    assert found["coupling"]["dataverseKey"] == story.UNCOUPLED_ITEM


async def test_a_contact_is_created_below_the_account_of_its_customer(pairs: Pairs) -> None:
    person = {"type": "Person", "displayName": "Nils Olaf O'Brien", "companyNumber": "CT00210"}
    made = await pairs.api.in_business_central("POST", "contacts", person)
    found = await pairs.coupled(mapping="CONTACT", businessCentral={"id": made["id"]}, dataverse=NEW)
    contact = await row(pairs, f"contacts({found['coupling']['dataverseId']})")
    harbour = await pairs.customer(story.HARBOUR)
    assert (contact["firstname"], contact["middlename"], contact["lastname"]) == ("Nils", "Olaf", "O'Brien")
    assert contact["_parentcustomerid_value"] == harbour["account"]["accountId"]


async def test_a_salesperson_is_created_from_a_user(pairs: Pairs) -> None:
    given = {"mapping": "SALESPERSON", "businessCentral": NEW, "dataverse": {"number": story.UNCOUPLED_OWNER}}
    found = await pairs.coupled(**given)
    assert found["coupling"]["businessCentralKey"] == "SP NO. 00001"


async def test_a_currency_and_a_unit_are_created_in_crm(pairs: Pairs) -> None:
    currency = await pairs.coupled(mapping="CURRENCY", businessCentral={"number": "PLN"}, dataverse=NEW)
    made = await row(pairs, f"transactioncurrencies({currency['coupling']['dataverseId']})")
    assert made["isocurrencycode"] == "PLN"
    assert 4 < made["exchangerate"] < 5
    await pairs.api.in_business_central("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    unit = await pairs.coupled(mapping="UNIT_OF_MEASURE", businessCentral={"number": "CRATE"}, dataverse=NEW)
    group = await row(pairs, f"uomschedules({unit['coupling']['dataverseId']})")
    assert (group["name"], group["baseuomname"]) == ("NAV CRATE", "CRATE")


@pytest.mark.parametrize("mapping", ["CURRENCY", "UNIT_OF_MEASURE"])
async def test_a_mapping_that_only_goes_to_crm_creates_nothing_in_business_central(pairs: Pairs, mapping: str) -> None:
    found = await pairs.refused(mapping=mapping, businessCentral=NEW, dataverse={"number": "USD"})
    assert (found["code"], found["field"]) == ("DIRECTION_NOT_ALLOWED", "synchronize")
    assert "then couple the two" in found["hint"]


async def test_a_user_is_never_created(pairs: Pairs) -> None:
    given = {"mapping": "SALESPERSON", "businessCentral": {"number": story.SALESPERSON_WITHOUT_USER}, "dataverse": NEW}
    assert (await pairs.refused(**given))["code"] == "DIRECTION_NOT_ALLOWED"


async def test_without_a_coupled_salesperson_nothing_is_created(pairs: Pairs) -> None:
    """The owner rule, found out before anything is saved."""
    customer = await pairs.customer(story.UNCOUPLED)
    change = {"salespersonCode": story.UNCOUPLED_SALESPERSON}
    await pairs.api.in_business_central("PATCH", f"customers({customer['systemId']})", change)
    found = await pairs.refused(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    assert found["code"] == "SALESPERSON_NOT_COUPLED"
    assert story.UNCOUPLED_SALESPERSON in {each["number"] for each in found["records"]}
    assert "coupleSalespersons" in found["hint"]


async def test_for_a_record_that_has_a_partner_nothing_is_created(pairs: Pairs) -> None:
    found = await pairs.refused(businessCentral={"number": story.HARBOUR}, dataverse=NEW)
    assert found["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    assert "already coupled with account C00210 (Harbour Bikes BV)" in found["message"]


async def test_a_record_whose_partner_was_deleted_gets_a_new_one(pairs: Pairs) -> None:
    found = await pairs.coupled(businessCentral={"number": story.ORPHANED}, dataverse=NEW)
    assert len(found["ended"]) == 1
    assert (await pairs.customer(story.ORPHANED))["account"] is not None


async def test_data_is_written_to_either_side_after_coupling(pairs: Pairs) -> None:
    customer = await pairs.customer(story.CASE_MATCH)
    given = {"businessCentral": {"number": story.CASE_MATCH}, "dataverse": {"name": customer["displayName"].upper()}}
    found = await pairs.coupled(**given, synchronize="USE_BUSINESS_CENTRAL_DATA")
    assert found["synchronizedAt"] is not None
    assert (await pairs.customer(story.CASE_MATCH))["account"]["name"] == customer["displayName"]
    await pairs.uncouple((await pairs.customer(story.NUMBER_MATCH) or {}).get("coupling") or found["coupling"]["id"])
    given = {"businessCentral": {"number": story.NUMBER_MATCH}, "dataverse": {"name": "Sattelfest & Co"}}
    await pairs.coupled(**given, synchronize="USE_DATAVERSE_DATA")
    assert (await pairs.customer(story.NUMBER_MATCH))["displayName"] == "Sattelfest & Co"


async def test_a_write_that_fails_leaves_the_coupling_and_says_why(pairs: Pairs) -> None:
    name = (await pairs.customer(story.CASE_MATCH))["displayName"]

    async def no_writes(request: httpx.Request) -> httpx.Response:
        if b"PATCH" in request.content or request.method == "PATCH":
            body = {"error": {"code": "0x80040220", "message": "Missing prvWriteAccount."}}
            return httpx.Response(403, json=body, request=request)
        return await pairs.api.dataverse.inner.handle_async_request(request)

    pairs.api.dataverse.instead = no_writes
    given = {"businessCentral": {"number": story.CASE_MATCH}, "dataverse": {"name": name.upper()}}
    found = await pairs.coupled(**given, synchronize="USE_BUSINESS_CENTRAL_DATA")
    assert (found["synchronizedAt"], found["problem"]["code"]) == (None, "BACKEND_REFUSED")
    coupling = await pairs.of(Mapping.CUSTOMER, found["coupling"]["businessCentralId"])
    assert coupling is not None
    assert (coupling.last_result_to_crm, coupling.error_code) == (Result.FAILURE, "BACKEND_REFUSED")


async def test_what_crm_refuses_to_create_leaves_nothing(pairs: Pairs) -> None:
    before = await pairs.all()

    async def refusing(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" or request.url.path.endswith("$batch"):
            return httpx.Response(400, json={"error": {"code": "0x80040203", "message": "No."}}, request=request)
        return await pairs.api.dataverse.inner.handle_async_request(request)

    pairs.api.dataverse.instead = refusing
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    assert (answer.data["coupleRecords"], answer.codes) == (None, ["BACKEND_REJECTED"])
    assert await pairs.all() == before


async def test_two_callers_who_create_at_once_make_one_record(pairs: Pairs) -> None:
    count = await accounts(pairs)
    for number in (story.UNCOUPLED, story.CASE_MATCH, story.NUMBER_MATCH, story.AMBIGUOUS_MATCH):
        answers = await asyncio.gather(
            *(pairs.couple(businessCentral={"number": number}, dataverse=NEW, explain=False) for _ in range(3))
        )
        told = sorted(each.data["coupleRecords"]["__typename"] for each in answers)
        assert told == ["CoupleRecordsSuccess", "UserError", "UserError"]
        codes = {each.data["coupleRecords"].get("code") for each in answers} - {None}
        assert codes <= {"ALREADY_COUPLED", "BUSINESS_CENTRAL_RECORD_TAKEN"}
    assert await accounts(pairs) == count + 4


async def accounts(pairs: Pairs) -> int:
    return len((await row(pairs, "accounts?$select=name"))["value"])


async def test_an_answer_that_is_lost_leaves_a_coupling_that_is_finished_later(pairs: Pairs) -> None:
    """Nobody knows whether the account is there: it is not created a second time."""
    count = await accounts(pairs)
    lost = 0

    async def losing(request: httpx.Request) -> httpx.Response:
        nonlocal lost
        answer = await pairs.api.dataverse.inner.handle_async_request(request)
        if lost or request.method == "PATCH" or request.url.path.endswith("$batch"):
            lost += 1
            raise httpx.ReadError("the connection broke", request=request)
        return answer

    pairs.api.dataverse.instead = losing
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    assert answer.codes == ["BACKEND_UNREACHABLE"]
    pairs.api.dataverse.instead = None
    assert await accounts(pairs) == count + 1
    meanwhile = await pairs.couple(
        businessCentral={"number": story.UNCOUPLED}, dataverse={"name": story.CRM_ONLY_ACCOUNT}
    )
    assert meanwhile.data["coupleRecords"]["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"


async def test_what_is_being_created_is_not_taken_for_hidden(pairs: Pairs) -> None:
    """The list was read before the account was there, its address would be asked after that."""
    before = {each["accountid"] for each in (await row(pairs, "accounts?$select=name"))["value"]}
    inner = pairs.api.dataverse.inner

    async def losing(request: httpx.Request) -> httpx.Response:
        answer = await inner.handle_async_request(request)
        if request.method == "PATCH" or request.url.path.endswith("$batch"):
            raise httpx.ReadError("the connection broke", request=request)
        return answer

    async def late(request: httpx.Request) -> httpx.Response:
        answer = await inner.handle_async_request(request)
        if request.method != "GET" or not request.url.path.endswith("/accounts"):
            return answer
        body = json.loads(await answer.aread())
        rows = [each for each in body["value"] if each["accountid"] in before]
        return httpx.Response(200, json=body | {"value": rows}, request=request)

    pairs.api.dataverse.instead = losing
    await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    pairs.api.dataverse.instead = late
    answer = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse={"name": story.CRM_ONLY_ACCOUNT})
    assert answer.data["coupleRecords"]["code"] == "ALREADY_COUPLED"


@pytest.mark.parametrize(
    ("mapping", "number", "set_name", "row_values"),
    [
        (
            "CURRENCY",
            "PLN",
            "transactioncurrencies",
            {"isocurrencycode": "PLN", "currencyname": "Zloty", "currencysymbol": "zł", "currencyprecision": 2},
        ),
        ("UNIT_OF_MEASURE", "CRATE", "uomschedules", {"name": "NAV CRATE", "baseuomname": "CRATE"}),
    ],
)
async def test_a_row_that_goes_by_the_same_natural_key_is_taken_instead_of_a_new_one(
    pairs: Pairs, mapping: str, number: str, set_name: str, row_values: dict[str, Any]
) -> None:
    """Business Central matches currencies by ISO code and units by the name of their group, without being asked."""
    if mapping == "UNIT_OF_MEASURE":
        await pairs.api.in_business_central("POST", "unitsOfMeasure", {"code": number, "displayName": "Crate"})
    else:
        row_values |= {"exchangerate": Decimal("4.2")}
    await pairs.api.in_dataverse("POST", set_name, row_values)
    before = len((await row(pairs, set_name))["value"])
    found = await pairs.coupled(mapping=mapping, businessCentral={"number": number}, dataverse=NEW)
    assert (found["created"], found["problem"]) == (False, None)
    assert found["synchronizedAt"] is not None
    assert len((await row(pairs, set_name))["value"]) == before


async def test_a_refusal_after_a_lost_answer_does_not_forget_the_record_that_is_there(pairs: Pairs) -> None:
    """The account was created and nobody heard of it; whoever takes it up is refused, and the coupling stays."""
    count = await accounts(pairs)
    refusing = False

    async def crm(request: httpx.Request) -> httpx.Response:
        writes = request.method == "PATCH" or b"PATCH" in request.content
        if writes and refusing:
            body = {"error": {"code": "0x80040220", "message": "Missing prvCreateAccount."}}
            return httpx.Response(403, json=body, request=request)
        answer = await pairs.api.dataverse.inner.handle_async_request(request)
        if writes:
            raise httpx.ReadError("the connection broke", request=request)
        return answer

    pairs.api.dataverse.instead = crm
    lost = await pairs.couple(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW, explain=False)
    assert lost.errors or lost.data["coupleRecords"]["__typename"] == "CoupleRecordsSuccess"
    customer = await pairs.customer(story.UNCOUPLED)
    coupling = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert coupling is not None
    refusing = True
    services = pairs.api.app.state.running.services
    desk = services.desks.of_job(pairs.company, "recovery", seconds=30, name="recovery")
    await recover(lambda company: desk, pairs.books, before=datetime.now(UTC))
    assert await pairs.of(Mapping.CUSTOMER, customer["systemId"]) is not None
    pairs.api.dataverse.instead = None
    await recover(lambda company: desk, pairs.books, before=datetime.now(UTC))
    assert await accounts(pairs) == count + 1
    assert (await pairs.customer(story.UNCOUPLED))["account"]["name"] == customer["displayName"]


async def test_a_creation_that_ends_while_somebody_looks_is_not_taken_for_stale(pairs: Pairs) -> None:
    """The second caller reads CRM before the account is there, and our table after the first one is done."""
    count = await accounts(pairs)
    first_done = asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        answer = await pairs.api.dataverse.inner.handle_async_request(request)
        if request.method == "GET" and "accountid%20eq" in str(request.url) and not first_done.is_set():
            await first_done.wait()
        if request.method == "PATCH" or b"PATCH" in request.content:
            first_done.set()
        return answer

    pairs.api.dataverse.instead = slow
    given = {"businessCentral": {"number": story.UNCOUPLED}, "dataverse": NEW}
    answers = await asyncio.gather(*(pairs.couple(**given, explain=False) for _ in range(2)))  # type: ignore[arg-type]
    pairs.api.dataverse.instead = None
    told = sorted(each.data["coupleRecords"]["__typename"] for each in answers)
    assert told == ["CoupleRecordsSuccess", "UserError"]
    assert await accounts(pairs) == count + 1


async def test_a_side_that_shows_nothing_at_all_is_not_taken_for_deleted(pairs: Pairs) -> None:
    """The gateway's rights on accounts are gone: a good coupling does not end for that."""
    before = await pairs.all()

    async def blind(request: httpx.Request) -> httpx.Response:
        if "/accounts?" in str(request.url):
            return httpx.Response(200, json={"value": []}, request=request)
        return await pairs.api.dataverse.inner.handle_async_request(request)

    pairs.api.dataverse.instead = blind
    answer = await pairs.couple(businessCentral={"number": story.HARBOUR}, dataverse=NEW, explain=False)
    found = answer.data["coupleRecords"]
    assert (found["code"], "cannot be seen" in found["message"]) == ("RECORD_NOT_VISIBLE", True)
    assert await pairs.all() == before


async def test_a_row_that_was_not_asked_for_is_not_coupled(pairs: Pairs) -> None:
    before = await pairs.all()
    wrong = (await pairs.account("Sattelfest & Co"))["accountId"]
    right = (await pairs.account(story.CRM_ONLY_ACCOUNT))["accountId"]

    async def lying(request: httpx.Request) -> httpx.Response:
        answer = await pairs.api.dataverse.inner.handle_async_request(request)
        body = (await answer.aread()).replace(right.encode(), wrong.encode())
        return httpx.Response(answer.status_code, content=body, request=request)

    pairs.api.dataverse.instead = lying
    given = {"businessCentral": {"number": story.UNCOUPLED}, "dataverse": {"id": right}}
    answer = await pairs.couple(**given, explain=False)  # type: ignore[arg-type]
    assert answer.codes == ["BACKEND_PROTOCOL_ERROR"]
    assert await pairs.all() == before


async def broken_off(pairs: Pairs, number: str, mapping: str = "CUSTOMER") -> None:
    """A creation that CRM carried out and whose answer never came."""

    async def losing(request: httpx.Request) -> httpx.Response:
        answer = await pairs.api.dataverse.inner.handle_async_request(request)
        if request.method == "PATCH" or b"PATCH" in request.content:
            pairs.api.dataverse.instead = lost
        return answer if pairs.api.dataverse.instead is not lost else lost(request)

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("the connection broke", request=request)

    pairs.api.dataverse.instead = losing
    answer = await pairs.couple(mapping=mapping, businessCentral={"number": number}, dataverse=NEW, explain=False)
    assert answer.codes == ["BACKEND_UNREACHABLE"]
    pairs.api.dataverse.instead = None


async def recovered(pairs: Pairs) -> None:
    services = pairs.api.app.state.running.services
    await recover(
        lambda company: services.desks.of_job(company, "recovery", seconds=30, name="recovery"),
        pairs.books,
        before=datetime.now(UTC),
        alone=True,
    )


async def test_a_creation_that_is_taken_up_again_brings_the_row_up_to_date(pairs: Pairs) -> None:
    """What both sides agree on is what CRM holds, not what the record was called when it was created."""
    customer = await pairs.customer(story.UNCOUPLED)
    await broken_off(pairs, story.UNCOUPLED)
    await pairs.api.in_business_central("PATCH", f"customers({customer['systemId']})", {"displayName": "A newer name"})
    await recovered(pairs)
    assert (await pairs.customer(story.UNCOUPLED))["account"]["name"] == "A newer name"
    coupling = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert coupling is not None
    assert (coupling.base or {})["displayName"] == "A newer name"


async def test_two_who_take_up_the_same_creation_leave_no_failure(pairs: Pairs) -> None:
    item = await pairs.api.ask(f'{{ item(by: {{number: "{story.UNCOUPLED_ITEM}"}}) {{ systemId }} }}', explain=False)
    await broken_off(pairs, story.UNCOUPLED_ITEM, "ITEM")
    await asyncio.gather(recovered(pairs), recovered(pairs))
    coupling = await pairs.of(Mapping.ITEM, item.data["item"]["systemId"])
    assert coupling is not None
    assert (coupling.last_result_to_crm, coupling.error_code) == (Result.SUCCESS, None)
    assert (await row(pairs, f"products({coupling.crm_id})"))["statecode"] == 0
