"""Cursors of lists that are not cut by a backend: a few texts, opaque to callers."""

import base64
import binascii
import json
from collections.abc import Sequence

from gateway.errors import InvalidInputError
from gateway.reading.values import usable


def write_cursor(*parts: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> Sequence[str]:
    """
    Raises:
        InvalidInputError: it is none of ours.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
            raise TypeError("a cursor is a list of texts")
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise not_ours() from error
    return [usable(each, "after") for each in parts]


def not_ours() -> InvalidInputError:
    return InvalidInputError("The cursor is not one this list has given out.", argument="after")
