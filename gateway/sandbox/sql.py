"""Syntax tree to SQL over the tables of `store`: bound parameters only, names only from the model.

A comparison is true or not true: `ne` holds for null, `gt` and the like do not, and `not` turns around what is true.
Text compares through `fold()`. Equalities joined by `or` over one property become one `IN`, and long conditions become
balanced trees, so that a filter of hundreds of terms stays within SQLite's limits.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.sandbox.columns import encode, kind, to_column
from gateway.sandbox.functions import FUNCTIONS, Term, quote
from gateway.sandbox.hierarchy import lineage
from gateway.sandbox.model import EntitySet, Model, Navigation
from gateway.sandbox.tree import (
    Call,
    Comparison,
    Expression,
    ExpressionError,
    Hierarchy,
    In,
    Lambda,
    Literal,
    Logical,
    Not,
    Path,
    UnknownPropertyError,
)

_OPERATORS = {"eq": "IS", "ne": "IS NOT", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_OPERATOR_KINDS = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
}


@dataclass
class Scope:
    """One row source of a statement: a set under an alias, the joins its paths made, the lambda variables in reach."""

    model: Model
    entity_set: EntitySet
    alias: str
    counter: list[int]
    variables: dict[str, "Scope"] = field(default_factory=dict)
    joins: dict[tuple[str, ...], tuple[str, EntitySet]] = field(default_factory=dict)
    clauses: list[str] = field(default_factory=list)

    @classmethod
    def root(cls, model: Model, set_name: str) -> "Scope":
        return cls(model, model.sets[set_name], "t0", [0])

    @property
    def source(self) -> str:
        """What stands after FROM; complete once everything else is compiled."""
        return " ".join([f"{quote(self.entity_set.name)} AS {self.alias}", *self.clauses])

    def fresh(self) -> str:
        self.counter[0] += 1
        return f"t{self.counter[0]}"

    def walk(self, names: Sequence[str], path: Path) -> tuple[str, EntitySet]:
        """Follow single navigations, joining what is not joined yet."""
        alias, current = self.alias, self.entity_set
        for index, name in enumerate(names):
            navigation = _navigation(current, name, path)
            if navigation.collection:
                raise ExpressionError(f"The path '{'/'.join(path.names)}' passes the collection '{name}'.")
            step = tuple(names[: index + 1])
            if step not in self.joins:
                target, joined = self.model.sets[navigation.target], self.fresh()
                self.clauses.append(f"LEFT JOIN {quote(target.name)} AS {joined} ON {_link(navigation, alias, joined)}")
                self.joins[step] = joined, target
            alias, current = self.joins[step]
        return alias, current

    def resolve(self, path: Path) -> tuple["Scope", tuple[str, ...]]:
        """The scope a path starts in, and what is left of it there."""
        if path.names[0] in self.variables:
            return self.variables[path.names[0]], path.names[1:]
        return self, path.names[1:] if path.names[0] == "$it" else path.names

    def read(self, path: Path) -> Term:
        scope, names = self.resolve(path)
        if not names:
            raise ExpressionError(f"'{path.names[0]}' is a row, not a value.", position=path.position)
        alias, entity_set = scope.walk(names[:-1], path)
        column = entity_set.properties.get(names[-1])
        if column is None:
            raise UnknownPropertyError(names[-1], entity=entity_set.entity, position=path.position)
        return Term(f"{alias}.{quote(column.name)}", (), kind(column.type), column)


def _navigation(entity_set: EntitySet, name: str, path: Path) -> Navigation:
    navigation = entity_set.navigations.get(name)
    if navigation is None:
        raise UnknownPropertyError(name, entity=entity_set.entity, position=path.position)
    return navigation


def _link(navigation: Navigation, source: str, target: str) -> str:
    start, end = f"{source}.{quote(navigation.source_property)}", f"{target}.{quote(navigation.target_property)}"
    through = navigation.through
    if through is None:
        return f"{end} = {start}"
    pairs = f"SELECT {quote(through.target_property)} FROM {quote(through.set_name)}"  # noqa: S608 - names from the model
    return f"{end} IN ({pairs} WHERE {quote(through.source_property)} = {start})"


def condition(scope: Scope, expression: Expression) -> Term:
    """An expression as a condition.

    Raises:
        ExpressionError: an unknown name, an unknown function, or values that cannot be compared.
    """
    match expression:
        case Logical():
            return _logical(scope, expression)
        case Not(operand=operand):
            inner = condition(scope, operand)
            return Term(f"(({inner.sql}) IS NOT 1)", inner.parameters)
        case Comparison():
            return _comparison(scope, expression)
        case In(left=left, values=values):
            return _among(value(scope, left), values)
        case Lambda():
            return _quantified(scope, expression)
        case Hierarchy(key=key):
            start, names = scope.resolve(key)
            return lineage(scope.read(key), start.walk(names[:-1], key)[1], expression)
        case Literal(value=bool() as constant):
            return Term("1" if constant else "0")
        case _:
            term = value(scope, expression)
            if term.kind != "boolean" and not (term.column and term.column.type == "Edm.Boolean"):
                raise ExpressionError("A condition was expected.", position=expression.position)
            return Term(f"({term.sql} IS 1)", term.parameters)


def _logical(scope: Scope, logical: Logical) -> Term:
    operands = _gathered(logical.operands) if logical.op == "or" else logical.operands
    return _balanced([condition(scope, operand) for operand in operands], f" {logical.op.upper()} ")


def _gathered(operands: Sequence[Expression]) -> list[Expression]:
    """Equalities over one path as one `In`; everything else as it is."""
    equal: dict[Path, list[Literal]] = {}
    others: list[Expression] = []
    for operand in operands:
        match operand:
            case Comparison(op="eq", left=Path() as path, right=Literal() as literal) if literal.value is not None:
                equal.setdefault(path, []).append(literal)
            case _:
                others.append(operand)
    return [*(In(path, tuple(values)) for path, values in equal.items()), *others]


def _balanced(terms: Sequence[Term], joint: str) -> Term:
    """The longer side stands first: what waits to its left would fill the shallow stack of SQLite's parser."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    halves = _balanced(terms[:middle], joint), _balanced(terms[middle:], joint)
    left, right = sorted(halves, key=lambda term: -len(term.sql))
    return Term(f"({left.sql}{joint}{right.sql})", left.parameters + right.parameters)


def _comparison(scope: Scope, comparison: Comparison) -> Term:
    left, right = comparison.left, comparison.right
    if isinstance(left, Literal) and not isinstance(right, Literal):
        turned = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}.get(comparison.op, comparison.op)
        return _comparison(scope, Comparison(turned, right, left, position=comparison.position))
    first = value(scope, left)
    second = _bound(first, right, comparison.op) if isinstance(right, Literal) else value(scope, right)
    return _compared(first, comparison.op, second)


def _compared(first: Term, op: str, second: Term) -> Term:
    first, second = _alike(first, second, op)
    operator = _OPERATORS[op]
    if operator == "IS" and second.parameters and second.parameters[0] is not None:
        operator = "="
    return Term(f"{first.comparable} {operator} {second.comparable}", first.parameters + second.parameters)


def _alike(first: Term, second: Term, op: str) -> tuple[Term, Term]:
    """Two terms of kinds that compare; a decimal makes the other number one too."""
    if first.kind == second.kind or {first.kind, second.kind} <= {"integer", "real"}:
        return first, second
    if {first.kind, second.kind} <= {"integer", "real", "number"}:
        return _as_number(first), _as_number(second)
    raise _incompatible(first.type, second.type, op)


def _as_number(term: Term) -> Term:
    return term if term.kind == "number" else Term(f"as_number({term.sql})", term.parameters, "number")


def _incompatible(first: str, second: str, op: str) -> ExpressionError:
    return ExpressionError(
        "A binary operator with incompatible types was detected. "
        f"Found operand types '{first}' and '{second}' for operator kind '{_OPERATOR_KINDS[op]}'."
    )


def _bound(other: Term, literal: Literal, op: str) -> Term:
    """A literal as a parameter, in the form of what it is compared with."""
    if literal.value is None:
        empty = encode(other.column, None) if other.column else None
        return Term("?", (empty,), other.kind)
    if not _fits(other, literal):
        raise _incompatible(other.type, literal.type, op)
    fraction = literal.type == "Edm.Decimal" and other.kind == "integer"
    return _parameter("number" if fraction else other.kind, literal)


def _fits(other: Term, literal: Literal) -> bool:
    if (literal.type == "Edm.Boolean") != (other.type == "Edm.Boolean"):
        return False
    given = kind(literal.type)
    if other.kind == "boolean" or (other.kind, given) == ("moment", "date"):
        return True
    return other.kind == given or {other.kind, given} <= {"integer", "real", "number"}


def _parameter(column_kind: str, literal: Literal) -> Term:
    try:
        stored = to_column("integer" if column_kind == "boolean" else column_kind, literal.value)
    except (ValueError, ArithmeticError) as error:
        raise ExpressionError(f"'{literal.value}' is not valid here.", position=literal.position) from error
    if isinstance(stored, int) and not -(2**63) <= stored < 2**63:
        raise ExpressionError(f"'{literal.value}' is too large.", position=literal.position)
    return Term("?", (stored,), column_kind)


def _among(left: Term, values: Sequence[Literal]) -> Term:
    """One `IN` over a list; nulls and fractions among whole numbers are compared one by one."""
    bound = [_bound(left, literal, "eq") for literal in values]
    plain = [term.parameters[0] for term in bound if term.kind == left.kind and term.parameters[0] is not None]
    element = Term("value", (), left.kind).comparable
    listed = f"(SELECT {element} FROM json_each(?))"  # noqa: S608
    together = Term(f"{left.comparable} IN {listed}", (*left.parameters, json.dumps(plain, ensure_ascii=False)))
    others = [term for term in bound if term.kind != left.kind or term.parameters[0] is None]
    return _balanced([together, *(_compared(left, "eq", term) for term in others)], " OR ")


def _quantified(scope: Scope, quantifier: Lambda) -> Term:
    start, names = scope.resolve(quantifier.collection)
    alias, entity_set = start.walk(names[:-1], quantifier.collection)
    navigation = _navigation(entity_set, names[-1], quantifier.collection)
    if not navigation.collection:
        raise ExpressionError(f"'{names[-1]}' is not a collection.", position=quantifier.position)
    inner = Scope(scope.model, scope.model.sets[navigation.target], scope.fresh(), scope.counter)
    inner.variables = dict(scope.variables)
    if quantifier.variable is not None:
        inner.variables[quantifier.variable] = inner
    link = _link(navigation, alias, inner.alias)
    found = f"SELECT 1 FROM {quote(inner.entity_set.name)} AS {inner.alias}"  # noqa: S608
    if quantifier.predicate is None:
        return Term(f"EXISTS ({found} WHERE {link})")
    predicate = condition(inner, quantifier.predicate)
    found = " ".join([found, *inner.clauses, "WHERE", link, "AND"])
    if quantifier.op == "all":
        return Term(f"NOT EXISTS ({found} ({predicate.sql}) IS NOT 1)", predicate.parameters)
    return Term(f"EXISTS ({found} {predicate.sql})", predicate.parameters)


def value(scope: Scope, expression: Expression) -> Term:
    """An expression as a value."""
    match expression:
        case Path():
            return scope.read(expression)
        case Literal():
            return _free(expression)
        case Call(name=name, arguments=arguments):
            if name not in FUNCTIONS:
                raise ExpressionError(
                    f"An unknown function with name '{name}' was found.", position=expression.position
                )
            (fewest, most), build = FUNCTIONS[name]
            if expression.named or not fewest <= len(arguments) <= most:
                raise ExpressionError(f"Wrong arguments for the function '{name}'.", position=expression.position)
            return build(name, [value(scope, argument) for argument in arguments])
        case _:
            return condition(scope, expression)


def _free(literal: Literal) -> Term:
    """A literal that is not compared with a property directly."""
    if literal.type == "Edm.Boolean":
        return Term("?", (int(bool(literal.value)),), "boolean")
    if literal.value is None:
        return Term("?", (None,), "text")
    return _parameter(kind(literal.type), literal)
