"""Relay connections over pages that the backends cut.

Source: GraphQL Cursor Connections Specification.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from gateway.reading.row import Failure, RowPage

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    has_previous_page: bool = strawberry.field(description="Whether rows came before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first row of the page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last row; give it as `after` to go on.")


@strawberry.type(description="A row and where it stands.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Where the row stands; survives inserts and deletions.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="A page of rows.")
class Connection(Generic[T]):
    page: strawberry.Private[RowPage]
    show: strawberry.Private[Callable[[object], Any]]

    @strawberry.field(description="The rows of the page.")
    def nodes(self) -> list[T]:
        return [self.show(row) for row in self.page.rows]

    @strawberry.field(description="The rows of the page, each with its cursor.")
    def edges(self) -> list[Edge[T]]:
        return [
            Edge(cursor=cursor, node=self.show(row))
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
        description="How many rows the whole list has; counted only when asked for. Null with an error where the backend "
        "counts no further."
    )
    def total_count(self) -> int | None:
        total = self.page.total
        if isinstance(total, Failure):
            total.tell()
            return None
        return total
