"""SalesOrder: an order in Business Central."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import ByKey
from gateway.reading.row import Row
from gateway.reading.sources import SALES_ORDERS
from schema.fields import column, global_id, link, row_type
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.customer import Customer


@strawberry.enum(description="Where an order stands in Business Central.")
class SalesOrderStatus(Enum):
    DRAFT = strawberry.enum_value("DRAFT", description="Open for changes.")
    IN_REVIEW = strawberry.enum_value("IN_REVIEW", description="Waiting for approval.")
    OPEN = strawberry.enum_value("OPEN", description="Released, or waiting for a prepayment.")


STATUSES = {
    "Draft": SalesOrderStatus.DRAFT,
    "In_x0020_Review": SalesOrderStatus.IN_REVIEW,
    "Open": SalesOrderStatus.OPEN,
}


@row_type(SALES_ORDERS, description="A sales order of Business Central.")
class SalesOrder(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    system_id: UUID | None = column("id", convert=values.guid, description="Business Central SystemId.")
    number: str | None = column("number", description="Order number.")
    external_document_number: str | None = column("externalDocumentNumber", description="The customer's own number.")
    status: SalesOrderStatus | None = column(
        "status", convert=values.choice(STATUSES), description="Draft, in review or released."
    )
    order_date: date | None = column("orderDate", convert=values.calendar_date, description="When it was ordered.")
    requested_delivery_date: date | None = column(
        "requestedDeliveryDate", convert=values.calendar_date, description="When the customer wants it."
    )
    currency_code: str | None = column("currencyCode", description="The currency of its amounts.")
    total_amount_excluding_tax: Decimal | None = column(
        "totalAmountExcludingTax", convert=values.decimal, description="Total without tax, in the order's currency."
    )
    total_amount_including_tax: Decimal | None = column(
        "totalAmountIncludingTax", convert=values.decimal, description="Total with tax, in the order's currency."
    )
    fully_shipped: bool | None = column(
        "fullyShipped", convert=values.boolean, description="Whether everything has been shipped."
    )
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = link(
        ByKey("customerId", "id"), description="The customer who ordered."
    )
