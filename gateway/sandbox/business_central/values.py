"""Values of a request body, checked and turned into what the store keeps.

Null becomes the empty value of the type. Options are accepted by wire name or caption. A column marked `upper` in the
model is a code, which Business Central keeps in capital letters.

Source: Business Central, "Endpoints for the APIs"; error codes of "Troubleshooting Web Services Error Codes".
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.address import find_navigation
from gateway.sandbox.business_central.query import member
from gateway.sandbox.columns import encode
from gateway.sandbox.model import EntitySet, Property

_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LARGEST = 10**18
"""A decimal has eighteen digits before its point."""
_RANGES = {"Edm.Int32": 2**31, "Edm.Int64": 2**63}

Values = dict[str, object]


def body_object(body: object) -> Mapping[str, object]:
    """A body that must be one object.

    Raises:
        RefusedError: it is something else.
    """
    if not isinstance(body, Mapping):
        raise errors.bad_request("The request body must be a JSON object.")
    return body


def accept(entity_set: EntitySet, body: Mapping[str, object]) -> tuple[Values, dict[str, list[object]]]:
    """Split a body into checked property values and the rows it holds under navigations.

    Raises:
        RefusedError: an unknown property, or a value its type does not allow.
    """
    values: Values = {}
    nested: dict[str, list[object]] = {}
    columns = entity_set.visible
    for name, given in body.items():
        if "@odata." in name:
            continue
        if name in columns:
            values[name] = _value(columns[name], given)
        elif (navigation := find_navigation(entity_set, name)) and navigation.collection and isinstance(given, list):
            nested[navigation.name] = given
        else:
            raise errors.unknown_body_property(name, entity=entity_set.entity)
    return values, nested


def _value(column: Property, given: object) -> object:
    if given is None:
        return column.empty
    if column.options is not None:
        return member(_text(column, given), column)
    match column.type:
        case "Edm.String":
            text = _text(column, given)
            if column.max_length is not None and len(text) > column.max_length:
                raise errors.too_long(text, column.max_length)
            return text.upper() if column.extra.get("upper") else text
        case "Edm.Boolean":
            if not isinstance(given, bool):
                raise _unreadable(column, given)
            return given
        case "Edm.Decimal" | "Edm.Double" | "Edm.Int32" | "Edm.Int64":
            return _number(column, given)
        case _:
            return _written(column, _text(column, given))


def _text(column: Property, given: object) -> str:
    if not isinstance(given, str) or any("\ud800" <= character <= "\udfff" for character in given):
        raise _unreadable(column, ascii(given) if isinstance(given, str) else given)
    return given


def _number(column: Property, given: object) -> object:
    if isinstance(given, bool) or not isinstance(given, (int, Decimal)):
        raise _unreadable(column, given)
    limit = _RANGES.get(column.type)
    if limit is None:
        if not -_LARGEST < given < _LARGEST:
            raise _unreadable(column, given)
        return given
    if given != int(given) or not -limit <= given < limit:
        raise _unreadable(column, given)
    return int(given)


def _written(column: Property, text: str) -> str:
    try:
        match column.type:
            case "Edm.Guid":
                if not _GUID.fullmatch(text):
                    raise ValueError(text)
                return text.lower()
            case "Edm.Date":
                return date.fromisoformat(text).isoformat()
            case _:
                datetime.fromisoformat(text)
                encode(column, text)
                return text
    except ValueError as error:
        raise _unreadable(column, text) from error


def _unreadable(column: Property, given: object) -> errors.RefusedError:
    return errors.bad_request(f"Cannot convert the literal '{given}' to the expected type '{column.type}'.")
