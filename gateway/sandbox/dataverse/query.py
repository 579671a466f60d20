"""Query options of one request: what to return, which rows, in which order.

Offered are `$select $filter $orderby $top $count $expand $skiptoken` and parameter aliases; `$skip`, `$search` and the
rest of OData are refused.

Source: Dataverse, Query data using the Web API.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from gateway.sandbox.dataverse.conditions import Viewpoint, read_filter
from gateway.sandbox.dataverse.cookie import Cookie, CookieError, read_cookie
from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.expand import ExpandReader, Expansion
from gateway.sandbox.dataverse.options import query_pairs, read_order, read_select, read_top
from gateway.sandbox.expression import Expression, OrderItem
from gateway.sandbox.model import EntitySet, Model

COLLECTION_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken"})
ROW_OPTIONS = frozenset({"$select", "$expand"})
COUNT_OPTIONS = frozenset({"$filter"})


@dataclass(frozen=True)
class Query:
    """`select` is empty when every column is wanted; `where` is None when every row is."""

    select: tuple[str, ...] = ()
    where: Expression | None = None
    order: tuple[OrderItem, ...] = ()
    top: int | None = None
    count: bool = False
    expand: tuple[Expansion, ...] = ()
    cookie: Cookie | None = None


def read_query(
    query_string: str, entity_set: EntitySet, *, model: Model, viewpoint: Viewpoint, allowed: Collection[str]
) -> Query:
    """Read the options of a request for `entity_set`.

    Raises:
        DataverseError: an option that is unknown, not offered here, or not understood.
        ExpressionError: text that is no expression.
    """
    pairs = query_pairs(query_string)
    aliases = {name: value for name, value in pairs if name.startswith("@")}
    options = {name: value for name, value in pairs if not name.startswith("@")}
    for name in options:
        if name not in allowed:
            raise invalid_url(f"The query parameter {name} is not supported")
    expander = ExpandReader(model, viewpoint, aliases)
    fields: dict[str, Callable[[str], object]] = {
        "select": lambda text: read_select(text, entity_set),
        "where": lambda text: read_filter(text, entity_set, model=model, viewpoint=viewpoint, aliases=aliases),
        "order": lambda text: read_order(text, entity_set, model),
        "top": read_top,
        "count": lambda text: text == "true",
        "expand": lambda text: expander.read(text, entity_set),
        "cookie": _read_cookie,
    }
    named = {"$filter": "where", "$orderby": "order", "$skiptoken": "cookie"}
    values = {named.get(name, name[1:]): text for name, text in options.items()}
    return Query(**{field: fields[field](text) for field, text in values.items()})  # type: ignore[arg-type]


def _read_cookie(text: str) -> Cookie:
    try:
        return read_cookie(text)
    except CookieError as error:
        raise invalid_url(str(error)) from error


def describe(select: Sequence[str], expand: Iterable[Expansion]) -> str:
    """The column list of a context address: `(name,accountnumber,primarycontactid(fullname))`, or nothing."""
    nested = [f"{item.navigation.name}{describe(item.select, item.expand) or '()'}" for item in expand]
    parts = [*select, *nested]
    return f"({','.join(parts)})" if parts else ""
