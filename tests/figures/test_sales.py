"""What a customer bought in a period, and what was earned by it."""

from datetime import date
from decimal import Decimal

import pytest

from gateway.figures.calendar import Period, fiscal_year
from gateway.figures.sales import Sales, profit_within, total_sales
from gateway.figures.unavailable import Reason, Unavailable
from tests.figures.ledgers import together

Row = dict[str, object]
GONE = Unavailable(Reason.SOURCE_NOT_INSTALLED, "The extension is not installed.")


@pytest.mark.parametrize(
    ("rows", "sales"),
    [
        ([], "0"),  # who bought nothing has no row
        ([{"totalSalesAmount": Decimal("1234.56")}], "1234.56"),
        ([{"totalSalesAmount": Decimal("-10.00")}], "-10"),  # more came back than was sold
        ([{"totalSalesAmount": Decimal("0.1")}, {"totalSalesAmount": Decimal("0.2")}], "0.3"),
        ([{"totalSalesAmount": Decimal("999999999999.99")}], "999999999999.99"),
    ],
)
def test_total_sales_is_what_business_central_adds_up_and_0_without_a_row(rows: list[Row], sales: str) -> None:
    assert total_sales(rows) == Decimal(sales)


def test_an_amount_that_is_no_exact_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        total_sales([{"totalSalesAmount": 0.1}])


PERCENT = {
    "a quarter": ("200", "50", "25.0"),
    "rounded down": ("300", "100", "33.3"),
    "rounded up": ("300", "200", "66.7"),
    "half of a tenth goes up": ("800", "2", "0.3"),
    "half of a tenth of a loss goes away from 0": ("800", "-2", "-0.3"),
    "a loss": ("200", "-50", "-25.0"),
    "more profit than sales": ("10", "15", "150.0"),
    "credit memos alone": ("-100", "-20", "20.0"),
    "no sales": ("0", "0", "0"),
    "no sales, and yet a cost": ("0", "-5", "0"),
    "large amounts": ("999999999999.99", "333333333333.33", "33.3"),
}


@pytest.mark.parametrize("name", PERCENT)
def test_profit_percent_is_100_times_profit_by_sales_rounded_to_a_tenth_and_0_without_sales(name: str) -> None:
    sales, profit, percent = PERCENT[name]

    assert Sales(Decimal(sales), Decimal(profit)).profit_percent == Decimal(percent)


@pytest.mark.parametrize(
    ("sales", "profit"),
    [(GONE, Decimal(1)), (Decimal(1), GONE), (Decimal(0), GONE), (GONE, GONE)],
    ids=["sales", "profit", "profit of no sales", "both"],
)
def test_profit_percent_is_missing_when_sales_or_profit_is(
    sales: Decimal | Unavailable, profit: Decimal | Unavailable
) -> None:
    assert Sales(sales, profit).profit_percent == GONE


DAYS: list[Row] = [
    {"postingDate": "2024-12-31", "profitLCY": Decimal(1)},
    {"postingDate": "2025-01-01", "profitLCY": Decimal(2)},
    {"postingDate": "2025-12-31", "profitLCY": Decimal(4)},
    {"postingDate": "2026-01-01", "profitLCY": Decimal(8)},
    {"postingDate": "2026-02-28", "profitLCY": Decimal(16)},
    {"postingDate": "2026-03-01", "profitLCY": Decimal(32)},
    {"postingDate": "2026-03-02", "profitLCY": Decimal("64.5")},
    {"postingDate": "2026-03-03", "profitLCY": Decimal(128)},
]
ON = date(2026, 3, 2)
YEAR = fiscal_year(date(2020, 1, 1), ON)
WITHIN: dict[str, tuple[Period | None, str]] = {
    "this period": (YEAR.period, "96.5"),  # 32 + 64.5
    "this year": (YEAR.year, "120.5"),  # 8 + 16 + 32 + 64.5
    "last year": (YEAR.last_year, "6"),  # 2 + 4
    "lifetime": (None, "127.5"),
}


@pytest.mark.parametrize("name", WITHIN)
def test_profit_is_that_of_the_days_of_the_period_up_to_the_day_asked_for(name: str) -> None:
    period, profit = WITHIN[name]

    assert profit_within(DAYS, period, ON) == Decimal(profit)


@pytest.mark.parametrize(
    ("on", "this_year", "last_year"), [(date(2025, 12, 31), 2 + 4, 1), (date(2026, 1, 1), 8, 2 + 4)]
)
def test_at_the_turn_of_the_year_this_year_becomes_the_last(on: date, this_year: int, last_year: int) -> None:
    year = fiscal_year(date(2020, 1, 1), on)

    assert together(profit_within(DAYS, year.year, on), profit_within(DAYS, year.last_year, on)) == (
        this_year,
        last_year,
    )


def test_there_is_no_profit_without_a_posting() -> None:
    assert profit_within([], None, ON) == 0


def test_profits_add_up_exactly() -> None:
    rows: list[Row] = [{"postingDate": "2026-03-01", "profitLCY": Decimal(each)} for each in ("0.1", "0.2")]

    assert profit_within(rows, None, ON) == Decimal("0.3")


def test_a_profit_of_any_length_has_its_percentage() -> None:
    assert Sales(Decimal("1e90"), Decimal("9" * 60)).profit_percent == Decimal(0)
    assert Sales(Decimal(1), Decimal("9" * 60)).profit_percent == Decimal("9" * 60 + "00")
