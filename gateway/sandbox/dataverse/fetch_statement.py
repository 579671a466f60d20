"""A FetchXML query as SQL: its tables joined, its filters applied, its orders as sort terms.

A filter within a link is part of the join; conditions on a link elsewhere apply to the joined rows.

Source: Dataverse, Join tables using FetchXml; Order rows using FetchXml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.sandbox.dataverse.fetch_conditions import read_filters
from gateway.sandbox.dataverse.fetch_query import Fetch, Link, Order, Source
from gateway.sandbox.dataverse.fetch_xml import invalid_fetch
from gateway.sandbox.dataverse.options import sort_paths
from gateway.sandbox.dataverse.viewpoint import Viewpoint
from gateway.sandbox.expression import Expression, OrderItem, Path
from gateway.sandbox.functions import Term, quote
from gateway.sandbox.model import EntitySet, Model
from gateway.sandbox.ordering import SortTerm, sort_terms
from gateway.sandbox.sql import Scope, condition
from gateway.sandbox.subselect import row_among

Visible = Callable[[EntitySet], Expression | None]


@dataclass(frozen=True)
class Joined:
    """The tables of a query; everything that may still add joins must be compiled before `frame` is asked for."""

    scopes: Mapping[str, Scope]
    joins: tuple[tuple[Scope, Term], ...]
    filters: list[Term] = field(default_factory=list)

    def scope(self, source: Source) -> Scope:
        return self.scopes[source.variable]

    def frame(self, *more: Term) -> Term:
        """From FROM to the end of WHERE."""
        joined = [self.scopes[""].source]
        for scope, join in self.joins:
            joined.extend([join.sql, *scope.clauses])
        conditions = [*self.filters, *more]
        where = " AND ".join(term.sql for term in conditions) or "1"
        terms = [*(join for _, join in self.joins), *conditions]
        parameters = tuple(parameter for term in terms for parameter in term.parameters)
        return Term(f"FROM {' '.join(joined)} WHERE {where}", parameters)


def join(fetch: Fetch, model: Model, viewpoint: Viewpoint, *, visible: Visible) -> Joined:
    """The tables of a query, joined and filtered; `visible` says which rows of a table the caller may see.

    Raises:
        DataverseError, ExpressionError: conditions that do not fit their columns.
    """
    root = Scope.root(model, fetch.root.entity_set.name)
    scopes = {"": root}
    joins = []
    for link in fetch.links:
        scope = Scope(model, link.source.entity_set, root.fresh(), root.counter)
        scopes[link.source.variable] = root.variables[link.source.variable] = scope
    for link in fetch.links:
        own = read_filters(link.element, link.source, sources=fetch.sources, viewpoint=viewpoint)
        terms = [] if own is None else [condition(root, own)]
        terms.extend(_seen(scopes, link.source, visible))
        joins.append((scopes[link.source.variable], _join(link, scopes, terms)))
    where = read_filters(fetch.element, fetch.root, sources=fetch.sources, viewpoint=viewpoint)
    filters = [] if where is None else [condition(root, where)]
    return Joined(scopes, tuple(joins), [*filters, *_seen(scopes, fetch.root, visible)])


def _seen(scopes: Mapping[str, Scope], source: Source, visible: Visible) -> list[Term]:
    allowed = visible(source.entity_set)
    return [] if allowed is None else [row_among(scopes[source.variable], allowed)]


def _join(link: Link, scopes: Mapping[str, Scope], conditions: list[Term]) -> Term:
    inner, outer = scopes[link.source.variable], scopes[link.parent.variable]
    column, other = inner.read(Path((link.source_column.name,))), outer.read(Path((link.parent_column.name,)))
    if column.kind != other.kind:
        raise invalid_fetch(
            f"'{link.source_column.name}' and '{link.parent_column.name}' are of different types and cannot be joined."
        )
    kind = "LEFT JOIN" if link.outer else "JOIN"
    on = " AND ".join([f"{column.comparable} = {other.comparable}", *(term.sql for term in conditions)])
    parameters = tuple(parameter for term in conditions for parameter in term.parameters)
    return Term(f"{kind} {quote(inner.entity_set.name)} AS {inner.alias} ON {on}", parameters)


def order_items(fetch: Fetch, model: Model) -> list[tuple[Order, OrderItem]]:
    """What the rows are ordered by; a lookup stands for the name of its row, choices for their labels."""
    return [
        (order, OrderItem(order.source.path(*path.names), order.descending))
        for order in fetch.orders
        if order.column is not None
        for path in sort_paths(order.column, order.source.entity_set, model)
    ]


def sorted_by(joined: Joined, items: list[tuple[Order, OrderItem]]) -> list[SortTerm]:
    """The sort terms, the key of the first table last."""
    root = joined.scopes[""]
    terms = sort_terms(root, [item for _, item in items])
    raw = [order.raw for order, _ in items] + [False]
    return [_by_number(root, item, term) if plain else term
            for plain, term, item in zip(raw, terms, [*(item for _, item in items), None], strict=True)]  # fmt: skip


def _by_number(root: Scope, item: OrderItem | None, term: SortTerm) -> SortTerm:
    if item is None:
        return term
    read = root.read(item.path)
    return SortTerm(read.comparable, read.sql, term.descending, read.column)
