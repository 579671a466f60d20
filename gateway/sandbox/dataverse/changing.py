"""Rows created, updated and deleted as Dataverse does it, with everything it keeps up by itself.

Call these within a transaction of the store: a deep insert is all or nothing.

Source: Dataverse, Create a table row using the Web API; Update and delete table rows using the Web API.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from gateway.sandbox.dataverse import upkeep
from gateway.sandbox.dataverse.address import alternate_keys
from gateway.sandbox.dataverse.annotations import CURRENCY
from gateway.sandbox.dataverse.body import Change
from gateway.sandbox.dataverse.errors import (
    INVALID_ARGUMENT,
    DataverseError,
    already_exists,
    duplicate_key,
    invalid_payload,
    method_not_allowed,
)
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.reading import both, equals
from gateway.sandbox.dataverse.references import referenced
from gateway.sandbox.model import EntitySet, Navigation
from gateway.sandbox.store import DuplicateKeyError, Row


def create(
    operation: Operation, entity_set: EntitySet, change: Change, *, fixed: Mapping[str, object] | None = None
) -> Row:
    """Create a row; `fixed` holds columns that win over the body, such as the key in an address.

    Raises:
        DataverseError: the body breaks a rule, or the key is taken.
    """
    values = {**upkeep.defaults(entity_set), **change.values, **_lookups(operation, entity_set, change)}
    for name, parent in change.parents.items():
        values.update(_create_parent(operation, entity_set, entity_set.navigations[name], parent))
    values.update(fixed or {})
    key = values.setdefault(entity_set.key, None) or str(uuid4())
    values[entity_set.key] = key
    values.update(upkeep.state(entity_set, {**change.values}, current=None))
    values.update(upkeep.creation(operation, values) | upkeep.modification(operation))
    values.update(upkeep.ownership(operation, entity_set, values))
    values.update(upkeep.full_name(entity_set, values))
    if values.get(CURRENCY) is None:
        values.update(upkeep.default_currency(operation, entity_set))
    values.update(upkeep.base_amounts(operation, entity_set, values))
    values.update(upkeep.order_number(operation, entity_set, values))
    upkeep.check_required(entity_set, values)
    _check_alternate_keys(operation, entity_set, values)
    try:
        row = operation.store.insert(entity_set.name, values)
    except DuplicateKeyError as error:
        raise already_exists() from error
    if unit := upkeep.base_unit(entity_set, row):
        create(operation, operation.model.sets["uoms"], Change(), fixed=unit)
    _relate(operation, entity_set, row, change=change)
    return row


def update(operation: Operation, entity_set: EntitySet, row: Row, *, change: Change) -> Row:
    """Change a row. Raises: DataverseError when the change breaks a rule."""
    if change.parents or change.children or change.associated:
        raise invalid_payload("Related rows cannot be written with an update.")
    changes = {**change.values, **_lookups(operation, entity_set, change)}
    return _write(operation, entity_set, row, changes=_changeable(entity_set, row, changes))


def _write(operation: Operation, entity_set: EntitySet, row: Row, *, changes: Mapping[str, object]) -> Row:
    """Store changed columns with what follows from them."""
    after = {**row.values, **changes}
    written = {**changes, **upkeep.state(entity_set, changes, current=row), **upkeep.modification(operation)}
    if {"firstname", "lastname"} & changes.keys():
        written.update(upkeep.full_name(entity_set, after))
    if "_ownerid_value" in changes:
        written.update(upkeep.ownership(operation, entity_set, after))
    if {CURRENCY, *upkeep.money_columns(entity_set)} & changes.keys():
        written.update(upkeep.base_amounts(operation, entity_set, after))
    _check_alternate_keys(operation, entity_set, {**after, **written})
    return operation.store.update(entity_set.name, row[entity_set.key], written)


def delete(operation: Operation, entity_set: EntitySet, row: Row) -> None:
    """Delete a row: parts of it go with it, other rows lose their lookup to it."""
    if entity_set.extra.get("principal"):
        raise method_not_allowed("DELETE")
    for navigation in entity_set.navigations.values():
        if navigation.collection:
            _release(operation, row, navigation)
    operation.store.delete(entity_set.name, row[entity_set.key])


def _release(operation: Operation, row: Row, navigation: Navigation) -> None:
    target = operation.model.sets[navigation.target]
    column = navigation.target_property
    for related in operation.store.related(navigation, [row]).values():
        for child in related:
            if target.extra.get("ownership") == "parent":
                delete(operation, target, child)
            else:
                lost = upkeep.customer(target, column, target="", key=None)
                operation.store.update(target.name, child[target.key], {column: None, **lost})


def _lookup(
    operation: Operation, entity_set: EntitySet, navigation: Navigation, *, reference: str | None
) -> dict[str, object]:
    """The columns a bound navigation sets."""
    column = navigation.source_property
    if reference is None:
        if column == "_ownerid_value":
            raise DataverseError(400, INVALID_ARGUMENT, "A row must have an owner.")
        return {column: None, **upkeep.customer(entity_set, column, target="", key=None)}
    target, row = referenced(operation, navigation, reference)
    key = str(row[target.key])
    return {column: key, **upkeep.customer(entity_set, column, target=target.entity, key=key)}


def _lookups(operation: Operation, entity_set: EntitySet, change: Change) -> dict[str, object]:
    values: dict[str, object] = {}
    cleared = {name: reference for name, reference in change.lookups.items() if reference is None}
    for name, reference in {**cleared, **{n: r for n, r in change.lookups.items() if r is not None}}.items():
        values.update(_lookup(operation, entity_set, entity_set.navigations[name], reference=reference))
    return values


def _create_parent(
    operation: Operation, entity_set: EntitySet, navigation: Navigation, change: Change
) -> dict[str, object]:
    target = operation.model.sets[navigation.target]
    key = str(create(operation, target, change)[target.key])
    column = navigation.source_property
    return {column: key, **upkeep.customer(entity_set, column, target=target.entity, key=key)}


def _relate(operation: Operation, entity_set: EntitySet, row: Row, *, change: Change) -> None:
    """Create the nested rows of a deep insert, and associate the rows bound to a collection."""
    for name, children in change.children.items():
        for child in children:
            target, fixed = _back(operation, entity_set, row, navigation=entity_set.navigations[name])
            create(operation, target, child, fixed=fixed)
    for name, references in change.associated.items():
        for reference in references:
            associate(operation, entity_set, row, navigation=entity_set.navigations[name], reference=reference)


def associate(operation: Operation, entity_set: EntitySet, row: Row, *, navigation: Navigation, reference: str) -> None:
    """Put the row a reference leads to into a collection of `row`."""
    target, fixed = _back(operation, entity_set, row, navigation=navigation)
    _, child = referenced(operation, navigation, reference)
    _write(operation, target, child, changes=fixed)


def _back(
    operation: Operation, entity_set: EntitySet, row: Row, *, navigation: Navigation
) -> tuple[EntitySet, dict[str, object]]:
    """The set of a collection, and the columns that make one of its rows belong to `row`."""
    target = operation.model.sets[navigation.target]
    key, column = str(row[navigation.source_property]), navigation.target_property
    return target, {column: key, **upkeep.customer(target, column, target=entity_set.entity, key=key)}


def _changeable(entity_set: EntitySet, row: Row, changes: Mapping[str, object]) -> dict[str, object]:
    """The changes, without columns that can only be set on creation; changing one of those is an error."""
    allowed = {}
    for name, value in changes.items():
        if "createOnly" not in entity_set.properties[name].extra:
            allowed[name] = value
        elif value != row[name]:
            raise DataverseError(400, INVALID_ARGUMENT, f"The column '{name}' can only be set when a row is created.")
    return allowed


def _check_alternate_keys(operation: Operation, entity_set: EntitySet, values: Mapping[str, object]) -> None:
    for columns in alternate_keys(entity_set):
        wanted = {column: values.get(column) for column in columns}
        if None in wanted.values():
            continue
        where = both(*(equals(entity_set, column, value) for column, value in wanted.items()))
        found = operation.store.select(entity_set.name, where=where, limit=2)
        if any(row[entity_set.key] != values[entity_set.key] for row in found):
            raise duplicate_key()
