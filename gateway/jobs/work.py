"""One job under way, in its handler's hands."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec

from gateway.errors import BackendError, GatewayError
from gateway.jobs.job import Json
from gateway.jobs.outcome import CANCELLED, Outcome, broken, failed, plain, succeeded, value_of
from gateway.jobs.stored import is_cancelling, tell_progress
from gateway.jobs.threads import Threads, on
from gateway.jobs.under_way import UnderWay
from gateway.telemetry import log

P = ParamSpec("P")


class Work:
    """What a handler does with its job. It is used on the application's loop, the handler's."""

    __slots__ = ("_engine_loop", "_threads", "_under_way", "job_id")

    def __init__(
        self, job_id: str, engine_loop: asyncio.AbstractEventLoop, threads: Threads, under_way: UnderWay
    ) -> None:
        self.job_id = job_id
        self._engine_loop = engine_loop
        self._threads = threads
        self._under_way = under_way

    async def step(self, name: str, function: Callable[P, Awaitable[Json]], *args: P.args, **kwargs: P.kwargs) -> Json:
        """What the function gives as JSON, or gave: a finished step is not carried out again. The name is kept with it.

        Raises:
            StepError: the function failed, now or then.
            JobCancelledError: the job was cancelled before this step.
        """
        from dbos import DBOS

        self._under_way.go_on()
        home = asyncio.get_running_loop()

        async def attempt() -> Outcome:
            return await on(home, self._attempt(functools.partial(function, *args, **kwargs)))

        async def kept() -> Outcome:
            return await DBOS.run_step_async({"name": name}, attempt)

        return value_of(await self._under_way.step(on(self._engine_loop, kept())))

    async def progress(self, value: Json) -> None:
        """Tell how far the job is, between steps or within one; the last value counts. It costs about as much as a step."""
        await on(self._engine_loop, tell_progress(plain(value)))

    async def wait(self, seconds: float) -> None:
        """Between steps, without a place in a step; after a restart only what is left of it."""
        from dbos import DBOS

        self._under_way.go_on()
        await on(self._engine_loop, DBOS.sleep_async(seconds))

    async def cancelled(self) -> bool:
        """Whether somebody wants the job to end. For a step that takes long: between steps `step` asks by itself."""
        return await self._threads.run(functools.partial(is_cancelling, self.job_id))

    async def _attempt(self, function: Callable[[], Awaitable[Json]]) -> Outcome:
        """One attempt at a step, on the application's loop."""
        if await self.cancelled():
            return CANCELLED
        try:
            return succeeded(await function())
        except GatewayError as error:
            if isinstance(error, BackendError):  # its words are for the log and nobody else
                log.warning(
                    "jobs.backend_failed", job=self.job_id, **error.extensions, message=error.message, said=error.said
                )
            return failed(error)
        except Exception:
            log.exception("jobs.step_failed")
            return broken()
