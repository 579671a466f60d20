"""Salesperson: the Business Central salesperson or purchaser; its CRM side hangs on ``user``."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import Coupled, CouplingOf, Many
from gateway.reading.row import Row
from gateway.reading.sources import SALESPERSONS
from schema.connection import Connection
from schema.fields import column, global_id, link, paged, row_type
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.coupling import Coupling
    from schema.types.customer import Customer
    from schema.types.system_user import SystemUser


@row_type(SALESPERSONS, description="A salesperson or purchaser of Business Central, with the CRM user coupled to it.")
class Salesperson(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    system_id: UUID | None = column("id", convert=values.guid, description="Business Central SystemId.")
    code: str | None = column("code", description="Salesperson code.")
    display_name: str | None = column("displayName", description="Name.")
    email: str | None = column("email", description="E-mail address.")
    phone_number: str | None = column("phoneNo", description="Telephone number.")
    job_title: str | None = column("jobTitle", description="Job title.")
    blocked: bool | None = column("blocked", convert=values.boolean, description="Whether it is blocked.")
    user: Annotated["SystemUser", strawberry.lazy("schema.types.system_user")] | None = link(
        Coupled("SALESPERSON"),
        description="The coupled CRM user; null while not coupled. Records owned by a user who is not coupled do not "
        "synchronize.",
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("SALESPERSON"), description="The coupling to the user; null while there is none."
    )
    customers: Connection[Annotated["Customer", strawberry.lazy("schema.types.customer")]] | None = paged(
        Many("code", "salespersonCode"), description="The customers this salesperson is responsible for, by number."
    )
