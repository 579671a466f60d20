"""FetchXML that answers with groups of rows: `aggregate="true"`, and `distinct="true"`.

Dates are grouped by a part of them, a number: day of the month, week and month of the year, quarter, year.

Source: Dataverse, Aggregate data using FetchXml.
"""

from __future__ import annotations

from gateway.sandbox.aggregates import aggregated
from gateway.sandbox.dataverse.fetch_query import Column, Fetch
from gateway.sandbox.dataverse.fetch_statement import Joined, order_items
from gateway.sandbox.dataverse.grouped import Output, Sorting, check_limit, documents, grouping
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.expression import Path
from gateway.sandbox.functions import Term

_DAY = "substr({0}, 1, 10)"
_PARTS = {
    "day": "CAST(strftime('%d', {0}) AS INTEGER)",
    "week": "((CAST(strftime('%j', {0}) AS INTEGER) - 1 + strftime('%w', {0}, 'start of year')) / 7 + 1)",
    "month": "CAST(strftime('%m', {0}) AS INTEGER)",
    "quarter": "((CAST(strftime('%m', {0}) AS INTEGER) + 2) / 3)",
    "year": "CAST(strftime('%Y', {0}) AS INTEGER)",
}


def grouped_rows(
    operation: Operation, fetch: Fetch, joined: Joined, *, size: int, offset: int
) -> tuple[list[dict[str, object]], bool]:
    """One page of groups, and whether there are more. Raises: DataverseError, ExpressionError."""
    outputs = [_output(joined, column, grouped=fetch.distinct and not fetch.aggregate) for column in fetch.columns]
    order = _aliased(fetch, outputs) if fetch.aggregate else _by_columns(operation, fetch, joined)
    frame = joined.frame()
    if fetch.aggregate:
        check_limit(operation, frame)
    found = operation.store.run(grouping(outputs, frame, order=order, limit=size + 1, offset=offset))
    return documents(operation, outputs, found[:size]), len(found) > size


def _output(joined: Joined, column: Column, *, grouped: bool) -> Output:
    term = joined.scope(column.source).read(Path((column.column.name,)))
    entity_set = column.source.entity_set
    if grouped or column.group_by:
        return Output((column.name,), _part(term, column.date_part), entity_set)
    if column.aggregate == "rows":
        return Output((column.name,), Term("count(*)", (), "integer"), entity_set, grouped=False)
    return Output((column.name,), aggregated(str(column.aggregate), term), entity_set, grouped=False)


def _part(term: Term, part: str | None) -> Term:
    return term if part is None else Term(_PARTS[part].format(_DAY.format(term.sql)), (), "integer")


def _aliased(fetch: Fetch, outputs: list[Output]) -> list[Sorting]:
    by_name = {output.path[0]: output for output in outputs}
    return [
        Sorting(by_name[order.alias].term, order.descending, figure=not by_name[order.alias].grouped)
        for order in fetch.orders
    ]


def _by_columns(operation: Operation, fetch: Fetch, joined: Joined) -> list[Sorting]:
    root = joined.scopes[""]
    return [Sorting(root.read(item.path), item.descending) for _, item in order_items(fetch, operation.model)]
