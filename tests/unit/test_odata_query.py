"""Queries as text: literals, filters in both dialects, percent-encoding, and conditions split to fit a URL."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clients.business_central import BusinessCentralDialect
from gateway.clients.dataverse import DataverseDialect
from gateway.odata.query import (
    All,
    AnyOf,
    Compare,
    Dialect,
    Either,
    Expand,
    Filter,
    Order,
    Query,
    Text,
    Value,
    both,
    chunks,
    encoded_length,
    literal,
    render,
    unique,
)

BC = BusinessCentralDialect()
DATAVERSE = DataverseDialect()
DIALECTS: tuple[Dialect, ...] = (BC, DATAVERSE)
GUID = UUID("1B2C0000-00AB-4000-8000-000000000001")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEYS = st.lists(TEXT | st.uuids(), min_size=1, max_size=60, unique=True)

LITERALS: dict[str, tuple[Value, str]] = {
    "null": (None, "null"),
    "true": (True, "true"),
    "false": (False, "false"),
    "empty text": ("", "''"),
    "text": ("Adatum", "'Adatum'"),
    "quotes are doubled": ("O'Neill's", "'O''Neill''s'"),
    "text that looks like a number": ("0010", "'0010'"),
    "umlauts": ("Söhne", "'Söhne'"),
    "whole number": (42, "42"),
    "negative number": (-7, "-7"),
    "decimal keeps its scale": (Decimal("12.50"), "12.50"),
    "negative decimal": (Decimal("-0.01"), "-0.01"),
    "huge decimal": (Decimal("1E+30"), "1" + "0" * 30),
    "tiny decimal": (Decimal("-1E-12"), "-0.000000000001"),
    "guid in lower case": (GUID, "1b2c0000-00ab-4000-8000-000000000001"),
    "date": (date(2026, 11, 16), "2026-11-16"),
    "first date": (date.min, "0001-01-01"),
    "moment": (datetime(2026, 11, 16, 8, 30, tzinfo=UTC), "2026-11-16T08:30:00Z"),
    "moment elsewhere": (datetime(2026, 11, 16, 8, 30, tzinfo=timezone(timedelta(hours=2))), "2026-11-16T06:30:00Z"),
    "moment with a fraction": (datetime(2026, 11, 16, 8, 30, 1, 120000, tzinfo=UTC), "2026-11-16T08:30:01.120000Z"),
    "first moment": (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("name", LITERALS)
def test_a_value_is_written_as_the_literal_of_its_type(name: str) -> None:
    value, text = LITERALS[name]

    assert literal(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1E40"), max_value=Decimal("1E40")))
@settings(deadline=None)
def test_a_decimal_is_never_in_exponent_form_and_keeps_its_value(value: Decimal) -> None:
    text = literal(value)

    assert "e" not in text.lower()
    assert Decimal(text) == value


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")], ids=str)
def test_a_decimal_that_is_no_number_has_no_literal(value: Decimal) -> None:
    with pytest.raises(ValueError, match="no OData literal"):
        literal(value)


def test_a_moment_without_a_time_zone_has_no_literal() -> None:
    naive = datetime(2026, 11, 16)  # noqa: DTZ001 - that is the point

    with pytest.raises(ValueError, match="time zone"):
        literal(naive)


@given(TEXT)
@settings(deadline=None)
def test_text_cannot_leave_its_quotes(value: str) -> None:
    text = literal(value)

    assert text[0] == text[-1] == "'"
    assert text[1:-1].replace("''", "") == value.replace("'", "")
    assert text[1:-1].replace("''", "'") == value


NAME = Compare("displayName", "eq", "O'Neill")
FILTERS: dict[str, tuple[Filter, str, str]] = {
    "comparison": (Compare("balance", "ge", Decimal("-1.5")), "balance ge -1.5", "balance ge -1.5"),
    "comparison with null": (Compare("city", "ne", None), "city ne null", "city ne null"),
    "contains": (Text("contains", "name", "a'b"), "contains(name,'a''b')", "contains(name,'a''b')"),
    "startswith with wildcards": (
        Text("startswith", "name", "50%_[x]"),
        "startswith(name,'50%_[x]')",
        "startswith(name,'50[%][_][[]x]')",
    ),
    "endswith": (Text("endswith", "name", "GmbH"), "endswith(name,'GmbH')", "endswith(name,'GmbH')"),
    "one of one": (AnyOf("id", (GUID,)), f"id eq {GUID}", f"id eq {GUID}"),
    "one of several texts": (
        AnyOf("number", ("10", "O'N")),
        "number eq '10' or number eq 'O''N'",
        "Microsoft.Dynamics.CRM.In(PropertyName='number',PropertyValues=['10','O''N'])",
    ),
    "one of several guids": (
        AnyOf("id", (GUID, UUID(int=0))),
        f"id eq {GUID} or id eq {UUID(int=0)}",
        f"Microsoft.Dynamics.CRM.In(PropertyName='id',PropertyValues=['{GUID}','{UUID(int=0)}'])",
    ),
    "all of several": (
        All((NAME, Compare("blocked", "eq", False))),
        "displayName eq 'O''Neill' and blocked eq false",
        "displayName eq 'O''Neill' and blocked eq false",
    ),
    "either": (
        Either((Compare("a", "gt", 1), Compare("a", "lt", -1))),
        "a gt 1 or a lt -1",
        "a gt 1 or a lt -1",
    ),
    "an alternative inside a conjunction is in parentheses": (
        All((NAME, Either((Compare("a", "gt", 1), All((Compare("a", "eq", 1), Compare("b", "gt", 2))))))),
        "displayName eq 'O''Neill' and (a gt 1 or (a eq 1 and b gt 2))",
        "displayName eq 'O''Neill' and (a gt 1 or (a eq 1 and b gt 2))",
    ),
    "an enumeration inside a conjunction is in parentheses": (
        All((NAME, AnyOf("city", ("Köln", "Ulm")))),
        "displayName eq 'O''Neill' and (city eq 'Köln' or city eq 'Ulm')",
        "displayName eq 'O''Neill' and (Microsoft.Dynamics.CRM.In(PropertyName='city',PropertyValues=['Köln','Ulm']))",
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_written_in_the_dialect_of_its_backend(name: str) -> None:
    condition, business_central, dataverse = FILTERS[name]

    assert render(condition, BC) == business_central
    assert render(condition, DATAVERSE) == dataverse


@given(TEXT)
@settings(deadline=None)
def test_no_wildcard_of_dataverse_is_left_outside_brackets(value: str) -> None:
    harmless = DATAVERSE.text(value)

    assert not set(re.sub(r"\[[%_\[]\]", "", harmless)) & set("%_[")
    assert re.sub(r"\[([%_\[])\]", r"\1", harmless) == value


def test_both_drops_what_filters_nothing() -> None:
    one, two = Compare("a", "eq", 1), Compare("b", "eq", 2)

    assert both() is None
    assert both(None, None) is None
    assert both(None, one) == one
    assert both(one, None, two) == All((one, two))


@pytest.mark.parametrize("kind", [All, Either])
def test_a_filter_without_parts_cannot_be_made(kind: type[All] | type[Either]) -> None:
    with pytest.raises(ValueError, match="without parts"):
        kind(())


def test_the_options_have_a_fixed_order_and_names() -> None:
    query = Query(
        select=("number", "displayName"),
        expand=(Expand("salesOrderLines", ("id", "sequence"), (Expand("item", ("number",)),)), Expand("customer")),
        filter=NAME,
        order=(Order("displayName", descending=True), Order("number")),
        top=3,
        count=True,
    )

    assert list(query.options(BC)) == [
        ("$select", "number,displayName"),
        ("$expand", "salesOrderLines($select=id,sequence;$expand=item($select=number)),customer"),
        ("$filter", "displayName eq 'O''Neill'"),
        ("$orderby", "displayName desc,number"),
        ("$top", "3"),
        ("$count", "true"),
    ]


def test_a_query_that_asks_nothing_is_no_text() -> None:
    assert Query().encode(BC) == ""


def test_none_at_all_may_be_asked_for() -> None:
    assert Query(top=0).encode(BC) == "$top=0"


ENCODED = {
    "Söhne & Co": "'S%C3%B6hne%20%26%20Co'",
    "a+b": "'a%2Bb'",
    "#1": "'%231'",
    "50%": "'50%25'",
    "O'Neill": "'O''Neill'",
    'say "x"': "'say%20%22x%22'",
    "a?b=c;d": "'a%3Fb=c;d'",
    "[x]\\{y}": "'%5Bx%5D%5C%7By%7D'",
    "line\nbreak": "'line%0Abreak'",
}


@pytest.mark.parametrize("value", ENCODED)
def test_what_means_something_in_a_url_is_percent_encoded(value: str) -> None:
    query = Query(filter=Compare("name", "eq", value))

    assert query.encode(BC) == f"$filter=name%20eq%20{ENCODED[value]}"


@given(st.lists(TEXT | st.none() | st.booleans() | st.integers() | st.uuids() | st.dates(), min_size=1, max_size=5))
@settings(deadline=None)
def test_an_encoded_query_decodes_to_the_same_options(values: list[Value]) -> None:
    parts: tuple[Filter, ...] = tuple(Compare("name", "eq", value) for value in values)
    query = Query(select=("a", "b"), filter=Either(parts), order=(Order("a", descending=True),), top=7, count=True)

    for dialect in DIALECTS:
        encoded = query.encode(dialect)
        decoded = [tuple(unquote(side) for side in option.split("=", 1)) for option in encoded.split("&")]

        assert decoded == list(query.options(dialect))
        assert encoded.isascii()
        assert not set(encoded) & set(' +#"<>\\')


def _length(condition: AnyOf, dialect: Dialect) -> int:
    return encoded_length(render(condition, dialect))


@given(KEYS, st.integers(min_value=0, max_value=2_000))
@settings(deadline=None)
def test_chunks_lose_and_repeat_no_value_and_keep_their_order(keys: list[Value], room: int) -> None:
    for dialect in DIALECTS:
        parts = list(chunks(AnyOf("number", tuple(keys)), dialect, room=room))

        assert [value for part in parts for value in part.values] == keys
        assert all(part.property == "number" and part.values for part in parts)


@given(KEYS, st.integers(min_value=0, max_value=2_000))
@settings(deadline=None)
def test_chunks_never_take_more_than_their_room_unless_one_value_does(keys: list[Value], room: int) -> None:
    for dialect in DIALECTS:
        for part in chunks(AnyOf("number", tuple(keys)), dialect, room=room):
            assert len(part.values) == 1 or _length(part, dialect) <= room


def test_values_that_fit_travel_in_one_chunk() -> None:
    condition = AnyOf("number", tuple(f"{number:05}" for number in range(100)))

    for dialect in DIALECTS:
        assert list(chunks(condition, dialect, room=_length(condition, dialect) + 10)) == [condition]


def test_unique_keeps_the_first_of_equal_values_in_place() -> None:
    assert unique(["b", "a", "b", "c", "a"]) == ("b", "a", "c")
