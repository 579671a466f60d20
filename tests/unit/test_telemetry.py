"""Logs: no secret in them, and one correlation id that is safe to send on."""

import io
import json
import string
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telemetry import configure_logging, correlation_id, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl"


def redacted(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", event))


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "client_secret",
        "GATEWAY_CLIENT_SECRET",
        "password",
        "token",
        "access_token",
        "client_assertion",
        "Set-Cookie",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", 7, None, ["hunter2"]], ids=str)
def test_a_value_under_a_secret_name_is_redacted_whatever_it_is(name: str, value: object) -> None:
    assert redacted(**{name: value}) == {name: "[redacted]"}


TEXTS = {
    "sent Bearer abc.def-ghi_~+/= to it": "sent [redacted] to it",
    "sent bearer   abc": "sent [redacted]",
    f"got {JWT}.": "got [redacted].",
    f"'{JWT}' and '{JWT}'": "'[redacted]' and '[redacted]'",
    "an unsigned eyJhbGciOiJub25lIn0.eyJvaWQiOiIxIn0. too": "an unsigned [redacted] too",
}


@pytest.mark.parametrize("text", TEXTS)
def test_what_looks_like_a_token_is_redacted_within_any_text(text: str) -> None:
    assert redacted(event=text, url=text) == {"event": TEXTS[text], "url": TEXTS[text]}


def test_everything_else_stays() -> None:
    event = {"event": "backend answered", "status": 200, "url": "https://bc.example/items?$top=1", "keys": "key"}

    assert redacted(**event) == event


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error while logging is configured; the configuration before is put back."""
    before, stream = structlog.get_config(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("INFO")
    yield stream
    structlog.configure(**before)


def test_a_log_line_is_json_with_the_bound_correlation_id_and_no_token(lines: io.StringIO) -> None:
    log = structlog.get_logger("gateway")
    with structlog.contextvars.bound_contextvars(correlation_id="abc-1"):
        log.info("asked", authorization=f"Bearer {JWT}", note=f"with {JWT}", amount=3)
    log.debug("not told")

    (line,) = map(json.loads, lines.getvalue().splitlines())

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "asked",
        "level": "info",
        "correlation_id": "abc-1",
        "authorization": "[redacted]",
        "note": "with [redacted]",
        "amount": 3,
    }


def test_a_token_in_an_exception_is_redacted(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"refused {JWT}")
    except ValueError:
        structlog.get_logger("gateway").exception("failed")

    assert "ValueError: refused [redacted]" in lines.getvalue()
    assert JWT not in lines.getvalue()


@pytest.mark.parametrize("given_id", ["a", "abc-1", "2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10", "A.b_c-9", "x" * 64])
def test_a_callers_correlation_id_is_kept(given_id: str) -> None:
    assert correlation_id(given_id) == given_id


@pytest.mark.parametrize(
    "given_id", [None, "", "x" * 65, "a b", "a\n", "a\r\nX-Evil: 1", "ümlaut", "a,b", "<b>", "\x00"], ids=repr
)
def test_another_text_is_replaced_by_an_id_of_our_own(given_id: str | None) -> None:
    first, second = correlation_id(given_id), correlation_id(given_id)

    assert first != given_id
    assert first != second


@given(st.text() | st.none())
@settings(deadline=None)
def test_a_correlation_id_can_always_be_a_header(given_id: str | None) -> None:
    chosen = correlation_id(given_id)

    assert 1 <= len(chosen) <= 64
    assert set(chosen) <= set(string.ascii_letters + string.digits + "._-")
