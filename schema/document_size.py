"""How large a document is: what reading, checking and answering it costs grows with these numbers. Pure.

Every definition is walked once, and what a fragment adds where it is spread is added up once for each fragment, so that a few
lines of fragments in fragments cost no more to measure than they are long.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

_ENDLESS = 1_000_000
"""What doubling fragments come to is not counted further than this."""

_CHAIN = 200
"""Fragments in fragments are followed so far; from there on each counts as a level."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of the largest operation of a document; ``fields`` and ``root_fields`` are counted wherever their fragments are spread.

    ``aliases`` and ``directives`` are those written in the document. ``comparisons`` are pairs in one selection set that
    validation holds against each other: fields under the same name, and fragments. ``listed`` is the longest list of literals.
    """

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    comparisons: int = 0
    listed: int = 0


@dataclass(slots=True)
class _Part:
    """Of an operation or a fragment by itself; ``spreads`` are fragments, and the level they are spread at."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    comparisons: int = 0
    listed: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Total:
    depth: int = 0
    fields: int = 0
    root_fields: int = 0


def measure(document: DocumentNode) -> Size:
    """The size of a document that was parsed and not yet validated."""
    fragments: dict[str, _Part] = {}
    operations: list[_Part] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = _walked(definition)
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(_walked(definition))
    known: dict[str, _Total] = {}
    totals = [_total(part, fragments, known, 0) for part in operations]
    parts = [*operations, *fragments.values()]
    return Size(
        depth=max((total.depth for total in totals), default=0),
        fields=max((total.fields for total in totals), default=0),
        root_fields=max((total.root_fields for total in totals), default=0),
        aliases=sum(part.aliases for part in parts),
        directives=sum(part.directives for part in parts),
        comparisons=sum(part.comparisons for part in parts),
        listed=max((part.listed for part in parts), default=0),
    )


def _walked(definition: OperationDefinitionNode | FragmentDefinitionNode) -> _Part:
    part = _Part(directives=len(definition.directives or ()))
    for variable in definition.variable_definitions or ():
        part.directives += len(variable.directives or ())
        if variable.default_value is not None:
            part.listed = max(part.listed, _longest(variable.default_value))
    of_introspection = (
        isinstance(definition, FragmentDefinitionNode) and definition.type_condition.name.value[:2] == "__"
    )
    _walk(definition.selection_set, 0, part, hidden=of_introspection)
    return part


def _walk(selections: SelectionSetNode, level: int, part: _Part, *, hidden: bool) -> None:
    """``hidden`` below ``__schema`` and ``__type``: graphql-core bounds how deep those are asked."""
    names, spreads = Counter[str](), 0
    for node in _flat(selections, part):
        part.directives += len(node.directives or ())
        if isinstance(node, FragmentSpreadNode):
            spreads += 1
            part.spreads.append((node.name.value, level))
            continue
        part.fields += 1
        part.root_fields += level == 0
        part.aliases += node.alias is not None
        for argument in node.arguments or ():
            part.listed = max(part.listed, _longest(argument.value))
        names[node.alias.value if node.alias else node.name.value] += 1
        below = hidden or node.name.value.startswith("__")
        if not below:
            part.depth = max(part.depth, level + 1)
        if node.selection_set is not None:
            _walk(node.selection_set, level + 1, part, hidden=below)
    part.comparisons += _pairs(spreads) + sum(map(_pairs, names.values()))


def _longest(value: ValueNode) -> int:
    """The longest list in a literal."""
    longest, waiting = 0, [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ListValueNode):
            longest = max(longest, len(node.values))
            waiting.extend(node.values)
        elif isinstance(node, ObjectValueNode):
            waiting.extend(each.value for each in node.fields)
    return longest


def _flat(selections: SelectionSetNode, part: _Part) -> Iterable[FieldNode | FragmentSpreadNode]:
    """The selections, with those of inline fragments in their place."""
    waiting = [selections]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, InlineFragmentNode):
                part.directives += len(node.directives or ())
                waiting.append(node.selection_set)
            elif isinstance(node, FieldNode | FragmentSpreadNode):
                yield node


def _total(part: _Part, fragments: Mapping[str, _Part], known: dict[str, _Total], chained: int) -> _Total:
    """With what its fragments add."""
    depth, fields, root_fields = part.depth, part.fields, part.root_fields
    if chained >= _CHAIN:
        return _Total(chained, fields, root_fields)
    for name, level in part.spreads:
        if name not in known:
            known[name] = _Total()  # one that spreads itself is another rule's to refuse
            known[name] = _total(fragments.get(name, _Part()), fragments, known, chained + 1)
        inside = known[name]
        depth = max(depth, level + inside.depth if inside.depth else 0)
        fields = min(fields + inside.fields, _ENDLESS)
        root_fields = min(root_fields + (inside.root_fields if level == 0 else 0), _ENDLESS)
    return _Total(depth, fields, root_fields)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
