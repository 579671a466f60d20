"""Entra ID as this application asks it for tokens: for itself, or on behalf of a caller.

msal is wrapped here and nowhere else. It blocks, so it runs in a worker thread; what it wants from the network goes back
through the caller's own asynchronous HTTP client, so that tests, proxies and timeouts see one kind of traffic.

Source: Microsoft identity platform, "OAuth 2.0 client credentials flow", "OAuth 2.0 On-Behalf-Of flow", "Certificate
credentials".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx

from gateway.auth.credentials import Credentials
from gateway.errors import OnBehalfOfError, TokenError
from gateway.records import Backend
from gateway.telemetry import log

_REFUSED: Final = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
"""What is said of the caller, or of what the caller brought; anything else is said of us.

Source: Microsoft identity platform, "OAuth 2.0 On-Behalf-Of flow", error response example; "Authentication and authorization
error codes".
"""

_HINTS: Final[Mapping[str, str]] = {
    "interaction_required": "Sign in again, with `claims` if there are any: Entra ID wants more proof than your token has.",
    "login_required": "Sign in again.",
}
_CONSENT: Final = (
    "Sign in again. If it stays so, an administrator has to grant the gateway's app registration the delegated permission for "
    "{label}, see docs/identity.md."
)


@dataclass(frozen=True, slots=True, repr=False)
class Acquired:
    """A token, and for how many seconds it is good."""

    token: str
    seconds: float


class Entra:
    """All methods raise :class:`~gateway.errors.TokenError` when Entra ID cannot be asked or will not have us."""

    def __init__(self, credentials: Credentials, http: httpx.AsyncClient) -> None:
        self._credentials = credentials
        self._http = http

    async def for_application(self, scope: str, backend: Backend) -> Acquired:
        return self._acquired(await self._ask(lambda app: app.acquire_token_for_client([scope]), backend), backend)

    async def on_behalf_of(self, assertion: str, scope: str, backend: Backend) -> Acquired:
        """
        Raises:
            OnBehalfOfError: Entra ID will not let us act for this caller.
        """
        answer = await self._ask(lambda app: app.acquire_token_on_behalf_of(assertion, [scope]), backend)
        word = _word(answer)
        if word in _REFUSED:
            log.warning("nobody is acted for", backend=backend, error=word, description=_number(answer))
            claims = answer.get("claims")
            raise OnBehalfOfError(
                f"Entra ID does not let the gateway act for you at {backend.label}: {word}.",
                backend=backend,
                hint=_HINTS.get(str(word), _CONSENT.format(label=backend.label)),
                vendor_code=str(word),
                claims=claims if isinstance(claims, str) else None,
            )
        return self._acquired(answer, backend)

    def _acquired(self, answer: Mapping[str, Any], backend: Backend) -> Acquired:
        token = answer.get("access_token")
        if not isinstance(token, str):
            word = _word(answer)
            log.error("Entra ID gives no token", backend=backend, error=word, description=_number(answer))
            raise TokenError(
                f"No token for {backend.label}: Entra ID answered {word or 'without a token'}.",
                backend=backend,
                vendor_code=word,
            )
        return Acquired(token, float(answer.get("expires_in", 0)))

    async def _ask(self, question: Callable[[Any], Any], backend: Backend) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = await anyio.to_thread.run_sync(
                lambda: question(self._application()) or {}, abandon_on_cancel=True
            )
        except Exception as error:
            raise TokenError(
                f"No token for {backend.label}: Entra ID could not be asked ({type(error).__name__}).", backend=backend
            ) from error
        return answer

    def _application(self) -> Any:
        """In a worker thread. A new application each time: msal's own cache would hand back a refused token."""
        import msal

        http = _HttpForMsal(self._http, self._credentials.authority)
        return msal.ConfidentialClientApplication(
            self._credentials.client_id,
            client_credential=self._credentials.for_msal(),
            authority=http.authority_for_msal,
            instance_discovery=False,
            http_client=http,
        )


def _word(answer: Mapping[str, Any]) -> str | None:
    """A code is one word, such as ``invalid_client``; what is none goes nowhere."""
    code = answer.get("error")
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,60}", code) else None


def _number(answer: Mapping[str, Any]) -> str:
    """The number of the error, which Microsoft's pages explain. The sentence behind it may repeat what was sent."""
    found = re.match(r"AADSTS\d+", str(answer.get("error_description")))
    return found[0] if found else "no description"


class _HttpForMsal:
    """What msal calls its ``http_client``, over an asynchronous client, for use in a worker thread of anyio's.

    msal refuses any authority and any endpoint that is not https. The stand-in of the sandbox speaks plain http on the
    loopback address, so for an http authority, which settings allow there only, msal is shown https and the scheme is
    put right again here.
    """

    def __init__(self, http: httpx.AsyncClient, authority: str) -> None:
        self._http = http
        parts = urlsplit(authority)
        self._plain_host = parts.netloc if parts.scheme == "http" else None
        self.authority_for_msal = urlunsplit(parts._replace(scheme="https"))

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> "_AnswerForMsal":
        return self._send("GET", url, params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> "_AnswerForMsal":
        return self._send("POST", url, params=params, data=_as_text(data), headers=headers)

    def close(self) -> None:
        """The client is not ours to close."""

    def _send(self, method: str, url: str, **parts: Any) -> "_AnswerForMsal":
        target = urlsplit(url)
        if self._plain_host is not None and target.netloc == self._plain_host:
            url = urlunsplit(target._replace(scheme="http"))
        response = anyio.from_thread.run(lambda: self._http.request(method, url, **parts))
        text = response.text
        if self._plain_host is not None:  # the endpoints that discovery names
            text = text.replace(f"http://{self._plain_host}/", f"https://{self._plain_host}/")
        return _AnswerForMsal(response.status_code, text, dict(response.headers))


def _as_text(form: Any) -> Any:
    """msal makes the assertion of a certificate as bytes, which httpx would write as Python does: ``b'…'``."""
    if not isinstance(form, Mapping):
        return form
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in form.items()}


@dataclass(frozen=True, slots=True)
class _AnswerForMsal:
    status_code: int
    text: str
    headers: dict[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise httpx.HTTPError(f"Entra ID answered {self.status_code}")
