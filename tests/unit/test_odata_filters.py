"""Conditions looked at here, as a backend would; and options that have ids."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.odata.choice import Choice
from gateway.odata.filters import in_order, meets
from gateway.odata.query import All, AnyOf, Compare, Either, Filter, Order, Text
from gateway.records import Record, Values

ROW: Values = {"code": "30 Days", "days": 30, "active": True, "blank": None, "space": " "}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Compare("code", "eq", "30 DAYS"), True),
        (Compare("code", "ne", "30 DAYS"), False),
        (Compare("days", "eq", 30), True),
        (Compare("days", "gt", 29), True),
        (Compare("days", "gt", 30), False),
        (Compare("days", "ge", 30), True),
        (Compare("days", "lt", 30), False),
        (Compare("days", "le", 30), True),
        (Compare("code", "gt", "2"), True),
        (Compare("blank", "gt", "2"), False),
        (Compare("blank", "eq", ""), True),
        (Compare("space", "eq", None), True),
        (Compare("active", "eq", True), True),
        (Compare("active", "eq", 1), False),
        (Text("contains", "code", "DAY"), True),
        (Text("startswith", "code", "30"), True),
        (Text("endswith", "code", "30"), False),
        (Text("contains", "blank", "x"), False),
        (AnyOf("code", ("x", "30 days")), True),
        (Either((Compare("days", "eq", 1), Compare("active", "eq", True))), True),
        (All((Compare("days", "eq", 30), Compare("active", "eq", False))), False),
    ],
)
def test_a_row_meets_a_condition_or_not(condition: Filter, holds: bool) -> None:
    assert meets(condition, ROW) is holds


def test_rows_in_order() -> None:
    rows = [Record({"label": label, "n": n}) for label, n in (("b", 1), ("A", 2), (None, 3), ("a", 1))]
    ordered = in_order(rows, [Order("label"), Order("n", descending=True)])
    assert [each.values["n"] for each in ordered] == [3, 2, 1, 1]


@given(st.integers(0, 2**32 - 1))
def test_an_options_id_says_all_there_is_to_say(value: int) -> None:
    terms, freight = Choice("account", "paymenttermscode"), Choice("account", "address1_freighttermscode")
    id = terms.option_id(value)
    assert (id.version, terms.value_of(id), freight.value_of(id)) == (8, value, None)


@given(st.uuids())
def test_new_options_get_numbers_of_publishers(seed: UUID) -> None:
    terms = Choice("account", "paymenttermscode")
    value = terms.value_of(terms.new_option_id(seed))
    assert value is not None
    assert 100_000_000 <= value < 1_000_000_000
    assert terms.new_option_id(seed) == terms.new_option_id(seed)


@given(st.uuids())
def test_other_ids_are_no_options(id: UUID) -> None:
    assert Choice("account", "paymenttermscode").value_of(id) is None


@pytest.mark.parametrize("value", [-1, 2**32])
def test_numbers_that_no_option_has(value: int) -> None:
    with pytest.raises(ValueError, match="no option"):
        Choice("account", "paymenttermscode").option_id(value)
