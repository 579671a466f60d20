"""The root fields: each says which rows it means; what is wanted of them comes from the selection."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.answers.availability import Arguments
from gateway.couplings.store import CouplingFilter, Side
from gateway.errors import GatewayError, InvalidInputError
from gateway.reading.need import Source
from gateway.reading.paging import Sort
from gateway.reading.row import Failure, Row
from gateway.reading.sight import is_hidden
from gateway.reading.sources import (
    ACCOUNTS,
    COUPLINGS,
    CUSTOMERS,
    ITEMS,
    OPPORTUNITIES,
    PRODUCTS,
    SALESPERSONS,
    SYSTEM_USERS,
    VENDORS,
)
from gateway.reading.values import usable
from gateway.records import Backend
from schema import lists
from schema.audit_trail import AuditTrailQueries
from schema.availabilities import AvailabilityLine, availability_of_item, availability_of_lines
from schema.connection import Connection
from schema.context import Context
from schema.coupled_records import check_first
from schema.coupling_files import CouplingFileQueries
from schema.coupling_mutations import CouplingJobQueries
from schema.coupling_pages import coupling_page, values_of
from schema.coupling_queries import CouplingQueries
from schema.enums import Mapping
from schema.fields import ADMINISTRATORS, EVERY_ROLE, READERS, SIGNED_IN, After, First, declared, show
from schema.full_synchronization import FullSynchronizationQueries
from schema.ids import GlobalId, parse_id
from schema.inputs import Direction, properties_of, to_filter, to_sort
from schema.lookups import (
    AccountBy,
    CouplingBy,
    CustomerBy,
    ItemBy,
    OpportunityBy,
    ProductBy,
    SalespersonBy,
    SystemUserBy,
    VendorBy,
    look_up,
)
from schema.matches import MatchQueries
from schema.nodes import find_nodes
from schema.schedules import ScheduleQueries
from schema.selection import selection_of as selection
from schema.synchronization import SynchronizationQueries
from schema.synchronization_errors import SynchronizationErrorQueries
from schema.table_mappings import TableMappingQueries
from schema.types.account import Account
from schema.types.availability import Availability, InLocation, InUnit, OfVariant, OnDay, Wanted
from schema.types.connection_checks import ConnectionStatus
from schema.types.coupling import Coupling
from schema.types.coupling_details import CouplingEvent
from schema.types.customer import Customer
from schema.types.item import Item
from schema.types.node import Node
from schema.types.opportunity import Opportunity
from schema.types.product import Product
from schema.types.salesperson import Salesperson
from schema.types.system_user import SystemUser
from schema.types.vendor import Vendor
from schema.types.viewer import Viewer

Ask = Info[Context, Any]
InCompany = Annotated[
    UUID | None,
    strawberry.argument(
        name="company", description="SystemId of the Business Central company; the configured one by default."
    ),
]
WHICH = strawberry.argument(description="Which of them; all by default.")
ORDERED = strawberry.argument(description="In which order.")
BY = strawberry.argument(description="Exactly one key.")
ID = strawberry.argument(description="A global id.")
LINES = strawberry.argument(description="Up to 200 lines.")
IDS = strawberry.argument(description="Up to 100 global ids.")


async def one(info: Ask, by: Any, company: UUID | None) -> Any:
    """The row a ``by`` input names, with what is selected of it."""
    need = selection(info).row()
    return show(await look_up(by, info.context.reader(company), need))


async def page(
    info: Ask, source: Source, given: Any, order: Any, first: int, after: str | None, company: UUID | None
) -> Any:
    """A page of a list, with what is selected of its rows."""
    selected = selection(info)
    window = selected.window(first, after, count=selected.counts())
    default = Sort(source.natural_key, "text") if source.natural_key else source.unique
    sort = to_sort(order.field.value, order.direction, default) if order else to_sort(None, Direction.ASC, default)
    selected.require_columns([*properties_of(given), sort.property])
    reader = info.context.reader(company)
    return show(await reader.page(selected.rows(), where=to_filter(given, source.backend), sort=sort, window=window))


@strawberry.type(description="Everything that can be asked.")
class Query(
    AuditTrailQueries,
    CouplingFileQueries,
    CouplingQueries,
    FullSynchronizationQueries,
    MatchQueries,
    CouplingJobQueries,
    ScheduleQueries,
    SynchronizationQueries,
    SynchronizationErrorQueries,
    TableMappingQueries,
):
    @strawberry.field(description="Who I am here and what I may do.", metadata=declared(SIGNED_IN))
    def viewer(self, info: Ask) -> Viewer | None:
        selection(info)
        return Viewer(caller=info.context.caller)

    @strawberry.field(description="A customer, by any key of either system.", metadata=declared(EVERY_ROLE))
    async def customer(self, info: Ask, by: Annotated[CustomerBy, BY], company: InCompany = None) -> Customer | None:
        return await one(info, by, company)

    @strawberry.field(
        description="Customers of Business Central, by number unless ordered.", metadata=declared(READERS)
    )
    async def customers(
        self,
        info: Ask,
        filter: Annotated[lists.CustomerFilter | None, WHICH] = None,
        order_by: Annotated[lists.CustomerOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Customer] | None:
        return await page(info, CUSTOMERS, filter, order_by, first, after, company)

    @strawberry.field(description="A vendor, by any key of either system.", metadata=declared(READERS))
    async def vendor(self, info: Ask, by: Annotated[VendorBy, BY], company: InCompany = None) -> Vendor | None:
        return await one(info, by, company)

    @strawberry.field(description="Vendors of Business Central, by number unless ordered.", metadata=declared(READERS))
    async def vendors(
        self,
        info: Ask,
        filter: Annotated[lists.VendorFilter | None, WHICH] = None,
        order_by: Annotated[lists.VendorOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Vendor] | None:
        return await page(info, VENDORS, filter, order_by, first, after, company)

    @strawberry.field(description="An item, by any key of either system.", metadata=declared(EVERY_ROLE))
    async def item(self, info: Ask, by: Annotated[ItemBy, BY], company: InCompany = None) -> Item | None:
        return await one(info, by, company)

    @strawberry.field(description="Items of Business Central, by number unless ordered.", metadata=declared(EVERY_ROLE))
    async def items(
        self,
        info: Ask,
        filter: Annotated[lists.ItemFilter | None, WHICH] = None,
        order_by: Annotated[lists.ItemOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Item] | None:
        return await page(info, ITEMS, filter, order_by, first, after, company)

    @strawberry.field(
        description="How much of an item there is, when and where. Null when there is no such item.",
        metadata=declared(EVERY_ROLE),
    )
    async def availability(
        self,
        info: Ask,
        item: Annotated[ItemBy, BY],
        location: InLocation = None,
        variant: OfVariant = None,
        on: OnDay = None,
        quantity: Wanted = None,
        unit_of_measure: InUnit = None,
        company: InCompany = None,
    ) -> Availability | None:
        arguments = Arguments(location, variant, on, quantity, unit_of_measure)
        return await availability_of_item(info, item, arguments, company)

    @strawberry.field(
        description="The same for each line of a quote, in their order, in as many requests as for one. Null "
        "with an error for a line "
        "that cannot be answered.",
        metadata=declared(EVERY_ROLE),
    )
    async def availabilities(
        self, info: Ask, lines: Annotated[list[AvailabilityLine], LINES], company: InCompany = None
    ) -> list[Availability | None] | None:
        return await availability_of_lines(info, lines, company)

    @strawberry.field(description="A salesperson, by any key of either system.", metadata=declared(READERS))
    async def salesperson(
        self, info: Ask, by: Annotated[SalespersonBy, BY], company: InCompany = None
    ) -> Salesperson | None:
        return await one(info, by, company)

    @strawberry.field(
        description="Salespersons of Business Central, by code unless ordered.", metadata=declared(READERS)
    )
    async def salespersons(
        self,
        info: Ask,
        filter: Annotated[lists.SalespersonFilter | None, WHICH] = None,
        order_by: Annotated[lists.SalespersonOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Salesperson] | None:
        return await page(info, SALESPERSONS, filter, order_by, first, after, company)

    @strawberry.field(description="An account of CRM, by any key of either system.", metadata=declared(READERS))
    async def account(self, info: Ask, by: Annotated[AccountBy, BY], company: InCompany = None) -> Account | None:
        return await one(info, by, company)

    @strawberry.field(description="Accounts of CRM, by account number unless ordered.", metadata=declared(READERS))
    async def accounts(
        self,
        info: Ask,
        filter: Annotated[lists.AccountFilter | None, WHICH] = None,
        order_by: Annotated[lists.AccountOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Account] | None:
        return await page(info, ACCOUNTS, filter, order_by, first, after, company)

    @strawberry.field(description="A product of CRM, by any key of either system.", metadata=declared(READERS))
    async def product(self, info: Ask, by: Annotated[ProductBy, BY], company: InCompany = None) -> Product | None:
        return await one(info, by, company)

    @strawberry.field(description="Products of CRM, by product number unless ordered.", metadata=declared(READERS))
    async def products(
        self,
        info: Ask,
        filter: Annotated[lists.ProductFilter | None, WHICH] = None,
        order_by: Annotated[lists.ProductOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Product] | None:
        return await page(info, PRODUCTS, filter, order_by, first, after, company)

    @strawberry.field(description="A user of CRM, by any key of either system.", metadata=declared(READERS))
    async def system_user(
        self, info: Ask, by: Annotated[SystemUserBy, BY], company: InCompany = None
    ) -> SystemUser | None:
        return await one(info, by, company)

    @strawberry.field(description="Users of CRM, coupled or not; by e-mail unless ordered.", metadata=declared(READERS))
    async def system_users(
        self,
        info: Ask,
        filter: Annotated[lists.SystemUserFilter | None, WHICH] = None,
        order_by: Annotated[lists.SystemUserOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[SystemUser] | None:
        return await page(info, SYSTEM_USERS, filter, order_by, first, after, company)

    @strawberry.field(description="An opportunity of CRM.", metadata=declared(READERS))
    async def opportunity(
        self, info: Ask, by: Annotated[OpportunityBy, BY], company: InCompany = None
    ) -> Opportunity | None:
        return await one(info, by, company)

    @strawberry.field(description="Opportunities of CRM.", metadata=declared(READERS))
    async def opportunities(
        self,
        info: Ask,
        filter: Annotated[lists.OpportunityFilter | None, WHICH] = None,
        order_by: Annotated[lists.OpportunityOrder | None, ORDERED] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Opportunity] | None:
        return await page(info, OPPORTUNITIES, filter, order_by, first, after, company)

    @strawberry.field(description="A coupling, by its id or by one of its records.", metadata=declared(READERS))
    async def coupling(self, info: Ask, by: Annotated[CouplingBy, BY], company: InCompany = None) -> Coupling | None:
        need = selection(info).row()
        context = info.context
        where = company or context.services.company
        if isinstance(by.id, str):
            return await _coupling_by_id(info, parse_id(by.id), need)
        side, record = (
            (Side.BUSINESS_CENTRAL, by.business_central) if by.business_central else (Side.DATAVERSE, by.dataverse)
        )
        if not record:
            raise InvalidInputError("by must name one of its fields.", argument="by")
        context.services.require_filled(record.mapping)
        found = await context.services.couplings.find(record.mapping, where, side, [record.id])
        backend = Backend.BUSINESS_CENTRAL if side is Side.BUSINESS_CENTRAL else Backend.DATAVERSE
        return await _shown_coupling(info, found.get(record.id), need, named_by=backend)

    @strawberry.field(description="Couplings, by the number or code in Business Central.", metadata=declared(READERS))
    async def couplings(
        self,
        info: Ask,
        mapping: Annotated[Mapping | None, strawberry.argument(description="Only of these tables.")] = None,
        skipped: Annotated[bool | None, strawberry.argument(description="Only those skipped, or only others.")] = None,
        failed: Annotated[
            bool | None, strawberry.argument(description="Only those with an error, or only others.")
        ] = None,
        key_starts_with: Annotated[
            str | None, strawberry.argument(description="Only those whose number or code begins with this.")
        ] = None,
        first: First = 50,
        after: After = None,
        company: InCompany = None,
    ) -> Connection[Coupling] | None:
        selected = selection(info)
        window = selected.window(first, after, count=selected.counts())
        context = info.context
        context.services.require_filled(mapping)
        where = company or context.services.company
        wanted = CouplingFilter(
            mapping=mapping,
            company_id=where,
            skipped=skipped,
            failed=failed,
            key_prefix=usable(key_starts_with, "keyStartsWith") if key_starts_with else None,
        )
        rows = await coupling_page(context.services.couplings, wanted, window, where)
        await context.reader(company).follow(rows.rows, selected.rows())
        return show(rows)

    @strawberry.field(
        description="What happened to the couplings that a record ever had, ended ones too, newest first. Name one record.",
        metadata=declared(ADMINISTRATORS),
    )
    async def coupling_history(
        self,
        info: Ask,
        mapping: Annotated[Mapping, strawberry.argument(description="Of which tables.")],
        business_central: Annotated[
            UUID | None, strawberry.argument(description="SystemId of the Business Central record.")
        ] = None,
        dataverse: Annotated[UUID | None, strawberry.argument(description="Primary key of the Dataverse row.")] = None,
        first: Annotated[int, strawberry.argument(description="How many at most, 1 to 100.")] = 20,
        company: InCompany = None,
    ) -> list[CouplingEvent] | None:
        selection(info)
        check_first(first)
        record = business_central or dataverse
        if record is None or (business_central is not None and dataverse is not None):
            raise InvalidInputError("Name one of the two records.", argument="businessCentral")
        services = info.context.services
        services.require_filled(mapping)
        where = company or services.company
        found = await services.books.changes.history_of_record(mapping, where, record, first)
        found = await info.context.details.seen(found, mapping, where)
        return list(map(CouplingEvent.of, found))

    @strawberry.field(description="Whether the gateway can work with both systems.", metadata=declared(READERS))
    async def connection(self, info: Ask, company: InCompany = None) -> ConnectionStatus | None:
        selection(info)
        return ConnectionStatus(_company=company or info.context.services.company)

    @strawberry.field(description="Any record, by its global id.", metadata=declared(EVERY_ROLE))
    async def node(self, info: Ask, id: Annotated[strawberry.ID, ID]) -> Node | None:
        (found,) = await find_nodes(info, [id])
        if isinstance(found, GatewayError):
            raise found
        return found

    @strawberry.field(
        description="Several records by their global ids, in that order; null where there is none.",
        metadata=declared(EVERY_ROLE),
    )
    async def nodes(self, info: Ask, ids: Annotated[list[strawberry.ID], IDS]) -> list[Node | None] | None:
        return await find_nodes(info, ids)


async def _coupling_by_id(info: Ask, found: GlobalId, need: Any) -> Any:
    if found.type_name != COUPLINGS_TYPE:
        raise InvalidInputError(f"This is the id of a {found.type_name}, not of a coupling.", argument="id")
    return await _shown_coupling(info, await info.context.services.couplings.get(found.key), need)


COUPLINGS_TYPE = "Coupling"


async def _shown_coupling(info: Ask, found: Any, need: Any, named_by: Backend | None = None) -> Any:
    """None for who names it by a record that is hidden from them."""
    if found is None:
        return None
    context = info.context
    row = Row(COUPLINGS, found.company_id, values_of(found))
    await context.reader(found.company_id).follow([row], need)
    if named_by is None or not is_hidden(row, named_by):
        return show(row)
    if isinstance(row.values, Failure):
        row.values.tell()  # whether it is hidden is not known
    return None
