"""The grammar of conditions, by recursive descent over the words of `tokens`.

It is the part of OData both vendors speak: comparisons, `in`, `and`/`or`/`not`, functions with positional or named
arguments, navigation paths, `any`/`all`, enumeration literals and parameter aliases. Long flat conditions are read in
linear time and constant depth; nesting is refused beyond `MAX_DEPTH`, so no text can exhaust the stack.

Source: OASIS, OData ABNF Construction Rules 4.01.
"""

from collections.abc import Mapping

from gateway.sandbox.tokens import Token, literal, tokenize
from gateway.sandbox.tree import (
    Call,
    Comparison,
    Expression,
    ExpressionError,
    In,
    Lambda,
    Literal,
    Logical,
    Not,
    OrderItem,
    Path,
)

MAX_DEPTH = 24
_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})


class Reader:
    """The descent: one method per level of precedence, from `either` (or) down to `operand`."""

    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._index = 0
        self._depth = 0
        self._aliases = aliases

    @property
    def token(self) -> Token:
        return self._tokens[self._index]

    def advance(self) -> Token:
        token = self.token
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def accept(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self.advance()
        return True

    def accept_word(self, *words: str) -> str | None:
        if self.token.kind == "name" and self.token.text in words:
            return self.advance().text
        return None

    def expect(self, kind: str) -> Token:
        if self.token.kind != kind:
            raise self.error()
        return self.advance()

    def error(self) -> ExpressionError:
        found = f"'{self.token.text}'" if self.token.text else "the end"
        position = self.token.position
        return ExpressionError(
            f"Syntax error: unexpected {found} at position {position} in '{self._text}'.", position=position
        )

    def nested(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("The expression is nested too deeply.", position=self.token.position)
        expression = self.either()
        self._depth -= 1
        return expression

    def either(self) -> Expression:
        return self._chain("or", [self.both()])

    def both(self) -> Expression:
        return self._chain("and", [self.negation()])

    def _chain(self, op: str, operands: list[Expression]) -> Expression:
        while self.accept_word(op):
            operands.append(self.both() if op == "or" else self.negation())
        if len(operands) == 1:
            return operands[0]
        flat: list[Expression] = []
        for operand in operands:
            flat.extend(operand.operands if isinstance(operand, Logical) and operand.op == op else (operand,))
        return Logical(op, tuple(flat), position=flat[0].position)

    def negation(self) -> Expression:
        position = self.token.position
        negations = 0
        while self.accept_word("not"):
            negations += 1
        expression = self.comparison()
        return Not(expression, position=position) if negations % 2 else expression

    def comparison(self) -> Expression:
        left = self.operand()
        if self.token.kind != "name":
            return left
        if self.token.text in _COMPARISONS:
            op = self.advance().text
            return Comparison(op, left, self.operand(), position=left.position)
        if self.accept_word("in"):
            self.expect("(")
            return In(left, self.literals(")"), position=left.position)
        return left

    def literals(self, closing: str) -> tuple[Literal, ...]:
        if self.accept(closing):
            return ()
        values = [self.constant()]
        while self.accept(","):
            values.append(self.constant())
        self.expect(closing)
        return tuple(values)

    def constant(self) -> Literal:
        operand = self.operand()
        if not isinstance(operand, Literal):
            raise ExpressionError(
                f"Syntax error: a constant was expected at position {operand.position}.", position=operand.position
            )
        return operand

    def operand(self) -> Expression:
        if self.accept("("):
            expression = self.nested()
            self.expect(")")
            return expression
        token = self.token
        if token.kind == "alias":
            return self.alias()
        constant = literal(token)
        if constant is not None:
            self.advance()
            return constant
        return self.name()

    def alias(self) -> Expression:
        token = self.advance()
        if token.text not in self._aliases:
            raise ExpressionError(f"The parameter alias '{token.text}' has no value.", position=token.position)
        return Reader(self._aliases[token.text], {}).constant()

    def name(self) -> Expression:
        first = self.expect("name")
        if self.token.kind == "string" and self.token.position == first.end:
            return Literal(self.advance().text[1:-1].replace("''", "'"), first.text, position=first.position)
        if self.accept("("):
            return self.call(first)
        names = [first.text]
        while self.accept("/"):
            step = self.expect("name")
            if step.text in ("any", "all") and self.token.kind == "(":
                return self.quantifier(step.text, Path(tuple(names), position=first.position))
            if "." in step.text and self.accept("("):
                return self.call(step, on=Path(tuple(names), position=first.position))
            names.append(step.text)
        return Path(tuple(names), position=first.position)

    def call(self, name: Token, *, on: Path | None = None) -> Expression:
        arguments: list[Expression] = [] if on is None else [on]
        named: dict[str, Literal | tuple[Literal, ...]] = {}
        while not self.accept(")"):
            if len(arguments) > (on is not None) or named:
                self.expect(",")
            following = self._tokens[min(self._index + 1, len(self._tokens) - 1)]
            if self.token.kind == "name" and following.kind == "=":
                key = self.advance().text
                self.advance()
                named[key] = self.named_value()
            else:
                arguments.append(self.nested())
        return Call(name.text, tuple(arguments), named, position=name.position)

    def named_value(self) -> Literal | tuple[Literal, ...]:
        """One constant or a list of them in brackets; an alias may stand for either."""
        if self.token.kind == "alias" and self.token.text in self._aliases:
            return Reader(self._aliases[self.advance().text], {}).named_value()
        return self.literals("]") if self.accept("[") else self.constant()

    def quantifier(self, op: str, collection: Path) -> Lambda:
        self.expect("(")
        if op == "any" and self.accept(")"):
            return Lambda(op, collection, position=collection.position)
        variable = self.expect("name").text
        self.expect(":")
        predicate = self.nested()
        self.expect(")")
        return Lambda(op, collection, variable, predicate, position=collection.position)

    def order_item(self) -> OrderItem:
        path = self.name()
        if not isinstance(path, Path):
            raise self.error()
        descending = self.accept_word("asc", "desc") == "desc"
        return OrderItem(path, descending, position=path.position)
