"""JSON in and out without losing digits: a number with a fraction is a Decimal both ways.

The encoder of the standard library cannot write a Decimal as a number, and a float would change it.
"""

import json
from collections.abc import Mapping
from decimal import Decimal

_text = json.encoder.encode_basestring


def dumps(value: object) -> str:
    """Compact JSON text; a Decimal keeps its scale.

    Raises:
        TypeError: a value that has no JSON form here.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case Decimal():
            return format(value, "f")
        case int() | float():
            return repr(value)
        case Mapping():
            return "{" + ",".join([f"{_text(str(name))}:{dumps(item)}" for name, item in value.items()]) + "}"
        case list() | tuple():
            return "[" + ",".join([dumps(item) for item in value]) + "]"
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def loads(text: str | bytes) -> object:
    """Raises: ValueError when the text is not JSON, or holds half a surrogate pair, which is no text."""
    try:
        value: object = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
        dumps(value).encode()
        return value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
