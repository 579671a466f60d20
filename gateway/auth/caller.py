"""Who is calling us: a bearer token of Entra ID -> a Caller with roles.

Tokens are checked here and nowhere else: signature by a published key, RS256 only, issuer (a tenant's v1 and v2 issuer, by the
token's version), audience, tenant, expiry, not-before, and that it is an access token.

Source: Microsoft identity platform, "Access tokens" (validate tokens), "Access token claims reference".
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

import jwt

from gateway.auth.signing_keys import SigningKeys
from gateway.errors import UnauthenticatedError


class Role(StrEnum):
    """What a caller may be. Source: Business Central, "Setting Up User Accounts for Integrating with Dynamics 365 Sales"."""

    INTEGRATION_ADMINISTRATOR = "INTEGRATION_ADMINISTRATOR"
    INTEGRATION_USER = "INTEGRATION_USER"
    PRODUCT_AVAILABILITY_USER = "PRODUCT_AVAILABILITY_USER"


APP_ROLES: Mapping[str, Role] = {
    "Gateway.IntegrationAdministrator": Role.INTEGRATION_ADMINISTRATOR,
    "Gateway.IntegrationUser": Role.INTEGRATION_USER,
    "Gateway.ProductAvailabilityUser": Role.PRODUCT_AVAILABILITY_USER,
}
"""The values of the app roles in the gateway's app registration."""


_FAR = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
"""The last moment that a token's end is told apart from others."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose token passed. ``name`` is for people; ``object_id`` is who it is, within its tenant. ``expires_at`` is the
    token's end, ``assertion`` the token itself, for those who act on the caller's behalf. ``granted`` are the roles that the
    token grants, ``roles`` those that the caller has.
    """

    object_id: str
    name: str
    roles: frozenset[Role] = frozenset()
    is_application: bool = False
    expires_at: datetime | None = None
    tenant_id: str = ""
    granted: frozenset[Role] = frozenset()
    assertion: str | None = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> str:
        """Tells callers apart in keys of caches, without saying who they are."""
        return hashlib.sha256(f"{self.tenant_id}\0{self.object_id}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Trust:
    """Which tokens of one tenant we accept."""

    authority: str
    tenant_id: str
    audiences: frozenset[str]
    leeway_seconds: int = 60

    @property
    def issuers(self) -> Mapping[str, str]:
        """Who issues, and the version of the tokens: Entra's v2 issuer under the authority; the tenant's v1 issuers."""
        return {
            f"{self.authority}/v2.0": "2.0",
            f"https://sts.windows.net/{self.tenant_id}/": "1.0",
            f"{self.authority}/": "1.0",
        }

    @property
    def keys_url(self) -> str:
        return f"{self.authority}/discovery/v2.0/keys"

    def of_tenant(self, tenant_id: str) -> "Trust":
        """The same of another tenant, whose authority differs in nothing else."""
        return replace(self, authority=self.authority.replace(self.tenant_id, tenant_id), tenant_id=tenant_id)


class RoleSource(Protocol):
    """Says which roles a caller has besides, or instead of, those that the token grants."""

    async def roles(self, caller: Caller) -> frozenset[Role]:
        """Raises: IdentityUnavailableError: it is not known now."""
        ...


class Authenticator:
    """Turns an ``Authorization`` header into a caller.

    ``further`` are other tenants whose callers are accepted; ``source`` says which roles a caller has, by default the token does.
    """

    def __init__(
        self,
        trust: Trust,
        keys: SigningKeys,
        *,
        further: Sequence[tuple[Trust, SigningKeys]] = (),
        source: RoleSource | None = None,
    ) -> None:
        self._home = (trust, keys)
        self._tenants = {each.tenant_id: (each, its) for each, its in further}
        self._source = source

    async def caller(self, authorization: str | None) -> Caller:
        """The caller behind the header.

        Raises:
            UnauthenticatedError: there is no bearer token, or it does not pass. The message says which check failed,
                not what the token holds.
            IdentityUnavailableError: who it is, or what they may do, cannot be found out now.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("This endpoint needs a bearer token in the Authorization header.")
        return await self.with_roles(_caller(await self._claims(token), token))

    async def with_roles(self, caller: Caller) -> Caller:
        """The caller with the roles of this moment: what the source said before counts no more.

        Raises: IdentityUnavailableError.
        """
        if self._source is None:
            return caller
        return replace(caller, roles=await self._source.roles(replace(caller, roles=caller.granted)))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            trust, keys = self._tenant(token)
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            key = await keys.get(key_id) if isinstance(key_id, str) and header.get("alg") == "RS256" else None
            if key is None:
                raise UnauthenticatedError("The token is not signed with a key of the accepted tenant.")
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=list(trust.audiences),
                issuer=list(trust.issuers),
                leeway=trust.leeway_seconds,
                options={"require": ["exp", "iat", "nbf", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise UnauthenticatedError("The token has expired.") from error
        except jwt.InvalidAudienceError as error:
            raise UnauthenticatedError("The token was issued for another audience.") from error
        except jwt.InvalidIssuerError as error:
            raise UnauthenticatedError("The token comes from another issuer.") from error
        except jwt.PyJWTError as error:
            raise UnauthenticatedError("The token is not valid.") from error
        if claims.get("ver") != trust.issuers[claims["iss"]]:
            raise UnauthenticatedError("The token comes from the issuer of another version.")
        if not (claims.get("scp") or _is_application(claims)):
            raise UnauthenticatedError("The token is not an access token: it grants nothing.")
        if claims.get("tid") != trust.tenant_id:
            raise UnauthenticatedError("The token belongs to another tenant.")
        return claims

    def _tenant(self, token: str) -> tuple[Trust, SigningKeys]:
        """Whose keys the token is held against: what it says itself is believed as far as that, and then checked."""
        if not self._tenants:
            return self._home
        said = jwt.decode(token, options={"verify_signature": False}).get("tid")
        return self._tenants.get(said, self._home) if isinstance(said, str) else self._home


def _is_application(claims: Mapping[str, Any]) -> bool:
    """Without ``idtyp``, which is optional, an application's own token is told by its roles, its client, and that it is its own
    subject; an ID token may have roles too, but names no client.
    """
    if claims.get("idtyp") == "app":
        return True
    has_client = bool(claims.get("azp") or claims.get("appid"))
    its_own = claims.get("oid") is not None and claims.get("oid") == claims.get("sub")
    return not claims.get("scp") and bool(claims.get("roles")) and has_client and its_own


def _caller(claims: Mapping[str, Any], token: str) -> Caller:
    object_id = claims.get("oid") or claims.get("sub")
    if not isinstance(object_id, str):
        raise UnauthenticatedError("The token names nobody.")
    roles = _granted(claims.get("roles"))
    name = (
        claims.get("name") or claims.get("preferred_username") or claims.get("azp") or claims.get("appid") or object_id
    )
    return Caller(
        object_id=object_id,
        name=str(name),
        roles=roles,
        granted=roles,
        is_application=_is_application(claims),
        expires_at=datetime.fromtimestamp(min(int(claims["exp"]), _FAR), UTC),
        tenant_id=str(claims["tid"]),
        assertion=token,
    )


def _granted(roles: object) -> frozenset[Role]:
    given = roles if isinstance(roles, list) else []
    return frozenset(APP_ROLES[role] for role in given if role in APP_ROLES)
