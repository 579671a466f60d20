"""Account: the row in CRM; its Business Central side hangs on ``customer``."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.reading import values
from gateway.reading.need import Coupled, CouplingOf, CouplingsOf, Expanded, Many
from gateway.reading.row import Row
from gateway.reading.sources import ACCOUNTS, CONTACTS, IN_TRANSACTION_CURRENCY, TEAMS
from schema.connection import Connection
from schema.context import Context
from schema.fields import READERS, amount, column, declared, global_id, link, paged, row_type
from schema.money import Money
from schema.types.node import Node
from schema.types.open_opportunities import OpenOpportunities, open_opportunities

if TYPE_CHECKING:
    from schema.types.coupling import Coupling
    from schema.types.customer import Customer
    from schema.types.opportunity import Opportunity
    from schema.types.system_user import SystemUser
    from schema.types.vendor import Vendor


@strawberry.enum(description="Whether a row of CRM is in use.")
class AccountState(Enum):
    ACTIVE = strawberry.enum_value("ACTIVE", description="In use.")
    INACTIVE = strawberry.enum_value("INACTIVE", description="Deactivated.")


STATES = {0: AccountState.ACTIVE, 1: AccountState.INACTIVE}


@row_type(TEAMS, description="A team of CRM that owns rows.")
class Team:
    row: strawberry.Private[Row]

    team_id: UUID | None = column("teamid", convert=values.guid, description="Primary key in Dataverse.")
    name: str | None = column("name", description="Name.")


@row_type(CONTACTS, description="A contact of CRM.")
class Contact(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    contact_id: UUID | None = column("contactid", convert=values.guid, description="Primary key in Dataverse.")
    full_name: str | None = column("fullname", description="Full name.")
    job_title: str | None = column("jobtitle", description="Job title.")
    email: str | None = column("emailaddress1", description="E-mail address.")
    phone_number: str | None = column("telephone1", description="Business telephone number.")
    mobile_phone_number: str | None = column("mobilephone", description="Mobile telephone number.")


@row_type(
    ACCOUNTS, description="An account of CRM, with its customer or vendor in Business Central through the coupling."
)
class Account(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    account_id: UUID | None = column("accountid", convert=values.guid, description="Primary key in Dataverse.")
    name: str | None = column("name", description="Name.")
    account_number: str | None = column("accountnumber", description="Account number.")
    email: str | None = column("emailaddress1", description="E-mail address.")
    phone_number: str | None = column("telephone1", description="Main telephone number.")
    website: str | None = column("websiteurl", description="Home page.")
    address_line1: str | None = column("address1_line1", description="Street and house number.")
    postal_code: str | None = column("address1_postalcode", description="Postal code.")
    city: str | None = column("address1_city", description="City.")
    country: str | None = column("address1_country", description="Country, as text.")
    credit_limit: Money | None = amount(
        "creditlimit", currency=IN_TRANSACTION_CURRENCY, description="The credit limit as CRM holds it."
    )
    credit_on_hold: bool | None = column(
        "creditonhold", convert=values.boolean, description="Whether its credit is on hold in CRM."
    )
    state_code: AccountState | None = column(
        "statecode", convert=values.choice(STATES), description="Active or inactive."
    )
    modified_at: datetime | None = column("modifiedon", convert=values.instant, description="Last change in CRM.")
    owner: Annotated["SystemUser", strawberry.lazy("schema.types.system_user")] | None = link(
        Expanded("owninguser"), description="The user who owns the account; null when a team owns it."
    )
    owning_team: Team | None = link(
        Expanded("owningteam"), description="The team that owns the account; null when a user owns it."
    )
    primary_contact: Contact | None = link(Expanded("primarycontactid"), description="The primary contact.")

    @strawberry.field(
        description="The open opportunities of the account, counted and added up.",
        metadata=declared(READERS, figures=True),
    )
    def open_opportunities(self, info: Info[Context, Any]) -> OpenOpportunities | None:
        return open_opportunities(self.row, f"{self.row.scope}{info.path.key}/")

    opportunities: Connection[Annotated["Opportunity", strawberry.lazy("schema.types.opportunity")]] | None = paged(
        Many("accountid", "_customerid_value"), description="Opportunities of the account, open and closed."
    )
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = link(
        Coupled("CUSTOMER"), description="The coupled customer in Business Central; null while not coupled."
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("CUSTOMER"), description="The coupling to the customer; null while there is none."
    )
    vendor: Annotated["Vendor", strawberry.lazy("schema.types.vendor")] | None = link(
        Coupled("VENDOR"), description="The coupled vendor in Business Central; null while not coupled."
    )
    vendor_coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("VENDOR"), description="The coupling to the vendor; null while there is none."
    )
    couplings: list[Annotated["Coupling", strawberry.lazy("schema.types.coupling")]] | None = link(
        CouplingsOf("CUSTOMER"),
        description="Its couplings to customers in all companies, each with its `companyId`; empty while there is none.",
    )
