"""The twelve amounts of a customer, copied to CRM: the account's row of ``nav_accountstatistics``.

Source: Business Central, codeunit CRM Statistics Job, "Update Account Statistics" of the customer card; table CRM Account
Statistics.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid5

from gateway.answers.plan import Asked, Setting, behind, column_of, feed_branch, need_of
from gateway.answers.statistics import CRM_COLUMNS, STATISTICS, TWELVE, calculate
from gateway.errors import BackendError, GatewayError, NotFoundError, ProtocolError
from gateway.figures.unavailable import Unavailable
from gateway.odata.write import Create, Update, holds
from gateway.reading import values
from gateway.reading.lookup import Asking, match_key
from gateway.reading.need import Need
from gateway.reading.reader import Reading
from gateway.reading.row import Row
from gateway.reading.sources import ACCOUNT_STATISTICS, CURRENCIES
from gateway.records import Backend, Record, Values
from gateway.sync.push import Pushed, PushOutcome, Writer, not_written

_AS_OF = "nav_overdueamountsasof"


def need(setting: Setting) -> Need:
    """What has to be read of a customer."""
    return need_of(STATISTICS, ("crm", *TWELVE), Asked({}, setting), columns=("displayName",))


@dataclass(frozen=True, slots=True)
class Places:
    """What of CRM must be known to write there: the account's way to its statistics row, and the row of the local currency."""

    navigation: str
    currency_id: UUID


async def find_places(reading: Reading, asking: Asking, company: UUID) -> Places:
    """Asked once and then known.

    Raises:
        BackendError: one of the systems did not say, or CRM lacks the columns or the currency.
    """
    after = asking.trace.round_trips
    navigation = await reading.facts.account_statistics_navigation(asking, after=after)
    code = await reading.facts.currency(company, asking, after=after)
    found, _ = await reading.lookups.by_key(
        asking, CURRENCIES, "isocurrencycode", [code], select=frozenset({"isocurrencycode"}), expand=(), after=after
    )
    currency = found.get(match_key(code))
    if currency is None:
        raise NotFoundError(f"CRM has no currency {code}, in which the books are kept.", backend=Backend.DATAVERSE)
    return Places(navigation, values.guid(currency.values.get(CURRENCIES.key)))


@dataclass(frozen=True, slots=True)
class _Customer:
    """A customer whose figures are complete and whose account is there."""

    number: str
    account_id: UUID
    account_etag: str
    amounts: Mapping[str, Decimal]
    row_id: UUID
    row_etag: str | None
    copied: Mapping[str, Decimal | None]
    name: str

    @property
    def changed(self) -> dict[str, object]:
        """The amounts that CRM does not hold; a new day alone is no change."""
        return {name: amount for name, amount in self.amounts.items() if self.copied.get(name) != amount}


async def push_account_statistics(
    rows: Sequence[Row | GatewayError | None],
    setting: Setting,
    find_places: Callable[[], Awaitable[Places]],
    writer: Writer,
) -> list[Pushed]:
    """One result for each row, in their order. Unchanged figures are not written, and incomplete ones are not either.

    Raises:
        BackendError: the places for new rows could not be found; nothing was written.
    """
    planned = _once_each([_plan(row, setting) for row in rows])
    customers = list({id(each): each for each in planned if isinstance(each, _Customer)}.values())
    results: dict[int, Pushed] = {}
    changed = [each for each in customers if each.row_etag is not None and each.changed]
    fresh = [each for each in customers if each.row_etag is None]
    places = await find_places() if fresh else None
    creates = [_create(each, setting, places) for each in fresh if places is not None]
    outcomes = await writer.write([*(_update(each, setting) for each in changed), *creates])
    for customer, outcome in zip(changed, outcomes[: len(changed)], strict=True):
        results[id(customer)] = _result(customer, outcome, PushOutcome.UPDATED)
    if places is not None:
        made = list(zip(fresh, outcomes[len(changed) :], strict=True))
        results |= await _bind(made, setting, places, writer)
    return [
        results.get(id(each), Pushed(each.number, PushOutcome.UNCHANGED, str(each.row_id)))
        if isinstance(each, _Customer)
        else each
        for each in planned
    ]


def _once_each(planned: Sequence[_Customer | Pushed]) -> list[_Customer | Pushed]:
    """A customer that was named twice is written once: the second write would meet the version of the first."""
    first: dict[UUID, _Customer] = {}
    return [first.setdefault(each.account_id, each) if isinstance(each, _Customer) else each for each in planned]


async def _bind(
    made: Sequence[tuple[_Customer, object]], setting: Setting, places: Places, writer: Writer
) -> dict[int, Pushed]:
    """Lead the accounts to their new rows. A row that was there already, left by a run that broke off, is brought up to date."""
    results = {id(each): _result(each, outcome, PushOutcome.CREATED) for each, outcome in made}
    bound = [(each, outcome) for each, outcome in made if isinstance(outcome, Record)]
    late = [
        Update(ACCOUNT_STATISTICS.name, each.row_id, _amounts(each, setting), outcome.etag)
        for each, outcome in bound
        if outcome.etag is not None and not holds(outcome.values, _amounts(each, setting))
    ]
    links: list[Update] = [
        Update(
            "accounts",
            each.account_id,
            {f"{places.navigation}@odata.bind": f"/{ACCOUNT_STATISTICS.name}({each.row_id})"},
            each.account_etag,
        )
        for each, _ in bound
    ]
    outcomes = await writer.write([*links, *late])
    for (each, _), outcome in zip(bound, outcomes[: len(links)], strict=True):
        results[id(each)] = _result(each, outcome, PushOutcome.CREATED)
    owners = {each.row_id: each for each, _ in bound}
    for write, outcome in zip(late, outcomes[len(links) :], strict=True):
        if isinstance(outcome, GatewayError):
            results[id(owners[write.id])] = _result(owners[write.id], outcome, PushOutcome.CREATED)
    return results


def _result(customer: _Customer, outcome: object, success: PushOutcome) -> Pushed:
    if isinstance(outcome, GatewayError):
        return not_written(customer.number, outcome, crm_id=str(customer.row_id))
    return Pushed(customer.number, success, str(customer.row_id))


def _amounts(customer: _Customer, setting: Setting) -> Values:
    return {**customer.amounts, _AS_OF: setting.today}


def _update(customer: _Customer, setting: Setting) -> Update:
    assert customer.row_etag is not None  # noqa: S101 - the caller looked
    changed = customer.changed | {_AS_OF: setting.today}
    return Update(ACCOUNT_STATISTICS.name, customer.row_id, changed, customer.row_etag)


def _create(customer: _Customer, setting: Setting, places: Places) -> Create:
    """Every amount is written, also one of 0: CRM shows dashes for money that never was."""
    identity = {"nav_name": customer.name, "nav_customerno": customer.number}
    currency = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({places.currency_id})"}
    return Create(ACCOUNT_STATISTICS.name, customer.row_id, identity | dict(_amounts(customer, setting)) | currency)


def _plan(row: Row | GatewayError | None, setting: Setting) -> _Customer | Pushed:
    if row is None:
        return Pushed(None, PushOutcome.NOT_FOUND, message="There is no such customer.")
    if isinstance(row, GatewayError):
        return not_written(None, row)
    number = str(row.key("number") or "")
    found = calculate(row, "", None, setting)
    amounts: dict[str, Decimal] = {}
    for name, amount in found.figures.twelve.items():
        if isinstance(amount, Unavailable):
            message = f"{CRM_COLUMNS[name]} is missing, so nothing was written. {amount.message}"
            return Pushed(number, PushOutcome.INCOMPLETE, message=message)
        amounts[name] = amount
    account = behind(row, feed_branch("", "account"))
    if isinstance(account, Unavailable):
        return Pushed(number, PushOutcome.INCOMPLETE, message=account.message)
    if account is None or account.etag is None:
        message = "The customer is not coupled to an account, or the account no longer exists."
        return Pushed(number, PushOutcome.NOT_COUPLED, message=message)
    if isinstance(found.crm, Unavailable):
        return Pushed(number, PushOutcome.INCOMPLETE, message=found.crm.message)
    try:
        return _customer(row, number, account, found.crm, amounts)
    except BackendError as error:
        return not_written(number, error)


def _customer(row: Row, number: str, account: Row, copied: Row | None, amounts: Mapping[str, Decimal]) -> _Customer:
    """Raises: ProtocolError, for a key that is none."""
    try:
        account_id = values.guid(account.key("accountid"))
        row_id = values.guid(copied.key("nav_accountstatisticsid")) if copied is not None else None
    except (ValueError, TypeError) as error:
        raise ProtocolError("Dataverse sent a key that is no GUID.", backend=Backend.DATAVERSE) from error
    if copied is not None and copied.etag is None:
        raise ProtocolError("Dataverse sent a row without its version.", backend=Backend.DATAVERSE)
    known = {} if copied is None else {name: _copied(copied, name) for name in CRM_COLUMNS}
    assert row.company is not None  # noqa: S101 - customers have one
    assert account.etag is not None  # noqa: S101 - the caller looked
    return _Customer(
        number=number,
        account_id=account_id,
        account_etag=account.etag,
        amounts=amounts,
        row_id=row_id or uuid5(row.company, f"account statistics of {account_id}"),
        row_etag=copied.etag if copied is not None else None,
        copied=known,
        name=str(row.key("displayName") or ""),
    )


def _copied(row: Row, name: str) -> Decimal | None:
    """Raises: GatewayError, when the row or its value could not be read."""
    found = column_of(row, name, values.decimal)
    if isinstance(found, Unavailable):
        raise ProtocolError(found.message, backend=Backend.DATAVERSE)
    return found
