"""The keys a tenant signs its tokens with, as Entra ID publishes them.

Source: Microsoft identity platform, "OpenID Connect metadata and signing key rollover".
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx
import jwt

from gateway.errors import IdentityUnavailableError
from gateway.telemetry import log

_MOST_QUESTIONS: Final = 3
"""Within one cooldown. A key may be rolled just after keys were read, so one question is not enough; anybody can make up a
key id, so there is an end to them."""


@dataclass(slots=True)
class SigningKeys:
    """The published keys of one tenant.

    A key that is known is used at once, and keys that are a day old are read anew behind it: nobody waits for that, and if it
    fails the old ones stay. An unknown key id is worth a question, which all who come meanwhile share.
    """

    url: str
    http: httpx.AsyncClient
    clock: Callable[[], float] = time.monotonic
    lifetime_seconds: float = 24 * 3600
    cooldown_seconds: float = 30
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _refresh_at: float = float("-inf")
    _asked: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_QUESTIONS))
    _questions: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _behind: asyncio.Task[None] | None = None

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this id; None when the tenant publishes no such key.

        Raises:
            IdentityUnavailableError: the keys cannot be had and none are kept.
        """
        if key_id in self._keys:
            self._refresh()
            return self._keys[key_id]
        came = self._questions
        if self._wait() <= 0 or self._lock.locked():
            async with self._lock:
                if key_id not in self._keys and self._questions == came and self._wait() <= 0:
                    await self._ask()
        if not self._keys:
            raise IdentityUnavailableError(
                "Tokens cannot be checked now: the signing keys cannot be read.", retry_after_seconds=self._wait()
            )
        return self._keys.get(key_id)

    def _wait(self) -> float:
        """For so many seconds nobody is asked."""
        if len(self._asked) < _MOST_QUESTIONS:
            return 0.0
        return max(0.0, self._asked[0] + self.cooldown_seconds - self.clock())

    def _refresh(self) -> None:
        if self.clock() >= self._refresh_at and self._behind is None:
            self._behind = asyncio.create_task(self._ask_behind())

    async def _ask_behind(self) -> None:
        try:
            async with self._lock:
                await self._ask()
        finally:
            self._behind = None

    async def _ask(self) -> None:
        """Old keys stay until new ones are there; when the endpoint fails, it is asked again after the cooldown."""
        wait = self.cooldown_seconds
        self._questions += 1
        self._asked.append(self.clock())
        try:
            response = await self.http.get(self.url)
            response.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(response.json()).keys
            self._keys = {key.key_id: key for key in keys if key.key_id is not None}
            wait = self.lifetime_seconds
        except (httpx.HTTPError, ValueError, TypeError, AttributeError, RuntimeError, jwt.PyJWTError) as error:
            log.warning("signing keys cannot be read", url=self.url, reason=type(error).__name__)
        self._refresh_at = self.clock() + wait
