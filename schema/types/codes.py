"""Small code tables of Business Central that other types refer to."""

import strawberry

from gateway.reading.row import Row
from gateway.reading.sources import PAYMENT_TERMS, SHIPMENT_METHODS
from schema.fields import column, row_type


@row_type(PAYMENT_TERMS, description="When and how invoices are to be paid.")
class PaymentTerms:
    row: strawberry.Private[Row]

    code: str | None = column("code", description="Code.")
    display_name: str | None = column("displayName", description="Description.")
    due_date_calculation: str | None = column("dueDateCalculation", description="Date formula for the due date.")


@row_type(SHIPMENT_METHODS, description="How goods are sent.")
class ShipmentMethod:
    row: strawberry.Private[Row]

    code: str | None = column("code", description="Code.")
    display_name: str | None = column("displayName", description="Description.")
