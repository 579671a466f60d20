"""Coupling: one row of truth about a pair of records."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.reading import values
from gateway.reading.need import ByKey
from gateway.reading.row import Failure, Row
from gateway.reading.sight import is_hidden
from gateway.reading.sources import COUPLINGS
from gateway.records import Backend
from gateway.runs.choices import token_of
from schema.context import Context
from schema.coupled_records import (
    BOTH_RECORDS,
    BUSINESS_CENTRAL_RECORD,
    DATAVERSE_RECORD,
    broken_side,
    id_of,
    pairing_of,
    record_of,
    table_of,
    told,
)
from schema.enums import CouplingSide, Mapping, Result
from schema.fields import READERS, column, declared, global_id, link, row_type
from schema.types.coupling_details import CouplingDifference, CouplingEvent
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.account import Account, Contact
    from schema.types.customer import Customer
    from schema.types.item import Item
    from schema.types.opportunity import Opportunity
    from schema.types.product import Product
    from schema.types.salesperson import Salesperson
    from schema.types.system_user import SystemUser
    from schema.types.vendor import Vendor


def _behind(mapping: Mapping, column_name: str, target: str, *others: Mapping) -> ByKey:
    return ByKey(column_name, target, when=("mapping", frozenset({mapping, *others})))


def _columns(value: object) -> list[str]:
    return [str(each) for each in _write(value)["columns"]]


def _written_at(value: object) -> datetime:
    return values.instant(_write(value)["at"])


def _written_by(value: object) -> str:
    return str(_write(value)["by"])


def _write(value: object) -> dict[str, Any]:
    """Raises: TypeError."""
    if not isinstance(value, dict):
        raise TypeError("a write is an object")
    return value


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
    dataverse_id: UUID | None = column(
        "crm_id",
        convert=values.guid,
        description="Primary key of the Dataverse row. Null, as all that is remembered of the row, when it is hidden from you.",
    )
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
    last_job_to_business_central: str | None = column(
        "last_job_to_bc", description="The job that last synchronized it to Business Central."
    )
    last_job_to_dataverse: str | None = column(
        "last_job_to_crm", description="The job that last synchronized it to Dataverse."
    )
    last_written_to_business_central: list[str] | None = column(
        "written_to_bc",
        convert=_columns,
        description="What was last written to Business Central: properties of its record. Null if nothing was.",
    )
    last_written_to_business_central_at: datetime | None = column(
        "written_to_bc", convert=_written_at, description="When that was."
    )
    last_written_to_business_central_by: str | None = column(
        "written_to_bc", convert=_written_by, description="Who asked for it, `webhook` or `schedule`."
    )
    last_written_to_dataverse: list[str] | None = column(
        "written_to_crm",
        convert=_columns,
        description="What was last written to Dataverse: columns of its row. Null if nothing was.",
    )
    last_written_to_dataverse_at: datetime | None = column(
        "written_to_crm", convert=_written_at, description="When that was."
    )
    last_written_to_dataverse_by: str | None = column(
        "written_to_crm", convert=_written_by, description="Who asked for it, `webhook` or `schedule`."
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
    vendor: Annotated["Vendor", strawberry.lazy("schema.types.vendor")] | None = link(
        _behind(Mapping.VENDOR, "bc_id", "id"), description="The vendor; null for other mappings, or if deleted."
    )
    account: Annotated["Account", strawberry.lazy("schema.types.account")] | None = link(
        _behind(Mapping.CUSTOMER, "crm_id", "accountid", Mapping.VENDOR),
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
    crm_contact: Annotated["Contact", strawberry.lazy("schema.types.account")] | None = link(
        _behind(Mapping.CONTACT, "crm_id", "contactid"),
        description="The contact in CRM; null for other mappings, or if deleted.",
    )

    @strawberry.field(
        description="What the record is called in Business Central now; null if it is deleted.",
        metadata=declared(READERS, branches=BUSINESS_CENTRAL_RECORD),
    )
    def business_central_name(self, info: Info[Context, Any]) -> str | None:
        record = told(record_of(info.context.services.tables, self.row, Backend.BUSINESS_CENTRAL))
        return record.name if record is not None else None

    @strawberry.field(
        description="What the row is called in CRM now; null if it is deleted.",
        metadata=declared(READERS, branches=DATAVERSE_RECORD),
    )
    def dataverse_name(self, info: Info[Context, Any]) -> str | None:
        record = told(record_of(info.context.services.tables, self.row, Backend.DATAVERSE))
        return record.name if record is not None else None

    @strawberry.field(
        description="Which record no longer exists; null when both do, or when a system does not say.",
        metadata=declared(READERS, branches=BOTH_RECORDS),
    )
    def broken_side(self, info: Info[Context, Any]) -> CouplingSide | None:
        return broken_side(info.context.services.tables, self.row)

    @strawberry.field(
        description="The mapped fields in which both records differ now; null when one of them is deleted, see `brokenSide`, "
        "or could not be read.",
        metadata=declared(READERS, branches=BOTH_RECORDS),
    )
    async def differences(self, info: Info[Context, Any]) -> list[CouplingDifference] | None:
        if pairing_of(info.context.services.tables, self.row) is None:
            return None
        found = await info.context.details.differences.load(self.row)
        if isinstance(found, Failure):
            found.tell()
            return None
        return list(map(CouplingDifference.of, found))

    @strawberry.field(
        description="Stands for these `differences`: `resolveConflict` wants it back, and is refused when they are no longer so.",
        metadata=declared(READERS, branches=BOTH_RECORDS),
    )
    async def conflict_token(self, info: Info[Context, Any]) -> str | None:
        if pairing_of(info.context.services.tables, self.row) is None:
            return None
        found = await info.context.details.differences.load(self.row)
        if isinstance(found, Failure):
            found.tell()
            return None
        return token_of(found)

    @strawberry.field(
        description="What happened to the coupling, newest first. Kept since the gateway writes history. Lines with a record "
        "that is hidden from you are left out.",
        metadata=declared(READERS),
    )
    async def history(
        self,
        info: Info[Context, Any],
        first: Annotated[int, strawberry.argument(description="How many at most, 1 to 100.")] = 20,
    ) -> list[CouplingEvent] | None:
        found = await info.context.details.events(self.row, first)
        return [CouplingEvent.of(each) for each in found] if found is not None else None

    @strawberry.field(
        description="Opens the record in Business Central's web client; null when it is deleted or has no number, or when the "
        "gateway is not told where the web client is.",
        metadata=declared(READERS, branches=BUSINESS_CENTRAL_RECORD),
    )
    async def business_central_url(self, info: Info[Context, Any]) -> str | None:
        web, company = info.context.services.web, self.row.company
        record = told(record_of(info.context.services.tables, self.row, Backend.BUSINESS_CENTRAL))
        if web.business_central is None or record is None or record.number is None or company is None:
            return None
        name = await info.context.details.company_name.load(company)
        if isinstance(name, Failure):
            name.tell()
            return None
        return web.record(name, record.table, record.number) if name else None

    @strawberry.field(
        description="Opens the row in Dynamics 365 Sales; null for an option of a choice.", metadata=declared(READERS)
    )
    def dataverse_url(self, info: Info[Context, Any]) -> str | None:
        if is_hidden(self.row, Backend.DATAVERSE):
            return None
        services, side = info.context.services, Backend.DATAVERSE
        return services.web.row(table_of(services.tables, self.row, side), id_of(self.row, side))
