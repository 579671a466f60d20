"""An SQLite file serves one gateway process: a second one would carry out the same jobs."""

from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from gateway.config import ONE_WRITER
from gateway.errors import ConfigError

_held: list[Any] = []
"""Open files whose locks last as long as the process."""


def hold(database_url: str) -> None:
    """The database for this process alone, if it is an SQLite file. Not on Windows, which has no flock.

    Raises:
        ConfigError: another process has it, or the folder cannot be written to.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        return
    try:
        import fcntl
    except ImportError:
        return
    path = Path(f"{url.database}.lock")
    try:
        lock = path.open("w")
    except OSError as error:
        raise ConfigError(f"GATEWAY_DATABASE_URL: {path} cannot be used ({error.strerror})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(
            f"GATEWAY_DATABASE_URL: another gateway serves {url.database}; more processes need PostgreSQL: {ONE_WRITER}"
        ) from None
    _held.append(lock)
