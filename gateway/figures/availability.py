"""How much of an item is there, and when: the figures of one question about one item, from what was read of it. Pure.

Everything is in the base unit here. A figure is its value, or :class:`Unavailable` with the reason.

Source: Business Central, "Overview of Availability"; the pages Item Availability by Event, Period, Location and Variant.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from gateway.figures.documents import DOCUMENT_SETS
from gateway.figures.movement import Effect, Kind, Movement
from gateway.figures.outlook import NOTHING, Event, Outlook, Reservation
from gateway.figures.picture import Picture, Place, Question, Status
from gateway.figures.splits import LocationFigures, VariantFigures, kept_in_stock
from gateway.figures.unavailable import Figure, Reason, Unavailable, given

_NO_STOCK = {Status.SERVICE: "is a service", Status.NON_INVENTORY: "is a non-inventory item"}


@dataclass(frozen=True)
class Availability:
    """The answer to one question. Names of figures are those of the schema."""

    picture: Picture
    question: Question

    @cached_property
    def _no_stock(self) -> Unavailable | None:
        """Why no figure can be told."""
        status = self.picture.status
        if isinstance(status, Unavailable):
            return status
        said = _NO_STOCK.get(status)
        if said is None:
            return self.picture.unread
        return Unavailable(Reason.NO_SOURCE, f"Item {self.picture.number} {said}: it has no stock.")

    # -- what there is ------------------------------------------------------------------------------------------------

    @cached_property
    def inventory(self) -> Figure:
        """On hand now: all locations and variants, or those asked for."""
        if self._no_stock is not None:
            return self._no_stock
        location = self.question.location
        if self.question.variant is not None:
            return self._of_variant(lambda each: each.inventory)
        if location is None:
            return self.picture.inventory
        return given(self.picture.stock, lambda stock: stock.get(location, NOTHING))

    @cached_property
    def places(self) -> Sequence[Place] | Unavailable:
        """The extension's rows of the variant and location asked for."""
        ask = self.question
        return given(
            self.picture.places,
            lambda rows: [
                row
                for row in rows
                if (ask.location is None or row.location == ask.location)
                and (ask.variant is None or row.variant == ask.variant)
            ],
        )

    def _of_variant(self, figure: Callable[[Place], Decimal]) -> Figure:
        return given(self.places, lambda rows: sum(map(figure, rows), NOTHING))

    @cached_property
    def reservations(self) -> Sequence[Reservation] | Unavailable:
        if self._no_stock is not None:
            return self._no_stock
        ask = self.question
        return given(
            self.picture.reservations,
            lambda entries: [
                each
                for each in entries
                if (ask.location is None or each.location == ask.location)
                and (ask.variant is None or each.variant == ask.variant)
            ],
        )

    @property
    def reserved(self) -> Figure:
        """What of the stock is kept for a demand."""
        return given(self.reservations, kept_in_stock)

    @property
    def available_inventory(self) -> Figure:
        """Inventory less what of it is reserved."""
        inventory = self.inventory
        if isinstance(inventory, Unavailable):
            return inventory
        return given(self.reserved, lambda reserved: inventory - reserved)

    # -- what will be ---------------------------------------------------------------------------------------------------

    def _moved_by(self, sets: Iterable[str]) -> Sequence[Movement] | Unavailable:
        moved: list[Movement] = []
        for name in sets:
            rows = self.picture.documents[name]
            if isinstance(rows, Unavailable):
                return rows
            moved += rows
        return moved

    @cached_property
    def _movements(self) -> Sequence[Movement] | Unavailable:
        return self._moved_by(self.picture.documents)

    @cached_property
    def outlook(self) -> Outlook | Unavailable:
        """The balance over time of what is asked for."""
        if self._no_stock is not None:
            return self._no_stock
        if self.question.variant is not None:
            return Unavailable(
                Reason.NO_SOURCE, "Business Central's Analytics API does not say which variant an order line is for."
            )
        inventory = self.inventory
        if isinstance(inventory, Unavailable):
            return inventory
        return given(self._movements, lambda rows: Outlook.at(inventory, rows, location=self.question.location))

    def on_documents(self, *kinds: Kind) -> Figure:
        """What open documents of these kinds hold, whatever their date; transfers also without a location."""
        ask = self.question
        if self._no_stock is not None:
            return self._no_stock
        if ask.variant is not None:
            if not _PLACE_FIGURES.keys() >= set(kinds):
                return Unavailable(
                    Reason.NO_SOURCE, "The extension's page itemAvailabilities does not tell it by variant."
                )
            figures = [_PLACE_FIGURES[kind] for kind in kinds]
            return self._of_variant(lambda row: sum((getattr(row, figure) for figure in figures), NOTHING))
        wanted = frozenset(kinds)
        sets = [each.name for each in DOCUMENT_SETS if each.kinds & wanted and each.name in self.picture.documents]
        return given(
            self._moved_by(sets),
            lambda rows: sum(
                (each.quantity for each in rows if each.kind in kinds and ask.location in (None, each.location)),
                NOTHING,
            ),
        )

    def by_day(self, figure: Callable[[Outlook, date], Decimal]) -> Figure:
        """A figure of the outlook by the day asked for."""
        return given(self.outlook, lambda outlook: figure(outlook, self.question.on))

    @property
    def available_to_promise(self) -> Figure:
        ask, outlook = self.question, self.outlook
        if isinstance(outlook, Unavailable):
            return outlook

        def promise(entries: Sequence[Reservation]) -> Decimal:
            kept = entries if ask.location is not None else _over_all_locations(entries)
            return outlook.available_to_promise(ask.on, look_ahead=ask.look_ahead, reserved=kept)

        return given(self.reservations, promise)

    @property
    def overdue_receipt(self) -> Figure:
        """Of the scheduled receipts, those that should have arrived before today."""
        yesterday = self.question.today - timedelta(days=1)
        return given(self.outlook, lambda outlook: outlook.scheduled_receipt(yesterday))

    @property
    def is_sufficient(self) -> bool | Unavailable | None:
        """Whether the quantity asked for can leave on the day asked for; None when none was asked for.

        Of a variant only what needs no dates can be told: yes, when stock covers it beside every open demand.
        """
        ask = self.question
        if ask.quantity is None:
            return None
        if self._no_stock is not None:
            return self._no_stock
        if self.picture.is_blocked:
            return False
        if ask.variant is not None:
            return self._variant_is_sufficient(ask.quantity)
        quantity = ask.quantity
        return given(
            self.outlook,
            lambda outlook: outlook.is_sufficient(quantity, on=ask.leaving, look_ahead=ask.look_ahead),
        )

    def _variant_is_sufficient(self, quantity: Decimal) -> bool | Unavailable:
        """Demand of other kinds shows no variant either: all of the item's may be for this one."""
        movements, location = self._movements, self.question.location
        if isinstance(movements, Unavailable):
            return movements
        other = sum(
            (
                each.quantity
                for each in movements
                if each.effect is Effect.REQUIREMENT
                and each.kind not in _PLACE_FIGURES
                and location in (None, each.location)
            ),
            NOTHING,
        )

        def decide(rows: Sequence[Place]) -> bool | Unavailable:
            promised = sum((row.on_sales_orders for row in rows), other)
            if self.question.location is not None:
                promised += sum((row.on_transfer_shipments for row in rows), NOTHING)
            if sum((row.inventory for row in rows), NOTHING) - promised >= quantity:
                return True
            return Unavailable(
                Reason.NO_SOURCE,
                "Stock does not cover it beside what is on order, and when supply of a variant arrives has no source.",
            )

        return given(self.places, decide)

    @property
    def earliest(self) -> date | Unavailable | None:
        """The first day from today on which the quantity can leave; None when none was asked for or no known supply brings it."""
        ask = self.question
        if ask.quantity is None or self.picture.is_blocked:
            return None
        quantity = ask.quantity
        return given(
            self.outlook, lambda outlook: outlook.earliest(quantity, today=ask.today, look_ahead=ask.look_ahead)
        )

    @property
    def events(self) -> Sequence[Event] | Unavailable:
        return given(self.outlook, lambda outlook: list(outlook.events()))

    @property
    def next_receipt(self) -> Event | Unavailable | None:
        """The next supply from today on; None when none is known."""
        today = self.question.today
        return given(
            self.events,
            lambda events: next((each for each in events if each.quantity > 0 and each.on >= today), None),
        )

    # -- split ----------------------------------------------------------------------------------------------------------

    @cached_property
    def by_location(self) -> Sequence[LocationFigures] | Unavailable:
        """Every location with stock or movements, by code; without those that goods are only booked to while on their way."""
        if self._no_stock is not None:
            return self._no_stock
        if self.question.variant is not None:
            return given(self.outlook, lambda _: [])
        wanted = self.question.location
        return given(self._locations, lambda found: [each for each in found if wanted in (None, each.code)])

    @cached_property
    def _locations(self) -> Sequence[LocationFigures] | Unavailable:
        stock, movements = self.picture.stock, self._movements
        if isinstance(stock, Unavailable):
            return stock
        if isinstance(movements, Unavailable):
            return movements
        codes = (stock.keys() | {each.location for each in movements}) - self.picture.transit_codes
        return [self._at(code, stock.get(code, NOTHING), movements) for code in sorted(codes)]

    def _at(self, code: str, stock: Decimal, movements: Sequence[Movement]) -> LocationFigures:
        here = given(self.picture.reservations, lambda entries: [each for each in entries if each.location == code])
        outlook = Outlook.at(stock, movements, location=code)
        return LocationFigures(code, outlook, self.question, here, blocked=self.picture.is_blocked)

    @property
    def alternatives(self) -> Sequence[LocationFigures] | Unavailable:
        """Other locations where the quantity can leave on that day, the fullest first; empty unless both are asked for."""
        ask = self.question
        if self._no_stock is not None:
            return self._no_stock
        if ask.location is None or ask.quantity is None or self.picture.is_blocked:
            return []
        if ask.variant is not None:
            return given(self.outlook, lambda _: [])

        def choose(locations: Sequence[LocationFigures]) -> Sequence[LocationFigures]:
            others = (each for each in locations if each.code != ask.location and each.is_sufficient)
            return sorted(others, key=lambda each: -each.projected)

        return given(self._locations, choose)

    @property
    def by_variant(self) -> Sequence[VariantFigures] | Unavailable:
        """Every variant that has a row, the item without one included, by code."""
        if self._no_stock is not None:
            return self._no_stock

        def split(rows: Sequence[Place]) -> Sequence[VariantFigures]:
            grouped: dict[str, list[Place]] = defaultdict(list)
            for row in rows:
                grouped[row.variant].append(row)
            return [self._variant(code, grouped[code]) for code in sorted(grouped)]

        return given(self.places, split)

    def _variant(self, code: str, rows: Sequence[Place]) -> VariantFigures:
        inventory = sum((row.inventory for row in rows), NOTHING)
        sales = sum((row.on_sales_orders for row in rows), NOTHING)
        purchases = sum((row.on_purchase_orders for row in rows), NOTHING)
        moved = NOTHING
        if self.question.location is not None:
            moved = sum(
                (row.in_transit + row.on_transfer_receipts - row.on_transfer_shipments for row in rows), NOTHING
            )
        reserved = sum((row.reserved for row in rows), NOTHING)
        return VariantFigures(code, inventory, sales, purchases, reserved, inventory + purchases + moved - sales)

    # -- what the native integration would say ----------------------------------------------------------------------------

    @property
    def native_quantity(self) -> Figure:
        """All locations and variants, never below 0: the number that is copied to ``product.quantityonhand``.

        Source: Business Central, "Synchronizing item availability"; mapping ITEM-PRODUCT, Inventory to quantityonhand.
        """
        if self._no_stock is not None:
            return self._no_stock
        return given(self.picture.inventory, lambda inventory: max(inventory, NOTHING))


_PLACE_FIGURES = {
    Kind.SALES_ORDER: "on_sales_orders",
    Kind.PURCHASE_ORDER: "on_purchase_orders",
    Kind.IN_TRANSIT: "in_transit",
    Kind.TRANSFER_RECEIPT: "on_transfer_receipts",
    Kind.TRANSFER_SHIPMENT: "on_transfer_shipments",
}


def _over_all_locations(entries: Sequence[Reservation]) -> list[Reservation]:
    """As reservations look where transfers do not count: what a transfer brings is stock already, what it takes is not gone."""
    return [replace(each, from_stock=each.from_stock or each.by_transfer) for each in entries if not each.for_transfer]
