"""The syntax tree of `$filter`, `$orderby` and `$expand`: plain data, equal when it means the same.

Every node keeps the `position` of its first character for messages; positions take no part in equality.

Source: OASIS, OData Version 4.01 Part 2: URL Conventions, chapter 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Scalar = str | int | bool | Decimal | None


class ExpressionError(ValueError):
    """A query option that cannot be read, or that asks for something its set does not have."""

    def __init__(self, message: str, *, position: int = 0) -> None:
        super().__init__(message)
        self.position = position


class UnknownPropertyError(ExpressionError):
    """A name that is no property of the entity it was looked up on."""

    def __init__(self, name: str, *, entity: str, position: int = 0) -> None:
        super().__init__(f"Could not find a property named '{name}' on type '{entity}'.", position=position)
        self.name = name
        self.entity = entity


@dataclass(frozen=True, slots=True)
class Node:
    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant. `type` is an Edm type, "null", or the type name before an enumeration literal.

    GUIDs are lower-case text, dates and date-times ISO text as written.
    """

    value: Scalar
    type: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A property, by way of navigations: `("customer", "number")`. Inside a lambda it may start with the variable."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`op` is one of eq, ne, gt, ge, lt, le."""

    op: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class In(Node):
    left: "Expression"
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """`op` is "and" or "or", over two or more operands, never directly over its own kind."""

    op: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`contains(name,'x')`, or with named arguments `CRM.In(PropertyName='a',PropertyValues=['b'])`."""

    name: str
    arguments: tuple["Expression", ...] = ()
    named: Mapping[str, "Literal | tuple[Literal, ...]"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lambda(Node):
    """`lines/any(l:l/quantity gt 5)`; `any()` has neither variable nor predicate."""

    op: str
    collection: Path
    variable: str | None = None
    predicate: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Hierarchy(Node):
    """Whether `key`, the key of a row, is below that with the key `start`, `upwards` above it, or `itself`.

    `parent` is the property that leads to the row above. No text is read into it; simulators build it.
    """

    key: Path
    start: str
    parent: str
    upwards: bool = False
    itself: bool = False


Expression = Literal | Path | Comparison | In | Logical | Not | Call | Lambda | Hierarchy


@dataclass(frozen=True, slots=True)
class OrderItem(Node):
    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ExpandItem(Node):
    """One navigation of `$expand` with the options in its parentheses; an option left out is empty or None."""

    navigation: str
    select: tuple[str, ...] = ()
    filter: Expression | None = None
    orderby: tuple[OrderItem, ...] = ()
    top: int | None = None
    skip: int | None = None
    count: bool = False
    expand: tuple["ExpandItem", ...] = ()
