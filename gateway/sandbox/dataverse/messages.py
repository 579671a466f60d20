"""Functions that belong to no set: `WhoAmI` and `RetrieveVersion`, and the document at the service root.

Source: Dataverse, Web API Function Reference (WhoAmI, RetrieveVersion).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.sandbox.dataverse.operation import Answer, Operation

VERSION = "9.2.24112.00183"
_ORGANIZATION = "6f6e5a1e-0b7c-4c55-9d2b-3f1f0a6c9e01"


def message(operation: Operation) -> Answer | None:
    """The answer when the path names a function or the root, else None."""
    handler = _MESSAGES.get(operation.request.path.removesuffix("()"))
    return handler(operation) if handler else None


def _who_am_i(operation: Operation) -> Answer:
    organization = operation.user.values.get("organizationid") or _ORGANIZATION
    return _response(
        operation,
        "WhoAmIResponse",
        {
            "BusinessUnitId": operation.viewpoint.business_unit_id,
            "UserId": operation.viewpoint.user_id,
            "OrganizationId": organization,
        },
    )


def _retrieve_version(operation: Operation) -> Answer:
    return _response(operation, "RetrieveVersionResponse", {"Version": VERSION})


def _response(operation: Operation, name: str, body: Mapping[str, object]) -> Answer:
    context = f"{operation.root}$metadata#Microsoft.Dynamics.CRM.{name}"
    return Answer(200, {"@odata.context": context, **body})


def _root(operation: Operation) -> Answer:
    names = sorted(name for name, entity_set in operation.model.sets.items() if not entity_set.internal)
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return Answer(200, {"@odata.context": f"{operation.root}$metadata", "value": sets})


_MESSAGES: Mapping[str, Callable[[Operation], Answer]] = {
    "": _root,
    "WhoAmI": _who_am_i,
    "RetrieveVersion": _retrieve_version,
}
