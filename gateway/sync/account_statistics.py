"""The twelve amounts of a customer, copied to CRM: the account's row of ``nav_accountstatistics``.

Source: Business Central, codeunit CRM Statistics Job, "Update Account Statistics" of the customer card; table CRM Account
Statistics.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid5

from gateway.answers.plan import Asked, FailedFeed, Setting, behind, column_of, feed_branch, need_of
from gateway.answers.statistics import calculate
from gateway.answers.statistics_plan import CRM_COLUMNS, STATISTICS, TWELVE
from gateway.clients.writing import Outcome
from gateway.errors import BackendError, GatewayError, NotFoundError, ProtocolError
from gateway.figures.unavailable import Unavailable
from gateway.odata.write import Create, Update, holds
from gateway.reading import values
from gateway.reading.levels import Reading
from gateway.reading.lookup import Asking, match_key
from gateway.reading.need import Need
from gateway.reading.row import Row
from gateway.reading.sources import ACCOUNT_STATISTICS, ACCOUNTS, CURRENCIES
from gateway.records import Backend, Record, Values
from gateway.sync.push import Change, Pushed, PushOutcome, Writer, as_read, missing, not_written

T = TypeVar("T")

_AS_OF = "nav_overdueamountsasof"
_CURRENCY = "_transactioncurrencyid_value"
_COPIED: Mapping[str, values.Convert] = {
    **dict.fromkeys(CRM_COLUMNS, values.decimal),
    "nav_name": values.text,
    "nav_customerno": values.text,
    _CURRENCY: values.guid,
}
"""What is compared, and written where it differs.

Source: Business Central, codeunit CRM Statistics Job: each run sets name, customer number and currency beside the amounts.
"""


def need(setting: Setting) -> Need:
    """What has to be read of a customer."""
    return need_of(STATISTICS, ("crm", *TWELVE), Asked({}, setting), columns=("displayName",))


@dataclass(frozen=True, slots=True)
class Places:
    """What of CRM must be known to write there. Asked for when a record needs it, and then known for a while."""

    reading: Reading
    asking: Asking
    company: UUID

    async def navigation(self) -> str:
        """The navigation property from an account to its statistics row; only new rows need it. Raises: BackendError."""
        return await self.reading.facts.account_statistics_navigation(self.asking, after=self._after)

    async def currency_id(self) -> UUID:
        """CRM's row of the company's local currency.

        Raises:
            BackendError: one of the systems did not say, or CRM has no such currency.
        """
        code = await self.reading.facts.currency(self.company, self.asking, after=self._after)
        found, _ = await self.reading.lookups.by_key(
            self.asking,
            CURRENCIES,
            "isocurrencycode",
            [code],
            select=frozenset({"isocurrencycode"}),
            expand=(),
            after=self._after,
        )
        currency = found.get(match_key(code))
        if currency is None:
            raise NotFoundError(f"CRM has no currency {code}, in which the books are kept.", backend=Backend.DATAVERSE)
        return _guid(currency.values.get(CURRENCIES.key))

    @property
    def _after(self) -> int:
        return self.asking.trace.round_trips


@dataclass(frozen=True, slots=True)
class _Customer:
    """A customer whose figures are complete and whose account is there.

    ``figures`` are all that its row is to hold but the currency; ``copied`` what the row holds, if there is one.
    """

    number: str
    account_id: UUID
    account_etag: str
    figures: Values
    row_id: UUID
    row_etag: str | None
    copied: Values

    def wanted(self, currency: UUID) -> Values:
        """All that its row is to hold, by the names it is read by."""
        return {**self.figures, _CURRENCY: currency}

    def changed(self, currency: UUID) -> Values:
        """What CRM does not hold; a new day alone is no change."""
        return {name: value for name, value in self.wanted(currency).items() if self.copied.get(name) != value}


async def push_account_statistics(
    rows: Sequence[Row | GatewayError | None],
    setting: Setting,
    places: Places,
    writer: Writer,
) -> list[Pushed]:
    """One result for each row, in their order. Unchanged figures are not written, and incomplete ones are not either."""
    planned = _once_each([_plan(row, setting) for row in rows])
    customers = {each.account_id: each for each in planned if isinstance(each, _Customer)}
    results = await _push(list(customers.values()), setting, places, writer) if customers else {}
    return [results[each.account_id] if isinstance(each, _Customer) else each for each in planned]


def _once_each(planned: Sequence[_Customer | Pushed]) -> list[_Customer | Pushed]:
    """A customer that was named twice is written once: the second write would meet the version of the first."""
    first: dict[UUID, _Customer] = {}
    return [first.setdefault(each.account_id, each) if isinstance(each, _Customer) else each for each in planned]


async def _push(customers: Sequence[_Customer], setting: Setting, places: Places, writer: Writer) -> dict[UUID, Pushed]:
    """By account: first new rows, then what changes and the accounts' ways to their new rows, in one batch each."""
    currency = await _or_error(places.currency_id())
    if isinstance(currency, GatewayError):  # without it no amount says anything
        return {each.account_id: _failed(each, currency) for each in customers}
    fresh = [each for each in customers if each.row_etag is None]
    navigation = await _or_error(places.navigation()) if fresh else ""
    if isinstance(navigation, GatewayError):
        return {each.account_id: _failed(each, navigation) for each in fresh} | await _push(
            [each for each in customers if each.row_etag is not None], setting, places, writer
        )
    made = await writer.write([_create(each, currency, setting) for each in fresh])
    rows = {each.account_id: outcome for each, outcome in zip(fresh, made, strict=True)}
    results: dict[UUID, Pushed] = {}
    changes: dict[UUID, list[Change]] = {}
    for each in customers:
        row = rows.get(each.account_id)
        if isinstance(row, GatewayError):
            results[each.account_id] = _failed(each, row)
        elif each.row_etag is not None:
            changes[each.account_id] = _change(each, each.row_etag, each.changed(currency), currency, setting)
        else:
            changes[each.account_id] = [_link(each, navigation), *_late(each, row, currency, setting)]
    told = iter(await writer.change([change for some in changes.values() for change in some]))
    for each in customers:
        if each.account_id in changes:
            results[each.account_id] = _result(each, [next(told) for _ in changes[each.account_id]])
    return results


async def _or_error(asked: Awaitable[T]) -> T | BackendError:
    """A failure belongs to the records that need the answer."""
    try:
        return await asked
    except BackendError as error:
        return error


def _create(customer: _Customer, currency: UUID, setting: Setting) -> Create:
    """Every amount is written, also one of 0: CRM shows dashes for money that never was set.

    The native job writes a value other than 0 first, and then the amount. Whether a real tenant shows 0 when that is all that
    was ever written is not tried.
    """
    return Create(ACCOUNT_STATISTICS.name, customer.row_id, _written(customer.wanted(currency), setting))


def _change(customer: _Customer, etag: str, changed: Values, currency: UUID, setting: Setting) -> list[Change]:
    """The update of the row, if anything changed."""
    if not changed:
        return []
    update = Update(ACCOUNT_STATISTICS.name, customer.row_id, _written(changed, setting), etag)
    return [Change(ACCOUNT_STATISTICS, update, customer.wanted(currency))]


def _late(customer: _Customer, row: Outcome, currency: UUID, setting: Setting) -> list[Change]:
    """A row that was there already, left by a run that broke off, is brought up to date; one without a body is as we sent it."""
    if not isinstance(row, Record) or row.etag is None:
        return []
    changed = {name: value for name, value in customer.wanted(currency).items() if not holds(row.values, {name: value})}
    return _change(customer, row.etag, changed, currency, setting)


def _link(customer: _Customer, navigation: str) -> Change:
    """The account's way to its new row."""
    way = {f"{navigation}@odata.bind": f"/{ACCOUNT_STATISTICS.name}({customer.row_id})"}
    update = Update(ACCOUNTS.name, customer.account_id, way, customer.account_etag)
    return Change(ACCOUNTS, update, {"_nav_accountstatisticsid_value": customer.row_id})


def _written(columns: Values, setting: Setting) -> Values:
    """As a write names them, with the day they are of."""
    written: dict[str, object] = {name: value for name, value in columns.items() if name != _CURRENCY}
    if _CURRENCY in columns:
        written["transactioncurrencyid@odata.bind"] = f"/{CURRENCIES.name}({columns[_CURRENCY]})"
    return written | {_AS_OF: setting.today}


def _failed(customer: _Customer, error: GatewayError) -> Pushed:
    """Nothing was written; a new row is not there."""
    row = str(customer.row_id) if customer.row_etag is not None else None
    return not_written(customer.number, error, crm_id=row)


def _result(customer: _Customer, told: Sequence[PushOutcome | GatewayError]) -> Pushed:
    """``told`` of its changes; for a new row the account's way to it comes first: who leads it there created the row."""
    row = str(customer.row_id)
    error = next((each for each in told if isinstance(each, GatewayError)), None)
    if error is not None:
        return not_written(customer.number, error, crm_id=row)
    if customer.row_etag is None and told[0] is PushOutcome.UPDATED:
        return Pushed(customer.number, PushOutcome.CREATED, row)
    return Pushed(customer.number, PushOutcome.UPDATED if PushOutcome.UPDATED in told else PushOutcome.UNCHANGED, row)


def _plan(row: Row | GatewayError | None, setting: Setting) -> _Customer | Pushed:
    if row is None:
        return Pushed(None, PushOutcome.NOT_FOUND, message="There is no such customer.")
    if isinstance(row, GatewayError):
        return not_written(None, row)
    number = str(row.key("number") or "")
    found = calculate(row, "", None, setting)
    absent = [(name, each) for name, each in found.figures.twelve.items() if isinstance(each, Unavailable)]
    if absent:
        name, why = next((each for each in absent if isinstance(each[1], FailedFeed)), absent[0])
        return missing(number, why, before=f"{CRM_COLUMNS[name]} is missing, so nothing was written. ")
    account = as_read(behind(row, feed_branch("", "account")))
    if isinstance(account, Unavailable):
        return missing(number, account)
    if account is None or account.etag is None:
        message = "The customer is not coupled to an account, or the account no longer exists."
        return Pushed(number, PushOutcome.NOT_COUPLED, message=message)
    copied = as_read(found.crm)
    if isinstance(copied, Unavailable):
        return missing(number, copied)
    identity = {"nav_name": str(row.key("displayName") or ""), "nav_customerno": number}
    assert row.company is not None  # noqa: S101 - customers have one
    try:
        return _customer(number, row.company, account, copied, {**identity, **found.figures.twelve})
    except BackendError as error:
        return not_written(number, error)


def _customer(number: str, company: UUID, account: Row, copied: Row | None, figures: Values) -> _Customer:
    """Raises: ProtocolError, for a key that is none, or a row of CRM that cannot be read."""
    account_id = _guid(account.key(ACCOUNTS.key))
    if copied is not None and copied.etag is None:
        raise ProtocolError("Dataverse sent a row without its version.", backend=Backend.DATAVERSE)
    assert account.etag is not None  # noqa: S101 - the caller looked
    new_id = uuid5(company, f"account statistics of {account_id}")
    return _Customer(
        number=number,
        account_id=account_id,
        account_etag=account.etag,
        figures=figures,
        row_id=new_id if copied is None else _guid(copied.key(ACCOUNT_STATISTICS.key)),
        row_etag=None if copied is None else copied.etag,
        copied={} if copied is None else {name: _column(copied, name) for name in _COPIED},
    )


def _column(row: Row, name: str) -> object:
    """Raises: ProtocolError, when the value could not be read."""
    found = column_of(row, name, _COPIED[name])
    if isinstance(found, Unavailable):
        raise ProtocolError(found.message, backend=Backend.DATAVERSE)
    return "" if found is None and _COPIED[name] is values.text else found  # Dataverse has no blank text


def _guid(value: object) -> UUID:
    """Raises: ProtocolError, for a key that is none."""
    try:
        return values.guid(value)
    except (ValueError, TypeError) as error:
        raise ProtocolError("Dataverse sent a key that is no GUID.", backend=Backend.DATAVERSE) from error
