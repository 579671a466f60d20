"""Does a row meet a filter? The same conditions that a backend is asked with, on a row that is here. Pure."""

from gateway.keys import fold
from gateway.odata.query import All, AnyOf, Compare, Either, Filter, Value
from gateway.records import Values

_BLANKS = ("", " ", None)
"""Business Central has no null: what is not set is the type's default, which a client of ours reads as None."""


def meets(condition: Filter, row: Values) -> bool:
    """Whether the row would be among those the backend finds.

    Raises:
        NotImplementedError: the condition is of a kind that no mapping uses.
    """
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
        case _:
            raise NotImplementedError(f"{type(condition).__name__} in a mapping's filter")


def _alike(read: object, wanted: Value) -> bool:
    if wanted in _BLANKS:
        return read in _BLANKS
    if isinstance(wanted, bool) or isinstance(read, bool):
        return read is wanted
    if isinstance(read, str):
        return fold(read) == fold(str(wanted))
    return read == wanted
