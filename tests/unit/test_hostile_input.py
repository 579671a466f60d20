"""What a lying backend, a mistyped setting or a mischievous caller may send: each ends in one of our errors, or in none."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLError
from pydantic import SecretStr
from sqlalchemy import String

from gateway.config import Settings, load_settings
from gateway.couplings.table import couplings
from gateway.errors import ConfigError, InvalidInputError, NotFoundError, ProtocolError
from gateway.odata.response import read_error, read_json, retry_after_seconds
from gateway.reading.paging import Kind, Sort, decode_cursor, encode_cursor
from gateway.reading.values import usable
from gateway.records import Backend
from gateway.telemetry import redact
from schema.scalars import SCALARS

NOW = datetime(2026, 11, 16, 8, 30, tzinfo=UTC)
BC = Backend.BUSINESS_CENTRAL
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2ln"


@pytest.mark.parametrize("encoding", ["foo", "utf-7", "shift_jis"])
def test_an_error_in_an_xml_encoding_nobody_reads_is_still_an_error_by_its_status(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><error/>'.encode()
    assert isinstance(read_error(404, {}, body, backend=BC, now=NOW), NotFoundError)


@pytest.mark.parametrize(
    "value", ["inf", "-inf", "nan", "Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "01 Jan 20240101202401012024"]
)
def test_a_retry_after_that_means_nothing_is_none(value: str) -> None:
    assert retry_after_seconds(value, now=NOW) is None


@pytest.mark.parametrize("body", [b'{"a":1e99999999999999999999}', b'{"a":NaN}', b'{"a":-Infinity}', b"[" * 100_000])
def test_numbers_and_depths_that_json_does_not_have_are_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_json(body, backend=BC)


@pytest.mark.parametrize(
    ("kind", "value"), [("number", "NaN"), ("number", "Infinity"), ("instant", "2026-11-16T08:30:00"), ("guid", "x")]
)
def test_a_forged_cursor_value_is_refused(kind: Kind, value: str) -> None:
    sort, unique = Sort("amount", kind), Sort("number", "text")
    with pytest.raises(InvalidInputError):
        decode_cursor(encode_cursor(sort, unique, (value, "1")), sort, unique)


def test_a_cursor_of_nothing_but_brackets_is_refused() -> None:
    sort = Sort("number", "text")
    with pytest.raises(InvalidInputError):
        decode_cursor(base64.urlsafe_b64encode(b"[" * 100_000).decode(), sort, sort)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "ok\udfff"])
def test_text_that_no_database_takes_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        usable(text, "by")


def test_other_text_is_usable() -> None:
    assert usable("O'Neill & Söhne 100% 🚲", "by") == "O'Neill & Söhne 100% 🚲"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Date", "2026-W47-1"),
        ("Date", "20261116"),
        ("Decimal", 10**400),
        ("Decimal", "١٢"),
        ("UUID", "{77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"),
        ("UUID", "77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d}"),
        ("DateTime", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_scalar_in_a_form_it_does_not_have_is_refused(kind: str, value: Any) -> None:
    scalar = next(each for each in SCALARS.values() if each.name == kind)
    assert scalar.parse_value is not None
    with pytest.raises(GraphQLError, match=kind):
        scalar.parse_value(value)


SETTINGS = {
    "GATEWAY_TENANT_ID": "6b1f8a52-3c0e-4d7b-9a64-0f2d5e7c9b13",
    "GATEWAY_CLIENT_ID": "c2d94e06-71ab-4f58-8e3d-5a9017b6f4c8",
    "GATEWAY_CLIENT_SECRET": "s3cret",
    "GATEWAY_BUSINESS_CENTRAL_URL": "https://api.businesscentral.dynamics.com/v2.0/t/Production/api/v2.0",
    "GATEWAY_COMPANY_ID": "383055b1-4e94-5f48-b02f-11c0290988dd",
    "GATEWAY_DATAVERSE_URL": "https://contoso.crm4.dynamics.com",
}


def settings_with(monkeypatch: pytest.MonkeyPatch, **changed: str) -> Settings:
    for name, value in (SETTINGS | changed).items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize(
    "url",
    ["https://user:hunter2℀@host", "https://[hunter2]/", "https://host:hunter2/", "https://host:99999999/", "hunter2"],
)
def test_no_message_repeats_a_mistyped_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_with(monkeypatch, GATEWAY_DATAVERSE_URL=url)
    assert caught.value.problems[0].startswith("GATEWAY_DATAVERSE_URL: must ")
    assert "hunter2" not in str(caught.value)


def test_a_password_in_the_database_url_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings_with(monkeypatch, GATEWAY_DATABASE_URL="postgresql+psycopg://u:hunter2@h/db")
    assert isinstance(made.database_url, SecretStr)
    assert "hunter2" not in f"{made!r} {made} {made.model_dump()}"


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///", "sqlite+aiosqlite:///:memory:", "mysql://h/d"]
)
def test_a_database_that_keeps_nothing_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_DATABASE_URL: must"):
        settings_with(monkeypatch, GATEWAY_DATABASE_URL=url)


def test_a_token_is_redacted_however_deep_it_stands() -> None:
    event = {
        "event": f"sent {TOKEN}",
        "request": {"headers": {"Authorization": "x"}, "lines": [f"Bearer {TOKEN}", ("a", TOKEN)]},
        "exc": ValueError(f"Bearer {TOKEN}"),
        "count": 3,
        "nothing": None,
    }
    logged = redact(None, "info", dict(event))
    assert TOKEN not in repr(logged)
    assert (logged["count"], logged["nothing"]) == (3, None)
    assert logged["request"]["headers"]["Authorization"] == "[redacted]"


def test_a_folded_key_has_room_for_what_folding_adds() -> None:
    kept, folded = couplings.c.bc_key.type, couplings.c.bc_key_folded.type
    assert isinstance(kept, String)
    assert isinstance(folded, String)
    assert kept.length is not None
    assert folded.length is not None
    assert len(("ΐ" * kept.length).casefold()) <= folded.length, "this letter folds to three characters"
