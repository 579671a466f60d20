"""Several processes over one PostgreSQL database: each shows that it lives, and takes over the jobs of those that do not.

Each process holds an advisory lock as long as its connection is there, and PostgreSQL lets go of it when the connection ends.
So whoever gets another's lock knows it to be gone, and that nobody else takes its jobs over meanwhile.
Source: PostgreSQL, "Explicit Locking", 13.3.5 Advisory Locks.
"""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.database import create_engine
from gateway.jobs.threads import Threads
from gateway.jobs.workflow import QUEUE
from gateway.telemetry import log


class Alive:
    """The lock of this process, and its looks at the others' locks."""

    def __init__(self, url: str, name: str) -> None:
        self._database = create_engine(url).execution_options(isolation_level="AUTOCOMMIT")
        self._name = name
        self._connection: AsyncConnection | None = None

    async def hold(self) -> None:
        """Holds the lock; again if the connection was lost."""
        if self._connection is not None:
            try:
                await self._connection.execute(text("SELECT 1"))
                return
            except (SQLAlchemyError, OSError):
                await self._drop()
        connection = await self._database.connect()
        self._connection = connection
        # A machine that vanishes is noticed within half a minute instead of the two hours most systems wait.
        for name, value in (("tcp_keepalives_idle", 10), ("tcp_keepalives_interval", 5), ("tcp_keepalives_count", 3)):
            await connection.execute(text(f"SET {name} = {value}"))
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _lock_of(self._name)})

    async def take_over(self, threads: Threads) -> None:
        """Take up the jobs of processes that are no more."""
        await self.hold()
        for name in await threads.run(_executors) - {self._name}:
            async with self._instead_of(name) as gone:
                if gone:
                    log.warning("jobs.taken_over", process=name)
                    await threads.run(functools.partial(_recover, name))

    @asynccontextmanager
    async def _instead_of(self, name: str) -> AsyncIterator[bool]:
        """Whether the other process is gone."""
        assert self._connection is not None  # noqa: S101 - held before
        key = {"key": _lock_of(name)}
        gone = bool(await self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield gone
        finally:
            if gone:
                await self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    async def let_go(self) -> None:
        await self._drop()
        await self._database.dispose()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
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
