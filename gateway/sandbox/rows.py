"""Rows as they leave the store, and what can go wrong with one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    names = [*(quote(name) for name in scope.entity_set.properties), "store_version"]
    return ", ".join(f"{scope.alias}.{name}" for name in names)


def read_rows(entity_set: EntitySet, found: Iterable[Sequence[Scalar | float]]) -> list[Row]:
    """Rows from what a `column_list` selected; anything selected after it is ignored."""
    names = list(entity_set.properties)
    decoders = [(index, decoder(column)) for index, column in enumerate(entity_set.properties.values())]
    needed = [(names[index], index, decode) for index, decode in decoders if decode is not None]
    result = []
    for row in found:
        values: dict[str, object] = dict(zip(names, row, strict=False))
        for name, index, decode in needed:
            values[name] = decode(row[index])
        result.append(Row(values, int(row[len(names)] or 0)))
    return result
