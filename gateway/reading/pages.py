"""Pages of a set, and of many rows' lists at once: order, filter and position are left to the backend."""

from collections.abc import Sequence
from itertools import islice

from gateway.clients.dataverse import COUNT_LIMIT
from gateway.errors import BackendError, LimitError
from gateway.odata.query import Filter, Query
from gateway.odata.response import Page
from gateway.reading.lookup import Asking, Paths
from gateway.reading.need import Need, Source
from gateway.reading.paging import Segment, Sort, Window, decode_cursor, encode_cursor, segments
from gateway.reading.row import Failure, Row, RowPage
from gateway.records import Backend, Record


class Pages:
    """Reads pages. Lives as long as the process."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    async def read(
        self, asking: Asking, need: Need, wheres: Sequence[Filter | None], sort: Sort, window: Window, *, after: int
    ) -> tuple[list[RowPage | Failure], int]:
        """One page for each filter, all in one exchange."""
        source = need.source
        client = self._paths.client(source)
        path = self._paths.path(source, asking.scope.company)
        position = decode_cursor(window.after, sort, source.unique) if window.after is not None else None
        dataverse = source.backend is Backend.DATAVERSE
        asked: list[list[Query]] = []
        for where in wheres:
            parts = segments(sort, source.unique, position, where, has_null=dataverse, wide_or=dataverse)
            queries = [_query(need, part, sort, window, counted=position is None) for part in parts]
            if window.count and position is not None:
                queries.append(Query(select=(source.key,), filter=where, top=1, count=True))
            asked.append(queries)
        call = asking.call()
        try:
            flat = await client.page_each([(path, query) for queries in asked for query in queries], call=call)
        finally:
            depth = asking.trace.add(call.exchanges, after=after)
        answers = iter(flat)
        return [
            _row_page(asking, source, list(islice(answers, len(queries))), sort, window) for queries in asked
        ], depth


def _query(need: Need, part: Segment, sort: Sort, window: Window, *, counted: bool) -> Query:
    return Query(
        select=tuple(sorted(need.select | {sort.property, need.source.unique.property})),
        expand=need.expand,
        filter=part.where,
        order=part.order,
        top=window.first + 1,
        count=window.count and counted,
    )


def _row_page(
    asking: Asking, source: Source, answers: list[Page | BackendError], sort: Sort, window: Window
) -> RowPage | Failure:
    total: int | Failure | None = None
    if window.count:
        total = _total(answers[0] if window.after is None else answers.pop(), source.backend)
    records: list[Record] = []
    for answer in answers:
        if isinstance(answer, BackendError):
            return Failure(answer)
        records += answer.records
    rows = [Row(source, asking.scope.company, record.values) for record in records[: window.first]]
    cursors = [
        encode_cursor(sort, source.unique, (row.get(sort.property), row.get(source.unique.property))) for row in rows
    ]
    return RowPage(rows, cursors, len(records) > window.first, window.after is not None, total)


def _total(answer: Page | BackendError, backend: Backend) -> int | Failure | None:
    if isinstance(answer, BackendError):
        return Failure(answer)
    if backend is Backend.DATAVERSE and answer.count is not None and answer.count >= COUNT_LIMIT:
        return Failure(
            LimitError(f"Dataverse counts no further than {COUNT_LIMIT}; there may be more.", backend=backend)
        )
    return answer.count
