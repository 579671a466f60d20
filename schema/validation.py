"""Validation, with its verdicts kept by document, as Strawberry's ``ValidationCache`` does.

A verdict is shared between callers, so nothing in it may depend on who asks; but its messages suggest names of the schema
("Did you mean …"). It is therefore made in two kinds, and a caller gets the one that fits. Who may introspect is decided on
execution: see ``schema.guard``.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSchema, validate
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

CACHED_DOCUMENTS = 500

_SUGGESTION = " Did you mean "


@lru_cache(maxsize=CACHED_DOCUMENTS)
def _verdict(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...], hide_suggestions: bool
) -> list[GraphQLError]:
    everything = (*rules, MaybeNullValidationRule, OneOfInputValidationRule)
    errors = validate(schema, document, everything, hide_suggestions=hide_suggestions)
    if hide_suggestions:
        for error in errors:  # one rule of graphql-core suggests whatever it is told
            error.message = error.message.partition(_SUGGESTION)[0]
    return errors


class Validation(SchemaExtension):
    """Validates each document once for those who may introspect, and once for the others."""

    def on_validate(self) -> Iterator[None]:
        execution: Any = self.execution_context
        hidden = not execution.context.may_introspect
        execution.pre_execution_errors = _verdict(
            execution.schema._schema, execution.graphql_document, execution.validation_rules, hidden
        )
        yield
