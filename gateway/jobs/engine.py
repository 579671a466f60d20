"""The engine, DBOS (https://docs.dbos.dev/python), between its launch and its end. It is imported by its launch."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway.database import synchronous_url
from gateway.jobs.alive import Alive
from gateway.jobs.database import SCHEMA, is_shared, write_ahead
from gateway.jobs.engine_log import EngineLog
from gateway.jobs.retention import Retention
from gateway.jobs.threads import Threads
from gateway.jobs.workflow import QUEUE, workflow
from gateway.telemetry import log

if TYPE_CHECKING:
    from dbos import DBOS, DBOSConfig

_VERSION = "1"
"""The engine leaves jobs of another version alone, so it is ours and stays; by default it would change with each release."""

_AT_ONCE = 8
"""Jobs of one process at once."""

_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are looked at that nobody is told of.

    ``away_seconds`` are the waits of a job for a system that does not answer, one after another: five minutes in all.
    """

    queue_seconds: float = 0.5
    status_seconds: float = 0.5
    others_seconds: float = 15.0
    retention_seconds: float = 24 * 3600.0
    schedules_seconds: float | None = 15.0
    """None: nobody looks for what is due."""
    away_seconds: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)


class Engine:
    """One launch of it: made, launched and destroyed once.

    One that does not ``carry_out`` jobs only begins them, looks at them and cancels them: others have them.
    """

    def __init__(self, url: str, threads: Threads, *, pace: Pace, retention: Retention, carry_out: bool = True) -> None:
        self._url = url
        self._threads = threads
        self._pace = pace
        self._retention = retention
        # Alone with its file, a process finds its own jobs again by a name that stays; among others it needs one of its own.
        self._name = uuid4().hex if is_shared(url) else "gateway"
        self._carry_out = carry_out
        watches = carry_out and is_shared(url)
        self._alive = Alive(url, self._name, holding_seconds=pace.others_seconds) if watches else None
        self._beside: list[asyncio.Task[None]] = []
        self._log = EngineLog()
        self._dbos: DBOS | None = None

    async def launch(self) -> None:
        """Jobs that are waiting, and those that an earlier process left, begin before it returns."""
        if self._alive is not None:
            await self._alive.hold()
        await self._threads.run(self._launch)
        if self._alive is not None:
            self._repeat("jobs.others_not_seen", self._alive.take_over, self._pace.others_seconds)
        if self._carry_out:
            self._repeat("jobs.not_deleted", self._retention.apply, self._pace.retention_seconds)

    def _launch(self) -> None:
        from dbos import DBOS

        self._log.attach()
        if not is_shared(self._url):
            write_ahead(self._url)
        workflow()
        self._dbos = DBOS(config=self._config())
        if not self._carry_out:
            DBOS.listen_queues([])
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=_AT_ONCE,
            partition_concurrency=1,
            polling_interval_sec=self._pace.queue_seconds,
        )

    def _config(self) -> "DBOSConfig":
        from dbos import DBOSPortableJSONSerializer

        return {
            "name": "dynamics-gateway",
            "system_database_url": synchronous_url(self._url),
            "dbos_system_schema": SCHEMA,
            "sys_db_pool_size": 8,
            "application_version": _VERSION,
            "executor_id": self._name,
            "serializer": DBOSPortableJSONSerializer(),  # by default it would be pickle
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 0.1,  # nobody waits for one; the engine's end waits for its poll
        }

    def _repeat(self, failure: str, task: Callable[[Threads], Awaitable[None]], seconds: float) -> None:
        """At once, then from time to time, as long as the engine runs."""

        async def repeated() -> None:
            while True:
                try:
                    await task(self._threads)
                except Exception:  # whatever it was, the next time may be luckier
                    log.exception(failure)
                await asyncio.sleep(seconds)

        self._beside.append(asyncio.create_task(repeated()))

    async def destroy(self) -> None:
        """Also after a launch that failed."""
        for task in self._beside:
            task.cancel()
        if self._beside:
            await asyncio.wait(self._beside)
        await self._threads.run(self._destroy)
        if self._alive is not None:
            await self._alive.let_go()

    def _destroy(self) -> None:
        from dbos import DBOS

        try:
            if self._dbos is not None:
                _stop_taking_up(self._dbos)
        finally:
            DBOS.destroy()
            self._log.detach()


def _stop_taking_up(engine: "DBOS") -> None:
    """Otherwise its end may meet a job that is taken up just then: claimed, but with no loop to run on any more."""
    for event in engine.background_thread_stop_events:
        event.set()
    for thread in threading.enumerate():
        if thread.name.startswith("queue-worker-"):
            with suppress(RuntimeError):  # one that is about to start: it looks at its event before anything else
                thread.join(_GRACE_SECONDS)
