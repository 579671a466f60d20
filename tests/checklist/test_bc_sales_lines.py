"""Lines of all open sales documents in one query, which agree with the documents and stay so after posting."""

from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.company import story
from tests.checklist.answers import Row, first, row, rows

pytestmark = pytest.mark.anyio

POST = "Microsoft.NAV.post"


async def lines(analytics: httpx.AsyncClient, where: str = "lineNo ge 0") -> list[Row]:
    return rows(await analytics.get("salesLines", params={"$filter": where}))


def total(found: list[Row], figure: str) -> Decimal:
    return sum((Decimal(str(one[figure])) for one in found), Decimal(0))


async def test_every_line_of_every_order_is_there(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    found = {(one["orderNo"], one["lineNo"]): one for one in await lines(analytics, "documentType eq 'Order'")}
    orders = rows(await business_central.get("salesOrders?$expand=salesOrderLines"))
    ordered = {(order["number"], line["sequence"]): line for order in orders for line in order["salesOrderLines"]}
    assert found.keys() == ordered.keys()
    for key, line in ordered.items():
        assert found[key]["outstandingQtyBase"] == line["quantity"] - line["shippedQuantity"]
        assert found[key]["qtyShippedNotInvdBase"] == line["shippedQuantity"]
        assert (found[key]["amount"], found[key]["itemNo"]) == (line["netAmount"], line["lineObjectNumber"])


async def test_outstanding_amounts_hold_vat_and_are_in_local_currency(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    (order,) = rows(await business_central.get("salesOrders?$filter=number eq 'S-ORD101005'"))
    (rate,) = rows(await business_central.get("currencyExchangeRates?$filter=currencyCode eq 'USD'"))
    found = await lines(analytics, "orderNo eq 'S-ORD101005'")
    assert order["currencyCode"] == "USD"
    local = total(found, "outstandingAmountLCY")
    assert abs(local * Decimal(str(rate["exchangeRateAmount"])) - Decimal(str(order["totalAmountIncludingTax"]))) < 1
    assert {one["billToCustomerNo"] for one in found} == {story.BILLS_IN_USD}
    harbour = await lines(analytics, f"billToCustomerNo eq '{story.HARBOUR}' and documentType eq 'Order'")
    assert total(harbour, "outstandingAmountLCY") == Decimal("8145.36")


async def test_what_was_shipped_and_not_invoiced_is_told_with_and_without_vat(analytics: httpx.AsyncClient) -> None:
    found = await lines(analytics, f"billToCustomerNo eq '{story.DRAFT_INVOICE}' and documentType eq 'Order'")
    assert [one["qtyShippedNotInvdBase"] for one in found] == [2, 6]
    assert [one["shippedNotInvoiced"] for one in found] == [135.64, 580.07]
    for one in found:
        assert one["shippedNotInvoicedLCYNoVAT"] * 1.21 == pytest.approx(one["shippedNotInvoiced"], abs=0.01)


async def test_a_draft_invoice_is_outstanding_as_a_whole_until_it_is_posted(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    goods, freight = await lines(analytics, "documentType eq 'Invoice'")
    assert (goods["documentNo"], goods["outstandingQtyBase"], freight["type"]) == (
        *(story.DRAFT_INVOICE_NUMBER, 2, "G_x002F_L_x0020_Account"),
    )
    assert total([goods, freight], "outstandingAmountLCY") == Decimal("165.89")
    draft = await first(business_central, "salesInvoices?$filter=status eq 'Draft'")
    assert draft["totalAmountIncludingTax"] == 165.89
    assert (await business_central.post(f"salesInvoices({draft['id']})/{POST}")).status_code == 204
    assert await lines(analytics, "documentType eq 'Invoice'") == []


async def test_quotes_and_documents_without_lines_are_there(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    line = {"lineType": "Item", "lineObjectNumber": "1001", "quantity": 2}
    comment = {"lineType": "Comment", "description": "By bicycle"}
    body = {"customerNumber": story.HARBOUR, "salesQuoteLines": [line, comment]}
    quote = row(await business_central.post("salesQuotes", json=body), 201)
    (found,) = await lines(analytics, f"orderNo eq '{quote['number']}'")
    assert (found["documentType"], found["outstandingQtyBase"], found["lineNo"]) == ("Quote", 2, 10000)
    assert found["outstandingAmountLCY"] == quote["totalAmountIncludingTax"]
    order = row(await business_central.post("salesOrders", json={"customerNumber": story.HARBOUR}), 201)
    (empty,) = await lines(analytics, f"orderNo eq '{order['number']}'")
    assert (empty["sellToCustomerNo"], empty["lineNo"], empty["documentNo"], empty["itemNo"]) == (
        *(story.HARBOUR, 0, "", ""),
    )


async def test_return_orders_are_among_outstanding_lines(analytics: httpx.AsyncClient) -> None:
    coming, back = await lines(analytics, f"orderNo eq '{story.RETURN_ORDER}'")
    assert (coming["documentType"], coming["outstandingQtyBase"]) == ("Return_x0020_Order", 2)
    assert (back["returnRcdNotInvdLCY"], back["outstandingAmountLCY"]) == (54.45, 0)
    where = "documentType eq 'Return Order'"
    (outstanding,) = rows(await analytics.get("outstandingSalesLines", params={"$filter": where}))
    assert (outstanding["itemNo"], outstanding["outstandingQtyBase"]) == (story.RETURNED_ITEM, 2)


async def test_outstanding_lines_are_those_of_items_added_up(analytics: httpx.AsyncClient) -> None:
    of_items = await lines(analytics, "type eq 'Item' and outstandingQtyBase gt 0 and documentType eq 'Order'")
    outstanding = rows(await analytics.get("outstandingSalesLines?$filter=documentType eq 'Order'"))
    assert total(of_items, "outstandingQtyBase") == total(outstanding, "outstandingQtyBase")
    assert {one["itemNo"] for one in of_items} == {one["itemNo"] for one in outstanding}
