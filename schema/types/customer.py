"""Customer: the Business Central customer; its CRM side hangs on ``account``."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.reading import values
from gateway.reading.need import ByKey, Coupled, CouplingOf, Expanded, Many
from gateway.reading.row import Row
from gateway.reading.sources import CUSTOMERS, IN_LOCAL_CURRENCY
from schema.access import needs
from schema.connection import Connection
from schema.context import Context
from schema.fields import EVERY_ROLE, READERS, amount, column, declared, global_id, link, paged, row_type
from schema.money import Money
from schema.types.codes import PaymentTerms, ShipmentMethod
from schema.types.customer_statistics import AsOf, CustomerStatistics, statistics_in_company
from schema.types.node import Node
from schema.types.statistics_by_company import ConsolidatedStatistics, consolidated

if TYPE_CHECKING:
    from schema.types.account import Account
    from schema.types.coupling import Coupling
    from schema.types.sales_order import SalesOrder
    from schema.types.salesperson import Salesperson


@strawberry.enum(description="What a customer is blocked for in Business Central.")
class CustomerBlocked(Enum):
    NONE = strawberry.enum_value("NONE", description="Not blocked.")
    SHIP = strawberry.enum_value("SHIP", description="No shipments.")
    INVOICE = strawberry.enum_value("INVOICE", description="No shipments and no invoices.")
    ALL = strawberry.enum_value("ALL", description="No transactions at all.")


@strawberry.enum(description="Whether a customer is a company or a person.")
class CustomerType(Enum):
    COMPANY = strawberry.enum_value("COMPANY", description="A company.")
    PERSON = strawberry.enum_value("PERSON", description="A person.")


BLOCKED = {"Ship": CustomerBlocked.SHIP, "Invoice": CustomerBlocked.INVOICE, "All": CustomerBlocked.ALL}
TYPES = {"Company": CustomerType.COMPANY, "Person": CustomerType.PERSON}


@row_type(CUSTOMERS, description="A customer of Business Central, with its account in CRM through the coupling.")
class Customer(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id(access=EVERY_ROLE)
    system_id: UUID | None = column(
        "id", convert=values.guid, access=EVERY_ROLE, description="Business Central SystemId."
    )
    number: str | None = column("number", access=EVERY_ROLE, description="Customer number.")
    display_name: str | None = column("displayName", access=EVERY_ROLE, description="Name.")
    type: CustomerType | None = column("type", convert=values.choice(TYPES), description="Company or person.")
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
    currency_code: str | None = column("currencyCode", description="Currency the customer is billed in.")
    blocked: CustomerBlocked | None = column(
        "blocked", convert=values.choice(BLOCKED), empty=CustomerBlocked.NONE, description="What it is blocked for."
    )
    credit_limit: Money | None = amount(
        "creditLimit",
        currency=IN_LOCAL_CURRENCY,
        description="Credit limit in local currency; 0 means no limit is set.",
    )
    balance_due: Money | None = amount(
        "balanceDue", currency=IN_LOCAL_CURRENCY, description="What the customer owes, in local currency."
    )
    last_modified_at: datetime | None = column(
        "lastModifiedDateTime", convert=values.instant, description="Last change in Business Central."
    )
    payment_terms: PaymentTerms | None = link(Expanded("paymentTerm"), description="Payment terms.")
    shipment_method: ShipmentMethod | None = link(Expanded("shipmentMethod"), description="Shipment method.")
    salesperson: Annotated["Salesperson", strawberry.lazy("schema.types.salesperson")] | None = link(
        ByKey("salespersonCode", "code"), description="The salesperson responsible."
    )

    @strawberry.field(
        description="What the customer owes and buys; with `company` that of the customer another company has "
        "coupled to the same "
        "account, null when it has none.",
        metadata=declared(EVERY_ROLE, figures=True),
    )
    def statistics(
        self,
        info: Info[Context, Any],
        as_of: AsOf = None,
        company: Annotated[
            UUID | None,
            strawberry.argument(
                description="SystemId of another company; this one by default.",
                metadata=needs(READERS),  # it is found through couplings
            ),
        ] = None,
    ) -> CustomerStatistics | None:
        return statistics_in_company(self.row, f"{self.row.scope}{info.path.key}/", company, as_of, info)

    @strawberry.field(
        description="The same in several companies at once, through the coupled account.",
        metadata=declared(READERS, figures=True),
    )
    def statistics_by_company(
        self,
        info: Info[Context, Any],
        companies: Annotated[list[UUID], strawberry.argument(description="SystemIds of up to 20 companies.")],
        as_of: AsOf = None,
    ) -> ConsolidatedStatistics | None:
        return consolidated(self.row, f"{self.row.scope}{info.path.key}/", companies, as_of, info)

    account: Annotated["Account", strawberry.lazy("schema.types.account")] | None = link(
        Coupled("CUSTOMER"), description="The coupled account in CRM; null while the customer is not coupled."
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("CUSTOMER"), description="The coupling to the account; null while there is none."
    )
    sales_orders: Connection[Annotated["SalesOrder", strawberry.lazy("schema.types.sales_order")]] | None = paged(
        Many("id", "customerId"), description="Sales orders, by number."
    )
