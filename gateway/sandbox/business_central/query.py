"""Query options of a read, checked against what this service supports, with every name in its declared case.

* `or` joins conditions over one and the same field only; `in` and nested functions need `$schemaversion=2.1`.
* `not`, paths through navigations and functions beyond the documented list are refused; `any` and `all` are ignored.
* An enumeration is compared with a quoted string, its wire name or its caption.
* Columns that page code computes can be neither filtered nor sorted; `$apply` and `$search` are not supported.

Source: Business Central, "Using Filter Expressions in OData URIs", "OData Query Options".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.address import find_navigation, find_property
from gateway.sandbox.expression import (
    Call,
    Comparison,
    ExpandItem,
    Expression,
    In,
    Lambda,
    Literal,
    Logical,
    Not,
    OrderItem,
    Path,
    parse_expand,
    parse_filter,
    parse_orderby,
    parse_select,
)
from gateway.sandbox.model import EntitySet, Model, Property

_FUNCTIONS = frozenset(
    {"startswith", "endswith", "contains", "substring", "indexof", "tolower", "toupper"}
    | {"trim", "replace", "concat", "round", "floor", "ceiling"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """Options of one set. An empty `select` means every property; `skip_token` is the key of the last row seen.

    `given` holds conditions on properties that only filter: what to compute for, not which rows to show.
    """

    select: tuple[str, ...] = ()
    where: Expression | None = None
    given: tuple[Expression, ...] = ()
    order: tuple[OrderItem, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: tuple[ExpandItem, ...] = ()
    skip_token: str | None = None


def options(text: str) -> dict[str, str]:
    """The options of a query string, system options in lower case."""
    return {
        name.lower() if name.startswith("$") else name: value for name, value in parse_qsl(text, keep_blank_values=True)
    }


def parse(given: dict[str, str], entity_set: EntitySet, model: Model) -> Query:
    """Read the options for rows of one set.

    Raises:
        RefusedError: a name the set does not have, or an operator the service does not support.
        ExpressionError: a text that cannot be read.
    """
    for name in ("$apply", "$search"):
        if name in given:
            raise errors.not_implemented(f"The query option '{name}' is not supported.")
    reader = _Checker(model, nested_functions=given.get("$schemaversion") == "2.1")
    where = reader.filter(parse_filter(given["$filter"]), entity_set) if given.get("$filter") else None
    inputs, where = _apart(where, entity_set)
    return Query(
        select=reader.select(parse_select(given["$select"]), entity_set) if given.get("$select") else (),
        where=where,
        given=inputs,
        order=reader.order(parse_orderby(given["$orderby"]), entity_set) if given.get("$orderby") else (),
        top=_whole(given, "$top"),
        skip=_whole(given, "$skip") or 0,
        count=given.get("$count", "false").lower() == "true",
        expand=reader.expand(parse_expand(given["$expand"]), entity_set) if given.get("$expand") else (),
        skip_token=given.get("$skiptoken"),
    )


def conjuncts(where: Expression | None) -> tuple[Expression, ...]:
    """What must hold all at once."""
    match where:
        case None:
            return ()
        case Logical(op="and", operands=operands):
            return operands
        case _:
            return (where,)


def _apart(where: Expression | None, entity_set: EntitySet) -> tuple[tuple[Expression, ...], Expression | None]:
    """Conditions on properties that only filter, and the others."""
    inputs = {name.lower() for name, column in entity_set.properties.items() if column.extra.get("filterOnly")}
    if not inputs:
        return (), where
    given = [one for one in conjuncts(where) if inputs & set(fields(one))]
    others = [one for one in conjuncts(where) if one not in given]
    return tuple(given), Logical("and", tuple(others)) if len(others) > 1 else next(iter(others), None)


def default_order(entity_set: EntitySet) -> tuple[OrderItem, ...]:
    """The order of a set nobody asked an order of: its table's primary key."""
    names = entity_set.extra.get("order", [])
    return tuple(OrderItem(Path((str(name),))) for name in names) if isinstance(names, list) else ()


def _whole(given: dict[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise errors.bad_request(f"Invalid value '{text}' for {name} query option found.")
    return int(text)


@dataclass(frozen=True, slots=True)
class _Checker:
    model: Model
    nested_functions: bool

    def select(self, names: Sequence[str], entity_set: EntitySet) -> tuple[str, ...]:
        if "*" in names:
            return ()
        columns = [self._property(name, entity_set) for name in names]
        for column in columns:
            if column.extra.get("filterOnly"):
                raise errors.bad_request(f"The property '{column.name}' can only be used in the $filter query option.")
        return tuple(column.name for column in columns)

    def order(self, items: Sequence[OrderItem], entity_set: EntitySet) -> tuple[OrderItem, ...]:
        return tuple(OrderItem(self._path(item.path, entity_set, "$orderby")[0], item.descending) for item in items)

    def expand(self, items: Sequence[ExpandItem], entity_set: EntitySet) -> tuple[ExpandItem, ...]:
        return tuple(self._expand(item, entity_set) for item in items)

    def _expand(self, item: ExpandItem, entity_set: EntitySet) -> ExpandItem:
        navigation = find_navigation(entity_set, item.navigation)
        if navigation is None:
            raise errors.unknown_query_property(item.navigation, entity=entity_set.entity)
        target = self.model.sets[navigation.target]
        return ExpandItem(
            navigation=navigation.name,
            select=self.select(item.select, target),
            filter=self.filter(item.filter, target) if item.filter else None,
            orderby=self.order(item.orderby, target),
            top=item.top,
            skip=item.skip,
            count=item.count,
            expand=self.expand(item.expand, target),
        )

    def filter(self, expression: Expression, entity_set: EntitySet) -> Expression:
        match expression:
            case Logical(op=op, operands=operands):
                if op == "or" and len(set(fields(expression))) > 1:
                    raise errors.not_implemented(
                        "The 'OR' operator is not supported on distinct fields on an OData filter."
                    )
                return Logical(op, tuple(self.filter(operand, entity_set) for operand in operands))
            case Not():
                raise errors.not_implemented("The 'NOT' operator is not supported on an OData filter.")
            case Lambda():
                return Literal(True, "Edm.Boolean")
            case Literal():
                raise errors.not_implemented("A constant is not supported as an OData filter.")
            case In():
                return self._among(expression, entity_set)
            case Comparison(op=op, left=left, right=right):
                return self._comparison(op, left, right, entity_set)
            case _:
                return self._value(expression, entity_set)[0]

    def _among(self, expression: In, entity_set: EntitySet) -> In:
        if not self.nested_functions:
            raise errors.not_implemented("The 'IN' operator is not supported on an OData filter.")
        left, column = self._value(expression.left, entity_set)
        return In(left, tuple(_constant(value, column) for value in expression.values))

    def _comparison(self, op: str, left: Expression, right: Expression, entity_set: EntitySet) -> Comparison:
        first, first_column = self._value(left, entity_set)
        second, second_column = self._value(right, entity_set)
        if isinstance(first, Literal):
            first = _constant(first, second_column)
        if isinstance(second, Literal):
            second = _constant(second, first_column)
        return Comparison(op, first, second)

    def _value(
        self, expression: Expression, entity_set: EntitySet, depth: int = 0
    ) -> tuple[Expression, Property | None]:
        match expression:
            case Path():
                return self._path(expression, entity_set, "$filter")
            case Literal():
                return expression, None
            case Call(name=name, arguments=arguments) if name in _FUNCTIONS:
                if depth and not self.nested_functions:
                    raise errors.not_implemented("Nested functions are not supported on an OData filter.")
                return Call(name, tuple(self._value(a, entity_set, depth + 1)[0] for a in arguments)), None
            case Call(name=name):
                raise errors.not_implemented(f"The function '{name}' is not supported on an OData filter.")
            case _:
                raise errors.not_implemented("This condition is not supported on an OData filter.")

    def _path(self, path: Path, entity_set: EntitySet, option: str) -> tuple[Path, Property]:
        if len(path.names) > 1:
            raise errors.not_implemented(f"Paths are not supported in the {option} query option.")
        column = self._property(path.names[0], entity_set)
        if column.computed or (column.extra.get("filterOnly") and option != "$filter"):
            raise errors.bad_request(f"The property '{column.name}' cannot be used in the {option} query option.")
        return Path((column.name,)), column

    def _property(self, name: str, entity_set: EntitySet) -> Property:
        column = find_property(entity_set, name)
        if column is None:
            raise errors.unknown_query_property(name, entity=entity_set.entity)
        return column


def _constant(literal: Literal, column: Property | None) -> Literal:
    if column is None or column.options is None or literal.value is None:
        return literal
    return Literal(member(str(literal.value), column), "Edm.String")


def member(text: str, column: Property) -> str:
    """The wire name of an option given by wire name or caption.

    Raises:
        RefusedError: no such option.
    """
    options = column.options or {}
    for name, caption in options.items():
        if text.lower() in (name.lower(), caption.lower()):
            return name
    raise errors.unknown_option(text, options)


def fields(expression: Expression) -> Iterator[str]:
    """The names of the properties in a condition, in lower case."""
    match expression:
        case Path(names=names):
            yield "/".join(names).lower()
        case Logical(operands=children) | Call(arguments=children):
            for child in children:
                yield from fields(child)
        case Comparison(left=left, right=right):
            yield from fields(left)
            yield from fields(right)
        case In(left=inner) | Not(operand=inner):
            yield from fields(inner)
        case _:
            return
