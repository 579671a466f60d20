"""The scalars of the schema, each with the exact form it has on the wire."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

_DECIMAL = re.compile(r"-?[0-9]{1,28}(\.[0-9]{1,18})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def _parse_decimal(value: object) -> Decimal:
    """A string of digits, or a whole JSON number; a JSON fraction has been a binary float on its way and is refused."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**28:
        return Decimal(value)
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError('Decimal must be a string of digits, such as "12.50".')
    return Decimal(value)


def _parse_uuid(value: object) -> UUID:
    text = value[1:-1] if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}" else value
    if not isinstance(text, str) or not _UUID.fullmatch(text):
        raise ValueError('UUID must be a string such as "77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d".')
    return UUID(text)


def _parse_date(value: object) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError('Date must be a string such as "2026-11-16".')
    return date.fromisoformat(value)


def _parse_instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError('DateTime must be a string such as "2026-11-16T08:30:00Z".')
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("DateTime must name its time zone, such as the Z of 2026-11-16T08:30:00Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("DateTime lies outside the years 1 to 9999.") from error


def _write_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _write_decimal(value: Decimal) -> str:
    return format(value, "f")


def _scalar(name: str, description: str, serialize: object, parse: Callable[[object], object]) -> ScalarDefinition:
    def parse_value(value: object) -> object:
        """Of a value written into the query, any other error than GraphQL's own would count as a failure of ours."""
        try:
            return parse(value)
        except ValueError as error:
            raise GraphQLError(str(error)) from error

    return strawberry.scalar(name=name, description=description, serialize=serialize, parse_value=parse_value)  # type: ignore[call-overload]


SCALARS: Mapping[object, ScalarDefinition] = {
    Decimal: _scalar(
        "Decimal",
        'An exact decimal number as a string, such as "1250.50"; never a float. Whole JSON numbers are accepted as input.',
        _write_decimal,
        _parse_decimal,
    ),
    date: _scalar("Date", 'A calendar date, such as "2026-11-16".', date.isoformat, _parse_date),
    datetime: _scalar("DateTime", 'A moment in UTC, such as "2026-11-16T08:30:00Z".', _write_instant, _parse_instant),
    UUID: _scalar(
        "UUID",
        "A GUID in lower case with hyphens: the SystemId of a Business Central record, or the primary key of a "
        "Dataverse "
        "row. Input may be in upper case and in braces, as Dynamics forms pass it.",
        str,
        _parse_uuid,
    ),
}
