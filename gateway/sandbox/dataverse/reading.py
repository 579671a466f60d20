"""GET: sets, rows, single columns, what a navigation leads to, references and counts.

A page holds at most 5,000 rows, fewer with `Prefer: odata.maxpagesize`, with which `$top` has no effect. Counts stop at
5,000. A row that did not change since the entity tag in `If-None-Match` is answered with 304, unless more than the row
itself (expansions, annotations) is asked for.

Source: Dataverse, Query data using the Web API; Perform conditional operations using the Web API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import quote

from gateway.sandbox.dataverse.access import require, require_privilege, within_reach
from gateway.sandbox.dataverse.address import Address
from gateway.sandbox.dataverse.errors import no_row_for_key, row_not_found, unknown_segment
from gateway.sandbox.dataverse.formatting import wire_value
from gateway.sandbox.dataverse.naming import leading_to, target_sets
from gateway.sandbox.dataverse.operation import Answer, Operation, etag
from gateway.sandbox.dataverse.options import query_without
from gateway.sandbox.dataverse.paging import position_after, skip_token
from gateway.sandbox.dataverse.preferences import MAX_PAGE_SIZE
from gateway.sandbox.dataverse.query import (
    COLLECTION_OPTIONS,
    COUNT_OPTIONS,
    ROW_OPTIONS,
    Query,
    describe,
    read_query,
)
from gateway.sandbox.dataverse.rendering import render
from gateway.sandbox.expression import Comparison, Expression, Literal, Logical, Path
from gateway.sandbox.model import EntitySet, Navigation
from gateway.sandbox.store import Row, among

MAX_COUNT = 5000
_PATH = "/()$=',"
_TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"
_LIMIT_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"


def read(operation: Operation, address: Address) -> Answer:
    """Answer a GET. Raises: DataverseError, ExpressionError."""
    if address.key is None:
        return _set_of_rows(operation, address.entity_set, address)
    require_privilege(operation, "Read", address.entity_set)
    row = find(operation, address)
    if row is None:
        raise missing(address)
    require(operation, "Read", address.entity_set, row)
    if address.navigation is not None:
        return _navigation(operation, address, row, navigation=address.navigation)
    if address.column is not None:
        return _column(operation, address, row)
    if address.suffix:
        raise unknown_segment(address.suffix)
    return single(operation, address.entity_set, row)


def find(operation: Operation, address: Address) -> Row | None:
    """The row an address names by primary or alternate key."""
    entity_set = address.entity_set
    if address.primary is not None:
        return operation.store.get(entity_set.name, address.primary)
    conditions = [equals(entity_set, column, value) for column, value in (address.key or {}).items()]
    rows = operation.store.select(entity_set.name, where=both(*conditions), limit=1)
    return rows[0] if rows else None


def missing(address: Address) -> Exception:
    """The error for an address without a row."""
    if address.primary is None:
        return no_row_for_key(address.entity_set.entity)
    return row_not_found(address.entity_set.entity, address.primary)


def equals(entity_set: EntitySet, column: str, value: object) -> Comparison:
    return Comparison("eq", Path((column,)), Literal(str(value), entity_set.properties[column].type))


def both(*conditions: Expression | None) -> Expression | None:
    """All the conditions that are there, as one."""
    present = [condition for condition in conditions if condition is not None]
    return Logical("and", tuple(present)) if len(present) > 1 else next(iter(present), None)


def single(
    operation: Operation, entity_set: EntitySet, row: Row, *, status: int = 200, query: Query | None = None
) -> Answer:
    """One row as an answer, with its entity tag as a header."""
    if query is None:
        query = _query(operation, entity_set, ROW_OPTIONS)
    unchanged = operation.header("if-none-match") == etag(row)
    if status == 200 and unchanged and not query.expand and not operation.preferences.annotations:
        return Answer(304, headers={"ETag": etag(row)})
    document = render(operation, entity_set, [row], select=query.select, expand=query.expand)[0]
    context = f"{operation.root}$metadata#{entity_set.name}{describe(query.select, query.expand)}/$entity"
    return Answer(status, {"@odata.context": context, **document}, headers={"ETag": etag(row)})


def _query(operation: Operation, entity_set: EntitySet, allowed: frozenset[str]) -> Query:
    return read_query(
        operation.request.query,
        entity_set,
        model=operation.model,
        viewpoint=operation.viewpoint,
        allowed=allowed,
    )


def _set_of_rows(
    operation: Operation, entity_set: EntitySet, address: Address, *, within: Expression | None = None
) -> Answer:
    """The rows of a set, or of a collection of one row when `within` says which those are."""
    if address.suffix == "$count":
        asked = _query(operation, entity_set, COUNT_OPTIONS).where
        where = both(within, within_reach(operation, entity_set, asked))
        return Answer(200, str(min(operation.store.count(entity_set.name, where=where), MAX_COUNT)))
    query = _query(operation, entity_set, COLLECTION_OPTIONS)
    where = both(within, within_reach(operation, entity_set, query.where))
    only_references = address.suffix == "$ref"
    columns = "" if only_references else describe(query.select, query.expand)
    target = "Collection($ref)" if only_references else f"{entity_set.name}{columns}"
    document: dict[str, object] = {"@odata.context": f"{operation.root}$metadata#{target}"}
    document.update(
        count_facts(operation, lambda: operation.store.count(entity_set.name, where=where), asked=query.count)
    )
    with operation.store.transaction():
        rows, token = _page(operation, entity_set, query, where=where)
    if only_references:
        document["value"] = [{"@odata.id": operation.link(entity_set, row[entity_set.key])} for row in rows]
    else:
        document["value"] = render(operation, entity_set, rows, select=query.select, expand=query.expand)
    if token:
        kept = query_without(operation.request.query, "$skiptoken")
        options = "&".join(filter(None, [kept, f"$skiptoken={token}"]))
        document["@odata.nextLink"] = f"{operation.root}{quote(operation.request.path, safe=_PATH)}?{options}"
    return Answer(200, document)


def _page(
    operation: Operation, entity_set: EntitySet, query: Query, *, where: Expression | None
) -> tuple[Sequence[Row], str | None]:
    """The rows of one page and the token of the next, if there is one."""
    size = operation.preferences.page_size
    top = None if size else query.top
    limit = min(size or MAX_PAGE_SIZE, MAX_PAGE_SIZE if top is None else top)
    after = None
    if query.cookie is not None:
        after = position_after(query.cookie, operation.model, entity_set, query.order)
    rows = operation.store.select(entity_set.name, where=where, order=query.order, limit=limit + 1, after=after)
    if len(rows) <= limit or top is not None:
        return rows[:limit], None
    page = query.cookie.page + 1 if query.cookie is not None else 2
    rows = rows[:limit]
    return rows, skip_token(operation.store, entity_set, query.order, page=page, first=rows[0], last=rows[-1])


def count_facts(operation: Operation, count: Callable[[], int], *, asked: bool) -> dict[str, object]:
    """The members of an answer that tell how many rows there are; only counted when `$count` asked for it."""
    total = count() if asked else -1
    facts: dict[str, object] = {"@odata.count": min(total, MAX_COUNT)} if asked else {}
    if operation.preferences.wants(_TOTAL):
        facts[f"@{_TOTAL}"] = min(total, MAX_COUNT)
    if operation.preferences.wants(_LIMIT_EXCEEDED):
        facts[f"@{_LIMIT_EXCEEDED}"] = total > MAX_COUNT
    return facts


def _navigation(operation: Operation, address: Address, row: Row, *, navigation: Navigation) -> Answer:
    if address.member_key is not None:
        raise unknown_segment(address.member_key)
    if navigation.collection:
        target = operation.model.sets[navigation.target]
        return _set_of_rows(operation, target, address, within=_members(operation, target, row, navigation=navigation))
    for target in target_sets(operation.model, navigation):
        groups = operation.store.related(leading_to(navigation, target), [row])
        for found in groups.values():
            require(operation, "Read", target, found[0])
            if address.suffix == "$ref":
                link = operation.link(target, found[0][target.key])
                return Answer(200, {"@odata.context": f"{operation.root}$metadata#$ref", "@odata.id": link})
            return single(operation, target, found[0])
    return Answer(204)


def _members(operation: Operation, target: EntitySet, row: Row, *, navigation: Navigation) -> Expression:
    """The condition on rows of `target` that a collection of one row holds."""
    source = row[navigation.source_property]
    if navigation.through is None:
        return equals(target, navigation.target_property, source)
    pairs = operation.store.paired(navigation.through, [source])
    return among(target.properties[navigation.target_property], pairs)


def _column(operation: Operation, address: Address, row: Row) -> Answer:
    column = address.column
    if column is None or address.suffix:
        raise unknown_segment(address.suffix)
    value = wire_value(column, row[column.name])
    if value is None:
        return Answer(204)
    context = f"{operation.root}$metadata#{address.entity_set.name}({row[address.entity_set.key]})/{column.name}"
    return Answer(200, {"@odata.context": context, "value": value})
