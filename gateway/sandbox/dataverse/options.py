"""Single query options, read against the set they are asked of: `$select`, `$orderby`, `$top`.

A choice column sorts by its label (so says the model) and a lookup by the name of the row it points to.

Source: Dataverse, Select columns using OData; Order rows using OData.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote_plus

from gateway.sandbox.dataverse.errors import invalid_url, unknown_property
from gateway.sandbox.dataverse.naming import target_sets
from gateway.sandbox.expression import OrderItem, Path, parse_orderby, parse_select
from gateway.sandbox.model import EntitySet, Model, Property


def query_pairs(query_string: str) -> list[tuple[str, str]]:
    """The decoded options of a query string in order. Raises: DataverseError when one is repeated."""
    pairs: list[tuple[str, str]] = []
    seen: set[str] = set()
    for part in filter(None, query_string.split("&")):
        name, _, value = part.partition("=")
        name = unquote_plus(name).strip()
        if name in seen:
            raise invalid_url(
                f"Query option '{name}' was specified more than once, but it must be specified at most once."
            )
        seen.add(name)
        pairs.append((name, unquote_plus(value)))
    return pairs


def query_without(query_string: str, option: str) -> str:
    """The query string as it was sent, without one option."""
    parts = query_string.split("&")
    return "&".join(part for part in parts if part and unquote_plus(part.partition("=")[0]).strip() != option)


def read_select(text: str, *entity_sets: EntitySet) -> tuple[str, ...]:
    """The columns named, each known to one of the sets; empty for `*`, which means every column."""
    names = parse_select(text)
    if "*" in names:
        return ()
    for name in names:
        if not any(name in entity_set.properties for entity_set in entity_sets):
            raise unknown_property(name, entity_sets[0].entity)
    return tuple(dict.fromkeys(names))


def read_order(text: str, entity_set: EntitySet, model: Model) -> tuple[OrderItem, ...]:
    """An order in which a lookup stands for the name of its row, one sort term for each way it may lead."""
    return tuple(
        OrderItem(path, item.descending)
        for item in parse_orderby(text)
        for path in _sort_paths(item.path, entity_set, model)
    )


def _sort_paths(path: Path, entity_set: EntitySet, model: Model) -> Sequence[Path]:
    if len(path.names) > 1:
        return (path,)
    column = entity_set.properties.get(path.names[0])
    if column is None:
        raise unknown_property(path.names[0], entity_set.entity)
    return sort_paths(column, entity_set, model)


def sort_paths(column: Property, entity_set: EntitySet, model: Model) -> Sequence[Path]:
    """What a column is ordered by: itself, or for a lookup the name of its row, one path for each way it may lead."""
    if "lookup" not in column.extra:
        return (Path((column.name,)),)
    by_name = [
        Path((navigation.name, str(target_sets(model, navigation)[0].extra["name"])))
        for navigation in entity_set.navigations.values()
        if navigation.source_property == column.name and not navigation.collection
    ]
    return by_name or (Path((column.name,)),)


def read_top(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise invalid_url(f"Invalid value '{text}' for $top query option found. It must be a non-negative integer.")
    return int(text)
