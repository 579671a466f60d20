"""What the audit trail keeps of an input: bounded, without secrets, and JSON that either database takes."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.bounded import MOST_BYTES, MOST_CHARACTERS, MOST_ITEMS, bounded, bounded_changes

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.uuids() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)


def digest(text: str) -> dict[str, object]:
    return {"bytes": len(text.encode()), "sha256": sha256(text.encode()).hexdigest()}


@given(ANYTHING)
def test_anything_becomes_json_of_a_bounded_size(value: object) -> None:
    kept = bounded(value)
    assert len(json.dumps(kept, allow_nan=False)) <= MOST_BYTES
    text = json.dumps(kept, ensure_ascii=False)
    assert "\\u0000" not in text
    assert text.encode().decode() == text, "no half characters"


@given(ANYTHING)
def test_what_is_kept_is_kept_the_same_way_again(value: object) -> None:
    """Nothing is lost by looking twice, but what is told by its size and hash already."""
    once = bounded(value)
    assert bounded(once) == once


CASES: dict[str, tuple[object, object]] = {
    "a file, however short": ({"csv": "a,b"}, {"csv": digest("a,b")}),
    "a long text": ("x" * (MOST_CHARACTERS + 1), digest("x" * (MOST_CHARACTERS + 1))),
    "a text that is not": ("x" * MOST_CHARACTERS, "x" * MOST_CHARACTERS),
    "a secret by its name": (
        {"clientSecret": "hunter2", "password": ["a"]},
        {"clientSecret": "[redacted]", "password": "[redacted]"},
    ),
    "a secret that is not given": ({"password": None}, {"password": None}),
    "a token within a text": ("with Bearer abc.def", "with [redacted]"),
    "a long list": (list(range(MOST_ITEMS + 2)), [*range(MOST_ITEMS), {"more": 2}]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_kept_of_it(case: str) -> None:
    given_value, kept = CASES[case]
    assert bounded(given_value) == kept


def test_what_is_too_large_as_a_whole_is_told_by_its_size_and_hash() -> None:
    found = bounded(["x" * MOST_CHARACTERS] * MOST_ITEMS)
    assert found.keys() == {"bytes", "sha256"}


def test_of_changes_the_first_are_kept() -> None:
    many = [{"kind": "RECORD", "what": "x" * 400}] * 200
    kept = bounded_changes(many)
    assert 0 < len(kept) < len(many)
    assert kept == many[: len(kept)]
    assert len(json.dumps(kept)) <= 2 * MOST_BYTES
