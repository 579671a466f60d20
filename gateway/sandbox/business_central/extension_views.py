"""The pages and queries of the extension as SELECTs: availability, reservations, and what customers owe and bought.

Figures of customers are by bill-to customer, with VAT and in local currency. An unknown rate counts as one.

Source: Business Central, tables Item and Customer, their flow fields; table Reservation Entry.
"""

from typing import Final


def _sum(columns: str, table: str, customer: str, condition: str = "1") -> str:
    """What a customer has of a column in a table, found by the column that names the customer."""
    return f"""coalesce((SELECT sum_number({columns}) FROM {table}
                   WHERE fold({customer}) = fold(customer.number) AND {condition}), as_number(0))"""  # noqa: S608 - below


def _share(quantity: str) -> str:
    """The part of a line's amount, VAT included, that falls on some of its quantity, in local currency."""
    return f"amount_share(line.netAmountIncludingTax, {quantity}, line.quantity, rate.exchangeRateAmount)"


_RATE: Final = "LEFT JOIN currencyExchangeRates AS rate ON fold(rate.currencyCode) = fold(sale.currencyCode)"
_ORDERED: Final = f"salesOrders AS sale JOIN salesOrderLines AS line ON line.documentId = sale.id {_RATE}"
_BILLED: Final = f"salesInvoices AS sale JOIN salesInvoiceLines AS line ON line.documentId = sale.id {_RATE}"
_PAYER: Final = "sale.billToCustomerNumber"
_DRAFT: Final = "sale.status IN ('Draft', 'In_x0020_Review')"
_PREPAID: Final = "plus_number(line.prepaymentInvoiced, line.prepaymentTaxInvoiced)"
_SERVICE: Final = ('"$serviceLines"', "billToCustomerNo")

_CUSTOMER_STATISTICS: Final = f"""
        SELECT customer.id AS id, customer.number AS customerNumber,
               {_sum("remainingAmountLCY", '"$customerLedgerEntries"', "customerNo")} AS balanceLCY,
               {_sum(_share("minus_number(line.quantity, line.shippedQuantity)"), _ORDERED, _PAYER)}
                   AS outstandingOrdersLCY,
               {_sum(_share("minus_number(line.shippedQuantity, line.invoicedQuantity)"), _ORDERED, _PAYER)}
                   AS shippedNotInvoicedLCY,
               {_sum(_share("line.quantity"), _BILLED, _PAYER, _DRAFT)} AS outstandingInvoicesLCY,
               {_sum(_share("line.quantity"), _BILLED, _PAYER, f"{_DRAFT} AND line.shipmentNumber <> ''")}
                   AS shippedOrdersOnInvoicesLCY,
               {_sum("outstandingAmountLCY", *_SERVICE, "documentType = 'Order'")} AS outstandingServiceOrdersLCY,
               {_sum("shippedNotInvoicedLCY", *_SERVICE, "documentType = 'Order'")} AS serviceShippedNotInvoicedLCY,
               {_sum("outstandingAmountLCY", *_SERVICE, "documentType = 'Invoice'")} AS outstandingServiceInvoicesLCY,
               {_sum("outstandingAmountLCY", *_SERVICE, "documentType = 'Invoice' AND shipmentNumber <> ''")}
                   AS shippedServiceOrdersOnInvoicesLCY,
               {_sum("returnReceivedNotInvoicedLCY", '"$salesReturnLines"', "billToCustomerNo")}
                   AS returnReceivedNotInvoicedLCY,
               {_sum(f"amount_share({_PREPAID}, as_number(1), as_number(1), rate.exchangeRateAmount)", _ORDERED, _PAYER)}
                   AS invoicedPrepaymentLCY,
               customer.store_version
        FROM customers AS customer
        """  # noqa: S608 - from the constants above

EXTENSION_VIEWS: Final[dict[str, str]] = {
    "availability/customerStatistics": _CUSTOMER_STATISTICS,
    "availability/customerSalesByDate": """
        SELECT guid_of(customerNo || '/' || postingDate) AS rowKey, customerNo AS customerNumber, postingDate,
               sum_number(salesLCY) AS salesLCY, sum_number(profitLCY) AS profitLCY, max(store_version) AS store_version
        FROM "$customerLedgerEntries" WHERE salesLCY <> as_number(0) OR profitLCY <> as_number(0)
        GROUP BY customerNo, postingDate
        """,
    "availability/reservationEntries": """
        SELECT entry.entryNo AS entryNo, entry.itemNo AS itemNumber, entry.variantCode AS variantCode,
               entry.locationCode AS locationCode, entry.quantityBase AS quantityBase, entry.supplyType AS supplyType,
               'Sales' AS demandType, entry.expectedReceiptDate AS expectedReceiptDate,
               coalesce(line.shipmentDate, '0001-01-01') AS shipmentDate, entry.store_version
        FROM "$reservationEntries" AS entry LEFT JOIN salesOrderLines AS line ON line.id = entry.salesLineId
        """,
    "availability/itemAvailabilities": """
        WITH figure (itemNumber, variantCode, locationCode, kind, quantity, version) AS (
            SELECT item.number, '', location.code, '', NULL, item.store_version
              FROM items AS item CROSS JOIN locations AS location WHERE item.type = 'Inventory'
            UNION ALL
            SELECT variant.itemNumber, variant.code, location.code, '', NULL, variant.store_version
              FROM itemVariants AS variant CROSS JOIN locations AS location
            UNION ALL
            SELECT itemNo, variantCode, locationCode, 'inventory', quantity, store_version FROM "$itemLedgerEntries"
            UNION ALL
            SELECT line.lineObjectNumber, coalesce(variant.code, ''), coalesce(location.code, ''), 'sales',
                   times_number(minus_number(line.quantity, line.shippedQuantity), line.qtyPerUnitOfMeasure),
                   line.store_version
              FROM salesOrderLines AS line
              LEFT JOIN itemVariants AS variant ON variant.id = line.itemVariantId
              LEFT JOIN locations AS location ON location.id = line.locationId
              WHERE line.lineType = 'Item' AND line.quantity <> line.shippedQuantity
            UNION ALL
            SELECT itemNo, variantCode, locationCode, 'purchase', outstandingQtyBase, store_version
              FROM "$purchaseLines" WHERE documentType = 'Order'
            UNION ALL
            SELECT itemNo, variantCode, transferToCode, 'transit', qtyInTransitBase, store_version FROM "$transferLines"
            UNION ALL
            SELECT itemNo, variantCode, transferToCode, 'receipt', outstandingQtyBase, store_version FROM "$transferLines"
            UNION ALL
            SELECT itemNo, variantCode, transferFromCode, 'shipment', outstandingQtyBase, store_version
              FROM "$transferLines"
            UNION ALL
            SELECT itemNo, variantCode, locationCode, 'reserved', quantityBase, store_version
              FROM "$reservationEntries" WHERE supplyType = 'Inventory'
        ), total AS (
            SELECT itemNumber, variantCode, locationCode,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'inventory'), as_number(0)) AS inventory,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'sales'), as_number(0)) AS sales,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'purchase'), as_number(0)) AS purchase,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'transit'), as_number(0)) AS transit,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'receipt'), as_number(0)) AS receipt,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'shipment'), as_number(0)) AS shipment,
                   coalesce(sum_number(quantity) FILTER (WHERE kind = 'reserved'), as_number(0)) AS reserved,
                   max(version) AS version
            FROM figure GROUP BY itemNumber, variantCode, locationCode
        )
        SELECT guid_of(total.itemNumber || '/' || total.variantCode || '/' || total.locationCode) AS id,
               item.id AS itemId, total.itemNumber, total.variantCode, total.locationCode,
               item.baseUnitOfMeasureCode AS unitOfMeasureCode, total.inventory AS inventory,
               total.sales AS quantityOnSalesOrder, total.purchase AS quantityOnPurchaseOrder,
               total.transit AS quantityInTransit, total.receipt AS quantityOnTransferReceipt,
               total.shipment AS quantityOnTransferShipment, total.reserved AS reservedQuantity,
               minus_number(total.inventory, total.reserved) AS availableInventory,
               minus_number(total.inventory, total.sales, total.shipment,
                            minus_number(as_number(0), total.purchase, total.transit, total.receipt))
                   AS projectedAvailableBalance,
               total.version AS store_version
        FROM total JOIN items AS item ON fold(item.number) = fold(total.itemNumber)
        """,
}
