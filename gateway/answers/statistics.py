"""How the statistics of a customer come together from what was read behind its row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from gateway.answers.plan import (
    Setting,
    behind,
    column_of,
    failed,
    fed,
    fed_from,
    feed_branch,
)
from gateway.answers.statistics_plan import sales_days
from gateway.figures import exposure, receivables, sales
from gateway.figures.exposure import Exposure
from gateway.figures.receivables import Age, OpenEntry
from gateway.figures.statistics import Payment, SalesPeriod, Statistics
from gateway.figures.unavailable import Figure, Reason, Unavailable, given
from gateway.figures.values import day, number
from gateway.reading import values
from gateway.reading.row import Failure, Feed, Row
from gateway.reading.sources import (
    AGED_RECEIVABLES,
    SALES_LINES,
)
from gateway.records import Values

T = TypeVar("T")


@dataclass(frozen=True)
class Calculated:
    """The figures of one customer, and what belongs to them."""

    figures: Statistics
    crm: Row | Unavailable | None
    read_at: datetime


_NO_HISTORY = Unavailable(
    Reason.NO_SOURCE, "Open documents have no history: what was open on another day than today is not known."
)
_NO_COPY = Unavailable(
    Reason.NO_SOURCE, "CRM holds the figures of today: they cannot be compared with those of another day."
)
_NO_YEAR = Unavailable(Reason.NO_SOURCE, "The company information does not say when the fiscal year begins.")


def calculate(row: Row, prefix: str, as_of: date | None, setting: Setting) -> Calculated:
    """From what was read behind a customer's row, below ``prefix``; as of today unless told."""
    on = as_of or setting.today
    make = _Maker(row, prefix, on, on == setting.today)
    entries = _NO_HISTORY if make.now else make.entries()  # of another day; today's balance comes with the customer
    figures = Statistics(
        on=on,
        balance=make.detail("balance") if make.now else given(entries, receivables.balance),
        overdue=make.detail("overdueAmount") if make.now else given(entries, lambda it: receivables.overdue(it, on)),
        credit_limit=_credit_limit(row, on, setting),
        exposure=make.exposure(setting) if make.now else exposure.without(_NO_HISTORY),
        aging=make.aging() if make.now else given(entries, lambda it: receivables.aging(it, on)),
        sales={period: make.sales(period) for period in SalesPeriod},
        last_sale=make.fed("lastSale", lambda rows: day(rows[0].get("postingDate")) if rows else None),
        last_payment=make.fed("lastPayment", _payment),
        open_documents=make.fed("salesLines", exposure.open_documents) if make.now else _NO_HISTORY,
    )
    return Calculated(figures, _copy(row, prefix) if make.now else _NO_COPY, setting.read_at)


def _copy(row: Row, prefix: str) -> Row | Unavailable | None:
    """CRM's statistics row; None when the customer is not coupled or its account has none."""
    account = behind(row, feed_branch(prefix, "account"))
    return behind(account, "statistics") if isinstance(account, Row) else account


def _credit_limit(row: Row, on: date, setting: Setting) -> Figure:
    if on < setting.today:
        return Unavailable(Reason.NO_SOURCE, "Business Central keeps no history of credit limits.")
    found = column_of(row, "creditLimit", values.decimal)
    return Unavailable(Reason.NO_SOURCE, "Business Central sent no credit limit.") if found is None else found


@dataclass(frozen=True, slots=True)
class _Maker:
    """One customer's branches; ``now``: the figures are to be as of today."""

    row: Row
    prefix: str
    on: date
    now: bool

    def fed(self, name: str, read: Callable[[Sequence[Values]], T], **otherwise: Unavailable) -> T | Unavailable:
        return fed(self.row, feed_branch(self.prefix, name), read, **otherwise)

    def detail(self, name: str) -> Figure:
        """A figure that came along with the customer."""
        if isinstance(self.row.values, Failure):
            return failed(self.row.values)
        detail = behind(self.row, feed_branch(self.prefix, "detail"))
        found = column_of(detail, name, values.decimal) if isinstance(detail, Row) else detail
        return Unavailable(Reason.NO_SOURCE, f"Business Central sent no {name}.") if found is None else found

    def entries(self) -> Sequence[OpenEntry] | Unavailable:
        """The entries that were open on another day than today."""
        return self.fed("ledger", lambda rows: receivables.entries_on(rows, self.on))

    def aging(self) -> Sequence[Age] | Unavailable:
        def read(feed: Feed) -> Sequence[Age]:
            if feed.source is AGED_RECEIVABLES:
                return receivables.aging_of_report(feed.rows[0] if feed.rows else {})
            return receivables.aging(receivables.entries_on(feed.rows, self.on), self.on)

        return fed_from(self.row, feed_branch(self.prefix, "ledger"), read)

    def exposure(self, setting: Setting) -> Exposure:
        def read(feed: Feed) -> Exposure:
            if feed.source is SALES_LINES:
                return exposure.exposure_of_lines(feed.rows, setting.modules)
            if feed.rows:
                return exposure.exposure_of_page(feed.rows[0])
            missing = "The extension's page customerStatistics has no row of this customer."
            return exposure.without(Unavailable(Reason.NO_SOURCE, missing))

        found = fed_from(self.row, feed_branch(self.prefix, "exposure"), read)
        return exposure.without(found) if isinstance(found, Unavailable) else found

    def sales(self, period: SalesPeriod) -> sales.Sales:
        sold = self.fed(f"sales.{period}", sales.total_sales, otherwise=_NO_YEAR)
        start = self.row.links.get(feed_branch(self.prefix, "fiscalYear"))
        if isinstance(start, Failure):
            return sales.Sales(sold, failed(start))
        if not isinstance(start, date) and period is not SalesPeriod.LIFETIME:
            return sales.Sales(sold, _NO_YEAR)
        within = sales_days(period, start if isinstance(start, date) else None, self.on)
        return sales.Sales(sold, self.fed("profit", lambda days: sales.profit_within(days, within, self.on)))


def _payment(rows: Sequence[Values]) -> Payment | None:
    if not rows:
        return None
    return Payment(day(rows[0].get("dclePostingDate")), -number(rows[0].get("dcleAmountLCY")))
