"""Aged accounts receivable: computed from the customer ledger when it is read, for the day and period a filter names."""

from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.company import story
from tests.checklist.answers import Row, first, refusal, row, rows

pytestmark = pytest.mark.anyio

ZERO = "00000000-0000-0000-0000-000000000000"
TODAY = f"agedAsOfDate eq {story.STORY_DATE.isoformat()}"
AMOUNTS = ("currentAmount", "period1Amount", "period2Amount", "period3Amount")


def amount(found: Row, *names: str) -> Decimal:
    return sum((Decimal(str(found[name])) for name in names), Decimal(0))


async def test_there_is_a_row_per_customer_and_a_total(business_central: httpx.AsyncClient) -> None:
    found = rows(await business_central.get("agedAccountsReceivables"))
    *customers, total = found
    assert len(customers) == 200
    assert (total["customerId"], total["name"], total["customerNumber"]) == (ZERO, "Total", "")
    for name in ("balanceDue", *AMOUNTS):
        assert amount(total, name) == sum(amount(one, name) for one in customers)
    assert [one["customerNumber"] for one in customers] == sorted(one["customerNumber"] for one in customers)
    assert "place" not in total


async def test_the_columns_add_up_to_the_balance(business_central: httpx.AsyncClient) -> None:
    details = {one["id"]: one for one in rows(await business_central.get("customerFinancialDetails"))}
    for found in rows(await business_central.get(f"agedAccountsReceivables?$filter={TODAY}"))[:-1]:
        assert amount(found, *AMOUNTS) == amount(found, "balanceDue") == amount(details[found["customerId"]], "balance")
        late = amount(found, "period1Amount", "period2Amount", "period3Amount")
        assert late == amount(details[found["customerId"]], "overdueAmount")


async def test_a_filter_names_the_day_and_the_period(business_central: httpx.AsyncClient) -> None:
    where = f"customerNumber eq '{story.ALL_OVERDUE}' and {TODAY}"
    month = await first(business_central, f"agedAccountsReceivables?$filter={where}")
    week = await first(business_central, f"agedAccountsReceivables?$filter={where} and periodLengthFilter eq '7D'")
    assert (month["periodLengthFilter"], week["periodLengthFilter"]) == ("30D", "7D")
    assert (month["period2Label"], week["period2Label"]) == ("31 - 60 days", "8 - 14 days")
    assert month["currentAmount"] == 0
    assert month["balanceDue"] == week["balanceDue"]
    assert week["period3Amount"] > month["period3Amount"]
    later = f"customerNumber eq '{story.ALL_OVERDUE}' and agedAsOfDate eq 2030-01-01"
    assert (await first(business_central, f"agedAccountsReceivables?$filter={later}"))["period3Amount"] == month[
        "balanceDue"
    ]
    earlier = f"customerNumber eq '{story.ALL_OVERDUE}' and agedAsOfDate eq 2020-01-01"
    assert (await first(business_central, f"agedAccountsReceivables?$filter={earlier}"))["currentAmount"] == month[
        "balanceDue"
    ]
    bad = await business_central.get("agedAccountsReceivables?$filter=periodLengthFilter eq '1M'")
    assert refusal(bad) == (400, "Application_FilterErrorException")


async def test_it_is_read_like_any_set_and_never_written(business_central: httpx.AsyncClient) -> None:
    page = row(await business_central.get("agedAccountsReceivables?$top=3&$count=true&$select=name&$orderby=name"))
    assert (page["@odata.count"], len(page["value"])) == (201, 3)
    assert page["@odata.context"].endswith("/agedAccountsReceivables")
    following = await business_central.get("agedAccountsReceivables", headers={"Prefer": "odata.maxpagesize=150"})
    rest = row(await business_central.get(row(following)["@odata.nextLink"]))
    assert (len(rest["value"]), rest["value"][-1]["name"]) == (51, "Total")
    total = row(await business_central.get(f"agedAccountsReceivables({ZERO})"))
    assert total["name"] == "Total"
    assert refusal(await business_central.post("agedAccountsReceivables", json={})) == (
        405,
        "BadRequest_MethodNotAllowed",
    )


async def test_a_posted_order_is_owed_at_once(business_central: httpx.AsyncClient) -> None:
    where = f"$filter=customerNumber eq '{story.HARBOUR}'"
    before = await first(business_central, f"agedAccountsReceivables?{where}")
    order = await first(business_central, f"salesOrders?{where}")
    await business_central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
    after = await first(business_central, f"agedAccountsReceivables?{where}")
    owed = amount(before, "balanceDue") + amount(order, "totalAmountIncludingTax")
    assert amount(after, "balanceDue") == owed
