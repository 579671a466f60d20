"""What is registered in the demo tenant: the applications, and what a token for each resource lets its holder do.

A resource is named in the scope of a token request: `{resource}/.default`, or `{resource}/{permission}` for a person.
Three are known: Business Central, the gateway's own API, and any web address, taken for a Dataverse organization.

Source: Business Central, Using service-to-service authentication; Dataverse, Use OAuth authentication with Microsoft
Dataverse; Microsoft identity platform, Scopes and permissions.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.sandbox.identity.errors import SignInError
from gateway.sandbox.identity.people import GATEWAY_CLIENT_ID, GATEWAY_RESOURCE, GRAPHIQL_CLIENT_ID, Person

BUSINESS_CENTRAL_RESOURCE: Final = "https://api.businesscentral.dynamics.com"

_OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_DEFAULT = ".default"


@dataclass(frozen=True)
class Application:
    """An app registration.

    `object_id` is its service principal, `audiences` what tokens for its own API are addressed to. A confidential
    client proves itself with a secret.
    """

    client_id: str
    object_id: str
    name: str
    is_confidential: bool
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """An API. `application_roles` is what an application is granted there, `scopes` what a person may ask for."""

    audience: str
    application_roles: tuple[str, ...]
    scopes: tuple[str, ...]

    def roles_of(self, subject: Person | Application) -> tuple[str, ...]:
        """People hold app roles of the gateway only; elsewhere the systems keep their own."""
        if isinstance(subject, Application):
            return self.application_roles
        return subject.roles if self.audience in GATEWAY.audiences else ()


@dataclass(frozen=True)
class Scope:
    """One token request's `scope`, understood. `wants_openid` asks for an ID token as well."""

    resource: Resource
    wants_openid: bool = False


GATEWAY: Final = Application(
    GATEWAY_CLIENT_ID,
    "5c16f80e-d742-4ba9-90e3-17c8a2f6d5b4",
    "Dynamics gateway",
    is_confidential=True,
    audiences=(GATEWAY_RESOURCE, GATEWAY_CLIENT_ID),
)
GRAPHIQL: Final = Application(
    GRAPHIQL_CLIENT_ID, "697d20ab-83f5-4e1c-b7a6-e40f9c5d2183", "Dynamics gateway demo page", is_confidential=False
)
_APPLICATIONS = {application.client_id: application for application in (GATEWAY, GRAPHIQL)}


def application(client_id: str) -> Application:
    """Raises: SignInError for an unknown client."""
    registered = _APPLICATIONS.get(client_id.lower())
    if registered is None:
        raise SignInError.unknown_application(client_id)
    return registered


def resource(audience: str) -> Resource:
    """Raises: SignInError when nothing of that name is registered."""
    if audience == BUSINESS_CENTRAL_RESOURCE:
        return Resource(audience, ("API.ReadWrite.All",), ("Financials.ReadWrite.All",))
    if audience in GATEWAY.audiences:
        return Resource(audience, (), ("access_as_user",))
    if not _is_web_address(audience):
        raise SignInError.unknown_resource(audience)
    return Resource(audience, (), ("user_impersonation",))  # its security roles decide the rest


def _is_web_address(text: str) -> bool:
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    return address.scheme in {"http", "https"} and bool(address.netloc)


def scope_of_an_application(text: str) -> Scope:
    """Applications cannot pick permissions: they ask for all they were granted.

    Raises: SignInError unless the scope is exactly one `{resource}/.default`.
    """
    audience, separator, permission = text.strip().rpartition("/")
    if " " in text.strip() or not separator or permission != _DEFAULT:
        raise SignInError.scope_without_default(text)
    return Scope(resource(audience))


def scope_of_a_person(text: str) -> Scope:
    """Raises: SignInError unless the scope names permissions of exactly one resource, all of which exist."""
    words = text.split()
    parts = [word.rpartition("/") for word in words if word not in _OPENID_SCOPES]
    audiences = {audience for audience, _, _ in parts}
    if len(audiences) != 1 or "" in audiences:
        raise SignInError.invalid_scope(text)
    found = resource(audiences.pop())
    asked = {permission for _, _, permission in parts}
    if not asked <= {_DEFAULT, *found.scopes}:
        raise SignInError.invalid_scope(text)
    return Scope(found, wants_openid="openid" in words)
