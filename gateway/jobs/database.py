"""The database of jobs: where it is, and what can be told of it while the engine is not launched."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, TableClause, column, exists, inspect, select, table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from gateway.database import create_engine
from gateway.errors import DatabaseError

SCHEMA = "dbos"
"""The engine's tables in PostgreSQL; SQLite knows no schemas."""

_UNFINISHED = ("ENQUEUED", "DELAYED", "PENDING")


def jobs_database_url(database_url: str) -> str:
    """Where jobs are kept by default: beside an SQLite file, and in the same PostgreSQL database (in a schema of their own)."""
    if is_shared(database_url):
        return database_url
    path = _file(database_url)
    beside = make_url(database_url).set(database=str(path.with_name(f"{path.stem}-jobs{path.suffix}")))
    return beside.render_as_string(hide_password=False)


def is_shared(url: str) -> bool:
    """Whether other processes may have jobs in the same database."""
    return make_url(url).get_backend_name() != "sqlite"


def write_ahead(url: str) -> None:
    """The mode stays with an SQLite file: readers and the one writer do not wait for each other."""
    connection = sqlite3.connect(_file(url))
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


async def glance(url: str, look: Callable[[Connection], bool]) -> bool:
    """What one look says, on a connection of its own; False if there is no such file.

    Raises:
        DatabaseError: the database cannot be used.
    """
    if not is_shared(url) and not await asyncio.to_thread(_file(url).exists):
        return False  # a connection would make the file
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(look)
    except (SQLAlchemyError, OSError) as error:
        raise unusable() from error
    finally:
        await engine.dispose()


def is_a_job(connection: Connection) -> bool:
    """Whether there ever was one: the engine makes its tables at its first launch."""
    return inspect(connection).has_table("workflow_status", schema=_jobs(connection).schema)


def is_an_unfinished_job(connection: Connection) -> bool:
    if not is_a_job(connection):
        return False
    jobs = _jobs(connection)
    return bool(connection.scalar(select(exists().where(jobs.c.status.in_(_UNFINISHED)))))


def answers(connection: Connection) -> bool:
    """Reads a row, if there is one; it is the reading that counts."""
    connection.execute(select(_jobs(connection).c.status).limit(1))
    return True


def unusable() -> DatabaseError:
    return DatabaseError("The database of the jobs cannot be used now.")


def _jobs(connection: Connection) -> TableClause:
    schema = None if connection.dialect.name == "sqlite" else SCHEMA
    return table("workflow_status", column("status"), schema=schema)


def _file(url: str) -> Path:
    return Path(str(make_url(url).database))
