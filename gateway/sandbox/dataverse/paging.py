"""Pages of a set: where one ended, written into a cookie, and where the next one starts, read from it.

Source: Dataverse, Page results using OData.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.sandbox.columns import encode
from gateway.sandbox.dataverse.cookie import Cookie, write_cookie
from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.naming import column_at
from gateway.sandbox.expression import OrderItem
from gateway.sandbox.model import EntitySet, Model, Property
from gateway.sandbox.store import Position, Row, Store


def skip_token(
    store: Store, entity_set: EntitySet, order: Sequence[OrderItem], *, page: int, first: Row, last: Row
) -> str:
    """The `$skiptoken` leading to `page`, which starts behind `last`."""
    start, end = (marks(entity_set, order, _position(store, entity_set, row, order=order)) for row in (first, last))
    return write_cookie(page, first=start, last=end)


def marks(entity_set: EntitySet, order: Sequence[OrderItem], place: Position) -> dict[str, str | None]:
    """A position as a cookie shows it: a text for each sort term."""
    return dict(zip(_names(entity_set, order), map(_text, place), strict=True))


def position_after(
    cookie: Cookie, model: Model, entity_set: EntitySet, order: Sequence[OrderItem]
) -> tuple[object, ...]:
    """The position a cookie stands for in this order. Raises: DataverseError when it belongs to another query."""
    names = _names(entity_set, order)
    if list(cookie.last) != names:
        raise invalid_url("The paging cookie does not belong to this query.")
    columns = [*(column_at(model, entity_set, item.path.names) for item in order), None]
    return tuple(_plain(cookie.last[name], column) for name, column in zip(names, columns, strict=True))


def _names(entity_set: EntitySet, order: Sequence[OrderItem]) -> list[str]:
    """One name for each sort term, as XML allows it: a path is joined with dots; the key last, once more if ordered by it."""
    names = [*(".".join(item.path.names) for item in order), entity_set.key]
    return [name if names.count(name) == 1 else f"{name}.{index}" for index, name in enumerate(names)]


def _position(store: Store, entity_set: EntitySet, row: Row, *, order: Sequence[OrderItem]) -> tuple[object, ...]:
    found = store.position(entity_set.name, row[entity_set.key], order=order)
    if found is None:
        raise LookupError(f"{entity_set.name}({row[entity_set.key]}) vanished while its page was read.")
    return found


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(int(value)) if isinstance(value, bool) else str(value)


def _plain(text: str | None, column: Property | None) -> object:
    """A column with options is ordered by rank, a number; the store reads other values from text."""
    if column is None or text is None:
        return text
    try:
        if column.options is not None:
            return int(text)
        encode(column, text)
    except (ValueError, ArithmeticError) as error:
        raise invalid_url("The paging cookie does not belong to this query.") from error
    return text
