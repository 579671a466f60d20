"""Which company a person belongs to, in both systems: contact, company, customer, coupled account; and back.

Business Central keeps a customer's company as a contact of its own, and persons belong to that contact.

Source: Business Central, table Contact Business Relation; codeunit CRM Int. Table. Subscriber, ``parentcustomerid``;
"contactsInformation resource type".
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import Side
from gateway.errors import NamedRecord, ProtocolError, RefusalError
from gateway.odata.query import Expand
from gateway.reading.lookup import match_key
from gateway.reading.need import Source
from gateway.reading.sources import BC_CONTACTS, CUSTOMERS
from gateway.records import Backend, Record
from gateway.sync import refusals
from gateway.sync.desk import Desk
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found
from gateway.sync.references import guid

_RELATION = Expand("contactInformation", ("contactId", "relatedId", "relatedType"))
_CONTACTS = Expand("contactsInformation", ("contactNumber", "contactType", "relatedType"))


async def accounts_of(desk: Desk, contacts: Sequence[tuple[Found, UUID]]) -> dict[UUID, UUID | RefusalError]:
    """CRM's account of the company that a contact of Business Central belongs to, by the record that wants to know.

    ``contacts`` are those records, each with its contact: itself, or that of an opportunity. One whose contact belongs to no
    customer is left out. Raises: BackendError.
    """
    related = await _customers_of(desk, list(dict.fromkeys(contact for _, contact in contacts)))
    customers = list(dict.fromkeys(each for each in related.values() if isinstance(each, UUID)))
    couplings = await desk.books.couplings.find(Tables.CUSTOMER, desk.company, Side.BUSINESS_CENTRAL, customers)
    named = await _named(desk, Backend.BUSINESS_CENTRAL, [each for each in customers if each not in couplings])
    found: dict[UUID, UUID | RefusalError] = {}
    for source, contact in contacts:
        customer = related.get(contact)
        if isinstance(customer, ProtocolError):
            found[source.id] = refusals.unreadable(source, None, customer)
        elif customer in couplings:
            found[source.id] = couplings[customer].crm_id
        elif customer is not None:
            found[source.id] = refusals.no_partner(named[customer], source, noun="an account")
    return found


def no_customer(source: Found) -> RefusalError:
    """Its contact belongs to no customer."""
    hint = "Set Company No. of the contact to a company that is a customer, and couple the customer."
    return refusals.lacking(source, "belongs to no customer, so no account can be found for it", hint=hint)


async def _customers_of(desk: Desk, contacts: Sequence[UUID]) -> dict[UUID, UUID | ProtocolError]:
    rows = await _by_id(desk, BC_CONTACTS, contacts, {"number"}, (_RELATION,))
    found: dict[UUID, UUID | ProtocolError] = {}
    for contact in contacts:
        row = rows.get(match_key(contact))
        relation = row.values.get(_RELATION.navigation) if row is not None else None
        if isinstance(relation, Mapping) and relation.get("relatedType") == "Customer":
            found[contact] = _guid_or_error(relation.get("relatedId"), Backend.BUSINESS_CENTRAL)
    return found


def _guid_or_error(value: object, backend: Backend) -> UUID | ProtocolError:
    try:
        return guid(value, backend)
    except ProtocolError as error:
        return error


async def contact_ids(desk: Desk, sources: Sequence[Found]) -> dict[UUID, UUID]:
    """The contact of each opportunity of Business Central, as far as it has one. Raises: BackendError."""
    numbers = {each.id: str(each.values["contactNumber"]) for each in sources if each.values.get("contactNumber")}
    if not numbers:
        return {}
    after = desk.asking.trace.round_trips
    rows, _ = await desk.reading.lookups.by_key(
        desk.asking,
        BC_CONTACTS,
        "number",
        list(numbers.values()),
        select=frozenset({"id", "number"}),
        expand=(),
        after=after,
    )
    found = {id: rows.get(match_key(number)) for id, number in numbers.items()}
    return {id: guid(row.values.get("id"), Backend.BUSINESS_CENTRAL) for id, row in found.items() if row is not None}


async def company_contacts(desk: Desk, persons: Sequence[Found]) -> dict[UUID, str | RefusalError]:
    """The number of the company in Business Central that each of CRM's contacts belongs to, by the contact.

    Raises: BackendError.
    """
    parents = {each.id: each.values.get("_parentcustomerid_value") for each in persons}
    accounts = {id: _guid_or_error(parent, Backend.DATAVERSE) for id, parent in parents.items() if parent is not None}
    wanted = list(dict.fromkeys(each for each in accounts.values() if isinstance(each, UUID)))
    couplings = await desk.books.couplings.find(Tables.CUSTOMER, desk.company, Side.DATAVERSE, wanted)
    customers = {account: each.bc_id for account, each in couplings.items()}
    rows = await _by_id(desk, CUSTOMERS, list(customers.values()), {"number", "displayName"}, (_CONTACTS,))
    named = await _named(desk, Backend.DATAVERSE, [each for each in wanted if each not in customers])
    found: dict[UUID, str | RefusalError] = {}
    for person in persons:
        account = accounts.get(person.id)
        if account is None:
            found[person.id] = _no_account(person)
        elif isinstance(account, ProtocolError):
            found[person.id] = refusals.unreadable(person, None, account)
        elif account not in customers:
            found[person.id] = refusals.no_partner(named[account], person, noun="a customer")
        else:
            number = _company(rows.get(match_key(customers[account])))
            found[person.id] = number or _no_company(person)
    return found


def _no_account(person: Found) -> RefusalError:
    hint = "Set its company name in Dynamics 365 Sales."
    return refusals.lacking(person, "belongs to no account, so no customer can be found for it", hint=hint)


def _company(customer: Record | None) -> str | None:
    contacts = customer.values.get(_CONTACTS.navigation) if customer is not None else None
    for each in contacts if isinstance(contacts, list) else ():
        if each.get("contactType") == "Company":
            return str(each.get("contactNumber"))
    return None


def _no_company(person: Found) -> RefusalError:
    hint = "Create contacts from customers in Business Central: Create Contacts from Customers."
    return refusals.lacking(person, "belongs to a customer that has no contact in Business Central", hint=hint)


async def _named(desk: Desk, backend: Backend, ids: Sequence[UUID]) -> dict[UUID, NamedRecord]:
    """What customers or accounts are called."""
    table = TABLE_MAPPINGS[Tables.CUSTOMER].table(backend)
    assert table.number is not None  # noqa: S101 - both have one
    rows = await _by_id(desk, table.source, ids, {table.number, table.title}, ())
    named: dict[UUID, NamedRecord] = {}
    for id in ids:
        row = rows.get(match_key(id))
        found = Found(table, id, row.values if row is not None else {}, None)
        named[id] = found.named
    return named


async def _by_id(
    desk: Desk, source: Source, ids: Sequence[UUID], columns: set[str], expand: tuple[Expand, ...]
) -> dict[str, Record]:
    after = desk.asking.trace.round_trips
    rows, _ = await desk.reading.lookups.by_key(
        desk.asking, source, source.key, ids, select=frozenset({source.key, *columns}), expand=expand, after=after
    )
    return rows
