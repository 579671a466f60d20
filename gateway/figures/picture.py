"""What was read of an item, and what is asked of it. Pure.

Everything is in the base unit here. A figure is its value, or :class:`Unavailable` with the reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from gateway.figures.movement import Movement
from gateway.figures.outlook import Reservation
from gateway.figures.unavailable import Figure, Unavailable
from gateway.figures.values import Values, day, number, text

TRANSFER = "Transfer"


class Status(StrEnum):
    """What stands in the way of selling an item from stock."""

    NORMAL = "NORMAL"
    BLOCKED = "BLOCKED"
    SERVICE = "SERVICE"
    NON_INVENTORY = "NON_INVENTORY"

    @classmethod
    def of(cls, item_type: str | None, *, blocked: bool) -> "Status":
        """Source: Business Central, "item resource type", properties ``type`` and ``blocked``."""
        return _BY_TYPE.get(item_type or "", cls.BLOCKED if blocked else cls.NORMAL)


_BY_TYPE = {"Service": Status.SERVICE, "Non_x002D_Inventory": Status.NON_INVENTORY}


@dataclass(frozen=True, slots=True)
class Place:
    """Stock and orders of a variant at a location: one row of the extension's page, which knows no dates."""

    variant: str
    location: str
    inventory: Decimal
    on_sales_orders: Decimal
    on_purchase_orders: Decimal
    in_transit: Decimal
    on_transfer_receipts: Decimal
    on_transfer_shipments: Decimal
    reserved: Decimal


def place(row: Values) -> Place:
    """Raises: ValueError, for a row that does not hold what the page promises."""
    return Place(
        variant=text(row.get("variantCode")),
        location=text(row.get("locationCode")),
        inventory=number(row["inventory"]),
        on_sales_orders=number(row["quantityOnSalesOrder"]),
        on_purchase_orders=number(row["quantityOnPurchaseOrder"]),
        in_transit=number(row["quantityInTransit"]),
        on_transfer_receipts=number(row["quantityOnTransferReceipt"]),
        on_transfer_shipments=number(row["quantityOnTransferShipment"]),
        reserved=number(row["reservedQuantity"]),
    )


def reservation(row: Values) -> Reservation:
    """A row of the extension's reservation entries. Raises: ValueError."""
    return Reservation(
        quantity=number(row["quantityBase"]),
        from_stock=row.get("supplyType") == "Inventory",
        expected=day(row.get("expectedReceiptDate")),
        needed=day(row.get("shipmentDate")),
        location=text(row.get("locationCode")),
        variant=text(row.get("variantCode")),
        by_transfer=row.get("supplyType") == TRANSFER,
        for_transfer=row.get("demandType") == TRANSFER,
    )


def stock_by_location(entries: Iterable[Values]) -> dict[str, Decimal]:
    """What is left of open item ledger entries, by location; a blank code is stock at no location. Raises: ValueError."""
    stock: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        stock[text(entry.get("locationCode"))] += number(entry["remainingQuantity"])
    return dict(stock)


@dataclass(frozen=True, slots=True)
class Picture:
    """What was read of an item. ``documents`` are the movements by the set they came from.

    ``unread`` says why nothing can be told of it, because the item could not be read or the question could not be checked.
    ``transit_codes`` are locations that goods are booked to while they are on their way.
    """

    number: str
    status: Status | Unavailable
    inventory: Figure
    stock: Mapping[str, Decimal] | Unavailable
    documents: Mapping[str, Sequence[Movement] | Unavailable]
    reservations: Sequence[Reservation] | Unavailable
    places: Sequence[Place] | Unavailable
    transit_codes: frozenset[str] = frozenset()
    unread: Unavailable | None = None

    @property
    def is_blocked(self) -> bool:
        return self.status is Status.BLOCKED


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: for which day, where, which variant, and whether so much (in the base unit) can be had."""

    today: date
    on: date
    look_ahead: timedelta
    location: str | None = None
    variant: str | None = None
    quantity: Decimal | None = None

    @property
    def leaving(self) -> date:
        """The day on which the quantity is to leave: none before today."""
        return max(self.on, self.today)
