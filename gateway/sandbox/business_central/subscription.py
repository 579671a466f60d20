"""Subscriptions as they lie in the store, and which of them are in force.

Source: Business Central, "subscriptions resource type".
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from gateway.sandbox.business_central.webhook_resources import Resource, read_resource
from gateway.sandbox.expression import Comparison, Literal, Path
from gateway.sandbox.store import Row, Store

SET = "subscriptions"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of changes to `resource`; `table` is its set in the store, if there is one."""

    id: str
    resource: Resource
    table: str | None
    expires: datetime
    notification_url: str = field(repr=False)
    client_state: str = field(repr=False)


def subscriptions_in_force(store: Store, now: datetime) -> list[Subscription]:
    """Those that have not expired."""
    later = Comparison("gt", Path(("expirationDateTime",)), Literal(instant(now), "Edm.DateTimeOffset"))
    found = (_subscription(store, row) for row in store.select(SET, where=later))
    return [subscription for subscription in found if subscription is not None]


def remove_expired(store: Store, now: datetime) -> None:
    over = Comparison("le", Path(("expirationDateTime",)), Literal(instant(now), "Edm.DateTimeOffset"))
    for row in store.select(SET, where=over):
        store.delete(SET, row["subscriptionId"])


def instant(moment: datetime) -> str:
    """`2026-05-04T07:41:22.37Z`: milliseconds without trailing zeros."""
    moment = moment.astimezone(UTC)
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


_read = lru_cache(maxsize=1024)(read_resource)


def _subscription(store: Store, row: Row) -> Subscription | None:
    resource = _read(str(row["resource"]))
    if resource is None:
        return None
    return Subscription(
        id=str(row["subscriptionId"]),
        resource=resource,
        table=resource.table(store.model),
        expires=datetime.fromisoformat(str(row["expirationDateTime"])),
        notification_url=str(row["notificationUrl"]),
        client_state=str(row["clientState"]),
    )
