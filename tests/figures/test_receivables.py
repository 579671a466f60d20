"""What a customer owes on a day and how late it is: detailed ledger entries added up, payments and credit memos against them."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.figures.receivables import Age, OpenEntry, ages, aging, aging_of_report, balance, entries_on, overdue
from tests.figures.ledgers import together

Row = dict[str, object]


def posted(entry: int, on: str, amount: int | str, *, due: str) -> Row:
    """A detailed entry: posted on a day, to a ledger entry that is due on another."""
    return {"cleEntryNo": entry, "dclePostingDate": on, "dcleAmountLCY": Decimal(amount), "cleDueDate": due}


# Invoice 1 was paid on 5 March, when it was late; invoice 2 is half paid; 3 is a credit memo, 5 a payment, both not applied.
LEDGER = [
    posted(1, "2026-01-10", 100, due="2026-02-10"),
    posted(1, "2026-03-05", -100, due="2026-02-10"),
    posted(4, "2026-03-05", -100, due="2026-03-05"),  # the payment …
    posted(4, "2026-03-05", 100, due="2026-03-05"),  # … applied to the invoice
    posted(2, "2026-02-01", 80, due="2026-03-03"),
    posted(2, "2026-02-20", -40, due="2026-03-03"),
    posted(6, "2026-02-20", -40, due="2026-02-20"),
    posted(6, "2026-02-20", 40, due="2026-02-20"),
    posted(3, "2026-02-15", -15, due="2026-02-15"),
    posted(5, "2026-02-25", -30, due="2026-02-25"),
    posted(7, "2026-03-20", 500, due="2026-04-20"),  # an invoice of a later day
]


def open_on(day: str) -> dict[date, Decimal]:
    return {each.due: each.remaining for each in entries_on(LEDGER, date.fromisoformat(day))}


@pytest.mark.parametrize(
    ("day", "remaining"),
    [
        ("2026-01-09", {}),
        ("2026-01-10", {"2026-02-10": 100}),
        ("2026-02-19", {"2026-02-10": 100, "2026-03-03": 80, "2026-02-15": -15}),
        ("2026-02-28", {"2026-02-10": 100, "2026-03-03": 40, "2026-02-15": -15, "2026-02-25": -30}),
        ("2026-03-04", {"2026-02-10": 100, "2026-03-03": 40, "2026-02-15": -15, "2026-02-25": -30}),
        ("2026-03-05", {"2026-03-03": 40, "2026-02-15": -15, "2026-02-25": -30}),
        ("2026-03-20", {"2026-03-03": 40, "2026-02-15": -15, "2026-02-25": -30, "2026-04-20": 500}),
    ],
)
def test_an_entry_is_open_by_what_was_posted_to_it_until_the_end_of_that_day(
    day: str, remaining: dict[str, int]
) -> None:
    assert open_on(day) == {date.fromisoformat(due): amount for due, amount in remaining.items()}


@pytest.mark.parametrize(
    ("day", "amount"),
    [("2026-01-09", 0), ("2026-02-28", 100 + 40 - 15 - 30), ("2026-03-05", 40 - 15 - 30), ("2026-03-20", 495)],
)
def test_balance_is_the_sum_of_the_detailed_entries_up_to_the_day(day: str, amount: int) -> None:
    on = date.fromisoformat(day)

    assert balance(entries_on(LEDGER, on)) == amount
    assert amount == sum(Decimal(str(row["dcleAmountLCY"])) for row in LEDGER if str(row["dclePostingDate"]) <= day)


@pytest.mark.parametrize(
    ("day", "amount"),
    [
        ("2026-02-10", 0),  # due on that day is not late
        ("2026-02-11", 100),
        ("2026-02-28", 100 - 15 - 30),  # what is not applied yet counts against it
        ("2026-03-03", 100 - 15 - 30),
        ("2026-03-04", 100 + 40 - 15 - 30),
        ("2026-03-05", 40 - 15 - 30),  # the invoice is paid now; on the days before it was late
    ],
)
def test_overdue_is_the_remaining_amount_of_entries_that_were_due_before_the_day(day: str, amount: int) -> None:
    on = date.fromisoformat(day)

    assert overdue(entries_on(LEDGER, on), on) == amount


def test_a_past_day_shows_an_invoice_that_was_paid_since_as_it_was() -> None:
    on = date(2026, 3, 4)
    entries = [each for each in entries_on(LEDGER, on) if each.due == date(2026, 2, 10)]

    assert together(balance(entries), overdue(entries, on)) == (100, 100)
    assert [each.amount for each in aging(entries, on)] == [0, 100, 0, 0]  # 22 days late


def test_a_credit_memo_and_a_payment_that_are_not_applied_are_negative_in_aging() -> None:
    on = date(2026, 3, 5)

    assert aging(entries_on(LEDGER, on), on) == [
        Age("Not due", None, None, Decimal(0)),
        Age("1-30 days", 1, 30, Decimal(40 - 15 - 30)),
        Age("31-60 days", 31, 60, Decimal(0)),
        Age("Over 60 days", 61, None, Decimal(0)),
    ]


@pytest.mark.parametrize(
    ("late", "bucket"),
    [(-400, 0), (-1, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (4000, 3)],
)
def test_an_entry_is_in_the_bucket_of_the_days_it_is_late(late: int, bucket: int) -> None:
    on = date(2026, 12, 31)

    amounts = [each.amount for each in aging([OpenEntry(on - timedelta(days=late), Decimal(7))], on)]

    assert amounts == [7 if place == bucket else 0 for place in range(4)]


def test_an_entry_without_a_due_date_is_older_than_all_else() -> None:
    row: Row = {"cleEntryNo": 1, "dclePostingDate": "2026-03-01", "dcleAmountLCY": Decimal(9), "cleDueDate": None}
    on = date(2026, 3, 2)

    entries = entries_on([row], on)

    assert together(overdue(entries, on), aging(entries, on)[-1].amount) == (9, 9)


def test_the_report_of_aged_receivables_has_the_same_buckets() -> None:
    row: Row = {
        "currentAmount": Decimal(1),
        "period1Amount": Decimal(2),
        "period2Amount": Decimal(3),
        "period3Amount": Decimal("-4"),
    }

    assert aging_of_report(row) == ages([Decimal(1), Decimal(2), Decimal(3), Decimal(-4)])
    assert [(each.first_day, each.last_day) for each in aging_of_report(row)] == [
        (None, None),
        (1, 30),
        (31, 60),
        (61, None),
    ]


def test_nobody_owes_anything_without_entries() -> None:
    on = date(2026, 3, 2)

    assert together(entries_on([], on), balance([]), overdue([], on)) == ([], 0, 0)
    assert [each.amount for each in aging([], on)] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("dcleAmountLCY", 0.1, "no number"),  # a float is not exact
        ("dcleAmountLCY", "100", "no number"),
        ("dclePostingDate", "yesterday", "yesterday"),
        ("cleDueDate", "31.12.2026", "31.12.2026"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused(column: str, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        entries_on([posted(1, "2026-01-01", 1, due="2026-01-31") | {column: value}], date(2026, 3, 2))


# -- what always holds -------------------------------------------------------------------------------------------------

TODAY = date(2026, 3, 2)
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
DAYS = st.integers(-200, 0).map(lambda days: TODAY + timedelta(days=days))
DUE = {number: TODAY + timedelta(days=37 * number - 150) for number in range(8)}
DETAILED = st.lists(st.tuples(st.sampled_from(sorted(DUE)), DAYS, AMOUNTS), max_size=15)


def rows(ledger: Sequence[tuple[int, date, Decimal]]) -> list[Row]:
    return [posted(entry, on.isoformat(), str(amount), due=DUE[entry].isoformat()) for entry, on, amount in ledger]


def exact_sum(amounts: Sequence[Decimal]) -> Decimal:
    return Decimal(sum(int(each.scaleb(2)) for each in amounts)).scaleb(-2)


@given(DETAILED)
@settings(deadline=None, max_examples=60)
def test_the_entries_open_today_add_up_to_everything_that_was_posted(
    ledger: list[tuple[int, date, Decimal]],
) -> None:
    entries = entries_on(rows(ledger), TODAY)

    assert balance(entries) == exact_sum([amount for _, _, amount in ledger])
    assert all(each.remaining for each in entries)


@given(DETAILED, DAYS)
@settings(deadline=None, max_examples=60)
def test_the_buckets_add_up_to_the_balance_and_the_late_ones_to_what_is_overdue(
    ledger: list[tuple[int, date, Decimal]], on: date
) -> None:
    entries = entries_on(rows(ledger), on)

    buckets = [each.amount for each in aging(entries, on)]

    assert exact_sum(buckets) == balance(entries)
    assert exact_sum(buckets[1:]) == overdue(entries, on)


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        (["0.1", "0.2"], "0.3"),
        (["999999999999.99", "0.01"], "1000000000000.00"),
        (["999999999999.99", "-999999999999.98"], "0.01"),
        (["123456789012.34", "987654321098.76"], "1111111110111.10"),
        (["0.01"] * 100, "1.00"),
    ],
)
def test_sums_of_amounts_are_exact(amounts: list[str], total: str) -> None:
    ledger = [posted(number, "2026-03-01", amount, due="2026-03-01") for number, amount in enumerate(amounts)]
    entries = entries_on(ledger, TODAY)

    assert balance(entries) == overdue(entries, TODAY) == aging(entries, TODAY)[1].amount == Decimal(total)
