"""Identity: issues and verifies the access tokens of the demo tenant.

Tokens are RS256 JWTs shaped like those of Entra ID. `ver` 2.0 is the default; real APIs also receive 1.0.
All simulators need is a `Verify`: a bearer token in, the claims out, bound to the resource they are.

Source: Microsoft identity platform, Access token claims reference.
"""

import hashlib
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import jwt

from gateway.sandbox.identity.keys import KeyRing, client_secret
from gateway.sandbox.identity.people import TENANT_ID, Person
from gateway.sandbox.identity.registrations import GATEWAY, Application, resource

Verify = Callable[[str], Mapping[str, object]]
"""Bearer token (without the word Bearer) to claims, for one resource. Raises InvalidToken."""

LIFETIME: Final = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMEMBERED_TOKENS = 1024
_REQUIRED_CLAIMS = ["iss", "aud", "exp", "nbf", "iat", "tid", "oid"]


class InvalidToken(ValueError):  # noqa: N818 - the name simulators agreed on
    """The token proves nothing to whoever checked it; the message says why."""


class ExpiredToken(InvalidToken):
    """It would have been good at another time."""


class WrongAudience(InvalidToken):
    """It is good for another resource."""


class Identity:
    """The authority of the demo tenant.

    Args:
        folder: where keys and the client secret are kept; None keeps them in memory.
        issuer_base: the address all tokens name as their issuer, e.g. `https://localhost/sandbox/identity`. None takes
            the address each request used; then `verify` accepts this tenant's issuer under any address.
        clock: aware UTC now.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        issuer_base: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = KeyRing(folder)
        self.client_secret = client_secret(folder)
        self.issuer_base = issuer_base.rstrip("/") if issuer_base is not None else None
        self.clock = clock
        self._expired_up_to = 0
        # A simulator checks the same few tokens all day. A signature once good stays good; its time does not.
        self._remembered = lru_cache(maxsize=_REMEMBERED_TOKENS)(self._check_signature)

    def issuer(self, base: str | None = None, *, version: Literal["1.0", "2.0"] = "2.0") -> str:
        """The `iss` of tokens asked for at `base`.

        Raises: ValueError when neither the authority nor the caller knows an address.
        """
        address = self.issuer_base if self.issuer_base is not None else base
        if address is None:
            raise ValueError("A token needs an issuer: construct Identity with issuer_base, or pass base.")
        return f"{address.rstrip('/')}/{_issuer_tail(version)}"

    def issue(
        self,
        subject: Person | Application,
        audience: str,
        *,
        client: Application = GATEWAY,
        base: str | None = None,
        lifetime: timedelta = LIFETIME,
        version: Literal["1.0", "2.0"] = "2.0",
    ) -> str:
        """An access token for a person signed in through `client`, or for an application itself.

        Raises: SignInError for an audience nobody registered, ValueError without an issuer address.
        """
        permitted = resource(audience)
        claims = self._frame(audience, issuer=self.issuer(base, version=version), lifetime=lifetime)
        if isinstance(subject, Application):
            client = subject
            claims |= {"oid": subject.object_id, "sub": subject.object_id, "idtyp": "app"}
        else:
            claims |= _person_claims(subject, audience, version=version) | {"scp": " ".join(permitted.scopes)}
        roles = permitted.roles_of(subject)
        if roles:
            claims["roles"] = list(roles)
        return self._sign(claims | _client_claims(client, version=version) | {"ver": version})

    def issue_id_token(self, person: Person, *, client: Application, base: str | None = None) -> str:
        """Tells the client who signed in; opens nothing."""
        claims = self._frame(client.client_id, issuer=self.issuer(base), lifetime=LIFETIME)
        return self._sign(claims | _person_claims(person, client.client_id, version="2.0") | {"ver": "2.0"})

    def verify(self, token: str, *, audience: str | Collection[str]) -> Mapping[str, object]:
        """The claims of a token that this authority signed, for one of these audiences, valid now.

        Raises: InvalidToken, in the two cases that matter to a caller its kinds WrongAudience and ExpiredToken.
        """
        claims = self._remembered(token)
        audiences = {audience} if isinstance(audience, str) else set(audience)
        if claims["aud"] not in audiences:
            raise WrongAudience(f"The token is for {claims['aud']}, not for {' or '.join(sorted(audiences))}.")
        self._check_issuer(str(claims["iss"]))
        now = self.clock().timestamp()
        if not _seconds(claims["nbf"]) <= now < _seconds(claims["exp"]):
            raise ExpiredToken("The token is not within its valid time range.")
        if _moment_in(str(claims.get("uti", ""))) <= self._expired_up_to:
            raise ExpiredToken("The token has been made to expire.")
        return claims

    def verifier(self, audience: str | Collection[str]) -> Verify:
        """What a simulator is given: `verify`, bound to the resource it is."""
        return lambda token: self.verify(token, audience=audience)

    def expire_tokens(self) -> None:
        """Every token issued up to now is refused from now on, until the process ends."""
        self._expired_up_to = _microseconds(self.clock())

    def rotate(self) -> None:
        """Signs with a new key from now on; the old ones stay published."""
        self._keys.rotate()

    def jwks(self) -> Mapping[str, object]:
        """The published keys, as a JSON Web Key Set."""
        self._keys.reload()
        return {"keys": [key.public_jwk() for key in self._keys.published]}

    def _frame(self, audience: str, *, issuer: str, lifetime: timedelta) -> dict[str, object]:
        now = int(self.clock().timestamp())
        return {
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "tid": TENANT_ID,
            "uti": f"{_microseconds(self.clock()):014x}{uuid.uuid4().hex[:8]}",
        }

    def _sign(self, claims: dict[str, object]) -> str:
        key = self._keys.current
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})

    def _check_signature(self, token: str) -> Mapping[str, object]:
        try:
            key = self._keys.find(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise InvalidToken("The token was signed with a key that this authority does not have.")
            claims = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=["RS256"],
                options={
                    "require": _REQUIRED_CLAIMS,
                    "verify_exp": False,  # times, audience and issuer are checked by verify, on its own clock
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                    "verify_iss": False,
                },
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(f"The token cannot be read: {error}") from error
        return MappingProxyType(claims)

    def _check_issuer(self, issuer: str) -> None:
        tails = [_issuer_tail("2.0"), _issuer_tail("1.0")]
        if self.issuer_base is not None:
            is_ours = issuer in {f"{self.issuer_base}/{tail}" for tail in tails}
        else:
            is_ours = any(issuer.endswith(f"/{tail}") for tail in tails)
        if not is_ours:
            raise InvalidToken(f"The token was issued by {issuer}.")


def _issuer_tail(version: Literal["1.0", "2.0"]) -> str:
    return f"{TENANT_ID}/v2.0" if version == "2.0" else f"{TENANT_ID}/"


def _person_claims(person: Person, audience: str, *, version: Literal["1.0", "2.0"]) -> dict[str, object]:
    pairwise = hashlib.sha256(f"{person.object_id} {audience}".encode()).hexdigest()[:43]
    claims: dict[str, object] = {"oid": person.object_id, "sub": pairwise, "name": person.display_name}
    if version == "2.0":
        return claims | {"preferred_username": person.user_name}
    return claims | {"upn": person.user_name, "unique_name": person.user_name}


def _client_claims(client: Application, *, version: Literal["1.0", "2.0"]) -> dict[str, object]:
    """Both names of the client id, because simulators and their users read either; v1 has no `azp`."""
    strength = "1" if client.is_confidential else "0"
    if version == "1.0":
        return {"appid": client.client_id, "appidacr": strength}
    return {"appid": client.client_id, "azp": client.client_id, "azpacr": strength}


def _seconds(value: object) -> float:
    if isinstance(value, int | float):
        return value
    raise InvalidToken("A time in the token is not a number.")


def _microseconds(moment: datetime) -> int:
    """Since 1970; `iat` has whole seconds only, too coarse to tell the token before an expiry from the one after."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment_in(token_id: str) -> int:
    """When a token was issued, as its `uti` begins with it."""
    try:
        return int(token_id[:14], 16)
    except ValueError:
        return 0
