"""What was written to a store: told to listeners once it is committed, and which rows are gone, kept with their versions.

Listeners hear of a transaction as a whole and only when it stands; what is rolled back was never written. Seeding is no
write. Deletions are kept in a table of their own, because a row that is gone cannot say in which version it went.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.sandbox.functions import quote
from gateway.sandbox.model import EntitySet

Kind = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Write:
    """One row that was written. `values` are the properties the write named; of a deletion, the row as it was."""

    set_name: str
    key: str
    kind: Kind
    version: int
    values: Mapping[str, object]


Listener = Callable[[Sequence[Write]], None]
"""Called on the thread of the writer, after the commit and outside the store's lock; must not raise."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A row that is gone, and the version its deletion took."""

    key: str
    version: int


class Journal:
    """Writes of the transaction that is open; a savepoint that is rolled back takes its own with it."""

    def __init__(self) -> None:
        self._pending: list[Write] = []
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def add(self, write: Write) -> None:
        if self._listeners:
            self._pending.append(write)

    def mark(self) -> int:
        """Where a savepoint begins, for `undo`."""
        return len(self._pending)

    def undo(self, mark: int) -> None:
        del self._pending[mark:]

    def committed(self) -> list[Write]:
        """The writes that now stand, each told once."""
        writes, self._pending = self._pending, []
        return writes

    def tell(self, writes: Sequence[Write]) -> None:
        if writes:
            for listener in self._listeners:
                listener(writes)


def create_deletions(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS store_deletions (set_name TEXT, version INTEGER, key TEXT, PRIMARY KEY (set_name, version)) "
        "WITHOUT ROWID"
    )


def deletions_query(entity_set: EntitySet) -> str:
    """The SELECT of deletions by set, first and last version, and number; a row that is there again is not gone."""
    return (
        "SELECT key, version FROM store_deletions AS gone WHERE set_name = ? AND version > ? AND version <= ? "  # noqa: S608
        f"AND NOT EXISTS (SELECT 1 FROM {quote(entity_set.name)} AS back WHERE back.{quote(entity_set.key)} = gone.key) "
        "ORDER BY version LIMIT ?"
    )
