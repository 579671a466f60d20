"""Who is calling us: a bearer token of Entra ID -> a Caller with roles.

Tokens are checked here and nowhere else: signature by a published key, RS256 only, issuer (the tenant's v1 and v2 issuer),
audience, tenant, expiry, not-before.

Source: Microsoft identity platform, "Access tokens" (validate tokens), "OpenID Connect metadata and signing key rollover".
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import httpx
import jwt

from gateway.errors import UnauthenticatedError
from gateway.telemetry import log


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
    """A caller whose token passed. ``name`` is for people; ``object_id`` is who it is. ``expires_at`` is the token's end."""

    object_id: str
    name: str
    roles: frozenset[Role] = frozenset()
    is_application: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Which tokens we accept."""

    authority: str
    tenant_id: str
    audiences: frozenset[str]
    leeway_seconds: int = 60

    @property
    def issuers(self) -> tuple[str, ...]:
        """Entra's v2 issuer under the authority, and the v1 issuer of the tenant."""
        return f"{self.authority}/v2.0", f"https://sts.windows.net/{self.tenant_id}/"

    @property
    def keys_url(self) -> str:
        return f"{self.authority}/discovery/v2.0/keys"


@dataclass(slots=True)
class SigningKeys:
    """The tenant's published keys. An unknown key id asks again, but not more often than the cooldown allows."""

    url: str
    http: httpx.AsyncClient
    clock: Callable[[], float] = time.monotonic
    lifetime_seconds: float = 24 * 3600
    cooldown_seconds: float = 30
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _refresh_at: float = float("-inf")
    _patient_until: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this id; None when the tenant publishes no such key.

        Raises:
            UnauthenticatedError: the keys cannot be had and none are kept.
        """
        if self._due(key_id):
            async with self._lock:
                if self._due(key_id):
                    await self._ask()
        if not self._keys:
            raise UnauthenticatedError("Tokens cannot be checked now: the signing keys cannot be read.")
        return self._keys.get(key_id)

    def _due(self, key_id: str) -> bool:
        now = self.clock()
        return now >= self._refresh_at or (key_id not in self._keys and now >= self._patient_until)

    async def _ask(self) -> None:
        """Old keys stay until new ones are there; when the endpoint fails, it is asked again after the cooldown."""
        wait = self.cooldown_seconds
        try:
            response = await self.http.get(self.url)
            response.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(response.json()).keys
            self._keys = {key.key_id: key for key in keys if key.key_id is not None}
            wait = self.lifetime_seconds
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
            log.warning("signing keys cannot be read", url=self.url, reason=type(error).__name__)
        self._refresh_at = self.clock() + wait
        self._patient_until = self.clock() + self.cooldown_seconds


class Authenticator:
    """Turns an ``Authorization`` header into a caller."""

    def __init__(self, trust: Trust, keys: SigningKeys) -> None:
        self._trust = trust
        self._keys = keys

    async def caller(self, authorization: str | None) -> Caller:
        """The caller behind the header.

        Raises:
            UnauthenticatedError: there is no bearer token, or it does not pass. The message says which check failed,
                not what the token holds.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthenticatedError("This endpoint needs a bearer token in the Authorization header.")
        return _caller(await self._claims(token.strip()))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            key = await self._keys.get(key_id) if isinstance(key_id, str) else None
            if key is None or header.get("alg") != "RS256":
                raise UnauthenticatedError("The token is not signed with a key of the accepted tenant.")
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=list(self._trust.audiences),
                issuer=list(self._trust.issuers),
                leeway=self._trust.leeway_seconds,
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
        if not (claims.get("scp") or claims.get("roles") or claims.get("idtyp") == "app"):
            raise UnauthenticatedError("The token is not an access token: it grants nothing.")
        if claims.get("tid") != self._trust.tenant_id:
            raise UnauthenticatedError("The token belongs to another tenant.")
        return claims


def _caller(claims: Mapping[str, Any]) -> Caller:
    object_id = claims.get("oid") or claims.get("sub")
    if not isinstance(object_id, str):
        raise UnauthenticatedError("The token names nobody.")
    roles = claims.get("roles")
    name = (
        claims.get("name") or claims.get("preferred_username") or claims.get("azp") or claims.get("appid") or object_id
    )
    return Caller(
        object_id=object_id,
        name=str(name),
        roles=frozenset(APP_ROLES[role] for role in roles if role in APP_ROLES)
        if isinstance(roles, list)
        else frozenset(),
        is_application=claims.get("idtyp") == "app",
        expires_at=datetime.fromtimestamp(min(int(claims["exp"]), _FAR), UTC),
    )
