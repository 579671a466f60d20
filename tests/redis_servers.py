"""The Redis server of this machine, with a prefix of a test's own for its keys."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

URL = "redis://127.0.0.1:6379/0"
NOBODY = "redis://127.0.0.1:1/0"
"""Where no server answers."""


def _answers() -> bool:
    """It is left out where there is none, unless CI is set: there it has to be."""
    if os.environ.get("CI"):
        return True
    try:
        with BlockingRedis.from_url(URL, socket_connect_timeout=3) as client:
            return bool(client.ping())
    except RedisError:
        return False


THERE = _answers()


@asynccontextmanager
async def redis() -> AsyncIterator[tuple[Redis, str]]:
    """A client, and a prefix whose keys are deleted afterwards. Skips without a server."""
    if not THERE:
        pytest.skip(f"no Redis answers at {URL}: what runs on it is not tested here")
    client, prefix = Redis.from_url(URL), f"gateway-test:{uuid4().hex}:"
    try:
        yield client, prefix
    finally:
        async for key in client.scan_iter(match=f"{prefix}*"):
            await client.unlink(key)
        await client.aclose()
