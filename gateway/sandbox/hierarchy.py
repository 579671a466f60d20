"""Rows above and below another in the hierarchy their set makes with itself, found by a recursive SELECT."""

from gateway.sandbox.functions import Term, quote
from gateway.sandbox.model import EntitySet
from gateway.sandbox.tree import Hierarchy


def lineage(term: Term, entity_set: EntitySet, wanted: Hierarchy) -> Term:
    """Whether the key that `term` reads belongs to the lineage of a row; one that leads back to itself ends there."""
    key, parent = quote(entity_set.key), quote(wanted.parent)
    start, step = (key, parent) if wanted.upwards else (parent, key)
    tree = (
        f"WITH RECURSIVE tree(id) AS (SELECT ? UNION SELECT one.{step} FROM {quote(entity_set.name)} AS one "  # noqa: S608
        f"JOIN tree ON one.{start} = tree.id WHERE one.{step} IS NOT NULL) SELECT id FROM tree"
    )
    without = "" if wanted.itself else " WHERE id <> ?"
    parameters = (wanted.start,) if wanted.itself else (wanted.start, wanted.start)
    return Term(f"{term.sql} IN ({tree}{without})", (*term.parameters, *parameters))
