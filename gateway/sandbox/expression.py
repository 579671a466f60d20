"""Text of `$filter`, `$orderby`, `$select` and `$expand` to a syntax tree: the one door to the parser.

`tree` holds the nodes, all of which can be imported from here, and `grammar` reads conditions.

Source: OASIS, OData Version 4.01 Part 2: URL Conventions, chapter 5.
"""

from collections.abc import Mapping

from gateway.sandbox.grammar import MAX_DEPTH, Reader
from gateway.sandbox.tree import (
    Call,
    Comparison,
    ExpandItem,
    Expression,
    ExpressionError,
    Hierarchy,
    In,
    Lambda,
    Literal,
    Logical,
    Node,
    Not,
    OrderItem,
    Path,
    Scalar,
    UnknownPropertyError,
)

__all__ = [
    "Call",
    "Comparison",
    "ExpandItem",
    "Expression",
    "ExpressionError",
    "Hierarchy",
    "In",
    "Lambda",
    "Literal",
    "Logical",
    "Node",
    "Not",
    "OrderItem",
    "Path",
    "Scalar",
    "UnknownPropertyError",
    "parse_expand",
    "parse_filter",
    "parse_orderby",
    "parse_select",
    "split",
]

_EXPAND_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand"})


def parse_filter(text: str, *, aliases: Mapping[str, str] | None = None) -> Expression:
    """Read a `$filter`. `aliases` holds the texts of parameter aliases by name (`{"@n": "'C00210'"}`).

    Raises:
        ExpressionError: the text is no expression, or nests deeper than `MAX_DEPTH`.
    """
    reader = Reader(text, aliases or {})
    expression = reader.either()
    reader.expect("end")
    return expression


def parse_orderby(text: str) -> tuple[OrderItem, ...]:
    """Read `$orderby`: `name desc,customer/number`."""
    reader = Reader(text, {})
    items = [reader.order_item()]
    while reader.accept(","):
        items.append(reader.order_item())
    reader.expect("end")
    return tuple(items)


def parse_select(text: str) -> tuple[str, ...]:
    """Read `$select`: names as written, blanks around them dropped."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ExpressionError(f"Syntax error: empty name in $select '{text}'.")
    return names


def parse_expand(text: str, *, aliases: Mapping[str, str] | None = None, depth: int = 0) -> tuple[ExpandItem, ...]:
    """Read `$expand`: `salesOrderLines($select=quantity;$expand=item),customer`."""
    if depth > MAX_DEPTH:
        raise ExpressionError("The $expand option is nested too deeply.")
    return tuple(_expand_item(item.strip(), aliases or {}, depth=depth) for item in split(text, ","))


def split(text: str, separator: str) -> list[str]:
    """Cut at every `separator` that stands outside quotes and parentheses."""
    parts, start, depth, quoted = [], 0, 0, False
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
        if depth < 0:
            break
    if quoted or depth:
        raise ExpressionError(f"Syntax error: unbalanced quotes or parentheses in '{text}'.")
    return [*parts, text[start:]]


def _expand_item(text: str, aliases: Mapping[str, str], *, depth: int) -> ExpandItem:
    name, bracket, rest = text.partition("(")
    name = name.strip()
    if not name or (bracket and not rest.endswith(")")):
        raise ExpressionError(f"Syntax error in $expand at '{text}'.")
    options: dict[str, str] = {}
    for option in split(rest[:-1], ";") if bracket else []:
        key, equals, value = option.strip().partition("=")
        if not equals or key not in _EXPAND_OPTIONS or key in options:
            raise ExpressionError(f"Syntax error in $expand: the option '{option.strip()}' is not supported here.")
        options[key] = value.strip()
    return ExpandItem(
        navigation=name,
        select=parse_select(options["$select"]) if "$select" in options else (),
        filter=parse_filter(options["$filter"], aliases=aliases) if "$filter" in options else None,
        orderby=parse_orderby(options["$orderby"]) if "$orderby" in options else (),
        top=_whole(options.get("$top")),
        skip=_whole(options.get("$skip")),
        count=options.get("$count") == "true",
        expand=parse_expand(options["$expand"], aliases=aliases, depth=depth + 1) if "$expand" in options else (),
    )


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ExpressionError(f"'{text}' is not a non-negative whole number.")
    return int(text)
