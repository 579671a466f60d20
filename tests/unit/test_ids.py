"""Global ids: opaque, safe in a URL, and either ours or refused."""

import base64
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import InvalidInputError
from schema.ids import GlobalId, parse_id

COMPANY = UUID("1b2c0000-0000-4000-8000-000000000001")
KEY = UUID("77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d")


@given(st.from_regex(r"[A-Z][A-Za-z]{0,30}", fullmatch=True), st.uuids(), st.uuids())
@settings(deadline=None)
def test_an_id_is_taken_apart_into_what_it_was_made_of(type_name: str, company: UUID, key: UUID) -> None:
    made = GlobalId(type_name, company, key)

    assert parse_id(str(made)) == made
    assert str(made).replace("-", "").replace("_", "").isalnum()


def test_two_rows_two_companies_and_two_types_have_ids_of_their_own() -> None:
    ids = {
        str(GlobalId("Customer", COMPANY, KEY)),
        str(GlobalId("Customer", KEY, COMPANY)),
        str(GlobalId("Customer", COMPANY, COMPANY)),
        str(GlobalId("Account", COMPANY, KEY)),
    }

    assert len(ids) == 4


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


WRONG = {
    "empty": "",
    "plain": "10000",
    "not ascii": "Größe",
    "a surrogate": "\ud800",
    "one character": "A",
    "not utf-8": encoded(b"\xff\xfe"),
    "two parts": encoded(f"Customer:{KEY}".encode()),
    "four parts": encoded(f"Customer:{COMPANY}:{KEY}:1".encode()),
    "no guids": encoded(b"Customer:CRONUS:10000"),
    "a relay id of another server": encoded(b"Customer:10000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_id_that_is_none_of_ours_is_an_invalid_input(name: str) -> None:
    with pytest.raises(InvalidInputError, match="not an id this API has given out") as caught:
        parse_id(WRONG[name])

    assert caught.value.argument == "id"


@given(st.text())
@settings(deadline=None)
def test_any_text_is_an_id_or_an_invalid_input(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_id(text)
