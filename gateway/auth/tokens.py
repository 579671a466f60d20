"""Who we are to a backend: the application, by access tokens from Entra ID, and the httpx authentication that uses tokens.

Source: Microsoft identity platform, "OAuth 2.0 client credentials flow".
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import httpx

from gateway.auth.entra import Acquired, Entra
from gateway.errors import BackendError, TokenError
from gateway.records import Backend

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
            OnBehalfOfError: it refuses to let us act for the caller.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    value: str
    until: float
    """When it is to be renewed."""
    ends: float


class HeldToken:
    """One token, asked for when it is needed. Callers that need it at the same time share one request, or its failure."""

    def __init__(
        self, acquire: Callable[[], Awaitable[Acquired]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._acquire = acquire
        self._clock = clock
        self._held: _Held | None = None
        self._failure: BackendError | None = None
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
            OnBehalfOfError: the caller is refused; what was given before is used no longer.
        """
        held, self._failure = self._held, None
        try:
            self._held = self._kept(await self._acquire())
        except BackendError as error:
            now = self._clock()
            lasts = held is not None and held.value != instead_of and now < held.ends
            if held is None or not lasts or not isinstance(error, TokenError):
                if not isinstance(error, TokenError):
                    self._held = None
                self._failure = error.again()
                self._failures += 1
                raise
            self._held = replace(held, until=min(now + _AGAIN_SECONDS, held.ends))
        return self._held.value

    def _kept(self, acquired: Acquired) -> _Held:
        lifetime, now = acquired.seconds, self._clock()
        return _Held(acquired.token, now + max(lifetime - _EARLY_SECONDS, lifetime / 2), now + lifetime)

    def _usable(self, instead_of: str | None) -> str | None:
        held = self._held
        return held.value if held and held.value != instead_of and self._clock() < held.until else None


class ClientCredentialsProvider(HeldToken):
    """Application tokens for one resource."""

    def __init__(
        self, *, entra: Entra, scope: str, backend: Backend, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(lambda: entra.for_application(scope, backend), clock=clock)


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
