"""Relay connections over pages that the backends cut.

Source: GraphQL Cursor Connections Specification.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry
from strawberry import Info

from gateway.reading.row import Failure, Row, RowPage
from schema.access import WITH_ITS_FIELD, seen_by

T = TypeVar("T")


def nodes_scope(key: str) -> str:
    """Where the fields below ``nodes`` stand, by its response key."""
    return f"{key}/"


def edge_scope(edges_key: str, node_key: str) -> str:
    """Where the fields below ``edges { node }`` stand, by both response keys."""
    return f"{edges_key}/{node_key}/"


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    has_previous_page: bool = strawberry.field(description="Whether rows came before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first row of the page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last row; give it as `after` to go on.")


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="A row and where it stands.")
class Edge(Generic[T]):
    row: strawberry.Private[Row]
    show: strawberry.Private[Callable[[object], Any]]

    cursor: str = strawberry.field(description="Where the row stands; survives inserts and deletions.")

    @strawberry.field(description="The row.")
    def node(self, info: Info[Any, Any]) -> T:
        return self.show(self.row.within(edge_scope(self.row.scope, str(info.path.key))))


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="A page of rows.")
class Connection(Generic[T]):
    page: strawberry.Private[RowPage]
    show: strawberry.Private[Callable[[object], Any]]

    @strawberry.field(description="The rows of the page.")
    def nodes(self, info: Info[Any, Any]) -> list[T]:
        scope = nodes_scope(str(info.path.key))
        return [self.show(row.within(scope)) for row in self.page.rows]

    @strawberry.field(description="The rows of the page, each with its cursor.")
    def edges(self, info: Info[Any, Any]) -> list[Edge[T]]:
        key = str(info.path.key)
        return [
            Edge(cursor=cursor, row=row.within(key), show=self.show)
            for row, cursor in zip(self.page.rows, self.page.cursors, strict=True)
        ]

    @strawberry.field(description="Where the page stands in the list.")
    def page_info(self) -> PageInfo:
        cursors = self.page.cursors
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )

    @strawberry.field(
        description="How many rows the whole list has; counted only when asked for. Null with an error where "
        "the backend "
        "counts no further."
    )
    def total_count(self) -> int | None:
        total = self.page.total
        if isinstance(total, Failure):
            total.tell()
            return None
        return total
