"""A person's choices about single fields: which hold, which values both sides can take, and what the planner makes of them."""

from collections.abc import Mapping as ReadOnly
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidInputError
from gateway.records import Backend
from gateway.runs.choices import Choice, Use, as_chosen, choose, token_of
from gateway.runs.planning import BC, CRM, Action, Reason, decide
from gateway.runs.policy import DEFAULT
from gateway.sync.comparison import Places, canonical
from gateway.sync.differences import Difference
from gateway.sync.mapping import FieldMapping, Kind, Money
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found
from tests.runs.test_planning import BI, SIDE_BC, SIDE_BOTH, differs, seen

CITY, PHONE = differs("city", SIDE_BOTH), differs("phone", SIDE_BOTH)


def of(field: FieldMapping) -> Difference:
    return replace(CITY, field=field)


def field(kind: Kind, **more: Any) -> FieldMapping:
    return FieldMapping("f", "F", "f", "crm_f", kind=kind, **more)


@pytest.mark.parametrize(
    ("choices", "action", "to_bc", "to_crm"),
    [
        ({}, Action.FAIL, None, None),
        ({"city": Use.BUSINESS_CENTRAL}, Action.FAIL, None, None),
        ({"city": Use.BUSINESS_CENTRAL, "phone": Use.BUSINESS_CENTRAL}, Action.MODIFY, None, {"city", "phone", "name"}),
        ({"city": Use.BUSINESS_CENTRAL, "phone": Use.DATAVERSE}, Action.MODIFY, {"phone"}, {"city", "name"}),
        ({"city": Use.VALUE, "phone": Use.DATAVERSE}, Action.MODIFY, {"city", "phone"}, {"city", "name"}),
    ],
)
def test_every_field_in_conflict_goes_its_own_way(
    choices: ReadOnly[str, Use], action: Action, to_bc: set[str] | None, to_crm: set[str] | None
) -> None:
    """And what is in no conflict goes where it changed."""
    pair = seen(CITY, PHONE, differs("name", SIDE_BC))
    chosen = {name: choose(CITY, use, "own" if use is Use.VALUE else None) for name, use in choices.items()}
    found = decide(pair, DEFAULT, BI, choices=chosen)
    wanted = {to: frozenset(names) for to, names in ((BC, to_bc), (CRM, to_crm)) if names is not None}
    assert (found.action, found.write) == (action, wanted)
    assert found.values == ({"city": "own"} if choices.get("city") is Use.VALUE and wanted else {})
    if action is Action.MODIFY:
        assert found.reason is Reason.CONFLICT_RESOLVED


@pytest.mark.parametrize(
    ("use", "now", "holds"),
    [
        (Use.BUSINESS_CENTRAL, ("b", "c"), True),
        (Use.BUSINESS_CENTRAL, ("other", "c"), False),
        (Use.BUSINESS_CENTRAL, ("b", "other"), False),
        (Use.VALUE, ("b", "own"), True),
        (Use.VALUE, ("own", "c"), True),
        (Use.VALUE, ("own", "other"), False),
        (Use.DATAVERSE, ("c", "c"), True),
    ],
)
def test_a_choice_holds_for_what_was_seen_and_what_it_makes_of_that(
    use: Use, now: tuple[str, str], holds: bool
) -> None:
    choice = choose(CITY, use, "own" if use is Use.VALUE else None)
    assert Choice.of_json(choice.as_json()) == choice
    moved = replace(CITY, business_central=now[0], dataverse=now[1])
    assert choice.holds(moved) is holds
    found = decide(seen(moved), DEFAULT, BI, choices={"city": choice})
    assert found.action is (Action.MODIFY if holds else Action.FAIL), "what moved since is a conflict as before"


@pytest.mark.parametrize(
    ("kind", "more", "value", "text"),
    [
        (Kind.TEXT, {"longest": (5, 7)}, " abcde ", "abcde"),
        (Kind.TEXT, {}, "", None),
        (Kind.TEXT, {}, None, None),
        (Kind.DECIMAL, {}, "12.50", "12.5"),
        (Kind.DECIMAL, {"money": Money.AMOUNT}, "1.005", "1.01"),
        (Kind.DECIMAL, {}, None, "0"),
        (Kind.DATE, {}, "2026-11-16", "2026-11-16"),
        (Kind.NAME, {"parts": ("a", "b", "c")}, "Anna  de Vos", "Anna de Vos"),
    ],
)
def test_a_value_of_ones_own(kind: Kind, more: dict[str, Any], value: str | None, text: str | None) -> None:
    assert choose(of(field(kind, **more)), Use.VALUE, value, Places(2, 2)).value == text


@pytest.mark.parametrize(
    ("kind", "more", "value", "said"),
    [
        (Kind.TEXT, {"longest": (5, 7)}, "abcdef", "Business Central takes 5"),
        (Kind.TEXT, {"longest": (7, 5)}, "abcdef", "Dataverse takes 5"),
        (Kind.TEXT, {"not_null": True}, " ", "a blank is never written"),
        (Kind.TEXT, {}, "x" * 2001, "at most 2000"),
        (Kind.DECIMAL, {}, "twelve", "this is no number"),
        (Kind.DECIMAL, {}, "NaN", "this is no number"),
        (Kind.DECIMAL, {}, "1e999999", "this is no number"),
        (Kind.DECIMAL, {"not_negative": True}, "-1", "below 0"),
        (Kind.DECIMAL, {"not_null": True}, "0", "a blank is never written"),
        (Kind.DATE, {}, "16/11/2026", "this is no date"),
        (Kind.LOOKUP, {}, "JO", "refers to another record"),
        (Kind.TEXT, {"once": True}, "x", "takes no value"),
        (Kind.TEXT, {"given_by_bc": True}, "x", "takes no value"),
    ],
)
def test_a_value_that_one_side_cannot_take(kind: Kind, more: dict[str, Any], value: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        choose(of(field(kind, **more)), Use.VALUE, value)


@given(st.sampled_from([each for mapping in TABLE_MAPPINGS.values() for each in mapping.fields]), st.text(max_size=12))
def test_a_record_as_if_it_held_the_value_holds_it_on_either_side(mapped: FieldMapping, value: str) -> None:
    """For every field of every mapping: what is written to the other side is the value that was chosen."""
    try:
        choice = choose(of(mapped), Use.VALUE, value)
    except InvalidInputError:
        return
    mapping = TABLE_MAPPINGS[next(name for name, each in TABLE_MAPPINGS.items() if mapped in each.fields)]
    for backend in Backend:
        record = Found(mapping.table(backend), UUID(int=1), {}, None)
        then = as_chosen(record, mapped, choice.value)
        assert canonical(mapped, backend, then.values) == (choice.value or "")
        assert all(isinstance(each, Decimal) for each in then.values.values()) or mapped.kind is not Kind.DECIMAL


def test_a_token_stands_for_what_was_seen() -> None:
    assert token_of([CITY, PHONE]) == token_of([PHONE, CITY])
    for other in ([CITY], [CITY, replace(PHONE, dataverse=None)], [CITY, replace(PHONE, business_central="B")]):
        assert token_of(other) != token_of([CITY, PHONE])
    assert token_of([replace(CITY, dataverse="\ud800")]), "whatever a backend holds"
