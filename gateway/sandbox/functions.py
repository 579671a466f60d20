"""Functions of `$filter` as SQL, and the `Term` that every piece of compiled SQL is.

Text functions compare and search without regard to case. Beyond those of OData there is `like(text,'pattern')` with SQL
Server's wildcards, for simulators that need it.

Source: OASIS, OData Version 4.01 Part 2: URL Conventions, section 5.1.1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.sandbox.model import Property
from gateway.sandbox.tree import ExpressionError

_TYPES = {
    "text": "Edm.String",
    "guid": "Edm.Guid",
    "number": "Edm.Decimal",
    "integer": "Edm.Int32",
    "real": "Edm.Double",
    "date": "Edm.Date",
    "moment": "Edm.DateTimeOffset",
    "boolean": "Edm.Boolean",
}


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of SQL, its parameters in order, the kind of value it yields, and the property it reads if it is one."""

    sql: str
    parameters: tuple[object, ...] = ()
    kind: str = "boolean"
    column: Property | None = None

    @property
    def type(self) -> str:
        """The Edm type, as messages name it."""
        return self.column.type if self.column else _TYPES[self.kind]

    @property
    def comparable(self) -> str:
        return f"fold({self.sql})" if self.kind == "text" else self.sql


def quote(name: str) -> str:
    """An identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def _parameters(terms: Sequence[Term]) -> tuple[object, ...]:
    return tuple(parameter for term in terms for parameter in term.parameters)


def _require(name: str, terms: Sequence[Term], wanted: frozenset[str]) -> None:
    if any(term.kind not in wanted for term in terms):
        raise ExpressionError(f"The function '{name}' cannot be applied to these arguments.")


def _text_test(name: str, terms: list[Term]) -> Term:
    _require(name, terms, frozenset({"text"}))
    text, part = (f"fold({term.sql})" for term in terms)
    parameters = _parameters(terms)
    if name == "contains":
        return Term(f"(instr({text}, {part}) > 0)", parameters)
    if name == "like":
        return Term(f"matches({terms[0].sql}, {terms[1].sql})", parameters)
    again = parameters + terms[1].parameters
    if name == "startswith":
        return Term(f"(substr({text}, 1, length({part})) = {part})", again)
    return Term(f"(length({part}) = 0 OR substr({text}, -length({part})) = {part})", terms[1].parameters + again)


def _text_value(name: str, terms: list[Term]) -> Term:
    _require(name, terms, frozenset({"text"}))
    inner = ", ".join(term.sql for term in terms)
    sql = {
        "tolower": f"lower_text({inner})",
        "toupper": f"upper_text({inner})",
        "trim": f"strip_text({inner})",
        "concat": f"({' || '.join(term.sql for term in terms)})",
        "replace": f"replace({inner})",
    }[name]
    return Term(sql, _parameters(terms), "text")


def _length(name: str, terms: list[Term]) -> Term:
    _require(name, terms, frozenset({"text"}))
    if name == "length":
        return Term(f"length({terms[0].sql})", _parameters(terms), "integer")
    return Term(f"(instr(fold({terms[0].sql}), fold({terms[1].sql})) - 1)", _parameters(terms), "integer")


def _substring(name: str, terms: list[Term]) -> Term:
    _require(name, terms[:1], frozenset({"text"}))
    _require(name, terms[1:], frozenset({"integer"}))
    length = f", {terms[2].sql}" if len(terms) == 3 else ""
    return Term(f"substr({terms[0].sql}, {terms[1].sql} + 1{length})", _parameters(terms), "text")


def _rounding(name: str, terms: list[Term]) -> Term:
    _require(name, terms, frozenset({"integer", "real", "number"}))
    term = terms[0]
    sql = term.sql if term.kind == "number" else f"as_number({term.sql})"
    return Term(f"{name}_number({sql})", term.parameters, "number")


FUNCTIONS: dict[str, tuple[tuple[int, int], Callable[[str, list[Term]], Term]]] = {
    "contains": ((2, 2), _text_test),
    "startswith": ((2, 2), _text_test),
    "endswith": ((2, 2), _text_test),
    "like": ((2, 2), _text_test),
    "tolower": ((1, 1), _text_value),
    "toupper": ((1, 1), _text_value),
    "trim": ((1, 1), _text_value),
    "concat": ((2, 2), _text_value),
    "replace": ((3, 3), _text_value),
    "length": ((1, 1), _length),
    "indexof": ((2, 2), _length),
    "substring": ((2, 3), _substring),
    "round": ((1, 1), _rounding),
    "floor": ((1, 1), _rounding),
    "ceiling": ((1, 1), _rounding),
}
