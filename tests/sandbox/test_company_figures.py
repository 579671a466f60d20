"""The figures of the demo company add up: balances, inventories, order totals, money in two currencies."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache

import pytest

from gateway.sandbox.company import story
from gateway.sandbox.company.demo import demo_company
from gateway.sandbox.company.rows import Row

TODAY = story.STORY_DATE.isoformat()


@cache
def business_central() -> dict[str, list[Row]]:
    return {name: list(rows) for name, rows in demo_company().business_central()}


@cache
def dataverse() -> dict[str, list[Row]]:
    return {name: list(rows) for name, rows in demo_company().dataverse()}


def amount(row: Row, column: str) -> Decimal:
    """A missing amount is zero."""
    value = row.get(column, Decimal(0))
    assert isinstance(value, Decimal)
    return value


def total(rows: Iterable[Row], column: str) -> Decimal:
    return sum((amount(row, column) for row in rows), Decimal(0))


def by(name: str, column: str) -> dict[object, list[Row]]:
    groups: dict[object, list[Row]] = {}
    for row in business_central()[name]:
        groups.setdefault(row[column], []).append(row)
    return groups


def test_the_story_takes_place_on_a_monday() -> None:
    assert f"{story.STORY_DATE:%A %Y-%m-%d}" == "Monday 2026-11-16"


def test_a_balance_is_what_remains_of_the_open_entries() -> None:
    entries = by("$customerLedgerEntries", "customerNo")
    for customer in business_central()["customers"]:
        open_entries = [entry for entry in entries.get(customer["number"], []) if entry["open"]]
        assert amount(customer, "balanceDue") == total(open_entries, "remainingAmountLCY")


def test_financial_details_agree_with_the_ledger() -> None:
    entries = by("$customerLedgerEntries", "customerNo")
    balances = {row["id"]: row["balanceDue"] for row in business_central()["customers"]}
    for detail in business_central()["customerFinancialDetails"]:
        mine = entries.get(detail["number"], [])
        overdue = [entry for entry in mine if entry["open"] and str(entry["dueDate"]) < TODAY]
        assert detail["balance"] == balances[detail["id"]]
        assert amount(detail, "overdueAmount") == total(overdue, "remainingAmountLCY")
        assert amount(detail, "totalSalesExcludingTax") == total(mine, "salesLCY")


def test_a_closed_entry_has_nothing_remaining() -> None:
    for entry in business_central()["$customerLedgerEntries"]:
        assert entry["open"] == (amount(entry, "remainingAmount") != 0)
        assert abs(amount(entry, "remainingAmount")) <= abs(amount(entry, "amount"))


def test_all_entries_of_a_customer_add_up_to_its_balance() -> None:
    """Payments take away exactly what they were applied to; in a foreign currency up to rounding."""
    for entries in by("$customerLedgerEntries", "customerNo").values():
        assert total(entries, "amount") == total(entries, "remainingAmount")


def test_nothing_was_posted_after_the_day_of_the_story() -> None:
    ledgers = (*business_central()["$customerLedgerEntries"], *business_central()["$itemLedgerEntries"])
    assert max(str(entry["postingDate"]) for entry in ledgers) < TODAY


def test_an_inventory_is_the_sum_of_quantities_and_of_remaining_quantities() -> None:
    entries = by("$itemLedgerEntries", "itemNo")
    for item in business_central()["items"]:
        mine = entries.get(item["number"], [])
        assert amount(item, "inventory") == total(mine, "quantity") == total(mine, "remainingQuantity")


def test_what_remains_of_an_item_entry_is_part_of_its_quantity() -> None:
    for entry in business_central()["$itemLedgerEntries"]:
        quantity, remaining = amount(entry, "quantity"), amount(entry, "remainingQuantity")
        assert entry["open"] == (remaining != 0)
        assert entry["positive"] == (quantity > 0)
        assert 0 <= remaining <= quantity or quantity <= remaining <= 0


def test_only_inventory_items_have_stock() -> None:
    kinds = {row["number"]: row["type"] for row in business_central()["items"]}
    assert {kinds[number] for number in by("$itemLedgerEntries", "itemNo")} == {"Inventory"}


def test_goods_in_transit_are_at_the_in_transit_location() -> None:
    for line in business_central()["$transferLines"]:
        if amount(line, "qtyInTransitBase"):
            held = [
                row for row in by("$itemLedgerEntries", "itemNo")[line["itemNo"]] if row["locationCode"] == "TRANSIT"
            ]
            assert total(held, "remainingQuantity") == line["qtyInTransitBase"]


def test_an_order_is_the_sum_of_its_lines() -> None:
    lines = by("salesOrderLines", "documentId")
    for order in business_central()["salesOrders"]:
        mine = lines[order["id"]]
        assert [row["sequence"] for row in mine] == [10_000 * place for place in range(1, len(mine) + 1)]
        assert amount(order, "totalAmountExcludingTax") == total(mine, "amountExcludingTax")
        assert amount(order, "totalTaxAmount") == total(mine, "totalTaxAmount")
        assert amount(order, "totalAmountIncludingTax") == total(mine, "amountIncludingTax")


def test_a_line_is_price_times_quantity_less_discount() -> None:
    for line in business_central()["salesOrderLines"]:
        gross = (amount(line, "quantity") * amount(line, "unitPrice")).quantize(Decimal("0.01"))
        assert line["amountExcludingTax"] == gross - amount(line, "discountAmount")
        assert amount(line, "shippedQuantity") < amount(line, "quantity")


def test_some_orders_are_shipped_in_part_and_have_left_the_stock() -> None:
    shipped = {row["lineObjectNumber"] for row in business_central()["salesOrderLines"] if row.get("shippedQuantity")}
    left = {
        row["itemNo"] for row in business_central()["$itemLedgerEntries"] if str(row["documentNo"]).startswith("SH101")
    }
    stocked = set(by("$itemLedgerEntries", "itemNo"))
    assert len(left) > 10
    assert left == shipped & stocked


def test_an_order_of_the_crm_is_the_sum_of_its_lines() -> None:
    for order in dataverse()["salesorders"]:
        lines = [row for row in dataverse()["salesorderdetails"] if row["_salesorderid_value"] == order["salesorderid"]]
        assert lines
        assert order["totalamount"] == total(lines, "extendedamount")
        assert order["totaltax"] == total(lines, "tax")


@pytest.mark.parametrize(
    "name",
    ["accounts", "opportunities", "products", "salesorders", "salesorderdetails", "nav_accountstatisticses"],
)
def test_the_base_amount_is_the_amount_by_the_exchange_rate(name: str) -> None:
    rates = {row["transactioncurrencyid"]: row["exchangerate"] for row in dataverse()["transactioncurrencies"]}
    for row in dataverse()[name]:
        rate = amount(row, "exchangerate")
        assert rates[row["_transactioncurrencyid_value"]] == rate
        for column in [column for column in row if column.endswith("_base")]:
            assert row[column] == (amount(row, column.removesuffix("_base")) / rate).quantize(Decimal("0.0001"))


def test_the_gtin_has_a_correct_check_digit() -> None:
    gtins = [str(row["gtin"]) for row in business_central()["items"] if row.get("gtin")]
    assert gtins
    for gtin in gtins:
        assert sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(gtin)) % 10 == 0
        assert len(gtin) == 14
