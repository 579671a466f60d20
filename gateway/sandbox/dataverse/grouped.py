"""Groups of rows as an answer: rows without key and entity tag, for aggregations and for distinct rows.

Text is grouped without regard to case, as it is compared. An aggregation reads at most 50,000 rows.

Source: Dataverse, Aggregate data using OData; Aggregate data using FetchXml.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.sandbox.columns import decode, kind, text_number
from gateway.sandbox.dataverse.annotations import FORMATTED, annotator
from gateway.sandbox.dataverse.errors import DataverseError
from gateway.sandbox.dataverse.formatting import wire_value
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.expression import Scalar
from gateway.sandbox.functions import Term
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

MAX_ROWS = 50_000
TOO_MANY_ROWS = "0x8004e023"
Value = Scalar | float


@dataclass(frozen=True)
class Output:
    """One member of every answered row: what to group by, or with `grouped` False a figure of the group.

    `entity_set` is where the column of the term comes from.
    """

    path: tuple[str, ...]
    term: Term
    entity_set: EntitySet
    grouped: bool = True

    @property
    def selected(self) -> str:
        return f"min({self.term.sql})" if self.grouped else self.term.sql


@dataclass(frozen=True)
class Sorting:
    """Groups are ordered by the least value of a term, `figure` terms are aggregates already."""

    term: Term
    descending: bool
    figure: bool = False

    @property
    def sql(self) -> str:
        sql = self.term.comparable if self.figure else f"min({self.term.comparable})"
        return f"{sql} DESC" if self.descending else sql


def check_limit(operation: Operation, frame: Term, *, limit: int = MAX_ROWS) -> None:
    """Raises: DataverseError when more rows than an aggregation may read."""
    counted = Term(f"SELECT count(*) FROM (SELECT 1 {frame.sql} LIMIT {limit + 1:d})", frame.parameters)  # noqa: S608
    if int(str(operation.store.run(counted)[0][0])) > limit:
        raise DataverseError(
            400,
            TOO_MANY_ROWS,
            "AggregateQueryRecordLimit exceeded. Cannot perform this operation. "
            f"The maximum record limit of {limit} is exceeded. Reduce the number of records.",
        )


def grouping(
    outputs: Sequence[Output], frame: Term, *, order: Sequence[Sorting] = (), limit: int = -1, offset: int = 0
) -> Term:
    """The SELECT of groups; ties and groups without an order stand in that of what they are grouped by."""
    keys = [output.term for output in outputs if output.grouped]
    selected = ", ".join(output.selected for output in outputs)
    sql = f"SELECT {selected} {frame.sql}"
    parameters = [*_bound([output.term for output in outputs]), *frame.parameters]
    if keys:
        ties = [Sorting(key, False) for key in keys]
        by = ", ".join(key.comparable for key in keys)
        sql += f" GROUP BY {by} ORDER BY {', '.join(sorting.sql for sorting in [*order, *ties])}"
        parameters += [*_bound(keys), *_bound([sorting.term for sorting in order]), *_bound(keys)]
    return Term(f"{sql} LIMIT {limit:d} OFFSET {offset:d}", tuple(parameters))


def documents(
    operation: Operation, outputs: Sequence[Output], found: Sequence[Sequence[Value]]
) -> list[dict[str, object]]:
    """The rows a `grouping` yields as JSON; an output with a path of several names lies as deep."""
    rendered: list[dict[str, object]] = [{} for _ in found]
    for index, output in enumerate(outputs):
        values = [_value(output.term, row[index]) for row in found]
        for document, members in zip(rendered, _members(operation, output, values), strict=True):
            for name in output.path[:-1]:
                inner = document.setdefault(name, {})
                document = inner if isinstance(inner, dict) else {}
            document.update(members)
    return rendered


def _value(term: Term, stored: Value) -> object:
    if term.column is not None and kind(term.column.type) == term.kind:
        return decode(term.column, stored)
    return text_number(str(stored)) if term.kind == "number" and stored is not None else stored


def _members(operation: Operation, output: Output, values: Sequence[object]) -> Iterator[dict[str, object]]:
    """One property of each row, its annotations before it."""
    column, name = output.term.column, output.path[-1]
    if column is None:
        wanted = operation.preferences.wants(FORMATTED)
        for value in values:
            formatted = {f"{name}@{FORMATTED}": f"{value:,}"} if wanted and isinstance(value, int) else {}
            yield {**formatted, name: value}
        return
    rows = [Row({column.name: value}, 0) for value in values]
    describe = annotator(operation.store, output.entity_set, operation.preferences, rows=rows, columns=[column])
    for row, value in zip(rows, values, strict=True):
        facts = {key.replace(column.name, name, 1): fact for key, fact in describe.annotate(row, column)}
        yield {**facts, name: wire_value(column, value)}


def _bound(terms: Sequence[Term]) -> Iterator[object]:
    return (parameter for term in terms for parameter in term.parameters)
