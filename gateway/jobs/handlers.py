"""What carries out jobs: a handler for each kind, on the application's loop, where its clients live."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from gateway.errors import GatewayError
from gateway.jobs.job import Json
from gateway.jobs.outcome import CANCELLED, JobCancelledError, Outcome, broken, failed, succeeded
from gateway.jobs.threads import Threads
from gateway.jobs.under_way import UnderWay
from gateway.jobs.work import Work
from gateway.telemetry import log

Handler = Callable[[Work, Mapping[str, Json]], Awaitable[Json]]
"""Carries out one kind of job: its argument → its result."""


class Handlers:
    def __init__(self, threads: Threads, under_way: UnderWay) -> None:
        self._handlers: dict[str, Handler] = {}
        self._threads = threads
        self._under_way = under_way

    def add(self, kind: str, handler: Handler) -> None:
        if kind in self._handlers:
            raise ValueError(f"jobs of the kind {kind} have a handler already")
        self._handlers[kind] = handler

    def __contains__(self, kind: str) -> bool:
        return kind in self._handlers

    async def perform(
        self, job_id: str, engine_loop: asyncio.AbstractEventLoop, kind: str, argument: Mapping[str, Json]
    ) -> Outcome:
        """One run of a handler."""
        work = Work(job_id, engine_loop, self._threads, self._under_way)
        with self._under_way.handler(), structlog.contextvars.bound_contextvars(job_id=job_id, job=kind):
            return await self._performed(work, kind, argument)

    async def _performed(self, work: Work, kind: str, argument: Mapping[str, Json]) -> Outcome:
        try:
            self._under_way.go_on()
            if await work.cancelled():
                return CANCELLED
            return succeeded(await self._handlers[kind](work, argument))
        except JobCancelledError:
            return CANCELLED
        except GatewayError as error:
            log.warning("jobs.failed", **error.extensions, error=error.message)
            return failed(error)
        except asyncio.CancelledError:
            if self._under_way.ending:
                raise
            # Something of the handler's own was cancelled. Passed on, the job would wait for the next process.
            log.exception("jobs.failed")
            return broken()
        except Exception:
            log.exception("jobs.failed")
            return broken()
