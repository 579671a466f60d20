"""The ways between the application's loop, the engine's loop and threads.

The engine's synchronous functions are called in threads of ours, never its asynchronous ones on the application's loop: those
replace the loop's default executor by one that ends with the engine.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.jobs.database import unusable

T = TypeVar("T")

_PATIENCE_SECONDS = 10.0
"""How long an answer of the jobs' database is waited for; the engine itself would try for ever."""


async def on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives on another loop, in the caller's context: asyncio copies it from here to there."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


class Threads:
    """Where the application calls the engine."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="jobs")

    async def run(self, function: Callable[[], T]) -> T:
        """In an empty context: asked by a handler, the engine would take the question for a part of the job."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, contextvars.Context().run, function)

    async def ask(self, function: Callable[[], T]) -> T:
        """The same for a caller who does not wait for ever.

        Raises:
            DatabaseError: no answer in time, or none at all.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self.run(function)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            raise unusable() from error

    def end(self) -> None:
        self._pool.shutdown(wait=False)
