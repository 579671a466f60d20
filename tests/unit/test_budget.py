"""How wide the gate is while the backend's allowance shrinks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clients.budget import CountedBudget, ToldBudget, places

REQUESTS = "x-ms-ratelimit-burst-remaining-xrm-requests"
SECONDS = "x-ms-ratelimit-time-remaining-xrm-requests"


@pytest.mark.parametrize(
    ("left", "open_places"), [(1, 48), (0.5, 48), (0.49, 48), (0.25, 24), (0.1, 10), (0.04, 4), (0.01, 1), (0, 1)]
)
def test_the_gate_narrows_below_half_and_never_closes(left: float, open_places: int) -> None:
    assert places(48, left=left) == open_places


@given(st.integers(1, 100), st.floats(0, 1), st.floats(0, 1))
def test_with_more_left_never_fewer_places(most: int, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert 1 <= places(most, left=less) <= places(most, left=more) <= most


def test_what_was_sent_counts_until_the_window_has_passed() -> None:
    budget = CountedBudget(requests=100, window_seconds=60)
    budget.spend(30, now=0.5)
    budget.spend(20, now=0.9)
    budget.spend(25, now=30)
    assert budget.left(now=30) == 0.25
    assert budget.left(now=60) == 0.25
    assert budget.left(now=61.1) == 0.75
    assert budget.left(now=92) == 1


def test_more_than_is_allowed_leaves_nothing() -> None:
    budget = CountedBudget(requests=100, window_seconds=60)
    budget.spend(250, now=1)
    assert budget.left(now=1) == 0


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 50)), max_size=200))
def test_a_count_never_forgets_what_is_within_the_window(steps: list[tuple[float, int]]) -> None:
    budget, now, sent = CountedBudget(requests=1_000, window_seconds=60), 1_000.0, list[tuple[float, int]]()
    for passed, requests in steps:
        now += passed
        budget.spend(requests, now=now)
        sent.append((now, requests))
        within = sum(count for moment, count in sent if moment > now - 60)
        about = sum(count for moment, count in sent if moment > now - 62)
        assert 1 - about / 1_000 - 1e-9 <= budget.left(now=now) or budget.left(now=now) == 0
        assert budget.left(now=now) <= max(0.0, 1 - within / 1_000) + 1e-9


def test_what_the_backend_tells_is_believed_and_the_scarcer_counts() -> None:
    budget = ToldBudget(requests=6_000, seconds=1_200)
    assert budget.left(now=0) == 1
    budget.told({REQUESTS: "5999", SECONDS: "600.00"})
    assert budget.left(now=0) == 0.5
    budget.told({REQUESTS: "60", SECONDS: "1,199.5"})
    assert budget.left(now=0) == 0.01
    budget.told({})
    assert budget.left(now=0) == 0.01


@pytest.mark.parametrize("nonsense", ["", "many", "nan", "-5", "inf", "999999999"])
def test_what_makes_no_sense_neither_breaks_nor_closes_the_gate(nonsense: str) -> None:
    budget = ToldBudget(requests=6_000, seconds=1_200)
    budget.told({REQUESTS: nonsense})
    assert 0 <= budget.left(now=0) <= 1
