"""Rows as they leave the store, and what can go wrong with one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.sandbox.columns import decoder
from gateway.sandbox.functions import quote
from gateway.sandbox.model import EntitySet
from gateway.sandbox.sql import Scope
from gateway.sandbox.tree import Scalar


class RowNotFoundError(LookupError):
    """No row has this key."""


class DuplicateKeyError(ValueError):
    """A row with this key exists already."""


class StaleVersionError(ValueError):
    """The row is no longer in the version the caller saw."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: every property of its set by name, and the version of its last write, unique in the store."""

    values: dict[str, object]
    version: int

    def __getitem__(self, name: str) -> object:
        return self.values[name]


def column_list(scope: Scope) -> str:
    """What to select so that `read_rows` understands it."""
    return _column_list(scope.entity_set, scope.alias)


@lru_cache(maxsize=256)
def _column_list(entity_set: EntitySet, alias: str) -> str:
    names = [*(quote(name) for name in entity_set.properties), "store_version"]
    return ", ".join(f"{alias}.{name}" for name in names)


def read_rows(entity_set: EntitySet, found: Iterable[Sequence[Scalar | float]]) -> list[Row]:
    """Rows from what a `column_list` selected; anything selected after it is ignored."""
    names = list(entity_set.properties)
    needed = _decoders(entity_set)
    result = []
    for row in found:
        values: dict[str, object] = dict(zip(names, row, strict=False))
        for name, index, decode in needed:
            values[name] = decode(row[index])
        result.append(Row(values, int(row[len(names)] or 0)))
    return result


@lru_cache(maxsize=256)
def _decoders(entity_set: EntitySet) -> list[tuple[str, int, Callable[[Scalar | float], object]]]:
    """The columns whose content is not the value itself: name, place, and what reads it."""
    found = [(column.name, index, decoder(column)) for index, column in enumerate(entity_set.properties.values())]
    return [(name, index, decode) for name, index, decode in found if decode is not None]
