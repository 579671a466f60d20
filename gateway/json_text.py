"""JSON out without losing digits: a Decimal is written as the number it is.

The encoder of the standard library cannot write a Decimal as a number, and a float would change it.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

_text = json.encoder.encode_basestring


def dumps(value: object) -> str:
    """Compact JSON text; a Decimal keeps its scale, date-times are written in UTC.

    Raises:
        TypeError: a value that has no JSON form here.
        ValueError: a number that is not finite, or a date-time without a time zone.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case int():
            return repr(value)
        case UUID():
            return f'"{value}"'
        case datetime() if value.tzinfo is not None:
            return '"' + value.astimezone(UTC).isoformat().replace("+00:00", "Z") + '"'
        case date() if not isinstance(value, datetime):
            return f'"{value.isoformat()}"'
        case Mapping():
            return "{" + ",".join([f"{_text(str(name))}:{dumps(item)}" for name, item in value.items()]) + "}"
        case list() | tuple():
            return "[" + ",".join([dumps(item) for item in value]) + "]"
        case Decimal() | datetime():
            raise ValueError(f"{value} has no JSON form")
    raise TypeError(f"{type(value).__name__} has no JSON form here")
