"""Coupling: one row of truth about a pair of records."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from gateway.reading import values
from gateway.reading.need import ByKey
from gateway.reading.row import Row
from gateway.reading.sources import COUPLINGS
from schema.enums import Mapping, Result
from schema.fields import column, global_id, link, row_type
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.account import Account
    from schema.types.customer import Customer
    from schema.types.item import Item
    from schema.types.opportunity import Opportunity
    from schema.types.product import Product
    from schema.types.salesperson import Salesperson
    from schema.types.system_user import SystemUser


def _behind(mapping: Mapping, column_name: str, target: str) -> ByKey:
    return ByKey(column_name, target, when=("mapping", mapping))


@row_type(COUPLINGS, description="A pair: a Business Central record and a Dataverse row that are the same thing.")
class Coupling(Node):
    row: strawberry.Private[Row]

    id: strawberry.ID = global_id()
    mapping: Mapping | None = column("mapping", convert=values.choice(dict(Mapping.__members__)), description="Tables.")
    company_id: UUID | None = column(
        "company_id", convert=values.guid, description="The Business Central company the coupling holds in."
    )
    business_central_id: UUID | None = column(
        "bc_id", convert=values.guid, description="SystemId of the Business Central record."
    )
    dataverse_id: UUID | None = column("crm_id", convert=values.guid, description="Primary key of the Dataverse row.")
    business_central_key: str | None = column(
        "bc_key", description="Number or code of the Business Central record, as last seen."
    )
    dataverse_key: str | None = column(
        "crm_key", description="Account number, product number or e-mail of the Dataverse row, as last seen."
    )
    last_synchronized_at: datetime | None = column(
        "last_synchronized_at", convert=values.instant, description="When it was last synchronized; null if never."
    )
    business_central_modified_at: datetime | None = column(
        "bc_modified_at",
        convert=values.instant,
        description="When the Business Central record had last changed, as of the last synchronization.",
    )
    dataverse_modified_at: datetime | None = column(
        "crm_modified_at",
        convert=values.instant,
        description="When the Dataverse row had last changed, as of the last synchronization.",
    )
    last_result_to_business_central: Result | None = column(
        "last_result_to_bc",
        convert=values.choice(dict(Result.__members__)),
        description="How the last synchronization to Business Central ended.",
    )
    last_result_to_dataverse: Result | None = column(
        "last_result_to_crm",
        convert=values.choice(dict(Result.__members__)),
        description="How the last synchronization to Dataverse ended.",
    )
    skipped: bool | None = column(
        "skipped", convert=values.boolean, description="Left out of synchronization until somebody retries it."
    )
    error_code: str | None = column("error_code", description="Code of the last error; null after a success.")
    error_message: str | None = column("error_message", description="The last error in words.")
    created_at: datetime | None = column(
        "created_at", convert=values.instant, description="When the records were coupled."
    )
    created_by: str | None = column("created_by", description="Who coupled them.")
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = link(
        _behind(Mapping.CUSTOMER, "bc_id", "id"), description="The customer; null for other mappings, or if deleted."
    )
    account: Annotated["Account", strawberry.lazy("schema.types.account")] | None = link(
        _behind(Mapping.CUSTOMER, "crm_id", "accountid"),
        description="The account; null for other mappings, or if deleted.",
    )
    item: Annotated["Item", strawberry.lazy("schema.types.item")] | None = link(
        _behind(Mapping.ITEM, "bc_id", "id"), description="The item; null for other mappings, or if deleted."
    )
    product: Annotated["Product", strawberry.lazy("schema.types.product")] | None = link(
        _behind(Mapping.ITEM, "crm_id", "productid"), description="The product; null for other mappings, or if deleted."
    )
    salesperson: Annotated["Salesperson", strawberry.lazy("schema.types.salesperson")] | None = link(
        _behind(Mapping.SALESPERSON, "bc_id", "id"),
        description="The salesperson; null for other mappings, or if deleted.",
    )
    user: Annotated["SystemUser", strawberry.lazy("schema.types.system_user")] | None = link(
        _behind(Mapping.SALESPERSON, "crm_id", "systemuserid"),
        description="The CRM user; null for other mappings, or if deleted.",
    )
    opportunity: Annotated["Opportunity", strawberry.lazy("schema.types.opportunity")] | None = link(
        _behind(Mapping.OPPORTUNITY, "crm_id", "opportunityid"),
        description="The opportunity in CRM; null for other mappings, or if deleted.",
    )
