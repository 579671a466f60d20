"""Several processes over one PostgreSQL database: each shows that it lives, and takes over the jobs of those that do not.

Each process holds an advisory lock as long as its connection is there, and PostgreSQL lets go of it when the connection ends:
when the process does, and also when only the connection does, or PostgreSQL is started again. Then a living process holds its
lock again the next time it looks. So another is gone when its lock was free at two looks further apart than that takes, and
whoever has its lock then knows that nobody else takes its jobs over meanwhile.
Source: PostgreSQL, "Explicit Locking", 13.3.5 Advisory Locks.
"""

import functools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.database import create_engine
from gateway.jobs.threads import Threads
from gateway.jobs.workflow import QUEUE
from gateway.telemetry import log

_PATIENCE = 2
"""Intervals after which a process that lives holds its lock again: it looks once in each, and a connection takes its time."""


class Alive:
    """The lock of this process, and its looks at the others' locks.

    ``holding_seconds`` is how often every process looks whether it still holds its own.
    """

    def __init__(
        self, url: str, name: str, *, holding_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = create_engine(url).execution_options(isolation_level="AUTOCOMMIT")
        self._name = name
        self._patience = _PATIENCE * holding_seconds
        self._clock = clock
        self._connection: AsyncConnection | None = None
        self._free_since: dict[str, float] = {}

    async def hold(self) -> None:
        """Holds the lock; again if the connection was lost."""
        if self._connection is not None:
            try:
                await self._connection.execute(text("SELECT 1"))
                return
            except (SQLAlchemyError, OSError):
                await self._drop()
        self._free_since.clear()  # what ended our connection may have ended theirs: looks from before tell nothing
        connection = await self._database.connect()
        try:
            # A machine that vanishes is noticed within half a minute instead of the two hours most systems wait.
            for name, value in (
                ("tcp_keepalives_idle", 10),
                ("tcp_keepalives_interval", 5),
                ("tcp_keepalives_count", 3),
            ):
                await connection.execute(text(f"SET {name} = {value}"))
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _lock_of(self._name)})
        except BaseException:
            await _end(connection)
            raise
        self._connection = connection

    async def take_over(self, threads: Threads) -> None:
        """Take up the jobs of processes that are no more."""
        await self.hold()
        others = await threads.run(_executors) - {self._name}
        self._free_since = {name: since for name, since in self._free_since.items() if name in others}
        for name in others:
            async with self.instead_of(name) as gone:
                if gone:
                    log.warning("jobs.taken_over", process=name)
                    await threads.run(functools.partial(_recover, name))

    @asynccontextmanager
    async def instead_of(self, name: str) -> AsyncIterator[bool]:
        """A look at another process: whether it is gone. As long as this lasts, nobody else finds so."""
        assert self._connection is not None  # noqa: S101 - held before
        key = {"key": _lock_of(name)}
        free = bool(await self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield self._is_gone(name, free=free)
        finally:
            if free:
                await self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    def _is_gone(self, name: str, *, free: bool) -> bool:
        if not free:
            self._free_since.pop(name, None)
            return False
        now = self._clock()
        return now - self._free_since.setdefault(name, now) > self._patience

    async def let_go(self) -> None:
        await self._drop()
        await self._database.dispose()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _end(connection)


async def _end(connection: AsyncConnection) -> None:
    with suppress(SQLAlchemyError, OSError):
        await connection.invalidate()  # not back to the pool: the lock would stay
        await connection.close()


def _lock_of(name: str) -> int:
    return int.from_bytes(blake2b(f"gateway jobs {name}".encode(), digest_size=8).digest(), signed=True)


def _executors() -> set[str]:
    """The processes that have jobs under way, as far as the database knows."""
    from dbos import DBOS

    running = DBOS.list_workflows(status="PENDING", queue_name=QUEUE, load_input=False, load_output=False)
    return {each.executor_id for each in running if each.executor_id}


def _recover(executor: str) -> None:
    """The engine's own recovery. The public `resume_workflows` forgets how often a job was taken up, and wakes cancelled ones."""
    from dbos import DBOS

    DBOS._recover_pending_workflows([executor])
