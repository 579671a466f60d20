"""From a request to its answer, alone or in a batch: the one place where errors of all kinds become error objects.

Source: Dataverse, Compose HTTP requests and handle errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.sandbox.dataverse.actions import action
from gateway.sandbox.dataverse.actor import acting_user, on_behalf
from gateway.sandbox.dataverse.address import requested_address
from gateway.sandbox.dataverse.batch import answer_batch
from gateway.sandbox.dataverse.bulk import bulk_message
from gateway.sandbox.dataverse.caller import calling
from gateway.sandbox.dataverse.conditions import Viewpoint
from gateway.sandbox.dataverse.csdl import service_metadata
from gateway.sandbox.dataverse.delta_token import ChangeTracking
from gateway.sandbox.dataverse.error_annotations import error_body
from gateway.sandbox.dataverse.errors import (
    OUT_OF_RANGE,
    DataverseError,
    invalid_payload,
    invalid_url,
    method_not_allowed,
    unknown_property,
    url_too_long,
)
from gateway.sandbox.dataverse.messages import message
from gateway.sandbox.dataverse.metadata import definitions
from gateway.sandbox.dataverse.operation import Answer, Operation, Request
from gateway.sandbox.dataverse.option_values import option_action
from gateway.sandbox.dataverse.preferences import parse_preferences
from gateway.sandbox.dataverse.query_languages import query_in_other_language
from gateway.sandbox.dataverse.reading import read
from gateway.sandbox.dataverse.rights import rights_of
from gateway.sandbox.dataverse.tracking import changes
from gateway.sandbox.dataverse.user_functions import user_function
from gateway.sandbox.dataverse.writing import change
from gateway.sandbox.expression import ExpressionError, UnknownPropertyError
from gateway.sandbox.store import Store

_MAX_URL = 32_768
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


def answer(
    store: Store,
    request: Request,
    *,
    claims: Mapping[str, object],
    root: str,
    now: datetime,
    tracking: ChangeTracking,
) -> Answer:
    """Carry out one request of an authenticated caller."""
    try:
        if len(root) + len(request.path) + len(request.query) > _MAX_URL:
            raise url_too_long(_MAX_URL)
        user = acting_user(store, claims)
        preferences = parse_preferences(request.headers.get("prefer", ""))
        rights = rights_of(store, user)
        viewpoint = Viewpoint(str(user["systemuserid"]), str(user["_businessunitid_value"] or ""), now, rights.owners)
        operation = Operation(request, store, root, viewpoint, user, user, (rights,), preferences, tracking=tracking)
        if request.path == "$batch":
            with calling(acting := on_behalf(operation)):
                return answer_batch(acting, _respond)
        return _respond(operation)
    except DataverseError as error:
        return Answer(error.status, error.body())


def _respond(operation: Operation) -> Answer:
    """The answer to one operation, an error object when it fails."""
    try:
        with calling(acting := on_behalf(operation)):
            result = carry_out(acting)
    except DataverseError as error:
        return Answer(error.status, error_body(error, operation.preferences))
    named = result.headers.get("Preference-Applied", "")
    applied = ",".join(filter(None, (operation.preferences.applied_to(operation.request.method), named)))
    return replace(result, headers={**result.headers, "Preference-Applied": applied}) if applied else result


def carry_out(operation: Operation) -> Answer:
    """Carry out one operation. Raises: DataverseError."""
    method = operation.request.method
    try:
        if method == "GET":
            return (
                message(operation)
                or service_metadata(operation)
                or definitions(operation)
                or user_function(operation)
                or _rows(operation)
            )
        if method in _WRITES:
            return bulk_message(operation) or action(operation) or option_action(operation) or _write(operation)
    except UnknownPropertyError as error:
        raise unknown_property(error.name, error.entity) from error
    except ExpressionError as error:
        raise invalid_url(str(error)) from error
    except ArithmeticError as error:
        raise DataverseError(400, OUT_OF_RANGE, "A validation error occurred.  An amount is too large.") from error
    except RecursionError as error:
        raise invalid_payload("The request body is nested too deeply.") from error
    raise method_not_allowed(method)


def _rows(operation: Operation) -> Answer:
    address = requested_address(operation.request.path, operation.model)
    return query_in_other_language(operation, address) or changes(operation, address) or read(operation, address)


def _write(operation: Operation) -> Answer:
    return change(operation, requested_address(operation.request.path, operation.model))
