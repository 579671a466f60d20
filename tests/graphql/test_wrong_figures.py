"""No figure rather than a wrong one: when the record itself cannot be read, when backends change between or during questions."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import Side
from gateway.errors import DatabaseError
from gateway.sandbox.company import story
from tests.graphql.api import Api, Switch
from tests.graphql.test_half_answers import unreachable
from tests.graphql.test_optional_sources import answered, reasons

pytestmark = pytest.mark.anyio


async def failing(api: Api, *sets: str) -> None:
    """Sets of Business Central that answer with 500, while the others answer."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.rpartition("/")[2] not in sets:
            raise LookupError
        return httpx.Response(500, json={"error": {"code": "Internal", "message": "It broke."}}, request=request)

    await answered(api, respond)


def changing(way: Switch, part: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Rows of the addresses with this part arrive changed."""
    inner = way.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        response = await inner.handle_async_request(request)
        if part not in str(request.url):
            return response
        await response.aread()
        body = json.loads(response.content, parse_float=Decimal)
        change(body["value"])
        return httpx.Response(200, content=json.dumps(body, default=float), request=request)

    way.instead = respond


async def coupling_of(api: Api, mapping: Mapping, bc_id: str) -> Coupling:
    store = api.app.state.running.services.couplings
    company = UUID(api.sandbox.company.company_id)
    found: dict[UUID, Coupling] = await store.find(mapping, company, Side.BUSINESS_CENTRAL, [UUID(bc_id)])
    return found[UUID(bc_id)]


# -- the record itself cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [story.BLOCKED_ITEM, story.SERVICE, story.IN_STOCK])
async def test_of_an_item_that_cannot_be_read_nothing_is_told(own_api: Api, number: str) -> None:
    """It may be blocked, or have no stock: its orders alone would make it look saleable."""
    await failing(own_api, "items")
    question = f"""{{ availability(item: {{number: "{number}"}}, quantity: "1", location: "MAIN") {{
        status inventory sufficient earliestDate native {{ crmQuantityOnHand }} missing {{ figure reason }} }} }}"""
    answer = await own_api.ask(question)
    found = answer.data["availability"]
    assert answer.codes == ["BACKEND_FAILED"]
    if found is not None:  # its coupling knows that there is such an item
        assert reasons(found) == dict.fromkeys(
            ("status", "inventory", "sufficient", "earliestDate"), "BACKEND_UNREACHABLE"
        )
        assert [found[name] for name in ("status", "inventory", "sufficient", "earliestDate")] == [None] * 4


async def test_the_status_is_told_as_missing_even_when_nothing_else_is_asked(own_api: Api) -> None:
    own_api.business_central.instead = unreachable
    question = f'{{ availability(item: {{number: "{story.IN_STOCK}"}}) {{ status native {{ crmQuantityOnHand }} }} }}'
    answer = await own_api.ask(question)
    assert answer.data["availability"] == {"status": None, "native": {"crmQuantityOnHand": "145"}}
    assert answer.codes == ["BACKEND_UNREACHABLE"]


async def test_a_remembered_number_that_cannot_be_checked_brings_no_figures_of_another_item(own_api: Api) -> None:
    query = f'{{ item(by: {{number: "{story.SHORT}"}}) {{ systemId product {{ productId }} }} }}'
    item = (await own_api.ask(query)).data["item"]
    coupling = await coupling_of(own_api, Mapping.ITEM, item["systemId"])
    await own_api.app.state.running.services.couplings.correct_keys(Side.BUSINESS_CENTRAL, {coupling.id: "1002"})
    await failing(own_api, "items")
    answer = await own_api.ask(
        "query ($product: UUID!) { availability(item: {productId: $product}, location: "
        '"MAIN", quantity: "1") { inventory sufficient quantityOnSalesOrders native { crmQuantityOnHand } } }',
        {"product": item["product"]["productId"]},
    )
    found = answer.data["availability"]
    assert (found["inventory"], found["sufficient"], found["quantityOnSalesOrders"]) == (None, None, None)
    assert found["native"]["crmQuantityOnHand"] is not None
    assert answer.codes == ["BACKEND_FAILED"]


async def test_a_partner_key_that_cannot_be_checked_leads_to_no_record(own_api: Api) -> None:
    query = f'{{ item(by: {{number: "{story.SHORT}"}}) {{ systemId }} }}'
    item = (await own_api.ask(query)).data["item"]
    coupling = await coupling_of(own_api, Mapping.ITEM, item["systemId"])
    await own_api.app.state.running.services.couplings.correct_keys(Side.DATAVERSE, {coupling.id: "1002"})

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500, json={"error": {"code": "0x80040216", "message": "It broke."}}, request=request)

    own_api.dataverse.instead = respond
    answer = await own_api.ask('{ availabilities(lines: [{item: {productNumber: "1002"}}]) { item { number } } }')
    assert (answer.data["availabilities"], answer.codes) == ([None], ["BACKEND_FAILED"])


async def test_in_a_list_what_nobody_knows_of_is_an_error_and_not_absent(own_api: Api) -> None:
    own_api.business_central.instead = unreachable
    lines = f'[{{item: {{number: "{story.IN_STOCK}"}}}}, {{item: {{number: "{story.UNCOUPLED_ITEM}"}}}}]'
    answer = await own_api.ask(f"{{ availabilities(lines: {lines}) {{ native {{ crmQuantityOnHand }} }} }}")
    assert answer.data["availabilities"] == [{"native": {"crmQuantityOnHand": "145"}}, None]
    assert (answer.codes, answer.errors[0]["path"]) == (["BACKEND_UNREACHABLE"], ["availabilities", 1])


# -- what was asked cannot be checked ----------------------------------------------------------------------------------------


async def test_a_location_that_cannot_be_checked_has_no_stock_of_0(own_api: Api) -> None:
    await failing(own_api, "locations")
    question = """{ availability(item: {number: "1001"}, location: "%s", quantity: "1") {
        inventory sufficient missing { figure reason } } }"""
    answer = await own_api.ask(question % "NOPE")
    found = answer.data["availability"]
    assert (found["inventory"], found["sufficient"]) == (None, None)
    assert reasons(found) == {"inventory": "BACKEND_UNREACHABLE", "sufficient": "BACKEND_UNREACHABLE"}
    assert answer.codes == ["BACKEND_FAILED"]
    answer = await own_api.ask(question % "WEST")
    assert (answer.data["availability"]["inventory"], answer.errors) == ("8", []), "the item is there"


@pytest.mark.parametrize("location", ["ma\u0131n", "we\u017ft"])
async def test_a_letter_that_only_looks_alike_when_capital_is_another_code(api: Api, location: str) -> None:
    question = f'{{ availability(item: {{number: "1001"}}, location: "{location}") {{ inventory }} }}'
    assert (await api.ask(question)).codes == ["INVALID_INPUT"]


async def test_a_partner_key_that_several_rows_have_is_refused_in_lists_too(own_api: Api) -> None:
    account = await own_api.ask('{ customer(by: {number: "C00063"}) { account { accountId } } }')
    other = account.data["customer"]["account"]["accountId"]

    def twice(rows: list[dict[str, Any]]) -> None:
        rows += [row | {"accountid": other} for row in rows if row.get("accountnumber") == story.HARBOUR]

    changing(own_api.dataverse, "accounts?", twice)
    answer = await own_api.ask(
        """mutation ($customers: [CustomerBy!]!) { updateAccountStatistics(input: {customers: $customers}) {
            ... on UserError { code message } ... on UpdateAccountStatisticsSuccess { results { number } } } }""",
        {"customers": [{"accountNumber": story.HARBOUR}]},
    )
    refused = answer.data["updateAccountStatistics"]
    assert refused == {"code": "INVALID_INPUT", "message": "More than one of accounts has accountnumber 'C00210'."}


@pytest.mark.parametrize(
    ("stored", "asked"), [("STRA\u00dfE", "STRASSE"), ("K9", "\u212a9"), ("CAF\u00c9", "CAFE\u0301")]
)
async def test_what_the_backend_takes_for_the_same_key_is_found(own_api: Api, stored: str, asked: str) -> None:
    await own_api.in_business_central("POST", "items", {"number": stored, "displayName": "Found"})
    query = """query ($a: String!, $b: String!) { one: item(by: {number: $a}) { displayName }
        many: availabilities(lines: [{item: {number: $a}}, {item: {number: $b}}]) { item { displayName } } }"""
    answer = await own_api.ask(query, {"a": asked, "b": "1001"})
    assert answer.errors == []
    assert answer.data["one"] == {"displayName": "Found"}
    assert answer.data["many"][0] == {"item": {"displayName": "Found"}}


async def test_a_row_that_nobody_asked_for_is_nobodys(own_api: Api) -> None:
    """Two of what the backend holds may be alike to it: the second is no answer to whoever asked for something else."""

    def another(rows: list[dict[str, Any]]) -> None:
        rows += [row | {"number": "1001-B"} for row in rows if row.get("number") == "1001"]

    changing(own_api.business_central, "/items?", another)
    lines = '[{item: {number: "1001"}}, {item: {number: "NOPE"}}]'
    answer = await own_api.ask(f"{{ availabilities(lines: {lines}) {{ item {{ number }} }} }}")
    assert (answer.data["availabilities"], answer.errors) == ([{"item": {"number": "1001"}}, None], [])


async def test_a_backend_that_ignores_the_question_answers_nothing(own_api: Api) -> None:
    def other(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["number"] = "OTHER"

    changing(own_api.business_central, "/items?", other)
    answer = await own_api.ask('{ availability(item: {number: "1001"}) { item { number } inventory } }')
    assert answer.data["availability"] is None


@pytest.mark.parametrize("value", ['quantity: "abc"', 'on: "x"', 'on: "2026-02-30"', f'quantity: "{"9" * 100}"'])
async def test_a_value_that_is_none_of_its_type_is_the_callers_mistake(api: Api, value: str) -> None:
    answer = await api.ask(f'{{ availability(item: {{number: "1001"}}, {value}) {{ inventory }} }}')
    assert answer.codes == ["GRAPHQL_INVALID"]


async def test_a_fact_that_cannot_be_had_is_asked_for_once(own_api: Api) -> None:
    await failing(own_api, "companyInformation")
    aliases = " ".join(f"s{n}: statistics {{ sales {{ thisYear {{ sales {{ amount }} }} }} }}" for n in range(5))
    before = len(own_api.business_central.seen)
    await own_api.ask(f'{{ customer(by: {{number: "C00210"}}) {{ {aliases} }} }}')
    asked = [each for each in own_api.business_central.seen[before:] if "companyInformation" in each.url.path]
    assert len(asked) == 1


# -- days ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["2020-01-01", "2026-11-15"])
async def test_nothing_can_leave_on_a_day_in_the_past_that_cannot_leave_today(api: Api, on: str) -> None:
    question = f'{{ availability(item: {{number: "{story.SHORT}"}}, quantity: "10", on: "{on}") {{ sufficient }} }}'
    assert (await api.ask(question)).data["availability"]["sufficient"] is False


async def test_the_ledger_of_a_past_day_is_read_in_one_question(api: Api) -> None:
    """Of two, an entry that is closed between them would be counted twice, or not at all."""
    question = '{ customer(by: {number: "C00210"}) { statistics(asOf: "2026-11-10") { balance { amount } } } }'
    answer = await api.ask(question)
    assert Decimal(answer.data["customer"]["statistics"]["balance"]["amount"]) == 9440
    assert answer.cost == (2, 1)


async def test_what_is_of_today_is_not_compared_with_another_day(api: Api) -> None:
    question = """{ customer(by: {number: "C00210"}) { statistics(asOf: "2026-03-01") {
        creditLimit { amount } crm { isStale } missing { figure reason } } } }"""
    before = len(api.dataverse.seen)
    answer = await api.ask(question)
    found = answer.data["customer"]["statistics"]
    assert (found["creditLimit"], found["crm"]) == (None, None)
    assert reasons(found) == {"creditLimit": "NO_SOURCE", "crm": "NO_SOURCE"}
    assert len(api.dataverse.seen) == before, "the account is not read for it"


async def test_a_day_without_books_is_refused_whatever_is_selected(api: Api) -> None:
    question = '{ customer(by: {number: "C00210"}) { statistics(asOf: "1899-12-31") { creditLimit { amount } } } }'
    assert (await api.ask(question)).codes == ["INVALID_INPUT"]


# -- values -------------------------------------------------------------------------------------------------------------------


async def test_a_credit_limit_that_was_not_sent_is_not_none(own_api: Api) -> None:
    def without(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row.pop("creditLimit", None)

    changing(own_api.business_central, "/customers?", without)
    question = """{ customer(by: {number: "C00210"}) { statistics {
        creditLimit { amount } availableCredit { amount } missing { figure reason } } } }"""
    found = (await own_api.ask(question)).data["customer"]["statistics"]
    assert reasons(found) == {"creditLimit": "NO_SOURCE", "availableCredit": "NO_SOURCE"}


async def test_numbers_beyond_all_measure_null_nothing_else(own_api: Api) -> None:
    def enormous(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["inventory"] = 1e90

    changing(own_api.business_central, "/items?", enormous)
    question = '{ availability(item: {number: "1001"}, unitOfMeasure: "BOX") { inventory quantityOnSalesOrders } }'
    answer = await own_api.ask(question)
    found = answer.data["availability"]
    assert Decimal(found["inventory"]) > Decimal("1e88")
    assert (found["quantityOnSalesOrders"] is not None, answer.errors) == (True, [])


async def test_the_day_of_crms_copy_may_come_as_a_date_time(own_api: Api) -> None:
    def with_times(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["nav_overdueamountsasof"] = f"{row['nav_overdueamountsasof']}T00:00:00Z"

    question = '{ customer(by: {number: "C00210"}) { statistics { crm { overdueAsOf } } } }'
    as_date = (await own_api.ask(question)).data
    changing(own_api.dataverse, "/nav_accountstatistics", with_times)
    answer = await own_api.ask(question)
    assert (answer.data, answer.errors) == (as_date, [])
    assert as_date["customer"]["statistics"]["crm"]["overdueAsOf"] is not None


# -- units --------------------------------------------------------------------------------------------------------------------


def in_crates(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row |= {"unitOfMeasureCode": "CRATE", "qtyPerUnitOfMeasure": 12}


async def test_a_unit_is_known_whatever_is_selected(own_api: Api) -> None:
    changing(own_api.business_central, "outstandingSalesLines", in_crates)
    question = '{ availability(item: {number: "1001"}, unitOfMeasure: "CRATE") { inventory } }'
    assert (await own_api.ask(question)).data["availability"]["inventory"] == "12.08333"


async def test_a_unit_that_only_a_dead_source_could_know_is_no_unknown_unit(own_api: Api) -> None:
    await failing(own_api, "itemLedgerEntries")
    question = """{ availability(item: {number: "1001"}, unitOfMeasure: "CRATE") {
        inventory missing { figure reason } } }"""
    answer = await own_api.ask(question)
    assert reasons(answer.data["availability"]) == {"inventory": "BACKEND_UNREACHABLE"}
    assert answer.codes == ["BACKEND_FAILED"]


async def test_what_nobody_waits_for_any_more_is_stopped(own_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guess that was started for an outdated number is not left behind when couplings fail."""
    store = own_api.app.state.running.services.couplings
    query = '{ a: customer(by: {number: "C00210"}) { systemId } b: customer(by: {number: "C00063"}) { systemId } }'
    found = (await own_api.ask(query)).data
    first = await coupling_of(own_api, Mapping.CUSTOMER, found["a"]["systemId"])
    second = await coupling_of(own_api, Mapping.CUSTOMER, found["b"]["systemId"])
    await store.correct_keys(Side.BUSINESS_CENTRAL, {first.id: "XX", second.id: "C00210"})

    async def broken(*args: object) -> None:
        raise DatabaseError("The gateway's own database cannot be used now.")

    monkeypatch.setattr(type(store), "find", broken)
    own_api.dataverse.hold = asyncio.Event()
    before = asyncio.all_tasks()
    answer = await own_api.ask('{ customer(by: {number: "C00210"}) { number account { name } } }', explain=False)
    assert answer.data["customer"] == {"number": "C00210", "account": None}
    await asyncio.sleep(0)
    left = {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before}  # type: ignore[union-attr]
    assert "_outcome" not in left
    own_api.dataverse.hold.set()
