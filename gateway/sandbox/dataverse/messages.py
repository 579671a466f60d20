"""Functions that belong to no set, about the caller, the organization and its tables, and the document at the root.

Source: Dataverse, Web API Function Reference (WhoAmI, RetrieveVersion, RetrieveCurrentOrganization,
RetrieveTotalRecordCount).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.sandbox.dataverse.access import require_privilege
from gateway.sandbox.dataverse.errors import unknown_entity
from gateway.sandbox.dataverse.function_call import FunctionCall, function_call
from gateway.sandbox.dataverse.naming import set_of
from gateway.sandbox.dataverse.operation import Answer, Operation

VERSION = "9.2.24112.00183"
_FRIENDLY_NAME = "Wheelhouse Supply"
_URL_NAME = "wheelhouse"
_ORGANIZATION = "6f6e5a1e-0b7c-4c55-9d2b-3f1f0a6c9e01"


def message(operation: Operation) -> Answer | None:
    """The answer when the path names a function or the root, else None."""
    call = function_call(operation)
    handler = _MESSAGES.get(call.name) if call is not None else None
    return handler(operation, call) if handler and call is not None else None


def _who_am_i(operation: Operation, _: FunctionCall) -> Answer:
    organization = _organization_id(operation)
    return _response(
        operation,
        "WhoAmIResponse",
        {
            "BusinessUnitId": operation.viewpoint.business_unit_id,
            "UserId": operation.viewpoint.user_id,
            "OrganizationId": organization,
        },
    )


def _retrieve_version(operation: Operation, _: FunctionCall) -> Answer:
    return _response(operation, "RetrieveVersionResponse", {"Version": VERSION})


def _organization_id(operation: Operation) -> str:
    return str(operation.user.values.get("organizationid") or _ORGANIZATION)


def _friendly_name(operation: Operation, identifier: str) -> str:
    row = operation.store.get("organizations", identifier)
    return str(row["name"]) if row is not None else _FRIENDLY_NAME


def _retrieve_current_organization(operation: Operation, call: FunctionCall) -> Answer:
    """Who the organization is and where it answers; `AccessType` must be given but changes nothing here."""
    call.member("AccessType")
    base = operation.root.partition("/api/data/")[0]
    endpoints = {
        "WebApplication": f"{base}/",
        "OrganizationService": f"{base}/XRMServices/2011/Organization.svc",
        "OrganizationDataService": operation.root,
    }
    identifier = _organization_id(operation)
    detail = {
        "OrganizationId": identifier,
        "FriendlyName": _friendly_name(operation, identifier),
        "OrganizationVersion": VERSION,
        "EnvironmentId": identifier,
        "Geo": "EUR",
        "UniqueName": f"unq{identifier.replace('-', '')[:20]}",
        "UrlName": _URL_NAME,
        "State": "Enabled",
        "Endpoints": _collection(endpoints),
    }
    return _response(operation, "RetrieveCurrentOrganizationResponse", {"Detail": detail})


def _retrieve_total_record_count(operation: Operation, call: FunctionCall) -> Answer:
    """How many rows tables hold, beyond the 5,000 where other counts stop."""
    totals: dict[str, object] = {}
    for name in call.texts("EntityNames"):
        entity_set = set_of(operation.model, name)
        if entity_set is None:
            raise unknown_entity(name)
        require_privilege(operation, "Read", entity_set)
        totals[name] = operation.store.count(entity_set.name)
    return _response(
        operation, "RetrieveTotalRecordCountResponse", {"EntityRecordCountCollection": _collection(totals)}
    )


def _collection(members: Mapping[str, object]) -> dict[str, object]:
    """A dictionary as Dataverse writes it: parallel lists of keys and values."""
    return {
        "Count": len(members),
        "IsReadOnly": False,
        "Keys": list(members),
        "Values": list(members.values()),
    }


def _response(operation: Operation, name: str, body: Mapping[str, object]) -> Answer:
    context = f"{operation.root}$metadata#Microsoft.Dynamics.CRM.{name}"
    return Answer(200, {"@odata.context": context, **body})


def _root(operation: Operation, _: FunctionCall) -> Answer:
    names = sorted(name for name, entity_set in operation.model.sets.items() if not entity_set.internal)
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return Answer(200, {"@odata.context": f"{operation.root}$metadata", "value": sets})


_MESSAGES: Mapping[str, Callable[[Operation, FunctionCall], Answer]] = {
    "": _root,
    "WhoAmI": _who_am_i,
    "RetrieveVersion": _retrieve_version,
    "RetrieveCurrentOrganization": _retrieve_current_organization,
    "RetrieveTotalRecordCount": _retrieve_total_record_count,
}
