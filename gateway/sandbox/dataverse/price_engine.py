"""The sales price engine at work: lines are priced when they are written, and the totals of their document follow.

Written prices count where a line overrides them, or is a write-in product; written totals never do. An order or invoice
whose prices are locked keeps its totals. `skippricecalculation` leaves a line as it was written.

Source: Dynamics 365 Sales, Order, Order Product, Invoice, Invoice Product, Opportunity and Opportunity Product table reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.dataverse.annotations import CURRENCIES, CURRENCY
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.pricing import (
    Money,
    PricingError,
    UnpricedError,
    Values,
    document_totals,
    line_amounts,
    list_price,
)
from gateway.sandbox.dataverse.reading import both, equals
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

PRICE_LIST = "_pricelevelid_value"
_SKIPPED_ON = {"create": (1, 3), "update": (2, 3)}


@dataclass(frozen=True)
class Document:
    """A table with totals, the table of its lines, and the lookup from a line to its document."""

    set_name: str
    lines: str
    lookup: str


_DOCUMENTS = (
    Document("salesorders", "salesorderdetails", "_salesorderid_value"),
    Document("invoices", "invoicedetails", "_invoiceid_value"),
    Document("opportunities", "opportunityproducts", "_opportunityid_value"),
)
_BY_SET: Mapping[str, Document] = {one.set_name: one for one in _DOCUMENTS}
_BY_LINES: Mapping[str, Document] = {one.lines: one for one in _DOCUMENTS}


def computed(operation: Operation, entity_set: EntitySet, values: Values, *, on: str) -> dict[str, object]:
    """What the engine writes into a line or a document that is as `values`; `on` is "create" or "update"."""
    if entity_set.name in _BY_LINES:
        document = document_of(operation, entity_set, values)
        return {**_inherited(document), **_line(operation, entity_set, values, document=document, on=on)}
    if entity_set.name in _BY_SET:
        return _totals(operation, entity_set, values)
    return {}


def document_of(operation: Operation, entity_set: EntitySet, values: Values) -> Row | None:
    """The document a line belongs to; None for what is no line."""
    document = _BY_LINES.get(entity_set.name)
    key = values.get(document.lookup) if document is not None else None
    return operation.store.get(document.set_name, key) if document is not None and key else None


def has_lines(entity_set: EntitySet) -> bool:
    """Whether rows of a set have totals."""
    return entity_set.name in _BY_SET


def documents_of(operation: Operation, entity_set: EntitySet) -> EntitySet:
    """The set of the documents that lines of a set belong to."""
    return operation.model.sets[_BY_LINES[entity_set.name].set_name]


def lines_of(operation: Operation, entity_set: EntitySet, values: Values) -> tuple[EntitySet, list[Row]] | None:
    """The lines of a document with their set; None for what has no lines."""
    document = _BY_SET.get(entity_set.name)
    if document is None:
        return None
    lines = operation.model.sets[document.lines]
    where = equals(lines, document.lookup, values[entity_set.key])
    return lines, operation.store.select(lines.name, where=where)


def _inherited(document: Row | None) -> dict[str, object]:
    """What a line has from its document."""
    if document is None:
        return {}
    return {CURRENCY: document[CURRENCY], "_ownerid_value": document["_ownerid_value"]}


def _line(
    operation: Operation, entity_set: EntitySet, values: Values, *, document: Row | None, on: str
) -> dict[str, object]:
    if values.get("skippricecalculation") in _SKIPPED_ON[on]:
        return {}
    money = _money(operation, document.values if document is not None else values)
    price, error = values.get("priceperunit"), PricingError.NONE
    try:
        price = money.rounded(_price(operation, values, document=document))
    except UnpricedError as problem:
        error = problem.code
        price = price if error is PricingError.MISSING_QUANTITY else None
    named = _names(operation, entity_set, values)
    return {
        **named,
        **line_amounts(values, price=price if isinstance(price, Decimal) else None, error=error, money=money),
    }


def _price(operation: Operation, line: Values, *, document: Row | None) -> Decimal:
    """The price per unit of a line. Raises: UnpricedError."""
    if line.get("quantity") is None:
        raise UnpricedError(PricingError.MISSING_QUANTITY)
    if line.get("isproductoverridden") or line.get("ispriceoverridden"):
        price = line.get("priceperunit")
        if not isinstance(price, Decimal):
            raise UnpricedError(PricingError.MISSING_UNIT_PRICE)
        return price
    if line.get("_productid_value") is None:
        raise UnpricedError(PricingError.MISSING_PRODUCT)
    if line.get("_uomid_value") is None:
        raise UnpricedError(PricingError.MISSING_UNIT)
    price_list = _price_list(operation, document)
    product = operation.store.get("products", line["_productid_value"])
    if product is None:
        raise UnpricedError(PricingError.MISSING_PRODUCT)
    rate = price_list["exchangerate"]
    item = _price_list_item(operation, line, price_list=price_list)
    return list_price(item.values, product.values, rate=rate if isinstance(rate, Decimal) else Decimal(1))


def _price_list(operation: Operation, document: Row | None) -> Row:
    key = document[PRICE_LIST] if document is not None else None
    found = operation.store.get("pricelevels", key) if key is not None else None
    if found is None:
        raise UnpricedError(PricingError.MISSING_PRICE_LEVEL)
    if found["statecode"]:
        raise UnpricedError(PricingError.INACTIVE_PRICE_LEVEL)
    return found


def _price_list_item(operation: Operation, line: Values, *, price_list: Row) -> Row:
    items = operation.model.sets["productpricelevels"]
    wanted = {
        PRICE_LIST: price_list["pricelevelid"],
        "_productid_value": line["_productid_value"],
        "_uomid_value": line["_uomid_value"],
    }
    where = both(*(equals(items, column, value) for column, value in wanted.items()))
    found = operation.store.select(items.name, where=where, limit=1)
    if not found:
        raise UnpricedError(PricingError.NOT_IN_PRICE_LEVEL)
    return found[0]


def _names(operation: Operation, entity_set: EntitySet, line: Values) -> dict[str, object]:
    """The name of a line that has none, and the number of its product."""
    title = str(entity_set.extra["name"])
    key = line.get("_productid_value")
    product = operation.store.get("products", key) if key is not None else None
    facts: dict[str, object] = {"productname": line.get("productname"), title: line.get(title)}
    given = line.get("productdescription") if product is None else product["name"]
    names = {column: value or given for column, value in facts.items()}
    if product is not None and "productnumber" in entity_set.properties:
        names["productnumber"] = product["productnumber"]
    return names


def _totals(operation: Operation, entity_set: EntitySet, values: Values) -> dict[str, object]:
    found = lines_of(operation, entity_set, values)
    if values.get("ispricelocked") or found is None:
        current = operation.store.get(entity_set.name, values[entity_set.key])
        columns = [name for name, column in entity_set.properties.items() if "priced" in column.extra]
        return {} if current is None else {name: current[name] for name in columns}
    totals = document_totals(values, (line.values for line in found[1]), money=_money(operation, values))
    if values.get("isrevenuesystemcalculated"):
        totals["estimatedvalue"] = totals["totalamount"]
    return totals


def _money(operation: Operation, values: Values) -> Money:
    key = values.get(CURRENCY)
    currency = operation.store.get(CURRENCIES, key) if key else None
    digits = currency["currencyprecision"] if currency is not None else None
    return Money(digits if isinstance(digits, int) else 2)
