"""Which line of a file has which record: the one-to-one rule inside a file, kept on disk so that memory does not grow with it."""

import sqlite3
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import Side


@dataclass(frozen=True, slots=True)
class Claim:
    """An earlier line that has the record of ``side``; ``same`` when it says the same pair."""

    line: int
    side: Side
    same: bool


class Claims:
    """A private database without a name, gone when it is closed. Not for two threads at once."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096;")
        self._database.execute(
            "CREATE TABLE claim (key BLOB PRIMARY KEY, partner BLOB NOT NULL, line INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def claim(self, mapping: Mapping, company: UUID, bc_id: UUID, crm_id: UUID, line: int) -> Claim | None:
        """The two records are this line's from now on, unless an earlier line has one of them: then that is told."""
        sides = ((Side.BUSINESS_CENTRAL, bc_id, crm_id), (Side.DATAVERSE, crm_id, bc_id))
        for side, record, partner in sides:
            found = self._database.execute(
                "SELECT line, partner FROM claim WHERE key = ?", (_key(mapping, company, side, record),)
            ).fetchone()
            if found is not None:
                return Claim(found[0], side, same=found[1] == partner.bytes)
        self._database.executemany(
            "INSERT INTO claim VALUES (?, ?, ?)",
            [(_key(mapping, company, side, record), partner.bytes, line) for side, record, partner in sides],
        )
        return None


def _key(mapping: Mapping, company: UUID, side: Side, record: UUID) -> bytes:
    return record.bytes + company.bytes + f"{side}{mapping}".encode()
