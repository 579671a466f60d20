"""The rows of an availability: locations, variants, events and periods, and the native number."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from gateway.answers.availability import Calculated
from gateway.answers.plan import column_of
from gateway.figures.outlook import Event, PeriodFigures
from gateway.figures.splits import LocationFigures, VariantFigures
from gateway.figures.units import Unit
from gateway.reading import values
from gateway.reading.row import Row
from schema.access import seen_by
from schema.enums import EventKind
from schema.fields import EVERY_ROLE, READERS, declared
from schema.figures import show_figure

Day = date
"""For classes with a field of that name."""


@seen_by(EVERY_ROLE)
@strawberry.type(description="A location goods are kept at.")
class Location:
    code: str = strawberry.field(description="Location code; blank for stock that is at no location.")
    _calculated: strawberry.Private[Calculated]

    @strawberry.field(description="Name.")
    def display_name(self) -> str | None:
        return self._calculated.location_name(self.code)


@seen_by(EVERY_ROLE)
@strawberry.type(
    description="A document that brings or takes stock on a day: the lines of it that agree in place and date."
)
class AvailabilityEvent:
    date: Day | None = strawberry.field(
        description="When it is expected; null when the document has no date, which counts as long ago."
    )
    kind: EventKind = strawberry.field(description="Which kind of document.")
    document_number: str | None = strawberry.field(
        description="Its number; for a suggestion of planning its worksheet.",
        metadata=declared(READERS),  # it leads to an order
    )
    location_code: str = strawberry.field(description="Where; blank for no location.")
    quantity: Decimal = strawberry.field(description="How much it brings; negative for what it takes.")
    projected_inventory: Decimal = strawberry.field(
        description="The projected available balance after it, counted from the stock there is now."
    )

    @classmethod
    def of(cls, event: Event, unit: Unit) -> "AvailabilityEvent":
        return cls(
            date=None if event.on == date.min else event.on,
            kind=event.kind,
            document_number=event.document,
            location_code=event.location,
            quantity=unit.from_base(event.quantity),
            projected_inventory=unit.from_base(event.projected),
        )


@seen_by(EVERY_ROLE)
@strawberry.type(description="What moves within a period, and where it leads.")
class AvailabilityPeriod:
    start: date = strawberry.field(description="First day.")
    end: date = strawberry.field(description="Last day.")
    gross_requirement: Decimal = strawberry.field(description="Demand within the period.")
    scheduled_receipt: Decimal = strawberry.field(description="Ordered supply within the period.")
    planned_receipt: Decimal = strawberry.field(description="Planned supply within the period.")
    projected_available_balance: Decimal = strawberry.field(
        description="The balance at its end: inventory and everything up to then, also what lies before the "
        "first period."
    )

    @classmethod
    def of(cls, row: PeriodFigures, unit: Unit) -> "AvailabilityPeriod":
        return cls(
            start=row.period.start,
            end=row.period.end,
            gross_requirement=unit.from_base(row.gross_requirement),
            scheduled_receipt=unit.from_base(row.scheduled_receipt),
            planned_receipt=unit.from_base(row.planned_receipt),
            projected_available_balance=unit.from_base(row.projected),
        )


@seen_by(EVERY_ROLE)
@strawberry.type(description="Availability at one location, where transfers to and from it count.")
class LocationAvailability:
    row: strawberry.Private[LocationFigures]
    calculated: strawberry.Private[Calculated]

    @strawberry.field(description="The location.")
    def location(self) -> Location:
        return Location(code=self.row.code, _calculated=self.calculated)

    @strawberry.field(description="On hand there now.")
    def inventory(self) -> Decimal:
        return self.calculated.in_unit.from_base(self.row.outlook.inventory)

    @strawberry.field(description="Demand by the day asked for: orders, and transfers that leave.")
    def gross_requirement(self) -> Decimal:
        return self.calculated.in_unit.from_base(self.row.gross_requirement)

    @strawberry.field(description="Ordered supply by the day asked for: purchases, and transfers that arrive.")
    def scheduled_receipt(self) -> Decimal:
        return self.calculated.in_unit.from_base(self.row.scheduled_receipt)

    @strawberry.field(
        description="Inventory + planned and scheduled receipts - gross requirement, by the day asked for."
    )
    def projected_available_balance(self) -> Decimal:
        return self.calculated.in_unit.from_base(self.row.projected)

    @strawberry.field(
        description="Of the stock there, what is kept for a demand; null without the extension's page.",
        metadata=declared(EVERY_ROLE, feeds=("reservations",)),
    )
    def reserved(self) -> Decimal | None:
        return show_figure(self.calculated.quantity(self.row.reserved))

    @strawberry.field(
        description="As `Availability.availableToPromise`, of this location; null without the extension's page.",
        metadata=declared(EVERY_ROLE, feeds=("reservations",)),
    )
    def available_to_promise(self) -> Decimal | None:
        return show_figure(self.calculated.quantity(self.row.available_to_promise))

    @strawberry.field(description="Whether the quantity asked for can leave from there on that day; null without one.")
    def sufficient(self) -> bool | None:
        return self.row.is_sufficient

    @strawberry.field(
        description="The first day on which the quantity asked for can leave from there; null if none is known."
    )
    def earliest_date(self) -> date | None:
        return self.row.earliest


@seen_by(EVERY_ROLE)
@strawberry.type(description="A variant's stock and orders, whatever their date.")
class VariantAvailability:
    row: strawberry.Private[VariantFigures]
    unit: strawberry.Private[Unit]

    @strawberry.field(description="Variant code; blank for stock of the item without a variant.")
    def variant_code(self) -> str:
        return self.row.code

    @strawberry.field(description="On hand now.")
    def inventory(self) -> Decimal:
        return self.unit.from_base(self.row.inventory)

    @strawberry.field(description="Outstanding on sales orders.")
    def quantity_on_sales_orders(self) -> Decimal:
        return self.unit.from_base(self.row.on_sales_orders)

    @strawberry.field(description="Outstanding on purchase orders.")
    def quantity_on_purchase_orders(self) -> Decimal:
        return self.unit.from_base(self.row.on_purchase_orders)

    @strawberry.field(description="Of the stock, what is kept for a demand.")
    def reserved(self) -> Decimal:
        return self.unit.from_base(self.row.reserved)

    @strawberry.field(
        description="Inventory + purchase orders - sales orders; with a location also transfers. Over all "
        "dates: by variant "
        "Business Central shows none."
    )
    def projected_available_balance(self) -> Decimal:
        return self.unit.from_base(self.row.projected)


@seen_by(EVERY_ROLE)
@strawberry.type(description="The one number of the native integration, and CRM's copy of it. In the base unit.")
class NativeQuantity:
    calculated: strawberry.Private[Calculated]

    @strawberry.field(
        description="Inventory over all locations and variants, at least 0: what the native integration would "
        "copy to CRM now."
    )
    def quantity_on_hand(self) -> Decimal | None:
        return show_figure(self.calculated.figures.native_quantity)

    def _product(self) -> Row | None:
        return show_figure(self.calculated.product) if self.calculated.product is not None else None

    def _modified_at(self) -> datetime | None:
        product = self._product()
        return None if product is None else show_figure(column_of(product, "modifiedon", values.instant))

    @strawberry.field(
        description="What CRM holds in `product.quantityonhand`: a copy. Null while the item is not coupled."
    )
    def crm_quantity_on_hand(self) -> Decimal | None:
        product = self._product()
        return None if product is None else show_figure(column_of(product, "quantityonhand", values.decimal))

    @strawberry.field(
        description="When CRM's product was last changed. Its quantity is a copy at least as old, unless "
        "something else changed."
    )
    def crm_modified_at(self) -> datetime | None:
        return self._modified_at()

    @strawberry.field(description="How many minutes ago that was.")
    def crm_age_minutes(self) -> int | None:
        modified = self._modified_at()
        return None if modified is None else int((self.calculated.read_at - modified).total_seconds() // 60)

    @strawberry.field(
        description="Business Central's number less CRM's: 0 when the copy is right. Null unless both are there."
    )
    def difference(self) -> Decimal | None:
        product = self._product()
        copied = None if product is None else column_of(product, "quantityonhand", values.decimal)
        native = self.calculated.figures.native_quantity
        return native - copied if isinstance(native, Decimal) and isinstance(copied, Decimal) else None
