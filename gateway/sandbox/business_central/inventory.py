"""`items.inventory`, which is not a plain value: writing it posts an adjustment of stock.

Source: Business Central, "Item resource type"; page code of the item API.
"""

from decimal import Decimal

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.amounts import number
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.expression import OrderItem, Path
from gateway.sandbox.store import Row, Store


def refuse_on_insert(values: Values) -> None:
    """A new item has no stock."""
    if "inventory" in values:
        raise errors.dialog("Inventory cannot be changed during on insert.")


def adjust(store: Store, item: Row, changes: Values, *, today: str) -> None:
    """Post the difference to the stock an item has as one ledger entry."""
    difference = number(changes.get("inventory", item["inventory"])) - number(item["inventory"])
    if not difference:
        return
    last = store.select("$itemLedgerEntries", order=[OrderItem(Path(("entryNo",)), descending=True)], limit=1)
    store.insert(
        "$itemLedgerEntries",
        {
            "entryNo": int(str(last[0]["entryNo"])) + 1 if last else 1,
            "entryType": "Positive Adjmt." if difference > 0 else "Negative Adjmt.",
            "itemNo": item["number"],
            "postingDate": today,
            "documentNo": "API",
            "quantity": difference,
            "remainingQuantity": difference,
            "invoicedQuantity": Decimal(difference),
            "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            "open": True,
            "positive": difference > 0,
        },
    )
