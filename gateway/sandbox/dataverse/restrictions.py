"""Rows that cannot be deleted as long as others refer to them, and orders that cannot be changed once they are submitted.

Source: Dataverse, Table relationships, section Cascading behavior (Restrict Delete); Web service error codes
(CannotDeleteDueToAssociation). That an order takes changes while it is active only: Business Central, tests of CRM integration,
"SalesOrderShouldNotBeEditableIfSubmitted".
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.sandbox.dataverse.errors import ASSOCIATED, INVALID_ARGUMENT, DataverseError
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


_ORDERS = "salesorders"
_ORDER_LINES = "salesorderdetails"
_OF_STATE = frozenset({"statecode", "statuscode", "datefulfilled"})
"""What changes when an order is submitted, reopened or closed."""


def check_editable(operation: Operation, entity_set: EntitySet, row: Row, changes: Iterable[str]) -> None:
    """Raises: DataverseError 400 when an order is not active, and more than its state is to be changed."""
    if entity_set.name == _ORDERS and row["statecode"] and not _OF_STATE.issuperset(changes):
        raise _read_only()
    if entity_set.name == _ORDER_LINES:
        check_lines_editable(operation, row["_salesorderid_value"])


def check_lines_editable(operation: Operation, order_id: object) -> None:
    """Raises: DataverseError 400 when the order that a line belongs to is not active."""
    order = operation.store.get(_ORDERS, order_id) if order_id is not None else None
    if order is not None and order["statecode"]:
        raise _read_only()


def _read_only() -> DataverseError:
    return DataverseError(400, INVALID_ARGUMENT, "The order is read-only in its state: make it active first.")
