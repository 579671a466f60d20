"""Figures copied to CRM by mutation: the native integration's two jobs, on request."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from gateway.sandbox.company import story
from gateway.sandbox.identity.people import SALES, WIDGET
from tests.graphql.api import Api

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
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    api.business_central.instead = unreachable
    (result,) = (await push(api, story.HARBOUR))["results"]
    assert result["outcome"] in {"INCOMPLETE", "FAILED"}
    assert "Business Central" in result["message"]
