"""Figures copied to CRM by mutation: the native integration's two jobs, on request."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest

from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from tests.graphql.api import Api, Switch
from tests.graphql.test_half_answers import unreachable
from tests.graphql.test_optional_sources import answered
from tests.graphql.test_statistics_by_company import HOME, SISTER, found_sister, in_euros_and_dollars

pytestmark = pytest.mark.anyio

STATISTICS = """
mutation ($customers: [CustomerBy!]!) { updateAccountStatistics(input: {customers: $customers}) { __typename
    ... on UpdateAccountStatisticsSuccess { counters { created updated unchanged skipped failed }
        results { number crmId outcome code message } }
    ... on UserError { code message field } } }
"""
STOCK = """
mutation ($items: [ItemBy!]!) { updateProductStock(input: {items: $items}) { __typename
    ... on UpdateProductStockSuccess { counters { created updated unchanged skipped failed }
        results { number crmId outcome code message } }
    ... on UserError { code message field } } }
"""


def named(*numbers: str) -> list[dict[str, str]]:
    return [{"number": number} for number in numbers]


async def push(api: Api, *numbers: str, query: str = STATISTICS) -> Any:
    """The results by number, in order."""
    name = "customers" if query is STATISTICS else "items"
    answer = await api.ask(query, {name: named(*numbers)})
    assert answer.errors == []
    (payload,) = answer.data.values()
    return payload


async def copy_of(api: Api, number: str) -> Any:
    answer = await api.ask(
        f"""{{ customer(by: {{number: "{number}"}}) {{ statistics {{ balance {{ amount }} total {{ amount }}
            crm {{ isStale overdueAsOf amounts {{ figure crm {{ amount }} }} }} }} }} }}"""
    )
    return answer.data["customer"]["statistics"]


async def test_stale_statistics_are_brought_up_to_date_and_then_left_alone(own_api: Api) -> None:
    assert (await copy_of(own_api, story.HARBOUR))["crm"]["isStale"] is True
    payload = await push(own_api, story.HARBOUR)
    assert [each["outcome"] for each in payload["results"]] == ["UPDATED"]
    after = await copy_of(own_api, story.HARBOUR)
    assert (after["crm"]["isStale"], after["crm"]["overdueAsOf"]) == (False, story.STORY_DATE.isoformat())
    total = next(each for each in after["crm"]["amounts"] if each["figure"] == "total")
    assert Decimal(total["crm"]["amount"]) == Decimal(after["total"]["amount"])
    again = await push(own_api, story.HARBOUR)
    assert again["counters"] == {"created": 0, "updated": 0, "unchanged": 1, "skipped": 0, "failed": 0}


async def test_an_account_without_a_row_gets_one(own_api: Api) -> None:
    assert (await copy_of(own_api, story.CHANGED_IN_CRM))["crm"] is None
    payload = await push(own_api, story.CHANGED_IN_CRM)
    (result,) = payload["results"]
    assert (result["outcome"], payload["counters"]["created"]) == ("CREATED", 1)
    row = await own_api.in_dataverse("GET", f"nav_accountstatisticses({result['crmId']})")
    assert (row["nav_customerno"], row["nav_name"]) == (story.CHANGED_IN_CRM, "Gletscher Trekking GmbH")
    assert row["_transactioncurrencyid_value"] is not None
    assert row["nav_invoicedprepaymentamountlcy"] == 0, "money that never was written shows as dashes"
    after = await copy_of(own_api, story.CHANGED_IN_CRM)
    assert after["crm"]["isStale"] is False


async def test_each_record_comes_to_its_own_result(own_api: Api) -> None:
    numbers = (story.HARBOUR, story.UNCOUPLED, story.ORPHANED, "NOPE", story.CONFLICT, story.HARBOUR)
    payload = await push(own_api, *numbers)
    assert [(each["number"], each["outcome"]) for each in payload["results"]] == [
        (story.HARBOUR, "UPDATED"),
        (story.UNCOUPLED, "NOT_COUPLED"),
        (story.ORPHANED, "NOT_COUPLED"),
        (None, "NOT_FOUND"),
        (story.CONFLICT, "UNCHANGED"),
        (story.HARBOUR, "UPDATED"),
    ]
    assert payload["results"][0]["crmId"] == payload["results"][5]["crmId"], "named twice, written once"
    assert all(each["message"] for each in payload["results"][1:4])


async def test_many_customers_cost_as_many_requests_as_few(own_api: Api) -> None:
    listed = await own_api.ask("{ couplings(mapping: CUSTOMER, first: 60) { nodes { businessCentralKey } } }")
    numbers = [node["businessCentralKey"] for node in listed.data["couplings"]["nodes"]]
    await own_api.ask(STATISTICS, {"customers": named(numbers[0])})
    answer = await own_api.ask(STATISTICS, {"customers": named(*numbers)})
    assert answer.errors == []
    assert answer.cost[0] <= 9, "five reads, at most three look-ups for new rows and two batches"
    again = await own_api.ask(STATISTICS, {"customers": named(*numbers)})
    assert again.cost == (5, 2)
    assert again.data["updateAccountStatistics"]["counters"]["updated"] == 0


async def test_incomplete_figures_are_not_written(own_api: Api) -> None:
    own_api.sandbox.features.custom_pages = False
    before = await copy_of(own_api, story.HARBOUR)
    payload = await push(own_api, story.HARBOUR)
    (result,) = payload["results"]
    assert (result["outcome"], result["crmId"]) == ("INCOMPLETE", None)
    assert "nothing was written" in result["message"]
    assert (await copy_of(own_api, story.HARBOUR))["crm"] == before["crm"]


async def test_a_row_that_changes_meanwhile_is_not_overwritten(own_api: Api) -> None:
    """Between our reading and our writing somebody else writes: theirs stays, and we are told."""
    inner = own_api.dataverse.inner
    row = (await push(own_api, story.HARBOUR))["results"][0]["crmId"]
    await own_api.in_dataverse("PATCH", f"nav_accountstatisticses({row})", {"nav_balancelcy": 1})

    async def meddle(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("$batch"):
            own_api.dataverse.instead = None
            await own_api.in_dataverse("PATCH", f"nav_accountstatisticses({row})", {"nav_balancelcy": 2})
        return await inner.handle_async_request(request)

    own_api.dataverse.instead = meddle
    payload = await push(own_api, story.HARBOUR)
    (result,) = payload["results"]
    assert (result["outcome"], result["code"]) == ("FAILED", "RECORD_CHANGED")
    assert (await own_api.in_dataverse("GET", f"nav_accountstatisticses({row})"))["nav_balancelcy"] == 2
    assert (await push(own_api, story.HARBOUR))["results"][0]["outcome"] == "UPDATED"


async def test_a_run_that_broke_off_between_row_and_account_is_finished_by_the_next(own_api: Api) -> None:
    """The row was created, then the gateway died before the account knew it: there is one row in the end."""
    inner = own_api.dataverse.inner
    batches = 0

    async def die(request: httpx.Request) -> httpx.Response:
        nonlocal batches
        if request.method == "POST" and request.url.path.endswith("$batch"):
            batches += 1
            if batches > 1:
                return httpx.Response(400, json={"error": {"code": "0x0", "message": "gone"}}, request=request)
        return await inner.handle_async_request(request)

    own_api.dataverse.instead = die
    (result,) = (await push(own_api, story.CHANGED_IN_CRM))["results"]
    assert result["outcome"] == "FAILED"
    own_api.dataverse.instead = None
    assert (await copy_of(own_api, story.CHANGED_IN_CRM))["crm"] is None
    (result,) = (await push(own_api, story.CHANGED_IN_CRM))["results"]
    assert result["outcome"] == "CREATED"
    found = await own_api.in_dataverse(
        "GET", f"nav_accountstatisticses?$filter=nav_customerno eq '{story.CHANGED_IN_CRM}'"
    )
    assert [row["nav_accountstatisticsid"] for row in found["value"]] == [result["crmId"]]
    assert (await copy_of(own_api, story.CHANGED_IN_CRM))["crm"]["isStale"] is False


async def test_stock_is_copied_as_the_native_integration_would(own_api: Api) -> None:
    items = await own_api.in_business_central(
        "GET", f"items?$filter=number eq '{story.IN_STOCK}' or number eq '{story.NEGATIVE_STOCK}'"
    )
    ids = {row["number"]: row["id"] for row in items["value"]}
    await own_api.in_business_central("PATCH", f"items({ids[story.IN_STOCK]})", {"inventory": 99})
    numbers = (story.IN_STOCK, story.NEGATIVE_STOCK, story.SERVICE, story.UNCOUPLED_ITEM, "NOPE", story.IN_STOCK)
    payload = await push(own_api, *numbers, query=STOCK)
    assert [(each["number"], each["outcome"]) for each in payload["results"]] == [
        (story.IN_STOCK, "UPDATED"),
        (story.NEGATIVE_STOCK, "UNCHANGED"),  # -4 here, 0 there: floored
        (story.SERVICE, "INCOMPLETE"),
        (story.UNCOUPLED_ITEM, "NOT_COUPLED"),
        (None, "NOT_FOUND"),
        (story.IN_STOCK, "UPDATED"),
    ]
    product = await own_api.in_dataverse("GET", f"products({payload['results'][0]['crmId']})?$select=quantityonhand")
    assert product["quantityonhand"] == 99
    answer = await own_api.ask(STOCK, {"items": named(*numbers)})
    assert answer.cost == (2, 1)
    assert answer.data["updateProductStock"]["counters"]["unchanged"] == 3


@pytest.mark.parametrize("count", [0, 201])
@pytest.mark.parametrize(("query", "name"), [(STATISTICS, "customers"), (STOCK, "items")], ids=["statistics", "stock"])
async def test_too_many_or_none_are_refused_before_anything_is_read(
    api: Api, query: str, name: str, count: int
) -> None:
    answer = await api.ask(query, {name: named("1001") * count})
    (payload,) = answer.data.values()
    assert (payload["__typename"], payload["code"], payload["field"]) == ("UserError", "INVALID_INPUT", name)
    assert answer.cost == (0, 0)


async def test_who_may_copy(api: Api) -> None:
    variables = {"items": named(story.IN_STOCK)}
    refused = await api.ask(STOCK, variables, person=WIDGET)
    assert (refused.data, refused.codes) == ({"updateProductStock": None}, ["FORBIDDEN"])
    assert (await api.ask(STOCK, variables, person=SALES)).errors == []


async def test_a_dead_system_writes_nothing_and_says_which(api: Api) -> None:
    api.business_central.instead = unreachable
    payload = await push(api, story.HARBOUR)
    (result,) = payload["results"]
    assert (result["outcome"], result["code"]) == ("FAILED", "BACKEND_UNREACHABLE")
    assert "Business Central" in result["message"]
    assert (payload["counters"]["failed"], payload["counters"]["skipped"]) == (1, 0)


def refusing(way: Switch, *parts: str) -> None:
    """Requests for these sets are refused."""
    inner = way.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        if any(part in str(request.url) for part in parts):
            return httpx.Response(403, json={"error": {"code": "0x0", "message": "no"}}, request=request)
        return await inner.handle_async_request(request)

    way.instead = respond


def garbled(way: Switch, part: str, **columns: object) -> None:
    """The rows of a set come with these values."""
    inner = way.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        response = await inner.handle_async_request(request)
        if request.method != "GET" or f"/{part}" not in request.url.path:
            return response
        body = json.loads(await response.aread())
        body["value"] = [row | columns for row in body["value"]]
        return httpx.Response(200, json=body, request=request)

    way.instead = respond


def overtaken(api: Api, meanwhile: Callable[[], Any], *, then: Callable[[], None] = lambda: None) -> None:
    """Between our reading and our writing something else happens."""
    inner = api.dataverse.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return await inner.handle_async_request(request)
        api.dataverse.instead = None
        await meanwhile()
        response = await inner.handle_async_request(request)
        then()
        return response

    api.dataverse.instead = respond


async def row_of(api: Api, result: Any) -> Any:
    return await api.in_dataverse("GET", f"nav_accountstatisticses({result['crmId']})")


async def test_a_row_says_whose_figures_it_holds_and_in_which_currency(own_api: Api) -> None:
    """Another company's customer is coupled to the same account: who was copied last is whom the row names."""
    await found_sister(own_api)
    await in_euros_and_dollars(own_api)
    (first,) = (await push(own_api, story.HARBOUR))["results"]
    euros = await row_of(own_api, first)
    in_sister = STATISTICS.replace("{customers: $customers}", f'{{customers: $customers, company: "{SISTER}"}}')
    answer = await own_api.ask(in_sister, {"customers": named(story.ALL_OVERDUE)})
    (second,) = answer.data["updateAccountStatistics"]["results"]
    assert (second["crmId"], second["outcome"]) == (first["crmId"], "UPDATED")
    dollars = await row_of(own_api, first)
    assert dollars["nav_customerno"] == story.ALL_OVERDUE
    assert dollars["nav_name"] != euros["nav_name"]
    currency = await own_api.in_dataverse("GET", f"transactioncurrencies({dollars['_transactioncurrencyid_value']})")
    assert currency["isocurrencycode"] == "USD"
    assert (await push(own_api, story.HARBOUR))["results"][0]["outcome"] == "UPDATED"
    again = await row_of(own_api, first)
    names = ("nav_name", "nav_customerno", "_transactioncurrencyid_value")
    assert [again[name] for name in names] == [euros[name] for name in names]


@pytest.mark.parametrize("column", [{"nav_name": "HAFEN"}, {"nav_customerno": "C99999"}, {"nav_name": None}])
async def test_a_row_with_the_right_amounts_under_another_name_is_corrected(
    own_api: Api, column: dict[str, object]
) -> None:
    (result,) = (await push(own_api, story.HARBOUR))["results"]
    before = await row_of(own_api, result)
    await own_api.in_dataverse("PATCH", f"nav_accountstatisticses({result['crmId']})", column)
    assert (await push(own_api, story.HARBOUR))["results"][0]["outcome"] == "UPDATED"
    after = await row_of(own_api, result)
    assert all(after[name] == before[name] for name in column)
    assert (await push(own_api, story.HARBOUR))["results"][0]["outcome"] == "UNCHANGED"


async def test_a_row_left_for_another_customer_becomes_this_ones(own_api: Api) -> None:
    found = await own_api.ask(
        f"""{{ customer(by: {{number: "{story.CHANGED_IN_CRM}"}}) {{ account {{ accountId }} }} }}"""
    )
    id = uuid5(UUID(HOME), f"account statistics of {found.data['customer']['account']['accountId']}")
    left = {"nav_accountstatisticsid": str(id), "nav_name": "Other", "nav_customerno": "C99999", "nav_balancelcy": 1}
    await own_api.in_dataverse("POST", "nav_accountstatisticses", left)
    (result,) = (await push(own_api, story.CHANGED_IN_CRM))["results"]
    assert (result["outcome"], result["crmId"]) == ("CREATED", str(id))
    row = await row_of(own_api, result)
    assert (row["nav_name"], row["nav_customerno"]) == ("Gletscher Trekking GmbH", story.CHANGED_IN_CRM)
    assert (await push(own_api, story.CHANGED_IN_CRM))["results"][0]["outcome"] == "UNCHANGED"


async def test_a_create_that_is_answered_without_a_body_is_led_to(own_api: Api) -> None:
    inner = own_api.dataverse.inner

    async def bodiless(request: httpx.Request) -> httpx.Response:
        response = await inner.handle_async_request(request)
        content = await response.aread()
        if b"HTTP/1.1 201" not in content:
            return response
        kind = response.headers["content-type"]
        boundary = kind.split("boundary=")[1].strip('"')
        part = (
            "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
        )
        body = f"--{boundary}\r\n{part}\r\n--{boundary}--\r\n".encode()
        return httpx.Response(200, content=body, headers={"content-type": kind}, request=request)

    own_api.dataverse.instead = bodiless
    assert (await push(own_api, story.CHANGED_IN_CRM))["results"][0]["outcome"] == "CREATED"
    own_api.dataverse.instead = None
    assert (await copy_of(own_api, story.CHANGED_IN_CRM))["crm"]["isStale"] is False


async def test_only_new_rows_need_to_know_how_accounts_lead_to_them(own_api: Api) -> None:
    refusing(own_api.dataverse, "EntityDefinitions")
    first, second = (await push(own_api, story.HARBOUR, story.CHANGED_IN_CRM))["results"]
    assert first["outcome"] == "UPDATED"
    assert (second["outcome"], second["code"], second["crmId"]) == ("FAILED", "BACKEND_REFUSED", None)
    assert "refused" in second["message"]


async def test_amounts_whose_currency_is_not_known_are_not_written(own_api: Api) -> None:
    before = await copy_of(own_api, story.HARBOUR)
    refusing(own_api.dataverse, "transactioncurrencies")
    payload = await push(own_api, story.HARBOUR, story.CHANGED_IN_CRM, story.UNCOUPLED)
    outcomes = [(each["outcome"], each["code"]) for each in payload["results"]]
    assert outcomes == [("FAILED", "BACKEND_REFUSED"), ("FAILED", "BACKEND_REFUSED"), ("NOT_COUPLED", None)]
    own_api.dataverse.instead = None
    assert (await copy_of(own_api, story.HARBOUR))["crm"] == before["crm"]


@pytest.mark.parametrize(
    ("query", "number", "part", "columns"),
    [
        (STATISTICS, story.CHANGED_IN_CRM, "transactioncurrencies", {"transactioncurrencyid": "nope"}),
        (STATISTICS, story.HARBOUR, "nav_accountstatisticses", {"_transactioncurrencyid_value": "nope"}),
        (STATISTICS, story.HARBOUR, "nav_accountstatisticses", {"nav_customerno": 7}),
        (STATISTICS, story.HARBOUR, "nav_accountstatisticses", {"nav_balancelcy": "many"}),
        (STATISTICS, story.HARBOUR, "nav_accountstatisticses", {"nav_accountstatisticsid": "nope"}),
        (STATISTICS, story.HARBOUR, "accounts", {"accountid": "nope"}),
        (STOCK, story.IN_STOCK, "products", {"quantityonhand": "many"}),
        (STOCK, story.IN_STOCK, "products", {"productid": "nope"}),
    ],
)
async def test_what_crm_sends_and_nobody_can_read_fails_its_record(
    own_api: Api, query: str, number: str, part: str, columns: dict[str, object]
) -> None:
    garbled(own_api.dataverse, part, **columns)
    payload = await push(own_api, number, query=query)
    assert [(each["outcome"], each["code"]) for each in payload["results"]] == [("FAILED", "BACKEND_PROTOCOL_ERROR")]
    assert payload["counters"]["failed"] == 1
    assert not any(request.method == "POST" and "PATCH" in str(request.content) for request in own_api.dataverse.seen)


async def test_a_backend_that_fails_is_told_from_a_source_that_is_missing(own_api: Api) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if "customerSales" not in str(request.url):
            raise LookupError
        return httpx.Response(500, json={"error": {"code": "Internal", "message": "It broke."}}, request=request)

    own_api.sandbox.features.custom_pages = False
    assert (await push(own_api, story.HARBOUR))["results"][0]["outcome"] == "INCOMPLETE"
    await answered(own_api, respond)
    payload = await push(own_api, story.HARBOUR)
    assert [(each["outcome"], each["code"]) for each in payload["results"]] == [("FAILED", "BACKEND_FAILED")]
    assert (payload["counters"]["failed"], payload["counters"]["skipped"]) == (1, 0)


@pytest.mark.parametrize(
    ("query", "number", "part"),
    [
        (STATISTICS, story.HARBOUR, "accounts"),
        (STATISTICS, story.HARBOUR, "nav_accountstatisticses"),
        (STOCK, story.IN_STOCK, "products"),
    ],
)
async def test_a_row_of_crm_that_cannot_be_read_fails_its_record(
    own_api: Api, query: str, number: str, part: str
) -> None:
    refusing(own_api.dataverse, part)
    payload = await push(own_api, number, query=query)
    assert [(each["outcome"], each["code"]) for each in payload["results"]] == [("FAILED", "BACKEND_REFUSED")]
    assert payload["counters"]["failed"] == 1


@pytest.mark.parametrize("number", [story.HARBOUR, story.CHANGED_IN_CRM], ids=["update", "create"])
async def test_who_comes_second_with_the_same_figures_has_nothing_to_do(own_api: Api, number: str) -> None:
    async def other() -> None:
        assert (await push(own_api, number))["results"][0]["outcome"] in {"UPDATED", "CREATED"}

    overtaken(own_api, other)
    answer = await own_api.ask(STATISTICS, {"customers": named(number, story.CONFLICT)}, explain=False)
    payload = answer.data["updateAccountStatistics"]
    assert [(each["outcome"], each["code"]) for each in payload["results"]] == [("UNCHANGED", None)] * 2
    assert (await copy_of(own_api, number))["crm"]["isStale"] is False


async def test_who_comes_second_with_the_same_stock_has_nothing_to_do(own_api: Api) -> None:
    found = await own_api.in_business_central("GET", f"items?$filter=number eq '{story.IN_STOCK}'")
    await own_api.in_business_central("PATCH", f"items({found['value'][0]['id']})", {"inventory": 99})

    async def other() -> None:
        assert (await push(own_api, story.IN_STOCK, query=STOCK))["results"][0]["outcome"] == "UPDATED"

    overtaken(own_api, other)
    answer = await own_api.ask(STOCK, {"items": named(story.IN_STOCK)}, explain=False)
    (result,) = answer.data["updateProductStock"]["results"]
    assert (result["outcome"], result["code"]) == ("UNCHANGED", None)


async def test_of_many_at_once_one_creates(own_api: Api) -> None:
    ask = [own_api.ask(STATISTICS, {"customers": named(story.CHANGED_IN_CRM)}, explain=False) for _ in range(4)]
    answers = [answer.data["updateAccountStatistics"]["results"][0] for answer in await asyncio.gather(*ask)]
    assert sorted(each["outcome"] for each in answers) == ["CREATED", "UNCHANGED", "UNCHANGED", "UNCHANGED"]


async def test_a_conflict_that_cannot_be_looked_into_stays_one(own_api: Api) -> None:
    async def other() -> None:
        await push(own_api, story.HARBOUR)

    overtaken(own_api, other, then=lambda: refusing(own_api.dataverse, "nav_accountstatisticses"))
    answer = await own_api.ask(STATISTICS, {"customers": named(story.HARBOUR)}, explain=False)
    (result,) = answer.data["updateAccountStatistics"]["results"]
    assert (result["outcome"], result["code"]) == ("FAILED", "RECORD_CHANGED")


async def test_an_account_that_changes_meanwhile_is_led_to_its_row_by_the_next_run(own_api: Api) -> None:
    found = await own_api.ask(
        f"""{{ customer(by: {{number: "{story.CHANGED_IN_CRM}"}}) {{ account {{ accountId }} }} }}"""
    )
    account = found.data["customer"]["account"]["accountId"]

    async def other() -> None:
        await own_api.in_dataverse("PATCH", f"accounts({account})", {"telephone1": "1"})

    overtaken(own_api, other)
    (result,) = (await push(own_api, story.CHANGED_IN_CRM))["results"]
    assert (result["outcome"], result["code"]) == ("FAILED", "RECORD_CHANGED")
    (again,) = (await push(own_api, story.CHANGED_IN_CRM))["results"]
    assert (again["outcome"], again["crmId"]) == ("CREATED", result["crmId"])
