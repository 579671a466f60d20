"""Orders over rows, made total by the key, and the condition for "everything behind this position".

A position is the plain values of the sort terms, the key last; it stays good when its row is changed or deleted. Nulls
sort first, as in SQL Server. A property whose model says `order: "label"` sorts by the captions of its options (its
position is the rank of the caption), one with `order: "ordinal"` by the place of the option in its list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.sandbox.columns import decode, kind, to_column
from gateway.sandbox.functions import Term, quote
from gateway.sandbox.model import Property
from gateway.sandbox.sql import Scope
from gateway.sandbox.tree import OrderItem, Scalar

Position = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class SortTerm:
    """`sql` is what is compared, `plain` what a position shows of it; `column` is None where that is a rank."""

    sql: str
    plain: str
    descending: bool
    column: Property | None

    @property
    def direction(self) -> str:
        return f"{self.sql} DESC" if self.descending else self.sql


def sort_terms(scope: Scope, order: Sequence[OrderItem]) -> list[SortTerm]:
    """The terms of an order, the key last.

    Raises:
        ExpressionError: an unknown name.
    """
    terms = []
    for item in order:
        term = scope.read(item.path)
        rank = term.column and _rank(term.sql, term.column)
        if rank:
            terms.append(SortTerm(rank, rank, item.descending, None))
        else:
            terms.append(SortTerm(term.comparable, term.sql, item.descending, term.column))
    key = f"{scope.alias}.{quote(scope.entity_set.key)}"
    return [*terms, SortTerm(key, key, False, scope.entity_set.properties[scope.entity_set.key])]


def position(terms: Sequence[SortTerm], found: Sequence[Scalar | float]) -> Position:
    """The position that the `plain` parts of the terms, as selected, make."""
    pairs = zip(terms, found, strict=True)
    return tuple(value if term.column is None else decode(term.column, value) for term, value in pairs)


def beyond(terms: Sequence[SortTerm], after: Position) -> Term:
    """The condition for rows behind a position; `after` has one value for every term."""
    result = Term("0")
    for term, value in reversed(list(zip(terms, after, strict=True))):
        mark, stored = _bind(term, value)
        if term.descending:
            later = Term("0") if value is None else Term(f"({term.sql} < {mark} OR {term.sql} IS NULL)", (stored,))
        else:
            later = Term(f"{term.sql} IS NOT NULL") if value is None else Term(f"{term.sql} > {mark}", (stored,))
        result = Term(
            f"({later.sql} OR ({term.sql} IS {mark} AND {result.sql}))",
            (*later.parameters, stored, *result.parameters),
        )
    first, value = terms[0], after[0]
    if value is None or first.descending:
        return result
    mark, stored = _bind(first, value)
    return Term(f"({first.sql} >= {mark} AND {result.sql})", (stored, *result.parameters))


def _bind(term: SortTerm, value: object) -> tuple[str, object]:
    if value is None or term.column is None:
        return "?", value
    column_kind = kind(term.column.type)
    return "fold(?)" if column_kind == "text" else "?", to_column(column_kind, value)


def _rank(sql: str, column: Property) -> str | None:
    options: Mapping[str, str] = column.options or {}
    wanted = column.extra.get("order")
    if not options or wanted not in ("label", "ordinal"):
        return None
    members = sorted(options, key=lambda member: options[member].casefold()) if wanted == "label" else list(options)
    number = kind(column.type) == "integer"
    whens = (f"WHEN {int(m) if number else quote_text(m)} THEN {rank}" for rank, m in enumerate(members))
    return f"CASE {sql} {' '.join(whens)} END"


def quote_text(text: str) -> str:
    """A text constant of SQL."""
    return "'" + text.replace("'", "''") + "'"
