"""Who acts: the claims of a token, matched with the user rows of the environment, and on whose behalf.

A person is found by the object id in Entra ID, an application by its client id. A token that belongs to nobody here,
or to a disabled user, is refused with 403. The same holds for the user named in `CallerObjectId` (an object id) or
`MSCRMCallerID` (a `systemuserid`), for whom only those may act who have the privilege for it.

Source: Dataverse, Use single-tenant server-to-server authentication; Impersonate another user using the Web API; Web
service error codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.sandbox.dataverse.access import refusal
from gateway.sandbox.dataverse.errors import NOT_A_MEMBER, USER_DISABLED, DataverseError
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.privileges import ACT_ON_BEHALF, Privilege
from gateway.sandbox.dataverse.rights import rights_of
from gateway.sandbox.expression import Comparison, Literal, Path
from gateway.sandbox.store import Row, Store

_IMPERSONATION = {"callerobjectid": "azureactivedirectoryobjectid", "mscrmcallerid": "systemuserid"}
"""The column each header names a user by; the first header that is there counts."""


def acting_user(store: Store, claims: Mapping[str, object]) -> Row:
    """The user a token stands for. Raises: DataverseError 403."""
    is_application = claims.get("idtyp") == "app" or ("scp" not in claims and "appid" in claims)
    if is_application:
        return _enabled(_user_with(store, "applicationid", claims.get("appid")))
    return _enabled(_user_with(store, "azureactivedirectoryobjectid", claims.get("oid")))


def on_behalf(operation: Operation) -> Operation:
    """The operation as the user its own headers name; as it is when they name nobody.

    Raises:
        DataverseError: 403, the caller may not act for others, or there is no such user.
    """
    named = next(
        ((column, value) for name, column in _IMPERSONATION.items() if (value := operation.header(name))), None
    )
    if named is None:
        return operation
    store, caller = operation.store, operation.caller
    own = rights_of(store, caller)
    if not own.has(ACT_ON_BEHALF):
        raise refusal(own, Privilege(ACT_ON_BEHALF), where="", acting=caller)
    column, value = named
    user = _enabled(_user_with(store, column, value.strip().strip("{}")))
    rights = rights_of(store, user)
    viewpoint = replace(
        operation.viewpoint,
        user_id=str(user["systemuserid"]),
        business_unit_id=str(user["_businessunitid_value"] or ""),
        owners=rights.owners,
    )
    return replace(operation, user=user, viewpoint=viewpoint, rights=(rights, own))


def _enabled(user: Row | None) -> Row:
    if user is None:
        raise DataverseError(403, NOT_A_MEMBER, "The user is not a member of the organization.")
    if user["isdisabled"]:
        message = f"The specified user(Id = {user['systemuserid']}) is disabled. Consider enabling this user."
        raise DataverseError(403, USER_DISABLED, message)
    return user


def _user_with(store: Store, column: str, value: object) -> Row | None:
    if value is None:
        return None
    where = Comparison("eq", Path((column,)), Literal(str(value).lower(), "Edm.Guid"))
    return next(iter(store.select("systemusers", where=where, limit=1)), None)
