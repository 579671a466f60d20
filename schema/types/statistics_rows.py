"""The rows of customer statistics: ages, sales by period, open documents, and CRM's copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry

from gateway.answers.plan import column_of
from gateway.answers.statistics import Calculated
from gateway.answers.statistics_plan import CRM_COLUMNS
from gateway.figures.receivables import Age
from gateway.figures.sales import Sales
from gateway.figures.statistics import SalesPeriod, Statistics, differences
from gateway.figures.unavailable import Unavailable
from gateway.reading import values
from gateway.reading.row import Row
from schema.access import EVERY_ROLE, seen_by
from schema.fields import READERS, declared
from schema.figures import show_figure
from schema.money import Money

Day = date
"""For classes with a field of that name."""


@dataclass(frozen=True)
class Shown:
    """What was calculated, and what the branch of the local currency came to."""

    calculated: Calculated
    currency: object

    @property
    def figures(self) -> Statistics:
        return self.calculated.figures

    @property
    def crm(self) -> Row | Unavailable | None:
        return self.calculated.crm

    @property
    def read_at(self) -> datetime:
        return self.calculated.read_at

    def money(self, amount: Decimal) -> Money:
        return Money.of(amount, self.currency)


@seen_by(READERS)
@strawberry.type(description="A part of the balance by how late it is.")
class AgingBucket:
    _age: strawberry.Private[Age]
    _calculated: strawberry.Private[Shown]

    @strawberry.field(description="What it holds, such as `31-60 days`.")
    def label(self) -> str:
        return self._age.label

    @strawberry.field(description="From how many days after the due date; null for what is not due yet.")
    def from_days(self) -> int | None:
        return self._age.first_day

    @strawberry.field(
        description="To how many days after the due date; null for what is not due yet, and where there is no end."
    )
    def to_days(self) -> int | None:
        return self._age.last_day

    @strawberry.field(description="The amount; payments and credit memos not applied yet count in it.")
    def amount(self) -> Money:
        return self._calculated.money(self._age.amount)


@seen_by(READERS)
@strawberry.type(description="What was sold within a period, by posting date, without VAT.")
class SalesFigures:
    _sales: strawberry.Private[Sales]
    _calculated: strawberry.Private[Shown]

    @strawberry.field(description="Sales: invoices less credit memos.")
    def sales(self) -> Money | None:
        amount = show_figure(self._sales.sales)
        return None if amount is None else self._calculated.money(amount)

    @strawberry.field(
        description="Original profit, as posted: the extension's page.", metadata=declared(READERS, feeds=("profit",))
    )
    def profit(self) -> Money | None:
        amount = show_figure(self._sales.profit)
        return None if amount is None else self._calculated.money(amount)

    @strawberry.field(
        description="100 x profit / sales, rounded to a tenth; 0 without sales.",
        metadata=declared(READERS, feeds=("profit",)),
    )
    def profit_percent(self) -> Decimal | None:
        return show_figure(self._sales.profit_percent)


def _column(period: SalesPeriod, description: str) -> Any:
    def resolve(root: Any) -> SalesFigures:
        return SalesFigures(_sales=root._calculated.figures.sales[period], _calculated=root._calculated)

    return strawberry.field(
        resolver=resolve, description=description, metadata=declared(READERS, feeds=(f"sales.{period}",))
    )


@seen_by(READERS)
@strawberry.type(description="Sales in the columns of Business Central's own statistics.")
class SalesColumns:
    _calculated: strawberry.Private[Shown]

    this_period: SalesFigures = _column(
        SalesPeriod.THIS_PERIOD, "The month of the fiscal year that the day lies in, up to that day."
    )
    this_year: SalesFigures = _column(SalesPeriod.THIS_YEAR, "The fiscal year up to that day.")
    last_year: SalesFigures = _column(SalesPeriod.LAST_YEAR, "The whole fiscal year before.")
    lifetime: SalesFigures = _column(SalesPeriod.LIFETIME, "Everything up to that day.")


@seen_by(READERS)
@strawberry.type(description="A payment that was posted.")
class LastPayment:
    date: Day = strawberry.field(description="Posting date.")
    amount: Money = strawberry.field(description="What came in, in local currency.")


@seen_by(READERS)
@strawberry.type(
    description="How many open sales documents there are, by bill-to customer (the Analytics API's `salesLines`)."
)
class OpenDocumentCounts:
    quotes: int = strawberry.field(description="Quotes.")
    blanket_orders: int = strawberry.field(description="Blanket orders.")
    orders: int = strawberry.field(description="Orders.")
    invoices: int = strawberry.field(description="Invoices that are not posted yet.")
    return_orders: int = strawberry.field(description="Return orders.")
    credit_memos: int = strawberry.field(description="Credit memos that are not posted yet.")


@seen_by(EVERY_ROLE)
@strawberry.type(description="One amount in CRM's statistics row, beside what it is now.")
class CopiedAmount:
    figure: str = strawberry.field(description="The field of the statistics it is a copy of.")
    crm: Money | None = strawberry.field(description="What CRM holds; null when it was never written.")
    business_central: Money | None = strawberry.field(description="What it is now; null when it is among the missing.")
    difference: Money | None = strawberry.field(
        description="Business Central's less CRM's; null unless the former is there."
    )


@seen_by(EVERY_ROLE)
@strawberry.type(description="CRM's statistics row of the account: the copy that the native integration writes.")
class CopiedStatistics:
    _row: strawberry.Private[Row]
    _calculated: strawberry.Private[Shown]

    @strawberry.field(description="When the copy was last changed.")
    def modified_at(self) -> datetime | None:
        return show_figure(column_of(self._row, "modifiedon", values.instant))

    @strawberry.field(description="How many minutes ago that was.")
    def age_minutes(self) -> int | None:
        modified = show_figure(column_of(self._row, "modifiedon", values.instant))
        return None if modified is None else int((self._calculated.read_at - modified).total_seconds() // 60)

    @strawberry.field(description="The day its overdue amount is as of.")
    def overdue_as_of(self) -> date | None:
        return show_figure(column_of(self._row, "nav_overdueamountsasof", values.day_of))

    @strawberry.field(
        description="Whether an amount differs from what it is now. Amounts that are missing now are not "
        "compared; null when all are."
    )
    def is_stale(self) -> bool | None:
        live = self._calculated.figures.twelve
        if all(isinstance(amount, Unavailable) for amount in live.values()):
            return None
        return bool(differences(live, self._copied()))

    @strawberry.field(description="The twelve amounts, beside what they are now.")
    def amounts(self) -> list[CopiedAmount]:
        copied = self._copied()
        return [self._beside(name, copied[name], live) for name, live in self._calculated.figures.twelve.items()]

    def _copied(self) -> Mapping[str, Decimal | None]:
        return {name: show_figure(column_of(self._row, name, values.decimal)) for name in CRM_COLUMNS}

    def _beside(self, name: str, copied: Decimal | None, live: Decimal | Unavailable) -> CopiedAmount:
        money_of = self._calculated.money
        known = not isinstance(live, Unavailable)
        return CopiedAmount(
            figure=CRM_COLUMNS[name],
            crm=None if copied is None else money_of(copied),
            business_central=money_of(live) if not isinstance(live, Unavailable) else None,
            difference=money_of(live - (copied or Decimal(0))) if known and isinstance(live, Decimal) else None,
        )
