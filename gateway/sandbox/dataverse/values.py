"""Values of a request body, checked against their column: type, length, choice and range.

Source: Dataverse, Compose HTTP requests and handle errors; Create a table row using the Web API.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

from gateway.sandbox.dataverse.errors import (
    DataverseError,
    choice_out_of_range,
    invalid_payload,
    out_of_range,
    too_long,
)
from gateway.sandbox.model import Property

_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_LARGEST = Decimal(922337203685477)
_FINEST = Decimal("1E-10")
_INTEGERS = {"Edm.Int32": 2**31, "Edm.Int64": 2**63}


def checked(column: Property, value: object, *, entity: str) -> object:
    """The value as it is stored. Raises: DataverseError."""
    if value is None or value == "":
        return None  # an empty text and no text are the same to Dataverse
    match column.type:
        case "Edm.String" | "Edm.Binary":
            return _text(column, value, entity)
        case "Edm.Int32" | "Edm.Int64":
            return _integer(column, value, entity)
        case "Edm.Decimal" | "Edm.Double":
            return _number(column, value, entity)
        case "Edm.Boolean" if isinstance(value, bool):
            return value
        case "Edm.Guid" if isinstance(value, str) and _GUID.fullmatch(value):
            return value.strip("{}").lower()
        case "Edm.Date":
            return _day(column, value)
        case "Edm.DateTimeOffset":
            return _moment(column, value)
    raise _wrong_type(column, value)


def _text(column: Property, value: object, entity: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(column, value)
    if column.max_length is not None and len(value) > column.max_length:
        raise too_long(column.name, entity, column.max_length)
    return value


def _integer(column: Property, value: object, entity: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(column, value)
    if column.options is not None and str(value) not in column.options:
        raise choice_out_of_range(column.name, entity, value, accepted=map(int, column.options))
    limit = _INTEGERS[column.type]
    if not -limit <= value < limit:
        raise _wrong_type(column, value)
    _check_range(column, value, entity)
    return value


def _number(column: Property, value: object, entity: str) -> Decimal:
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool):
        raise _wrong_type(column, value)
    _check_range(column, value, entity)
    number = Decimal(value)
    if abs(number) > _LARGEST:
        raise out_of_range(column.name, entity, value)
    return number if number == (rounded := number.quantize(_FINEST)) else rounded  # no column has more decimals


def _check_range(column: Property, value: int | Decimal, entity: str) -> None:
    limits = column.extra.get("range")
    if isinstance(limits, list) and not Decimal(str(limits[0])) <= value <= Decimal(str(limits[1])):
        raise out_of_range(column.name, entity, value)


def _day(column: Property, value: object) -> str:
    if not isinstance(value, str) or len(value) != len("2026-05-04"):
        raise _wrong_type(column, value)
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise _wrong_type(column, value) from error


def _moment(column: Property, value: object) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _wrong_type(column, value) from error
    if moment.tzinfo is None:
        raise _wrong_type(column, value)
    try:
        return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    except OverflowError as error:
        raise _wrong_type(column, value) from error


def _wrong_type(column: Property, value: object) -> DataverseError:
    return invalid_payload(f"Cannot convert the literal '{value}' to the expected type '{column.type}'.")
