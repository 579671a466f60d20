"""Stock: what posting does to item ledger entries, and `items.inventory`, which is not a plain value.

Writing `inventory` posts an adjustment. An entry is applied to the oldest open entries of the other sign at the same
place, so that what remains open adds up to the inventory.

Source: Business Central, "Item resource type"; page code of the item API; design details: item application.
"""

from decimal import Decimal

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.amounts import number, rounded
from gateway.sandbox.business_central.rules import equal
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.expression import Comparison, Literal, Logical, OrderItem, Path
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Row, Store

_LEDGER = "$itemLedgerEntries"


def refuse_on_insert(values: Values) -> None:
    """A new item has no stock."""
    if "inventory" in values:
        raise errors.dialog("Inventory cannot be changed during on insert.")


def adjust(store: Store, item: Row, changes: Values, *, today: str) -> None:
    """Post the difference to the stock an item has as one ledger entry."""
    difference = number(changes.get("inventory", item["inventory"])) - number(item["inventory"])
    if difference:
        kind = "Positive Adjmt." if difference > 0 else "Negative Adjmt."
        _post(store, item, difference, {"entryType": kind, "documentNo": "API", "postingDate": today})


def ship(store: Store, line: Row, quantity: Decimal, *, customer: str, document: str, today: str) -> None:
    """Post what a document line takes out of stock, if it is of an item that has any; the quantity is in its unit."""
    item = None if line["itemId"] == ZERO_GUID else store.get("items", line["itemId"])
    if not quantity or item is None or item["type"] != "Inventory":
        return
    sale: Values = {
        "entryType": "Sale",
        "documentNo": document,
        "sourceNo": customer,
        "postingDate": today,
        "locationCode": _code(store, "locations", line["locationId"]),
        "variantCode": _code(store, "itemVariants", line["itemVariantId"]),
        "salesAmountActual": rounded(quantity * number(line["unitPrice"])),
        "unitOfMeasureCode": line["unitOfMeasureCode"] or item["baseUnitOfMeasureCode"],
        "qtyPerUnitOfMeasure": line["qtyPerUnitOfMeasure"],
    }
    base = quantity * number(line["qtyPerUnitOfMeasure"])
    _post(store, item, -base, sale)
    store.update("items", item["id"], {"inventory": number(item["inventory"]) - base})


def _code(store: Store, set_name: str, key: object) -> str:
    row = None if key == ZERO_GUID else store.get(set_name, key)
    return str(row["code"]) if row else ""


def _post(store: Store, item: Row, quantity: Decimal, values: Values) -> None:
    last = store.select(_LEDGER, order=[OrderItem(Path(("entryNo",)), descending=True)], limit=1)
    place = {"locationCode": "", "variantCode": ""} | values
    remaining = _apply(store, item, quantity, place)
    store.insert(
        _LEDGER,
        {
            "entryNo": int(str(last[0]["entryNo"])) + 1 if last else 1,
            "itemNo": item["number"],
            "quantity": quantity,
            "remainingQuantity": remaining,
            "invoicedQuantity": quantity,
            "costAmountActual": rounded(quantity * number(item["unitCost"])),
            "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            "open": bool(remaining),
            "positive": quantity > 0,
            **place,
        },
    )


def _apply(store: Store, item: Row, quantity: Decimal, place: Values) -> Decimal:
    """Use up open entries of the other sign at a place; gives what of the quantity is left."""
    remaining = quantity
    for entry in _open_entries(store, item, place):
        left = number(entry["remainingQuantity"])
        if not remaining or left * remaining > 0:
            continue
        used = min(abs(remaining), abs(left))
        remaining -= used.copy_sign(remaining)
        left -= used.copy_sign(left)
        store.update(_LEDGER, entry["entryNo"], {"remainingQuantity": left, "open": bool(left)})
    return remaining


def _open_entries(store: Store, item: Row, place: Values) -> list[Row]:
    is_open = Comparison("eq", Path(("open",)), Literal(True, "Edm.Boolean"))
    at = (equal(name, str(place[name])) for name in ("locationCode", "variantCode"))
    where = Logical("and", (equal("itemNo", str(item["number"])), is_open, *at))
    return store.select(_LEDGER, where=where)
