"""The rows of one simulator in one SQLite file: seeded in bulk, selected in SQL, versioned on every write.

    store = Store(model, None)
    store.insert("customers", {"id": "…", "number": "C00210"})
    store.select("customers", where=parse_filter("number eq 'c00210'"), order=parse_orderby("number"), limit=20)

Synchronous and safe to call from any thread; an ASGI app calls it from a worker thread. One connection, one lock: a
transaction belongs to the thread that opened it and keeps the others waiting. `columns` says how values are stored.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath

from gateway.sandbox import computing
from gateway.sandbox.aggregates import register_aggregates
from gateway.sandbox.columns import encode, register
from gateway.sandbox.functions import Term, quote
from gateway.sandbox.journal import Deletion, Journal, Listener, Write, create_deletions, deletions_query
from gateway.sandbox.model import Model, Navigation, Property, Through
from gateway.sandbox.ordering import Position, beyond, position, sort_terms
from gateway.sandbox.rows import DuplicateKeyError, Row, RowNotFoundError, StaleVersionError, column_list, read_rows
from gateway.sandbox.sql import Scope, condition
from gateway.sandbox.tables import bulk, check_names, chunks, create, insert
from gateway.sandbox.tree import Expression, ExpressionError, In, Literal, Logical, OrderItem, Path, Scalar

__all__ = ["DuplicateKeyError", "Position", "Row", "RowNotFoundError", "StaleVersionError", "Store"]

_NOTE = "note "


class Store:
    """All rows of `model`, at `path` or in memory.

    `model` may be replaced by one whose properties are stored alike, such as one with more options; `clear` undoes that.
    """

    def __init__(self, model: Model, path: FilePath | None) -> None:
        self.model = self._shipped = model
        self._lock = threading.RLock()
        self._depth = 0
        self._journal = Journal()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        register(self._connection)
        register_aggregates(self._connection)
        computing.register(self._connection)
        if path is not None:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self.transaction():
            create(self._connection, model)
            create_deletions(self._connection)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @property
    def fingerprint(self) -> str | None:
        """What this store was seeded with, or None; a caller compares it to decide whether to seed again."""
        value = self._fact("fingerprint")
        return None if value is None else str(value)

    @fingerprint.setter
    def fingerprint(self, value: str | None) -> None:
        self._set_fact("fingerprint", value)

    def note(self, name: str) -> str | None:
        """What was kept under this name beside the rows."""
        value = self._fact(_NOTE + name)
        return None if value is None else str(value)

    def keep_note(self, name: str, text: str) -> None:
        self._set_fact(_NOTE + name, text)

    def _fact(self, name: str) -> object:
        rows = self._query("SELECT value FROM store_facts WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def _set_fact(self, name: str, value: object) -> None:
        with self.transaction():
            self._connection.execute("INSERT OR REPLACE INTO store_facts VALUES (?, ?)", (name, value))

    def _next_versions(self, count: int) -> int:
        """Reserve `count` versions and return the first."""
        first = self.version + 1
        self._set_fact("version", first + count - 1)
        return first

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction within another is undone alone when it fails."""
        writes: list[Write] = []
        with self._lock:
            name, mark = f"level{self._depth}", self._journal.mark()
            self._connection.execute("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self._connection.execute("ROLLBACK" if self._depth == 0 else f"ROLLBACK TO {name}")
                self._journal.undo(mark)
                raise
            self._depth -= 1
            self._connection.execute("COMMIT" if self._depth == 0 else f"RELEASE {name}")
            if self._depth == 0:
                writes = self._journal.committed()
        self._journal.tell(writes)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of every transaction that wrote something, once it is committed."""
        self._journal.listen(listener)

    def clear(self) -> None:
        """Remove every row, every note and the fingerprint; versions keep growing."""
        with self.transaction():
            for name, entity_set in self.model.sets.items():
                if entity_set.view is None:
                    self._connection.execute(f"DELETE FROM {quote(name)}")  # noqa: S608
            self.forget_changes()
            self._connection.execute("DELETE FROM store_facts WHERE name LIKE ?", (f"{_NOTE}%",))
            self.model = self._shipped
            self.fingerprint = None

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Seed many rows within it; meanwhile nothing else is quick."""
        with self._lock, bulk(self._connection, self.model):
            yield

    def seed(self, set_name: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Add rows in bulk, a thousand at a time, and return how many; properties left out are unset."""
        entity_set = self.model.sets[set_name]
        total = 0
        with self.transaction():
            for chunk in chunks(rows, 1000):
                first = self._next_versions(len(chunk))
                insert(self._connection, entity_set, [(row, first + index) for index, row in enumerate(chunk)])
                total += len(chunk)
        return total

    def select(
        self,
        set_name: str,
        *,
        where: Expression | None = None,
        order: Sequence[OrderItem] = (),
        limit: int | None = None,
        offset: int = 0,
        after: Position | None = None,
        per: tuple[str, int] | None = None,
    ) -> list[Row]:
        """Rows in order, the key always last in it.

        `after` continues behind a position: the values of `order`, then the key. `per` is a property and a number: at
        most so many rows for each value of that property.

        Raises:
            ExpressionError: `where` or `order` name or compare what the set does not have.
        """
        scope = Scope.root(self.model, set_name)
        terms = sort_terms(scope, order)
        filters = [] if where is None else [condition(scope, where)]
        if after is not None:
            filters.append(beyond(terms, after))
        ordering = ", ".join(term.direction for term in terms)
        page = "" if limit is None and not offset else f" LIMIT {-1 if limit is None else limit:d} OFFSET {offset:d}"
        found = f"FROM {scope.source}{_where(filters)}"
        if per is None:
            sql = f"SELECT {column_list(scope)} {found} ORDER BY {ordering}{page}"
        else:
            group = scope.read(Path((per[0],))).sql
            sql = (
                f"SELECT * FROM (SELECT {column_list(scope)}, row_number() OVER (ORDER BY {ordering}) AS store_place, "  # noqa: S608
                f"row_number() OVER (PARTITION BY {group} ORDER BY {ordering}) AS store_rank {found}) "
                f"WHERE store_rank <= {per[1]:d} ORDER BY store_place{page}"
            )
        return read_rows(scope.entity_set, self._query(sql, _bound(filters)))

    def position(self, set_name: str, key: object, *, order: Sequence[OrderItem] = ()) -> Position | None:
        """Where the row with `key` stands in an order, for `after`; None when there is no such row."""
        scope = Scope.root(self.model, set_name)
        terms = sort_terms(scope, order)
        term = _has_key(scope, key)
        plain = ", ".join(term.plain for term in terms)
        found = self._query(f"SELECT {plain} FROM {scope.source} WHERE {term.sql}", term.parameters)  # noqa: S608
        return position(terms, found[0]) if found else None

    def count(self, set_name: str, *, where: Expression | None = None) -> int:
        scope = Scope.root(self.model, set_name)
        filters = [] if where is None else [condition(scope, where)]
        found = self._query(f"SELECT count(*) FROM {scope.source}{_where(filters)}", _bound(filters))  # noqa: S608
        return int(str(found[0][0]))

    def run(self, statement: Term) -> list[tuple[Scalar | float, ...]]:
        """What a SELECT of one's own yields, values as they are stored; for joins and groups, which `select` has not."""
        return self._query(statement.sql, statement.parameters)

    def get(self, set_name: str, key: object) -> Row | None:
        scope = Scope.root(self.model, set_name)
        term = _has_key(scope, key)
        sql = f"SELECT {column_list(scope)} FROM {scope.source} WHERE {term.sql}"  # noqa: S608
        rows = read_rows(scope.entity_set, self._query(sql, term.parameters))
        return rows[0] if rows else None

    def related(
        self,
        navigation: Navigation,
        rows: Sequence[Row],
        *,
        where: Expression | None = None,
        order: Sequence[OrderItem] = (),
        limit: int | None = None,
    ) -> dict[object, list[Row]]:
        """The rows a navigation leads to from many rows, in one query, grouped by the joined value.

        `limit` is for each group.
        """
        column = self.model.sets[navigation.target].properties[navigation.target_property]
        sources = {row[navigation.source_property] for row in rows} - {None}
        if not sources:
            return {}
        pairs = None if navigation.through is None else self.paired(navigation.through, sources)
        joined = among(column, sources if pairs is None else pairs)
        per = None if limit is None or pairs is not None else (column.name, limit)
        groups: dict[object, list[Row]] = {}
        both = joined if where is None else Logical("and", (joined, where))
        for row in self.select(navigation.target, where=both, order=order, per=per):
            for source in (row[column.name],) if pairs is None else pairs[row[column.name]]:
                groups.setdefault(source, []).append(row)
        return groups if pairs is None else {source: group[:limit] for source, group in groups.items()}

    def paired(self, through: Through, sources: Iterable[object]) -> dict[object, list[object]]:
        """What a many-to-many relationship pairs with any of `sources`: for each of those, the sources."""
        pairs: dict[object, list[object]] = {}
        column = self.model.sets[through.set_name].properties[through.source_property]
        for row in self.select(through.set_name, where=among(column, sources)):
            pairs.setdefault(row[through.target_property], []).append(row[through.source_property])
        return pairs

    def insert(self, set_name: str, row: Mapping[str, object]) -> Row:
        """Add one row, which must have its key.

        Raises:
            DuplicateKeyError: the key is taken.
            ValueError: a value that is not of its property's type, or an unknown property.
        """
        entity_set = self.model.sets[set_name]
        with self.transaction():
            version = self._next_versions(1)
            try:
                insert(self._connection, entity_set, [(row, version)])
            except sqlite3.IntegrityError as error:
                raise DuplicateKeyError(f"{set_name}({row[entity_set.key]}) exists already.") from error
            self._journal.add(Write(set_name, str(row[entity_set.key]), "created", version, row))
            return self._existing(set_name, row[entity_set.key])

    def update(
        self, set_name: str, key: object, changes: Mapping[str, object], *, expected_version: int | None = None
    ) -> Row:
        """Change some properties of one row; even an empty change gives it a new version.

        Raises:
            RowNotFoundError: no such row.
            StaleVersionError: the row has another version than expected.
        """
        entity_set = self.model.sets[set_name]
        check_names(entity_set, changes)
        with self.transaction():
            self._existing(set_name, key, expected_version=expected_version)
            values: dict[str, object] = {n: encode(entity_set.properties[n], v) for n, v in changes.items()}
            values["store_version"] = version = self._next_versions(1)
            sets = ", ".join(f"{quote(name)} = ?" for name in values)
            sql = f"UPDATE {quote(set_name)} SET {sets} WHERE {quote(entity_set.key)} = ?"  # noqa: S608
            self._connection.execute(sql, (*values.values(), encode(entity_set.properties[entity_set.key], key)))
            self._journal.add(Write(set_name, str(key), "updated", version, changes))
            return self._existing(set_name, changes.get(entity_set.key, key))

    def delete(self, set_name: str, key: object, *, expected_version: int | None = None) -> None:
        """Remove one row; its deletion takes a version of its own.

        Raises:
            RowNotFoundError: no such row.
            StaleVersionError: the row has another version than expected.
        """
        entity_set = self.model.sets[set_name]
        with self.transaction():
            row = self._existing(set_name, key, expected_version=expected_version)
            sql = f"DELETE FROM {quote(set_name)} WHERE {quote(entity_set.key)} = ?"  # noqa: S608
            self._connection.execute(sql, (encode(entity_set.properties[entity_set.key], key),))
            gone = str(row[entity_set.key]), self._next_versions(1)
            self._connection.execute(
                "INSERT INTO store_deletions (set_name, key, version) VALUES (?, ?, ?)", (set_name, *gone)
            )
            self._journal.add(Write(set_name, gone[0], "deleted", gone[1], row.values))

    @property
    def version(self) -> int:
        """The version of the last write."""
        last = self._fact("version")
        return last if isinstance(last, int) else 0

    def forget_changes(self) -> None:
        """Forget which rows are gone: who followed changes from before now can only start again."""
        with self.transaction():
            self._connection.execute("DELETE FROM store_deletions")
            self._set_fact("history_start", self._next_versions(1))

    @property
    def history_start(self) -> int:
        """The version since which every deletion is known."""
        start = self._fact("history_start")
        return start if isinstance(start, int) else 0

    def deletions(
        self, set_name: str, *, after: int, until: int | None = None, limit: int | None = None
    ) -> list[Deletion]:
        """Rows of a set deleted after a version, and not after `until`, in that order; without those that are back."""
        last, most = self.version if until is None else until, -1 if limit is None else limit
        found = self._query(deletions_query(self.model.sets[set_name]), (set_name, after, last, most))
        return [Deletion(str(key), int(str(version))) for key, version in found]

    def _existing(self, set_name: str, key: object, *, expected_version: int | None = None) -> Row:
        row = self.get(set_name, key)
        if row is None:
            raise RowNotFoundError(f"{set_name}({key}) does not exist.")
        if expected_version is not None and row.version != expected_version:
            raise StaleVersionError(f"{set_name}({key}) is in version {row.version}, not {expected_version}.")
        return row

    def _query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Scalar | float, ...]]:
        with self._lock:
            try:
                return self._connection.execute(sql, tuple(parameters)).fetchall()
            except sqlite3.OperationalError as error:
                if any(limit in str(error) for limit in ("stack overflow", "too large", "too many", "at most")):
                    raise ExpressionError("The query is too complex.") from error
                raise


def _where(filters: Sequence[Term]) -> str:
    return " WHERE " + " AND ".join(term.sql for term in filters) if filters else ""


def _bound(filters: Sequence[Term]) -> tuple[object, ...]:
    return tuple(parameter for term in filters for parameter in term.parameters)


def _has_key(scope: Scope, key: object) -> Term:
    column = scope.entity_set.properties[scope.entity_set.key]
    return Term(f"{scope.alias}.{quote(column.name)} = ?", (encode(column, key),))


def among(column: Property, values: Iterable[object]) -> In:
    """The condition that a property has one of these values."""
    return In(Path((column.name,)), tuple(_literal(value, column.type) for value in sorted(values, key=str)))


def _literal(value: object, property_type: str) -> Literal:
    return Literal(value if isinstance(value, (int, bool)) else str(value), property_type)
