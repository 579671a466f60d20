"""Words of an OData expression: one regular expression, one pass, no look back.

Source: OASIS, OData ABNF Construction Rules 4.01.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.tree import ExpressionError, Literal

_LONGEST_NUMBER = 100
_WORD = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'[^']*(?:''[^']*)*')
    |(?P<quoted>"[^"]*")
    |(?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-]))
    |(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:[Zz]|[+-]\d\d:\d\d))
    |(?P<date>\d{4}-\d\d-\d\d(?![\w-]))
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<name>[^\W\d][\w$]*(?:\.[^\W\d]\w*)*)
    |(?P<alias>@[^\W\d]\w*)
    |(?P<mark>[(),/:=\[\]])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is a group name of the expression above; "mark" tokens use their own character, the last one is "end"."""

    kind: str
    text: str
    position: int

    @property
    def end(self) -> int:
        return self.position + len(self.text)


def tokenize(text: str) -> list[Token]:
    """Split `text`, spaces dropped, ending in an "end" token.

    Raises:
        ExpressionError: a character or an unterminated string that belongs to no word.
    """
    tokens = []
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            what = "unterminated string literal" if text[position] in "'\"" else f"invalid character '{text[position]}'"
            raise ExpressionError(f"Syntax error: {what} at position {position} in '{text}'.", position=position)
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(Token(match.group() if kind == "mark" else kind, match.group(), position))
        position = match.end()
    tokens.append(Token("end", "", position))
    return tokens


def literal(token: Token) -> Literal | None:
    """The constant a token stands for, or None when it is something else.

    Raises:
        ExpressionError: a number of more characters than any type holds.
    """
    text, position = token.text, token.position
    match token.kind:
        case "string":
            return Literal(text[1:-1].replace("''", "'"), "Edm.String", position=position)
        case "quoted":
            return Literal(text[1:-1], "Edm.String", position=position)
        case "guid":
            return Literal(text.lower(), "Edm.Guid", position=position)
        case "moment":
            return Literal(text, "Edm.DateTimeOffset", position=position)
        case "date":
            return Literal(text, "Edm.Date", position=position)
        case "number" if len(text) > _LONGEST_NUMBER:
            raise ExpressionError(f"Syntax error: number too long at position {position}.", position=position)
        case "number" if text.lstrip("-").isdigit():
            return Literal(int(text), "Edm.Int64", position=position)
        case "number":
            return Literal(Decimal(text), "Edm.Decimal", position=position)
        case "name" if text in ("true", "false"):
            return Literal(text == "true", "Edm.Boolean", position=position)
        case "name" if text == "null":
            return Literal(None, "null", position=position)
        case _:
            return None
