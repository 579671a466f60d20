"""The Analytics API: read-only queries over the ledgers, which agree with what the standard API shows."""

from collections import defaultdict
from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from tests.checklist.answers import Row, rows

pytestmark = pytest.mark.anyio

SETS = [
    *("itemLedgerEntries", "outstandingSalesLines", "outstandingPurchaseLines", "transferLines"),
    *("customerLedgerEntries", "items", "locations", "salespersonPurchasers"),
]


async def every(analytics: httpx.AsyncClient, name: str, **options: str) -> list[Row]:
    """The rows of a query; options without their dollar sign."""
    return rows(await analytics.get(name, params={f"${option}": value for option, value in options.items()}))


def sums(found: list[Row], by: str, figure: str) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for one in found:
        totals[one[by]] += Decimal(str(one[figure]))
    return totals


async def check_stock(business_central: httpx.AsyncClient, analytics: httpx.AsyncClient) -> None:
    entries = await every(analytics, "itemLedgerEntries", filter="open eq true")
    remaining = sums(entries, "itemNo", "remainingQuantity")
    quantities = sums(await every(analytics, "itemLedgerEntries"), "itemNo", "quantity")
    items = rows(await business_central.get("items?$select=number,inventory"))
    assert len(items) == 300
    shown = {item["number"]: item["inventory"] for item in items}
    assert shown == {number: remaining[number] for number in shown}
    assert shown == {number: quantities[number] for number in shown}


async def check_balances(business_central: httpx.AsyncClient, analytics: httpx.AsyncClient) -> None:
    entries = await every(analytics, "customerLedgerEntries", filter="open eq true")
    remaining = sums(entries, "customerNo", "remainingAmtLCY")
    sales = sums(await every(analytics, "customerLedgerEntries"), "customerNo", "salesLCY")
    details = rows(await business_central.get("customerFinancialDetails"))
    assert len(details) == 200
    for one in details:
        number = one["number"]
        assert (Decimal(str(one["balance"])), Decimal(str(one["totalSalesExcludingTax"]))) == (
            remaining[number],
            sales[number],
        )


async def test_open_entries_add_up_to_the_inventory_of_every_item(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    await check_stock(business_central, analytics)


async def test_open_entries_add_up_to_the_balance_of_every_customer(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    await check_balances(business_central, analytics)


async def test_overdue_entries_are_the_overdue_amount(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    due = f"open eq true and dueDate lt {story.STORY_DATE.isoformat()}"
    overdue = sums(await every(analytics, "customerLedgerEntries", filter=due), "customerNo", "remainingAmtLCY")
    for one in rows(await business_central.get("customerFinancialDetails")):
        assert Decimal(str(one["overdueAmount"])) == overdue[one["number"]]


async def test_outstanding_lines_are_what_orders_have_not_shipped(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    expected: dict[tuple[str, int], Decimal] = {}
    for order in rows(await business_central.get("salesOrders?$expand=salesOrderLines")):
        for line in order["salesOrderLines"]:
            left = Decimal(str(line["quantity"])) - Decimal(str(line["shippedQuantity"]))
            if left:
                expected[order["number"], line["sequence"]] = left
    found = await every(analytics, "outstandingSalesLines")
    assert {(one["documentNo"], one["lineNo"]): one["outstandingQtyBase"] for one in found} == expected


async def test_amounts_of_foreign_orders_are_in_local_currency(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    (order,) = rows(await business_central.get("salesOrders?$filter=number eq 'S-ORD101005'"))
    (rate,) = rows(await business_central.get("currencyExchangeRates?$filter=currencyCode eq 'USD'"))
    found = await every(analytics, "outstandingSalesLines", filter="documentNo eq 'S-ORD101005'")
    assert order["currencyCode"] == "USD"
    local = sum(Decimal(str(one["outstandingAmountLCY"])) for one in found)
    assert abs(local * Decimal(str(rate["exchangeRateAmount"])) - Decimal(str(order["totalAmountIncludingTax"]))) < 1
    assert {one["billToCustomerNo"] for one in found} == {story.BILLS_IN_USD}


async def test_what_was_shipped_and_not_invoiced_is_told(analytics: httpx.AsyncClient) -> None:
    shipped = await every(analytics, "outstandingSalesLines", filter="qtyShippedNotInvdBase gt 0")
    assert shipped
    for one in shipped:
        price = one["outstandingAmountLCY"] / one["outstandingQtyBase"]
        assert one["shippedNotInvoicedLCY"] == pytest.approx(price * one["qtyShippedNotInvdBase"], abs=0.05)


async def test_stock_per_location_is_summed_by_the_client(analytics: httpx.AsyncClient) -> None:
    entries = await every(analytics, "itemLedgerEntries", filter=f"itemNo eq '{story.IN_STOCK}' and open eq true")
    assert sums(entries, "locationCode", "remainingQuantity") == {"MAIN": 102, "EAST": 35, "WEST": 8}
    (purchase,) = await every(analytics, "outstandingPurchaseLines", filter=f"itemNo eq '{story.SHORT}'")
    assert purchase["expectedReceiptDate"] == story.SHORT_RECEIPT_DATE.isoformat()
    (transfer,) = await every(analytics, "transferLines", filter=f"itemNo eq '{story.IN_TRANSIT}'")
    assert (transfer["qtyInTransitBase"], transfer["transferToCode"]) == (40, "EAST")


@pytest.mark.parametrize("name", SETS)
async def test_a_query_is_read_only_and_has_neither_id_nor_etag(analytics: httpx.AsyncClient, name: str) -> None:
    found = await every(analytics, name)
    assert found
    assert not {"id", "@odata.etag", "rowKey"} & found[0].keys()
    assert (await analytics.get(f"{name}/$count")).text == str(len(found))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await analytics.request(method, name, json={}, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "BadRequest_MethodNotAllowed")
    one = await analytics.get(f"{name}(3f0c0000-0000-4000-8000-000000000001)")
    assert (one.status_code, one.json()["error"]["code"]) == (404, "BadRequest_ResourceNotFound")


async def test_ledger_entries_know_no_variant(analytics: httpx.AsyncClient) -> None:
    answer = await analytics.get("itemLedgerEntries?$select=variantCode")
    assert answer.status_code == 400
    assert "Could not find a property named 'variantCode'" in answer.text


async def test_the_hidden_key_cannot_be_named(analytics: httpx.AsyncClient) -> None:
    for option in ("$select=rowKey", "$filter=rowKey ne null", "$orderby=rowKey"):
        assert (await analytics.get(f"outstandingSalesLines?{option}")).status_code == 400


async def test_an_order_shows_at_once(business_central: httpx.AsyncClient, analytics: httpx.AsyncClient) -> None:
    async def outstanding(number: str) -> list[tuple[int, float]]:
        found = await every(analytics, "outstandingSalesLines", filter=f"documentNo eq '{number}'")
        return [(one["lineNo"], one["outstandingQtyBase"]) for one in found]

    lines = [{"lineType": "Item", "lineObjectNumber": "1001", "quantity": quantity} for quantity in (2, 5)]
    body = {"customerNumber": story.HARBOUR, "salesOrderLines": lines}
    order = (await business_central.post("salesOrders?$expand=salesOrderLines", json=body)).json()
    assert await outstanding(order["number"]) == [(10000, 2), (20000, 5)]
    line = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    await business_central.patch(line, json={"quantity": 0.5}, headers={"If-Match": "*"})
    assert await outstanding(order["number"]) == [(10000, 0.5), (20000, 5)]
    await business_central.delete(line)
    assert await outstanding(order["number"]) == [(20000, 5)]
    await business_central.delete(f"salesOrders({order['id']})")
    assert await outstanding(order["number"]) == []


async def test_the_ledgers_still_agree_after_posting(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    for order in rows(await business_central.get("salesOrders?$top=25")):
        answer = await business_central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
        assert answer.status_code == 204, answer.text
    items = rows(await business_central.get("items?$top=10&$filter=type eq 'Inventory'"))
    for item, change in zip(items, (-7, 5) * 5, strict=True):
        await business_central.patch(
            f"items({item['id']})", json={"inventory": item["inventory"] + change}, headers={"If-Match": "*"}
        )
    await check_stock(business_central, analytics)
    await check_balances(business_central, analytics)


async def test_the_analytics_api_may_be_absent(sandbox: Sandbox, analytics: httpx.AsyncClient) -> None:
    sandbox.features.analytics = False
    answer = await analytics.get("items")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "BadRequest_ResourceNotFound")


async def test_the_platform_tells_what_webhooks_are_for(business_central: httpx.AsyncClient) -> None:
    base = str(business_central.base_url).replace("api/v2.0", "api/microsoft/runtime/beta")
    found = {one["resource"] for one in rows(await business_central.get(f"{base}webhookSupportedResources"))}
    assert {"v2.0/customers", "v2.0/contacts", "wheelhouse/availability/v1.0/couplings"} <= found
    assert not {"v2.0/salesOrderLines", "microsoft/analytics/v1.0/items"} & found
