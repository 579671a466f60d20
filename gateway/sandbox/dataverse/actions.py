"""Actions that close an opportunity or an order, which a plain update of the state does not do.

    POST WinOpportunity   {"Status": 3, "OpportunityClose": {"opportunityid@odata.bind": "/opportunities(…)"}}
    POST CancelSalesOrder {"Status": 4, "OrderClose": {"salesorderid@odata.bind": "/salesorders(…)"}}
    POST salesorders/Microsoft.Dynamics.CRM.FulfillSalesOrder   the same body; bound to the collection

The activity that such a close leaves behind is not kept: there is no table for it.

Source: Dataverse, Use Web API actions; Web API Action Reference (WinOpportunity, LoseOpportunity, CancelSalesOrder,
FulfillSalesOrder).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.sandbox.dataverse.body import Change, read_object
from gateway.sandbox.dataverse.changing import update
from gateway.sandbox.dataverse.errors import STATE_MISMATCH, DataverseError, invalid_payload
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.reading import find, missing
from gateway.sandbox.dataverse.references import referenced_address
from gateway.sandbox.dataverse.values import checked
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

_BOUND = "/Microsoft.Dynamics.CRM."
_DEFAULT_REASON = -1


@dataclass(frozen=True, slots=True)
class Closing:
    """One way to close: `activity` is the parameter that names the row, `day` the column that keeps when."""

    set_name: str
    activity: str
    state: int
    open_states: tuple[int, ...]
    day: str | None = None
    bound: bool = False


CLOSINGS: Mapping[str, Closing] = {
    "WinOpportunity": Closing("opportunities", "OpportunityClose", 1, (0,), day="actualclosedate"),
    "LoseOpportunity": Closing("opportunities", "OpportunityClose", 2, (0,), day="actualclosedate"),
    "CancelSalesOrder": Closing("salesorders", "OrderClose", 2, (0, 1)),
    "FulfillSalesOrder": Closing("salesorders", "OrderClose", 3, (0, 1), day="datefulfilled", bound=True),
}


def action(operation: Operation) -> Answer | None:
    """The answer when a POST goes to an action, else None. Raises: DataverseError."""
    collection, bound, name = operation.request.path.rpartition(_BOUND)
    closing = CLOSINGS.get(name)
    if operation.request.method != "POST" or closing is None:
        return None
    if closing.bound != bool(bound) or (bound and collection != closing.set_name):
        return None
    body = read_object(operation.request.body)
    with operation.store.transaction():
        _close(operation, operation.model.sets[closing.set_name], closing, body=body)
    return Answer(204)


def _close(operation: Operation, entity_set: EntitySet, closing: Closing, *, body: Mapping[str, object]) -> None:
    activity = body.get(closing.activity)
    if not isinstance(activity, dict):
        raise invalid_payload(f"The parameter '{closing.activity}' is missing.")
    row = _row(operation, entity_set, activity.get(f"{entity_set.key}@odata.bind"))
    if row["statecode"] not in closing.open_states:
        raise DataverseError(400, STATE_MISMATCH, f"The {entity_set.entity} is closed already.")
    changes: dict[str, object] = {"statecode": closing.state}
    reason = body.get("Status")
    if reason is None:
        raise invalid_payload("The parameter 'Status' is missing.")
    if reason != _DEFAULT_REASON:
        reason = checked(entity_set.properties["statuscode"], reason, entity=entity_set.entity)
        changes["statuscode"] = reason
    if closing.day:
        changes[closing.day] = _moment_or_day(operation, entity_set, closing.day)
    update(operation, entity_set, row, change=Change(values=changes))


def _row(operation: Operation, entity_set: EntitySet, reference: object) -> Row:
    if not isinstance(reference, str):
        raise invalid_payload(f"The property '{entity_set.key}@odata.bind' is missing.")
    address = referenced_address(operation, reference)
    if address.entity_set is not entity_set:
        raise invalid_payload(f"'{reference}' is not a row of '{entity_set.name}'.")
    row = find(operation, address)
    if row is None:
        raise missing(address)
    return row


def _moment_or_day(operation: Operation, entity_set: EntitySet, column: str) -> str:
    return operation.moment[:10] if entity_set.properties[column].type == "Edm.Date" else operation.moment
