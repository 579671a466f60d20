"""The tables behind a store: one per entity set, with its indexes, filled by position.

A property whose model says `version` is not stored but shows the version of the row, so that it can be filtered and
ordered by. Text is indexed in its folded form, the one comparisons use; every index ends in the key, as orders do.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.sandbox.columns import declaration, encoder, kind
from gateway.sandbox.functions import quote
from gateway.sandbox.model import EntitySet, Model, Property

Values = Mapping[str, object]


def create(connection: sqlite3.Connection, model: Model) -> None:
    """Create what does not exist yet."""
    connection.execute("CREATE TABLE IF NOT EXISTS store_facts (name TEXT PRIMARY KEY, value)")
    for entity_set in model.sets.values():
        columns = ", ".join(f"{quote(column.name)} {_type(column)}" for column in entity_set.properties.values())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {quote(entity_set.name)} ({columns}, store_version INTEGER)")
        _index(connection, entity_set, quote(entity_set.key), unique=True)
        for names in entity_set.indexes:
            key = [] if entity_set.key in names else [quote(entity_set.key)]
            terms = [_term(entity_set.properties[name]) for name in names]
            _index(connection, entity_set, ", ".join(terms + key), unique=False)


def stored(entity_set: EntitySet) -> list[Property]:
    """The properties that are columns of their own."""
    return [column for column in entity_set.properties.values() if not column.extra.get("version")]


def insert(connection: sqlite3.Connection, entity_set: EntitySet, rows: Sequence[tuple[Values, int]]) -> None:
    """Add rows with their versions.

    Raises:
        sqlite3.IntegrityError: a key is taken.
        ValueError: an unknown property, or a value that is not of its property's type.
    """
    columns = [(column.name, encoder(column)) for column in stored(entity_set)]
    for row, _ in rows:
        check_names(entity_set, row)
    names = ", ".join([*(quote(name) for name, _ in columns), "store_version"])
    marks = ", ".join("?" * (len(columns) + 1))
    connection.executemany(
        f"INSERT INTO {quote(entity_set.name)} ({names}) VALUES ({marks})",  # noqa: S608 - names from the model
        ([*(encoded(row.get(name)) for name, encoded in columns), version] for row, version in rows),
    )


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
