"""Sums, averages, extremes and counts of columns, as SQL over groups of rows.

Decimals lie in the tables as order-preserving text, so their extremes are those of the text, and their sum and average
are aggregate functions of our own, exact to the last digit.
"""

import sqlite3
from decimal import ROUND_HALF_UP, Decimal

from gateway.sandbox.columns import number_text, text_number
from gateway.sandbox.functions import Term
from gateway.sandbox.tree import ExpressionError

_FINEST = Decimal("1E-10")
_NUMBERS = frozenset({"integer", "real", "number"})
_ORDERED = _NUMBERS | {"date", "moment"}


def aggregated(function: str, term: Term) -> Term:
    """`sum`, `average`, `min`, `max`, `count` (of what is not null) or `countdistinct` of a column over a group.

    The average of whole numbers is cut to a whole number, as SQL Server does.

    Raises:
        ExpressionError: an unknown function, or one this column has no use for.
    """
    if function in ("count", "countdistinct"):
        distinct = "DISTINCT " if function == "countdistinct" else ""
        return Term(f"count({distinct}{term.comparable})", term.parameters, "integer")
    _check(function, term)
    name = function
    if function in ("sum", "average"):
        name = f"{function}_decimal" if term.kind == "number" else {"sum": "sum", "average": "avg"}[function]
    sql = f"{name}({term.sql})"
    if function == "average" and term.kind == "integer":
        sql = f"CAST({sql} AS INTEGER)"
    return Term(sql, term.parameters, term.kind, term.column)


def _check(function: str, term: Term) -> None:
    wanted = {"sum": _NUMBERS, "average": _NUMBERS, "min": _ORDERED, "max": _ORDERED}.get(function, frozenset())
    choice = term.column is not None and term.column.options is not None
    if term.kind not in wanted or choice:
        raise ExpressionError(f"The aggregate function '{function}' cannot be applied to a column of {term.type}.")


class _Sum:
    """The sum of decimals in their stored form; of none, null."""

    def __init__(self) -> None:
        self.total = Decimal(0)
        self.count = 0

    def step(self, text: str | None) -> None:
        if text is not None:
            self.total += text_number(text)
            self.count += 1

    def finalize(self) -> str | None:
        return number_text(self.total) if self.count else None


class _Average(_Sum):
    """The average of decimals, to ten places."""

    def finalize(self) -> str | None:
        if not self.count:
            return None
        return number_text((self.total / self.count).quantize(_FINEST, ROUND_HALF_UP))


def register_aggregates(connection: sqlite3.Connection) -> None:
    """Give a connection the aggregate functions; typeshed knows only those of whole numbers."""
    connection.create_aggregate("sum_decimal", 1, _Sum)  # type: ignore[arg-type]
    connection.create_aggregate("average_decimal", 1, _Average)  # type: ignore[arg-type]
