"""From a request to its answer, alone or in a batch: the one place where errors of all kinds become error objects.

Source: Dataverse, Compose HTTP requests and handle errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.sandbox.dataverse.actor import acting_user
from gateway.sandbox.dataverse.address import read_address
from gateway.sandbox.dataverse.batch import answer_batch
from gateway.sandbox.dataverse.conditions import Viewpoint
from gateway.sandbox.dataverse.errors import (
    DataverseError,
    invalid_payload,
    invalid_url,
    method_not_allowed,
    unknown_property,
)
from gateway.sandbox.dataverse.messages import message
from gateway.sandbox.dataverse.operation import Answer, Operation, Request
from gateway.sandbox.dataverse.preferences import parse_preferences
from gateway.sandbox.dataverse.reading import read
from gateway.sandbox.dataverse.writing import change
from gateway.sandbox.expression import ExpressionError, UnknownPropertyError
from gateway.sandbox.store import Store

_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


def answer(store: Store, request: Request, *, claims: Mapping[str, object], root: str, now: datetime) -> Answer:
    """Carry out one request of an authenticated caller."""
    try:
        user = acting_user(store, claims)
        viewpoint = Viewpoint(str(user["systemuserid"]), str(user["_businessunitid_value"] or ""), now)
        preferences = parse_preferences(request.headers.get("prefer", ""))
        operation = Operation(request, store, root, viewpoint, user, preferences)
        return answer_batch(operation, _respond) if request.path == "$batch" else _respond(operation)
    except DataverseError as error:
        return Answer(error.status, error.body())


def _respond(operation: Operation) -> Answer:
    """The answer to one operation, an error object when it fails."""
    try:
        result = carry_out(operation)
    except DataverseError as error:
        return Answer(error.status, error.body())
    applied = operation.preferences.applied_to(operation.request.method)
    return replace(result, headers={**result.headers, "Preference-Applied": applied}) if applied else result


def carry_out(operation: Operation) -> Answer:
    """Carry out one operation. Raises: DataverseError."""
    method = operation.request.method
    try:
        if method == "GET":
            return message(operation) or read(operation, read_address(operation.request.path, operation.model))
        if method in _WRITES:
            return change(operation, read_address(operation.request.path, operation.model))
    except UnknownPropertyError as error:
        raise unknown_property(error.name, error.entity) from error
    except ExpressionError as error:
        raise invalid_url(str(error)) from error
    except RecursionError as error:
        raise invalid_payload("The request body is nested too deeply.") from error
    raise method_not_allowed(method)
