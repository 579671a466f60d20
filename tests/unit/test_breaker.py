"""When the breaker lets a request through: a table of moments, and what holds whatever happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clients.breaker import Breaker, BreakerPolicy

POLICY = BreakerPolicy(failures=3, first_pause_seconds=2, longest_pause_seconds=16)


@pytest.fixture
def open_breaker() -> Breaker:
    """Open since second 0, for two seconds."""
    breaker = Breaker(POLICY)
    for _ in range(3):
        assert breaker.refuses(0) is None
        breaker.failed(0)
    return breaker


def test_failures_in_a_row_open_it(open_breaker: Breaker) -> None:
    assert open_breaker.is_open
    assert open_breaker.refuses(0.5) == 1.5


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(POLICY)
    for _ in range(5):
        breaker.failed(0)
        breaker.failed(0)
        breaker.answered()
    assert breaker.refuses(0) is None


def test_after_the_pause_one_request_is_let_through_and_no_second(open_breaker: Breaker) -> None:
    assert open_breaker.refuses(2) is None
    assert open_breaker.refuses(2) == 2
    assert open_breaker.refuses(100) == 2


def test_its_answer_closes_the_breaker(open_breaker: Breaker) -> None:
    open_breaker.refuses(2)
    open_breaker.answered()
    assert not open_breaker.is_open
    open_breaker.failed(3)
    assert open_breaker.refuses(3) is None


def test_its_failure_doubles_the_pause_up_to_the_longest(open_breaker: Breaker) -> None:
    now, pauses = 2.0, []
    for _ in range(5):
        assert open_breaker.refuses(now) is None
        open_breaker.failed(now)
        pause = open_breaker.refuses(now)
        assert pause is not None
        pauses.append(pause)
        now += pause
    assert pauses == [4, 8, 16, 16, 16]


def test_a_probe_that_was_given_up_lets_the_next_one_through(open_breaker: Breaker) -> None:
    open_breaker.refuses(2)
    open_breaker.abandoned()
    assert open_breaker.refuses(2) is None


def test_requests_of_before_that_fail_late_do_not_prolong_the_pause(open_breaker: Breaker) -> None:
    open_breaker.failed(1.9)
    assert open_breaker.refuses(2) is None


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60))
def test_while_it_is_open_at_most_one_request_is_under_way_and_it_always_opens_again(
    steps: list[tuple[float, bool]],
) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for passed, answers in steps:
        now += passed
        if breaker.refuses(now) is None:
            if breaker.is_open:
                assert breaker.refuses(now) is not None
            breaker.answered() if answers else breaker.failed(now)
    assert breaker.refuses(now + POLICY.longest_pause_seconds) is None
