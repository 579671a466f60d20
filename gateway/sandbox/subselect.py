"""Conditions that stand in a SELECT of their own, so that they can be part of a join or of a selected column."""

from gateway.sandbox.functions import Term, quote
from gateway.sandbox.sql import Scope, condition
from gateway.sandbox.tree import Expression


def row_among(scope: Scope, where: Expression) -> Term:
    """Whether the row of `scope` is among those of its set for which `where` holds; adds no joins to the scope.

    Raises:
        ExpressionError: as `condition`.
    """
    inner = Scope(scope.model, scope.entity_set, scope.fresh(), scope.counter)
    term = condition(inner, where)
    key = quote(scope.entity_set.key)
    sql = f"{scope.alias}.{key} IN (SELECT {inner.alias}.{key} FROM {inner.source} WHERE {term.sql})"  # noqa: S608
    return Term(sql, term.parameters)
