"""What a system says of an error, as far as people may read it. Pure.

A refusal is written for people: which field, which rule, which right. But it is a text of others, and may hold how they are
built, what they were sent, or a token. So it goes on without addresses, paths and secrets, and not at all when it reads like the
inside of a program. Who is to look into it has the request id.
"""

import re
from typing import Final

MOST_CHARACTERS: Final = 500

_INSIDE = re.compile(
    r"""stack\s?trace | ^\s+at\s+[\w.<>`]+\( | \bat\s+(?:Microsoft|System)\.[\w.]+ | \bexception\s+of\s+type\b | [\w.]+Exception:
    | \bsql\s?(?:error|exception|server|command|state) | \b(?:connection\s?string|data\s+source|initial\s+catalog)\b
    | (?-i:\bSELECT\s.+\sFROM\s | \bINSERT\s+INTO\s | \bUPDATE\s.+\sSET\s | \bDELETE\s+FROM\s)""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
"""How stack traces, database errors and connection strings look."""

_SECRET = re.compile(
    r"""(?P<name>\b(?:bearer\s+ | (?:password|pwd|client_?secret|client_?state|api_?key|access_?key|sig|assertion
        |(?:access|refresh|id)_?token)["']?\s*[=:]\s*["']?))(?P<value>[^\s"',;&<>]+) | \beyJ[\w-]+\.[\w-]+\.?[\w-]*""",
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w:/])(?:[A-Za-z]:\\|\\\\)[^\s\"'<>]+|(?<![\w/])/(?:[\w.-]+/){2,}[\w.-]+")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


def for_people(text: str | None) -> str | None:
    """What may be told of a system's message; None for nothing."""
    if text is None or _INSIDE.search(text):
        return None
    told = _PATH.sub("[path]", _ADDRESS.sub("[address]", without_secrets(text)))
    told = "".join(each if each.isprintable() else " " for each in told).strip()
    return (told if len(told) <= MOST_CHARACTERS else f"{told[:MOST_CHARACTERS]}…") or None


def without_secrets(text: str) -> str:
    """The text for a log: what it calls a secret, or what looks like a token, is struck out."""
    return _SECRET.sub(lambda found: f"{found['name'] or ''}[redacted]", text)


def word(text: str | None) -> str | None:
    """A code or an id of a system: one word, or none of it."""
    return text if text is not None and _WORD.fullmatch(text) else None
