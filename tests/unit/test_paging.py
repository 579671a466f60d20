"""Cursors and segments, walked over rows in memory the way a backend would answer them."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import InvalidInputError
from gateway.odata.query import All, AnyOf, Compare, Either, Filter, Order, Text, Value
from gateway.reading.paging import Kind, Segment, Sort, decode_cursor, encode_cursor, segments

NAME = Sort("name", "text")
NUMBER = Sort("number", "text")
ID = Sort("id", "guid")
GUID = "1b2c0000-0000-4000-8000-000000000001"

TYPED: dict[str, tuple[Kind, object, Value]] = {
    "text": ("text", "Söhne & 'Co' \U0001f600", "Söhne & 'Co' \U0001f600"),
    "empty text": ("text", "", ""),
    "number": ("number", Decimal("-12.50"), Decimal("-12.50")),
    "whole number": ("number", 7, Decimal(7)),
    "huge number": ("number", Decimal("1E+30"), Decimal("1E+30")),
    "instant": ("instant", "2026-11-16T08:30:00.12Z", datetime(2026, 11, 16, 8, 30, 0, 120000, tzinfo=UTC)),
    "date": ("date", "2026-11-16", date(2026, 11, 16)),
    "guid": ("guid", GUID.upper(), UUID(GUID)),
    "nothing": ("number", None, None),
}


@pytest.mark.parametrize("name", TYPED)
def test_a_cursor_gives_back_the_position_it_was_made_of(name: str) -> None:
    kind, raw, value = TYPED[name]
    sort = Sort("property", kind)

    cursor = encode_cursor(sort, ID, (raw, GUID))

    assert decode_cursor(cursor, sort, ID) == (value, UUID(GUID))


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.none(), st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_a_cursor_is_url_safe_and_loses_nothing(value: str | None, tie: str) -> None:
    cursor = encode_cursor(NAME, NUMBER, (value, tie))

    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert decode_cursor(cursor, NAME, NUMBER) == (value, tie)


def forged(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


WRONG = {
    "empty": "",
    "not base64": "%%%",
    "not ascii": "é",
    "one character": "A",
    "not json": base64.urlsafe_b64encode(b"offset:20").decode(),
    "not utf-8": base64.urlsafe_b64encode(b'["\xff"]').decode(),
    "a number": forged(20),
    "an object": forged({"signature": "name+id"}),
    "too short": forged(["name+id", "a"]),
    "too long": forged(["name+id", "a", GUID, "b"]),
    "a value that is no text": forged(["name+id", 1, GUID]),
    "a tie of another kind": forged(["name+id", "a", "10000"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_cursor_that_is_none_of_ours_is_an_invalid_input(name: str) -> None:
    with pytest.raises(InvalidInputError, match="not one this API has given out") as caught:
        decode_cursor(WRONG[name], NAME, ID)

    assert caught.value.argument == "after"


def test_a_number_that_is_none_is_an_invalid_input() -> None:
    with pytest.raises(InvalidInputError):
        decode_cursor(forged(["balance+id", "many", GUID]), Sort("balance", "number"), ID)


OTHER_ORDERS = {
    "another property": (Sort("city", "text"), ID),
    "the other direction": (Sort("name", "text", descending=True), ID),
    "another unique property": (NAME, Sort("accountid", "guid")),
}


@pytest.mark.parametrize("name", OTHER_ORDERS)
def test_a_cursor_of_another_order_is_an_invalid_input(name: str) -> None:
    cursor = encode_cursor(*OTHER_ORDERS[name], ("a", GUID))

    with pytest.raises(InvalidInputError, match="another order"):
        decode_cursor(cursor, NAME, ID)


@given(st.text())
@settings(deadline=None)
def test_any_text_is_a_position_or_an_invalid_input(text: str) -> None:
    with pytest.raises(InvalidInputError):
        decode_cursor(text, NAME, ID)


def test_the_first_page_asks_for_the_order_alone() -> None:
    where = Compare("blocked", "eq", False)

    assert segments(NAME, NUMBER, None, where, has_null=False, wide_or=False) == [
        Segment(where, (Order("name"), Order("number")))
    ]


def test_without_a_wide_or_equal_rows_and_rows_beyond_are_two_segments() -> None:
    where = Compare("blocked", "eq", False)
    order = (Order("name", descending=True), Order("number"))
    sort = Sort("name", "text", descending=True)

    assert segments(sort, NUMBER, ("Adatum", "10000"), where, has_null=False, wide_or=False) == [
        Segment(All((where, All((Compare("name", "eq", "Adatum"), Compare("number", "gt", "10000"))))), order),
        Segment(All((where, Compare("name", "lt", "Adatum"))), order),
    ]


def test_an_order_by_the_unique_property_needs_one_comparison() -> None:
    sort = Sort("number", "text", descending=True)

    assert segments(sort, NUMBER, ("10", "10"), None, has_null=False, wide_or=False) == [
        Segment(Compare("number", "lt", "10"), (Order("number", descending=True),))
    ]


DEFAULTS: dict[Kind, Value] = {
    "text": "",
    "number": Decimal(0),
    "instant": datetime(1, 1, 1, tzinfo=UTC),
    "date": date(1, 1, 1),
    "guid": UUID(int=0),
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_where_nothing_is_a_default_the_default_is_what_is_compared(kind: Kind) -> None:
    ties, _ = segments(Sort("p", kind), NUMBER, (None, "10"), None, has_null=False, wide_or=False)

    assert ties.where == All((Compare("p", "eq", DEFAULTS[kind]), Compare("number", "gt", "10")))


# -- walking ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thing:
    """A row: ``name`` may be None or equal to others; ``number`` is unique."""

    name: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Walk:
    """One way to go through a list."""

    descending: bool
    has_null: bool
    wide_or: bool
    first: int

    @property
    def sort(self) -> Sort:
        return Sort("name", "text", descending=self.descending)


TIE = Sort("number", "number")


def folded(value: object) -> Any:
    """Both backends compare text without regard to case."""
    return value.casefold() if isinstance(value, str) else value


def holds(condition: Filter | None, row: Thing) -> bool:
    """OData's own reading: any comparison with null but eq and ne is false."""
    match condition:
        case None:
            return True
        case Compare(name, operator, value):
            left, right = folded(getattr(row, name)), folded(value)
            if operator in ("eq", "ne"):
                return bool(left == right) is (operator == "eq")
            if left is None or right is None:
                return False
            return bool({"gt": left > right, "ge": left >= right, "lt": left < right, "le": left <= right}[operator])
        case All(parts):
            return all(holds(part, row) for part in parts)
        case Either(parts):
            return any(holds(part, row) for part in parts)
        case AnyOf() | Text():
            raise AssertionError("paging uses neither")


def ordered(rows: Sequence[Thing], order: Sequence[Order]) -> list[Thing]:
    """Null first in ascending order, so last in descending."""
    result = list(rows)
    for term in reversed(order):
        result.sort(key=partial(_rank, name=term.property), reverse=term.descending)
    return result


def _rank(row: Thing, *, name: str) -> tuple[bool, object]:
    value = getattr(row, name)
    return value is not None, folded(value) if value is not None else 0


def walk(rows: list[Thing], way: Walk, *, between: Callable[[int], None] = lambda page: None) -> list[Thing]:
    """All pages, one after the other, with cursors passed as callers pass them."""
    seen: list[Thing] = []
    after: tuple[Value, Value] | None = None
    for page in range(1_000):  # far more than rows, also of those that are inserted meanwhile
        parts = segments(way.sort, TIE, after, None, has_null=way.has_null, wide_or=way.wide_or)
        answer = [
            row
            for part in parts
            for row in ordered([row for row in rows if holds(part.where, row)], part.order)[: way.first + 1]
        ]
        seen += answer[: way.first]
        if len(answer) <= way.first:
            return seen
        last = seen[-1]
        name = last.name if way.has_null else last.name or None  # without null, a default is shown as nothing
        after = decode_cursor(encode_cursor(way.sort, TIE, (name, last.number)), way.sort, TIE)
        between(page)
    raise AssertionError("the walk does not end")


ORDER = {False: (Order("name"), Order("number")), True: (Order("name", descending=True), Order("number"))}
NAMES = st.sampled_from(["a", "A", "b", "B", "ä", "c", "Z", "10", "9", ""])
WAYS = st.builds(Walk, descending=st.booleans(), has_null=st.booleans(), wide_or=st.booleans(), first=st.integers(1, 5))


@st.composite
def walks(draw: st.DrawFn) -> tuple[Walk, list[Thing], list[tuple[int, Thing]]]:
    """A way, the rows at its start, and rows that come between its pages."""
    way = draw(WAYS)
    names = NAMES | st.none() if way.has_null else NAMES
    numbers = draw(st.lists(st.integers(-50, 50), unique=True, max_size=25))
    things = [Thing(draw(names), number) for number in numbers]
    cut = draw(st.integers(0, len(things)))
    return way, things[:cut], [(draw(st.integers(0, 6)), thing) for thing in things[cut:]]


@given(walks())
@settings(deadline=None, max_examples=300)
def test_a_walk_gives_every_row_once_and_in_order(example: tuple[Walk, list[Thing], list[tuple[int, Thing]]]) -> None:
    way, rows, _ = example

    assert walk(rows, way) == ordered(rows, ORDER[way.descending])


@given(walks())
@settings(deadline=None, max_examples=300)
def test_rows_inserted_while_walking_neither_repeat_nor_hide_others(
    example: tuple[Walk, list[Thing], list[tuple[int, Thing]]],
) -> None:
    way, old, inserted = example
    rows = list(old)

    seen = walk(rows, way, between=lambda page: rows.extend(thing for when, thing in inserted if when == page))

    assert seen == ordered(seen, ORDER[way.descending])
    assert len(set(seen)) == len(seen)
    assert set(old) <= set(seen)


@given(walks())
@settings(deadline=None, max_examples=300)
def test_rows_deleted_while_walking_hide_no_others(
    example: tuple[Walk, list[Thing], list[tuple[int, Thing]]],
) -> None:
    way, kept, doomed = example
    rows = [*kept, *(thing for _, thing in doomed)]

    def delete(page: int) -> None:
        for when, thing in doomed:
            if when == page and thing in rows:
                rows.remove(thing)

    seen = walk(rows, way, between=delete)

    assert len(set(seen)) == len(seen)
    assert set(kept) <= set(seen)
