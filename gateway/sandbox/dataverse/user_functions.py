"""What a user may do, asked for: all privileges of a user, and the rights on one row.

    GET systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges
    GET systemusers(…)/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)?@t={'@odata.id':'accounts(…)'}

Source: Dataverse, Web API Function Reference (RetrieveUserPrivileges, RetrievePrincipalAccess).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gateway.sandbox.dataverse.access import allows, require
from gateway.sandbox.dataverse.address import GUID, read_address
from gateway.sandbox.dataverse.errors import invalid_url, row_not_found
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.options import query_pairs
from gateway.sandbox.dataverse.privileges import VERBS, Privilege
from gateway.sandbox.dataverse.reading import find, missing
from gateway.sandbox.dataverse.rights import Rights, rights_of

_NAMESPACE = "Microsoft.Dynamics.CRM."
_CALL = re.compile(rf"systemusers\(({GUID.pattern})\)/{re.escape(_NAMESPACE)}(\w+)(?:\((.*)\))?", re.DOTALL)
_TARGET = re.compile(r"""\{\s*['"]@odata\.id['"]\s*:\s*['"](?:[^'"]*/api/data/v9\.2/)?/?([^'"]+)['"]\s*\}""")


def user_function(operation: Operation) -> Answer | None:
    """The answer when the path is one of these functions, else None. Raises: DataverseError."""
    call = _CALL.fullmatch(operation.request.path)
    function = _FUNCTIONS.get(call[2]) if call is not None else None
    if call is None or function is None:
        return None
    key, users = call[1].lower(), operation.model.sets["systemusers"]
    user = operation.store.get(users.name, key)
    if user is None:
        raise row_not_found(users.entity, key)
    require(operation, "Read", users, user)
    context = f"{operation.root}$metadata#{_NAMESPACE}{call[2]}Response"
    return Answer(
        200, {"@odata.context": context, **function(operation, rights_of(operation.store, user), call[3] or "")}
    )


def _user_privileges(_: Operation, rights: Rights, __: str) -> Mapping[str, object]:
    unit = rights.user["_businessunitid_value"]
    return {
        "RolePrivileges": [
            {
                "Depth": reach.depth.name.capitalize(),
                "PrivilegeId": Privilege(name).id,
                "BusinessUnitId": unit,
                "PrivilegeName": name,
            }
            for name, reach in sorted(rights.reaches.items())
        ]
    }


def _principal_access(operation: Operation, rights: Rights, arguments: str) -> Mapping[str, object]:
    aliases = dict(query_pairs(operation.request.query))
    text = arguments.partition("Target=")[2].strip()
    target = _TARGET.fullmatch(aliases.get(text, text).strip())
    if target is None:
        raise invalid_url("The parameter 'Target' of 'RetrievePrincipalAccess' must be a reference to a row.")
    address = read_address(target[1], operation.model)
    row = find(operation, address) if address.key is not None else None
    if row is None:
        raise missing(address)
    names = [f"{verb}Access" for verb in VERBS if allows(operation, rights, verb, address.entity_set, row)]
    return {"AccessRights": ", ".join(names) or "None"}


_FUNCTIONS: Mapping[str, Callable[[Operation, Rights, str], Mapping[str, object]]] = {
    "RetrieveUserPrivileges": _user_privileges,
    "RetrievePrincipalAccess": _principal_access,
}
