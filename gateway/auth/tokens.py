"""Who we are to a backend: access tokens from Entra ID, and the httpx authentication that uses them.

msal is wrapped here and nowhere else. It blocks, so it runs in a worker thread; what it wants from the network goes back
through the caller's own asynchronous HTTP client, so that tests, proxies and timeouts see one kind of traffic.

Source: Microsoft identity platform, "OAuth 2.0 client credentials flow".
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx

from gateway.errors import TokenError
from gateway.records import Backend
from gateway.telemetry import log

_EARLY_SECONDS = 300.0
"""A token is renewed this long before it ends, so that none expires on its way to the backend."""

_AGAIN_SECONDS = 30.0
"""How long after a renewal that failed the next one is tried, while the old token is still good."""


class TokenProvider(Protocol):
    """Gives the bearer token for one backend."""

    async def token(self, *, instead_of: str | None = None) -> str:
        """A token that is good for some minutes.

        Args:
            instead_of: a token the backend refused; the answer is another one.

        Raises:
            TokenError: Entra ID refused, or cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The application's identity in Entra ID. The secret shows in no repr."""

    authority: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(authority={self.authority!r}, client_id={self.client_id!r})"


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    value: str
    until: float
    """When it is to be renewed."""
    ends: float


class ClientCredentialsProvider:
    """Application tokens for one resource. Callers that need one at the same time share one request, or its failure."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        scope: str,
        backend: Backend,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._scope = scope
        self._backend = backend
        self._http = http
        self._clock = clock
        self._held: _Held | None = None
        self._failure: TokenError | None = None
        self._failures = 0
        self._lock = asyncio.Lock()

    async def token(self, *, instead_of: str | None = None) -> str:
        if (held := self._usable(instead_of)) is not None:
            return held
        came = self._failures
        async with self._lock:
            if (held := self._usable(instead_of)) is not None:
                return held
            if self._failure is not None and self._failures > came:
                raise self._failure.again()
            return await self._renewed(instead_of)

    async def _renewed(self, instead_of: str | None) -> str:
        """
        Raises:
            TokenError: there is no new token, and no old one that is good for a while yet.
        """
        held, self._failure = self._held, None
        try:
            self._held = await self._acquire()
        except TokenError as error:
            now = self._clock()
            if held is None or held.value == instead_of or now >= held.ends:
                self._failure = error.again()
                self._failures += 1
                raise
            self._held = replace(held, until=min(now + _AGAIN_SECONDS, held.ends))
        return self._held.value

    def _usable(self, instead_of: str | None) -> str | None:
        held = self._held
        return held.value if held and held.value != instead_of and self._clock() < held.until else None

    async def _acquire(self) -> _Held:
        try:
            answer = await anyio.to_thread.run_sync(self._ask, abandon_on_cancel=True)
        except Exception as error:
            raise TokenError(
                f"No token for {self._backend.label}: Entra ID could not be asked ({type(error).__name__}).",
                backend=self._backend,
            ) from error
        token = answer.get("access_token")
        if not isinstance(token, str):
            code = _word(answer.get("error"))
            why = _aadsts(answer.get("error_description"))
            log.error("Entra ID gives no token", backend=self._backend, error=code, description=why)
            raise TokenError(
                f"No token for {self._backend.label}: Entra ID answered {code or 'without a token'}.",
                backend=self._backend,
                vendor_code=code,
            )
        lifetime, now = float(answer.get("expires_in", 0)), self._clock()
        return _Held(token, now + max(lifetime - _EARLY_SECONDS, lifetime / 2), now + lifetime)

    def _ask(self) -> Mapping[str, Any]:
        """In a worker thread. A new application each time: msal's own cache would hand back a refused token."""
        import msal

        http = _HttpForMsal(self._http, self._credentials.authority)
        application = msal.ConfidentialClientApplication(
            self._credentials.client_id,
            client_credential=self._credentials.client_secret,
            authority=http.authority_for_msal,
            instance_discovery=False,
            http_client=http,
        )
        answer: Mapping[str, Any] = application.acquire_token_for_client([self._scope]) or {}
        return answer


def _word(code: object) -> str | None:
    """A code is one word, such as ``invalid_client``; what is none goes nowhere."""
    return code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,60}", code) else None


def _aadsts(description: object) -> str:
    """The number of the error, which Microsoft's pages explain. The sentence behind it may repeat what was sent."""
    found = re.match(r"AADSTS\d+", str(description))
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
        return self._send("POST", url, params=params, data=data, headers=headers)

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


@dataclass(frozen=True, slots=True)
class _AnswerForMsal:
    status_code: int
    text: str
    headers: dict[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise httpx.HTTPError(f"Entra ID answered {self.status_code}")


class BearerAuth(httpx.Auth):
    """Adds the token; when the backend says 401, tries once more with another one."""

    def __init__(self, provider: TokenProvider) -> None:
        self._provider = provider

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._provider.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            renewed = await self._provider.token(instead_of=token)
            request.headers["Authorization"] = f"Bearer {renewed}"
            yield request
