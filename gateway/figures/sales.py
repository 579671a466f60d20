"""What a customer bought in the periods Business Central's own statistics show. Pure.

Source: Business Central, page Customer Statistics: sales and profit by posting date, sales without VAT, local currency.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gateway.figures.calendar import Period
from gateway.figures.outlook import NOTHING
from gateway.figures.unavailable import Figure, Unavailable
from gateway.figures.values import ROOMY, Values, day, number


@dataclass(frozen=True, slots=True)
class Sales:
    """One column of the statistics."""

    sales: Figure
    profit: Figure

    @property
    def profit_percent(self) -> Figure:
        """100 x profit / sales, rounded to a tenth; 0 without sales."""
        if isinstance(self.sales, Unavailable):
            return self.sales
        if isinstance(self.profit, Unavailable):
            return self.profit
        if not self.sales:
            return NOTHING
        return ROOMY.quantize(ROOMY.divide(ROOMY.multiply(self.profit, 100), self.sales), Decimal("0.1"))


def total_sales(rows: Iterable[Values]) -> Decimal:
    """A customer's rows of ``customerSales``, one at most: a customer who bought nothing may have none. Raises: ValueError."""
    return sum((number(row["totalSalesAmount"]) for row in rows), NOTHING)


def profit_within(days: Iterable[Values], period: Period | None, until: date) -> Decimal:
    """From the extension's sums by posting date; ``period`` None is a lifetime. Raises: ValueError."""
    return sum(
        (
            number(row["profitLCY"])
            for row in days
            if day(row.get("postingDate")) <= until
            and (period is None or period.start <= day(row.get("postingDate")) <= period.end)
        ),
        NOTHING,
    )
