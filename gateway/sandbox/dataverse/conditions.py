"""The `$filter` dialect of Dataverse, turned into the expressions the store understands.

Dataverse knows three string functions, in which `% _ [ ]` are wildcards, and its own query functions such as
`Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['A','B'])`, which may follow a navigation or a
lambda variable: `primarycontactid/Microsoft.Dynamics.CRM.Today(PropertyName='createdon')`. It has no `in` operator.

Source: Dataverse, Filter rows using OData; Web API Query Function Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.sandbox.dataverse.errors import invalid_url, unknown_property
from gateway.sandbox.dataverse.query_functions import Subject, function_condition
from gateway.sandbox.dataverse.viewpoint import Viewpoint
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
from gateway.sandbox.model import EntitySet, Model, Property

__all__ = ["Viewpoint", "read_filter", "text_condition"]

_PREFIX = "Microsoft.Dynamics.CRM."
_TEXT_FUNCTIONS = {"contains": ("%", "%"), "startswith": ("", "%"), "endswith": ("%", "")}
_WILDCARDS = frozenset("%_[")
_VALUES = ("PropertyValue", "PropertyValues")


def read_filter(
    text: str,
    entity_set: EntitySet,
    *,
    model: Model,
    viewpoint: Viewpoint,
    aliases: Mapping[str, str] | None = None,
) -> Expression:
    """Raises: ExpressionError when the text cannot be read, DataverseError for what Dataverse does not offer."""
    return _Dialect(entity_set, model, viewpoint).translate(parse_filter(text, aliases=aliases))


def text_condition(name: str, subject: Expression, text: str, *, position: int = 0) -> Call:
    """`contains`, `startswith` or `endswith`, the text of which may hold wildcards."""
    if not _WILDCARDS & set(text):
        return Call(name, (subject, Literal(text, "Edm.String")), position=position)
    before, after = _TEXT_FUNCTIONS[name]
    return Call("like", (subject, Literal(f"{before}{text}{after}", "Edm.String")), position=position)


@dataclass(frozen=True)
class _Dialect:
    """Translates conditions on one set; `variables` are those of the lambdas around."""

    entity_set: EntitySet
    model: Model
    viewpoint: Viewpoint
    variables: Mapping[str, EntitySet] = field(default_factory=dict)

    def translate(self, expression: Expression) -> Expression:
        match expression:
            case In():
                raise invalid_url(
                    "The 'in' operator is not supported. Use the query function Microsoft.Dynamics.CRM.In."
                )
            case Logical(operands=operands):
                return replace(expression, operands=tuple(self.translate(operand) for operand in operands))
            case Not(operand=operand):
                return replace(expression, operand=self.translate(operand))
            case Lambda(predicate=predicate) if predicate is not None:
                return replace(expression, predicate=self._within(expression).translate(predicate))
            case Comparison(left=left, right=right):
                sides = (self.translate(side) for side in (left, right))
                return Comparison(expression.op, *sides, position=expression.position)
            case Call(name=name) if name.startswith(_PREFIX):
                return self._query_function(expression)
            case Call():
                return _text_function(expression)
            case _:
                return expression

    def _within(self, quantifier: Lambda) -> _Dialect:
        target = self._reached(quantifier.collection)
        return replace(self, variables={**self.variables, str(quantifier.variable): target})

    def _reached(self, path: Path) -> EntitySet:
        """The set a path of navigations, or a variable followed by one, leads to."""
        names = list(path.names)
        current = self.variables[names.pop(0)] if names[0] in self.variables else self.entity_set
        for name in names:
            navigation = current.navigations.get(name)
            if navigation is None:
                raise unknown_property(name, current.entity)
            current = self.model.sets[navigation.target]
        return current

    def _query_function(self, call: Call) -> Expression:
        before = call.arguments[0] if call.arguments else Path(())
        if not isinstance(before, Path) or len(call.arguments) > 1:
            raise invalid_url(f"The query function '{call.name}' takes named parameters.")
        entity_set = self._reached(before) if before.names else self.entity_set
        column = _column(call, entity_set)
        path = Path((*before.names, column.name), position=call.position)
        subject = Subject(path, column, entity_set, _values(call), self.viewpoint)
        return function_condition(call.name.removeprefix(_PREFIX), subject)


def _text_function(call: Call) -> Call:
    if call.name not in _TEXT_FUNCTIONS:
        raise invalid_url(f"The query function '{call.name}' is not supported.")
    match call.arguments:
        case (subject, Literal(value=str() as text, type="Edm.String")):
            return text_condition(call.name, subject, text, position=call.position)
    return call


def _column(call: Call, entity_set: EntitySet) -> Property:
    """The column `PropertyName` names; a lookup is named with or without what the Web API puts around it."""
    named = call.named.get("PropertyName")
    name = str(named.value) if isinstance(named, Literal) else ""
    for candidate in (name, f"_{name}_value"):
        if candidate in entity_set.properties:
            return entity_set.properties[candidate]
    raise unknown_property(name, entity_set.entity)


def _values(call: Call) -> tuple[str, ...]:
    given = next((call.named[name] for name in _VALUES if name in call.named), ())
    return tuple(str(item.value) for item in (given if isinstance(given, tuple) else (given,)))
