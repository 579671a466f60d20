"""All figures of one customer: the twelve amounts that CRM is sent, what follows from them, and where CRM's copy differs."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from gateway.figures.exposure import Exposure, OpenDocuments, without
from gateway.figures.receivables import ages
from gateway.figures.sales import Sales
from gateway.figures.statistics import Difference, Payment, SalesPeriod, Statistics, differences
from gateway.figures.unavailable import Reason, Unavailable
from tests.figures.ledgers import together

GONE = Unavailable(Reason.BACKEND_UNREACHABLE, "Business Central is not available (503).")
ON = date(2027, 1, 1)

WHOLE = Statistics(
    on=ON,
    balance=Decimal(1000),
    overdue=Decimal(250),
    credit_limit=Decimal(5000),
    exposure=Exposure(
        outstanding_orders=Decimal(20),
        shipped_not_invoiced=Decimal(30),
        outstanding_invoices=Decimal(40),
        shipped_orders_on_invoices=Decimal(10),
        outstanding_service_orders=Decimal(200),
        service_shipped_not_invoiced=Decimal(300),
        outstanding_service_invoices=Decimal(400),
        shipped_service_on_invoices=Decimal(100),
        returns_not_invoiced=Decimal(3),
        invoiced_prepayment=Decimal(5),
    ),
    aging=ages([Decimal(750), Decimal(250), Decimal(0), Decimal(0)]),
    sales={
        SalesPeriod.THIS_PERIOD: Sales(Decimal(1), Decimal(0)),
        SalesPeriod.THIS_YEAR: Sales(Decimal(12), Decimal(3)),
        SalesPeriod.LAST_YEAR: Sales(Decimal(345), Decimal(90)),
        SalesPeriod.LIFETIME: Sales(Decimal(6789), Decimal(1000)),
    },
    last_sale=date(2026, 12, 31),
    last_payment=Payment(date(2026, 12, 1), Decimal(99)),
    open_documents=OpenDocuments(0, 0, 1, 1, 0, 0),
)
TOTAL = 1000 + 20 + 30 + (40 - 10) - 5 - 3 + 200 + 300 + (400 - 100)

TWELVE = {
    "nav_balancelcy": 1000,
    "nav_outstandingorderslcy": 20,
    "nav_shippednotinvoicedlcy": 30,
    "nav_outstandinginvoiceslcy": 40,  # with what bills shipped orders; only the total takes that off
    "nav_outstandingserviceorderslcy": 200,
    "nav_servshippednotinvoicedlcy": 300,
    "nav_outstandingservinvoiceslcy": 400,
    "nav_totallcy": TOTAL,
    "nav_creditlimitlcy": 5000,
    "nav_overdueamountslcy": 250,
    "nav_totalsaleslcy": 12,
    "nav_invoicedprepaymentamountlcy": 5,
}


@pytest.mark.parametrize("column", TWELVE)
def test_each_of_the_twelve_amounts_is_the_figure_crm_names(column: str) -> None:
    assert WHOLE.twelve[column] == TWELVE[column]


def test_there_are_twelve_amounts() -> None:
    assert list(WHOLE.twelve) == list(TWELVE)
    assert len(TWELVE) == 12


def test_total_is_the_exposure_on_top_of_the_balance_and_available_credit_is_credit_limit_less_total() -> None:
    assert together(WHOLE.total, WHOLE.available_credit) == (TOTAL, 5000 - TOTAL)


def test_available_credit_is_0_without_a_limit_even_when_the_total_is_missing() -> None:
    unlimited = replace(WHOLE, credit_limit=Decimal(0))

    assert unlimited.available_credit == 0
    assert replace(unlimited, balance=GONE).available_credit == 0


def test_total_sales_of_crm_are_those_of_this_fiscal_year() -> None:
    sales = {**WHOLE.sales, SalesPeriod.THIS_YEAR: Sales(Decimal(77), GONE)}

    assert replace(WHOLE, sales=sales).twelve["nav_totalsaleslcy"] == 77


# -- missing sources ---------------------------------------------------------------------------------------------------

EXPOSURE_COLUMNS = {
    "nav_outstandingorderslcy",
    "nav_shippednotinvoicedlcy",
    "nav_outstandinginvoiceslcy",
    "nav_outstandingserviceorderslcy",
    "nav_servshippednotinvoicedlcy",
    "nav_outstandingservinvoiceslcy",
    "nav_invoicedprepaymentamountlcy",
}
NO_SALES = dict.fromkeys(SalesPeriod, Sales(GONE, GONE))
#       what is missing: (columns that are missing then, whether the available credit is)
MISSING: dict[str, tuple[dict[str, Any], set[str], bool]] = {
    "balance": ({"balance": GONE}, {"nav_balancelcy", "nav_totallcy"}, True),
    "overdue": ({"overdue": GONE}, {"nav_overdueamountslcy"}, False),
    "credit limit": ({"credit_limit": GONE}, {"nav_creditlimitlcy"}, True),
    "exposure": ({"exposure": without(GONE)}, EXPOSURE_COLUMNS | {"nav_totallcy"}, True),
    "what bills shipped orders": (
        {"exposure": replace(WHOLE.exposure, shipped_orders_on_invoices=GONE)},
        {"nav_totallcy"},
        True,
    ),
    "what bills shipped service": (
        {"exposure": replace(WHOLE.exposure, shipped_service_on_invoices=GONE)},
        {"nav_totallcy"},
        True,
    ),
    "returns": ({"exposure": replace(WHOLE.exposure, returns_not_invoiced=GONE)}, {"nav_totallcy"}, True),
    "sales": ({"sales": NO_SALES}, {"nav_totalsaleslcy"}, False),
    "aging": ({"aging": GONE}, set(), False),
    "last sale": ({"last_sale": GONE}, set(), False),
    "last payment": ({"last_payment": GONE}, set(), False),
    "open documents": ({"open_documents": GONE}, set(), False),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_made_of_a_missing_source_is_missing_and_nothing_else_is(name: str) -> None:
    changes, columns, is_credit_missing = MISSING[name]
    lacking = replace(WHOLE, **changes)

    assert {column for column, amount in lacking.twelve.items() if amount == GONE} == columns
    assert {column: amount for column, amount in lacking.twelve.items() if column not in columns} == {
        column: amount for column, amount in TWELVE.items() if column not in columns
    }
    assert (lacking.available_credit == GONE) is is_credit_missing


@pytest.mark.parametrize(
    ("on", "last_sale", "days"),
    [
        (ON, date(2026, 12, 31), 1),  # over the end of the year
        (ON, ON, 0),
        (date(2028, 3, 1), date(2028, 2, 28), 2),
        (ON, None, None),
        (ON, GONE, GONE),
    ],
    ids=["yesterday", "the same day", "over 29 February", "never", "missing"],
)
def test_days_since_last_sale_are_the_day_less_the_posting_date_of_the_last_sale(
    on: date, last_sale: date | Unavailable | None, days: int | Unavailable | None
) -> None:
    assert replace(WHOLE, on=on, last_sale=last_sale).days_since_last_sale == days


# -- CRM's copy --------------------------------------------------------------------------------------------------------


def test_where_crm_has_the_same_amounts_nothing_differs() -> None:
    assert differences(WHOLE.twelve, {column: Decimal(amount) for column, amount in TWELVE.items()}) == []
    assert differences({"nav_balancelcy": Decimal("10.00")}, {"nav_balancelcy": Decimal(10)}) == []


def test_a_difference_is_business_centrals_amount_less_crms() -> None:
    [found] = differences({"nav_balancelcy": Decimal("10.10")}, {"nav_balancelcy": Decimal("10.30")})

    assert found == Difference("nav_balancelcy", Decimal("10.10"), Decimal("10.30"))
    assert found.difference == Decimal("-0.20")


@pytest.mark.parametrize("copied", [{}, {"nav_balancelcy": None}], ids=["no column", "never set"])
def test_an_amount_that_crm_does_not_have_differs_by_all_of_it(copied: dict[str, Decimal | None]) -> None:
    [found] = differences({"nav_balancelcy": Decimal(5)}, copied)

    assert together(found.crm, found.difference) == (None, 5)


def test_an_amount_that_could_not_be_calculated_is_compared_with_nothing() -> None:
    assert differences({"nav_balancelcy": GONE}, {"nav_balancelcy": Decimal(5)}) == []
