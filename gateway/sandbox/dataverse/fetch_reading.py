"""Answers FetchXML: `GET accounts?fetchXml=…`, with the paging cookie of FetchXML instead of next links.

A page has 5,000 rows or the fewer that `count` asks for. A query may be continued with its cookie; by page number alone
it ends at 50,000 rows. There is a cookie for plain rows ordered by columns of the first table, whose links lead to one
row each; a cookie that does not belong to the page before is ignored.

Source: Dataverse, Query data using FetchXml; Page results using FetchXml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.sandbox.dataverse.access import visible
from gateway.sandbox.dataverse.annotations import CURRENCY, annotator
from gateway.sandbox.dataverse.cookie import Cookie, CookieError, fetch_cookie, read_inner
from gateway.sandbox.dataverse.fetch_grouping import grouped_rows
from gateway.sandbox.dataverse.fetch_query import Fetch, Source, read_fetch
from gateway.sandbox.dataverse.fetch_statement import Joined, join, order_items, sorted_by
from gateway.sandbox.dataverse.fetch_xml import invalid_fetch
from gateway.sandbox.dataverse.formatting import wire_value
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.paging import marks, position_after
from gateway.sandbox.dataverse.preferences import MAX_PAGE_SIZE
from gateway.sandbox.dataverse.query import describe
from gateway.sandbox.dataverse.reading import count_facts
from gateway.sandbox.dataverse.rendering import render
from gateway.sandbox.expression import OrderItem, Scalar
from gateway.sandbox.functions import Term
from gateway.sandbox.model import EntitySet
from gateway.sandbox.ordering import SortTerm, beyond, position
from gateway.sandbox.rows import column_list, read_rows
from gateway.sandbox.store import Row

MAX_ROWS_BY_NUMBER = 50_000
COOKIE = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "Microsoft.Dynamics.CRM.morerecords"
Found = Sequence[Scalar | float]


def answer_fetch(operation: Operation, entity_set: EntitySet, text: str) -> Answer:
    """Answer one FetchXML query. Raises: DataverseError, ExpressionError."""
    fetch = read_fetch(text, entity_set, operation.model)
    joined = join(fetch, operation.model, operation.viewpoint, visible=lambda table: visible(operation, table))
    size = min(fetch.top or fetch.count or MAX_PAGE_SIZE, MAX_PAGE_SIZE)
    with operation.store.transaction():
        if fetch.aggregate or fetch.distinct:
            found, more = grouped_rows(operation, fetch, joined, size=size, offset=_offset(fetch, size))
            rows, cookie = found, None
        else:
            rows, more, cookie = _page(operation, fetch, joined, size=size)
        total = count_facts(operation, lambda: _count(operation, joined), asked=fetch.total)
    document: dict[str, object] = {"@odata.context": f"{operation.root}$metadata#{_context(fetch)}", **total}
    if cookie is not None and operation.preferences.wants(COOKIE):
        document[f"@{COOKIE}"] = cookie
    if operation.preferences.wants(MORE):
        document[f"@{MORE}"] = more and fetch.top is None
    return Answer(200, {**document, "value": rows})


def _context(fetch: Fetch) -> str:
    shown = () if fetch.aggregate else tuple(column.name for column in fetch.columns_of(fetch.root))
    return f"{fetch.root.entity_set.name}{describe(shown, ())}"


def _count(operation: Operation, joined: Joined) -> int:
    frame = joined.frame()
    return int(str(operation.store.run(Term(f"SELECT count(*) {frame.sql}", frame.parameters))[0][0]))


def _offset(fetch: Fetch, size: int) -> int:
    """Raises: DataverseError beyond what page numbers alone reach."""
    if fetch.page * size > MAX_ROWS_BY_NUMBER:
        raise invalid_fetch(f"without a paging cookie at most {MAX_ROWS_BY_NUMBER} rows can be paged through.")
    return (fetch.page - 1) * size


def _page(
    operation: Operation, fetch: Fetch, joined: Joined, *, size: int
) -> tuple[list[dict[str, object]], bool, str | None]:
    """The rows of one page, whether there are more, and the cookie that leads to them."""
    items = order_items(fetch, operation.model)
    terms = sorted_by(joined, items)
    order = [item for _, item in items]
    cookie = _sent_cookie(fetch) if _has_cookies(fetch) else None
    filters = []
    if cookie is not None:
        filters.append(beyond(terms, position_after(cookie, operation.model, fetch.root.entity_set, order)))
    offset = 0 if cookie is not None else _offset(fetch, size)
    shown = [fetch.root, *(link.source for link in fetch.links if fetch.columns_of(link.source))]
    found = operation.store.run(_statement(joined, shown, terms, filters, limit=size + 1, offset=offset))
    more, found = len(found) > size, found[:size]
    rows = _documents(operation, fetch, joined, shown=shown, found=found)
    following = _following(fetch, order, terms, found) if more and _has_cookies(fetch) and fetch.top is None else None
    return rows, more, following


def _statement(
    joined: Joined,
    shown: Sequence[Source],
    terms: Sequence[SortTerm],
    filters: Sequence[Term],
    *,
    limit: int,
    offset: int,
) -> Term:
    columns = [column_list(joined.scope(source)) for source in shown]
    selected = ", ".join([*columns, *(term.plain for term in terms)])
    frame = joined.frame(*filters)
    ordering = ", ".join(term.direction for term in terms)
    return Term(
        f"SELECT {selected} {frame.sql} ORDER BY {ordering} LIMIT {limit:d} OFFSET {offset:d}", frame.parameters
    )


def _has_cookies(fetch: Fetch) -> bool:
    single = all(link.source_column.name == link.source.entity_set.key for link in fetch.links)
    return single and not any(order.source.variable for order in fetch.orders)


def _sent_cookie(fetch: Fetch) -> Cookie | None:
    if not fetch.cookie:
        return None
    try:
        cookie = read_inner(fetch.cookie)
    except CookieError as error:
        raise invalid_fetch("the paging cookie cannot be read.") from error
    return cookie if cookie.page == fetch.page else None


def _following(fetch: Fetch, order: Sequence[OrderItem], terms: Sequence[SortTerm], found: Sequence[Found]) -> str:
    ends = [marks(fetch.root.entity_set, order, position(terms, row[-len(terms) :])) for row in (found[0], found[-1])]
    return fetch_cookie(fetch.page + 1, first=ends[0], last=ends[1])


def _documents(
    operation: Operation, fetch: Fetch, joined: Joined, *, shown: Sequence[Source], found: Sequence[Found]
) -> list[dict[str, object]]:
    """The rows of the first table as JSON, with the columns of its links among them."""
    root, start = fetch.root.entity_set, 0
    rendered: list[dict[str, object]] = []
    for source in shown:
        width = len(source.entity_set.properties) + 1
        rows = read_rows(source.entity_set, (row[start : start + width] for row in found))
        start += width
        if source is fetch.root:
            select = [column.column.name for column in fetch.columns_of(source)]
            named = {column.column.name: column.name for column in fetch.columns_of(source)}
            rendered = [_renamed(row, named) for row in render(operation, root, rows, select=select or [root.key])]
        else:
            _add_linked(operation, fetch, source, rows, rendered)
    return rendered


def _renamed(document: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    renamed = {}
    for key, value in document.items():
        name, mark, annotation = key.partition("@")
        renamed[f"{names.get(name, name)}{mark}{annotation}"] = value
    return renamed


def _add_linked(
    operation: Operation, fetch: Fetch, source: Source, rows: Sequence[Row], rendered: Sequence[dict[str, object]]
) -> None:
    """Columns of a linked row, unless they are null, as `alias.column`."""
    columns = fetch.columns_of(source)
    wanted = [column.column for column in columns]
    if CURRENCY in source.entity_set.properties:
        wanted.append(source.entity_set.properties[CURRENCY])
    describe_row = annotator(operation.store, source.entity_set, operation.preferences, rows=rows, columns=wanted)
    for row, document in zip(rows, rendered, strict=True):
        for column in columns:
            name, value = column.column.name, row[column.column.name]
            for key, fact in describe_row.annotate(row, column.column):
                document[f"{column.name}{key.removeprefix(name)}"] = fact
            if value is not None:
                document[column.name] = wire_value(column.column, value)
