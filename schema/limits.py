"""How large a document may be. One that is larger is refused before it is validated: validating costs more than measuring."""

from dataclasses import dataclass
from typing import Final

from graphql import DocumentNode, GraphQLSyntaxError
from graphql.language.parser import Parser

from gateway.errors import QueryTooLargeError
from schema.document_size import Size, measure
from schema.variables import check_length

_MOST_COMPARISONS: Final = 5_000
"""A hundred times the same field in one selection set, or a hundred fragments: some tenths of a second of validation."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one document; each is a setting, ``GATEWAY_MAX_…``."""

    depth: int = 20
    fields: int = 5_000
    root_fields: int = 50
    aliases: int = 100
    directives: int = 100
    list_values: int = 1_000
    tokens: int = 5_000
    characters: int = 100_000

    def check(self, size: Size) -> None:
        """Raises: QueryTooLargeError: the first limit that it passes."""
        for measured, value, most, sentence in (
            ("depth", size.depth, self.depth, "The query is nested {} levels deep; at most {} are answered."),
            (
                "fields",
                size.fields,
                self.fields,
                "The query has {} fields, fragments counted wherever they are spread; at most {} are answered.",
            ),
            (
                "rootFields",
                size.root_fields,
                self.root_fields,
                "The query has {} root fields; at most {} are answered.",
            ),
            ("aliases", size.aliases, self.aliases, "The query has {} aliases; at most {} are answered."),
            ("directives", size.directives, self.directives, "The query has {} directives; at most {} are read."),
            (
                "comparisons",
                size.comparisons,
                _MOST_COMPARISONS,
                "The query selects the same fields and fragments side by side too often: {} comparisons; at most {} are made.",
            ),
        ):
            if value > most:
                raise QueryTooLargeError(sentence.format(value, most), measure=measured, value=value, limit=most)
        check_length(size.listed, self.list_values)


def read_document(text: str, limits: Limits) -> DocumentNode:
    """The document, parsed and measured. No more of it is read than may be.

    Raises:
        QueryTooLargeError: it passes a limit.
        GraphQLSyntaxError: it is no GraphQL, or literals are nested as deep as no query has them.
    """
    if len(text) > limits.characters:
        message = (
            f"The query is {len(text)} characters long; at most {limits.characters} are read. Send values as variables."
        )
        raise QueryTooLargeError(message, measure="characters", value=len(text), limit=limits.characters)
    document = _parsed(text, limits.tokens)
    limits.check(measure(document))
    return document


def _parsed(text: str, most_tokens: int) -> DocumentNode:
    parser = Parser(text, max_lexical_tokens=most_tokens, max_comments=most_tokens)
    try:
        return parser.parse_document()
    except GraphQLSyntaxError:
        if parser.token_count <= most_tokens:
            raise
    except RecursionError:
        raise QueryTooLargeError("The query is nested too deep to be read.", measure="depth") from None
    message = f"The query has more than {most_tokens} tokens; no more are read. Send lists of values as variables."
    raise QueryTooLargeError(message, measure="tokens", value=parser.token_count, limit=most_tokens)
