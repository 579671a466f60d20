"""One customer in several companies at once: the customers that are coupled to the same account in CRM."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.answers.plan import feed_branch
from gateway.answers.statistics import calculate
from gateway.answers.statistics_plan import STATISTICS
from gateway.figures.statistics import Statistics
from gateway.figures.unavailable import Unavailable
from gateway.reading.row import Failure, Row
from schema.access import seen_by
from schema.context import Context
from schema.fields import READERS, declared
from schema.figures import figure_type
from schema.types.customer_statistics import CustomerStatistics, company_outcome, statistics_of


@seen_by(READERS)
@strawberry.type(description="The statistics of one of several companies.")
class CompanyStatistics:
    company_id: UUID = strawberry.field(description="SystemId of the company.")
    _there: strawberry.Private[Row | Failure | None]
    _on: strawberry.Private[date | None]
    _below: strawberry.Private[str]

    @strawberry.field(
        description="The statistics there; null when the company has no customer coupled to the account.",
        metadata=declared(READERS),
    )
    def statistics(self, info: Info[Context, Any]) -> CustomerStatistics | None:
        if isinstance(self._there, Failure):
            self._there.tell()
        if not isinstance(self._there, Row):
            return None
        return statistics_of(self._there, "", self._on, info, below=f"{self._below}{info.path.key}/")


@seen_by(READERS)
@strawberry.type(description="Amounts of the companies that keep their books in one currency, added up.")
class CurrencyTotals:
    currency_code: str = strawberry.field(description="The local currency of these companies.")
    company_ids: list[UUID] = strawberry.field(description="The companies.")
    balance: Decimal | None = strawberry.field(description="Their balances; null when one is missing.")
    total: Decimal | None = strawberry.field(description="Their totals; null when one is missing.")
    overdue: Decimal | None = strawberry.field(description="Their overdue amounts; null when one is missing.")


@dataclass(frozen=True, slots=True)
class _There:
    """A customer in one company: its row, why it could not be had, or None where there is none."""

    company: UUID
    row: Row | Failure | None


@figure_type(STATISTICS, description="One customer in several companies: those coupled to the same account in CRM.")
class ConsolidatedStatistics:
    there: strawberry.Private[list[_There]]
    on: strawberry.Private[date | None]

    @strawberry.field(description="Company by company, in the order asked for.", metadata=declared(READERS))
    def companies(self, info: Info[Context, Any]) -> list[CompanyStatistics]:
        below = f"{info.path.key}/"
        return [
            CompanyStatistics(company_id=each.company, _there=each.row, _on=self.on, _below=below)
            for each in self.there
        ]

    @strawberry.field(
        description="Added up, for each local currency by itself: amounts in different currencies are not "
        "converted. Null when a company "
        "could not be had.",
        metadata=declared(READERS, feeds=("balance", "exposure", "currency")),
    )
    def totals(self, info: Info[Context, Any]) -> list[CurrencyTotals] | None:
        groups: dict[str, list[tuple[UUID, Statistics]]] = {}
        for each in self.there:
            if isinstance(each.row, Failure):
                each.row.tell()
                return None
            if each.row is None:
                continue
            figures = calculate(each.row, "", self.on, info.context.setting).figures
            groups.setdefault(_currency(each.row), []).append((each.company, figures))
        return [_totals(code, groups[code]) for code in sorted(groups)]

    @strawberry.field(
        description="What to know about the currencies; null when all books are kept in one.",
        metadata=declared(READERS, feeds=("currency",)),
    )
    def note(self) -> str | None:
        codes = sorted({_currency(each.row) for each in self.there if isinstance(each.row, Row)})
        if len(codes) < 2:
            return None
        books = " and ".join(codes)
        return f"The companies keep their books in {books}; amounts are not converted or added up across them."


def _currency(row: Row) -> str:
    """Raises: GatewayError, when the company's currency could not be had."""
    outcome = row.links.get(feed_branch("", "currency"))
    if isinstance(outcome, Failure):
        raise outcome.error.again()
    assert isinstance(outcome, str)  # noqa: S101 - the feed is declared by whoever calls
    return outcome


def _totals(code: str, companies: Sequence[tuple[UUID, Statistics]]) -> CurrencyTotals:
    def added(read: Callable[[Statistics], Decimal | Unavailable]) -> Decimal | None:
        amounts = [read(figures) for _, figures in companies]
        known = [amount for amount in amounts if not isinstance(amount, Unavailable)]
        return sum(known, Decimal(0)) if len(known) == len(amounts) else None

    return CurrencyTotals(
        currency_code=code,
        company_ids=[company for company, _ in companies],
        balance=added(lambda it: it.balance),
        total=added(lambda it: it.total),
        overdue=added(lambda it: it.overdue),
    )


def consolidated(
    row: Row, prefix: str, companies: Sequence[UUID], on: date | None, info: Info[Context, Any]
) -> ConsolidatedStatistics:
    """Each company once."""
    wanted = dict.fromkeys(companies)
    return ConsolidatedStatistics(
        there=[_There(company, company_outcome(row, prefix, company)) for company in wanted], on=on
    )
