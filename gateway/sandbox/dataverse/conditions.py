"""The `$filter` dialect of Dataverse, turned into the expressions the store understands.

Dataverse knows three string functions, in which `% _ [ ]` are wildcards, and its own query functions such as
`Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['A','B'])`. It has no `in` operator.

Source: Dataverse, Filter rows using OData; Web API Query Function Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from gateway.sandbox.dataverse.errors import invalid_url, unknown_property
from gateway.sandbox.expression import (
    Call,
    Comparison,
    Expression,
    In,
    Lambda,
    Literal,
    Logical,
    Not,
    Path,
    parse_filter,
)
from gateway.sandbox.model import EntitySet, Property

_PREFIX = "Microsoft.Dynamics.CRM."
_TEXT_FUNCTIONS = {"contains": ("%", "%"), "startswith": ("", "%"), "endswith": ("%", "")}
_WILDCARDS = frozenset("%_[")


@dataclass(frozen=True)
class Viewpoint:
    """Who asks and when, for functions such as `EqualUserId` and `LastXDays`."""

    user_id: str
    business_unit_id: str
    now: datetime


def read_filter(
    text: str, entity_set: EntitySet, *, viewpoint: Viewpoint, aliases: Mapping[str, str] | None = None
) -> Expression:
    """Raises: ExpressionError when the text cannot be read, DataverseError for what Dataverse does not offer."""
    return _translate(parse_filter(text, aliases=aliases), entity_set, viewpoint)


def _translate(expression: Expression, entity_set: EntitySet, viewpoint: Viewpoint) -> Expression:
    match expression:
        case In():
            raise invalid_url("The 'in' operator is not supported. Use the query function Microsoft.Dynamics.CRM.In.")
        case Logical(operands=operands):
            translated = tuple(_translate(operand, entity_set, viewpoint) for operand in operands)
            return replace(expression, operands=translated)
        case Not(operand=operand):
            return replace(expression, operand=_translate(operand, entity_set, viewpoint))
        case Lambda(predicate=predicate) if predicate is not None:
            return replace(expression, predicate=_translate(predicate, entity_set, viewpoint))
        case Comparison(left=left, right=right):
            sides = (_translate(side, entity_set, viewpoint) for side in (left, right))
            return Comparison(expression.op, *sides, position=expression.position)
        case Call(name=name) if name.startswith(_PREFIX):
            return _QueryFunction(expression, entity_set, viewpoint).condition()
        case Call():
            return _text_function(expression)
        case _:
            return expression


def _text_function(call: Call) -> Call:
    if call.name not in _TEXT_FUNCTIONS:
        raise invalid_url(f"The query function '{call.name}' is not supported.")
    match call.arguments:
        case (subject, Literal(value=str() as text)) if _WILDCARDS & set(text):
            before, after = _TEXT_FUNCTIONS[call.name]
            return Call("like", (subject, Literal(f"{before}{text}{after}", "Edm.String")), position=call.position)
    return call


@dataclass(frozen=True)
class _QueryFunction:
    """One call of a query function, over the column its `PropertyName` names."""

    call: Call
    entity_set: EntitySet
    viewpoint: Viewpoint

    def condition(self) -> Expression:
        name = self.call.name.removeprefix(_PREFIX)
        build = _FUNCTIONS.get(name)
        if build is None:
            raise invalid_url(f"The query function '{self.call.name}' is not supported.")
        try:
            return build(self)
        except OverflowError as error:
            raise invalid_url(f"The query function '{self.call.name}' leaves the calendar.") from error

    @property
    def column(self) -> Property:
        named = self.call.named.get("PropertyName")
        name = str(named.value) if isinstance(named, Literal) else ""
        for candidate in (name, f"_{name}_value"):
            if candidate in self.entity_set.properties:
                return self.entity_set.properties[candidate]
        raise unknown_property(name, self.entity_set.entity)

    @property
    def path(self) -> Path:
        return Path((self.column.name,))

    def values(self) -> tuple[Literal, ...]:
        given = self.call.named.get("PropertyValues", ())
        return tuple(self.typed(str(item.value)) for item in (given if isinstance(given, tuple) else (given,)))

    def value(self) -> Literal:
        given = self.call.named.get("PropertyValue")
        if not isinstance(given, Literal):
            raise invalid_url(f"The query function '{self.call.name}' needs the parameter 'PropertyValue'.")
        return given

    def typed(self, text: str) -> Literal:
        """A value as the type of the column; the list of a query function is written as text."""
        kind = self.column.type
        try:
            match kind:
                case "Edm.Int32" | "Edm.Int64":
                    return Literal(int(text), "Edm.Int64")
                case "Edm.Decimal" | "Edm.Double":
                    return Literal(Decimal(text), "Edm.Decimal")
                case "Edm.Boolean":
                    return Literal({"true": True, "1": True, "false": False, "0": False}[text.lower()], kind)
                case "Edm.Guid":
                    return Literal(text.strip("{}").lower(), kind)
        except (ValueError, KeyError, InvalidOperation) as error:
            raise invalid_url(f"'{text}' is not a value of the column '{self.column.name}'.") from error
        return Literal(text, kind)

    def days(self) -> int:
        try:
            return int(str(self.value().value))
        except ValueError as error:
            raise invalid_url(f"'{self.value().value}' is not a number of days.") from error

    def between(self, start: Literal, end: Literal, *, open_end: bool = False) -> Expression:
        upper = Comparison("lt" if open_end else "le", self.path, end)
        return Logical("and", (Comparison("ge", self.path, start), upper))

    def period(self, start: date, end: date) -> Expression:
        """From the start of one day to before the start of another, in UTC."""
        return self.between(self.moment(_midnight(start)), self.moment(_midnight(end)), open_end=True)

    def moment(self, at: datetime) -> Literal:
        if self.column.type == "Edm.Date":
            return Literal(at.date().isoformat(), "Edm.Date")
        return Literal(f"{at:%Y-%m-%dT%H:%M:%SZ}", "Edm.DateTimeOffset")

    def since_days(self) -> Expression:
        today = self.viewpoint.now.date() - timedelta(days=self.days())
        return self.between(self.moment(_midnight(today)), self.moment(self.viewpoint.now))

    def until_days(self) -> Expression:
        end = _midnight(self.viewpoint.now.date() + timedelta(days=self.days() + 1))
        return self.between(self.moment(self.viewpoint.now), self.moment(end), open_end=True)

    def older_than_days(self) -> Expression:
        day = self.viewpoint.now.date() - timedelta(days=self.days())
        return Comparison("lt", self.path, self.moment(_midnight(day)))

    def day(self) -> date:
        try:
            return date.fromisoformat(str(self.value().value)[:10])
        except ValueError as error:
            raise invalid_url(f"'{self.value().value}' is not a date.") from error

    def around_today(self, first: int, last: int) -> Expression:
        today = self.viewpoint.now.date()
        return self.period(today + timedelta(days=first), today + timedelta(days=last))

    def this_month(self) -> Expression:
        start = self.viewpoint.now.date().replace(day=1)
        return self.period(start, (start + timedelta(days=32)).replace(day=1))

    def this_year(self) -> Expression:
        start = self.viewpoint.now.date().replace(month=1, day=1)
        return self.period(start, start.replace(year=start.year + 1))

    def range(self) -> Expression:
        ends = self.values()
        if len(ends) != 2:
            raise invalid_url(f"The query function '{self.call.name}' needs two values.")
        return self.between(*ends)

    def same(self, value: str, *, op: str = "eq") -> Expression:
        return Comparison(op, self.path, Literal(value, "Edm.Guid"))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


_FUNCTIONS: Mapping[str, Callable[[_QueryFunction], Expression]] = {
    "In": lambda f: In(f.path, f.values()),
    "NotIn": lambda f: Not(In(f.path, f.values())),
    "Between": lambda f: f.range(),
    "NotBetween": lambda f: Not(f.range()),
    "EqualUserId": lambda f: f.same(f.viewpoint.user_id),
    "NotEqualUserId": lambda f: f.same(f.viewpoint.user_id, op="ne"),
    "EqualBusinessId": lambda f: f.same(f.viewpoint.business_unit_id),
    "NotEqualBusinessId": lambda f: f.same(f.viewpoint.business_unit_id, op="ne"),
    "Today": lambda f: f.around_today(0, 1),
    "Yesterday": lambda f: f.around_today(-1, 0),
    "Tomorrow": lambda f: f.around_today(1, 2),
    "ThisMonth": lambda f: f.this_month(),
    "ThisYear": lambda f: f.this_year(),
    "LastSevenDays": lambda f: f.around_today(-7, 1),
    "NextSevenDays": lambda f: f.around_today(0, 8),
    "LastXDays": lambda f: f.since_days(),
    "NextXDays": lambda f: f.until_days(),
    "OlderThanXDays": lambda f: f.older_than_days(),
    "On": lambda f: f.period(f.day(), f.day() + timedelta(days=1)),
    "OnOrAfter": lambda f: Comparison("ge", f.path, f.moment(_midnight(f.day()))),
    "OnOrBefore": lambda f: Comparison("lt", f.path, f.moment(_midnight(f.day() + timedelta(days=1)))),
}
