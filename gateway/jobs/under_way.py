"""The handlers and steps of an application that are under way, and how they end with it."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_GRACE_SECONDS = 5.0
"""How long steps under way may take when the application ends; what is cut off is repeated by the next process."""


class UnderWay:
    def __init__(self) -> None:
        self.ending = False
        """Nothing begins any more."""
        self._handlers = set[asyncio.Task[Any]]()
        self._steps = set[asyncio.Future[Any]]()

    def go_on(self) -> None:
        """Raises: asyncio.CancelledError: the application ends."""
        if self.ending:
            raise asyncio.CancelledError

    @contextmanager
    def handler(self) -> Iterator[None]:
        """As long as a handler runs in the current task."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs as one
        self._handlers.add(task)
        try:
            yield
        finally:
            self._handlers.discard(task)

    async def step(self, step: Coroutine[Any, Any, T]) -> T:
        """What a step gives."""
        future = asyncio.ensure_future(step)
        self._steps.add(future)
        future.add_done_callback(self._steps.discard)
        return await future

    async def end(self) -> None:
        """Steps have a while to end, handlers have not."""
        if self._steps:
            await asyncio.wait(self._steps, timeout=_GRACE_SECONDS)
        if handlers := set(self._handlers):
            for task in handlers:
                task.cancel()
            await asyncio.wait(handlers)
