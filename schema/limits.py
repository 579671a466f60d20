"""How deeply a query may be nested and how many fields it may have: what reading ahead and answering cost grows with both.

Strawberry's own limiter follows fragments again for every place they are spread at, so that a few lines of fragments in
fragments keep it busy for ever; here every fragment is measured once.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    SKIP,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    ValidationContext,
    ValidationRule,
)

MOST_LEVELS: Final = 20
MOST_FIELDS: Final = 5_000
"""Of one operation, fragments counted wherever they are spread."""


@dataclass(slots=True)
class _Size:
    """Of an operation or a fragment by itself; ``spreads`` are fragments, and the level they are spread at."""

    levels: int = 0
    fields: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)


class SizeRule(ValidationRule):
    """Refuses operations that are larger; introspection is not counted."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._level = 0
        self._size = _Size()
        self._fragments: dict[str, _Size] = {}
        self._operations: list[tuple[OperationDefinitionNode, _Size]] = []

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        if node.name.value.startswith("__"):
            return SKIP
        self._level += 1
        self._size.levels = max(self._size.levels, self._level)
        self._size.fields += 1
        return None

    def leave_field(self, *_: Any) -> None:
        self._level -= 1

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self._size.spreads.append((node.name.value, self._level))

    def enter_operation_definition(self, *_: Any) -> None:
        self._level, self._size = 0, _Size()

    enter_fragment_definition = enter_operation_definition

    def leave_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self._fragments[node.name.value] = self._size

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        self._operations.append((node, self._size))

    def leave_document(self, *_: Any) -> None:
        known: dict[str, tuple[int, int]] = {}
        for node, size in self._operations:
            levels, fields = self._total(size, known, 0)
            if levels > MOST_LEVELS:
                message = f"The query is nested {levels} levels deep; at most {MOST_LEVELS} are answered."
                self.report_error(GraphQLError(message, node))
            elif fields > MOST_FIELDS:
                message = f"The query has more than {MOST_FIELDS:,} fields, fragments counted wherever they are spread."
                self.report_error(GraphQLError(message, node))

    def _total(self, size: _Size, known: dict[str, tuple[int, int]], chained: int) -> tuple[int, int]:
        """Levels and fields with those of fragments; a fragment in another counts as a level at least."""
        levels, fields = size.levels, size.fields
        if chained > MOST_LEVELS:
            return chained, fields
        for name, level in size.spreads:
            if name not in known:
                known[name] = 0, 0  # one that spreads itself is another rule's to refuse
                known[name] = self._total(self._fragments.get(name, _Size()), known, chained + 1)
            levels = max(levels, level + known[name][0])
            fields = min(fields + known[name][1], MOST_FIELDS + 1)
        return levels, fields
