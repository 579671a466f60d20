"""Rows that cannot be deleted as long as others refer to them.

Source: Dataverse, Table relationships, section Cascading behavior (Restrict Delete); Web service error codes
(CannotDeleteDueToAssociation).
"""

from __future__ import annotations

from gateway.sandbox.dataverse.errors import ASSOCIATED, DataverseError
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

_RESTRICTED = frozenset({"transactioncurrencies", "uoms", "products"})
"""Tables whose rows others depend on: money needs its currency, a line its unit and its product."""

_PARTS = frozenset({("products", "productpricelevels")})
"""Rows that go with the row they belong to."""


def check_unused(operation: Operation, entity_set: EntitySet, row: Row) -> None:
    """Raises: DataverseError 405 when other rows refer to a row that must stay as long as they do."""
    if entity_set.name not in _RESTRICTED:
        return
    for navigation in entity_set.navigations.values():
        if not navigation.collection or (entity_set.name, navigation.target) in _PARTS:
            continue
        if operation.store.related(navigation, [row], limit=1):
            message = "The object cannot be deleted because it is associated with another object."
            raise DataverseError(405, ASSOCIATED, message)
