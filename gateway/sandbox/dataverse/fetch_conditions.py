"""The filters of FetchXML as the expressions the store understands; operators are those `$filter` has as functions.

`ne`, `not-in`, `not-like` and the like hold for null too, as they do in `$filter`.

Source: Dataverse, Filter rows using FetchXml; FetchXml condition operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.sandbox.dataverse.conditions import text_condition
from gateway.sandbox.dataverse.fetch_query import Source
from gateway.sandbox.dataverse.fetch_xml import Element, invalid_fetch
from gateway.sandbox.dataverse.query_functions import Subject, function_condition, typed
from gateway.sandbox.dataverse.viewpoint import Viewpoint
from gateway.sandbox.expression import Call, Comparison, Expression, Literal, Logical, Not, Path

_COMPARISONS = {name: name for name in ("eq", "ne", "gt", "ge", "lt", "le")} | {"neq": "ne"}
_UNITS = ("hours", "days", "weeks", "months", "years")
_FUNCTIONS: Mapping[str, str] = {
    "in": "In",
    "not-in": "NotIn",
    "between": "Between",
    "not-between": "NotBetween",
    "contain-values": "ContainValues",
    "not-contain-values": "DoesNotContainValues",
    "eq-userid": "EqualUserId",
    "ne-userid": "NotEqualUserId",
    "eq-businessid": "EqualBusinessId",
    "ne-businessid": "NotEqualBusinessId",
    "eq-userteams": "EqualUserTeams",
    "eq-useroruserteams": "EqualUserOrUserTeams",
    "above": "Above",
    "eq-or-above": "AboveOrEqual",
    "under": "Under",
    "eq-or-under": "UnderOrEqual",
    "not-under": "NotUnder",
    "on": "On",
    "on-or-before": "OnOrBefore",
    "on-or-after": "OnOrAfter",
    "last-seven-days": "LastSevenDays",
    "next-seven-days": "NextSevenDays",
    **{day: day.title() for day in ("yesterday", "today", "tomorrow")},
    **{f"{when}-{unit}": f"{when}-{unit}".title().replace("-", "")
       for when in ("last", "this", "next") for unit in ("week", "month", "year")},
    **{f"{when}-x-{unit}": f"{when.title()}X{unit.title()}" for when in ("last", "next") for unit in _UNITS},
    **{f"olderthan-x-{unit}": f"OlderThanX{unit.title()}" for unit in ("minutes", *_UNITS)},
}  # fmt: skip


def read_filters(
    element: Element, source: Source, *, sources: Mapping[str, Source], viewpoint: Viewpoint
) -> Expression | None:
    """All filters of an entity or link as one condition, or None.

    Raises:
        DataverseError: an attribute or operator that does not exist, or a value it cannot take.
    """
    reader = _Filters(source, sources, viewpoint)
    return _joined("and", [reader.filter(child) for child in element.all("filter")])


def _joined(op: str, conditions: list[Expression | None]) -> Expression | None:
    present = [condition for condition in conditions if condition is not None]
    return Logical(op, tuple(present)) if len(present) > 1 else next(iter(present), None)


@dataclass(frozen=True)
class _Filters:
    source: Source
    sources: Mapping[str, Source]
    viewpoint: Viewpoint

    def filter(self, element: Element) -> Expression | None:
        element.only("condition", "filter")
        op = element.get("type") or "and"
        if op not in ("and", "or"):
            raise invalid_fetch(f"a filter cannot be of type '{op}'.")
        children = (
            self.filter(child) if child.name == "filter" else self.condition(child) for child in element.children
        )
        return _joined(op, list(children))

    def condition(self, element: Element) -> Expression:
        element.only("value")
        source = self._named(element.get("entityname"))
        column = source.column(element.required("attribute"))
        path, operator = source.path(column.name), element.required("operator")
        if element.get("valueof") is not None:
            return self._compared(element, source, path, operator)
        given = element.get("value")
        values = tuple(child.text.strip() for child in element.all("value")) or (() if given is None else (given,))
        subject = Subject(path, column, source.entity_set, values, self.viewpoint)
        if operator in _FUNCTIONS:
            return function_condition(_FUNCTIONS[operator], subject)
        build = _OPERATORS.get(operator)
        if build is None:
            raise invalid_fetch(f"the condition operator '{operator}' is not supported.")
        return build(subject)

    def _named(self, name: str | None) -> Source:
        if name is None:
            return self.source
        if name not in self.sources:
            raise invalid_fetch(f"there is no link entity with the name or alias '{name}'.")
        return self.sources[name]

    def _compared(self, element: Element, source: Source, path: Path, operator: str) -> Expression:
        """A comparison with another column: `valueof="lastname"` or, of a linked table, `valueof="c.lastname"`."""
        alias, dot, name = str(element.get("valueof")).rpartition(".")
        other = self._named(alias) if dot else source
        if operator not in _COMPARISONS:
            raise invalid_fetch(f"the condition operator '{operator}' cannot compare two columns.")
        return Comparison(_COMPARISONS[operator], path, other.path(other.column(name).name))


def _comparison(op: str) -> Callable[[Subject], Expression]:
    return lambda s: Comparison(op, s.path, typed(s.column, s.value()))


def _null(op: str) -> Callable[[Subject], Expression]:
    return lambda s: Comparison(op, s.path, Literal(None, "null"))


def _text(function: str) -> Callable[[Subject], Expression]:
    return lambda s: text_condition(function, s.path, s.value())


def _like(subject: Subject) -> Expression:
    return Call("like", (subject.path, Literal(subject.value(), "Edm.String")))


def _not(build: Callable[[Subject], Expression]) -> Callable[[Subject], Expression]:
    return lambda subject: Not(build(subject))


_OPERATORS: Mapping[str, Callable[[Subject], Expression]] = {
    **{operator: _comparison(op) for operator, op in _COMPARISONS.items()},
    "null": _null("eq"),
    "not-null": _null("ne"),
    "like": _like,
    "not-like": _not(_like),
    "begins-with": _text("startswith"),
    "not-begin-with": _not(_text("startswith")),
    "ends-with": _text("endswith"),
    "not-end-with": _not(_text("endswith")),
}
