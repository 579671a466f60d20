"""Vendor: the Business Central vendor; its CRM side hangs on ``account``."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import Coupled, CouplingOf
from gateway.reading.row import Row
from gateway.reading.sources import IN_LOCAL_CURRENCY, VENDORS
from schema.fields import amount, column, global_id, link, row_type
from schema.money import Money
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.account import Account
    from schema.types.coupling import Coupling


@strawberry.enum(description="What a vendor is blocked for in Business Central.")
class VendorBlocked(Enum):
    NONE = strawberry.enum_value("NONE", description="Not blocked.")
    PAYMENT = strawberry.enum_value("PAYMENT", description="No payments.")
    ALL = strawberry.enum_value("ALL", description="No transactions at all.")


BLOCKED = {"Payment": VendorBlocked.PAYMENT, "All": VendorBlocked.ALL}


@row_type(VENDORS, description="A vendor of Business Central, with its account in CRM through the coupling.")
class Vendor(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    system_id: UUID | None = column("id", convert=values.guid, description="Business Central SystemId.")
    number: str | None = column("number", description="Vendor number.")
    display_name: str | None = column("displayName", description="Name.")
    address_line1: str | None = column("addressLine1", description="Street and house number.")
    address_line2: str | None = column("addressLine2", description="Second address line.")
    postal_code: str | None = column("postalCode", description="Postal code.")
    city: str | None = column("city", description="City.")
    state: str | None = column("state", description="State, province or county.")
    country: str | None = column("country", description="Country or region code.")
    phone_number: str | None = column("phoneNumber", description="Telephone number.")
    email: str | None = column("email", description="E-mail address.")
    website: str | None = column("website", description="Home page.")
    tax_registration_number: str | None = column("taxRegistrationNumber", description="VAT registration number.")
    currency_code: str | None = column("currencyCode", description="Currency the vendor bills in.")
    blocked: VendorBlocked | None = column(
        "blocked", convert=values.choice(BLOCKED), empty=VendorBlocked.NONE, description="What it is blocked for."
    )
    balance: Money | None = amount(
        "balance", currency=IN_LOCAL_CURRENCY, description="What is owed to the vendor, in local currency."
    )
    last_modified_at: datetime | None = column(
        "lastModifiedDateTime", convert=values.instant, description="Last change in Business Central."
    )
    account: Annotated["Account", strawberry.lazy("schema.types.account")] | None = link(
        Coupled("VENDOR"), description="The coupled account in CRM; null while the vendor is not coupled."
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("VENDOR"), description="The coupling to the account; null while there is none."
    )
