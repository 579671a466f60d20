"""Product: the row in CRM; its Business Central side hangs on ``item``."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import Coupled, CouplingOf, CouplingsOf, Expanded
from gateway.reading.row import Row
from gateway.reading.sources import IN_TRANSACTION_CURRENCY, PRODUCTS, UNITS
from schema.fields import amount, column, global_id, link, row_type
from schema.money import Money
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.coupling import Coupling
    from schema.types.item import Item


@strawberry.enum(description="Where a product stands in its life in CRM.")
class ProductState(Enum):
    ACTIVE = strawberry.enum_value("ACTIVE", description="May be sold.")
    RETIRED = strawberry.enum_value("RETIRED", description="No longer sold.")
    DRAFT = strawberry.enum_value("DRAFT", description="Not published yet.")
    UNDER_REVISION = strawberry.enum_value("UNDER_REVISION", description="Being changed.")


STATES = {
    0: ProductState.ACTIVE,
    1: ProductState.RETIRED,
    2: ProductState.DRAFT,
    3: ProductState.UNDER_REVISION,
}


@row_type(UNITS, description="A unit of CRM.")
class Unit:
    row: strawberry.Private[Row]

    unit_id: UUID | None = column("uomid", convert=values.guid, description="Primary key in Dataverse.")
    name: str | None = column("name", description="Name.")


@row_type(PRODUCTS, description="A product of CRM, with its item in Business Central through the coupling.")
class Product(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    product_id: UUID | None = column("productid", convert=values.guid, description="Primary key in Dataverse.")
    name: str | None = column("name", description="Name.")
    product_number: str | None = column("productnumber", description="Product number.")
    description: str | None = column("description", description="Description.")
    price: Money | None = amount("price", currency=IN_TRANSACTION_CURRENCY, description="List price as CRM holds it.")
    quantity_on_hand: Decimal | None = column(
        "quantityonhand",
        convert=values.decimal,
        description="Stock as CRM holds it: a copy of Business Central's figure, as old as the last stock job.",
    )
    state_code: ProductState | None = column(
        "statecode", convert=values.choice(STATES), description="Active, retired, draft or under revision."
    )
    modified_at: datetime | None = column("modifiedon", convert=values.instant, description="Last change in CRM.")
    default_unit: Unit | None = link(Expanded("defaultuomid"), description="The unit it is sold in by default.")
    item: Annotated["Item", strawberry.lazy("schema.types.item")] | None = link(
        Coupled("ITEM"), description="The coupled item in Business Central; null while not coupled."
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("ITEM"), description="The coupling to the item; null while there is none."
    )
    couplings: list[Annotated["Coupling", strawberry.lazy("schema.types.coupling")]] | None = link(
        CouplingsOf("ITEM"),
        description="Its couplings in all companies, each with its `companyId`; empty while there is none.",
    )
