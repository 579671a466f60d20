"""Redis, where processes of the gateway share what each of them would otherwise know alone.

It is never needed to answer: whoever uses it goes on without while it is away. So nobody waits for it longer than a moment.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiocache import RedisCache
from aiocache.serializers import StringSerializer
from redis.asyncio import Redis
from redis.exceptions import RedisError

PREFIX: Final = "dynamics-gateway:"
"""What all our keys begin with: the server may be shared with others."""

AWAY: Final = (RedisError, OSError, TimeoutError)
"""What it raises when it cannot be used now."""

_SECONDS: Final = 0.25


@asynccontextmanager
async def redis_at(url: str | None) -> AsyncIterator[Redis | None]:
    """A client of the server at this address, which need not be there; None without an address."""
    if url is None:
        yield None
        return
    client = Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
    try:
        yield client
    finally:
        await client.aclose()


class SharedCache(RedisCache):  # type: ignore[misc]  # aiocache ships no types
    """aiocache's Redis cache over a client of ours: the original knows neither URLs nor TLS."""

    def __init__(self, client: Redis, *, prefix: str = PREFIX) -> None:
        super().__init__(serializer=StringSerializer(), namespace=prefix, timeout=None)
        self.client = client

    def _build_key(self, key: str, namespace: str | None = None) -> str:
        return f"{namespace or self.namespace}{key}"

    async def _set(
        self, key: str, value: Any, ttl: Any = None, _cas_token: object = None, _conn: object = None
    ) -> bool:
        return bool(await self.client.set(key, value, ex=None if ttl is None else int(ttl)))

    async def _close(self, *args: Any, _conn: object = None, **kwargs: Any) -> None:
        """Whoever opened the client closes it."""
