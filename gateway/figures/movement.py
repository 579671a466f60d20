"""What will move an item's stock: one dated quantity for each open document line, and what each kind of it counts as. Pure.

Source: Business Central, table Item, its flow fields; "Overview of Availability": gross requirement, scheduled receipt,
planned receipt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Which document moves the stock."""

    SALES_ORDER = "SALES_ORDER"
    SALES_RETURN = "SALES_RETURN"
    PURCHASE_ORDER = "PURCHASE_ORDER"
    PURCHASE_RETURN = "PURCHASE_RETURN"
    TRANSFER_SHIPMENT = "TRANSFER_SHIPMENT"
    TRANSFER_RECEIPT = "TRANSFER_RECEIPT"
    IN_TRANSIT = "IN_TRANSIT"
    ASSEMBLY_ORDER = "ASSEMBLY_ORDER"
    ASSEMBLY_COMPONENT = "ASSEMBLY_COMPONENT"
    PRODUCTION_ORDER = "PRODUCTION_ORDER"
    PRODUCTION_COMPONENT = "PRODUCTION_COMPONENT"
    PROJECT = "PROJECT"
    SERVICE_ORDER = "SERVICE_ORDER"
    PLANNED_PRODUCTION = "PLANNED_PRODUCTION"
    PLANNED_PURCHASE = "PLANNED_PURCHASE"
    PLANNED_TRANSFER = "PLANNED_TRANSFER"
    PLANNING_COMPONENT = "PLANNING_COMPONENT"


class Effect(StrEnum):
    """What a movement counts as. A planned requirement counts in available to promise only."""

    REQUIREMENT = "REQUIREMENT"
    RECEIPT = "RECEIPT"
    PLANNED_RECEIPT = "PLANNED_RECEIPT"
    PLANNED_REQUIREMENT = "PLANNED_REQUIREMENT"


EFFECTS: Final[Mapping[Kind, Effect]] = {
    Kind.SALES_ORDER: Effect.REQUIREMENT,
    Kind.PURCHASE_RETURN: Effect.REQUIREMENT,
    Kind.TRANSFER_SHIPMENT: Effect.REQUIREMENT,
    Kind.ASSEMBLY_COMPONENT: Effect.REQUIREMENT,
    Kind.PRODUCTION_COMPONENT: Effect.REQUIREMENT,
    Kind.PROJECT: Effect.REQUIREMENT,
    Kind.SERVICE_ORDER: Effect.REQUIREMENT,
    Kind.PLANNING_COMPONENT: Effect.REQUIREMENT,
    Kind.SALES_RETURN: Effect.RECEIPT,
    Kind.PURCHASE_ORDER: Effect.RECEIPT,
    Kind.TRANSFER_RECEIPT: Effect.RECEIPT,
    Kind.IN_TRANSIT: Effect.RECEIPT,
    Kind.ASSEMBLY_ORDER: Effect.RECEIPT,
    Kind.PRODUCTION_ORDER: Effect.RECEIPT,
    Kind.PLANNED_PRODUCTION: Effect.PLANNED_RECEIPT,
    Kind.PLANNED_PURCHASE: Effect.PLANNED_RECEIPT,
    Kind.PLANNED_TRANSFER: Effect.PLANNED_REQUIREMENT,
}

TRANSFERS: Final = frozenset({Kind.TRANSFER_SHIPMENT, Kind.TRANSFER_RECEIPT, Kind.IN_TRANSIT, Kind.PLANNED_TRANSFER})
"""They count only where a location is asked for: over all locations what leaves one arrives at another.

Source: Business Central, "Overview of Availability"; the pages of item availability.
"""

_SIGNS: Final[Mapping[Effect, int]] = {
    Effect.REQUIREMENT: -1,
    Effect.RECEIPT: 1,
    Effect.PLANNED_RECEIPT: 1,
    Effect.PLANNED_REQUIREMENT: 0,
}


@dataclass(frozen=True, slots=True)
class Movement:
    """So much of an item at a location on a day.

    ``quantity`` is in the base unit and never negative for an ordinary line; the kind says in which direction it goes. A line
    without a date counts from the beginning of time (``date.min``). ``released`` is when planned supply has to be ordered or
    started.
    """

    kind: Kind
    on: date
    quantity: Decimal
    location: str = ""
    document: str | None = None
    released: date | None = None

    @property
    def effect(self) -> Effect:
        return EFFECTS[self.kind]

    @property
    def change(self) -> Decimal:
        """What it does to the projected balance."""
        return _SIGNS[self.effect] * self.quantity
