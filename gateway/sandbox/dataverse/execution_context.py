"""The body of a webhook: the execution context of an operation, as the platform serialises it.

    {"MessageName": "Update", "PrimaryEntityName": "account", "PrimaryEntityId": "…", "InputParameters": [
       {"key": "Target", "value": {"__type": "Entity:http:\\/\\/schemas.microsoft.com\\/xrm\\/2011\\/Contracts", …}}], …}

Solidi are escaped and times are `\\/Date(milliseconds)\\/`. Over 256 KB the four largest members are left out.

Source: Dataverse, Use webhooks; Understand the data context passed to a plug-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from gateway.sandbox.dataverse.caller import Caller
from gateway.sandbox.dataverse.webhook_rules import logical_name
from gateway.sandbox.dataverse.webhook_steps import Step
from gateway.sandbox.json_text import dumps
from gateway.sandbox.model import EntitySet, Property

MOST_BYTES: Final = 256 * 1024
_LEFT_OUT = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"

Json = dict[str, object]
Entity = Callable[[str, str], str]
"""The logical name of the table that a lookup column with a certain value leads to."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message about one row. `values` are the columns that were written; of a deletion none.

    `user_id` made the change, `caller` asked for it. `name` is the row's primary name, when it has one.
    """

    id: str
    message: str
    entity_set: EntitySet
    key: str
    values: Mapping[str, object]
    created: datetime
    user_id: str
    caller: Caller
    step: Step
    name: str | None = None


def execution_context(event: Event, entity: Entity, *, most_bytes: int = MOST_BYTES) -> tuple[bytes, bool]:
    """The body, and whether parts of it had to be left out."""
    context = _context(event, entity)
    content = _written(context)
    if len(content) <= most_bytes:
        return content, False
    return _written({name: value for name, value in context.items() if name not in _LEFT_OUT}), True


def _written(context: Json) -> bytes:
    return dumps(context).replace("/", "\\/").encode()


def _context(event: Event, entity: Entity) -> Json:
    return {
        "BusinessUnitId": event.caller.business_unit_id,
        "CorrelationId": event.caller.correlation_id,
        "Depth": 1,
        "InitiatingUserId": event.caller.initiating_user_id,
        "InputParameters": [{"key": "Target", "value": _target(event, entity)}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsolationMode": 1,
        "MessageName": event.message,
        "Mode": 1,
        "OperationCreatedOn": f"/Date({_milliseconds(event.created)}+0000)/",
        "OperationId": event.id,
        "OrganizationId": event.caller.organization_id,
        "OrganizationName": event.caller.organization,
        "OutputParameters": [],
        "OwningExtension": _reference("sdkmessageprocessingstep", event.step.id, name=event.step.name),
        "ParentContext": None,
        "PostEntityImages": _images(event),
        "PreEntityImages": [],
        "PrimaryEntityId": event.key,
        "PrimaryEntityName": event.entity_set.entity,
        "RequestId": None,
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserId": event.user_id,
    }


def _target(event: Event, entity: Entity) -> Json:
    """The row as it was written; of a deletion only which one it was."""
    if event.message == "Delete":
        return _reference(event.entity_set.entity, event.key)
    attributes: Json = {}
    for name, value in event.values.items():
        if value is not None or event.message == "Update":
            column = event.entity_set.properties[name]
            attributes[logical_name(name)] = None if value is None else _value(column, value, entity)
    return _entity(event, attributes)


def _images(event: Event) -> list[Json]:
    """What every asynchronous step has: an image of the primary name."""
    if event.name is None:
        return []
    image = _entity(event, {str(event.entity_set.extra["name"]): event.name})
    return [{"key": "AsynchronousStepPrimaryName", "value": image}]


def _entity(event: Event, attributes: Json) -> Json:
    return {
        "__type": f"Entity:{_CONTRACTS}",
        "Attributes": [{"key": name, "value": value} for name, value in attributes.items()],
        "EntityState": None,
        "FormattedValues": [],
        "Id": event.key,
        "KeyAttributes": [],
        "LogicalName": event.entity_set.entity,
        "RelatedEntities": [],
        "RowVersion": None,
    }


def _reference(entity: str, key: str, *, name: str | None = None) -> Json:
    return {
        "__type": f"EntityReference:{_CONTRACTS}",
        "Id": key,
        "KeyAttributes": [],
        "LogicalName": entity,
        "Name": name,
        "RowVersion": None,
    }


def _value(column: Property, value: object, entity: Entity) -> object:
    """A column's value as the platform types it."""
    if "lookup" in column.extra:
        return _reference(entity(column.name, str(value)), str(value))
    if "money" in column.extra:
        return {"__type": f"Money:{_CONTRACTS}", "Value": value}
    if column.type == "Edm.Int32" and column.options is not None:
        return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}
    if column.type in ("Edm.DateTimeOffset", "Edm.Date"):
        return f"/Date({_milliseconds(_moment(value))})/"
    return value if isinstance(value, (bool, int, float, Decimal)) else str(value)


def _moment(value: object) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
