"""What Business Central last sent about its customers: whose figures there are, that they add up, and which are stale."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

import pytest

from gateway.sandbox.company import story
from gateway.sandbox.company.codes import currency
from gateway.sandbox.company.crm_statistics import statistics, statistics_sets
from gateway.sandbox.company.customers import customer, customer_index, customers
from gateway.sandbox.company.demo import demo_company
from gateway.sandbox.company.ledger import figures, ledger
from gateway.sandbox.company.orders import story_orders
from gateway.sandbox.company.rows import Row

SENT = {"nav_balancelcy", "nav_outstandingorderslcy", "nav_shippednotinvoicedlcy", "nav_outstandinginvoiceslcy"}
STALE = {story.HARBOUR: "2026-11-02", story.LIMIT_EXCEEDED: "2026-11-11"}


@cache
def business_central() -> dict[str, list[Row]]:
    return {name: list(rows) for name, rows in demo_company().business_central()}


@cache
def dataverse() -> dict[str, list[Row]]:
    return {name: list(rows) for name, rows in demo_company().dataverse()}


def rows() -> dict[object, Row]:
    return {row["nav_customerno"]: row for row in dataverse()["nav_accountstatisticses"]}


def amount(row: Row, column: str) -> Decimal:
    value = row[column]
    assert isinstance(value, Decimal)
    return value


def test_every_coupled_customer_with_an_account_has_figures_but_the_skipped_and_a_forgotten_one() -> None:
    accounts = {row["accountid"] for row in dataverse()["accounts"]}
    coupled = [one for one in demo_company().couplings() if one.mapping == "CUSTOMER" and one.crm_id in accounts]
    expected = {one.bc_natural_key for one in coupled if not one.skipped} - {story.CHANGED_IN_CRM}
    assert rows().keys() == expected
    assert {one.bc_natural_key for one in coupled if one.skipped} == {story.SKIPPED}


def test_an_account_leads_to_the_figures_of_its_customer() -> None:
    accounts = {row["accountid"]: row.get("_nav_accountstatisticsid_value") for row in dataverse()["accounts"]}
    couplings = {one.bc_natural_key: one.crm_id for one in demo_company().couplings() if one.mapping == "CUSTOMER"}
    for number, row in rows().items():
        assert accounts.pop(couplings[str(number)]) == row["nav_accountstatisticsid"]
    assert set(accounts.values()) == {None}


def test_figures_of_the_day_are_those_of_the_ledger() -> None:
    for one in customers(range(400)):
        known, expected = statistics(one, story.STORY_DATE), figures(ledger(one))
        assert (known.balance, known.overdue) == (expected.balance, expected.overdue), one.number


def test_the_total_is_the_sum_of_its_parts() -> None:
    for row in rows().values():
        parts = sum((amount(row, column) for column in SENT), Decimal(0))
        assert amount(row, "nav_totallcy") == parts - amount(row, "nav_invoicedprepaymentamountlcy")


def test_sales_are_those_of_the_year_so_far() -> None:
    for number in (story.ALL_OVERDUE, story.BILLS_IN_USD):
        one = customer(customer_index(number))
        mine = [entry.sales_lcy for entry in ledger(one) if entry.posting_date >= date(2026, 1, 1)]
        assert amount(rows()[number], "nav_totalsaleslcy") == sum(mine) > 0


def test_open_orders_are_those_of_business_central() -> None:
    """Line by line, with VAT, in euro, to the cent."""
    orders = {row["id"]: row for row in business_central()["salesOrders"]}
    outstanding: dict[object, Decimal] = {}
    for line in business_central()["salesOrderLines"]:
        order, quantity = orders[line["documentId"]], amount(line, "quantity")
        left = quantity - amount({"shippedQuantity": Decimal(0), **line}, "shippedQuantity")
        rate = currency(str(order["currencyCode"])).rate
        share = (amount(line, "netAmountIncludingTax") * left / quantity / rate).quantize(
            Decimal("0.01"), ROUND_HALF_UP
        )
        outstanding[order["billToCustomerNumber"]] = outstanding.get(order["billToCustomerNumber"], Decimal(0)) + share
    current = {number: row for number, row in rows().items() if number not in STALE}
    assert {number: amount(row, "nav_outstandingorderslcy") for number, row in current.items()} == {
        number: outstanding.get(number, Decimal(0)) for number in current
    }


def test_orders_count_with_vat_in_euro_by_what_is_left_of_them() -> None:
    usd = next(order for order in story_orders() if order.customer.number == story.BILLS_IN_USD)
    known = statistics(usd.customer, story.STORY_DATE)
    mine = [order for order in story_orders() if order.customer == usd.customer]
    gross = sum((order.amount + order.tax for order in mine), Decimal(0)) / Decimal("1.08")
    assert abs(known.outstanding_orders + known.shipped_not_invoiced - gross) < Decimal("0.05")
    shipped = {order.customer.number for order in story_orders() for line in order.lines if line.shipped}
    waiting = {number for number, row in rows().items() if amount(row, "nav_shippednotinvoicedlcy")}
    assert waiting == shipped & rows().keys() - STALE.keys()
    assert waiting


def test_some_figures_are_older_than_the_books() -> None:
    for number, row in rows().items():
        day = STALE.get(str(number), "2026-11-16")
        assert (row["nav_overdueamountsasof"], row["modifiedon"]) == (day, f"{day}T06:30:00Z")
        assert str(row["createdon"]) < str(row["modifiedon"])


def test_the_figures_of_harbour_are_two_weeks_old() -> None:
    row = rows()[story.HARBOUR]
    expected = {
        "nav_balancelcy": "7320.70",
        "nav_overdueamountslcy": "1890.50",
        "nav_outstandingorderslcy": "0.00",
        "nav_shippednotinvoicedlcy": "0.00",
        "nav_totallcy": "7320.70",
        "nav_totalsaleslcy": "18938.69",
        "nav_creditlimitlcy": "20000",
    }
    assert {column: str(row[column]) for column in expected} == expected
    now = statistics(customer(customer_index(story.HARBOUR)), story.STORY_DATE)
    assert now.balance - amount(row, "nav_balancelcy") == Decimal("2119.30")
    assert now.outstanding_orders > 0


@pytest.mark.parametrize("days", [14, 40, 100])
def test_what_was_paid_later_was_still_owed(days: int) -> None:
    one, day = customer(customer_index(story.HARBOUR)), story.STORY_DATE - timedelta(days=days)
    posted = [entry for entry in ledger(one) if entry.posting_date <= day]
    assert statistics(one, day).balance == sum((entry.amount_lcy for entry in posted), Decimal(0))


def test_parts_make_the_same_rows() -> None:
    company = demo_company(customers=2300)
    rows_of = {part.start: [row for _, some in statistics_sets(part) for row in some] for part in company.parts()}
    assert list(rows_of) == [0, 1000, 2000]
    ((_, whole),) = statistics_sets(range(2300))
    assert [row for some in rows_of.values() for row in some] == list(whole)
    assert any(amount(row, "nav_outstandingorderslcy") for row in rows_of[2000])
