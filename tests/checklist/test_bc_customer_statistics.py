"""The extension's figures of customers and reservations: what the ledgers and open documents add up to."""

from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from tests.checklist.answers import Row, first, refusal, row, rows

pytestmark = pytest.mark.anyio

POST, SHIP = "Microsoft.NAV.post", "Microsoft.NAV.shipAndInvoice"
FIGURES = {
    story.HARBOUR: {
        "balanceLCY": 9440,
        "outstandingOrdersLCY": 8145.36,
        "shippedNotInvoicedLCY": 0,
        "outstandingInvoicesLCY": 0,
        "shippedOrdersOnInvoicesLCY": 0,
        "outstandingServiceOrdersLCY": 278.3,
        "serviceShippedNotInvoicedLCY": 108.9,
        "outstandingServiceInvoicesLCY": 90.75,
        "shippedServiceOrdersOnInvoicesLCY": 54.45,
        "returnReceivedNotInvoicedLCY": 54.45,
        "invoicedPrepaymentLCY": 363,
    },
    story.DRAFT_INVOICE: {
        "balanceLCY": 0,
        "outstandingOrdersLCY": 871.57,
        "shippedNotInvoicedLCY": 715.71,
        "outstandingInvoicesLCY": 165.89,
        "shippedOrdersOnInvoicesLCY": 135.64,
        "outstandingServiceOrdersLCY": 0,
        "serviceShippedNotInvoicedLCY": 0,
        "outstandingServiceInvoicesLCY": 0,
        "shippedServiceOrdersOnInvoicesLCY": 0,
        "returnReceivedNotInvoicedLCY": 0,
        "invoicedPrepaymentLCY": 0,
    },
}
MINUS = (
    *("shippedOrdersOnInvoicesLCY", "shippedServiceOrdersOnInvoicesLCY"),
    *("returnReceivedNotInvoicedLCY", "invoicedPrepaymentLCY"),
)


async def statistics(availability: httpx.AsyncClient, number: str) -> Row:
    return await first(availability, f"customerStatistics?$filter=customerNumber eq '{number}'")


def total(found: Row) -> Decimal:
    """What the customer owes and will owe: Total (LCY)."""
    figures = {name: Decimal(str(value)) for name, value in found.items() if name.endswith("LCY")}
    return sum((-value if name in MINUS else value for name, value in figures.items()), Decimal(0))


@pytest.mark.parametrize("number", FIGURES)
async def test_the_figures_of_the_story_are_there(availability: httpx.AsyncClient, number: str) -> None:
    found = await statistics(availability, number)
    assert {name: value for name, value in found.items() if name.endswith("LCY")} == FIGURES[number]


async def test_a_row_is_a_customer(business_central: httpx.AsyncClient, availability: httpx.AsyncClient) -> None:
    found = {one["customerNumber"]: one for one in rows(await availability.get("customerStatistics"))}
    customers = rows(await business_central.get("customers?$select=id,number,balanceDue"))
    assert found.keys() == {customer["number"] for customer in customers}
    for customer in customers:
        one = found[customer["number"]]
        assert (one["id"], one["balanceLCY"]) == (customer["id"], customer["balanceDue"])
    answer = await availability.get(f"customerStatistics({customers[0]['id']})")
    assert row(answer).items() >= found[customers[0]["number"]].items()
    assert answer.headers["etag"] == found[customers[0]["number"]]["@odata.etag"]
    assert refusal(await availability.post("customerStatistics", json={})) == (405, "BadRequest_MethodNotAllowed")


async def test_everything_belongs_to_the_one_who_pays(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    served, payer = [await statistics(availability, one) for one in (story.TEAM_OWNED, story.LIMIT_EXCEEDED)]
    assert (served["outstandingServiceOrdersLCY"], served["serviceShippedNotInvoicedLCY"]) == (0, 0)
    assert (payer["outstandingServiceOrdersLCY"], payer["serviceShippedNotInvoicedLCY"]) == (90.75, 181.5)
    line = {"lineType": "Item", "lineObjectNumber": story.IN_STOCK, "quantity": 1}
    body = {
        "customerNumber": story.TEAM_OWNED,
        "billToCustomerNumber": story.LIMIT_EXCEEDED,
        "salesOrderLines": [line],
    }
    order = row(await business_central.post("salesOrders", json=body), 201)
    after = await statistics(availability, story.LIMIT_EXCEEDED)
    assert after["outstandingOrdersLCY"] - payer["outstandingOrdersLCY"] == order["totalAmountIncludingTax"]


async def test_dollars_are_counted_in_euro(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    found = await statistics(availability, story.BILLS_IN_USD)
    where = f"billToCustomerNo eq '{story.BILLS_IN_USD}' and documentType eq 'Order'"
    lines = rows(await analytics.get("salesLines", params={"$filter": where}))
    assert Decimal(str(found["outstandingOrdersLCY"])) == sum(
        Decimal(str(line["outstandingAmountLCY"])) for line in lines
    )
    assert found["balanceLCY"] == 4000


async def test_posting_moves_figures_and_leaves_the_total(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    before = await statistics(availability, story.HARBOUR)
    prepaid = await first(business_central, f"salesOrders?$filter=number eq '{story.PREPAID_ORDER}'")
    answer = await business_central.post(f"salesOrders({prepaid['id']})/{SHIP}")
    invoice = row(await business_central.get(f"{answer.headers['location']}?$expand=salesInvoiceLines"))
    assert [line["description"] for line in invoice["salesInvoiceLines"]][1:] == ["Prepayment"]
    assert invoice["totalAmountIncludingTax"] == prepaid["totalAmountIncludingTax"] - 363
    after = await statistics(availability, story.HARBOUR)
    assert (after["invoicedPrepaymentLCY"], after["outstandingOrdersLCY"]) == (
        0,
        pytest.approx(before["outstandingOrdersLCY"] - prepaid["totalAmountIncludingTax"]),
    )
    assert total(after) == total(before)


async def test_an_order_in_parts_takes_its_share_of_the_prepayment(
    sandbox: Sandbox, business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    before = await statistics(availability, story.HARBOUR)
    order = await first(
        business_central, f"salesOrders?$filter=number eq '{story.PREPAID_ORDER}'&$expand=salesOrderLines"
    )
    sandbox.business_central.update("salesOrders", order["id"], {"status": "Draft"})
    (line,) = order["salesOrderLines"]
    answer = await business_central.patch(
        f"salesOrderLines({line['id']})", json={"shipQuantity": 1}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200
    await business_central.post(f"salesOrders({order['id']})/{SHIP}")
    after = await statistics(availability, story.HARBOUR)
    assert after["invoicedPrepaymentLCY"] == 242
    assert total(after) == total(before)


async def test_a_draft_that_bills_a_shipment_ships_nothing(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    before = await statistics(availability, story.DRAFT_INVOICE)
    draft = await first(
        business_central,
        f"salesInvoices?$filter=number eq '{story.DRAFT_INVOICE_NUMBER}'&$expand=salesInvoiceLines",
    )
    item = draft["salesInvoiceLines"][0]["itemId"]
    stock = row(await business_central.get(f"items({item})"))["inventory"]
    assert (await business_central.post(f"salesInvoices({draft['id']})/{POST}")).status_code == 204
    assert row(await business_central.get(f"items({item})"))["inventory"] == stock
    after = await statistics(availability, story.DRAFT_INVOICE)
    assert (after["outstandingInvoicesLCY"], after["shippedOrdersOnInvoicesLCY"]) == (0, 0)
    assert (after["balanceLCY"], after["shippedNotInvoicedLCY"]) == (165.89, 580.07)
    assert total(after) == total(before)
    order = await first(
        business_central, f"salesOrders?$filter=customerNumber eq '{story.DRAFT_INVOICE}'&$expand=salesOrderLines"
    )
    line = order["salesOrderLines"][0]
    assert (line["invoicedQuantity"], line["invoiceQuantity"]) == (2, 10)


async def test_a_shipment_is_not_billed_twice(business_central: httpx.AsyncClient) -> None:
    order = await first(business_central, f"salesOrders?$filter=customerNumber eq '{story.DRAFT_INVOICE}'")
    assert (await business_central.post(f"salesOrders({order['id']})/{SHIP}")).status_code == 204
    draft = await first(business_central, f"salesInvoices?$filter=number eq '{story.DRAFT_INVOICE_NUMBER}'")
    answer = await business_central.post(f"salesInvoices({draft['id']})/{POST}")
    assert refusal(answer) == (400, "Application_DialogException")
    assert "greater than the quantity in shipment" in answer.text


async def test_reservations_are_told_one_by_one(
    sandbox: Sandbox, business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    wheel, short = rows(await availability.get("reservationEntries"))
    assert wheel == {
        "entryNo": 1,
        "itemNumber": story.IN_STOCK,
        "variantCode": "",
        "locationCode": "MAIN",
        "quantityBase": 2,
        "supplyType": "Inventory",
        "demandType": "Sales",
        "expectedReceiptDate": "0001-01-01",
        "shipmentDate": "2026-11-23",
    }
    assert (short["itemNumber"], short["quantityBase"]) == (story.SHORT, 15)
    coming = {"entryNo": 3, "itemNo": story.SHORT, "locationCode": "MAIN", "quantityBase": 4, "supplyType": "Purchase"}
    sandbox.business_central.seed("$reservationEntries", [coming | {"expectedReceiptDate": "2026-12-02"}])
    found = await first(availability, "reservationEntries?$filter=supplyType eq 'Purchase'")
    assert found["expectedReceiptDate"] == "2026-12-02"
    where = f"itemNumber eq '{story.SHORT}' and locationCode eq 'MAIN'"
    assert (await first(availability, f"itemAvailabilities?$filter={where}"))["reservedQuantity"] == 15
    order = await first(business_central, "salesOrders?$filter=number eq 'S-ORD101001'")
    await business_central.post(f"salesOrders({order['id']})/{SHIP}")
    assert await first(availability, "reservationEntries") == short


@pytest.mark.parametrize("name", ["reservationEntries", "customerStatistics", "customerSalesByDate"])
async def test_a_tenant_without_the_extension_has_none_of_it(
    sandbox: Sandbox, availability: httpx.AsyncClient, name: str
) -> None:
    assert rows(await availability.get(f"{name}?$top=1"))
    sandbox.features.custom_pages = False
    assert refusal(await availability.get(name)) == (404, "BadRequest_ResourceNotFound")
