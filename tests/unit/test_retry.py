"""Whether a failure is worth repeating, and how long to wait then."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clients.retry import RetryPolicy, is_garbled, may_have_happened, may_repeat, wait_seconds

POLICY = RetryPolicy(attempts=10, first_wait_seconds=0.2, longest_wait_seconds=10)


@pytest.mark.parametrize("status", [None, 429, 502, 503])
def test_a_passing_failure_of_what_is_safe_may_be_repeated(status: int | None) -> None:
    assert may_repeat(status, repeatable=True)
    assert not may_repeat(status, repeatable=False)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 408, 409, 412, 500, 501, 504])
def test_an_answer_that_would_come_again_is_final(status: int) -> None:
    assert not may_repeat(status, repeatable=True)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 412, 429])
def test_a_write_that_was_answered_or_refused_is_settled(status: int) -> None:
    assert not may_have_happened(status)


@pytest.mark.parametrize(
    ("status", "may"), [(429, False), (None, True), (408, True), (500, True), (502, True), (503, True)]
)
def test_a_throttled_write_has_surely_not_happened_one_that_broke_may_have(status: int | None, may: bool) -> None:
    assert may_have_happened(status) is may


@pytest.mark.parametrize(
    ("status", "content_type", "body", "garbled"),
    [
        (200, "application/json; odata.metadata=minimal", b'{"value":[]}\r\n', False),
        (200, "application/json", b'{"value":[{"id":', True),
        (200, "text/html; charset=utf-8", b"<html>We will be back.</html>", True),
        (200, "multipart/mixed; boundary=b", b"--b\r\n\r\n--b--\r\n", False),
        (200, "multipart/mixed; boundary=b", b"--b\r\nContent-Type: app", True),
        (200, "text/plain", b"4711", False),
        (201, "application/json", b'{"id":"1"', True),
        (200, "application/json", b"", False),
        (400, "text/html", b"<html>", False),
    ],
)
def test_a_success_that_is_cut_off_or_a_page_is_garbled(
    status: int, content_type: str, body: bytes, garbled: bool
) -> None:
    assert is_garbled(status, content_type, body) is garbled


def test_waits_double_up_to_the_longest() -> None:
    waits = [wait_seconds(attempt, retry_after=None, chance=1, policy=POLICY) for attempt in range(1, 9)]

    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])


CHANCES = st.floats(0, 1)


@given(st.integers(1, 1_000), CHANCES)
@settings(deadline=None)
def test_a_wait_of_our_own_is_at_least_half_of_its_step(attempt: int, chance: float) -> None:
    longest = wait_seconds(attempt, retry_after=None, chance=1, policy=POLICY)

    assert longest / 2 <= wait_seconds(attempt, retry_after=None, chance=chance, policy=POLICY) <= longest <= 10


@given(st.integers(1, 10), CHANCES, st.floats(0, 86_400))
@settings(deadline=None)
def test_a_wait_the_backend_asks_for_is_never_cut_short(attempt: int, chance: float, told: float) -> None:
    wait = wait_seconds(attempt, retry_after=told, chance=chance, policy=POLICY)

    assert told <= wait <= told + POLICY.first_wait_seconds
