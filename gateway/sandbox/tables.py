"""The tables behind a store: one per entity set, with its indexes, filled by position.

A property whose model says `version` is not stored but shows the version of the row, so that it can be filtered and
ordered by; it has an index. Text is indexed in its folded form, the one comparisons use; every index ends in the key, as
orders do.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

from gateway.sandbox.columns import declaration, encoder, kind
from gateway.sandbox.functions import quote
from gateway.sandbox.model import EntitySet, Model, Property
from gateway.sandbox.tree import Scalar

Values = Mapping[str, object]
_BULK_CACHE_KIB = 16_384


def create(connection: sqlite3.Connection, model: Model) -> None:
    """Create what does not exist yet, and the views anew."""
    connection.execute("CREATE TABLE IF NOT EXISTS store_facts (name TEXT PRIMARY KEY, value)")
    for entity_set in model.sets.values():
        if entity_set.view is not None:
            connection.execute(f"DROP VIEW IF EXISTS {quote(entity_set.name)}")
            connection.execute(f"CREATE VIEW {quote(entity_set.name)} AS {entity_set.view}")
            continue
        if _is_of_another_model(connection, entity_set):
            connection.execute(f"DROP TABLE {quote(entity_set.name)}")
        columns = ", ".join(f"{quote(column.name)} {_type(column)}" for column in entity_set.properties.values())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {quote(entity_set.name)} ({columns}, store_version INTEGER)")
        _create_indexes(connection, entity_set)


def _create_indexes(connection: sqlite3.Connection, entity_set: EntitySet) -> None:
    _index(connection, entity_set, quote(entity_set.key), unique=True)
    for names in entity_set.indexes:
        key = [] if entity_set.key in names else [quote(entity_set.key)]
        terms = [_term(entity_set.properties[name]) for name in names]
        _index(connection, entity_set, ", ".join(terms + key), unique=False)
    for name in (column.name for column in entity_set.properties.values() if column.extra.get("version")):
        _index(connection, entity_set, f"{quote(name)}, {quote(entity_set.key)}", unique=False)


@contextmanager
def bulk(connection: sqlite3.Connection, model: Model) -> Iterator[None]:
    """Fill tables without indexes, which are sorted into being at the end, and without waiting for the disk.

    A crash leaves a store without a fingerprint, which is filled anew.
    """
    indexes = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for (name,) in indexes:
        connection.execute(f"DROP INDEX {quote(name)}")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(f"PRAGMA cache_size = -{_BULK_CACHE_KIB}")
    yield
    for entity_set in model.sets.values():
        if entity_set.view is None:
            _create_indexes(connection, entity_set)
    connection.execute("PRAGMA cache_size = -2000")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_of_another_model(connection: sqlite3.Connection, entity_set: EntitySet) -> bool:
    """Whether there is a table with other columns: of an earlier edition, whose rows are seeded anew."""
    found = {row[1] for row in connection.execute(f"PRAGMA table_xinfo({quote(entity_set.name)})")}
    return bool(found) and found != {*entity_set.properties, "store_version"}


def stored(entity_set: EntitySet) -> list[Property]:
    """The properties that are columns of their own."""
    return [column for column in entity_set.properties.values() if not column.extra.get("version")]


def insert(connection: sqlite3.Connection, entity_set: EntitySet, rows: Sequence[tuple[Values, int]]) -> None:
    """Add rows with their versions.

    Raises:
        sqlite3.IntegrityError: a key is taken.
        ValueError: an unknown property, or a value that is not of its property's type.
    """
    sql, blank, encoders = _insertion(entity_set)
    connection.executemany(sql, (_encoded(entity_set, row, version, blank, encoders) for row, version in rows))


_Encoders = Mapping[str, tuple[int, bool, Callable[[object], Scalar | float]]]


def _encoded(
    entity_set: EntitySet, row: Values, version: int, blank: list[Scalar | float], encoders: _Encoders
) -> list[Scalar | float]:
    """A row by position. Most rows give few of many properties, so the others are copied, not encoded one by one."""
    encoded = blank.copy()
    encoded[-1] = version
    for name, value in row.items():
        if (found := encoders.get(name)) is None:
            check_names(entity_set, row)
        elif value is not None:
            place, is_text, encode = found
            encoded[place] = value if is_text and isinstance(value, str) else encode(value)
    return encoded


@lru_cache(maxsize=256)
def _insertion(entity_set: EntitySet) -> tuple[str, list[Scalar | float], _Encoders]:
    """The statement that adds a row, the values of an empty one, and by property its place, whether it is text, and
    what encodes it.
    """
    columns = [(column.name, encoder(column)) for column in stored(entity_set)]
    names = ", ".join([*(quote(name) for name, _ in columns), "store_version"])
    marks = ", ".join("?" * (len(columns) + 1))
    sql = f"INSERT INTO {quote(entity_set.name)} ({names}) VALUES ({marks})"  # noqa: S608 - names from the model
    blank = [*(encoded(None) for _, encoded in columns), None]
    text = {column.name for column in stored(entity_set) if kind(column.type) == "text"}
    return sql, blank, {name: (place, name in text, encoded) for place, (name, encoded) in enumerate(columns)}


def check_names(entity_set: EntitySet, names: Iterable[str]) -> None:
    if unknown := set(names) - entity_set.properties.keys():
        raise ValueError(f"{entity_set.name} has no {sorted(unknown)}.")


def chunks(rows: Iterable[Values], size: int) -> Iterator[list[Values]]:
    """Lists of up to `size` rows."""
    chunk: list[Values] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _type(column: Property) -> str:
    if column.extra.get("version"):
        return "INTEGER GENERATED ALWAYS AS (store_version) VIRTUAL"
    return declaration(column)


def _term(column: Property) -> str:
    return f"fold({quote(column.name)})" if kind(column.type) == "text" else quote(column.name)


def _index(connection: sqlite3.Connection, entity_set: EntitySet, terms: str, *, unique: bool) -> None:
    name = quote(f"{entity_set.name}: {terms}")
    on = f"{quote(entity_set.name)} ({terms})"
    connection.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX IF NOT EXISTS {name} ON {on}")
