"""Who sent a request: an application of its own, or a person through an application.

An application's token carries `roles`, a person's carries `scp`; roles in a person's token open nothing here. A token
that is bad, missing or without the right permission is refused in the same words.

Source: Business Central, "Using service-to-service authentication", "Authenticate web services using OAuth".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.sandbox.business_central import errors

_ROLE = "API.ReadWrite.All"
_SCOPES = frozenset({"Financials.ReadWrite.All", "user_impersonation"})

Verify = Callable[[str], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Caller:
    """`id` is the object id of the person or service principal; an application counts as a user."""

    id: str
    is_application: bool


def authenticate(verify: Verify, authorization: str) -> Caller:
    """The caller an `Authorization` header proves.

    Raises:
        RefusedError: it proves nobody who may use the API.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise errors.unauthenticated()
    try:
        claims = verify(token.strip())
    except ValueError as error:
        raise errors.unauthenticated() from error
    roles, scopes = claims.get("roles", []), str(claims.get("scp", "")).split()
    is_application = not scopes
    permitted = isinstance(roles, list) and _ROLE in roles if is_application else bool(_SCOPES & set(scopes))
    if not permitted:
        raise errors.unauthenticated()
    return Caller(str(claims.get("oid", "")), is_application)
