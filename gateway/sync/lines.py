"""The lines of Business Central's documents, as CRM gets them with a new row: read and looked up for a page of documents at once.

An item becomes the product that it is coupled with, counted in a unit of that product. Whatever else a line is about (an account,
a resource, a charge) becomes a write-in product. Prices are written, CRM does not look them up. What its arithmetic lacks or has
too much, because it keeps fewer decimals or prices contain tax, is a line of its own.

Source: Business Central, codeunit CRM Int. Table. Subscriber, "Sales Invoice Line" and "CRM Invoicedetail"; "Integrating with
Dynamics 365 Sales", invoices.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID, uuid5

from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import Side
from gateway.errors import NamedRecord, ProtocolError, RefusalError
from gateway.odata.query import Expand
from gateway.reading import values as convert
from gateway.reading.lookup import match_key
from gateway.reading.sources import PRODUCTS, UNITS
from gateway.records import Backend, Values
from gateway.sync import refusals
from gateway.sync.creation import row_path
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records
from gateway.sync.references import guid

ROUNDING: Final = "Rounding"
_LINE: Final = "line"
_WRITE_IN: Final = "write-in"
_AFTER_ALL: Final = 1_000_000_000
"""The number of the line that makes up for rounding: the highest that CRM takes."""
_GROUP: Final = "_defaultuomscheduleid_value"


@dataclass(frozen=True, slots=True)
class NewLine:
    """A row below a new one.

    ``number`` tells it from the others of its document whenever they are read; ``name`` is what people call it by.
    """

    number: int
    name: str
    values: Values

    def id_below(self, document: UUID) -> UUID:
        """The same at every attempt; a write-in product never becomes another product, so the two have different ids."""
        return uuid5(document, f"{_kind(self.values)} {self.number}")


def is_made_below(document: UUID, line: UUID, number: object) -> bool:
    """Whether a line of CRM was made here, and has the number that it was made with."""
    return line in (uuid5(document, f"{_LINE} {number}"), uuid5(document, f"{_WRITE_IN} {number}"))


def _kind(values: Values) -> str:
    return _WRITE_IN if values.get("isproductoverridden") is True else _LINE


NewLines = tuple[NewLine, ...] | RefusalError
"""All lines of a document, or why they cannot be made."""


async def new_lines(desk: Desk, mapping: TableMapping, *, to: Backend, sources: Sequence[Found]) -> list[NewLines]:
    """The lines of each document that a new one is made of. Raises: BackendError."""
    if mapping.lines is None or to is not Backend.DATAVERSE or not sources:
        return [() for _ in sources]
    expand = Expand(mapping.lines.navigation, mapping.lines.columns)
    records = Records(desk, mapping, Backend.BUSINESS_CENTRAL)
    found = await records.by_id([each.id for each in sources], columns=(), expand=(expand,))
    rows = {id: _rows(each.values.get(mapping.lines.navigation)) for id, each in found.items()}
    products = await _products(desk, [row for same in rows.values() for row in same])
    places = await desk.reading.facts.price_places(desk.asking, after=desk.asking.trace.round_trips)
    return [
        document_lines(each, rows[each.id], products, places) if each.id in rows else refusals.vanished(each)
        for each in sources
    ]


def _rows(expanded: object) -> list[Values]:
    """Lines that something was sold with: a comment has no quantity."""
    rows = [each for each in expanded if isinstance(each, Mapping)] if isinstance(expanded, list) else []
    return [each for each in rows if each.get("quantity") not in (None, 0)]


@dataclass(frozen=True, slots=True)
class Products:
    """``of`` has the product of each coupled item, ``groups`` the group of each product, ``units`` those of a group by name.

    Of products that are ``coming`` the units are not known yet: each is made with the unit of its item.
    """

    of: Mapping[UUID, UUID]
    groups: Mapping[UUID, UUID]
    units: Mapping[UUID, Mapping[str, UUID]]
    coming: frozenset[UUID] = frozenset()

    def unit(self, product: UUID, name: str) -> UUID | None:
        if product in self.coming:
            return product
        group = self.groups.get(product)
        return self.units.get(group, {}).get(match_key(name)) if group is not None else None


async def _products(desk: Desk, rows: Sequence[Values]) -> Products:
    """Raises: BackendError, DatabaseError."""
    items = [id for row in rows if (id := _item_id(row)) is not None]
    company, after = desk.company, desk.asking.trace.round_trips
    couplings = await desk.books.couplings.find(Tables.ITEM, company, Side.BUSINESS_CENTRAL, items) if items else {}
    partners = {id: each.crm_id for id, each in couplings.items()}
    if not partners:
        return Products({}, {}, {})
    lookups, select = desk.reading.lookups, frozenset({"productid", _GROUP})
    found, depth = await lookups.by_key(
        desk.asking, PRODUCTS, "productid", list(partners.values()), select=select, expand=(), after=after
    )
    groups = {
        _guid(each.values, "productid"): _guid(each.values, _GROUP)
        for each in found.values()
        if each.values.get(_GROUP) is not None
    }
    named, _ = await lookups.all_by_key(
        desk.asking,
        UNITS,
        "_uomscheduleid_value",
        list(dict.fromkeys(groups.values())),
        select=frozenset({"uomid", "name"}),
        after=depth,
    )
    units: dict[UUID, dict[str, UUID]] = {}
    for each in (row.values for same in named.values() for row in same):
        units.setdefault(_guid(each, "_uomscheduleid_value"), {})[match_key(each.get("name"))] = _guid(each, "uomid")
    coming = frozenset(filter(desk.books.couplings.is_coming, partners.values()))
    return Products(partners, groups, units, coming)


def _guid(row: Values, column: str) -> UUID:
    return guid(row.get(column), Backend.DATAVERSE)


def _item_id(row: Values) -> UUID | None:
    """The item of a line; None for a line about something else. Raises: ProtocolError."""
    value = row.get("itemId")
    return guid(value, Backend.BUSINESS_CENTRAL) if value is not None else None


def document_lines(source: Found, rows: Sequence[Values], products: Products, places: int) -> NewLines:
    """What becomes of the lines of one document; ``places`` are the decimals that CRM keeps of prices."""
    try:
        lines = [_line(source, row, products, places) for row in rows]
        return (*lines, *_rounding(source, lines))
    except RefusalError as refusal:
        return refusal
    except ProtocolError as error:
        return refusals.unreadable(source, None, error)


def _line(source: Found, row: Values, products: Products, places: int) -> NewLine:
    """Raises: RefusalError, ProtocolError."""
    number = int(_number(row, "sequence"))
    said = str(row.get("description") or row.get("lineObjectNumber") or "")
    values = {"lineitemnumber": number, "description": said or None, **_amounts(source, row, places)}
    item = _item_id(row)
    if item is None:
        about = {"isproductoverridden": True, "productdescription": said or f"Line {number}"}
    else:
        about = _sold(source, row, item, products)
    return NewLine(number, _name(row), {**about, **values})


def _name(row: Values) -> str:
    """How people find a line: by its number, and what it is about."""
    about = str(row.get("lineObjectNumber") or row.get("description") or "")
    return f"line {row.get('sequence')} ({about})" if about else f"line {row.get('sequence')}"


def _sold(source: Found, row: Values, item: UUID, products: Products) -> dict[str, object]:
    """Raises: RefusalError, when the item is not coupled, or its product is not counted in that unit."""
    record = NamedRecord(
        Backend.BUSINESS_CENTRAL, "item", item, _text(row, "lineObjectNumber"), _text(row, "description")
    )
    product = products.of.get(item)
    if product is None:
        raise refusals.item_not_coupled(record, source, line=_name(row))
    name = _text(row, "unitOfMeasureCode") or ""
    unit = products.unit(product, name)
    if unit is None:
        raise refusals.unit_missing(record, source, line=_name(row), unit=name)
    return {
        "productid@odata.bind": row_path(PRODUCTS.name, product),
        "uomid@odata.bind": row_path(UNITS.name, unit),
    }


def _text(row: Values, column: str) -> str | None:
    value = row.get(column)
    return value if isinstance(value, str) and value else None


# -- amounts -----------------------------------------------------------------------------------------------------------------


def _amounts(source: Found, row: Values, places: int) -> dict[str, object]:
    """CRM multiplies, takes the discount off and adds the tax. It takes no negative discount: that goes into the price."""
    quantity, discount = _number(row, "quantity"), _number(row, "discountAmount")
    price = _number(row, "unitPrice")
    if source.values.get("pricesIncludeTax") is True:
        untaxed = 1 + _number(row, "taxPercent") / 100
        price, discount = price / untaxed, _rounded(discount / untaxed, 2)
    if discount < 0:
        price, discount = _number(row, "amountExcludingTax") / quantity, Decimal(0)
    return {
        "quantity": quantity,
        "ispriceoverridden": True,
        "priceperunit": _rounded(price, places),
        "manualdiscountamount": discount,
        "tax": _number(row, "netTaxAmount"),
    }


def _rounding(source: Found, lines: Sequence[NewLine]) -> Iterator[NewLine]:
    """What the lines come to in CRM is what the document comes to in Business Central.

    Source: Business Central, codeunit CRM Sales Invoice, a write-in product for rounding.
    """
    net, tax = _number(source.values, "totalAmountExcludingTax"), _number(source.values, "totalTaxAmount")
    digits = max(2, -_exponent(net), -_exponent(tax))
    summed = sum((_extended(each.values, digits) for each in lines), Decimal(0))
    summed -= _number(source.values, "discountAmount")
    taxed = sum((_number(each.values, "tax") for each in lines), Decimal(0))
    if (summed, taxed) == (net, tax):
        return
    about = {"isproductoverridden": True, "productdescription": ROUNDING, "lineitemnumber": _AFTER_ALL}
    amounts = {"quantity": Decimal(1), "ispriceoverridden": True, "priceperunit": net - summed, "tax": tax - taxed}
    yield NewLine(_AFTER_ALL, ROUNDING.lower(), {**about, **amounts})


def _extended(line: Values, digits: int) -> Decimal:
    """What a line comes to in CRM, without tax."""
    product = _number(line, "quantity") * _number(line, "priceperunit")
    return _rounded(product, digits) - _number(line, "manualdiscountamount")


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _number(row: Values, column: str) -> Decimal:
    """Nothing counts as 0. Raises: ProtocolError."""
    value = row.get(column)
    try:
        return convert.decimal(value) if value is not None else Decimal(0)
    except TypeError as error:
        message = f"Business Central sent a value of an unknown kind for {column}."
        raise ProtocolError(message, backend=Backend.BUSINESS_CENTRAL) from error
