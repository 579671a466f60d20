"""Sales of customers: an API query of the standard API whose filter says which ledger entries to add up."""

from collections import defaultdict
from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.company import story
from tests.checklist.answers import Row, first, refusal, row, rows

pytestmark = pytest.mark.anyio

DAY = "dateFilter_FilterOnly"


async def sales(business_central: httpx.AsyncClient, where: str = "customerNumber ne ''") -> dict[str, Decimal]:
    found = rows(await business_central.get("customerSales", params={"$filter": where}))
    return {one["customerNumber"]: Decimal(str(one["totalSalesAmount"])) for one in found}


async def by_date(availability: httpx.AsyncClient, where: str) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for one in rows(await availability.get("customerSalesByDate", params={"$filter": where})):
        totals[one["customerNumber"]] += Decimal(str(one["salesLCY"]))
    return totals


async def test_without_a_day_it_is_all_that_was_ever_sold(business_central: httpx.AsyncClient) -> None:
    found = await sales(business_central)
    details = rows(await business_central.get("customerFinancialDetails"))
    assert found == {one["number"]: Decimal(str(one["totalSalesExcludingTax"])) for one in details}


@pytest.mark.parametrize(
    ("condition", "posted"),
    [
        (f"{DAY} ge 2026-01-01 and {DAY} le 2026-11-16", "postingDate ge 2026-01-01 and postingDate le 2026-11-16"),
        (f"{DAY} lt 2026-01-01", "postingDate lt 2026-01-01"),
        (f"{DAY} eq 2026-11-09", "postingDate eq 2026-11-09"),
        (f"{DAY} ge 2030-01-01", "postingDate ge 2030-01-01"),
        (f"{DAY} ge 2026-02-01 and {DAY} le 2026-01-01", "postingDate eq 2030-01-01"),
    ],
)
async def test_a_filter_by_day_is_about_the_entries_and_leaves_every_customer(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient, condition: str, posted: str
) -> None:
    found = await sales(business_central, condition)
    expected = await by_date(availability, posted)
    assert len(found) == 200
    assert found == {number: expected[number] for number in found}


async def test_customers_are_filtered_like_rows(business_central: httpx.AsyncClient) -> None:
    this_year = f"customerNumber eq '{story.HARBOUR}' and {DAY} ge 2026-01-01"
    assert list(await sales(business_central, this_year)) == [story.HARBOUR]
    none = f"customerNumber eq '{story.NO_ENTRIES}'"
    assert await sales(business_central, none) == {story.NO_ENTRIES: Decimal(0)}
    several = f"customerNumber eq '{story.HARBOUR}' or customerNumber eq '{story.UNCOUPLED}'"
    assert len(await sales(business_central, several)) == 2
    much = await sales(business_central, "totalSalesAmount gt 20000")
    assert much
    assert all(amount > 20_000 for amount in much.values())


async def test_it_has_neither_id_nor_etag_and_the_day_carries_no_data(business_central: httpx.AsyncClient) -> None:
    found = await first(business_central, "customerSales?$top=1")
    assert list(found) == ["customerId", "customerNumber", "name", "totalSalesAmount"]
    for option in (f"$select={DAY}", f"$orderby={DAY}"):
        assert refusal(await business_central.get(f"customerSales?{option}")) == (400, "BadRequest")
    assert refusal(await business_central.get(f"customerSales({found['customerId']})"))[0] == 404
    assert refusal(await business_central.post("customerSales", json={})) == (405, "BadRequest_MethodNotAllowed")
    assert (await business_central.get("customerSales/$count")).text == "200"
    page = row(await business_central.get("customerSales", headers={"Prefer": "odata.maxpagesize=150"}))
    assert len(row(await business_central.get(page["@odata.nextLink"]))["value"]) == 50


async def test_what_is_posted_counts_on_its_day(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    async def on(day: str) -> tuple[Decimal, list[Row]]:
        sold = await sales(business_central, f"customerNumber eq '{story.HARBOUR}' and {DAY} eq {day}")
        where = f"customerNumber eq '{story.HARBOUR}' and postingDate eq {day}"
        return sold[story.HARBOUR], rows(await availability.get("customerSalesByDate", params={"$filter": where}))

    order = await first(business_central, "salesOrders?$filter=number eq 'S-ORD101001'")
    answer = await business_central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
    invoice = row(await business_central.get(answer.headers["location"]))
    sold, (found,) = await on(invoice["postingDate"])
    assert float(sold) == order["totalAmountExcludingTax"] == found["salesLCY"]
    assert 0 < found["profitLCY"] < found["salesLCY"]
    assert not {"id", "@odata.etag", "rowKey"} & found.keys()
