"""Availability: how much of an item is there, when and where; from Business Central's stock and open documents."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import Info

from gateway.answers.availability import AVAILABILITY, Arguments, Calculated, calculate
from gateway.errors import InvalidInputError
from gateway.figures.movement import Kind
from gateway.figures.outlook import Outlook
from gateway.figures.units import Unit
from gateway.reading.row import Row
from schema.context import Context
from schema.enums import AvailabilityStatus, PeriodBucket
from schema.fields import EVERY_ROLE, declared, show
from schema.figures import MissingFigure, figure, figure_type, missing_of, show_figure
from schema.selection import selection_of
from schema.types.availability_rows import (
    AvailabilityEvent,
    AvailabilityPeriod,
    LocationAvailability,
    NativeQuantity,
    VariantAvailability,
)

if TYPE_CHECKING:
    from schema.types.item import Item

MOST_PERIODS = 366

InLocation = Annotated[
    str | None,
    strawberry.argument(description="Only at this location, by its code; transfers count then. All by default."),
]
OfVariant = Annotated[str | None, strawberry.argument(description="Only of this variant, by its code. All by default.")]
OnDay = Annotated[date | None, strawberry.argument(description="For which day; today by default.")]
Wanted = Annotated[
    Decimal | None,
    strawberry.argument(description="How much is wanted: for `sufficient`, `earliestDate` and `alternatives`."),
]
InUnit = Annotated[
    str | None,
    strawberry.argument(
        name="unitOfMeasure",
        description="The unit `quantity` is in and all quantities are shown in, by its code; the base unit by default.",
    ),
]


_IN_UNIT = " In the unit asked for."


def quantity(read: Any, *, description: str, feeds: Sequence[str] = ()) -> Any:
    return figure(read, feeds=feeds, access=EVERY_ROLE, description=description + _IN_UNIT)


@figure_type(
    AVAILABILITY,
    description="How much of an item there is, when and where. Quantities are in `unitOfMeasureCode`. What "
    "cannot be had is null, "
    "and `missing` says why.",
)
class Availability:
    row: strawberry.Private[Row]
    calculated: strawberry.Private[Calculated]
    prefix: strawberry.Private[str]
    names: strawberry.Private[frozenset[str]]

    @strawberry.field(description="The item.", metadata=declared(EVERY_ROLE, same_row=True))
    def item(self, info: Info[Context, Any]) -> Annotated["Item", strawberry.lazy("schema.types.item")]:
        return show(self.row.within(f"{self.prefix}{info.path.key}/"))

    @strawberry.field(description="When this was read from Business Central.", metadata=declared(EVERY_ROLE))
    def as_of(self) -> datetime:
        return self.calculated.read_at

    @strawberry.field(description="The day asked for; today by default.", metadata=declared(EVERY_ROLE))
    def on(self) -> date:
        return self.calculated.figures.question.on

    @strawberry.field(
        description="The unit that quantities are in: the item's base unit unless another was asked for. Null "
        "when that one is "
        "not known for the item.",
        metadata=declared(EVERY_ROLE),
    )
    def unit_of_measure_code(self) -> str | None:
        return self.calculated.unit.code or None if isinstance(self.calculated.unit, Unit) else None

    status: AvailabilityStatus | None = figure(
        lambda it: it.figures.picture.status,
        access=EVERY_ROLE,
        description="What stands in the way of selling it from stock: `items.type` and `items.blocked`.",
    )
    inventory: Decimal | None = quantity(
        lambda it: it.quantity(it.figures.inventory),
        description="On hand now: `items.inventory` over all locations and variants; of a location the rest of "
        "its open item "
        "ledger entries; of a variant the extension's page. Can be negative.",
    )
    reserved: Decimal | None = quantity(
        lambda it: it.quantity(it.figures.reserved),
        feeds=("reservations",),
        description="Of the inventory, what is kept for a demand (Reserved Qty. on Inventory): the extension's page.",
    )
    available_inventory: Decimal | None = quantity(
        lambda it: it.quantity(it.figures.available_inventory),
        feeds=("reservations",),
        description="Inventory - reserved.",
    )
    quantity_on_sales_orders: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.SALES_ORDER),
        feeds=("sales",),
        description="Outstanding on sales orders, whatever their date (Qty. on Sales Order).",
    )
    quantity_on_sales_returns: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.SALES_RETURN),
        feeds=("sales",),
        description="Outstanding on sales return orders (Qty. on Sales Return).",
    )
    quantity_on_purchase_orders: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.PURCHASE_ORDER),
        feeds=("purchases",),
        description="Outstanding on purchase orders, whatever their date (Qty. on Purch. Order).",
    )
    quantity_on_purchase_returns: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.PURCHASE_RETURN),
        feeds=("purchases",),
        description="Outstanding on purchase return orders (Qty. on Purch. Return).",
    )
    quantity_in_transit: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.IN_TRANSIT),
        feeds=("transfers",),
        description="Shipped by transfer orders and not received yet (Qty. in Transit): to the location asked "
        "for, or to any.",
    )
    quantity_on_transfer_receipts: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.TRANSFER_RECEIPT),
        feeds=("transfers",),
        description="On transfer orders, still to be shipped, by where it arrives (Trans. Ord. Receipt).",
    )
    quantity_on_transfer_shipments: Decimal | None = quantity(
        lambda it: it.on_documents(Kind.TRANSFER_SHIPMENT),
        feeds=("transfers",),
        description="On transfer orders, still to be shipped, by where it leaves (Trans. Ord. Shipment).",
    )
    gross_requirement: Decimal | None = quantity(
        lambda it: it.by_day(Outlook.gross_requirement),
        feeds=("documents",),
        description="Demand by the day asked for, from the beginning of time: sales orders, purchase returns, "
        "components, projects, "
        "service; with a location also transfers from it.",
    )
    scheduled_receipt: Decimal | None = quantity(
        lambda it: it.by_day(Outlook.scheduled_receipt),
        feeds=("documents",),
        description="Ordered supply by the day asked for, overdue supply included: purchase orders, sales "
        "returns, firm and released "
        "production, assembly; with a location also transfers to it.",
    )
    overdue_receipt: Decimal | None = quantity(
        lambda it: it.quantity(it.figures.overdue_receipt),
        feeds=("documents",),
        description="Of the scheduled receipt, what should have arrived before today and has not.",
    )
    planned_receipt: Decimal | None = quantity(
        lambda it: it.by_day(Outlook.planned_receipt),
        feeds=("documents",),
        description="Supply by the day asked for that is planned only: planned production orders, suggestions "
        "of planning.",
    )
    planned_releases: Decimal | None = quantity(
        lambda it: it.by_day(Outlook.planned_releases),
        feeds=("documents",),
        description="Of all planned supply, what has to be ordered or started by the day asked for.",
    )
    projected_available_balance: Decimal | None = quantity(
        lambda it: it.by_day(Outlook.projected),
        feeds=("documents",),
        description="Inventory + planned receipt + scheduled receipt - gross requirement, by the day asked for. "
        "Transfers count only "
        "with a location.",
    )
    expected_inventory: Decimal | None = quantity(
        lambda it: it.by_day(Outlook.expected_inventory),
        feeds=("documents",),
        description="Inventory after every order due by the day asked for, without suggestions of planning.",
    )
    available_to_promise: Decimal | None = quantity(
        lambda it: it.quantity(it.figures.available_to_promise),
        feeds=("documents", "reservations"),
        description="(Inventory - reserved) + (scheduled receipt - reserved receipts) - (gross requirement - "
        "reserved requirement) by "
        "the day asked for, less the demand that follows within the look-ahead before the next supply.",
    )
    sufficient: bool | None = figure(
        lambda it: it.decided(it.figures.is_sufficient),
        feeds=("documents",),
        access=EVERY_ROLE,
        description="Whether the quantity asked for can leave on the day asked for: the projected available "
        "balance stays at least so "
        "high on every day of the look-ahead, so that nobody loses what is promised. A day in the past counts as "
        "today. False for a blocked item; "
        "null when no quantity "
        "was asked for.",
    )
    earliest_date: date | None = figure(
        lambda it: it.decided(it.figures.earliest),
        feeds=("documents",),
        access=EVERY_ROLE,
        description="The first day from today on which the quantity asked for is sufficient. Null when no known "
        "supply makes it so, when "
        "the item is blocked, or when no quantity was asked for.",
    )
    next_receipt: AvailabilityEvent | None = figure(
        lambda it: it.decided(it.figures.next_receipt),
        feeds=("documents",),
        access=EVERY_ROLE,
        convert=lambda root, event: AvailabilityEvent.of(event, root.calculated.in_unit),
        description="The next supply from today on; null when none is known.",
    )
    by_location: list[LocationAvailability] | None = figure(
        lambda it: it.decided(it.figures.by_location),
        feeds=("entries", "documents", "locations"),
        access=EVERY_ROLE,
        convert=lambda root, rows: [LocationAvailability(row=row, calculated=root.calculated) for row in rows],
        description="Each location that has stock or will have some, by code; of the location asked for only. "
        "Locations that goods are "
        "booked to while in transit are left out.",
    )
    by_variant: list[VariantAvailability] | None = figure(
        lambda it: it.decided(it.figures.by_variant),
        feeds=("places",),
        access=EVERY_ROLE,
        convert=lambda root, rows: [VariantAvailability(row=row, unit=root.calculated.in_unit) for row in rows],
        description="Each variant, by code: the extension's page.",
    )
    alternatives: list[LocationAvailability] | None = figure(
        lambda it: it.decided(it.figures.alternatives),
        feeds=("entries", "documents", "locations"),
        access=EVERY_ROLE,
        convert=lambda root, rows: [LocationAvailability(row=row, calculated=root.calculated) for row in rows],
        description="Other locations where the quantity asked for can leave on that day, the fullest first. "
        "Empty unless a quantity and a "
        "location were asked for.",
    )
    events: list[AvailabilityEvent] | None = figure(
        lambda it: it.decided(it.figures.events),
        feeds=("documents",),
        access=EVERY_ROLE,
        convert=lambda root, rows: [AvailabilityEvent.of(row, root.calculated.in_unit) for row in rows],
        description="Every document that brings or takes stock, in the order of dates, with the balance running on.",
    )

    @strawberry.field(
        description="Period by period of the calendar, from the one that `from` lies in (today by default).",
        metadata=declared(EVERY_ROLE, feeds=("documents",), read=lambda it: it.decided(it.figures.outlook)),
    )
    def by_period(
        self,
        bucket: Annotated[PeriodBucket, strawberry.argument(description="How long a period is.")],
        from_: Annotated[
            date | None, strawberry.argument(name="from", description="A day of the first period; today by default.")
        ] = None,
        count: Annotated[int, strawberry.argument(description="How many periods, up to 366.")] = 12,
    ) -> list[AvailabilityPeriod] | None:
        if not 1 <= count <= MOST_PERIODS:
            raise InvalidInputError(f"count must be between 1 and {MOST_PERIODS}.", argument="count")
        outlook = show_figure(self.calculated.decided(self.calculated.figures.outlook))
        if outlook is None:
            return None
        first = from_ or self.calculated.figures.question.today
        try:
            return [
                AvailabilityPeriod.of(row, self.calculated.in_unit) for row in outlook.by_period(bucket, first, count)
            ]
        except OverflowError as error:
            raise InvalidInputError("The periods lead beyond the year 9999.", argument="from") from error

    @strawberry.field(
        description="The one number of the native integration, and CRM's copy of it.",
        metadata=declared(EVERY_ROLE, feeds=("product",)),
    )
    def native(self) -> NativeQuantity:
        return NativeQuantity(calculated=self.calculated)

    @strawberry.field(
        description="Which of the figures selected beside this are null because they could not be had.",
        metadata=declared(EVERY_ROLE),
    )
    def missing(self) -> list[MissingFigure]:
        return missing_of(Availability, self.calculated, self.names, _NESTED)


_NESTED: Mapping[str, Any] = {
    **{
        f"{place}.{name}": lambda it: it.decided(it.figures.reservations)
        for place in ("byLocation", "alternatives")
        for name in ("reserved", "availableToPromise")
    },
    "native.quantityOnHand": lambda it: it.figures.native_quantity,
    "native.crmQuantityOnHand": lambda it: it.product,
}


def availability_of(row: Row, prefix: str, arguments: Arguments, info: Info[Context, Any]) -> Availability:
    """The answer for one item, from what was read behind its row; the feeds of the field lie below ``prefix``.

    Raises:
        InvalidInputError: there is no such location or variant.
    """
    calculated = calculate(row, prefix, arguments, info.context.setting)
    return Availability(row=row, calculated=calculated, prefix=prefix, names=selection_of(info).names())
