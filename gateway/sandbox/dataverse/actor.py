"""Who acts: the claims of a token, matched with the user rows of the environment.

A person is found by the object id in Entra ID, an application by its client id. A token that belongs to nobody here,
or to a disabled user, is refused with 403.

Source: Dataverse, Use single-tenant server-to-server authentication; Web service error codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.sandbox.dataverse.errors import NOT_A_MEMBER, USER_DISABLED, DataverseError
from gateway.sandbox.expression import Comparison, Literal, Path
from gateway.sandbox.store import Row, Store


def acting_user(store: Store, claims: Mapping[str, object]) -> Row:
    """The user a token stands for. Raises: DataverseError 403."""
    is_application = claims.get("idtyp") == "app" or ("scp" not in claims and "appid" in claims)
    if is_application:
        user = _user_with(store, "applicationid", claims.get("appid"))
    else:
        user = _user_with(store, "azureactivedirectoryobjectid", claims.get("oid"))
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
