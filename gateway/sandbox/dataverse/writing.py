"""POST, PATCH, PUT and DELETE: rows, single columns, and references between rows.

PATCH creates a row that is not there (upsert) unless `If-Match` says that it must be; `If-None-Match: *` says that it
must not. A write answers 204 with the address of the row, or with the row under `Prefer: return=representation`.

Source: Dataverse, Update and delete table rows using the Web API; Perform conditional operations using the Web API;
Upsert a table row using the Web API.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.sandbox.dataverse.access import require
from gateway.sandbox.dataverse.address import Address
from gateway.sandbox.dataverse.body import Change, read_change, read_object
from gateway.sandbox.dataverse.changing import associate, create, delete, update
from gateway.sandbox.dataverse.duplicates import check_duplicates
from gateway.sandbox.dataverse.errors import (
    already_exists,
    invalid_payload,
    method_not_allowed,
    row_not_found,
    version_mismatch,
)
from gateway.sandbox.dataverse.operation import Answer, Operation, etag
from gateway.sandbox.dataverse.options import query_pairs
from gateway.sandbox.dataverse.pairs import unpair
from gateway.sandbox.dataverse.query import ROW_OPTIONS, read_query
from gateway.sandbox.dataverse.reading import find, missing, single
from gateway.sandbox.dataverse.references import reference_in, referenced
from gateway.sandbox.dataverse.values import checked
from gateway.sandbox.model import EntitySet, Navigation
from gateway.sandbox.store import Row


def change(operation: Operation, address: Address) -> Answer:
    """Answer a request that writes, all or nothing. Raises: DataverseError, ExpressionError."""
    method = operation.request.method
    with operation.store.transaction():
        if address.key is None:
            if method != "POST" or address.suffix:
                raise method_not_allowed(method)
            return _post(operation, address.entity_set)
        if method == "PATCH" and address.column is None and address.navigation is None:
            return _patch(operation, address)
        row = _existing(operation, address)
        if address.navigation is not None:
            return _reference(operation, address, row, navigation=address.navigation)
        if address.column is not None:
            return _column(operation, address, row)
        if method != "DELETE":
            raise method_not_allowed(method)
        delete(operation, address.entity_set, row)
        return Answer(204)


def _body(operation: Operation, entity_set: EntitySet) -> Change:
    return read_change(read_object(operation.request.body), entity_set, operation.model.sets)


def _post(operation: Operation, entity_set: EntitySet) -> Answer:
    row = create(operation, entity_set, _body(operation, entity_set))
    answer = _written(operation, entity_set, row, status=201)
    location = {"Location": operation.link(entity_set, row[entity_set.key])}
    return replace(answer, headers={**answer.headers, **location}) if answer.status == 204 else answer


def _patch(operation: Operation, address: Address) -> Answer:
    entity_set = address.entity_set
    body = _body(operation, entity_set)
    row = find(operation, address)
    if row is not None:
        if operation.header("if-none-match") == "*":
            raise already_exists()
        _check_version(operation, entity_set, row)
        return _written(operation, entity_set, update(operation, entity_set, row, change=body), status=200)
    if operation.header("if-match") is not None:
        raise missing(address)
    row = create(operation, entity_set, body, fixed=fixed_columns(address))
    return _written(operation, entity_set, row, status=201)


def fixed_columns(address: Address) -> dict[str, object]:
    """The key in an address as columns of the row that is created there; they win over the body."""
    columns, entity = address.entity_set.properties, address.entity_set.entity
    return {name: checked(columns[name], value, entity=entity) for name, value in (address.key or {}).items()}


def _written(operation: Operation, entity_set: EntitySet, row: Row, *, status: int) -> Answer:
    """204 with the address of the row, or the row with `status`; an update does not expand."""
    check_duplicates(operation, entity_set, row)
    key = row[entity_set.key]
    written = f"{entity_set.name}({key})"
    if not operation.preferences.representation:
        return Answer(204, headers={"OData-EntityId": operation.link(entity_set, key)}, written=written)
    query = read_query(
        operation.request.query,
        entity_set,
        model=operation.model,
        viewpoint=operation.viewpoint,
        allowed=ROW_OPTIONS,
    )
    require(operation, "Read", entity_set, row)
    if operation.request.method == "PATCH":
        query = replace(query, expand=())
    answer = single(operation, entity_set, row, query=query)
    return replace(answer, status=status, written=written)


def _existing(operation: Operation, address: Address) -> Row:
    row = find(operation, address)
    if row is None:
        raise missing(address)
    _check_version(operation, address.entity_set, row)
    return row


def _check_version(operation: Operation, entity_set: EntitySet, row: Row) -> None:
    """Refuse a stale `If-Match`; who may not read the row learns nothing of its version."""
    expected = operation.header("if-match")
    if expected is not None and expected not in ("*", etag(row)):
        require(operation, "Read", entity_set, row)
        raise version_mismatch()


def _column(operation: Operation, address: Address, row: Row) -> Answer:
    """`PUT accounts(…)/name` sets one column, `DELETE` clears it."""
    column, entity_set = address.column, address.entity_set
    if column is None or address.suffix or operation.request.method not in ("PUT", "DELETE"):
        raise method_not_allowed(operation.request.method)
    if column.read_only or "lookup" in column.extra or column.name == entity_set.key:
        raise invalid_payload(f"The property '{column.name}' cannot be written on its own.")
    value = read_object(operation.request.body).get("value") if operation.request.method == "PUT" else None
    checked_value = checked(column, value, entity=entity_set.entity)
    update(operation, entity_set, row, change=Change(values={column.name: checked_value}))
    return Answer(204)


def _reference(operation: Operation, address: Address, row: Row, *, navigation: Navigation) -> Answer:
    """`/$ref`: PUT and DELETE on a single navigation, POST and DELETE on a collection."""
    entity_set, method = address.entity_set, operation.request.method
    read_only = not navigation.collection and entity_set.properties[navigation.source_property].read_only
    if address.suffix != "$ref" or read_only:
        raise method_not_allowed(method)
    match method, navigation.collection:
        case "PUT", False:
            reference = reference_in(operation.request.body)
            update(operation, entity_set, row, change=Change(lookups={navigation.name: reference}))
        case "DELETE", False:
            update(operation, entity_set, row, change=Change(lookups={navigation.name: None}))
        case "POST", True:
            reference = reference_in(operation.request.body)
            associate(operation, entity_set, row, navigation=navigation, reference=reference)
        case "DELETE", True if (member := _member(operation, address, navigation)) is not None:
            _disassociate(operation, entity_set, row, navigation=navigation, reference=member)
        case _:
            raise method_not_allowed(method)
    return Answer(204)


def _member(operation: Operation, address: Address, navigation: Navigation) -> str | None:
    """The reference to the row that leaves a collection: `…/contacts(guid)/$ref`, or `…/$ref?$id={address}`."""
    if address.member_key is not None:
        return f"{navigation.target}({address.member_key})"
    return dict(query_pairs(operation.request.query)).get("$id")


def _disassociate(
    operation: Operation, entity_set: EntitySet, row: Row, *, navigation: Navigation, reference: str
) -> None:
    target, child = referenced(operation, navigation, reference)
    if navigation.through is not None:
        unpair(operation, entity_set, row, navigation=navigation, other=child)
        return
    if child[navigation.target_property] != row[navigation.source_property]:
        raise row_not_found(target.entity, str(child[target.key]))
    back = next(
        candidate
        for candidate in target.navigations.values()
        if candidate.source_property == navigation.target_property and not candidate.collection
    )
    update(operation, target, child, change=Change(lookups={back.name: None}))
