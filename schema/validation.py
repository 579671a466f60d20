"""What is wrong with a document, told to those who may not ask for the schema: without its names.

What was found is kept by document and shared between callers, but its messages suggest names ("Did you mean …"). It is
therefore kept in two kinds, and a caller gets the one that fits. Who may ask for the schema is decided on execution: see
``schema.guard``.
"""

from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSchema, validate
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

_SUGGESTION = " Did you mean "


def discreet_problems(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    """As Strawberry validates, without suggestions."""
    everything = (*rules, MaybeNullValidationRule, OneOfInputValidationRule)
    errors = validate(schema, document, everything, hide_suggestions=True)
    for error in errors:  # one rule of graphql-core suggests whatever it is told
        error.message = error.message.partition(_SUGGESTION)[0]
    return errors
