"""Posting: an order is shipped and invoiced, a draft invoice is posted. Stock leaves, the customer owes.

An order posts `shipQuantity` and `invoiceQuantity` of each line; what is left stays in the order, and an order of which
nothing is left is gone. A posted invoice carries the order's number, and takes off what was invoiced as prepayment; a
draft keeps its id when it is posted, and ships nothing that it bills from a shipment.

Source: Business Central, "SalesOrder resource type", shipAndInvoice; "SalesInvoice resource type", post.
"""

from collections.abc import Mapping
from decimal import Decimal

from gateway.sandbox.business_central import documents, errors, inventory, prepayments, receivables, shipments
from gateway.sandbox.business_central.amounts import document_amounts, line_discount, number, rounded
from gateway.sandbox.business_central.documents import INVOICE, ORDER
from gateway.sandbox.business_central.exchange import Environment
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Row, Store

_OF_ORDER_ONLY = ("number", "status", "orderDate")


def ship_and_invoice(environment: Environment, order: Row) -> tuple[str, str]:
    """Post what an order has to ship and to invoice; gives the posted invoice."""
    store, today = environment.store, f"{environment.now():%Y-%m-%d}"
    lines = documents.lines_of(store, ORDER, str(order["id"]))
    posted = [(line, _to_ship(line), _to_invoice(line)) for line in lines]
    if not any(invoiced for _, _, invoiced in posted):
        raise errors.dialog("There is nothing to post.")
    invoice_id = environment.new_id()
    _insert_invoice(environment, order, invoice_id, today)
    drafted = [_invoiced(line, quantity) for line, _, quantity in posted if quantity or not number(line["quantity"])]
    discount = _share_of_discount(order, drafted)
    for values in [*drafted, *_deductions(posted)]:
        store.insert(INVOICE.lines, values | {"id": environment.new_id(), "documentId": invoice_id})
    store.update(INVOICE.headers, invoice_id, {"discountAmount": discount})
    documents.recalculate(store, INVOICE, invoice_id, now=environment.moment())
    document = _shipment_number(order)
    for line, quantity, _ in posted:
        inventory.ship(store, line, quantity, customer=str(order["customerNumber"]), document=document, today=today)
    _finish(environment, invoice_id, today)
    _reduce(environment, order, posted)
    return INVOICE.headers, invoice_id


def post_invoice(environment: Environment, invoice: Row) -> tuple[str, str]:
    """Post a draft, which ships its items too; it keeps its id and gets the number of a posted invoice."""
    store, today = environment.store, f"{environment.now():%Y-%m-%d}"
    documents.check_not_posted(INVOICE, invoice)
    lines = documents.lines_of(store, INVOICE, str(invoice["id"]))
    if not lines:
        raise errors.dialog("There is nothing to post.")
    for line in lines:
        if shipments.is_of_shipment(line):
            shipments.bill(store, line, now=environment.moment())
            continue
        quantity, customer = number(line["quantity"]), str(invoice["customerNumber"])
        inventory.ship(store, line, quantity, customer=customer, document=_shipment_number(invoice), today=today)
    _finish(environment, str(invoice["id"]), today)
    return INVOICE.headers, str(invoice["id"])


def _shipment_number(header: Row) -> str:
    """`SH101001` for the order `S-ORD101001`."""
    return "SH" + "".join(filter(str.isdigit, str(header["number"])))


def _to_ship(line: Row) -> Decimal:
    return min(number(line["shipQuantity"]), number(line["quantity"]) - number(line["shippedQuantity"]))


def _to_invoice(line: Row) -> Decimal:
    shipped = number(line["shippedQuantity"]) + _to_ship(line)
    return min(number(line["invoiceQuantity"]), shipped - number(line["invoicedQuantity"]))


def _insert_invoice(environment: Environment, order: Row, invoice_id: str, today: str) -> None:
    store = environment.store
    shared = environment.store.model.sets[INVOICE.headers].properties.keys() & order.values.keys()
    values = {name: order[name] for name in shared if name not in _OF_ORDER_ONLY}
    dates = {"invoiceDate": today, "postingDate": today}
    due = {"dueDate": documents.due_date(store, order["paymentTermsId"], today)}
    link = {"orderId": order["id"], "orderNumber": order["number"], "status": "Draft"}
    store.insert(INVOICE.headers, values | dates | due | link | {"id": invoice_id})


def _invoiced(line: Row, quantity: Decimal) -> dict[str, object]:
    """The line of an invoice for so much of an order line."""
    names = ("sequence", "itemId", "accountId", "lineType", "lineObjectNumber", "description", "description2")
    unit = ("unitOfMeasureId", "unitOfMeasureCode", "qtyPerUnitOfMeasure", "unitPrice")
    more = ("discountPercent", "taxCode", "taxPercent", "shipmentDate", "itemVariantId", "locationId")
    values = {name: line[name] for name in (*names, *unit, *more)}
    values["quantity"] = quantity
    return values | line_discount(values, {})


def _deductions(posted: list[tuple[Row, Decimal, Decimal]]) -> list[dict[str, object]]:
    """The lines that take prepayments off an invoice, each after the line it belongs to."""
    lines = (prepayments.deduction(line, quantity, sequence=_after(line)) for line, _, quantity in posted)
    return [line for line in lines if line is not None]


def _after(line: Row) -> int:
    return int(str(line["sequence"])) + documents.STEP // 2


def _share_of_discount(order: Row, drafted: list[dict[str, object]]) -> Decimal:
    """The part of the order's invoice discount that falls on these lines."""
    discount = number(order["discountAmount"])
    _, totals = document_amounts(drafted, discount=Decimal(0))
    whole = number(order["totalAmountExcludingTax"]) + discount
    return rounded(discount * number(totals["totalAmountExcludingTax"]) / whole) if discount and whole else Decimal(0)


def _finish(environment: Environment, invoice_id: str, today: str) -> None:
    """Number an invoice and open what the customer owes."""
    store = environment.store
    invoice = _row(store, INVOICE.headers, invoice_id)
    cost = sum((_cost(store, line.values) for line in documents.lines_of(store, INVOICE, invoice_id)), Decimal(0))
    document = receivables.open_entry(store, invoice, cost=cost, today=today)
    changes: dict[str, object] = {
        "number": document,
        "status": "Open",
        "remainingAmount": invoice["totalAmountIncludingTax"],
    }
    store.update(INVOICE.headers, invoice_id, changes | {"lastModifiedDateTime": environment.moment()})


def _cost(store: Store, line: Mapping[str, object]) -> Decimal:
    item = None if line["itemId"] == ZERO_GUID else store.get("items", line["itemId"])
    if item is None:
        return Decimal(0)
    return number(line["quantity"]) * number(line["qtyPerUnitOfMeasure"]) * number(item["unitCost"])


def _reduce(environment: Environment, order: Row, posted: list[tuple[Row, Decimal, Decimal]]) -> None:
    """Take what was posted out of an order, and the order away when nothing is left of it."""
    store, key = environment.store, str(order["id"])
    for line, shipped, invoiced in posted:
        left = {
            "shippedQuantity": number(line["shippedQuantity"]) + shipped,
            "invoicedQuantity": number(line["invoicedQuantity"]) + invoiced,
        }
        rest = {
            name: number(line["quantity"]) - quantity
            for name, quantity in zip(("shipQuantity", "invoiceQuantity"), left.values(), strict=True)
        }
        if shipped:
            documents.release_stock(store, line)
        store.update(ORDER.lines, line["id"], left | rest | prepayments.left(line, invoiced))
    shipments.settle(store, key, now=environment.moment())


def _row(store: Store, set_name: str, key: str) -> Row:
    row = store.get(set_name, key)
    if row is None:
        raise errors.unknown_row(set_name, key)
    return row
