"""Values as the audit trail keeps them: JSON of a bounded size, without secrets; files only by their size and hash."""

import json
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from hashlib import sha256
from typing import Any, Final

from gateway.couplings.store import storable
from gateway.telemetry import redacted

FILES: Final = frozenset({"csv"})
"""Names of inputs that are a file, however short it is."""

MOST_CHARACTERS: Final = 500
MOST_ITEMS: Final = 200
MOST_LEVELS: Final = 16
MOST_BYTES: Final = 32_000
"""Of the whole."""


def bounded(value: object) -> Any:
    """The value as JSON; one that is too large as a whole is told by its size and hash."""
    kept = _kept("", value, 0)
    text = json.dumps(kept)
    return kept if len(text) <= MOST_BYTES else _digest(text)


def bounded_changes(changes: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The first of them, as many as there is room for."""
    kept: list[Any] = []
    room = MOST_BYTES
    for each in changes:
        one = bounded(each)
        room -= len(json.dumps(one))
        if room < 0:
            break
        kept.append(one)
    return kept


def _kept(name: str, value: object, level: int) -> Any:
    if level > MOST_LEVELS:
        return "…"
    match value:
        case None | bool():
            return value
        case Enum():
            return value.name
        case int() | float():
            return value if math.isfinite(value) and abs(value) < 2**63 else str(value)[:MOST_CHARACTERS]
        case Mapping():
            return _object(value, level)
        case list() | tuple() | set() | frozenset():
            items = list(value)
            more = [{"more": len(items) - MOST_ITEMS}] if len(items) > MOST_ITEMS else []
            return [_kept(name, each, level + 1) for each in items[:MOST_ITEMS]] + more
        case _:
            return _text(name, str(value))


def _object(value: Mapping[Any, Any], level: int) -> dict[str, Any]:
    """A secret is known by its name."""
    kept: dict[str, Any] = {}
    for key, each in list(value.items())[:MOST_ITEMS]:
        name = storable(str(key), 100)
        hidden = redacted(name, "") != ""
        kept[name] = "[redacted]" if hidden and each is not None else _kept(name, each, level + 1)
    if len(value) > MOST_ITEMS:
        kept["…"] = {"more": len(value) - MOST_ITEMS}
    return kept


def _text(name: str, text: str) -> Any:
    if name in FILES or len(text) > MOST_CHARACTERS:
        return _digest(text)
    return redacted("", storable(text))


def _digest(text: str) -> dict[str, Any]:
    raw = text.encode("utf-8", "surrogatepass")
    return {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
