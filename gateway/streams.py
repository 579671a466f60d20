"""Answers that go on: each ends when the token it was asked with expires, and all end when the gateway stops."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError
from strawberry.types import ExecutionResult

from gateway.errors import DatabaseError, GatewayError, UnauthenticatedError


def seconds_left(expires_at: datetime | None) -> float | None:
    """Until a token expires, at least 0; None: never.

    To begin with, a token is taken a minute after its end, for clocks that differ; what was begun does not go on with it.
    """
    return None if expires_at is None else max((expires_at - datetime.now(UTC)).total_seconds(), 0.0)


class Streams:
    """The event streams of an application."""

    def __init__(self) -> None:
        self._waiting = set[asyncio.Timeout]()
        self._ended = False

    @property
    def open(self) -> int:
        """How many wait for their next event."""
        return len(self._waiting)

    def end(self) -> None:
        """All streams end, and what begins from now on ends at once. To be called on the loop of the application."""
        self._ended = True
        for each in self._waiting:
            each.reschedule(asyncio.get_running_loop().time())

    async def until(self, results: AsyncGenerator[Any, None], expires_at: datetime | None) -> AsyncGenerator[Any, None]:
        """The results; when they have to end early, the last one says why."""
        async with aclosing(results):
            while True:
                try:
                    value = await self._next(results, expires_at)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    yield ExecutionResult(data=None, errors=[told(self._why())])
                    return
                yield value

    async def _next(self, results: AsyncGenerator[Any, None], expires_at: datetime | None) -> Any:
        """Raises: TimeoutError, StopAsyncIteration."""
        left = seconds_left(expires_at)
        if self._ended or left == 0:
            raise TimeoutError
        async with asyncio.timeout(left) as waiting:
            self._waiting.add(waiting)
            try:
                return await anext(results)
            finally:
                self._waiting.discard(waiting)

    def _why(self) -> GatewayError:
        if self._ended:
            return DatabaseError("The gateway is stopping; ask again in a moment.")
        return UnauthenticatedError("The token has expired.")


def told(error: GatewayError) -> GraphQLError:
    """The error as an answer shows it."""
    return GraphQLError(error.message, original_error=error, extensions=error.extensions)
