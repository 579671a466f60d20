"""Bulk messages: many rows of one table in one request, all of them or none.

    POST accounts/Microsoft.Dynamics.CRM.CreateMultiple
    {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "Quay Cycles"}, …]}

`UpdateMultiple` and `UpsertMultiple` find each row by `@odata.id`, such as `accounts(accountnumber='C00210')`, or by the
primary key among its columns. The tables of the platform itself have no bulk messages.

Source: Dataverse, Bulk operation messages; Web API Action Reference (CreateMultiple, UpdateMultiple, UpsertMultiple).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gateway.sandbox.dataverse.address import Address, read_address
from gateway.sandbox.dataverse.body import read_change, read_object
from gateway.sandbox.dataverse.changing import create, update
from gateway.sandbox.dataverse.errors import (
    NOT_IMPLEMENTED,
    DataverseError,
    invalid_payload,
    unknown_segment,
)
from gateway.sandbox.dataverse.message_catalogue import raises_messages
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.reading import find, missing
from gateway.sandbox.dataverse.references import referenced_address
from gateway.sandbox.dataverse.values import checked
from gateway.sandbox.dataverse.writing import fixed_columns
from gateway.sandbox.model import EntitySet

_PATH = re.compile(r"(\w+)/Microsoft\.Dynamics\.CRM\.(\w+Multiple)")
_Target = Mapping[str, object]


def bulk_message(operation: Operation) -> Answer | None:
    """The answer when a POST goes to a bulk message, else None. Raises: DataverseError."""
    found = _PATH.fullmatch(operation.request.path)
    if found is None or operation.request.method != "POST":
        return None
    entity_set = read_address(found[1], operation.model).entity_set
    if not raises_messages(operation.model, entity_set.name):
        raise unknown_segment(f"Microsoft.Dynamics.CRM.{found[2]}")
    if found[2] == "DeleteMultiple":
        raise DataverseError(501, NOT_IMPLEMENTED, "DeleteMultiple has not yet been implemented.")
    carry_out = _MESSAGES.get(found[2])
    if carry_out is None:
        return None
    targets = _targets(operation, entity_set)
    with operation.store.transaction():
        return carry_out(operation, entity_set, targets)


def _targets(operation: Operation, entity_set: EntitySet) -> list[_Target]:
    targets = read_object(operation.request.body).get("Targets")
    if not isinstance(targets, list):
        raise invalid_payload("The parameter 'Targets' must be a list of rows.")
    for target in targets:
        _check_type(target, entity_set)
    return targets


def _check_type(target: object, entity_set: EntitySet) -> None:
    """Each row says of which table it is."""
    kind = target.get("@odata.type") if isinstance(target, dict) else None
    if not isinstance(kind, str):
        raise invalid_payload("Each row of 'Targets' must name its type in '@odata.type'.")
    if kind.removeprefix("#") != f"Microsoft.Dynamics.CRM.{entity_set.entity}":
        raise invalid_payload(f"A row of type '{kind}' cannot be written to '{entity_set.name}'.")


def _create_all(operation: Operation, entity_set: EntitySet, targets: list[_Target]) -> Answer:
    sets = operation.model.sets
    rows = [create(operation, entity_set, read_change(target, entity_set, sets)) for target in targets]
    context = f"{operation.root}$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
    return Answer(200, {"@odata.context": context, "Ids": [row[entity_set.key] for row in rows]})


def _update_all(operation: Operation, entity_set: EntitySet, targets: list[_Target]) -> Answer:
    for target in targets:
        address = _identity(operation, entity_set, target)
        if address is None:
            raise invalid_payload(f"Each row to update must hold its '{entity_set.key}'.")
        row = find(operation, address)
        if row is None:
            raise missing(address)
        update(operation, entity_set, row, change=read_change(target, entity_set, operation.model.sets))
    return Answer(204)


def _upsert_all(operation: Operation, entity_set: EntitySet, targets: list[_Target]) -> Answer:
    for target in targets:
        address = _identity(operation, entity_set, target)
        change = read_change(target, entity_set, operation.model.sets)
        row = find(operation, address) if address is not None else None
        if row is not None:
            update(operation, entity_set, row, change=change)
        else:
            create(operation, entity_set, change, fixed=fixed_columns(address) if address is not None else None)
    return Answer(204)


def _identity(operation: Operation, entity_set: EntitySet, target: _Target) -> Address | None:
    """Which row a target stands for; None when it does not say."""
    reference = target.get("@odata.id")
    if isinstance(reference, str):
        address = referenced_address(operation, reference)
        if address.entity_set is not entity_set:
            raise invalid_payload(f"'{reference}' is not a row of '{entity_set.name}'.")
        return address
    column = entity_set.properties[entity_set.key]
    key = checked(column, target.get(entity_set.key), entity=entity_set.entity)
    return None if key is None else Address(entity_set, {entity_set.key: key})


_MESSAGES: Mapping[str, Callable[[Operation, EntitySet, list[_Target]], Answer]] = {
    "CreateMultiple": _create_all,
    "UpdateMultiple": _update_all,
    "UpsertMultiple": _upsert_all,
}
