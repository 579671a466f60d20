"""The registrations that are in force: which write is told to which receiver, and how that one is addressed.

Source: Dataverse, Register a webhook; Use webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from gateway.sandbox.dataverse.message_catalogue import MESSAGES, raises_messages
from gateway.sandbox.dataverse.webhook_rules import (
    HTTP_HEADER,
    WEBHOOK_KEY,
    attribute_names,
    logical_name,
    secret_of,
    settings_in,
)
from gateway.sandbox.expression import Comparison, Literal, OrderItem, Path
from gateway.sandbox.journal import Write
from gateway.sandbox.model import Model
from gateway.sandbox.store import Row, Store

_ENABLED = Comparison("eq", Path(("statecode",)), Literal(0, "Edm.Int32"))
_BY_RANK = (OrderItem(Path(("rank",))),)


@dataclass(frozen=True, slots=True)
class Step:
    """An enabled step. `entity` is None for every table; without `attributes` every update counts."""

    id: str
    name: str
    message: str
    entity: str | None
    attributes: frozenset[str]
    endpoint_id: str
    keeps_successes: bool

    def wants(self, write: Write, model: Model) -> bool:
        if MESSAGES[write.kind] != self.message or not raises_messages(model, write.set_name):
            return False
        if self.entity not in (None, model.sets[write.set_name].entity):
            return False
        if write.kind != "updated":
            return True
        written = {logical_name(name) for name in write.values}
        if not self.attributes:
            return "modifiedon" in written  # without it, it is the platform's own upkeep
        return bool(self.attributes & written)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send, with what the receiver recognises us by."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    name: str


def steps_in_force(store: Store) -> list[Step]:
    """Enabled steps with an endpoint and a message, in the order of their rank."""
    steps = (_step(store, row) for row in store.select("sdkmessageprocessingsteps", where=_ENABLED, order=_BY_RANK))
    return [step for step in steps if step is not None]


def _step(store: Store, row: Row) -> Step | None:
    message = store.get("sdkmessages", row["_sdkmessageid_value"])
    if message is None or row["_eventhandler_value"] is None:
        return None
    narrowed = row["_sdkmessagefilterid_value"]
    chosen = store.get("sdkmessagefilters", narrowed) if narrowed else None
    return Step(
        id=str(row["sdkmessageprocessingstepid"]),
        name=str(row["name"] or ""),
        message=str(message["name"]),
        entity=str(chosen["primaryobjecttypecode"]) if chosen else None,
        attributes=attribute_names(row["filteringattributes"]),
        endpoint_id=str(row["_eventhandler_value"]),
        keeps_successes=row["asyncautodelete"] is False,
    )


def receiver(store: Store, endpoint_id: str) -> Receiver | None:
    """The endpoint as it is now, or None when it is gone."""
    row = store.get("serviceendpoints", endpoint_id)
    if row is None:
        return None
    url, secret, name = httpx.URL(str(row["url"])), secret_of(store, endpoint_id), str(row["name"])
    if row["authtype"] == WEBHOOK_KEY:
        return Receiver(str(url.copy_add_param("code", secret)), {}, name)
    pairs = settings_in(secret)
    if row["authtype"] == HTTP_HEADER:
        return Receiver(str(url), dict(pairs), name)
    for option, value in pairs:
        url = url.copy_add_param(option, value)
    return Receiver(str(url), {}, name)
