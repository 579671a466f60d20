"""Which company a person belongs to, in both systems: contact, company, customer or vendor, coupled account; and back.

Business Central keeps the company of a customer or a vendor as a contact of its own, and persons belong to that contact. A
company that is both is looked at as a customer.

Source: Business Central, table Contact Business Relation; codeunit CDS Int. Table. Subscriber, "FindParentCRMAccountForContact";
codeunit CRM Synch. Helper, "SetContactParentCompany"; "contactsInformation resource type".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import Side
from gateway.errors import NamedRecord, ProtocolError, RefusalError
from gateway.odata.query import Expand
from gateway.reading.lookup import match_key
from gateway.reading.need import Source
from gateway.reading.sources import BC_CONTACTS, CUSTOMERS, VENDORS
from gateway.records import Backend, Record
from gateway.sync import refusals
from gateway.sync.desk import Desk, all_of
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found
from gateway.sync.references import guid

OF_ACCOUNTS: Final = (Tables.CUSTOMER, Tables.VENDOR)
"""What an account is in Business Central. Where a company is both, the first one counts."""

_RELATED: Final = {"Customer": Tables.CUSTOMER, "Vendor": Tables.VENDOR}
_SOURCES: Final = {Tables.CUSTOMER: CUSTOMERS, Tables.VENDOR: VENDORS}
_RELATION = Expand("contactInformation", ("contactId", "relatedId", "relatedType"))
_CONTACTS = Expand("contactsInformation", ("contactNumber", "contactType", "relatedType"))


@dataclass(frozen=True, slots=True)
class _Party:
    """A customer or a vendor."""

    mapping: Tables
    id: UUID


async def accounts_of(desk: Desk, contacts: Sequence[tuple[Found, UUID]]) -> dict[UUID, UUID | RefusalError]:
    """CRM's account of the company that a contact of Business Central belongs to, by the record that wants to know.

    ``contacts`` are those records, each with its contact: itself, or that of an opportunity. One whose contact belongs to no
    customer and no vendor is left out. Raises: BackendError.
    """
    related = await _parties_of(desk, list(dict.fromkeys(contact for _, contact in contacts)))
    parties = list(dict.fromkeys(each for each in related.values() if isinstance(each, _Party)))
    accounts, named = await _accounts_of_parties(desk, parties)
    found: dict[UUID, UUID | RefusalError] = {}
    for source, contact in contacts:
        party = related.get(contact)
        if isinstance(party, ProtocolError):
            found[source.id] = refusals.unreadable(source, None, party)
        elif party in accounts:
            found[source.id] = accounts[party]
        elif party is not None:
            found[source.id] = refusals.no_partner(named[party], source, noun="an account")
    return found


def no_customer(source: Found) -> RefusalError:
    """Its contact belongs to no customer and no vendor."""
    hint = "Set Company No. of the contact to a company that is a customer or a vendor, and couple that one."
    return refusals.lacking(
        source, "belongs to no customer and no vendor, so no account can be found for it", hint=hint
    )


async def _accounts_of_parties(
    desk: Desk, parties: Sequence[_Party]
) -> tuple[dict[_Party, UUID], dict[_Party, NamedRecord]]:
    """The accounts of those that are coupled, and what the others are called."""
    accounts: dict[_Party, UUID] = {}
    named: dict[_Party, NamedRecord] = {}
    for mapping in OF_ACCOUNTS:
        ids = [each.id for each in parties if each.mapping is mapping]
        couplings = await desk.books.couplings.find(mapping, desk.company, Side.BUSINESS_CENTRAL, ids)
        accounts |= {_Party(mapping, id): each.crm_id for id, each in couplings.items()}
        names = await _named(desk, mapping, Backend.BUSINESS_CENTRAL, [each for each in ids if each not in couplings])
        named |= {_Party(mapping, id): name for id, name in names.items()}
    return accounts, named


async def _parties_of(desk: Desk, contacts: Sequence[UUID]) -> dict[UUID, _Party | ProtocolError]:
    columns = {"number", "companyNumber", "companyName", "contactBusinessRelation"}
    rows = await _by_id(desk, BC_CONTACTS, contacts, columns, (_RELATION,))
    found: dict[UUID, _Party | ProtocolError] = {}
    several: dict[UUID, Record] = {}
    for contact in contacts:
        if (row := rows.get(match_key(contact))) is None:
            continue
        party = _party(row.values.get(_RELATION.navigation))
        if party is not None:
            found[contact] = party
        if row.values.get("contactBusinessRelation") == "Multiple" and not _is_customer(party):
            several[contact] = row
    return found | await _customers_of(desk, several)


def _party(relation: object) -> _Party | ProtocolError | None:
    if not isinstance(relation, Mapping) or (mapping := _RELATED.get(str(relation.get("relatedType")))) is None:
        return None
    return _party_of(mapping, relation.get("relatedId"))


def _party_of(mapping: Tables, key: object) -> _Party | ProtocolError:
    id = _guid_or_error(key, Backend.BUSINESS_CENTRAL)
    return _Party(mapping, id) if isinstance(id, UUID) else id


def _is_customer(party: _Party | ProtocolError | None) -> bool:
    return isinstance(party, _Party) and party.mapping is Tables.CUSTOMER


async def _customers_of(desk: Desk, contacts: Mapping[UUID, Record]) -> dict[UUID, _Party | ProtocolError]:
    """The customers of contacts whose company is several things: a contact leads to one of them only.

    A company has the name of its customer, so they are looked for by that; what counts is that the company is among theirs.
    """
    names = {str(row.values.get("companyName")) for row in contacts.values() if row.values.get("companyName")}
    if not names:
        return {}
    after = desk.asking.trace.round_trips
    customers, _ = await desk.reading.lookups.all_by_key(
        desk.asking,
        CUSTOMERS,
        "displayName",
        sorted(names),
        select=frozenset({CUSTOMERS.key}),
        expand=(_CONTACTS,),
        after=after,
    )
    ids = {_company(each): each.values.get(CUSTOMERS.key) for same in customers.values() for each in same}
    found = {contact: ids.get(str(row.values.get("companyNumber"))) for contact, row in contacts.items()}
    return {contact: _party_of(Tables.CUSTOMER, id) for contact, id in found.items() if id is not None}


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
    parties = await _parties_of_accounts(desk, wanted)
    rows = await _with_contacts(desk, list(parties.values()))
    unknown = [each for each in wanted if each not in parties]
    named = await _named(desk, Tables.CUSTOMER, Backend.DATAVERSE, unknown)
    found: dict[UUID, str | RefusalError] = {}
    for person in persons:
        account = accounts.get(person.id)
        if account is None:
            found[person.id] = _no_account(person)
        elif isinstance(account, ProtocolError):
            found[person.id] = refusals.unreadable(person, None, account)
        elif account not in parties:
            found[person.id] = refusals.no_partner(named[account], person, noun="a customer or a vendor")
        elif desk.books.couplings.is_coming(parties[account].id):
            found[person.id] = ""  # it gets a number when it is made
        else:
            party = parties[account]
            found[person.id] = _company(rows.get(party)) or _no_company(person, party)
    return found


async def _parties_of_accounts(desk: Desk, accounts: Sequence[UUID]) -> dict[UUID, _Party]:
    """What the accounts are coupled with."""
    found: dict[UUID, _Party] = {}
    for mapping in OF_ACCOUNTS:
        left = [each for each in accounts if each not in found]
        couplings = await desk.books.couplings.find(mapping, desk.company, Side.DATAVERSE, left)
        found |= {account: _Party(mapping, each.bc_id) for account, each in couplings.items()}
    return found


async def _with_contacts(desk: Desk, parties: Sequence[_Party]) -> dict[_Party, Record]:
    """Customers and vendors as Business Central has them, side by side."""
    wanted = {mapping: [each.id for each in parties if each.mapping is mapping] for mapping in OF_ACCOUNTS}
    columns = {"number", "displayName"}
    rows = await all_of(
        *(_by_id(desk, _SOURCES[mapping], ids, columns, (_CONTACTS,)) for mapping, ids in wanted.items())
    )
    of_mapping = dict(zip(wanted, rows, strict=True))
    found = {each: of_mapping[each.mapping].get(match_key(each.id)) for each in parties}
    return {party: row for party, row in found.items() if row is not None}


def _no_account(person: Found) -> RefusalError:
    hint = "Set its company name in Dynamics 365 Sales."
    return refusals.lacking(person, "belongs to no account, so no customer or vendor can be found for it", hint=hint)


def _company(party: Record | None) -> str | None:
    """The number of the contact that a customer or a vendor is."""
    contacts = party.values.get(_CONTACTS.navigation) if party is not None else None
    for each in contacts if isinstance(contacts, list) else ():
        if each.get("contactType") == "Company":
            return str(each.get("contactNumber"))
    return None


def _no_company(person: Found, party: _Party) -> RefusalError:
    noun = TABLE_MAPPINGS[party.mapping].bc.noun
    hint = f"Create contacts from {noun}s in Business Central: Create Contacts from {noun.capitalize()}s."
    return refusals.lacking(person, f"belongs to a {noun} that has no contact in Business Central", hint=hint)


async def _named(desk: Desk, mapping: Tables, backend: Backend, ids: Sequence[UUID]) -> dict[UUID, NamedRecord]:
    """What customers, vendors or accounts are called."""
    table = TABLE_MAPPINGS[mapping].table(backend)
    assert table.number is not None  # noqa: S101 - all have one
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
