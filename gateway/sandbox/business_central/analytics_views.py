"""The API queries of the Analytics API as SELECTs: read-only, most of them grouped by every column but their sums.

A query with sums groups each kind of document by itself, over joins on indexed columns, so that a filter by item or
customer reaches the tables. Hidden keys name one of the rows of a group.

Source: Microsoft's AL source of the app "Power BI Reports for Business Central", the folders named APIs.
"""

from typing import Final

from gateway.sandbox.business_central.sales_views import RETURN_LINES, SALES_LINES

_UNIT: Final = "qtyPerUnitOfMeasure, unitOfMeasureCode"


def _planned(kind: str, columns: str, sums: str) -> str:
    """Lines of one kind of `$otherLines`, grouped by `columns`; both are given as they are named in the query."""
    grouped = ", ".join(_named(columns))
    return f"""
        SELECT min(id) AS rowKey, {columns}, {_UNIT}, {sums}, 0 AS dimensionSetID, max(store_version) AS store_version
        FROM "$otherLines" WHERE fold(kind) = '{kind}' GROUP BY {grouped}, {_UNIT}
        """  # noqa: S608 - names of columns, written below


def _named(columns: str) -> list[str]:
    """What stands before AS in a list of columns."""
    return [column.partition(" AS ")[0].strip() for column in columns.split(",")]


_REMAINING: Final = "sum_number(quantityBase) AS remainingQtyBase"

ANALYTICS_VIEWS: Final[dict[str, str]] = {
    "analytics/itemLedgerEntries": """
        SELECT entryNo, replace(replace(entryType, ' ', '_x0020_'), '.', '_x002E_') AS entryType,
               CASE WHEN sourceNo = '' THEN '_x0020_' WHEN entryType = 'Purchase' THEN 'Vendor' ELSE 'Customer' END
                   AS sourceType,
               sourceNo, documentNo,
               CASE entryType WHEN 'Sale' THEN 'Sales_x0020_Shipment' WHEN 'Purchase' THEN 'Purchase_x0020_Receipt'
                    WHEN 'Transfer' THEN iif(positive, 'Transfer_x0020_Receipt', 'Transfer_x0020_Shipment')
                    ELSE '_x0020_' END AS documentType,
               postingDate, itemNo, locationCode, '' AS serialNo, '0001-01-01' AS expirationDate, '' AS lotNo, quantity,
               unitOfMeasureCode, remainingQuantity, costAmountActual, salesAmountActual, 0 AS dimensionSetID, "open",
               positive, invoicedQuantity, qtyPerUnitOfMeasure, store_version
        FROM "$itemLedgerEntries"
        """,
    "analytics/outstandingSalesLines": f"""
        SELECT min(line.id) AS rowKey, sale.number AS documentNo, 'Order' AS documentType,
               sale.customerNumber AS sellToCustomerNo, line.lineObjectNumber AS itemNo,
               sum_number(times_number(minus_number(line.quantity, line.shippedQuantity), line.qtyPerUnitOfMeasure))
                   AS outstandingQtyBase,
               line.shipmentDate AS shipmentDate, coalesce(location.code, '') AS locationCode, 0 AS dimensionSetID,
               line.qtyPerUnitOfMeasure AS qtyPerUnitOfMeasure, line.unitOfMeasureCode AS unitOfMeasureCode,
               max(line.store_version) AS store_version
        FROM salesOrderLines AS line
        JOIN salesOrders AS sale ON sale.id = line.documentId
        LEFT JOIN locations AS location ON location.id = line.locationId
        WHERE line.lineType = 'Item' AND line.quantity > line.shippedQuantity
        GROUP BY sale.number, sale.customerNumber, line.lineObjectNumber, line.shipmentDate,
                 coalesce(location.code, ''), line.qtyPerUnitOfMeasure, line.unitOfMeasureCode
        UNION ALL {RETURN_LINES}
        """,  # noqa: S608 - a constant of ours
    "analytics/outstandingPurchaseLines": f"""
        SELECT min(id) AS rowKey, itemNo, sum_number(outstandingQtyBase) AS outstandingQtyBase, expectedReceiptDate,
               locationCode, buyFromVendorNo, documentNo, documentType, 0 AS dimensionSetID, {_UNIT},
               max(store_version) AS store_version
        FROM "$purchaseLines" WHERE outstandingQtyBase > as_number(0)
        GROUP BY itemNo, expectedReceiptDate, locationCode, buyFromVendorNo, documentNo, documentType, {_UNIT}
        """,  # noqa: S608 - a constant of ours
    "analytics/transferLines": f"""
        SELECT min(id) AS rowKey, documentNo, itemNo, inTransitCode AS inTransitLocationCode,
               transferToCode AS transferToLocationCode, transferFromCode AS transferFromLocationCode,
               sum_number(qtyInTransitBase) AS qtyInTransitBase, sum_number(outstandingQtyBase) AS outstandingQtyBase,
               receiptDate, shipmentDate, 0 AS dimensionSetID, {_UNIT}, max(store_version) AS store_version
        FROM "$transferLines"
        GROUP BY documentNo, itemNo, inTransitCode, transferToCode, transferFromCode, receiptDate, shipmentDate, {_UNIT}
        """,  # noqa: S608 - a constant of ours
    "analytics/assemblyHeaders": _planned(
        "assembly header",
        "documentNo, itemNo, dueDate, locationCode, status",
        f"sum_number(quantity) AS quantity, {_REMAINING}",
    ),
    "analytics/assemblyLines": _planned(
        "assembly line",
        "itemNo, dueDate, locationCode, documentNo",
        "sum_number(quantityBase) AS remainingQuantity",
    ),
    "analytics/itemJobPlanningLines": _planned(
        "job planning line", "itemNo, dueDate AS planningDate, locationCode, documentNo", _REMAINING
    ),
    "analytics/planningComponentLines": _planned(
        "planning component", "itemNo, dueDate, locationCode", "sum_number(quantityBase) AS expectedQuantityBase"
    ),
    "analytics/inventoryProdOrderComponentLines": _planned(
        "prod. order component", "status, documentNo, itemNo, locationCode, dueDate", _REMAINING
    ),
    "analytics/inventoryProdOrderLines": _planned(
        "prod. order line", "status, documentNo, itemNo, locationCode, dueDate, startingDate", _REMAINING
    ),
    "analytics/requisitionLines": f"""
        SELECT id AS rowKey, templateName AS worksheetTemplateName, batchName AS journalBatchName, planningLineOrigin,
               replenishmentSystem, itemNo, transferFromCode, locationCode, dueDate, startingDate, orderDate,
               transferShipmentDate, quantityBase, 0 AS dimensionSetID, {_UNIT}, store_version
        FROM "$otherLines" WHERE fold(kind) = 'requisition line'
        """,  # noqa: S608 - a constant of ours
    "analytics/orderServiceLines": f"""
        SELECT min(id) AS rowKey, documentNo, itemNo, locationCode,
               sum_number(times_number(outstandingQuantity, qtyPerUnitOfMeasure)) AS outstandingQtyBase, neededByDate,
               0 AS dimensionSetID, {_UNIT}, max(store_version) AS store_version
        FROM "$serviceLines" WHERE documentType = 'Order' AND type = 'Item'
        GROUP BY documentNo, itemNo, locationCode, neededByDate, {_UNIT}
        """,  # noqa: S608 - a constant of ours
    "analytics/salesLines": SALES_LINES,
    "analytics/customerLedgerEntries": """
        SELECT entry.entryNo AS cleEntryNo, entry.dueDate AS cleDueDate, entry."open" AS cleOpen,
               entry.postingDate AS clePostingDate, entry.postingDate AS cleDocumentDate, 0 AS cleDimensionSetID,
               iif(entry."open", '0001-01-01', max(entry.postingDate, entry.appliedDate)) AS cleClosedAtDate,
               '' AS cleReasonCode, 2 * entry.entryNo AS dcleEntryNo, entry.postingDate AS dclePostingDate,
               1 AS dcleLedgerEntryAmount, 'Initial_x0020_Entry' AS dcleEntryType,
               entry.documentType AS dcleDocumentType, entry.documentNo AS dcleDocumentNo,
               entry.dueDate AS dcleInitialEntryDueDate, entry.amountLCY AS dcleAmountLCY,
               entry.customerNo AS dcleCustomerNo, 0 AS dcleApplicationNo, 0 AS dcleAppliedCustLedgerEntryNo,
               coalesce(invoice.number, '') AS salesInvHeaderDocumentNo,
               coalesce(terms.code, '') AS salesInvHeaderPaymentTermsCode,
               coalesce(invoice.invoiceDate, '0001-01-01') AS salesInvHeaderPmtDiscountDate, entry.store_version
        FROM "$customerLedgerEntries" AS entry
        LEFT JOIN salesInvoices AS invoice ON fold(invoice.number) = fold(entry.documentNo)
        LEFT JOIN paymentTerms AS terms ON terms.id = invoice.paymentTermsId
        UNION ALL
        SELECT entry.entryNo, entry.dueDate, entry."open", entry.postingDate, entry.postingDate, 0,
               iif(entry."open", '0001-01-01', max(entry.postingDate, entry.appliedDate)), '', 2 * entry.entryNo + 1,
               entry.appliedDate, 0, 'Application', entry.appliedDocumentType, entry.appliedDocumentNo, entry.dueDate,
               minus_number(entry.remainingAmountLCY, entry.amountLCY), entry.customerNo, 0, entry.appliedEntryNo, '',
               '', '0001-01-01', entry.store_version
        FROM "$customerLedgerEntries" AS entry WHERE entry.appliedDate > '0001-01-01'
        """,
    "analytics/items": """
        SELECT item.number AS itemNo, item.displayName AS itemDescription,
               item.baseUnitOfMeasureCode AS baseUnitofMeasure, item.unitCost AS unitCost,
               item.inventoryPostingGroupCode AS inventoryPostingGroup, item.itemCategoryCode AS itemCategoryCode,
               coalesce(category.displayName, '') AS itemCategoryDescription, item.store_version
        FROM items AS item LEFT JOIN itemCategories AS category ON category.id = item.itemCategoryId
        """,
    "analytics/locations": "SELECT code AS locationCode, displayName AS locationName, store_version FROM locations",
    "analytics/salespersonPurchasers": """
        SELECT code AS salespersonPurchaserCode, displayName AS salespersonPurchaserName, store_version
        FROM salespeoplePurchasers
        """,
}
