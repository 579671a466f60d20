"""The Analytics API: read-only queries over the ledgers, which agree with what the standard API shows."""

from collections import defaultdict
from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from tests.checklist.answers import Row, rows

pytestmark = pytest.mark.anyio

_UNIT = ("dimensionSetID", "qtyPerUnitOfMeasure", "unitOfMeasureCode")
COLUMNS = {
    "itemLedgerEntries": (
        *("entryNo", "entryType", "sourceType", "sourceNo", "documentNo", "documentType", "postingDate", "itemNo"),
        *("locationCode", "serialNo", "expirationDate", "lotNo", "quantity", "unitOfMeasureCode", "remainingQuantity"),
        *("costAmountActual", "salesAmountActual", "dimensionSetID", "open", "positive", "invoicedQuantity"),
        "qtyPerUnitOfMeasure",
    ),
    "outstandingSalesLines": (
        *("documentNo", "documentType", "sellToCustomerNo", "itemNo", "outstandingQtyBase", "shipmentDate"),
        *("locationCode", *_UNIT),
    ),
    "outstandingPurchaseLines": (
        *("itemNo", "outstandingQtyBase", "expectedReceiptDate", "locationCode", "buyFromVendorNo", "documentNo"),
        *("documentType", *_UNIT),
    ),
    "transferLines": (
        *("documentNo", "itemNo", "inTransitLocationCode", "transferToLocationCode", "transferFromLocationCode"),
        *("qtyInTransitBase", "outstandingQtyBase", "receiptDate", "shipmentDate", *_UNIT),
    ),
    "orderServiceLines": ("documentNo", "itemNo", "locationCode", "outstandingQtyBase", "neededByDate", *_UNIT),
    "customerLedgerEntries": (
        *("cleEntryNo", "cleDueDate", "cleOpen", "clePostingDate", "cleDocumentDate", "cleDimensionSetID"),
        *("cleClosedAtDate", "cleReasonCode", "dcleEntryNo", "dclePostingDate", "dcleLedgerEntryAmount"),
        *("dcleEntryType", "dcleDocumentType", "dcleDocumentNo", "dcleInitialEntryDueDate", "dcleAmountLCY"),
        *("dcleCustomerNo", "dcleApplicationNo", "dcleAppliedCustLedgerEntryNo", "salesInvHeaderDocumentNo"),
        *("salesInvHeaderPaymentTermsCode", "salesInvHeaderPmtDiscountDate"),
    ),
    "salesLines": (
        *("orderNo", "documentType", "billToCustomerNo", "sellToCustomerNo", "salespersonCode", "orderDate"),
        *("documentDate", "dueDate", "postingDate", "type", "description", "documentNo", "lineNo", "itemNo"),
        *("locationCode", "quantityBase", "outstandingQtyBase", "outstandingAmountLCY", "amount", "unitCostLCY"),
        *("outstandingQuantity", "shipmentDate", "dimensionSetID", "returnRcdNotInvdLCY", "quantityShippedBase"),
        *("qtyShippedNotInvdBase", "shippedNotInvoicedLCYNoVAT", "shippedNotInvoiced", "quantityInvoiced"),
    ),
    "items": (
        *("itemNo", "itemDescription", "baseUnitofMeasure", "unitCost", "inventoryPostingGroup", "itemCategoryCode"),
        "itemCategoryDescription",
    ),
    "locations": ("locationCode", "locationName"),
    "salespersonPurchasers": ("salespersonPurchaserCode", "salespersonPurchaserName"),
}
"""As Microsoft's queries name them; the demo company has rows of each."""


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
    remaining = sums(await every(analytics, "customerLedgerEntries"), "dcleCustomerNo", "dcleAmountLCY")
    still_open = await every(analytics, "customerLedgerEntries", filter="cleOpen eq true")
    unpaid = sums(still_open, "dcleCustomerNo", "dcleAmountLCY")
    details = rows(await business_central.get("customerFinancialDetails"))
    assert len(details) == 200
    for one in details:
        number, balance = one["number"], Decimal(str(one["balance"]))
        assert balance == remaining[number] == unpaid[number]


async def test_open_entries_add_up_to_the_inventory_of_every_item(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    await check_stock(business_central, analytics)


async def test_detailed_entries_add_up_to_the_balance_of_every_customer(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    await check_balances(business_central, analytics)


async def test_overdue_entries_are_the_overdue_amount(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    due = f"dcleInitialEntryDueDate lt {story.STORY_DATE.isoformat()}"
    overdue = sums(await every(analytics, "customerLedgerEntries", filter=due), "dcleCustomerNo", "dcleAmountLCY")
    for one in rows(await business_central.get("customerFinancialDetails")):
        assert Decimal(str(one["overdueAmount"])) == overdue[one["number"]]


async def test_a_payment_is_an_application_of_the_day_it_came(analytics: httpx.AsyncClient) -> None:
    where = f"dcleCustomerNo eq '{story.HARBOUR}'"
    found = await every(analytics, "customerLedgerEntries", filter=where)
    partly = [one for one in found if one["dcleAmountLCY"] in (4250, -2999.5) and one["cleOpen"]]
    invoice, application = partly
    assert (invoice["dcleEntryType"], application["dcleEntryType"]) == ("Initial_x0020_Entry", "Application")
    assert (invoice["dcleDocumentType"], application["dcleDocumentType"]) == ("Invoice", "Payment")
    assert (invoice["dcleLedgerEntryAmount"], application["dcleLedgerEntryAmount"]) == (True, False)
    assert invoice["salesInvHeaderDocumentNo"] == invoice["dcleDocumentNo"]
    assert invoice["salesInvHeaderPaymentTermsCode"]
    assert invoice["cleEntryNo"] == application["cleEntryNo"]
    (payment,) = [one for one in found if one["cleEntryNo"] == application["dcleAppliedCustLedgerEntryNo"]][:1]
    assert (payment["dcleDocumentNo"], payment["dclePostingDate"]) == (
        application["dcleDocumentNo"],
        application["dclePostingDate"],
    )
    assert (invoice["cleClosedAtDate"], payment["cleClosedAtDate"]) == ("0001-01-01", payment["dclePostingDate"])


async def test_a_balance_of_an_earlier_day_is_what_was_posted_by_then(analytics: httpx.AsyncClient) -> None:
    found = await every(analytics, "customerLedgerEntries", filter=f"dcleCustomerNo eq '{story.HARBOUR}'")
    paid = next(one["dclePostingDate"] for one in found if one["dcleAmountLCY"] == -2999.5)
    for operator, difference in (("lt", Decimal(0)), ("le", Decimal("-2999.5"))):
        where = f"dcleCustomerNo eq '{story.HARBOUR}' and dclePostingDate {operator} {paid}"
        then = sums(await every(analytics, "customerLedgerEntries", filter=where), "dcleCustomerNo", "dcleAmountLCY")
        before = [one for one in found if one["dclePostingDate"] < paid]
        assert then[story.HARBOUR] == sums(before, "dcleCustomerNo", "dcleAmountLCY")[story.HARBOUR] + difference


async def test_entries_in_dollars_add_up_to_the_cent(analytics: httpx.AsyncClient) -> None:
    where = f"dcleCustomerNo eq '{story.BILLS_IN_USD}' and cleOpen eq true"
    found = sums(await every(analytics, "customerLedgerEntries", filter=where), "cleEntryNo", "dcleAmountLCY")
    assert set(found.values()) == {Decimal(1000), Decimal(3000)}


async def test_stock_per_location_is_summed_by_the_client(analytics: httpx.AsyncClient) -> None:
    entries = await every(analytics, "itemLedgerEntries", filter=f"itemNo eq '{story.IN_STOCK}' and open eq true")
    assert sums(entries, "locationCode", "remainingQuantity") == {"MAIN": 102, "EAST": 35, "WEST": 8}
    (purchase,) = await every(analytics, "outstandingPurchaseLines", filter=f"itemNo eq '{story.SHORT}'")
    assert purchase["expectedReceiptDate"] == story.SHORT_RECEIPT_DATE.isoformat()
    (transfer,) = await every(analytics, "transferLines", filter=f"itemNo eq '{story.IN_TRANSIT}'")
    assert (transfer["qtyInTransitBase"], transfer["transferToLocationCode"]) == (40, "EAST")
    assert (purchase["documentType"], purchase["unitOfMeasureCode"], purchase["qtyPerUnitOfMeasure"]) == (
        *("Order", "PCS", 1),
    )


async def test_ledger_entries_tell_document_and_source(analytics: httpx.AsyncClient) -> None:
    found = await every(analytics, "itemLedgerEntries", filter=f"itemNo eq '{story.IN_TRANSIT}'")
    assert {(one["entryType"], one["documentType"]) for one in found} == {
        ("Purchase", "Purchase_x0020_Receipt"),
        ("Transfer", "Transfer_x0020_Shipment"),
        ("Transfer", "Transfer_x0020_Receipt"),
    }
    (sold, *_) = await every(analytics, "itemLedgerEntries", filter="entryType eq 'Sale'", top="1")
    assert (sold["documentType"], sold["sourceType"]) == ("Sales_x0020_Shipment", "Customer")


async def test_lines_that_differ_in_nothing_but_their_quantity_are_one_row(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    lines = [{"lineType": "Item", "lineObjectNumber": "1001", "quantity": quantity} for quantity in (2, 5)]
    body = {"customerNumber": story.HARBOUR, "salesOrderLines": lines}
    order = (await business_central.post("salesOrders", json=body)).json()
    (found,) = await every(analytics, "outstandingSalesLines", filter=f"documentNo eq '{order['number']}'")
    assert found["outstandingQtyBase"] == 7


OTHER: dict[str, tuple[str, str, dict[str, object]]] = {
    "assemblyHeaders": ("Assembly Header", "remainingQtyBase", {"quantity": 3, "dueDate": "2026-12-01"}),
    "assemblyLines": ("Assembly Line", "remainingQuantity", {"dueDate": "2026-12-01"}),
    "itemJobPlanningLines": ("Job Planning Line", "remainingQtyBase", {"planningDate": "2026-12-01"}),
    "planningComponentLines": ("Planning Component", "expectedQuantityBase", {"dueDate": "2026-12-01"}),
    "inventoryProdOrderComponentLines": ("Prod. Order Component", "remainingQtyBase", {"status": "Released"}),
    "inventoryProdOrderLines": ("Prod. Order Line", "remainingQtyBase", {"startingDate": "2026-11-20"}),
    "requisitionLines": ("Requisition Line", "quantityBase", {"worksheetTemplateName": "PLANNING"}),
}


@pytest.mark.parametrize("name", OTHER)
async def test_modules_that_are_not_used_have_their_queries(
    sandbox: Sandbox, analytics: httpx.AsyncClient, name: str
) -> None:
    assert await every(analytics, name) == []
    kind, figure, shown = OTHER[name]
    line = {"kind": kind, "documentNo": "X1", "itemNo": "1001", "locationCode": "MAIN", "status": "Released"}
    dates = {"dueDate": "2026-12-01", "startingDate": "2026-11-20", "templateName": "PLANNING"}
    amounts = {"quantity": "1.5", "quantityBase": "12", "unitOfMeasureCode": "BOX", "qtyPerUnitOfMeasure": 12}
    for number in (1, 2):
        key = f"3f0c0000-0000-4000-8000-00000000000{number}"
        sandbox.business_central.seed("$otherLines", [{"id": key, **line, **dates, **amounts}])
    found = await every(analytics, name, filter="itemNo eq '1001'")
    assert sums(found, "itemNo", figure)["1001"] == 24
    assert len(found) == (2 if name == "requisitionLines" else 1)
    assert (found[0]["unitOfMeasureCode"], found[0]["qtyPerUnitOfMeasure"]) == ("BOX", 12)
    assert found[0].items() >= shown.items()


@pytest.mark.parametrize("name", COLUMNS)
async def test_columns_are_called_as_in_the_real_query(analytics: httpx.AsyncClient, name: str) -> None:
    (found,) = await every(analytics, name, top="1")
    assert set(found) == set(COLUMNS[name])


@pytest.mark.parametrize("name", COLUMNS)
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
    async def outstanding(number: str) -> list[tuple[str, float]]:
        found = await every(analytics, "outstandingSalesLines", filter=f"documentNo eq '{number}'")
        return [(one["itemNo"], one["outstandingQtyBase"]) for one in found]

    wanted = {"1001": 2, "1003": 5}
    lines = [{"lineType": "Item", "lineObjectNumber": item, "quantity": wanted[item]} for item in wanted]
    body = {"customerNumber": story.HARBOUR, "salesOrderLines": lines}
    order = (await business_central.post("salesOrders?$expand=salesOrderLines", json=body)).json()
    assert await outstanding(order["number"]) == [("1001", 2), ("1003", 5)]
    line = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    await business_central.patch(line, json={"quantity": 0.5}, headers={"If-Match": "*"})
    assert await outstanding(order["number"]) == [("1001", 0.5), ("1003", 5)]
    await business_central.delete(line)
    assert await outstanding(order["number"]) == [("1003", 5)]
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
