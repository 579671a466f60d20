"""What availability is made of: stock, open documents, reservations, CRM's copy; and how they come together for one item."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from gateway.answers.plan import (
    Asked,
    Branches,
    FailedFeed,
    FigurePlan,
    Setting,
    behind,
    column_of,
    failed,
    fed,
    feed_branch,
)
from gateway.errors import InvalidInputError
from gateway.figures import availability as figures
from gateway.figures.documents import PURCHASE_LINES, SALES_LINES, TRANSFER_LINES, UNIT_COLUMNS, in_use
from gateway.figures.movement import Kind, Movement
from gateway.figures.picture import Picture, Question, Status, place, reservation, stock_by_location
from gateway.figures.unavailable import Figure, Reason, Unavailable, given
from gateway.figures.units import Unit, find_unit, units_of_group, units_seen
from gateway.keys import as_code
from gateway.odata.query import Compare
from gateway.reading import values
from gateway.reading.need import Branch, Coupled, Expanded, LocationNames, Need, Rows, RowsOf
from gateway.reading.row import Failure, Row
from gateway.reading.sources import (
    ITEM_LEDGER_ENTRIES,
    ITEM_VARIANTS,
    ITEMS,
    PRODUCTS,
    UNIT_GROUPS,
    UNITS,
    analytics,
    extension,
)

# -- what it is made of -------------------------------------------------------------------------------------------------


def _entries(asked: Asked) -> Branches:
    """Open item ledger entries: what is left of them is the stock, by location."""
    columns = frozenset({"itemNo", "locationCode", "remainingQuantity", *UNIT_COLUMNS.split()})
    rows = RowsOf(ITEM_LEDGER_ENTRIES, "number", "itemNo", columns, where=Compare("open", "eq", True))
    return {"entries": (Rows((rows,)), Need(ITEM_LEDGER_ENTRIES))}


def _documents(*names: str) -> Any:
    """Lines of open documents: of these sets, or of all that the company uses."""

    def branches(asked: Asked) -> Branches:
        found: dict[str, Any] = {}
        for each in in_use(asked.setting.modules):
            if not names or each.name in names:
                source = analytics(each.name, "itemNo")
                found[each.name] = (Rows((RowsOf(source, "number", "itemNo", each.columns),)), Need(source))
        return found

    return branches


def _extension(name: str, columns: str) -> Any:
    """A page of the extension, if there is one."""

    def branches(asked: Asked) -> Branches:
        if asked.setting.extension_api is None:
            return {}
        source = extension(asked.setting.extension_api, name, "itemNumber")
        rows = RowsOf(source, "number", "itemNumber", frozenset({"itemNumber", *columns.split()}))
        return {name: (Rows((rows,)), Need(source))}

    return branches


def _product(asked: Asked) -> Branches:
    """The coupled product, with the units of its unit group when another unit than the base one is asked for."""
    group: tuple[Branch, ...] = ()
    if asked.any_of("unitOfMeasure"):
        units = Branch(
            "units", Expanded("unit_of_measure_schedule_conversions"), Need(UNITS, frozenset({"name", "quantity"}))
        )
        group = (Branch("group", Expanded("defaultuomscheduleid"), Need(UNIT_GROUPS, branches=(units,))),)
    return {"product": (Coupled("ITEM"), Need(PRODUCTS, frozenset({"quantityonhand", "modifiedon"}), group))}


def _always(asked: Asked) -> frozenset[str]:
    """What the arguments need, whatever is selected."""
    wanted: set[str] = set()
    if asked.any_of("unitOfMeasure"):
        wanted |= {"product", "entries", "sales", "purchases"}
    if asked.any_of("location"):
        wanted |= {"entries", "locations"}
    if asked.any_of("variant"):
        wanted |= {"places", "variants"}
    return frozenset(wanted)


PLACE_COLUMNS = (
    "variantCode locationCode inventory quantityOnSalesOrder quantityOnPurchaseOrder quantityInTransit "
    "quantityOnTransferReceipt quantityOnTransferShipment reservedQuantity"
)
RESERVATION_COLUMNS = "variantCode locationCode quantityBase supplyType demandType expectedReceiptDate shipmentDate"

AVAILABILITY = FigurePlan(
    ITEMS,
    feeds={
        "entries": _entries,
        "sales": _documents(SALES_LINES.name),
        "purchases": _documents(PURCHASE_LINES.name),
        "transfers": _documents(TRANSFER_LINES.name),
        "documents": _documents(),
        "reservations": _extension("reservationEntries", RESERVATION_COLUMNS),
        "places": _extension("itemAvailabilities", PLACE_COLUMNS),
        "locations": lambda asked: {"locations": (LocationNames(asked.all_of("location")), Need(ITEMS))},
        "variants": lambda asked: {"variants": (Expanded("itemVariants"), Need(ITEM_VARIANTS, frozenset({"code"})))},
        "product": _product,
    },
    columns=frozenset({"number", "type", "blocked", "baseUnitOfMeasureCode", "inventory"}),
    always=_always,
)


# -- what is calculated from it -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked of one item."""

    location: str | None = None
    variant: str | None = None
    on: date | None = None
    quantity: Decimal | None = None
    unit_of_measure: str | None = None

    def __post_init__(self) -> None:
        if self.quantity is not None and self.quantity <= 0:
            raise InvalidInputError("quantity must be more than 0.", argument="quantity")


@dataclass(frozen=True)
class Calculated:
    """The figures of one item in the unit asked for, and what belongs to them."""

    figures: figures.Availability
    unit: Unit | Unavailable
    names: Mapping[str, str | None] | Failure
    product: Row | Unavailable | None
    read_at: datetime

    def quantity(self, value: Figure) -> Decimal | Unavailable:
        """A quantity of base units in the unit asked for."""
        return given(self.unit, lambda unit: given(value, unit.from_base))

    def decided(self, value: Any) -> Any:
        """What depends on the quantity asked for, and so on its unit."""
        return given(self.unit, lambda _: value)

    def by_day(self, read: Any) -> Figure:
        return self.quantity(self.figures.by_day(read))

    def on_documents(self, *kinds: Kind) -> Figure:
        return self.quantity(self.figures.on_documents(*kinds))

    @property
    def in_unit(self) -> Unit:
        """For rows of figures that are there, whose unit is then known."""
        return self.unit if isinstance(self.unit, Unit) else Unit("", Decimal(1))

    def location_name(self, code: str) -> str | None:
        if isinstance(self.names, Failure):
            self.names.tell()
            return None
        return self.names.get(code)


def calculate(row: Row, prefix: str, given_arguments: Arguments, setting: Setting) -> Calculated:
    """Raises: InvalidInputError, for a location or variant that does not exist."""

    def branch(name: str) -> str:
        return feed_branch(prefix, name)

    names = row.links.get(branch("locations"))
    known_names = names if isinstance(names, Mapping | Failure) else {}
    variants = row.links.get(branch("variants"))
    codes = (
        {str(each.key("code")) for each in variants if isinstance(each, Row)} if isinstance(variants, list) else None
    )
    variant = as_code(given_arguments.variant) if given_arguments.variant is not None else None
    if variant is not None and codes is not None:  # they come with the item: without it nothing is told
        _existing(variant, codes, "variant")
    documents = {each.name: _read_documents(row, branch(each.name), each) for each in in_use(setting.modules)}
    stock = fed(row, branch("entries"), stock_by_location)
    location = as_code(given_arguments.location) if given_arguments.location is not None else None
    unread: Unavailable | None = None
    if location is not None and location not in _locations_seen(stock, documents):
        if isinstance(known_names, Failure):
            unread = failed(known_names)
        else:
            _existing(location, known_names, "location")
    product = behind(row, branch("product"))
    unit = _unit(row, branch, given_arguments.unit_of_measure, product)
    quantity = given_arguments.quantity
    picture = Picture(
        number=str(row.key("number") or ""),
        status=_status(row),
        inventory=_inventory(row),
        stock=stock,
        documents=documents,
        reservations=fed(row, branch("reservationEntries"), lambda rows: [reservation(each) for each in rows]),
        places=fed(row, branch("itemAvailabilities"), lambda rows: [place(each) for each in rows]),
        transit_codes=_transit_codes(row, branch(TRANSFER_LINES.name)),
        unread=unread,
    )
    question = Question(
        today=setting.today,
        on=given_arguments.on or setting.today,
        look_ahead=setting.look_ahead,
        location=location,
        variant=variant,
        quantity=unit.to_base(quantity) if quantity is not None and isinstance(unit, Unit) else None,
    )
    return Calculated(figures.Availability(picture, question), unit, known_names, product, setting.read_at)


def _locations_seen(
    stock: Mapping[str, Decimal] | Unavailable, documents: Mapping[str, Sequence[Movement] | Unavailable]
) -> set[str]:
    """Locations that need no list of locations to be known: the item is there, or on its way."""
    seen = {each.location for rows in documents.values() if not isinstance(rows, Unavailable) for each in rows}
    return seen if isinstance(stock, Unavailable) else seen | stock.keys()


def _existing(code: str, known: Iterable[str], argument: str) -> None:
    """Raises: InvalidInputError, when there is none of this code."""
    if code not in known:
        there = ", ".join(sorted(each for each in known if each)) or "none"
        raise InvalidInputError(f"There is no {argument} {code!r}. Known are: {there}.", argument=argument)


def _status(row: Row) -> Status | Unavailable:
    if isinstance(row.values, Failure):
        return failed(row.values)
    return Status.of(_text(row.key("type")), blocked=row.key("blocked") is True)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _inventory(row: Row) -> Figure:
    found = column_of(row, "inventory", values.decimal)
    if isinstance(found, Unavailable):
        return found
    return found if isinstance(found, Decimal) else Unavailable(Reason.NO_SOURCE, "Business Central sent no inventory.")


def _read_documents(row: Row, branch: str, documents: Any) -> Sequence[Movement] | Unavailable:
    return fed(row, branch, lambda rows: [movement for each in rows for movement in documents.movements(each)])


def _transit_codes(row: Row, branch: str) -> frozenset[str]:
    codes = fed(row, branch, lambda rows: {str(each.get("inTransitLocationCode") or "") for each in rows})
    return frozenset() if isinstance(codes, Unavailable) else frozenset(codes - {""})


def _unit(row: Row, branch: Any, wanted: str | None, product: Row | Unavailable | None) -> Unit | Unavailable:
    """The unit asked for: the base unit, one that lines of the item name, or one of the product's unit group in CRM."""
    base = _text(row.key("baseUnitOfMeasureCode")) or ""
    if wanted is None:
        return Unit(base, Decimal(1))
    if isinstance(row.values, Failure):
        return given(column_of(row, "baseUnitOfMeasureCode", str), lambda _: Unit(base, Decimal(1)))
    seen = [fed(row, branch(name), units_seen) for name in ("entries", SALES_LINES.name, PURCHASE_LINES.name)]
    unit = find_unit(wanted, base, *(each for each in seen if not isinstance(each, Unavailable)), _group_units(product))
    if unit is not None:
        return unit
    unknown = Unavailable(
        Reason.NO_SOURCE,
        f"How many {base} one {wanted} holds is not known: no line of the item uses that unit, and the unit group of its "
        "product in CRM does not have it.",
    )
    return next((each for each in (*seen, product) if isinstance(each, FailedFeed)), unknown)


def _group_units(product: Row | Unavailable | None) -> Mapping[str, Decimal]:
    group = product.links.get("group") if isinstance(product, Row) else None
    units = group.links.get("units") if isinstance(group, Row) else None
    rows = [each.values for each in units if isinstance(each, Row)] if isinstance(units, list) else []
    return units_of_group([each for each in rows if not isinstance(each, Failure)])
