"""Sales orders and their lines: what a new one takes from customer and item, when lines may change, and the totals.

A line's `sequence` is its line number, in steps of 10,000. A released order (wire status `Open`) and one in review must
be reopened before its lines change. A line change also changes its order.

Source: Business Central, "SalesOrder resource type", "SalesOrderLine resource type"; messages of the application.
"""

from collections.abc import Mapping
from decimal import Decimal

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.amounts import document_amounts, line_discount, number
from gateway.sandbox.business_central.rules import equal, find
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.expression import OrderItem, Path
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Row, Store

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


def complete_order(store: Store, values: Values, *, today: str) -> None:
    """Fill a new order from its customer.

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
    for kind in ("sellTo", "billTo", "shipTo"):
        defaults |= {kind + name: customer[source] for name, source in _ADDRESS.items()}
    defaults |= {"billToCustomerId": customer["id"], "billToCustomerNumber": customer["number"]}
    defaults |= {"orderDate": today, "postingDate": today, "status": "Draft"}
    for name, value in defaults.items():
        values.setdefault(name, value)


def complete_line(store: Store, values: Values) -> None:
    """Fill a new line from its item and give it a sequence.

    Raises:
        RefusedError: no order, an order that is released, or an item that is unknown or blocked.
    """
    order = order_of(store, values)
    _check_open(order)
    item = _item(store, values)
    if item is not None:
        values |= {"itemId": item["id"], "lineType": "Item", "lineObjectNumber": item["number"]}
        values.setdefault("description", item["displayName"])
        values.setdefault("unitPrice", item["unitPrice"])
        if not {"unitOfMeasureId", "unitOfMeasureCode"} & values.keys():
            values["unitOfMeasureId"] = item["baseUnitOfMeasureId"]
            values["unitOfMeasureCode"] = item["baseUnitOfMeasureCode"]
    values.setdefault("sequence", _next_sequence(store, str(order["id"])))
    quantity = values.setdefault("quantity", Decimal(0))
    values.setdefault("shipQuantity", quantity)
    values.setdefault("invoiceQuantity", quantity)
    values.setdefault("shipmentDate", order["requestedDeliveryDate"])
    home = store.select("companyInformation", limit=1)
    domestic = bool(home) and home[0]["country"] == order["sellToCountry"]
    values["taxPercent"] = Decimal(DOMESTIC_TAX_PERCENT if domestic and item is not None else 0)
    values |= line_discount({"unitPrice": 0, "discountPercent": 0} | values, values)


def change_line(store: Store, row: Row, changes: Values) -> None:
    """Recompute what depends on a changed line."""
    _check_open(order_of(store, row.values))
    if {"quantity", "unitPrice", "discountAmount", "discountPercent"} & changes.keys():
        changes |= line_discount(row.values | changes, changes)


def order_of(store: Store, line: Mapping[str, object]) -> Row:
    """The order a line belongs to.

    Raises:
        RefusedError: there is none.
    """
    if line.get("documentId", ZERO_GUID) == ZERO_GUID:
        raise errors.dialog("You must specify an Id or a Document Id to get the lines.")
    order = store.get("salesOrders", line["documentId"])
    if order is None:
        raise errors.dialog("The order cannot be found.")
    return order


def _check_open(order: Row) -> None:
    if order["status"] != "Draft":
        current = "Released" if order["status"] == "Open" else "Pending Approval"
        raise errors.dialog(
            f"Status must be equal to 'Open' in Sales Header: Document Type=Order, No.={order['number']}. "
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


def lines_of(store: Store, order_id: str) -> list[Row]:
    where = equal("documentId", order_id, "Edm.Guid")
    return store.select("salesOrderLines", where=where, order=[OrderItem(Path(("sequence",)))])


def _next_sequence(store: Store, order_id: str) -> int:
    lines = lines_of(store, order_id)
    last = int(str(lines[-1]["sequence"])) if lines else 0
    return last - last % STEP + STEP


def recalculate(store: Store, order_id: str, *, now: str) -> None:
    """Bring amounts of an order and its lines up to date, after any of them changed."""
    order = store.get("salesOrders", order_id)
    if order is None:
        return
    lines = lines_of(store, order_id)
    amounts, totals = document_amounts([line.values for line in lines], discount=number(order["discountAmount"]))
    for line, amount in zip(lines, amounts, strict=True):
        if any(number(line[name]) != number(value) for name, value in amount.items()):
            store.update("salesOrderLines", line["id"], amount)
    store.update("salesOrders", order_id, totals | {"lastModifiedDateTime": now})
