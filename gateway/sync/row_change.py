"""One change of a row that is there, as CRM takes it: a locked row is opened and locked again in the same change set. Pure."""

from collections.abc import Mapping
from typing import Final

from gateway.odata.write import Create, Delete, Revise, Update
from gateway.records import Values
from gateway.sync.mapping import Table
from gateway.sync.records import Found

_STATE: Final = ("statecode", "statuscode")

Below = tuple[Create | Update | Delete, ...]
"""What is done to rows below it."""


def change_of(table: Table, path: str, row: Found, values: Values, *, below: Below = ()) -> Update | Revise:
    """The write that gives the row these values, if it is still as it was read."""
    etag = row.etag or ""
    as_before = {name: row.values.get(name) for name in _STATE}
    if is_locked(table, row) and table.lock is not None:
        opened: Mapping[str, object] = dict(zip(_STATE, table.lock.opened, strict=True))
        return Revise(Update(path, row.id, opened, etag), below, (values, as_before) if values else (as_before,))
    if below:  # what is written of the row itself guards the rows below it, too
        return Revise(Update(path, row.id, values or as_before, etag), below)
    return Update(path, row.id, values, etag)


def is_locked(table: Table, row: Found) -> bool:
    """Whether CRM takes no change of the row as it is."""
    return table.lock is not None and row.values.get("statecode") == table.lock.state


def is_closed(table: Table, row: Found) -> bool:
    """Whether the row stays as it is for good."""
    return table.lock is not None and row.values.get("statecode") in table.lock.closed
