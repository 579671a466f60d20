"""How deeply a query may be nested: what is read ahead, and what it costs, grows with every level.

Strawberry's own limiter follows fragments again for every place they are spread at, so that a few lines of fragments in
fragments keep it busy for ever; here every fragment is measured once.
"""

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


class DepthRule(ValidationRule):
    """Refuses operations that are nested more deeply; introspection is not counted."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._level = 0
        self._deepest = 0
        self._spreads: list[tuple[str, int]] = []
        self._measured: dict[str, tuple[int, list[tuple[str, int]]]] = {}
        self._operations: list[tuple[OperationDefinitionNode, int, list[tuple[str, int]]]] = []

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        if node.name.value.startswith("__"):
            return SKIP
        self._level += 1
        self._deepest = max(self._deepest, self._level)
        return None

    def leave_field(self, *_: Any) -> None:
        self._level -= 1

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self._spreads.append((node.name.value, self._level))

    def enter_operation_definition(self, *_: Any) -> None:
        self._level, self._deepest, self._spreads = 0, 0, []

    enter_fragment_definition = enter_operation_definition

    def leave_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self._measured[node.name.value] = self._deepest, self._spreads

    def leave_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        self._operations.append((node, self._deepest, self._spreads))

    def leave_document(self, *_: Any) -> None:
        known: dict[str, int] = {}
        for node, deepest, spreads in self._operations:
            levels = max([deepest, *(level + self._depth(name, known) for name, level in spreads)])
            if levels > MOST_LEVELS:
                message = f"The query is nested {levels} levels deep; at most {MOST_LEVELS} are answered."
                self.report_error(GraphQLError(message, node))

    def _depth(self, name: str, known: dict[str, int], chained: int = 1) -> int:
        """Of a fragment; one in another counts as a level at least. One that spreads itself is another rule's to refuse."""
        if chained > MOST_LEVELS:
            return chained
        if name not in known:
            known[name] = 0
            deepest, spreads = self._measured.get(name, (0, []))
            inner = (level + self._depth(spread, known, chained + 1) for spread, level in spreads)
            known[name] = max(deepest, *inner, 0)
        return known[name]
