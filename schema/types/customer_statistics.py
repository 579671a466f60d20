"""CustomerStatistics: what a customer owes and buys."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.answers.plan import company_branch
from gateway.answers.statistics import calculate
from gateway.answers.statistics_plan import STATISTICS, TWELVE
from gateway.auth.caller import Role
from gateway.figures.statistics import SalesPeriod, Statistics
from gateway.reading.need import LocalCurrency
from gateway.reading.row import Failure, Row
from schema.context import Context
from schema.fields import CURRENCY_BRANCH, EVERY_ROLE, READERS, declared, show
from schema.figures import (
    MissingFigure,
    figure,
    figure_type,
    missing_of,
)
from schema.money import Money
from schema.selection import selection_of
from schema.types.statistics_rows import (
    AgingBucket,
    CopiedStatistics,
    LastPayment,
    OpenDocumentCounts,
    SalesColumns,
    Shown,
)

if TYPE_CHECKING:
    from schema.types.customer import Customer

AsOf = Annotated[date | None, strawberry.argument(description="The day the figures are as of; today by default.")]


def money(
    read: Callable[[Statistics], Any],
    *,
    feeds: Sequence[str],
    description: str,
    columns: Sequence[str] = (),
    access: frozenset[Role] = EVERY_ROLE,
) -> Any:
    """An amount in local currency; everybody with a role may see the twelve that CRM's statistics row holds."""
    return figure(
        lambda it: read(it.figures),
        feeds=feeds,
        columns=columns,
        convert=lambda root, amount: root.calculated.money(amount),
        access=access,
        description=description,
    )


@figure_type(
    STATISTICS,
    description="What a customer owes and buys. Amounts are in the company's local currency, by bill-to "
    "customer. What cannot be had "
    "is null, and `missing` says why.",
)
class CustomerStatistics:
    row: strawberry.Private[Row]
    calculated: strawberry.Private[Shown]
    prefix: strawberry.Private[str]
    names: strawberry.Private[frozenset[str]]

    @strawberry.field(description="The day the figures are as of.", metadata=declared(EVERY_ROLE))
    def as_of(self) -> date:
        return self.calculated.figures.on

    @strawberry.field(description="When they were read.", metadata=declared(EVERY_ROLE))
    def read_at(self) -> datetime:
        return self.calculated.read_at

    @strawberry.field(
        description="The customer they are of: in another company, the one coupled to the same account.",
        metadata=declared(EVERY_ROLE, same_row=True),
    )
    def customer(self, info: Info[Context, Any]) -> Annotated["Customer", strawberry.lazy("schema.types.customer")]:
        return show(self.row.within(f"{self.prefix}{info.path.key}/"))

    balance: Money | None = money(
        lambda it: it.balance,
        feeds=("balance",),
        description="Balance (LCY): what all posted entries add up to. `customerFinancialDetails.balance`; of "
        "another day the "
        "detailed ledger entries posted by then.",
    )
    outstanding_orders: Money | None = money(
        lambda it: it.exposure.outstanding_orders,
        feeds=("exposure",),
        description="Outstanding Orders (LCY): what of sales orders is not shipped yet, with VAT.",
    )
    shipped_not_invoiced: Money | None = money(
        lambda it: it.exposure.shipped_not_invoiced,
        feeds=("exposure",),
        description="Shipped Not Invoiced (LCY): what of sales orders is shipped and not invoiced yet, with VAT.",
    )
    outstanding_invoices: Money | None = money(
        lambda it: it.exposure.outstanding_invoices,
        feeds=("exposure",),
        description="Outstanding Invoices (LCY): sales invoices that are not posted yet, with VAT.",
    )
    outstanding_service_orders: Money | None = money(
        lambda it: it.exposure.outstanding_service_orders,
        feeds=("exposure",),
        description="Outstanding Service Orders (LCY): what of service orders is not shipped yet, with VAT.",
    )
    service_shipped_not_invoiced: Money | None = money(
        lambda it: it.exposure.service_shipped_not_invoiced,
        feeds=("exposure",),
        description="Service Shipped Not Invoiced (LCY): what of service orders is shipped and not invoiced "
        "yet, with VAT.",
    )
    outstanding_service_invoices: Money | None = money(
        lambda it: it.exposure.outstanding_service_invoices,
        feeds=("exposure",),
        description="Outstanding Service Invoices (LCY): service invoices that are not posted yet, with VAT.",
    )
    invoiced_prepayment: Money | None = money(
        lambda it: it.exposure.invoiced_prepayment,
        feeds=("exposure",),
        description="Invoiced Prepayment Amount (LCY): what of sales orders was invoiced in advance, with VAT.",
    )
    total: Money | None = money(
        lambda it: it.total,
        feeds=("balance", "exposure"),
        description="Total (LCY) = balance + outstanding orders + shipped not invoiced + outstanding invoices, "
        "less what those bill of "
        "shipped orders + the same three of service - invoiced prepayment - returns received and not credited. "
        "Null when a part is.",
    )
    credit_limit: Money | None = money(
        lambda it: it.credit_limit,
        feeds=(),
        columns=("creditLimit",),
        description="Credit Limit (LCY); 0 means that none is set. Missing for a past day: it has no history.",
    )
    available_credit: Money | None = money(
        lambda it: it.available_credit,
        feeds=("balance", "exposure"),
        access=READERS,
        description="Credit limit - total; negative when it is exceeded. 0 when no limit is set: see `creditLimit`.",
    )
    overdue: Money | None = money(
        lambda it: it.overdue,
        feeds=("balance",),
        description="Overdue Amounts (LCY): what remains of entries due before the day.",
    )
    sales_this_year: Money | None = money(
        lambda it: it.sales[SalesPeriod.THIS_YEAR].sales,
        feeds=("sales.thisYear",),
        description="Total Sales (LCY): sales of the fiscal year up to the day, without VAT.",
    )
    aging: list[AgingBucket] | None = figure(
        lambda it: it.figures.aging,
        feeds=("ledger",),
        convert=lambda root, ages: [AgingBucket(_age=age, _calculated=root.calculated) for age in ages],
        description="The balance by how late it is: not due, 1 to 30 days, 31 to 60, more.",
    )
    days_since_last_sale: int | None = figure(
        lambda it: it.figures.days_since_last_sale,
        feeds=("lastSale",),
        description="Days since the last posted invoice over more than nothing; null when there never was one.",
    )
    last_sale_date: date | None = figure(
        lambda it: it.figures.last_sale, feeds=("lastSale",), description="When that was posted."
    )
    last_payment: LastPayment | None = figure(
        lambda it: it.figures.last_payment,
        feeds=("lastPayment",),
        convert=lambda root, payment: LastPayment(date=payment.on, amount=root.calculated.money(payment.amount)),
        description="The newest payment that was posted; null when there never was one.",
    )
    open_documents: OpenDocumentCounts | None = figure(
        lambda it: it.figures.open_documents,
        feeds=("openDocuments",),
        convert=lambda root, counts: OpenDocumentCounts(
            quotes=counts.quotes,
            blanket_orders=counts.blanket_orders,
            orders=counts.orders,
            invoices=counts.invoices,
            return_orders=counts.return_orders,
            credit_memos=counts.credit_memos,
        ),
        description="Open sales documents, counted.",
    )

    @strawberry.field(description="Sales by period.", metadata=declared(READERS))
    def sales(self) -> SalesColumns | None:
        return SalesColumns(_calculated=self.calculated)

    crm: CopiedStatistics | None = figure(
        lambda it: it.crm,
        feeds=("crm", *TWELVE),
        access=EVERY_ROLE,
        convert=lambda root, row: CopiedStatistics(_row=row, _calculated=root.calculated),
        description="What CRM holds of it, and how far it is off. Null while the customer is not coupled or nothing was "
        "ever sent; missing for another day than today.",
    )

    @strawberry.field(
        description="Which of the figures selected beside this are null because they could not be had.",
        metadata=declared(EVERY_ROLE),
    )
    def missing(self) -> list[MissingFigure]:
        return missing_of(CustomerStatistics, self.calculated, self.names, _NESTED)


def _nested_sales(period: SalesPeriod, name: str) -> Callable[[Shown], object]:
    return lambda it: getattr(it.figures.sales[period], name)


_NESTED: Mapping[str, Callable[[Shown], object]] = {
    f"sales.{period}.{shown}": _nested_sales(period, name)
    for period in SalesPeriod
    for shown, name in (("sales", "sales"), ("profit", "profit"), ("profitPercent", "profit_percent"))
}


def statistics_of(
    row: Row, prefix: str, on: date | None, info: Info[Context, Any], *, below: str | None = None
) -> CustomerStatistics:
    """The answer for one customer, from what was read behind its row.

    The feeds lie below ``prefix``; the statistics themselves stand below ``below``, the same unless told.
    """
    place = prefix if below is None else below
    shown = Shown(calculate(row, prefix, on, info.context.setting), row.links.get(CURRENCY_BRANCH[LocalCurrency]))
    return CustomerStatistics(row=row, calculated=shown, prefix=place, names=selection_of(info).names())


def statistics_in_company(
    row: Row, prefix: str, company: UUID | None, on: date | None, info: Info[Context, Any]
) -> CustomerStatistics | None:
    """Of the customer itself, or of the one that another company has coupled to the same account; None when it has none.

    Raises:
        GatewayError: that one could not be had.
    """
    if company is None:
        return statistics_of(row, prefix, on, info)
    elsewhere = company_outcome(row, prefix, company)
    if isinstance(elsewhere, Failure):
        elsewhere.tell()
    return statistics_of(elsewhere, "", on, info) if isinstance(elsewhere, Row) else None


def company_outcome(row: Row, prefix: str, company: UUID) -> Row | Failure | None:
    """The customer of another company, why it could not be had, or None when that company has none."""
    outcome = row.links.get(company_branch(prefix, company))
    return outcome if isinstance(outcome, Row | Failure) else None
