"""Item: the Business Central item; its CRM side hangs on ``product``."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.answers.availability import Arguments
from gateway.reading import values
from gateway.reading.need import Coupled, CouplingOf, Expanded
from gateway.reading.row import Row
from gateway.reading.sources import IN_LOCAL_CURRENCY, ITEM_VARIANTS, ITEMS
from schema.context import Context
from schema.fields import EVERY_ROLE, amount, column, declared, global_id, link, row_type
from schema.money import Money
from schema.types.availability import (
    Availability,
    InLocation,
    InUnit,
    OfVariant,
    OnDay,
    Wanted,
    availability_of,
)
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.coupling import Coupling
    from schema.types.product import Product


@strawberry.enum(description="What kind of thing an item is.")
class ItemType(Enum):
    INVENTORY = strawberry.enum_value("INVENTORY", description="Kept in stock.")
    SERVICE = strawberry.enum_value("SERVICE", description="A service: has no stock.")
    NON_INVENTORY = strawberry.enum_value("NON_INVENTORY", description="A thing whose stock is not kept.")


ITEM_TYPES = {
    "Inventory": ItemType.INVENTORY,
    "Service": ItemType.SERVICE,
    "Non_x002D_Inventory": ItemType.NON_INVENTORY,
}


@row_type(ITEM_VARIANTS, description="A variant of an item, such as a colour.")
class ItemVariant:
    row: strawberry.Private[Row]

    code: str | None = column("code", access=EVERY_ROLE, description="Variant code.")
    description: str | None = column("description", access=EVERY_ROLE, description="What the variant is.")


@row_type(ITEMS, description="An item of Business Central, with its product in CRM through the coupling.")
class Item(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id(access=EVERY_ROLE)
    system_id: UUID | None = column(
        "id", convert=values.guid, access=EVERY_ROLE, description="Business Central SystemId."
    )
    number: str | None = column("number", access=EVERY_ROLE, description="Item number.")
    display_name: str | None = column("displayName", access=EVERY_ROLE, description="Description.")
    display_name2: str | None = column("displayName2", access=EVERY_ROLE, description="Second description.")
    type: ItemType | None = column(
        "type", convert=values.choice(ITEM_TYPES), access=EVERY_ROLE, description="Inventory, service or non-inventory."
    )
    blocked: bool | None = column(
        "blocked", convert=values.boolean, access=EVERY_ROLE, description="Whether it is blocked for transactions."
    )
    gtin: str | None = column("gtin", access=EVERY_ROLE, description="Global trade item number.")
    item_category_code: str | None = column("itemCategoryCode", access=EVERY_ROLE, description="Item category.")
    base_unit_of_measure_code: str | None = column(
        "baseUnitOfMeasureCode", access=EVERY_ROLE, description="The unit that quantities are in."
    )
    inventory: Decimal | None = column(
        "inventory",
        convert=values.decimal,
        access=EVERY_ROLE,
        description="On hand over all locations, in the base unit; can be negative. A service has no stock and "
        "shows 0 here.",
    )
    unit_price: Money | None = amount(
        "unitPrice", currency=IN_LOCAL_CURRENCY, description="List price of one base unit, in local currency."
    )
    unit_cost: Money | None = amount(
        "unitCost", currency=IN_LOCAL_CURRENCY, description="Cost of one base unit, in local currency."
    )
    price_includes_tax: bool | None = column(
        "priceIncludesTax", convert=values.boolean, description="Whether the list price includes tax."
    )
    last_modified_at: datetime | None = column(
        "lastModifiedDateTime", convert=values.instant, description="Last change in Business Central."
    )
    variants: list[ItemVariant] | None = link(
        Expanded("itemVariants"), access=EVERY_ROLE, description="The item's variants; empty when it has none."
    )

    @strawberry.field(
        description="How much of it there is, when and where.", metadata=declared(EVERY_ROLE, figures=True)
    )
    def availability(
        self,
        info: Info[Context, Any],
        location: InLocation = None,
        variant: OfVariant = None,
        on: OnDay = None,
        quantity: Wanted = None,
        unit_of_measure: InUnit = None,
    ) -> Availability | None:
        arguments = Arguments(location, variant, on, quantity, unit_of_measure)
        return availability_of(self.row, f"{self.row.scope}{info.path.key}/", arguments, info)

    product: Annotated["Product", strawberry.lazy("schema.types.product")] | None = link(
        Coupled("ITEM"), description="The coupled product in CRM; null while the item is not coupled."
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("ITEM"), description="The coupling to the product; null while there is none."
    )
