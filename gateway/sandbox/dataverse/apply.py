"""`$apply`: filters, and then one grouping or aggregation.

    filter(statecode eq 0)/groupby((_ownerid_value),aggregate($count as accounts,creditlimit with sum as credit))

Columns of other tables are reached by single navigations, `groupby((primarycontactid/fullname))`; what they group by
lies as deep in the answer. Dates cannot be grouped by, groups cannot be ordered, and no other option goes with it.

Source: Dataverse, Aggregate data using OData; OASIS, OData Extension for Data Aggregation 4.0, chapter 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.sandbox.aggregates import aggregated
from gateway.sandbox.dataverse.access import visible, within_reach
from gateway.sandbox.dataverse.conditions import read_filter
from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.grouped import Output, check_limit, documents, grouping
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.reading import both
from gateway.sandbox.expression import Expression, Path, split
from gateway.sandbox.functions import Term
from gateway.sandbox.model import EntitySet
from gateway.sandbox.sql import Scope, condition
from gateway.sandbox.subselect import row_among

_STEP = re.compile(r"\s*(filter|groupby|aggregate)\s*\((.*)\)\s*", re.DOTALL)
_GROUPS = re.compile(r"\s*\((.*)\)\s*", re.DOTALL)
_MEASURE = re.compile(r"\s*([\w/]+)\s+with\s+(sum|average|min|max|countdistinct)\s+as\s+([A-Za-z_]\w*)\s*")
_ROWS = re.compile(r"\s*\$count\s+as\s+([A-Za-z_]\w*)\s*")


@dataclass(frozen=True)
class Measure:
    """One item of `aggregate`; a path of None stands for the rows themselves."""

    name: str
    function: str
    path: Path | None


@dataclass(frozen=True)
class Apply:
    where: Expression | None
    groups: tuple[Path, ...]
    measures: tuple[Measure, ...]


def answer_apply(operation: Operation, entity_set: EntitySet, text: str, *, aliases: Mapping[str, str]) -> Answer:
    """Answer one `$apply`. Raises: DataverseError, ExpressionError."""
    apply = read_apply(operation, entity_set, text, aliases=aliases)
    scope = Scope.root(operation.model, entity_set.name)
    outputs = [_group(operation, scope, path) for path in apply.groups]
    outputs += [_figure(operation, scope, measure) for measure in apply.measures]
    where = within_reach(operation, entity_set, apply.where)
    filters = Term("1") if where is None else condition(scope, where)
    frame = Term(f"FROM {scope.source} WHERE {filters.sql}", filters.parameters)
    with operation.store.transaction():
        check_limit(operation, frame)
        rows = documents(operation, outputs, operation.store.run(grouping(outputs, frame)))
    return Answer(200, {"@odata.context": f"{operation.root}$metadata#{entity_set.name}", "value": rows})


def read_apply(operation: Operation, entity_set: EntitySet, text: str, *, aliases: Mapping[str, str]) -> Apply:
    """Raises: DataverseError when the text is no chain of transformations that is offered."""
    *before, last = [_step(part) for part in split(text, "/")]
    conditions = []
    for name, argument in before:
        if name != "filter":
            raise invalid_url(f"The transformation '{name}' must be the last one of $apply.")
        conditions.append(
            read_filter(argument, entity_set, model=operation.model, viewpoint=operation.viewpoint, aliases=aliases)
        )
    name, argument = last
    if name == "filter":
        raise invalid_url("$apply needs a 'groupby' or 'aggregate' transformation.")
    groups, measures = ((), _measures(argument)) if name == "aggregate" else _grouping(argument)
    names = [*(path.names[0] for path in groups if len(path.names) == 1), *(measure.name for measure in measures)]
    if len(set(names)) < len(names):
        raise invalid_url("Every name may be used only once in $apply.")
    return Apply(both(*conditions), groups, measures)


def _step(text: str) -> tuple[str, str]:
    match = _STEP.fullmatch(text)
    if match is None:
        raise invalid_url(f"The transformation '{text}' of $apply is not supported.")
    return match[1], match[2]


def _grouping(argument: str) -> tuple[tuple[Path, ...], tuple[Measure, ...]]:
    listed, *rest = split(argument, ",")
    match = _GROUPS.fullmatch(listed)
    if match is None or not match[1].strip() or len(rest) > 1:
        raise invalid_url(f"'{argument}' is not a grouping such as '(a,b),aggregate($count as n)'.")
    groups = tuple(Path(tuple(name.strip().split("/"))) for name in match[1].split(","))
    if not rest:
        return groups, ()
    name, inner = _step(rest[0])
    if name != "aggregate":
        raise invalid_url(f"The transformation '{name}' is not supported within 'groupby'.")
    return groups, _measures(inner)


def _measures(argument: str) -> tuple[Measure, ...]:
    return tuple(_measure(part) for part in split(argument, ","))


def _measure(text: str) -> Measure:
    if rows := _ROWS.fullmatch(text):
        return Measure(rows[1], "rows", None)
    if match := _MEASURE.fullmatch(text):
        return Measure(match[3], match[2], Path(tuple(match[1].split("/"))))
    raise invalid_url(f"'{text.strip()}' is not an aggregation such as 'revenue with sum as total'.")


def _group(operation: Operation, scope: Scope, path: Path) -> Output:
    term, entity_set = _reachable(operation, scope, path)
    if term.kind in ("moment", "date"):
        raise invalid_url(f"Grouping by the date and time column '{path.names[-1]}' is not supported.")
    return Output(path.names, term, entity_set)


def _figure(operation: Operation, scope: Scope, measure: Measure) -> Output:
    if measure.path is None:
        return Output((measure.name,), Term("count(*)", (), "integer"), scope.entity_set, grouped=False)
    term, entity_set = _reachable(operation, scope, measure.path)
    return Output((measure.name,), aggregated(measure.function, term), entity_set, grouped=False)


def _reachable(operation: Operation, scope: Scope, path: Path) -> tuple[Term, EntitySet]:
    """A column; null where it belongs to a row the caller may not read."""
    term = scope.read(path)
    navigations: Sequence[str] = path.names[:-1]
    if not navigations:
        return term, scope.entity_set
    alias, entity_set = scope.walk(navigations, path)
    allowed = visible(operation, entity_set)
    if allowed is None:
        return term, entity_set
    seen = row_among(Scope(scope.model, entity_set, alias, scope.counter), allowed)
    return Term(f"CASE WHEN {seen.sql} THEN {term.sql} END", seen.parameters, term.kind, term.column), entity_set
