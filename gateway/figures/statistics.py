"""What a customer owes and buys: all figures of one customer, from what was read of it. Pure.

Amounts are in local currency. A figure is its value, or :class:`Unavailable` with the reason.

Source: Business Central, table CRM Account Statistics (the twelve amounts that CRM is sent), page Customer Statistics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from gateway.figures.exposure import Exposure, OpenDocuments, available_credit
from gateway.figures.receivables import Age
from gateway.figures.sales import Sales
from gateway.figures.unavailable import Figure, Unavailable


class SalesPeriod(StrEnum):
    """The columns of Business Central's statistics."""

    THIS_PERIOD = "thisPeriod"
    THIS_YEAR = "thisYear"
    LAST_YEAR = "lastYear"
    LIFETIME = "lifetime"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that was posted; ``amount`` is what came in."""

    on: date
    amount: Decimal


@dataclass(frozen=True)
class Statistics:
    """The figures of one customer on one day."""

    on: date
    balance: Figure
    overdue: Figure
    credit_limit: Figure
    exposure: Exposure
    aging: Sequence[Age] | Unavailable
    sales: Mapping[SalesPeriod, Sales]
    last_sale: date | Unavailable | None
    last_payment: Payment | Unavailable | None
    open_documents: OpenDocuments | Unavailable

    @cached_property
    def total(self) -> Figure:
        return self.exposure.total(self.balance)

    @property
    def available_credit(self) -> Figure:
        return available_credit(self.credit_limit, self.total)

    @property
    def days_since_last_sale(self) -> int | Unavailable | None:
        """None when there never was one."""
        if isinstance(self.last_sale, date):
            return (self.on - self.last_sale).days
        return self.last_sale

    @property
    def twelve(self) -> dict[str, Figure]:
        """The amounts that CRM is sent, by the column of its statistics row."""
        exposure = self.exposure
        return {
            "nav_balancelcy": self.balance,
            "nav_outstandingorderslcy": exposure.outstanding_orders,
            "nav_shippednotinvoicedlcy": exposure.shipped_not_invoiced,
            "nav_outstandinginvoiceslcy": exposure.outstanding_invoices,
            "nav_outstandingserviceorderslcy": exposure.outstanding_service_orders,
            "nav_servshippednotinvoicedlcy": exposure.service_shipped_not_invoiced,
            "nav_outstandingservinvoiceslcy": exposure.outstanding_service_invoices,
            "nav_totallcy": self.total,
            "nav_creditlimitlcy": self.credit_limit,
            "nav_overdueamountslcy": self.overdue,
            "nav_totalsaleslcy": self.sales[SalesPeriod.THIS_YEAR].sales,
            "nav_invoicedprepaymentamountlcy": exposure.invoiced_prepayment,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One amount that CRM holds another value of, or none."""

    column: str
    business_central: Decimal
    crm: Decimal | None

    @property
    def difference(self) -> Decimal:
        return self.business_central - (self.crm or Decimal(0))


def differences(live: Mapping[str, Figure], copied: Mapping[str, Decimal | None]) -> list[Difference]:
    """Where CRM's copy differs from what could be calculated; what could not is left out."""
    return [
        Difference(column, amount, copied.get(column))
        for column, amount in live.items()
        if not isinstance(amount, Unavailable) and copied.get(column) != amount
    ]
