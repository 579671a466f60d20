"""Lines of open sales documents as SELECTs: orders, quotes, draft invoices and return orders in one list.

Outstanding amounts hold VAT, an invoice is outstanding as a whole. Only lines of items, general ledger accounts and
resources are lines here; a document that has none is one row with empty line columns.

Source: Microsoft's AL source of the queries "Sales Line V2 - PBI API" and "Sales Lines - Outstanding"; table Sales Line.
"""

from dataclasses import dataclass
from typing import Final

_NOTHING: Final = "as_number(0)"
_NO_DATE: Final = "'0001-01-01'"
_SHOWN: Final = "('Item', 'Account', 'Resource')"


@dataclass(frozen=True, slots=True)
class _Document:
    """One kind of document: its tables, and SQL over `sale`, `line` and `terms` for what is not the same in each."""

    type: str
    headers: str
    lines: str
    ordered: str
    due: str
    shipment: str = _NO_DATE
    shipped: str = _NOTHING
    invoiced: str = _NOTHING
    condition: str = "1"


_DOCUMENTS: Final = (
    _Document("Quote", "salesQuotes", "salesQuoteLines", ordered="sale.documentDate", due="sale.dueDate"),
    _Document(
        "Order",
        "salesOrders",
        "salesOrderLines",
        ordered="sale.orderDate",
        due="coalesce(date(sale.orderDate, '+' || rtrim(terms.dueDateCalculation, 'D') || ' days'), sale.orderDate)",
        shipment="line.shipmentDate",
        shipped="line.shippedQuantity",
        invoiced="line.invoicedQuantity",
    ),
    _Document(
        "Invoice",
        "salesInvoices",
        "salesInvoiceLines",
        ordered="sale.invoiceDate",
        due="sale.dueDate",
        shipment="line.shipmentDate",
        condition="fold(sale.status) IN ('draft', 'in_x0020_review')",
    ),
)


def _header(document: _Document) -> str:
    return f"""sale.number AS orderNo, '{document.type}' AS documentType,
               sale.billToCustomerNumber AS billToCustomerNo, sale.customerNumber AS sellToCustomerNo,
               sale.salesperson AS salespersonCode, {document.ordered} AS orderDate,
               {document.ordered} AS documentDate, {document.due} AS dueDate"""


def _lines(document: _Document) -> str:
    outstanding = f"minus_number(line.quantity, {document.shipped})"
    shipped = f"minus_number({document.shipped}, {document.invoiced})"
    rate = "rate.exchangeRateAmount"
    return f"""
        SELECT line.id AS rowKey, {_header(document)}, sale.postingDate AS postingDate,
               iif(line.lineType = 'Account', 'G_x002F_L_x0020_Account', line.lineType) AS type,
               line.description AS description, sale.number AS documentNo, line.sequence AS lineNo,
               line.lineObjectNumber AS itemNo, coalesce(location.code, '') AS locationCode,
               times_number(line.quantity, line.qtyPerUnitOfMeasure) AS quantityBase,
               times_number({outstanding}, line.qtyPerUnitOfMeasure) AS outstandingQtyBase,
               amount_share(line.netAmountIncludingTax, {outstanding}, line.quantity, {rate}) AS outstandingAmountLCY,
               line.netAmount AS amount,
               times_number(coalesce(item.unitCost, {_NOTHING}), line.qtyPerUnitOfMeasure) AS unitCostLCY,
               {outstanding} AS outstandingQuantity, {document.shipment} AS shipmentDate, 0 AS dimensionSetID,
               {_NOTHING} AS returnRcdNotInvdLCY,
               times_number({document.shipped}, line.qtyPerUnitOfMeasure) AS quantityShippedBase,
               times_number({shipped}, line.qtyPerUnitOfMeasure) AS qtyShippedNotInvdBase,
               amount_share(line.netAmount, {shipped}, line.quantity, {rate}) AS shippedNotInvoicedLCYNoVAT,
               amount_share(line.netAmountIncludingTax, {shipped}, line.quantity, NULL) AS shippedNotInvoiced,
               {document.invoiced} AS quantityInvoiced, line.store_version AS store_version
        FROM {document.lines} AS line
        JOIN {document.headers} AS sale ON sale.id = line.documentId
        LEFT JOIN paymentTerms AS terms ON terms.id = sale.paymentTermsId
        LEFT JOIN locations AS location ON location.id = line.locationId
        LEFT JOIN items AS item ON item.id = line.itemId
        LEFT JOIN currencyExchangeRates AS rate ON fold(rate.currencyCode) = fold(sale.currencyCode)
        WHERE line.lineType IN {_SHOWN} AND {document.condition}
        """  # noqa: S608 - from the table above


def _without_lines(document: _Document) -> str:
    """The one row of a document that has no lines: its line columns are empty."""
    return f"""
        SELECT sale.id, {_header(document)}, {_NO_DATE}, '_x0020_', '', '', 0, '', '', {_NOTHING}, {_NOTHING},
               {_NOTHING}, {_NOTHING}, {_NOTHING}, {_NOTHING}, {_NO_DATE}, 0, {_NOTHING}, {_NOTHING}, {_NOTHING},
               {_NOTHING}, {_NOTHING}, {_NOTHING}, sale.store_version
        FROM {document.headers} AS sale LEFT JOIN paymentTerms AS terms ON terms.id = sale.paymentTermsId
        WHERE {document.condition} AND NOT EXISTS (
            SELECT 1 FROM {document.lines} AS line WHERE line.documentId = sale.id AND line.lineType IN {_SHOWN})
        """  # noqa: S608 - from the table above


_RETURNS: Final = f"""
        SELECT id, documentNo, 'Return_x0020_Order', billToCustomerNo, sellToCustomerNo, salespersonCode, orderDate,
               orderDate, orderDate, orderDate, type, description, documentNo, lineNo, itemNo, locationCode,
               times_number(quantity, qtyPerUnitOfMeasure), times_number(outstandingQuantity, qtyPerUnitOfMeasure),
               outstandingAmountLCY, amount, unitCostLCY, outstandingQuantity, shipmentDate, 0,
               returnReceivedNotInvoicedLCY, {_NOTHING}, {_NOTHING}, {_NOTHING}, {_NOTHING}, {_NOTHING}, store_version
        FROM "$salesReturnLines"
        """  # noqa: S608 - a constant of ours

SALES_LINES: Final = " UNION ALL ".join(
    [*(select(document) for document in _DOCUMENTS for select in (_lines, _without_lines)), _RETURNS]
)

RETURN_LINES: Final = """
        SELECT min(id), documentNo, 'Return_x0020_Order', sellToCustomerNo, itemNo,
               sum_number(times_number(outstandingQuantity, qtyPerUnitOfMeasure)), shipmentDate, locationCode, 0,
               qtyPerUnitOfMeasure, unitOfMeasureCode, max(store_version)
        FROM "$salesReturnLines" WHERE type = 'Item' AND outstandingQuantity > as_number(0)
        GROUP BY documentNo, sellToCustomerNo, itemNo, shipmentDate, locationCode, qtyPerUnitOfMeasure,
                 unitOfMeasureCode
        """
"""Return orders among outstanding sales lines."""
