"""Sales documents and their lines: what a new one takes from customer and item, when lines may change, and the totals.

A line's `sequence` is its line number, in steps of 10,000. A released order (wire status `Open`) and one in review must
be reopened before its lines change; a posted invoice never changes. A line change also changes its document.

Source: Business Central, "SalesOrder resource type", "SalesInvoice resource type"; messages of the application.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.business_central import errors, units
from gateway.sandbox.business_central.amounts import document_amounts, line_discount, number
from gateway.sandbox.business_central.rules import equal, find
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.expression import OrderItem, Path
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Row, Store


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One kind of sales document: the sets of its headers and lines, its name and the name of its own date."""

    headers: str
    lines: str
    name: str
    date: str


ORDER: Final = DocumentType("salesOrders", "salesOrderLines", "Order", "orderDate")
INVOICE: Final = DocumentType("salesInvoices", "salesInvoiceLines", "Invoice", "invoiceDate")
QUOTE: Final = DocumentType("salesQuotes", "salesQuoteLines", "Quote", "documentDate")
BY_HEADERS: Final = {kind.headers: kind for kind in (ORDER, INVOICE, QUOTE)}
BY_LINES: Final = {kind.lines: kind for kind in (ORDER, INVOICE, QUOTE)}

STEP = 10_000
DOMESTIC_TAX_PERCENT = 21
_FROM_CUSTOMER = {
    "customerName": "displayName",
    "billToName": "displayName",
    "shipToName": "displayName",
    "currencyId": "currencyId",
    "currencyCode": "currencyCode",
    "paymentTermsId": "paymentTermsId",
    "shipmentMethodId": "shipmentMethodId",
    "salesperson": "salespersonCode",
    "phoneNumber": "phoneNumber",
    "email": "email",
}
_ADDRESS = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}


def complete_header(store: Store, kind: DocumentType, values: Values, *, today: str) -> None:
    """Fill a new document from its customer.

    Raises:
        RefusedError: no customer, or one that is blocked.
    """
    customer = store.get("customers", values.get("customerId", ""))
    if customer is None:
        raise errors.dialog('A "customerNumber" or a "customerId" must be provided.')
    if customer["blocked"] == "All":
        raise errors.dialog(
            f"You cannot create this type of document when Customer {customer['number']} is blocked with type All"
        )
    defaults = {name: customer[source] for name, source in _FROM_CUSTOMER.items()}
    for role in ("sellTo", "billTo", "shipTo"):
        defaults |= {role + name: customer[source] for name, source in _ADDRESS.items()}
    defaults |= {"billToCustomerId": customer["id"], "billToCustomerNumber": customer["number"]}
    defaults |= {kind.date: today, "postingDate": today, "status": "Draft"}
    if kind is not ORDER:
        terms = values.get("paymentTermsId", customer["paymentTermsId"])
        defaults["dueDate"] = due_date(store, terms, str(values.get("postingDate", today)))
    for name, value in defaults.items():
        values.setdefault(name, value)


def complete_line(store: Store, kind: DocumentType, values: Values) -> None:
    """Fill a new line from its item and give it a sequence.

    Raises:
        RefusedError: no document, one that is released or posted, an item that is unknown or blocked, or a unit that
            the item does not have.
    """
    header = header_of(store, kind, values)
    _check_open(kind, header)
    item = _item(store, values)
    if item is not None:
        values |= {"itemId": item["id"], "lineType": "Item", "lineObjectNumber": item["number"]}
        values.setdefault("description", item["displayName"])
        if not {"unitOfMeasureId", "unitOfMeasureCode"} & values.keys():
            values["unitOfMeasureId"] = item["baseUnitOfMeasureId"]
            values["unitOfMeasureCode"] = item["baseUnitOfMeasureCode"]
        units.count(store, item, values)
    values.setdefault("sequence", _next_sequence(store, kind, str(header["id"])))
    quantity = values.setdefault("quantity", Decimal(0))
    if kind is ORDER:
        values.setdefault("shipQuantity", quantity)
        values.setdefault("invoiceQuantity", quantity)
        values.setdefault("shipmentDate", header["requestedDeliveryDate"])
        _check_quantities(values, header=header)
    home = store.select("companyInformation", limit=1)
    domestic = bool(home) and home[0]["country"] == header["sellToCountry"]
    values["taxPercent"] = Decimal(DOMESTIC_TAX_PERCENT if domestic and item is not None else 0)
    values |= line_discount({"unitPrice": 0, "discountPercent": 0} | values, values)


def change_line(store: Store, kind: DocumentType, row: Row, changes: Values) -> None:
    """Recompute what depends on a changed line."""
    header = header_of(store, kind, row.values)
    _check_open(kind, header)
    if "unitOfMeasureCode" in changes:
        _change_unit(store, kind, row, changes, header=header)
    reserved = sum((number(entry["quantityBase"]) for entry in _reservations(store, row)), Decimal(0))
    after = row.values | changes
    if number(after["quantity"]) * number(after["qtyPerUnitOfMeasure"]) < reserved:
        raise errors.dialog(
            f"Quantity cannot be less than the reserved quantity {reserved:f} in Sales Line Document Type='Order',"
            f"Line No.='{row['sequence']}'."
        )
    if kind is ORDER and {"quantity", "shipQuantity", "invoiceQuantity"} & changes.keys():
        after = row.values | changes
        if "quantity" in changes:
            after["shipQuantity"] = changes.setdefault("shipQuantity", _left(after, "shippedQuantity"))
        if {"quantity", "shipQuantity"} & changes.keys():
            after["invoiceQuantity"] = changes.setdefault("invoiceQuantity", _most_to_invoice(after))
        _check_quantities(after, header=header)
    if {"quantity", "unitPrice", "discountAmount", "discountPercent"} & changes.keys():
        changes |= line_discount(row.values | changes, changes)


def _change_unit(store: Store, kind: DocumentType, row: Row, changes: Values, *, header: Row) -> None:
    """Count a line in another unit, which nothing of it must have been shipped in yet."""
    item = None if row["itemId"] == ZERO_GUID else store.get("items", row["itemId"])
    if item is None or changes["unitOfMeasureCode"] == row["unitOfMeasureCode"]:
        return
    if shipped := number(row.values.get("shippedQuantity")):
        raise errors.dialog(
            f"Quantity Shipped must be equal to '0' in Sales Line: Document Type={kind.name}, "
            f"Document No.={header['number']}, Line No.={row['sequence']}. Current value is '{shipped.normalize():f}'."
        )
    units.count(store, item, changes)


def _left(line: Values, done: str) -> Decimal:
    return number(line["quantity"]) - number(line.get(done))


def _most_to_invoice(line: Values) -> Decimal:
    """What is shipped, or will be, and is not invoiced."""
    return number(line.get("shippedQuantity")) + number(line["shipQuantity"]) - number(line.get("invoicedQuantity"))


def _check_quantities(line: Values, *, header: Row) -> None:
    """Refuse to ship or invoice more of an order line than there is, or to order less than was shipped."""
    sign = -1 if number(line["quantity"]) < 0 else 1
    left = _left(line, "shippedQuantity")
    if left * sign < 0:
        raise errors.dialog(
            "Quantity must not be less than Quantity Shipped in Sales Line Document Type='Order',"
            f"Document No.='{header['number']}',Line No.='{line['sequence']}'."
        )
    if not 0 <= number(line["shipQuantity"]) * sign <= left * sign:
        raise errors.dialog(f"You cannot ship more than {left.normalize():f} units.")
    most = _most_to_invoice(line)
    if not 0 <= number(line["invoiceQuantity"]) * sign <= most * sign:
        raise errors.dialog(f"You cannot invoice more than {most.normalize():f} units.")


def delete_lines(store: Store, kind: DocumentType, header_id: str) -> None:
    """Delete all lines of a document, with what they have reserved."""
    for line in lines_of(store, kind, header_id):
        release_stock(store, line)
        store.delete(kind.lines, line["id"])


def release_stock(store: Store, line: Row) -> None:
    """Give up what a line has reserved."""
    for entry in _reservations(store, line):
        store.delete("$reservationEntries", entry["entryNo"])


def _reservations(store: Store, line: Row) -> list[Row]:
    return store.select("$reservationEntries", where=equal("salesLineId", str(line["id"]), "Edm.Guid"))


def header_of(store: Store, kind: DocumentType, line: Mapping[str, object]) -> Row:
    """The document a line belongs to.

    Raises:
        RefusedError: there is none.
    """
    if line.get("documentId", ZERO_GUID) == ZERO_GUID:
        raise errors.dialog("You must specify an Id or a Document Id to get the lines.")
    header = store.get(kind.headers, line["documentId"])
    if header is None:
        raise errors.dialog(f"The {kind.name.lower()} cannot be found.")
    return header


def check_not_posted(kind: DocumentType, header: Row) -> None:
    """Refuse to touch an invoice that is posted."""
    if kind is INVOICE and header["status"] not in ("Draft", "In_x0020_Review"):
        raise errors.dialog("The action can be applied to a draft invoice only.")


def _check_open(kind: DocumentType, header: Row) -> None:
    check_not_posted(kind, header)
    if header["status"] != "Draft" and kind is not QUOTE:
        current = "Released" if header["status"] == "Open" else "Pending Approval"
        raise errors.dialog(
            f"Status must be equal to 'Open' in Sales Header: Document Type={kind.name}, No.={header['number']}. "
            f"Current value is '{current}'."
        )


def _item(store: Store, values: Values) -> Row | None:
    if values.get("itemId", ZERO_GUID) != ZERO_GUID and values.get("accountId", ZERO_GUID) != ZERO_GUID:
        raise errors.dialog('Both "itemId" and "accountId" are specified. Specify only one of them.')
    item = None
    if values.get("itemId", ZERO_GUID) != ZERO_GUID:
        item = store.get("items", values["itemId"])
    elif values.get("lineType") == "Item" and values.get("lineObjectNumber"):
        item = find(store, "items", "number", str(values["lineObjectNumber"]))
    else:
        return None
    if item is None:
        raise errors.dialog("Item does not exist.")
    if item["blocked"]:
        raise errors.dialog(f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.")
    return item


def lines_of(store: Store, kind: DocumentType, header_id: str) -> list[Row]:
    where = equal("documentId", header_id, "Edm.Guid")
    return store.select(kind.lines, where=where, order=[OrderItem(Path(("sequence",)))])


def due_date(store: Store, terms_id: object, posting_date: str) -> str:
    """When an invoice is due: so many days after posting, as `30D` in its payment terms says."""
    terms = store.get("paymentTerms", terms_id)
    days = str(terms["dueDateCalculation"]).rstrip("D") if terms else ""
    return (date.fromisoformat(posting_date) + timedelta(days=int(days) if days.isdigit() else 0)).isoformat()


def _next_sequence(store: Store, kind: DocumentType, header_id: str) -> int:
    where, descending = equal("documentId", header_id, "Edm.Guid"), OrderItem(Path(("sequence",)), descending=True)
    lines = store.select(kind.lines, where=where, order=[descending], limit=1)
    last = int(str(lines[0]["sequence"])) if lines else 0
    return last - last % STEP + STEP


def recalculate(store: Store, kind: DocumentType, header_id: str, *, now: str) -> None:
    """Bring amounts of a document and its lines up to date, after any of them changed."""
    header = store.get(kind.headers, header_id)
    if header is None:
        return
    lines = lines_of(store, kind, header_id)
    amounts, totals = document_amounts([line.values for line in lines], discount=number(header["discountAmount"]))
    shown = store.model.sets[kind.lines].properties
    for line, computed in zip(lines, amounts, strict=True):
        amount = {name: value for name, value in computed.items() if name in shown}
        if any(number(line[name]) != number(value) for name, value in amount.items()):
            store.update(kind.lines, line["id"], amount)
    store.update(kind.headers, header_id, totals | {"lastModifiedDateTime": now})
