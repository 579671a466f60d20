"""The folder a demo or a sandbox keeps its data in: one process each, one company each, and only files of ours removed."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.sandbox.app import Sandbox

_held: list[Any] = []
"""Open files whose locks last as long as the process."""


def sandbox_in(folder: Path, base: str, *, customers: int, items: int, reset: bool) -> "Sandbox":
    """The sandbox that will answer at `base`, with the data of the folder, or the original data.

    Raises:
        ConfigError: a size the story does not fit in, or a folder that cannot be used.
    """
    from gateway.sandbox.app import open_sandbox
    from gateway.sandbox.company.demo import demo_company

    try:
        company = demo_company(customers=customers, items=items)
    except ValueError as error:
        raise ConfigError(f"{error}") from None
    try:
        _prepare(folder, company.fingerprint, reset=reset)
        return open_sandbox(base, folder=folder, customers=customers, items=items)
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be used: {error.strerror or error}") from None
    except (ValueError, sqlite3.Error):
        raise ConfigError(
            f"the folder {folder} holds files that are not the demo's, or broken ones; --folder names another"
        ) from None


def _prepare(folder: Path, fingerprint: str, *, reset: bool) -> None:
    """An empty folder for another company, or the folder as it was. Only files of ours are ever removed."""
    folder.mkdir(parents=True, exist_ok=True)
    _hold(folder)
    marker = folder / "company.txt"
    kept = marker.read_text(encoding="utf-8") if marker.exists() else None
    if reset or kept != fingerprint:
        for name in ("gateway.db", "gateway-jobs.db", "business-central.db", "dataverse.db"):
            for file in (folder / name, folder / f"{name}-wal", folder / f"{name}-shm"):
                file.unlink(missing_ok=True)
    marker.write_text(fingerprint, encoding="utf-8")


def _hold(folder: Path) -> None:
    """One process a folder: a second one would take the databases away under the first. Not on Windows, which has no flock."""
    try:
        import fcntl
    except ImportError:
        return
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(f"another demo or sandbox is using the folder {folder}; name another with --folder") from None
    _held.append(lock)
