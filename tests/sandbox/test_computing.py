"""What views compute with: exact sums, differences and shares over stored numbers."""

import sqlite3
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox import computing
from gateway.sandbox.columns import number_text, text_number

numbers = st.decimals(min_value=-(10**9), max_value=10**9, places=5)


def compute(sql: str, *parameters: object) -> Decimal | None:
    connection = sqlite3.connect(":memory:")
    computing.register(connection)
    try:
        found = connection.execute(sql, parameters).fetchone()[0]
    finally:
        connection.close()
    return None if found is None else text_number(found)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_a_sum_is_exact(values: list[Decimal]) -> None:
    rows = ", ".join("(?)" for _ in values)
    found = compute(f"SELECT sum_number(column1) FROM (VALUES {rows})", *map(number_text, values))  # noqa: S608
    assert found == sum(values)


@given(st.lists(numbers, min_size=1, max_size=6))
def test_a_difference_takes_all_that_follows_from_the_first(values: list[Decimal]) -> None:
    marks = ", ".join("?" for _ in values)
    found = compute(f"SELECT minus_number({marks})", *map(number_text, values))
    assert found == values[0] - sum(values[1:])


@given(st.lists(numbers, min_size=1, max_size=6))
def test_what_is_put_together_is_the_sum(values: list[Decimal]) -> None:
    marks = ", ".join("?" for _ in values)
    found = compute(f"SELECT plus_number({marks})", *map(number_text, values))
    assert found == sum(values)


@given(numbers, numbers)
def test_a_product_is_exact(first: Decimal, second: Decimal) -> None:
    assert compute("SELECT times_number(?, ?)", number_text(first), number_text(second)) == first * second


@given(numbers, numbers, numbers.filter(bool), st.none() | numbers.filter(lambda rate: rate > 0))
def test_a_share_is_rounded_to_cents(amount: Decimal, part: Decimal, whole: Decimal, rate: Decimal | None) -> None:
    stored = (number_text(amount), number_text(part), number_text(whole), rate and number_text(rate))
    found = compute("SELECT amount_share(?, ?, ?, ?)", *stored)
    exact = amount * part / (whole * (rate or 1))
    assert found == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_a_share_of_nothing_is_nothing() -> None:
    assert compute("SELECT amount_share(?, ?, ?, NULL)", *map(number_text, map(Decimal, (5, 1, 0)))) == 0


def test_nulls_are_left_out_of_a_sum() -> None:
    assert compute("SELECT sum_number(column1) FROM (VALUES (NULL), (?))", number_text(Decimal(3))) == 3
    assert compute("SELECT sum_number(NULL) WHERE 0") is None


@pytest.mark.parametrize("text", ["", "1001//MAIN", "é"])
def test_an_id_is_always_the_same_for_a_text(text: str) -> None:
    assert computing.guid_of(text) == computing.guid_of(text)
    assert computing.guid_of(text) != computing.guid_of(text + "x")
