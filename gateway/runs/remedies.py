"""What a person can do about a record that could not be synchronized: follows from the error's code and the mapping's direction.

Pure. Source: Business Central, page Coupled Data Synchronization Errors and its actions. "Delete Records", which deletes the one
that is left, is not offered: a deletion is never passed on, and whoever wants it can delete the record in its own system.
"""

from enum import StrEnum

from gateway.errors import ErrorCode
from gateway.records import Backend
from gateway.sync.mapping import Direction


class Remedy(StrEnum):
    """Something to be done about an error."""

    COUPLE_SALESPERSONS = "COUPLE_SALESPERSONS"
    COUPLE_RECORDS = "COUPLE_RECORDS"
    CHANGE_RECORD = "CHANGE_RECORD"
    CHECK_RIGHTS = "CHECK_RIGHTS"
    RESOLVE_FIELDS = "RESOLVE_FIELDS"
    USE_BUSINESS_CENTRAL = "USE_BUSINESS_CENTRAL"
    USE_DATAVERSE = "USE_DATAVERSE"
    RESTORE = "RESTORE"
    RETRY = "RETRY"
    UNCOUPLE = "UNCOUPLE"


_FIRST = {
    ErrorCode.SALESPERSON_NOT_COUPLED: Remedy.COUPLE_SALESPERSONS,
    ErrorCode.OWNER_NOT_COUPLED: Remedy.COUPLE_SALESPERSONS,
    ErrorCode.LOOKUP_NOT_COUPLED: Remedy.COUPLE_RECORDS,
    ErrorCode.RECORD_NOT_VISIBLE: Remedy.CHECK_RIGHTS,
    ErrorCode.BACKEND_REFUSED: Remedy.CHECK_RIGHTS,
    ErrorCode.BACKEND_REJECTED: Remedy.CHANGE_RECORD,
    ErrorCode.BACKEND_PROTOCOL_ERROR: Remedy.CHANGE_RECORD,
    ErrorCode.DIRECTION_NOT_ALLOWED: Remedy.CHANGE_RECORD,
    ErrorCode.LINES_DIFFER: Remedy.CHANGE_RECORD,
    ErrorCode.RECORD_BLOCKED: Remedy.CHANGE_RECORD,
    ErrorCode.RECORD_EXISTS: Remedy.CHANGE_RECORD,
    ErrorCode.RECORD_OUTSIDE_FILTER: Remedy.CHANGE_RECORD,
}
"""What removes the cause; a retry comes after it."""

_KEEPS = {Backend.BUSINESS_CENTRAL: Remedy.USE_BUSINESS_CENTRAL, Backend.DATAVERSE: Remedy.USE_DATAVERSE}
_ITS_OWN = frozenset({ErrorCode.BACKEND_REJECTED, ErrorCode.DIRECTION_NOT_ALLOWED})
"""The side that should have been written refuses the other one's value: keeping its own is a way out."""


def remedies(code: ErrorCode, direction: Direction, *, to: Backend | None, coupled: bool) -> list[Remedy]:
    """What to do, the most helpful first.

    Args:
        to: the side that should have been written, of a deletion the one that is gone; None: either.
        coupled: the record has a partner.
    """
    if not coupled:
        return [*([_FIRST[code]] if code in _FIRST else []), Remedy.COUPLE_RECORDS][:1]
    if code is ErrorCode.DELETION_CONFLICT:
        can_restore = to is not None and direction.goes_to(to)
        return [*([Remedy.RESTORE] if can_restore else []), Remedy.UNCOUPLE]
    if code is ErrorCode.UPDATE_CONFLICT:
        fields = [Remedy.RESOLVE_FIELDS] if direction is Direction.BIDIRECTIONAL else []
        return [*fields, *(_KEEPS[each] for each in Backend if _can_keep(each, direction)), Remedy.UNCOUPLE]
    first = [_FIRST[code]] if code in _FIRST else []
    own = [_KEEPS[to]] if to is not None and code in _ITS_OWN and _can_keep(to, direction) else []
    return [*first, *own, Remedy.RETRY, Remedy.UNCOUPLE]


def _can_keep(side: Backend, direction: Direction) -> bool:
    """Whether the other side may be overwritten with this one's data."""
    other = Backend.DATAVERSE if side is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
    return direction.goes_to(other)
