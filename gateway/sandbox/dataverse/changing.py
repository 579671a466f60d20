"""Rows created, updated and deleted as Dataverse does it, with everything it keeps up by itself.

Call these within a transaction of the store: a deep insert is all or nothing.

Source: Dataverse, Create a table row using the Web API; Update and delete table rows using the Web API.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from gateway.sandbox.dataverse import catalogue, pairs, price_engine, upkeep
from gateway.sandbox.dataverse.access import require, require_privilege
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
from gateway.sandbox.dataverse.restrictions import check_editable, check_lines_editable, check_unused
from gateway.sandbox.dataverse.webhook_rules import check_registration, forget_registration
from gateway.sandbox.model import EntitySet, Navigation
from gateway.sandbox.store import DuplicateKeyError, Row


def create(
    operation: Operation, entity_set: EntitySet, change: Change, *, fixed: Mapping[str, object] | None = None
) -> Row:
    """Create a row; `fixed` holds columns that win over the body, such as the key in an address.

    Raises:
        DataverseError: the body breaks a rule, or the key is taken.
    """
    if entity_set.extra.get("fixed"):
        raise method_not_allowed(operation.request.method)
    require_privilege(operation, "Create", entity_set)
    values = {**upkeep.defaults(entity_set), **change.values, **_lookups(operation, entity_set, change)}
    for name, parent in change.parents.items():
        values.update(_create_parent(operation, entity_set, entity_set.navigations[name], parent))
    values.update(fixed or {})
    key = values.setdefault(entity_set.key, None) or str(uuid4())
    values[entity_set.key] = key
    values.update(catalogue.potential_customer(entity_set, values, changes=values))
    values.update(upkeep.state(entity_set, catalogue.born_state(entity_set, change.values), current=None))
    values.update(upkeep.creation(operation, entity_set, values) | upkeep.modification(operation, entity_set))
    values.update(upkeep.ownership(operation, entity_set, values))
    values.update(upkeep.full_name(entity_set, values))
    if values.get(CURRENCY) is None:
        values.update(upkeep.default_currency(operation, entity_set))
    values.update(price_engine.computed(operation, entity_set, values, on="create"))
    values.update(upkeep.base_amounts(operation, entity_set, values))
    values.update(upkeep.order_number(operation, entity_set, values))
    upkeep.check_required(entity_set, values)
    catalogue.check(operation, entity_set, values, changes=values)
    if entity_set.name == "salesorderdetails":
        check_lines_editable(operation, values.get("_salesorderid_value"))
    values.update(check_registration(operation, entity_set, values, values))
    _check_alternate_keys(operation, entity_set, values)
    try:
        row = operation.store.insert(entity_set.name, values)
    except DuplicateKeyError as error:
        raise already_exists() from error
    require(operation, "Create", entity_set, row)
    _require_append(operation, entity_set, row, change=change)
    if unit := upkeep.base_unit(entity_set, row):
        create(operation, operation.model.sets["uoms"], Change(), fixed=unit)
    _relate(operation, entity_set, row, change=change)
    return _settled(operation, entity_set, row)


def update(operation: Operation, entity_set: EntitySet, row: Row, *, change: Change) -> Row:
    """Change a row. Raises: DataverseError when the change breaks a rule."""
    if change.parents or change.children or change.associated:
        raise invalid_payload("Related rows cannot be written with an update.")
    require(operation, "Write", entity_set, row)
    if "ownerid" in change.lookups:
        require(operation, "Assign", entity_set, row)
    _require_append(operation, entity_set, row, change=change)
    changes = {**change.values, **_lookups(operation, entity_set, change)}
    changes = _changeable(entity_set, row, changes)
    check_editable(operation, entity_set, row, changes)
    written = _write(operation, entity_set, row, changes=changes)
    if price_engine.PRICE_LIST in changes:
        return _repriced(operation, entity_set, written)
    return _settled(operation, entity_set, written, before=row)


def _settled(operation: Operation, entity_set: EntitySet, row: Row, *, before: Row | None = None) -> Row:
    """The row once the totals have followed its lines: those of the document a line belongs to, or belonged to."""
    documents = [
        price_engine.document_of(operation, entity_set, one.values) for one in (row, before) if one is not None
    ]
    found = {str(document.version): document for document in documents if document is not None}
    for document in found.values():
        _write(operation, price_engine.documents_of(operation, entity_set), document, changes={})
    if not found and not price_engine.has_lines(entity_set):
        return row
    return operation.store.get(entity_set.name, row[entity_set.key]) or row


def _repriced(operation: Operation, entity_set: EntitySet, row: Row) -> Row:
    """A document with another price list: each of its lines is priced anew."""
    found = price_engine.lines_of(operation, entity_set, row.values)
    if found is None:
        return row
    lines, rows = found
    for line in rows:
        _write(operation, lines, line, changes={})
    return _write(operation, entity_set, row, changes={})


def _write(operation: Operation, entity_set: EntitySet, row: Row, *, changes: Mapping[str, object]) -> Row:
    """Store changed columns with what follows from them."""
    after = {**row.values, **changes}
    written = {
        **changes,
        **upkeep.state(entity_set, changes, current=row),
        **upkeep.modification(operation, entity_set),
    }
    if {"firstname", "lastname"} & changes.keys():
        written.update(upkeep.full_name(entity_set, after))
    if "_ownerid_value" in changes:
        written.update(upkeep.ownership(operation, entity_set, after))
    written.update(catalogue.potential_customer(entity_set, after, changes=changes))
    catalogue.check(operation, entity_set, after, changes=changes)
    prices = price_engine.computed(operation, entity_set, {**after, **written}, on="update")
    written.update(prices)
    if {CURRENCY, *upkeep.money_columns(entity_set)} & (changes.keys() | prices.keys()):
        written.update(upkeep.base_amounts(operation, entity_set, {**after, **prices}))
    _check_alternate_keys(operation, entity_set, {**after, **written})
    written.update(check_registration(operation, entity_set, {**after, **written}, changes))
    return operation.store.update(entity_set.name, row[entity_set.key], written)


def delete(operation: Operation, entity_set: EntitySet, row: Row) -> None:
    """Delete a row: parts of it go with it, other rows lose their lookup to it."""
    if entity_set.extra.get("principal") or entity_set.extra.get("fixed"):
        raise method_not_allowed("DELETE")
    require(operation, "Delete", entity_set, row)
    check_unused(operation, entity_set, row)
    if entity_set.name == "salesorderdetails":
        check_lines_editable(operation, row["_salesorderid_value"])
    _remove(operation, entity_set, row)
    if (document := price_engine.document_of(operation, entity_set, row.values)) is not None:
        _write(operation, price_engine.documents_of(operation, entity_set), document, changes={})


def _remove(operation: Operation, entity_set: EntitySet, row: Row) -> None:
    for navigation in entity_set.navigations.values():
        if navigation.through is not None:
            pairs.release(operation, row, navigation=navigation)
        elif navigation.collection:
            _release(operation, row, navigation)
    forget_registration(operation.store, entity_set, row)
    operation.store.delete(entity_set.name, row[entity_set.key])


def _release(operation: Operation, row: Row, navigation: Navigation) -> None:
    target = operation.model.sets[navigation.target]
    column = navigation.target_property
    for related in operation.store.related(navigation, [row]).values():
        for child in related:
            if target.extra.get("ownership") == "parent":
                _remove(operation, target, child)
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
    if column != "_ownerid_value":
        require(operation, "AppendTo", target, row)
    key = str(row[target.key])
    return {column: key, **upkeep.customer(entity_set, column, target=target.entity, key=key)}


def _require_append(operation: Operation, entity_set: EntitySet, row: Row, *, change: Change) -> None:
    """A row that points to others must allow it; the owner is assigned instead."""
    if any(name != "ownerid" and reference is not None for name, reference in change.lookups.items()):
        require(operation, "Append", entity_set, row)


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
            navigation = entity_set.navigations[name]
            if navigation.through is not None:
                other = create(operation, operation.model.sets[navigation.target], child)
                pairs.pair(operation, entity_set, row, navigation=navigation, other=other)
                continue
            target, fixed = _back(operation, entity_set, row, navigation=navigation)
            create(operation, target, child, fixed=fixed)
    for name, references in change.associated.items():
        for reference in references:
            associate(operation, entity_set, row, navigation=entity_set.navigations[name], reference=reference)


def associate(operation: Operation, entity_set: EntitySet, row: Row, *, navigation: Navigation, reference: str) -> None:
    """Put the row a reference leads to into a collection of `row`."""
    target, child = referenced(operation, navigation, reference)
    if navigation.through is not None:
        pairs.pair(operation, entity_set, row, navigation=navigation, other=child)
        return
    require(operation, "AppendTo", entity_set, row)
    require(operation, "Append", target, child)
    _, fixed = _back(operation, entity_set, row, navigation=navigation)
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
