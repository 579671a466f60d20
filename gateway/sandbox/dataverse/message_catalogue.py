"""The messages that webhooks can be registered for, those in bulk beside them, and for which tables: rows the platform
brings along.

Source: Dataverse, Event framework; Register a webhook; SdkMessage and SdkMessageFilter table reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID, uuid5

from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

MESSAGES: Final = {"created": "Create", "updated": "Update", "deleted": "Delete"}
"""By the kind of write that raises them."""

BULK_MESSAGES: Final = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
"""Listed, so that callers can ask which tables have them; a webhook hears of each row by the other messages."""

OF_THE_PLATFORM: Final = frozenset(
    {
        "serviceendpoints",
        "sdkmessages",
        "sdkmessagefilters",
        "sdkmessageprocessingsteps",
        "asyncoperations",
    }
)
"""Tables of the event framework itself; what is written to them raises no message."""

_NAMESPACE: Final = UUID("2f0b6c0e-7a1d-4d52-9a53-6f1c1b7e9f10")


def message_id(message: str) -> str:
    return str(uuid5(_NAMESPACE, f"sdkmessage:{message}"))


def filter_id(message: str, entity: str) -> str:
    """The id of the row that stands for a message on a table, by the table's logical name."""
    return str(uuid5(_NAMESPACE, f"sdkmessagefilter:{message}:{entity}"))


def register_messages(store: Store) -> None:
    """Add the rows of the catalogue that are missing, as after an update of the service."""
    for set_name, rows in (("sdkmessages", _messages()), ("sdkmessagefilters", _filters(store.model))):
        key = store.model.sets[set_name].key
        known = {row[key] for row in store.select(set_name)}
        if missing := [row for row in rows if row[key] not in known]:
            store.seed(set_name, missing)


def raises_messages(model: Model, set_name: str) -> bool:
    """Whether webhooks can be registered for a table."""
    return set_name not in OF_THE_PLATFORM and not model.sets[set_name].internal


def _messages() -> Iterator[Mapping[str, object]]:
    for message in (*MESSAGES.values(), *BULK_MESSAGES):
        yield {"sdkmessageid": message_id(message), "name": message, "categoryname": ""}


def _filters(model: Model) -> Iterator[Mapping[str, object]]:
    entities = [entity_set.entity for name, entity_set in model.sets.items() if raises_messages(model, name)]
    for message in (*MESSAGES.values(), *BULK_MESSAGES):
        for entity in entities:
            yield {
                "sdkmessagefilterid": filter_id(message, entity),
                "name": message,
                "primaryobjecttypecode": entity,
                "secondaryobjecttypecode": "none",
                "iscustomprocessingstepallowed": message not in BULK_MESSAGES,
                "_sdkmessageid_value": message_id(message),
            }
