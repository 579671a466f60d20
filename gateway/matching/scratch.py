"""Where both sides lie while they are matched: a private file in SQLite, gone afterwards, so that memory does not grow.

Sources and targets get a *place* each, 1, 2, 3 …, by key and then id: whatever order they came in, the places are the same. A
record's values are kept in JSON, once as they are and once normalised; what the criteria compare has a column for each criterion,
null when blank. Texts are compared as bytes, so nothing depends on how a database sees letters.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.matching.criteria import Comparison, Criteria, Criterion
from gateway.matching.normalise import normalise
from gateway.matching.record import MatchRow, Value
from gateway.matching.values import exact_form, restored, stored

CACHE_KIB = 8_192
"""Of pages of the file in our memory; the rest is the operating system's business."""

LONGEST = 250
"""Characters that are scored: the longest name of either system, because time goes by length. Criteria compare whole values."""

_TABLES = """
CREATE TABLE decision (source INTEGER PRIMARY KEY, verdict TEXT NOT NULL, priority INTEGER, target INTEGER, score INTEGER);
CREATE TABLE attempt (source INTEGER, target INTEGER);
CREATE TABLE hit (source INTEGER, target INTEGER, PRIMARY KEY (source, target)) WITHOUT ROWID;
CREATE TABLE shown (source INTEGER, position INTEGER, target INTEGER, score INTEGER,
                    PRIMARY KEY (source, position)) WITHOUT ROWID;
CREATE TABLE target_key (key INTEGER, target INTEGER);
CREATE TABLE block (key INTEGER PRIMARY KEY, size INTEGER);
CREATE TEMP TABLE wanted (source INTEGER, key INTEGER);
CREATE TEMP TABLE needed (place INTEGER PRIMARY KEY);
"""


class Side(StrEnum):
    """Also the name of its table."""

    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it lies here. ``values`` and ``normalised`` in the order of the criteria's fields."""

    place: int
    id: str
    key: str | None
    name: str | None
    partner: str | None
    values: Sequence[Value]
    normalised: Sequence[str]

    @property
    def label(self) -> str:
        """What to call it where only one word is to be had."""
        return self.key or self.name or self.id


class Scratch:
    """The file, from the first row to the last proposal. Not for two threads at once."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self.fields = criteria.fields
        self._columns = ", ".join(column(place) for place in range(len(criteria.criteria)))
        self._folder = TemporaryDirectory(prefix="matching-")
        self.database = sqlite3.connect(Path(self._folder.name) / "scratch.db", check_same_thread=False)
        # Nothing here outlives a crash, so nothing is secured against one. All is one transaction: no commits to wait for.
        self.database.executescript(
            f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-{CACHE_KIB};"
        )
        self.database.executescript(_TABLES)
        for side in Side:
            self.database.execute(
                f"CREATE TABLE new_{side} (id BLOB PRIMARY KEY, sort BLOB, body TEXT, coupled INTEGER, {self._columns})"
            )

    def close(self) -> None:
        self.database.close()
        self._folder.cleanup()

    # -- rows in ------------------------------------------------------------------------------------------------------

    def add(self, side: Side, rows: Iterable[MatchRow]) -> None:
        """A record that comes twice, because pages moved while they were read, counts as it came last."""
        places = ", ".join("?" * (4 + len(self._criteria.criteria)))
        self.database.executemany(f"INSERT OR REPLACE INTO new_{side} VALUES ({places})", map(self._staged, rows))  # noqa: S608

    def _staged(self, row: MatchRow) -> tuple[object, ...]:
        values = [row.values.get(field.name) for field in self.fields]
        normalised = [normalise(value, field.kind)[:LONGEST] for value, field in zip(values, self.fields, strict=True)]
        body = json.dumps([row.id.hex, row.key, row.name, row.partner, list(map(stored, values)), normalised])
        compared = (_compared(row.values.get(each.field), each) for each in self._criteria.criteria)
        return row.id.bytes, _bytes(row.key), body, row.partner is not None, *compared

    def order(self) -> None:
        """Gives each record its place; no more can be added."""
        for side in Side:
            self.database.execute(
                f"CREATE TABLE {side} (place INTEGER PRIMARY KEY, body TEXT, coupled INTEGER, {self._columns})"
            )
            self.database.execute(
                f"INSERT INTO {side} SELECT row_number() OVER (ORDER BY sort IS NULL, sort, id), body, coupled, {self._columns} "  # noqa: S608
                f"FROM new_{side} ORDER BY sort IS NULL, sort, id"
            )
            self.database.execute(f"DROP TABLE new_{side}")

    # -- records out --------------------------------------------------------------------------------------------------

    def pages(self, side: Side, size: int) -> Iterator[list[Entry]]:
        """All of a side, by place."""
        after = 0
        while page := self._entries(f"{side} WHERE place > ? ORDER BY place LIMIT ?", after, size):
            yield page
            after = page[-1].place

    def some(self, side: Side, places: Iterable[int]) -> dict[int, Entry]:
        """Some of a side, by place. Their places stay in ``needed`` until others are asked for."""
        self.database.execute("DELETE FROM needed")
        self.database.executemany("INSERT OR IGNORE INTO needed VALUES (?)", ((place,) for place in places))
        found = self._entries(f"{side} WHERE place IN (SELECT place FROM needed)")  # noqa: S608
        return {entry.place: entry for entry in found}

    def _entries(self, where: str, *arguments: int) -> list[Entry]:
        rows = self.database.execute(f"SELECT place, body FROM {where}", arguments)  # noqa: S608 - ours, see above
        return [_entry(place, body) for place, body in rows]


def column(place: int) -> str:
    """Of the criterion in this place."""
    return f"c{place}"


def _compared(value: Value, criterion: Criterion) -> bytes | None:
    """What has to be the same on both sides; None when blank."""
    if criterion.comparison is Comparison.NORMALISED:
        return _bytes(normalise(value, criterion.kind) or None)
    return _bytes(exact_form(value, case_sensitive=criterion.case_sensitive))


def _bytes(text: str | None) -> bytes | None:
    # JSON may hold half a surrogate pair, which a text column refuses.
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _entry(place: int, body: str) -> Entry:
    id_, key, name, partner, values, normalised = json.loads(body)
    return Entry(place, id_, key, name, partner, [restored(value) for value in values], normalised)
