"""Does a row meet a filter? The same conditions that a backend is asked with, on a row that is here. Pure."""

from collections.abc import Callable, Iterable
from operator import ge, gt, le, lt
from typing import Any, Final

from gateway.keys import fold
from gateway.odata.query import All, AnyOf, Compare, Either, Filter, Order, Text, Value
from gateway.records import Record, Values

_BLANKS = ("", " ", None)
"""Business Central has no null: what is not set is the type's default, which a client of ours reads as None."""


def meets(condition: Filter, row: Values) -> bool:
    """Whether the row would be among those the backend finds."""
    match condition:
        case All():
            return all(meets(part, row) for part in condition.parts)
        case Either():
            return any(meets(part, row) for part in condition.parts)
        case AnyOf():
            return any(_alike(row.get(condition.property), value) for value in condition.values)
        case Compare(name, "eq", value):
            return _alike(row.get(name), value)
        case Compare(name, "ne", value):
            return not _alike(row.get(name), value)
        case Compare(name, operator, value):
            return _is_beyond(row.get(name), _ORDERING[operator], value)
        case Text(function, name, value):
            return _TEXTS[function](fold(str(row.get(name) or "")), fold(value))


def in_order(records: Iterable[Record], order: Iterable[Order]) -> list[Record]:
    """The rows as a backend would order them; a blank comes first."""
    found = list(records)
    for term in reversed(list(order)):
        found.sort(key=lambda each: _place(each.values.get(term.property)), reverse=term.descending)
    return found


def _place(value: object) -> tuple[bool, Any]:
    return value not in _BLANKS, _comparable(value) if value not in _BLANKS else 0


def _comparable(value: object) -> Any:
    return fold(value) if isinstance(value, str) else value


def _is_beyond(read: object, compare: Callable[[Any, Any], bool], wanted: Value) -> bool:
    """A blank is beyond nothing."""
    if read in _BLANKS or wanted in _BLANKS:
        return False
    return compare(_comparable(read), fold(str(wanted)) if isinstance(read, str) else wanted)


_ORDERING: Final = {"gt": gt, "ge": ge, "lt": lt, "le": le}
_TEXTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


def _alike(read: object, wanted: Value) -> bool:
    if wanted in _BLANKS:
        return read in _BLANKS
    if isinstance(wanted, bool) or isinstance(read, bool):
        return read is wanted
    if isinstance(read, str):
        return fold(read) == fold(str(wanted))
    return read == wanted
