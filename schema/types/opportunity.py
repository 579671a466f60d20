"""Opportunity: a chance of a sale, in CRM."""

from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import ByKey
from gateway.reading.row import Row
from gateway.reading.sources import IN_TRANSACTION_CURRENCY, OPPORTUNITIES
from schema.fields import amount, column, global_id, link, row_type
from schema.money import Money
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.account import Account
    from schema.types.system_user import SystemUser


@strawberry.enum(description="Whether an opportunity is still open.")
class OpportunityState(Enum):
    OPEN = strawberry.enum_value("OPEN", description="Still open.")
    WON = strawberry.enum_value("WON", description="Won.")
    LOST = strawberry.enum_value("LOST", description="Lost.")


STATES = {0: OpportunityState.OPEN, 1: OpportunityState.WON, 2: OpportunityState.LOST}


@row_type(OPPORTUNITIES, description="An opportunity of CRM.")
class Opportunity(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    opportunity_id: UUID | None = column("opportunityid", convert=values.guid, description="Primary key in Dataverse.")
    name: str | None = column("name", description="Topic.")
    estimated_value: Money | None = amount(
        "estimatedvalue", currency=IN_TRANSACTION_CURRENCY, description="Estimated revenue."
    )
    estimated_close_date: date | None = column(
        "estimatedclosedate", convert=values.calendar_date, description="When it is expected to be closed."
    )
    state_code: OpportunityState | None = column(
        "statecode", convert=values.choice(STATES), description="Open, won or lost."
    )
    owner: Annotated["SystemUser", strawberry.lazy("schema.types.system_user")] | None = link(
        ByKey("_owninguser_value", "systemuserid"), description="The user who owns it; null when a team owns it."
    )
    account: Annotated["Account", strawberry.lazy("schema.types.account")] | None = link(
        ByKey("_customerid_value", "accountid"), description="The account it is with; null when it is with a contact."
    )
