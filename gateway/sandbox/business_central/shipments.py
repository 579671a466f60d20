"""Lines of draft invoices that bill what an order has shipped before: nothing is shipped again, the order is billed.

Source: Business Central, "Combine shipments on a single invoice"; table Sales Line, Shipment No.
"""

from gateway.sandbox.business_central import documents, errors
from gateway.sandbox.business_central.amounts import number
from gateway.sandbox.business_central.documents import ORDER
from gateway.sandbox.store import Row, Store


def is_of_shipment(line: Row) -> bool:
    """Whether a line of an invoice bills a shipment."""
    return bool(line["shipmentNumber"])


def bill(store: Store, line: Row, *, now: str) -> None:
    """Count what an invoice line bills as invoiced in the order, which is gone when nothing is left of it.

    Raises:
        RefusedError: the order has not shipped so much, or it was billed meanwhile.
    """
    ordered = store.get(ORDER.lines, line["orderLineId"])
    quantity = number(line["quantity"])
    if ordered is None or quantity > number(ordered["shippedQuantity"]) - number(ordered["invoicedQuantity"]):
        raise errors.dialog(
            "The quantity that you are trying to invoice is greater than the quantity in shipment "
            f"{line['shipmentNumber']}."
        )
    invoiced = number(ordered["invoicedQuantity"]) + quantity
    left = number(ordered["quantity"]) - invoiced
    store.update(ORDER.lines, ordered["id"], {"invoicedQuantity": invoiced, "invoiceQuantity": left})
    settle(store, str(ordered["documentId"]), now=now)


def settle(store: Store, order_id: str, *, now: str) -> None:
    """Take away an order of which nothing is left to invoice."""
    lines = documents.lines_of(store, ORDER, order_id)
    if all(number(line["invoicedQuantity"]) == number(line["quantity"]) for line in lines):
        documents.delete_lines(store, ORDER, order_id)
        store.delete(ORDER.headers, order_id)
    else:
        store.update(ORDER.headers, order_id, {"lastModifiedDateTime": now})
