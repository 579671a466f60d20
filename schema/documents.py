"""Documents parsed, measured and validated: each text once for an application."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from graphql import DocumentNode, GraphQLError, GraphQLSchema, recommended_rules, specified_rules
from strawberry.schema.schema import validate_document

from gateway.errors import QueryTooLargeError
from schema.limits import Limits, read_document
from schema.validation import discreet_problems

_MOST_DOCUMENTS: Final = 500
_MOST_CHARACTERS: Final = 1_000_000
"""Of all documents kept: a parsed one takes some hundred times the room of its text."""

_RULES = (*recommended_rules, *specified_rules)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document within the limits, and what is wrong with it otherwise; ``discreet`` is the same without names of the schema."""

    document: DocumentNode
    problems: list[GraphQLError]
    discreet: list[GraphQLError]


class PreparedDocuments:
    """Those of one application, whose limits are its own. The one unused for longest makes room."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self._characters = 0

    def prepare(self, text: str, schema: GraphQLSchema) -> Prepared:
        """
        Raises:
            QueryTooLargeError: it passes a limit.
            GraphQLSyntaxError: it is no GraphQL.
        """
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        document = read_document(text, self.limits)
        problems = validate_document(schema, document, _RULES)
        prepared = Prepared(document, problems, discreet_problems(schema, document, _RULES) if problems else [])
        self._keep(text, prepared)
        return prepared

    def problem(self, text: str, schema: GraphQLSchema) -> str | None:
        """Why a document cannot be carried out; None when it can."""
        try:
            problems = self.prepare(text, schema).problems
        except (QueryTooLargeError, GraphQLError) as error:
            return error.message
        return "; ".join(each.message for each in problems) or None

    def _keep(self, text: str, prepared: Prepared) -> None:
        self._kept[text] = prepared
        self._characters += len(text)
        while len(self._kept) > _MOST_DOCUMENTS or self._characters > _MOST_CHARACTERS:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)
