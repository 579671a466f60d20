"""What an update writes besides mapped fields: columns that are worked out, and written where the row does not hold the same.

All records of a page are worked out together. New records get the same from ``gateway.sync.creation``.

Source: Business Central, codeunit CRM Int. Table. Subscriber, "UpdateCRMContactParentCustomerId" and "SetContactParentCompany",
which it calls for new records only: there a person who moves to another company stays below the old account. The exchange rate
is written "OnAfterTransferRecordFields".
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import ProtocolError, RefusalError
from gateway.keys import fold
from gateway.reading import values as convert
from gateway.records import Backend, Values
from gateway.sync import refusals
from gateway.sync.belonging import accounts_of, company_contacts, contact_ids
from gateway.sync.choice_labels import label_problems
from gateway.sync.creation import no_rate, row_path
from gateway.sync.desk import Desk
from gateway.sync.exchange_rates import Rate, exchange_rates, rounded
from gateway.sync.invoice_state import state_of
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found
from gateway.sync.references import guid

Computed = list[Values | RefusalError]
"""One for each pair: what is to be written of it, or why it cannot be worked out."""

Both = tuple[Found, Found]
"""A record, and its partner on the other side that is written."""


async def computed(desk: Desk, mapping: TableMapping, *, to: Backend, pairs: Sequence[Both]) -> Computed:
    """Raises: BackendError."""
    compute = _COMPUTED.get((mapping.mapping, to))
    return await compute(desk, pairs) if compute is not None and pairs else [{} for _ in pairs]


async def _parents_in_crm(desk: Desk, pairs: Sequence[Both]) -> Computed:
    """The account of the person's company. A person whose company is no customer and no vendor stays where they are."""
    accounts = await accounts_of(desk, [(source, source.id) for source, _ in pairs])
    return [_each(pair, accounts.get(pair[0].id), _parent) for pair in pairs]


def _parent(row: Found, account: UUID) -> Values:
    if _look_up(row, "_parentcustomerid_value") == account:
        return {}
    return {"parentcustomerid_account@odata.bind": row_path("accounts", account)}


async def _opportunities(desk: Desk, pairs: Sequence[Both]) -> Computed:
    """The account of the contact's company."""
    contacts = await contact_ids(desk, [source for source, _ in pairs])
    wanted = [(source, contacts[source.id]) for source, _ in pairs if source.id in contacts]
    accounts = await accounts_of(desk, wanted)
    return [_each(pair, accounts.get(pair[0].id), _below) for pair in pairs]


def _below(row: Found, account: UUID) -> Values:
    """Who the customer is, CRM keeps a second time: that moves along, unless somebody chose another one there."""
    now, way = _look_up(row, "_parentaccountid_value"), row_path("accounts", account)
    if now == account:
        return {}
    moves = _look_up(row, "_customerid_value") in (None, now)
    return {"parentaccountid@odata.bind": way, **({"customerid_account@odata.bind": way} if moves else {})}


def _each(
    pair: Both, account: UUID | RefusalError | None, write: Callable[[Found, UUID], Values]
) -> Values | RefusalError:
    source, row = pair
    if account is None or isinstance(account, RefusalError):
        return account or {}
    try:
        return write(row, account)
    except ProtocolError as error:
        return refusals.unreadable(source, row, error)


def _look_up(row: Found, column: str) -> UUID | None:
    """Raises: ProtocolError."""
    value = row.values.get(column)
    return guid(value, Backend.DATAVERSE) if value is not None else None


async def _companies_in_bc(desk: Desk, pairs: Sequence[Both]) -> Computed:
    """The company of the account's customer or vendor. A contact of no account stays where it is."""
    persons = [source for source, _ in pairs if source.values.get("_parentcustomerid_value") is not None]
    companies = await company_contacts(desk, persons)
    return [_company(target, companies.get(source.id)) for source, target in pairs]


def _company(person: Found, number: str | RefusalError | None) -> Values | RefusalError:
    if number is None or isinstance(number, RefusalError):
        return number or {}
    same = fold(str(person.values.get("companyNumber") or "")) == fold(number)
    return {} if same else {"companyNumber": number}


async def _rates(desk: Desk, pairs: Sequence[Both]) -> Computed:
    """The newest rate. That of CRM's base currency is 1, and no one may write it.

    Source: Business Central, codeunit CRM Int. Table. Subscriber, "UpdateCRMTransactionCurrencyAfterTransferRecordFields".
    """
    base = await desk.reading.facts.base_currency(desk.asking, after=desk.asking.trace.round_trips)
    others = [pair for pair in pairs if fold(pair[0].number or "") != fold(base)]
    rates = await exchange_rates(desk, [source.number or "" for source, _ in others]) if others else {}
    return [_rate(pair, rates.get(pair[0].number or "")) for pair in pairs]


def _rate(pair: Both, rate: Rate | None) -> Values | RefusalError:
    source, row = pair
    if rate is None:
        return {}
    if not isinstance(rate, Decimal):
        return no_rate(source, rate)
    now = row.values.get("exchangerate")
    try:
        same = now is not None and rounded(convert.decimal(now)) == rate
    except (TypeError, ArithmeticError):
        message = "Dataverse sent a value of an unknown kind for exchangerate."
        return refusals.unreadable(source, row, ProtocolError(message, backend=Backend.DATAVERSE))
    return {} if same else {"exchangerate": rate}


async def _invoice_states(desk: Desk, pairs: Sequence[Both]) -> Computed:
    """What was paid since. A posted invoice changes in nothing else."""
    return [_invoice_state(*each) for each in pairs]


def _invoice_state(source: Found, row: Found) -> Values | RefusalError:
    try:
        wanted = state_of(source).columns
    except ProtocolError as error:
        return refusals.unreadable(source, row, error)
    return {} if all(row.values.get(name) == value for name, value in wanted.items()) else wanted


def _labels(of: Tables) -> "_Computing":
    """Nothing is added; but not every code can be a label."""

    async def compute(desk: Desk, pairs: Sequence[Both]) -> Computed:
        changed = [(source, row.id) for source, row in pairs if fold(source.number or "") != fold(row.name or "")]
        problems = await label_problems(desk, TABLE_MAPPINGS[of], changed) if changed else []
        refused = {source.id: problem for (source, _), problem in zip(changed, problems, strict=True) if problem}
        return [refused.get(source.id) or {} for source, _ in pairs]

    return compute


_Computing = Callable[[Desk, Sequence[Both]], Awaitable[Computed]]

_COMPUTED: Final[Mapping[tuple[Tables, Backend], _Computing]] = {
    (Tables.CONTACT, Backend.DATAVERSE): _parents_in_crm,
    (Tables.CONTACT, Backend.BUSINESS_CENTRAL): _companies_in_bc,
    (Tables.OPPORTUNITY, Backend.DATAVERSE): _opportunities,
    (Tables.SALES_INVOICE, Backend.DATAVERSE): _invoice_states,
    (Tables.CURRENCY, Backend.DATAVERSE): _rates,
    (Tables.PAYMENT_TERMS, Backend.DATAVERSE): _labels(Tables.PAYMENT_TERMS),
    (Tables.SHIPMENT_METHOD, Backend.DATAVERSE): _labels(Tables.SHIPMENT_METHOD),
}
