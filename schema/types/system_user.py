"""SystemUser: a user of CRM; the Business Central side hangs on ``salesperson``."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import Coupled, CouplingOf, CouplingsOf
from gateway.reading.row import Row
from gateway.reading.sources import SYSTEM_USERS
from schema.fields import column, global_id, link, row_type
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.coupling import Coupling
    from schema.types.salesperson import Salesperson


@row_type(SYSTEM_USERS, description="A user of CRM, with the Business Central salesperson coupled to it.")
class SystemUser(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    user_id: UUID | None = column("systemuserid", convert=values.guid, description="Primary key in Dataverse.")
    full_name: str | None = column("fullname", description="Full name.")
    email: str | None = column("internalemailaddress", description="Primary e-mail address.")
    job_title: str | None = column("jobtitle", description="Job title.")
    mobile_phone_number: str | None = column("mobilephone", description="Mobile telephone number.")
    is_disabled: bool | None = column(
        "isdisabled", convert=values.boolean, description="Whether the user may no longer sign in."
    )
    salesperson: Annotated["Salesperson", strawberry.lazy("schema.types.salesperson")] | None = link(
        Coupled("SALESPERSON"), description="The coupled salesperson in Business Central; null while not coupled."
    )
    coupling: Annotated["Coupling", strawberry.lazy("schema.types.coupling")] | None = link(
        CouplingOf("SALESPERSON"), description="The coupling to the salesperson; null while there is none."
    )
    couplings: list[Annotated["Coupling", strawberry.lazy("schema.types.coupling")]] | None = link(
        CouplingsOf("SALESPERSON"),
        description="Its couplings in all companies, each with its `companyId`; empty while there is none.",
    )
