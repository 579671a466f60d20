"""Units an item is counted in: how many base units one of them holds, and the price of one.

Every item has its base unit, of factor 1; a line in another unit than the item has is refused.

Source: Business Central, table Item Unit of Measure; "Set up item units of measure".
"""

from decimal import Decimal

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.amounts import number, rounded
from gateway.sandbox.business_central.rules import equal
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.computing import guid_of
from gateway.sandbox.expression import Logical
from gateway.sandbox.store import Row, Store

_UNITS = "$itemUnitsOfMeasure"


def factor(store: Store, item: Row, code: str) -> Decimal:
    """Base units per unit; no unit means the base unit.

    Raises:
        RefusedError: the item is not counted in it.
    """
    if not code or code.lower() == str(item["baseUnitOfMeasureCode"]).lower():
        return Decimal(1)
    where = Logical("and", (equal("itemNo", str(item["number"])), equal("code", code)))
    found = store.select(_UNITS, where=where, limit=1)
    if not found:
        raise errors.unrelated(field="Unit of Measure Code", table="Item Unit of Measure", value=code)
    return number(found[0]["qtyPerUnitOfMeasure"])


def count(store: Store, item: Row, values: Values) -> None:
    """Give a line its factor, and a price for its unit unless it has one; `values` holds its unit's code.

    Raises:
        RefusedError: as `factor`.
    """
    values["qtyPerUnitOfMeasure"] = per = factor(store, item, str(values.get("unitOfMeasureCode", "")))
    values.setdefault("unitPrice", rounded(number(item["unitPrice"]) * per) if per != 1 else item["unitPrice"])


def keep_base(store: Store, item: Row) -> None:
    """Let an item have its base unit, whatever that is now."""
    code = str(item["baseUnitOfMeasureCode"])
    key = guid_of(f"{item['id']}/{code}")
    known = Logical("and", (equal("itemNo", str(item["number"])), equal("code", code)))
    if code and not store.count(_UNITS, where=known):
        store.insert(_UNITS, {"id": key, "itemNo": item["number"], "code": code, "qtyPerUnitOfMeasure": Decimal(1)})


def forget(store: Store, item: Row) -> None:
    """An item that is gone has no units."""
    for unit in store.select(_UNITS, where=equal("itemNo", str(item["number"]))):
        store.delete(_UNITS, unit["id"])
