"""JSON that callers send, read once. Pure.

What the standard library lets through and nothing after it can handle is half a character: a surrogate without its other
half, which no encoding can write. It is found in the text, without writing anew what was read.

Sources: RFC 8259, 7 (strings) and 8.1 (character encoding).
"""

import json
import re

MESSAGE_BYTES = 262_144
"""The longest message a socket takes; the longest query people write is a small part of it."""

_LONE_SURROGATE = re.compile(
    r"\\u[dD](?:"
    r"[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"  # a first half that no second half follows
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F]"  # a second half without a first
    r")"
)
"""It begins with what is rare, so that the rest of a text is passed over quickly."""


def read_document(data: str | bytes) -> object:
    """What the text says.

    Raises:
        ValueError: it is not JSON, too deep, or holds half a character.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    text.encode()  # half a character that is no escape
    try:
        document: object = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    # a backslash that is escaped begins no escape; what takes its place keeps its neighbours apart
    if _LONE_SURROGATE.search(text.replace("\\\\", "  ")):
        raise ValueError("half a character")
    return document


def _no_number(text: str) -> None:
    """NaN and the infinities are no JSON. Source: RFC 8259, 6."""
    raise ValueError(f"{text} is no number")
