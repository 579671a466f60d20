"""The currencies of CRM, which amounts there point to."""

import strawberry

from gateway.reading.row import Row
from schema.fields import column, row_type
from schema.sources import CURRENCIES


@row_type(CURRENCIES, description="A currency of CRM.")
class TransactionCurrency:
    row: strawberry.Private[Row]

    code: str | None = column("isocurrencycode", description="ISO 4217 code.")
    name: str | None = column("currencyname", description="Name.")
