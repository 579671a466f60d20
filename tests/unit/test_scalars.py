"""The scalars: exact forms on the wire, and inputs that are refused rather than guessed."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.scalars import SCALARS

GUID = UUID("77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d")


def parse(kind: type) -> Callable[[object], Any]:
    function = SCALARS[kind].parse_value
    assert function is not None
    return function


def write(kind: type, value: object) -> object:
    function = SCALARS[kind].serialize
    assert function is not None
    return function(value)


def test_every_scalar_has_a_name_and_a_description() -> None:
    assert {scalar.name for scalar in SCALARS.values()} == {"Decimal", "Date", "DateTime", "UUID"}
    assert all(scalar.description for scalar in SCALARS.values())


DECIMALS: dict[str, tuple[object, Decimal]] = {
    "text": ("12.50", Decimal("12.50")),
    "negative text": ("-0.01", Decimal("-0.01")),
    "whole text": ("7", Decimal(7)),
    "whole number": (7, Decimal(7)),
    "negative number": (-7, Decimal(-7)),
    "28 digits": ("9" * 28, Decimal("9" * 28)),
    "18 places": ("0." + "1" * 18, Decimal("0." + "1" * 18)),
}


@pytest.mark.parametrize("name", DECIMALS)
def test_a_decimal_is_read_exactly(name: str) -> None:
    raw, value = DECIMALS[name]

    assert str(parse(Decimal)(raw)) == str(value)


NO_DECIMALS: list[object] = [
    1.5, True, None, "", " 1", "1 ", "1\n", "+1", ".5", "1.", "1e3", "1,5", "NaN", "Infinity", "0x10", "1_000",
    "9" * 29, "0." + "1" * 19, ["1"], {"value": "1"}, b"1",
]  # fmt: skip


@pytest.mark.parametrize("raw", NO_DECIMALS, ids=repr)
def test_a_float_and_other_forms_are_no_decimal(raw: object) -> None:
    with pytest.raises(GraphQLError, match="Decimal must be a string of digits"):
        parse(Decimal)(raw)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6))
@settings(deadline=None)
def test_a_decimal_survives_the_wire_unchanged(value: Decimal) -> None:
    text = write(Decimal, value)

    assert isinstance(text, str)
    assert "e" not in text.lower()
    assert str(parse(Decimal)(text)) == text
    assert Decimal(text) == value


def test_a_decimal_is_never_written_with_an_exponent() -> None:
    assert write(Decimal, Decimal("1E+3")) == "1000"
    assert write(Decimal, Decimal("1E-9")) == "0.000000001"


def test_a_date_is_written_and_read_as_iso() -> None:
    assert write(date, date(2026, 11, 16)) == "2026-11-16"
    assert parse(date)("2026-11-16") == date(2026, 11, 16)


@pytest.mark.parametrize(
    "raw", [20261116, None, True, "", "20261116", "2026-11-31", "16.11.2026", "2026-11-16T00:00:00Z"], ids=repr
)
def test_other_forms_are_no_date(raw: object) -> None:
    with pytest.raises(GraphQLError, match=r"."):
        parse(date)(raw)


INSTANTS = {
    "2026-11-16T08:30:00Z": datetime(2026, 11, 16, 8, 30, tzinfo=UTC),
    "2026-11-16T10:30:00+02:00": datetime(2026, 11, 16, 8, 30, tzinfo=UTC),
    "2026-11-16T08:30:00.12Z": datetime(2026, 11, 16, 8, 30, 0, 120000, tzinfo=UTC),
}


@pytest.mark.parametrize("raw", INSTANTS)
def test_a_moment_is_read_as_utc(raw: str) -> None:
    moment = parse(datetime)(raw)

    assert moment == INSTANTS[raw]
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("raw", ["2026-11-16T08:30:00", "2026-11-16"])
def test_a_moment_without_a_time_zone_is_refused(raw: str) -> None:
    with pytest.raises(GraphQLError, match="must name its time zone"):
        parse(datetime)(raw)


@pytest.mark.parametrize("raw", [0, None, True, "", "now", "2026-11-16T25:00:00Z"], ids=repr)
def test_other_forms_are_no_moment(raw: object) -> None:
    with pytest.raises(GraphQLError, match=r"."):
        parse(datetime)(raw)


def test_a_moment_is_written_in_utc_with_a_z() -> None:
    elsewhere = datetime(2026, 11, 16, 8, 30, tzinfo=timezone(timedelta(hours=-3)))

    assert write(datetime, elsewhere) == "2026-11-16T11:30:00Z"


@given(st.datetimes(timezones=st.just(UTC)))
@settings(deadline=None)
def test_a_moment_survives_the_wire_unchanged(moment: datetime) -> None:
    assert parse(datetime)(write(datetime, moment)) == moment


@pytest.mark.parametrize("raw", [str(GUID), str(GUID).upper(), f"{{{GUID}}}", f"{{{str(GUID).upper()}}}"])
def test_a_guid_is_read_as_dynamics_passes_it(raw: str) -> None:
    assert parse(UUID)(raw) == GUID


def test_a_guid_is_written_in_lower_case_with_hyphens() -> None:
    assert write(UUID, GUID) == "77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"


@pytest.mark.parametrize(
    "raw", [None, 7, True, "", GUID.hex, f"urn:uuid:{GUID}", f"({GUID})", f" {GUID}", f"{GUID}\n", "g" * 36], ids=repr
)
def test_other_forms_are_no_guid(raw: object) -> None:
    with pytest.raises(GraphQLError, match="UUID must be a string"):
        parse(UUID)(raw)
