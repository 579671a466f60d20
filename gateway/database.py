"""Our own database: the engine, the types both databases agree on, and bringing the tables up to date.

SQLite serves one process (the demo, a small installation); PostgreSQL serves many. The tables are the same.
"""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, MetaData, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

from gateway.errors import ConfigError

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""``column_0_N_name``: with only the first column in the name, two constraints would collide on PostgreSQL."""


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC date-time; SQLite would give it back without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a date-time without a time zone cannot be stored")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def create_engine(url: str) -> AsyncEngine:
    """An engine for ``sqlite+aiosqlite://…`` or ``postgresql+psycopg://…``; connects when first used.

    Its errors tell no values.
    """
    sqlite = url.startswith("sqlite")
    connect_args = {} if sqlite else {"connect_timeout": 5}
    engine = create_async_engine(url, pool_pre_ping=not sqlite, connect_args=connect_args, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Write-ahead log: readers and the one writer do not wait for each other."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def upgrade(engine: AsyncEngine) -> None:
    """Bring the tables to the newest revision; at the newest already, nothing happens.

    Raises:
        ConfigError: the database cannot be reached or refuses us. The message holds no password.
    """
    try:
        if engine.dialect.name == "sqlite":
            await asyncio.to_thread(_open_once, str(engine.url.database))
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        shown = engine.url.render_as_string(hide_password=True)
        raise ConfigError(f"GATEWAY_DATABASE_URL: {shown} cannot be used ({_reason(error)})") from error


def _open_once(path: str) -> None:
    """Fails where the file cannot be used. aiosqlite would too, but its thread then reports to a loop that may be closed."""
    sqlite3.connect(path).close()


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__


_MIGRATIONS = 0x67617465776179
"""The advisory lock of our migrations: "gateway" as a number."""


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    if (
        connection.dialect.name == "postgresql"
    ):  # processes that start together take turns; the lock ends with the transaction
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATIONS})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def synchronous_url(url: str) -> str:
    """The same database for a tool that is not asynchronous (``alembic`` on the command line)."""
    parsed = make_url(url)
    name = "sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+psycopg"
    return parsed.set(drivername=name).render_as_string(hide_password=False)
