"""Rows of Dataverse with what Business Central last sent about its customers: balance, orders, overdue, sales.

Sent an hour before the story, except where the story wants figures that are older than the books. All amounts in euro.

Source: Business Central, table CRM Account Statistics and codeunit CRM Statistics Job; table Customer (Get Total Amount
LCY).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.accounts import Account, account_of
from gateway.sandbox.company.codes import in_euro
from gateway.sandbox.company.crm_columns import audited, money, sent_at
from gateway.sandbox.company.customers import STORY_CUSTOMERS, Customer, customers
from gateway.sandbox.company.identifiers import ORGANIZATION_ID
from gateway.sandbox.company.ledger import Entry, ledger
from gateway.sandbox.company.orders import Order, OrderLine, orders, story_orders
from gateway.sandbox.company.rows import Row, Sets

_CENT: Final = Decimal("0.01")
_NOTHING: Final = Decimal("0.00")
_SENT_AT: Final = story.STORY_TIME - timedelta(hours=1)
_STALE: Final[Mapping[str, timedelta]] = {
    story.HARBOUR: timedelta(days=14),
    story.LIMIT_EXCEEDED: timedelta(days=5),
}
"""How much earlier the figures of a customer were sent: its books went on since."""

_SHIPPED_ON: Final = story.STORY_DATE - timedelta(days=1)
"""When orders shipped what they have shipped, see `orders`."""

_UNUSED: Final = (
    *("nav_outstandinginvoiceslcy", "nav_outstandingserviceorderslcy", "nav_servshippednotinvoicedlcy"),
    *("nav_outstandingservinvoiceslcy", "nav_invoicedprepaymentamountlcy"),
)
"""Sent as nothing: what the company has of these was entered after the figures were sent."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was known of a customer at the end of a day."""

    balance: Decimal
    overdue: Decimal
    sales: Decimal
    outstanding_orders: Decimal
    shipped_not_invoiced: Decimal

    @property
    def total(self) -> Decimal:
        return self.balance + self.outstanding_orders + self.shipped_not_invoiced


def statistics_sets(part: range) -> Sets:
    yield "nav_accountstatisticses", _rows(part)


def statistics(customer: Customer, on: date) -> Statistics:
    """The figures as of a day: overdue is what was due before it, sales are those of its year so far."""
    entries = [entry for entry in ledger(customer) if entry.posting_date <= on]
    remaining = {entry.number: in_euro(amount, entry.currency) for entry, amount in _remaining(entries)}
    lines = [(order, line) for order in _orders_of(customer) if order.ordered <= on for line in order.lines]
    shipped = [line.shipped if on >= _SHIPPED_ON else Decimal(0) for _, line in lines]
    return Statistics(
        balance=sum(remaining.values(), _NOTHING),
        overdue=sum((remaining.get(entry.number, _NOTHING) for entry in entries if entry.due_date < on), _NOTHING),
        sales=sum((entry.sales_lcy for entry in entries if entry.posting_date.year == on.year), _NOTHING),
        outstanding_orders=sum(
            (_share(*sold, sold[1].quantity - gone) for sold, gone in zip(lines, shipped, strict=True)), _NOTHING
        ),
        shipped_not_invoiced=sum((_share(*sold, gone) for sold, gone in zip(lines, shipped, strict=True)), _NOTHING),
    )


def _remaining(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Decimal]]:
    """Invoices and credit memos with what was not paid yet; a payment follows the entry that it was applied to."""
    paid = {entry.number - 1: entry.amount for entry in entries if entry.document_type == "Payment"}
    for entry in entries:
        if entry.document_type != "Payment":
            yield entry, entry.amount + paid.get(entry.number, _NOTHING)


def _share(order: Order, line: OrderLine, quantity: Decimal) -> Decimal:
    """What a part of an order line costs, with VAT."""
    gross = (line.amount + line.tax) * quantity / line.quantity
    return in_euro(gross, order.customer.currency).quantize(_CENT, ROUND_HALF_UP)


@cache
def _story_orders() -> Mapping[str, Sequence[Order]]:
    found: dict[str, list[Order]] = {}
    for order in story_orders():
        found.setdefault(order.customer.number, []).append(order)
    return found


def _orders_of(customer: Customer) -> Sequence[Order]:
    """Those of the story are spread over its customers; a further customer has its own at most."""
    if customer.index < STORY_CUSTOMERS:
        return _story_orders().get(customer.number, ())
    return tuple(orders(range(customer.index, customer.index + 1)))


def _rows(part: range) -> Iterator[Row]:
    for customer in customers(part):
        account = account_of(customer)
        if account is not None and account.statistics_id is not None:
            yield _row(customer, account, at=_SENT_AT - _STALE.get(customer.number, timedelta(0)))


def _row(customer: Customer, account: Account, *, at: datetime) -> Row:
    known = statistics(customer, at.date())
    amounts = {
        "nav_balancelcy": known.balance,
        "nav_outstandingorderslcy": known.outstanding_orders,
        "nav_shippednotinvoicedlcy": known.shipped_not_invoiced,
        "nav_totallcy": known.total,
        "nav_creditlimitlcy": customer.credit_limit,
        "nav_overdueamountslcy": known.overdue,
        "nav_totalsaleslcy": known.sales,
        **dict.fromkeys(_UNUSED, _NOTHING),
    }
    return {
        "nav_accountstatisticsid": account.statistics_id,
        "nav_name": customer.name,
        "nav_customerno": customer.number,
        "nav_overdueamountsasof": at.date().isoformat(),
        "_organizationid_value": ORGANIZATION_ID,
        "statecode": 0,
        "statuscode": 1,
        **money("", amounts),
        **audited(sent_at(account.created_at), at),
    }
