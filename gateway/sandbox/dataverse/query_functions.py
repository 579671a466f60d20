"""The query functions of Dataverse over one column, as conditions: what `$filter` and FetchXML have in common.

`Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=7)` and the FetchXML operator `last-x-days` are
the same function. Fiscal periods are not offered, nor anything else that is missing from `_FUNCTIONS` and `periods`.

Source: Dataverse, Web API Query Function Reference; FetchXML operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from gateway.sandbox.dataverse.address import GUID
from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.periods import Period, midnight, needs_size, period
from gateway.sandbox.dataverse.viewpoint import Viewpoint
from gateway.sandbox.expression import Comparison, Expression, Hierarchy, In, Literal, Logical, Not, Path
from gateway.sandbox.model import EntitySet, Property

_HIERARCHIES = {
    "account": "_parentaccountid_value",
    "systemuser": "_parentsystemuserid_value",
    "businessunit": "_parentbusinessunitid_value",
}
_DATES = ("Edm.Date", "Edm.DateTimeOffset")


@dataclass(frozen=True)
class Subject:
    """What a function is asked of: a column by its path, the texts it is given, and who asks when."""

    path: Path
    column: Property
    entity_set: EntitySet
    values: Sequence[str]
    viewpoint: Viewpoint

    def literals(self) -> tuple[Literal, ...]:
        return tuple(typed(self.column, text) for text in self.values)

    def value(self) -> str:
        if len(self.values) != 1:
            raise invalid_url(f"One value is needed for the column '{self.column.name}', not {len(self.values)}.")
        return self.values[0]

    def same(self, value: str, *, op: str = "eq") -> Expression:
        return Comparison(op, self.path, Literal(value, "Edm.Guid"))

    def moment(self, at: datetime) -> Literal:
        if self.column.type == "Edm.Date":
            return Literal(at.date().isoformat(), "Edm.Date")
        return Literal(f"{at:%Y-%m-%dT%H:%M:%SZ}", "Edm.DateTimeOffset")


def function_condition(name: str, subject: Subject) -> Expression:
    """A function as a condition; `name` is without its namespace.

    Raises:
        DataverseError: a function that is not offered, or values it cannot take.
    """
    build = _FUNCTIONS.get(name)
    try:
        if build is not None:
            return build(subject)
        size = _whole(subject.value()) if needs_size(name) else 0
        found = period(name, now=subject.viewpoint.now, size=size)
    except OverflowError as error:
        raise invalid_url(f"The query function '{name}' leaves the calendar.") from error
    if found is None:
        raise invalid_url(f"The query function '{name}' is not supported.")
    return _within(subject, found)


def typed(column: Property, text: str) -> Literal:
    """A value, written as text, as the type of a column. Raises: DataverseError."""
    kind = column.type
    try:
        match kind:
            case "Edm.Int32" | "Edm.Int64":
                return Literal(int(text), "Edm.Int64")
            case "Edm.Decimal" | "Edm.Double":
                return Literal(Decimal(text), "Edm.Decimal")
            case "Edm.Boolean":
                return Literal({"true": True, "1": True, "false": False, "0": False}[text.lower()], kind)
            case "Edm.Guid":
                return Literal(_guid(text), kind)
            case "Edm.Date":
                return Literal(date.fromisoformat(text[:10]).isoformat(), kind)
            case "Edm.DateTimeOffset":
                datetime.fromisoformat(text)
    except (ValueError, KeyError, InvalidOperation) as error:
        raise invalid_url(f"'{text}' is not a value of the column '{column.name}'.") from error
    return Literal(text, kind)


def _guid(text: str) -> str:
    guid = text.strip().strip("{}").lower()
    if not GUID.fullmatch(guid):
        raise ValueError("not a GUID")
    return guid


def _within(subject: Subject, found: Period) -> Expression:
    if subject.column.type not in _DATES:
        raise invalid_url(f"The column '{subject.column.name}' holds no date.")
    ends: list[Expression] = []
    if found.start is not None:
        ends.append(Comparison("ge", subject.path, subject.moment(found.start)))
    if found.end is not None:
        ends.append(Comparison("le" if found.end_included else "lt", subject.path, subject.moment(found.end)))
    return ends[0] if len(ends) == 1 else Logical("and", tuple(ends))


def _range(subject: Subject) -> Expression:
    ends = subject.literals()
    if len(ends) != 2:
        raise invalid_url(f"Two values are needed for the column '{subject.column.name}', not {len(ends)}.")
    return Logical("and", (Comparison("ge", subject.path, ends[0]), Comparison("le", subject.path, ends[1])))


def _on(subject: Subject, *, start: bool, end: bool) -> Expression:
    try:
        first = date.fromisoformat(subject.value()[:10])
    except ValueError as error:
        raise invalid_url(f"'{subject.value()}' is not a date.") from error
    following = midnight(first + timedelta(days=1)) if end else None
    return _within(subject, Period(midnight(first) if start else None, following))


def _owners(subject: Subject, *, user: bool) -> Expression:
    viewpoint = subject.viewpoint
    owners = viewpoint.owners | {viewpoint.user_id} if user else viewpoint.owners - {viewpoint.user_id}
    return In(subject.path, tuple(Literal(owner, "Edm.Guid") for owner in sorted(owners)))


def _lineage(subject: Subject, *, upwards: bool, itself: bool) -> Expression:
    entity_set = subject.entity_set
    parent = _HIERARCHIES.get(entity_set.entity)
    if parent is None or subject.column.name != entity_set.key:
        raise invalid_url(f"The column '{subject.column.name}' of '{entity_set.entity}' is no key of a hierarchy.")
    start = str(typed(subject.column, subject.value()).value)
    return Hierarchy(subject.path, start, parent, upwards=upwards, itself=itself)


def _choices(subject: Subject) -> Expression:
    """No table here has a column of several choices."""
    raise invalid_url(f"The column '{subject.column.name}' does not hold several choices.")


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise invalid_url(f"'{text}' is not a whole number.") from error
    if number < 1:
        raise invalid_url(f"'{text}' is not a number above 0.")
    return number


_FUNCTIONS: Mapping[str, Callable[[Subject], Expression]] = {
    "In": lambda s: In(s.path, s.literals()),
    "NotIn": lambda s: Not(In(s.path, s.literals())),
    "Between": _range,
    "NotBetween": lambda s: Not(_range(s)),
    "ContainValues": _choices,
    "DoesNotContainValues": _choices,
    "EqualUserId": lambda s: s.same(s.viewpoint.user_id),
    "NotEqualUserId": lambda s: s.same(s.viewpoint.user_id, op="ne"),
    "EqualBusinessId": lambda s: s.same(s.viewpoint.business_unit_id),
    "NotEqualBusinessId": lambda s: s.same(s.viewpoint.business_unit_id, op="ne"),
    "EqualUserTeams": lambda s: _owners(s, user=False),
    "EqualUserOrUserTeams": lambda s: _owners(s, user=True),
    "Above": lambda s: _lineage(s, upwards=True, itself=False),
    "AboveOrEqual": lambda s: _lineage(s, upwards=True, itself=True),
    "Under": lambda s: _lineage(s, upwards=False, itself=False),
    "UnderOrEqual": lambda s: _lineage(s, upwards=False, itself=True),
    "NotUnder": lambda s: Not(_lineage(s, upwards=False, itself=False)),
    "On": lambda s: _on(s, start=True, end=True),
    "NotOn": lambda s: Not(_on(s, start=True, end=True)),
    "OnOrAfter": lambda s: _on(s, start=True, end=False),
    "OnOrBefore": lambda s: _on(s, start=False, end=True),
}
