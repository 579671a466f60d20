"""The executor: asks of every field of a selection who may see it, once, whatever the number of rows.

A denied field is null with ``FORBIDDEN`` at its own path, and its resolver is not called; where it promises a value, the null
goes up to the next field that does not, as GraphQL has it. The same place of the answer is told once. ``schema.selection``
leaves denied fields out of what is read, so that nothing is fetched for them.

Source: GraphQL specification, 6.4.4 Handling Execution Errors.
"""

from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLObjectType, VariableNode, is_introspection_type, is_non_null_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.errors import ForbiddenError
from schema.access import allows
from schema.context import Context
from schema.rules import FREE, argument_rule, denial, rule_of

_INTROSPECTION = frozenset({"__schema", "__type"})


class Guard(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, with the roles of the caller in ``context_value``."""

    context_value: Context

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._denied: dict[int, ForbiddenError] = {}
        """By the identity of a field's details, of which there is one for each place of the answer."""
        self._told: set[ForbiddenError] = set()
        self._checked: set[int] = set()

    @classmethod
    def build(  # type: ignore[override]  # as graphql-core calls it
        cls, schema: Any, document: Any, root_value: Any, context_value: Context, *args: Any, **how: Any
    ) -> Any:
        """Whoever may not ask for the schema is not told of its names by suggestions either."""
        hidden = not context_value.may_introspect
        return super().build(schema, document, root_value, context_value, *args, **{**how, "hide_suggestions": hidden})

    def build_per_event_executor(self, payload: Any) -> Any:
        """graphql-core copies the executor, and collects the root of each event anew: what hangs on that goes with the event,
        so that a long subscription holds no more than a short one, and no id is met again that meant something else.
        """
        executor: Any = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        executor._denied, executor._told, executor._checked = {}, set(), set()
        return executor

    def execute_collected_root_fields(
        self, root_type: GraphQLObjectType, root_value: Any, grouped_field_set: Any, *args: Any
    ) -> Any:
        """Raises: GraphQLError: it asks for the schema, and may not; nothing of the operation was carried out."""
        self._check_introspection(grouped_field_set)
        self._check(root_type, grouped_field_set)
        return super().execute_collected_root_fields(root_type, root_value, grouped_field_set, *args)

    def collect_subfields(self, return_type: GraphQLObjectType, field_details_list: Any) -> Any:
        """Kept by graphql-core for all rows of a place; each is looked at before its first row, and until that went well."""
        collected = super().collect_subfields(return_type, field_details_list)
        if id(collected) not in self._checked:
            self._check(return_type, collected.grouped_field_set)
            self._checked.add(id(collected))
        return collected

    def execute_field(
        self, parent_type: GraphQLObjectType, source: Any, field_details_list: Any, path: Any, position_context: Any
    ) -> Any:
        denied = self._denied.get(id(field_details_list)) if self._denied else None
        if denied is None:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        promised = parent_type.fields[field_details_list[0].node.name.value].type
        self.handle_field_error(denied, promised, field_details_list, path)
        return None

    def handle_field_error(self, raw_error: Exception, return_type: Any, field_details_list: Any, path: Any) -> None:
        """A denial is told where the null ends up, the first time."""
        denied = raw_error.original_error if isinstance(raw_error, GraphQLError) else raw_error
        if isinstance(denied, ForbiddenError) and denied in self._denied.values() and self._ends(return_type):
            if denied in self._told:
                return
            self._told.add(denied)
        super().handle_field_error(raw_error, return_type, field_details_list, path)

    def _ends(self, return_type: Any) -> bool:
        """Whether a null stays at a field of this type."""
        return not (self.error_propagation and is_non_null_type(return_type))

    def _check(self, parent: GraphQLObjectType, grouped_field_set: Any) -> None:
        if is_introspection_type(parent):
            return  # settled at the root
        for details in grouped_field_set.values():
            node: FieldNode = details[0].node
            name = node.name.value
            if name in FREE:
                continue
            refused = self._refusal(parent, name, node)
            if refused is not None:
                self._denied[id(details)] = refused

    def _refusal(self, parent: GraphQLObjectType, name: str, node: FieldNode) -> ForbiddenError | None:
        roles = self.context_value.caller.roles
        access = rule_of(parent, name)
        if not allows(access, roles):
            return denial(access, f"{parent.name}.{name}")
        for given in node.arguments or ():
            access = argument_rule(parent, name, given.name.value)
            if not allows(access, roles) and self._is_given(given.value):
                return denial(access, f"{parent.name}.{name}({given.name.value})")
        return None

    def _is_given(self, value: Any) -> bool:
        """A variable that the request leaves out is no argument."""
        return not isinstance(value, VariableNode) or value.name.value in self.variable_values.coerced

    def _check_introspection(self, grouped_field_set: Any) -> None:
        for details in grouped_field_set.values():
            if details[0].node.name.value in _INTROSPECTION and not self.context_value.may_introspect:
                error = ForbiddenError("Introspection is not open to you.")
                raise GraphQLError(error.message, original_error=error)
