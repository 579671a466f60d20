"""Many-to-many relationships: rows are associated by a row of a third table, and by nothing in themselves.

Source: Dataverse, Associate and disassociate table rows using the Web API; Many-to-many table relationships.
"""

from __future__ import annotations

from uuid import uuid4

from gateway.sandbox.dataverse.access import require
from gateway.sandbox.dataverse.errors import duplicate_key, row_not_found
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.reading import both, equals
from gateway.sandbox.model import EntitySet, Navigation, Through
from gateway.sandbox.store import Row


def pair(operation: Operation, entity_set: EntitySet, row: Row, *, navigation: Navigation, other: Row) -> None:
    """Associate two rows. Raises: DataverseError 412 when they are already, 403 without the rights for it."""
    through, target = _through(navigation), operation.model.sets[navigation.target]
    require(operation, "Append", entity_set, row)
    require(operation, "AppendTo", target, other)
    start, end = row[navigation.source_property], other[navigation.target_property]
    if _pairs(operation, through, start, end):
        raise duplicate_key()
    pairs = operation.model.sets[through.set_name]
    values = {pairs.key: str(uuid4()), through.source_property: start, through.target_property: end}
    operation.store.insert(pairs.name, values)


def unpair(operation: Operation, entity_set: EntitySet, row: Row, *, navigation: Navigation, other: Row) -> None:
    """Take an association back. Raises: DataverseError 404 when there is none, 403 without the rights for it."""
    through, target = _through(navigation), operation.model.sets[navigation.target]
    require(operation, "Append", entity_set, row)
    require(operation, "AppendTo", target, other)
    found = _pairs(operation, through, row[navigation.source_property], other[navigation.target_property])
    if not found:
        raise row_not_found(target.entity, str(other[target.key]))
    _remove(operation, through, found)


def release(operation: Operation, row: Row, *, navigation: Navigation) -> None:
    """End the associations of a row that is about to go."""
    through = _through(navigation)
    _remove(operation, through, _pairs(operation, through, row[navigation.source_property], None))


def _pairs(operation: Operation, through: Through, start: object, end: object) -> list[Row]:
    pairs = operation.model.sets[through.set_name]
    ended = None if end is None else equals(pairs, through.target_property, end)
    where = both(equals(pairs, through.source_property, start), ended)
    return operation.store.select(pairs.name, where=where)


def _remove(operation: Operation, through: Through, found: list[Row]) -> None:
    key = operation.model.sets[through.set_name].key
    for one in found:
        operation.store.delete(through.set_name, one[key])


def _through(navigation: Navigation) -> Through:
    if navigation.through is None:
        raise ValueError(f"{navigation.name} is no many-to-many relationship")
    return navigation.through
