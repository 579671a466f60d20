"""What a new record needs besides its mapped fields.

Source: Business Central, codeunits CRM Int. Table. Subscriber and CDS Int. Table. Subscriber, "OnBeforeInsertRecord" and
"OnAfterInsertRecord"; "Integrating with Dynamics 365 Sales".
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import ProtocolError, RefusalError
from gateway.odata.query import Query, Text
from gateway.reading.sources import CRM_COMPANIES, SALESPERSONS, TEAMS, UNITS
from gateway.records import Backend, Values
from gateway.sync import refusals
from gateway.sync.belonging import accounts_of, company_contacts, contact_ids, no_customer
from gateway.sync.choice_labels import label_problems
from gateway.sync.desk import Desk
from gateway.sync.exchange_rates import NoRate, Rate, exchange_rates
from gateway.sync.invoice_state import state_of
from gateway.sync.mapping import FieldMapping, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings
from gateway.sync.records import Found
from gateway.sync.references import References, Referred, choice_of, guid, read_references

OWNER: Final = "_owninguser_value"
"""The user who owns a row; None when a team does."""
UNIT_GROUP: Final = "_defaultuomscheduleid_value"
"""The unit group of a product."""


@dataclass(frozen=True, slots=True)
class Addition:
    """What a new record gets besides; ``base`` and ``then`` as in ``gateway.sync.transfer.Prepared``."""

    values: Values = field(default_factory=dict)
    base: Mapping[str, str | None] = field(default_factory=dict)
    then: tuple[Values, ...] = ()


Additions = list[Addition | RefusalError]


async def additions(desk: Desk, mapping: TableMapping, *, to: Backend, sources: Sequence[Found]) -> Additions:
    """One for each record that a new one is made of. Raises: BackendError."""
    if mapping.mapping.is_own:
        return await _own(desk, mapping, to, sources)
    return await _ADDITIONS[mapping.mapping, to](desk, sources)


async def _own(desk: Desk, mapping: TableMapping, to: Backend, sources: Sequence[Found]) -> Additions:
    """What its table insists on is among the mapping's fields, as constants."""
    owner = await _default_owner(desk) if mapping.team_owns and to is Backend.DATAVERSE else {}
    return [Addition(owner) for _ in sources]


# -- what every row of CRM needs ---------------------------------------------------------------------------------------------


def bind(field: FieldMapping, id: UUID | None, tables: TableMappings = TABLE_MAPPINGS) -> dict[str, object]:
    """A look-up of CRM as a write names it; a user becomes the owner, an option is its number.

    Source: Dataverse, "Associate and disassociate table rows using the Web API".
    """
    assert field.lookup is not None  # noqa: S101 - the caller chose a look-up
    if (choice := choice_of(field)) is not None:
        return {field.crm: choice.value_of(id) if id is not None else None}
    navigation = "ownerid" if field.crm == OWNER else field.crm.removeprefix("_").removesuffix("_value")
    navigation = field.navigation or navigation
    return {f"{navigation}@odata.bind": row_path(tables[field.lookup].crm.source.name, id)}


def row_path(entity_set: str, id: UUID | None) -> str | None:
    """What a write binds a look-up to."""
    return f"/{entity_set}({id})" if id is not None else None


async def company_mark(desk: Desk, mapping: TableMapping) -> Values:
    """What marks a row as the company's; nothing where CRM does not know the company. Raises: BackendError."""
    company = await desk.crm_company()
    if company is None:
        return {}
    after = desk.asking.trace.round_trips
    name = await desk.reading.facts.navigation(mapping.crm.page, "bcbi_companyid", desk.asking, after=after)
    return {f"{name}@odata.bind": row_path(CRM_COMPANIES.name, company.id)} if name is not None else {}


async def _default_owner(desk: Desk) -> dict[str, object]:
    """The company's team owns what has no other owner.

    Source: Business Central, "Business Central and Dataverse: ownership models".
    """
    company = await desk.crm_company()
    team = company.default_team if company is not None else None
    return {"ownerid@odata.bind": row_path(TEAMS.name, team)} if team is not None else {}


@dataclass(frozen=True, slots=True)
class Units:
    """The base unit of each unit group."""

    base: Mapping[UUID, UUID] = field(default_factory=dict)

    def of(self, field: FieldMapping, group: Referred) -> dict[str, object]:
        """A product that gets a unit group gets its base unit with it, which Dataverse insists on."""
        unit = self.base.get(group.crm) if group.crm is not None and field.crm == UNIT_GROUP else None
        return {"defaultuomid@odata.bind": row_path(UNITS.name, unit)} if unit is not None else {}


async def base_units(desk: Desk, mapping: TableMapping, groups: Sequence[Referred]) -> Units:
    """The base units of these unit groups, in one request. Raises: BackendError."""
    wanted = list(dict.fromkeys(each.crm for each in groups if each.crm is not None))
    if not wanted or mapping.mapping is not Tables.ITEM:
        return Units()
    after = desk.asking.trace.round_trips
    found, _ = await desk.reading.lookups.all_by_key(
        desk.asking,
        UNITS,
        "_uomscheduleid_value",
        wanted,
        select=frozenset({"uomid", "isschedulebaseuom"}),
        after=after,
    )
    rows = [row.values for same in found.values() for row in same if row.values.get("isschedulebaseuom") is True]
    return Units({_guid(row, "_uomscheduleid_value"): _guid(row, "uomid") for row in rows})


def _guid(row: Values, column: str) -> UUID:
    return guid(row.get(column), Backend.DATAVERSE)


# -- to CRM ------------------------------------------------------------------------------------------------------------------


async def _accounts(desk: Desk, sources: Sequence[Found]) -> Additions:
    """Source: Business Central, codeunit CDS Setup Defaults, template BCICUSTOME."""
    owner = await _default_owner(desk)
    return [Addition({"customertypecode": 3, **owner}) for _ in sources]


async def _vendor_accounts(desk: Desk, sources: Sequence[Found]) -> Additions:
    """Source: Business Central, codeunit CDS Setup Defaults, template BCIVENDOR."""
    owner = await _default_owner(desk)
    return [Addition({"customertypecode": 11, **owner}) for _ in sources]


async def _contacts(desk: Desk, sources: Sequence[Found]) -> Additions:
    owner = await _default_owner(desk)
    accounts = await accounts_of(desk, [(each, each.id) for each in sources])
    return [_contact(accounts.get(each.id) or no_customer(each), owner) for each in sources]


def _contact(account: UUID | RefusalError, owner: Values) -> Addition | RefusalError:
    if isinstance(account, RefusalError):
        return account
    return Addition({"parentcustomerid_account@odata.bind": row_path("accounts", account), **owner})


async def _products(desk: Desk, sources: Sequence[Found]) -> Additions:
    """A product is created as a draft, which nobody can sell, and then activated.

    Source: Dataverse, "Product table", ``statecode``; Business Central, codeunit CRM Int. Table. Subscriber.
    """
    columns = {"producttypecode": 1, "quantitydecimal": 2}
    return [Addition(columns, then=({"statecode": 0, "statuscode": 1},)) for _ in sources]


async def _currencies(desk: Desk, sources: Sequence[Found]) -> Additions:
    """Source: Business Central, codeunit CRM Synch. Helper, "GetCRMLCYToFCYExchangeRate"."""
    rates = await exchange_rates(desk, [each.number or "" for each in sources])
    return [_currency(each, rates) for each in sources]


def _currency(source: Found, rates: Mapping[str, Rate]) -> Addition | RefusalError:
    rate = rates[source.number or ""]
    if isinstance(rate, NoRate | ProtocolError):
        return no_rate(source, rate)
    return Addition({"exchangerate": rate, "currencyprecision": _places(source.values.get("amountDecimalPlaces"))})


def no_rate(source: Found, why: NoRate | ProtocolError) -> RefusalError:
    """Why a currency of Business Central has no rate in CRM."""
    if isinstance(why, ProtocolError):
        return refusals.unreadable(source, None, why)
    return refusals.no_rate(source, why.code, relation=why.relation, is_base=why.is_base)


def _places(said: object) -> int:
    """How many decimals amounts have at most, as in ``2:2``; two when nothing is said."""
    digits = str(said or "").rpartition(":")[2]
    return min(int(digits), 10) if digits.isdigit() else 2


async def _unit_groups(desk: Desk, sources: Sequence[Found]) -> Additions:
    """A group of one unit, which Dataverse creates with it.

    Source: Business Central, codeunit CRM Int. Table. Subscriber, unit group names.
    """
    return [Addition({"name": f"NAV {each.number}"}) for each in sources]


def _options(of: Tables) -> "_Adding":
    """An option is called like the code."""

    async def add(desk: Desk, sources: Sequence[Found]) -> Additions:
        problems = await label_problems(desk, TABLE_MAPPINGS[of], [(each, None) for each in sources])
        return [each or Addition() for each in problems]

    return add


async def _opportunities_in_crm(desk: Desk, sources: Sequence[Found]) -> Additions:
    """The account is that of the contact's company."""
    columns = {"isrevenuesystemcalculated": False, **await _default_owner(desk)}
    contacts = await contact_ids(desk, sources)
    accounts = await accounts_of(desk, [(each, contacts[each.id]) for each in sources if each.id in contacts])
    return [
        _opportunity(accounts.get(each.id) or (no_customer(each) if each.id in contacts else None), columns)
        for each in sources
    ]


def _opportunity(account: UUID | RefusalError | None, columns: Values) -> Addition | RefusalError:
    if isinstance(account, RefusalError):
        return account
    if account is None:
        return Addition(columns)
    row = row_path("accounts", account)
    return Addition({**columns, "parentaccountid@odata.bind": row, "customerid_account@odata.bind": row})


async def _invoices(desk: Desk, sources: Sequence[Found]) -> Additions:
    """An invoice is closed once its lines are there: a paid one takes no more."""
    owner = await _default_owner(desk)
    return [_invoice(each, owner) for each in sources]


def _invoice(source: Found, owner: Values) -> Addition | RefusalError:
    try:
        state = state_of(source)
    except ProtocolError as error:
        return refusals.unreadable(source, None, error)
    columns = {"name": source.number, **owner}
    return Addition(columns, then=(state.columns,)) if state.is_closed else Addition({**columns, **state.columns})


# -- to Business Central -----------------------------------------------------------------------------------------------------


async def _numbered(desk: Desk, sources: Sequence[Found]) -> Additions:
    """The number comes from Business Central's number series."""
    return [Addition() for _ in sources]


async def _items(desk: Desk, sources: Sequence[Found]) -> Additions:
    return [Addition({"type": "Inventory"}) for _ in sources]


async def _persons(desk: Desk, sources: Sequence[Found]) -> Additions:
    companies = await company_contacts(desk, sources)
    found = [companies[each.id] for each in sources]
    return [
        each if isinstance(each, RefusalError) else Addition({"type": "Person", "companyNumber": each})
        for each in found
    ]


_CODE: Final = "SP NO. "


async def _salespersons(desk: Desk, sources: Sequence[Found]) -> Additions:
    """The first codes in the form ``SP NO. 00001`` that are free, as Business Central gives them to users.

    Source: Business Central, codeunit CRM Int. Table. Subscriber; microsoft/ALAppExtensions issue 30021.
    """
    query = Query(select=("code",), filter=Text("startswith", "code", _CODE))
    with desk.calling() as call:
        rows = await desk.client(SALESPERSONS).everything(desk.path(SALESPERSONS), query, call=call)
    taken = {str(row.values.get("code")).upper() for row in rows}
    free = (code for number in range(1, len(taken) + len(sources) + 1) if (code := f"{_CODE}{number:05}") not in taken)
    return [Addition({"code": next(free)}) for _ in sources]


_ONCE: Final = ("contactNumber", "salespersonCode")


async def _opportunities_in_bc(desk: Desk, sources: Sequence[Found]) -> Additions:
    """Contact and salesperson go to CRM only, but an opportunity without a contact can be nothing in Business Central.

    So they are taken over once, as far as they are coupled.
    """
    fields = [each for each in TABLE_MAPPINGS[Tables.OPPORTUNITY].fields if each.name in _ONCE]
    references = await read_references(desk, fields, sources)
    return [_taken_over(fields, references, each) for each in sources]


def _taken_over(fields: Sequence[FieldMapping], references: References, source: Found) -> Addition | RefusalError:
    try:
        found = {each: references.of(each, Backend.DATAVERSE, source.values) for each in fields}
    except ProtocolError as error:
        return refusals.unreadable(source, None, error)
    known = {each: found[each] for each in fields if found[each].code is not None and found[each].complete}
    return Addition({each.bc: known[each].code for each in known}, {each.name: known[each].text for each in known})


_Adding = Callable[[Desk, Sequence[Found]], Awaitable[Additions]]

_ADDITIONS: Final[Mapping[tuple[Tables, Backend], _Adding]] = {
    (Tables.CUSTOMER, Backend.DATAVERSE): _accounts,
    (Tables.VENDOR, Backend.DATAVERSE): _vendor_accounts,
    (Tables.CONTACT, Backend.DATAVERSE): _contacts,
    (Tables.ITEM, Backend.DATAVERSE): _products,
    (Tables.CURRENCY, Backend.DATAVERSE): _currencies,
    (Tables.PAYMENT_TERMS, Backend.DATAVERSE): _options(Tables.PAYMENT_TERMS),
    (Tables.SHIPMENT_METHOD, Backend.DATAVERSE): _options(Tables.SHIPMENT_METHOD),
    (Tables.UNIT_OF_MEASURE, Backend.DATAVERSE): _unit_groups,
    (Tables.OPPORTUNITY, Backend.DATAVERSE): _opportunities_in_crm,
    (Tables.SALES_INVOICE, Backend.DATAVERSE): _invoices,
    (Tables.CUSTOMER, Backend.BUSINESS_CENTRAL): _numbered,
    (Tables.VENDOR, Backend.BUSINESS_CENTRAL): _numbered,
    (Tables.CONTACT, Backend.BUSINESS_CENTRAL): _persons,
    (Tables.ITEM, Backend.BUSINESS_CENTRAL): _items,
    (Tables.SALESPERSON, Backend.BUSINESS_CENTRAL): _salespersons,
    (Tables.OPPORTUNITY, Backend.BUSINESS_CENTRAL): _opportunities_in_bc,
}
"""All directions that the shipped mappings have."""
