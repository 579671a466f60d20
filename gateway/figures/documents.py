"""Which sets show the documents that move stock, and how their rows become movements. Pure.

All are API queries of the Analytics API (``microsoft/analytics/v1.0``); quantities are in the base unit. Whether a company uses
the departments beyond trade is a setting: what it does not use is not asked for.

Source: Business Central, "Power BI Reports API"; table Item, its flow fields (which lines count, and by which date).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.figures.movement import Kind, Movement
from gateway.figures.values import Values, day, number, text


class Module(StrEnum):
    """A department of Business Central that a company uses or not. Trade (sales, purchases, transfers) is always used."""

    ASSEMBLY = "assembly"
    MANUFACTURING = "manufacturing"
    PLANNING = "planning"
    PREPAYMENTS = "prepayments"
    PROJECTS = "projects"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """A set of open lines: ``columns`` are what is read of it, ``movements`` what its rows come to, of which ``kinds``."""

    name: str
    columns: frozenset[str]
    kinds: frozenset[Kind]
    movements: Callable[[Values], Iterable[Movement]]
    module: Module | None = None


def _document(row: Values) -> str | None:
    return text(row.get("documentNo")) or None


RETURN: Final = "Return_x0020_Order"


def _order_or_return(row: Values, order: Kind, returned: Kind, on: str) -> Iterator[Movement]:
    kind = returned if row.get("documentType") == RETURN else order
    quantity = number(row["outstandingQtyBase"])
    yield Movement(kind, day(row.get(on)), quantity, text(row.get("locationCode")), _document(row))


def _sales(row: Values) -> Iterator[Movement]:
    return _order_or_return(row, Kind.SALES_ORDER, Kind.SALES_RETURN, "shipmentDate")


def _purchase(row: Values) -> Iterator[Movement]:
    return _order_or_return(row, Kind.PURCHASE_ORDER, Kind.PURCHASE_RETURN, "expectedReceiptDate")


def _transfer(row: Values) -> Iterator[Movement]:
    """What is still to leave counts at both ends; what is on its way only where it arrives."""
    source, target = text(row.get("transferFromLocationCode")), text(row.get("transferToLocationCode"))
    left, arrives = day(row.get("shipmentDate")), day(row.get("receiptDate"))
    outstanding, in_transit = number(row["outstandingQtyBase"]), number(row["qtyInTransitBase"])
    if outstanding:
        yield Movement(Kind.TRANSFER_SHIPMENT, left, outstanding, source, _document(row))
        yield Movement(Kind.TRANSFER_RECEIPT, arrives, outstanding, target, _document(row))
    if in_transit:
        yield Movement(Kind.IN_TRANSIT, arrives, in_transit, target, _document(row))


def _line(kind: Kind, quantity: str, on: str) -> Callable[[Values], Iterator[Movement]]:
    def movements(row: Values) -> Iterator[Movement]:
        yield Movement(kind, day(row.get(on)), number(row[quantity]), text(row.get("locationCode")), _document(row))

    return movements


def _production(row: Values) -> Iterator[Movement]:
    planned = row.get("status") == "Planned"
    yield Movement(
        Kind.PLANNED_PRODUCTION if planned else Kind.PRODUCTION_ORDER,
        day(row.get("dueDate")),
        number(row["remainingQtyBase"]),
        text(row.get("locationCode")),
        _document(row),
        released=day(row.get("startingDate")) if planned else None,
    )


def _requisition(row: Values) -> Iterator[Movement]:
    """Suggestions of planning that nothing has come of yet; a suggested transfer also takes from where it comes."""
    if row.get("planningLineOrigin") is not None:
        return  # a line that planning itself holds: it shows in the orders it belongs to
    quantity, batch = number(row["quantityBase"]), text(row.get("journalBatchName")) or None
    location, source = text(row.get("locationCode")), text(row.get("transferFromCode"))
    due, ordered = day(row.get("dueDate")), day(row.get("orderDate"))
    yield Movement(Kind.PLANNED_PURCHASE, due, quantity, location, batch, released=ordered)
    if row.get("replenishmentSystem") == "Transfer":
        yield Movement(Kind.PLANNED_TRANSFER, day(row.get("transferShipmentDate")), quantity, source, batch)


def _set(
    name: str,
    columns: str,
    kinds: Iterable[Kind],
    movements: Callable[[Values], Iterable[Movement]],
    module: Module | None = None,
) -> DocumentSet:
    return DocumentSet(name, frozenset({"itemNo", *columns.split()}), frozenset(kinds), movements, module)


UNIT_COLUMNS: Final = "unitOfMeasureCode qtyPerUnitOfMeasure"

DOCUMENT_SETS: Final = (
    _set(
        "outstandingSalesLines",
        f"documentType documentNo locationCode shipmentDate outstandingQtyBase {UNIT_COLUMNS}",
        (Kind.SALES_ORDER, Kind.SALES_RETURN),
        _sales,
    ),
    _set(
        "outstandingPurchaseLines",
        f"documentType documentNo locationCode expectedReceiptDate outstandingQtyBase {UNIT_COLUMNS}",
        (Kind.PURCHASE_ORDER, Kind.PURCHASE_RETURN),
        _purchase,
    ),
    _set(
        "transferLines",
        "documentNo transferFromLocationCode transferToLocationCode inTransitLocationCode shipmentDate receiptDate "
        "outstandingQtyBase qtyInTransitBase",
        (Kind.TRANSFER_SHIPMENT, Kind.TRANSFER_RECEIPT, Kind.IN_TRANSIT),
        _transfer,
    ),
    _set(
        "assemblyHeaders",
        "documentNo locationCode dueDate remainingQtyBase",
        (Kind.ASSEMBLY_ORDER,),
        _line(Kind.ASSEMBLY_ORDER, "remainingQtyBase", "dueDate"),
        Module.ASSEMBLY,
    ),
    _set(
        "assemblyLines",
        "documentNo locationCode dueDate remainingQuantity",
        (Kind.ASSEMBLY_COMPONENT,),
        _line(Kind.ASSEMBLY_COMPONENT, "remainingQuantity", "dueDate"),
        Module.ASSEMBLY,
    ),
    _set(
        "inventoryProdOrderLines",
        "status documentNo locationCode dueDate startingDate remainingQtyBase",
        (Kind.PRODUCTION_ORDER, Kind.PLANNED_PRODUCTION),
        _production,
        Module.MANUFACTURING,
    ),
    _set(
        "inventoryProdOrderComponentLines",
        "documentNo locationCode dueDate remainingQtyBase",
        (Kind.PRODUCTION_COMPONENT,),
        _line(Kind.PRODUCTION_COMPONENT, "remainingQtyBase", "dueDate"),
        Module.MANUFACTURING,
    ),
    _set(
        "itemJobPlanningLines",
        "documentNo locationCode planningDate remainingQtyBase",
        (Kind.PROJECT,),
        _line(Kind.PROJECT, "remainingQtyBase", "planningDate"),
        Module.PROJECTS,
    ),
    _set(
        "orderServiceLines",
        "documentNo locationCode neededByDate outstandingQtyBase",
        (Kind.SERVICE_ORDER,),
        _line(Kind.SERVICE_ORDER, "outstandingQtyBase", "neededByDate"),
        Module.SERVICE,
    ),
    _set(
        "requisitionLines",
        "planningLineOrigin replenishmentSystem journalBatchName locationCode transferFromCode dueDate orderDate "
        "transferShipmentDate quantityBase",
        (Kind.PLANNED_PURCHASE, Kind.PLANNED_TRANSFER),
        _requisition,
        Module.PLANNING,
    ),
    _set(
        "planningComponentLines",
        "locationCode dueDate expectedQuantityBase",
        (Kind.PLANNING_COMPONENT,),
        _line(Kind.PLANNING_COMPONENT, "expectedQuantityBase", "dueDate"),
        Module.PLANNING,
    ),
)

SALES_LINES, PURCHASE_LINES, TRANSFER_LINES = DOCUMENT_SETS[:3]


def in_use(modules: frozenset[Module]) -> list[DocumentSet]:
    """The sets that a company with these departments has to be asked for."""
    return [each for each in DOCUMENT_SETS if each.module is None or each.module in modules]
