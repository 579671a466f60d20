"""Sets that are not tables of their own: API queries over the ledgers, and pages that add things up, as SELECTs.

A view yields every property of its set and `store_version`. Numbers are added with the functions of `computing`.

Source: Business Central, "Power BI Reports API overview"; table Item, its flow fields.
"""

from typing import Final

VIEWS: Final[dict[str, str]] = {
    "analytics/itemLedgerEntries": """
        SELECT entryNo, replace(replace(entryType, ' ', '_x0020_'), '.', '_x002E_') AS entryType, sourceNo, documentNo,
               postingDate, itemNo, locationCode, '' AS serialNo, '' AS lotNo, '0001-01-01' AS expirationDate, quantity,
               remainingQuantity, "open", positive, invoicedQuantity, costAmountActual, salesAmountActual,
               unitOfMeasureCode, as_number(1) AS qtyPerUnitOfMeasure, 0 AS dimensionSetID, store_version
        FROM "$itemLedgerEntries"
        """,
    "analytics/outstandingSalesLines": """
        SELECT line.id AS rowKey, 'Order' AS documentType, sale.number AS documentNo, line.sequence AS lineNo,
               sale.customerNumber AS sellToCustomerNo, sale.billToCustomerNumber AS billToCustomerNo,
               line.lineType AS type, CASE line.lineType WHEN 'Item' THEN line.lineObjectNumber ELSE '' END AS itemNo,
               coalesce(variant.code, '') AS variantCode, coalesce(location.code, '') AS locationCode,
               line.unitOfMeasureCode, line.shipmentDate,
               minus_number(line.quantity, line.shippedQuantity) AS outstandingQtyBase,
               amount_share(line.netAmountIncludingTax, minus_number(line.quantity, line.shippedQuantity),
                            line.quantity, rate.exchangeRateAmount) AS outstandingAmountLCY,
               minus_number(line.shippedQuantity, line.invoicedQuantity) AS qtyShippedNotInvdBase,
               amount_share(line.netAmountIncludingTax, minus_number(line.shippedQuantity, line.invoicedQuantity),
                            line.quantity, rate.exchangeRateAmount) AS shippedNotInvoicedLCY,
               line.store_version
        FROM salesOrderLines AS line
        JOIN salesOrders AS sale ON sale.id = line.documentId
        LEFT JOIN itemVariants AS variant ON variant.id = line.itemVariantId
        LEFT JOIN locations AS location ON location.id = line.locationId
        LEFT JOIN currencyExchangeRates AS rate ON fold(rate.currencyCode) = fold(sale.currencyCode)
        WHERE line.quantity <> line.shippedQuantity
        """,
    "analytics/outstandingPurchaseLines": """
        SELECT id AS rowKey, 'Order' AS documentType, documentNo, lineNo, 'Item' AS type, itemNo, variantCode,
               locationCode, outstandingQtyBase, expectedReceiptDate, store_version
        FROM "$purchaseLines" WHERE outstandingQtyBase <> as_number(0)
        """,
    "analytics/transferLines": """
        SELECT id AS rowKey, documentNo, lineNo, itemNo, variantCode, transferFromCode, transferToCode, inTransitCode,
               outstandingQtyBase, qtyInTransitBase, shipmentDate, receiptDate, store_version
        FROM "$transferLines"
        """,
    "analytics/customerLedgerEntries": """
        SELECT entryNo, customerNo, postingDate, dueDate, documentType, documentNo, description, currencyCode, amount,
               remainingAmount, amountLCY, remainingAmountLCY AS remainingAmtLCY, salesLCY, profitLCY, salespersonCode,
               "open", positive, 0 AS dimensionSetID, store_version
        FROM "$customerLedgerEntries"
        """,
    "analytics/items": """
        SELECT number AS itemNo, displayName AS description, baseUnitOfMeasureCode AS baseUnitOfMeasure,
               itemCategoryCode, unitCost, store_version
        FROM items
        """,
    "analytics/locations": "SELECT code, displayName AS name, store_version FROM locations",
    "analytics/salespersonPurchasers": "SELECT code, displayName AS name, store_version FROM salespeoplePurchasers",
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
                   minus_number(line.quantity, line.shippedQuantity), line.store_version
              FROM salesOrderLines AS line
              LEFT JOIN itemVariants AS variant ON variant.id = line.itemVariantId
              LEFT JOIN locations AS location ON location.id = line.locationId
              WHERE line.lineType = 'Item' AND line.quantity <> line.shippedQuantity
            UNION ALL
            SELECT itemNo, variantCode, locationCode, 'purchase', outstandingQtyBase, store_version FROM "$purchaseLines"
            UNION ALL
            SELECT itemNo, variantCode, transferToCode, 'transit', qtyInTransitBase, store_version FROM "$transferLines"
            UNION ALL
            SELECT itemNo, variantCode, transferToCode, 'receipt', outstandingQtyBase, store_version FROM "$transferLines"
            UNION ALL
            SELECT itemNo, variantCode, transferFromCode, 'shipment', outstandingQtyBase, store_version
              FROM "$transferLines"
            UNION ALL
            SELECT itemNo, variantCode, locationCode, 'reserved', quantityBase, store_version FROM "$reservationEntries"
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

_DOCUMENTED: Final = (
    *("accounts", "companyInformation", "countriesRegions", "currencies", "customerPaymentJournals", "customers"),
    *("dimensions", "employees", "generalLedgerEntries", "itemCategories", "items", "journals", "paymentMethods"),
    *("paymentTerms", "purchaseInvoices", "salesCreditMemos", "salesInvoices", "salesOrders", "salesQuotes"),
    *("shipmentMethods", "unitsOfMeasure", "vendors"),
)
"""Source: Business Central, "Working with webhooks in Dynamics 365 Business Central", supported resources."""
_ALSO: Final = ("contacts", "itemVariants", "locations", "salespeoplePurchasers")
_OF_EXTENSIONS: Final = ("wheelhouse/availability/v1.0/couplings",)

WEBHOOK_RESOURCES: Final = (*(f"v2.0/{name}" for name in sorted((*_DOCUMENTED, *_ALSO))), *_OF_EXTENSIONS)
"""What subscriptions may name: route of the API and set. Only pages over real tables, never lines or queries."""

VIEWS["runtime/webhookSupportedResources"] = (
    "SELECT column1 AS resource, 1 AS store_version FROM (VALUES "  # noqa: S608
    + ", ".join(f"('{resource}')" for resource in WEBHOOK_RESOURCES)
    + ")"
)
