"""Notifications of Business Central: what changed in watched sets, told half a minute later, and told again on failure.

    {"value": [{"subscriptionId": "9c41…", "clientState": "…", "expirationDateTime": "2026-05-07T07:41:00Z",
                "resource": "api/v2.0/companies(1b2c…)/customers(3f0c…)", "changeType": "updated",
                "lastModifiedDateTime": "2026-05-04T07:41:22.37Z"}]}

One POST holds what is due for all subscriptions with the same address. A receiver that is busy or away (no answer, 408,
429, 5xx) is asked again, with everything that changed in between; one that still is after the last attempt, or that
refuses, loses its subscription.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import Final, Literal
from urllib.parse import quote

from anyio import to_thread

from gateway.sandbox import json_text
from gateway.sandbox.business_central.pending import Change, Pending, Taken
from gateway.sandbox.business_central.subscription import Subscription, instant, subscriptions_in_force
from gateway.sandbox.journal import Write
from gateway.sandbox.store import Store
from gateway.sandbox.webhooks.delivery import Post, Sender
from gateway.sandbox.webhooks.engine import Job

BACKEND: Final = "business-central"
_MARGIN = timedelta(milliseconds=50)
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long changes of a row are merged, how many rows may wait, and how often a receiver is asked again.

    `delays_seconds` follow the first, second, … failed attempt; the last of them repeats. `attempts` is how many there are
    in all.
    """

    window: timedelta = timedelta(seconds=30)
    most_rows: int = 1000
    receiver_seconds: float = 30
    handshake_seconds: float = 5
    delays_seconds: tuple[float, ...] = (60, 60, 60, 10 * _MINUTE, 100 * _MINUTE, 1000 * _MINUTE)
    attempts: int = 5


Verdict = Literal["told", "again", "over"]


def verdict(status: int | None, attempt: int, timing: Timing) -> Verdict:
    """What follows from a receiver's answer to the n-th attempt, counted from 1; None is no answer."""
    if status is not None and 200 <= status < 300:
        return "told"
    is_passing = status is None or status in (408, 429) or status >= 500
    return "again" if is_passing and attempt < timing.attempts else "over"


@dataclass(frozen=True, slots=True)
class Part:
    """What one subscription is told in a POST."""

    subscription: Subscription
    pending: Pending = field(repr=False)
    taken: Taken = field(repr=False)

    @property
    def attempt(self) -> int:
        return self.pending.attempts + 1


class Notifications:
    """Listens to a store and is a source of deliveries. `wake` is called when something begins to wait."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        wake: Callable[[], None],
        timing: Timing | None = None,
    ) -> None:
        self.timing = timing or Timing()
        self._store = store
        self._sender = sender
        self._now = now
        self._new_id = new_id
        self._wake = wake
        self._lock = Lock()
        self._pending: dict[str, Pending] = {}
        store.listen(self.written)

    def written(self, writes: Sequence[Write]) -> None:
        """Note the writes of a commit for the subscriptions that watch their sets."""
        now = self._now()
        watched: dict[str, list[str]] = {}
        for subscription in subscriptions_in_force(self._store, now):
            if subscription.table is not None:
                watched.setdefault(subscription.table, []).append(subscription.id)
        if not watched:
            return
        with self._lock:
            for write in writes:
                for name in watched.get(write.set_name, ()):
                    self._pending_of(name).add(write.key, _change(write, now))
        self._wake()

    def take(self, now: datetime) -> Sequence[Job]:
        by_url: dict[str, list[Part]] = {}
        with self._lock:  # around the reading too, so that what a new subscription is to be told is not dropped
            in_force = {subscription.id: subscription for subscription in subscriptions_in_force(self._store, now)}
            self._pending = {name: pending for name, pending in self._pending.items() if name in in_force}
            for name, pending in self._pending.items():
                if (taken := pending.take(now)) is not None:
                    subscription = in_force[name]
                    by_url.setdefault(subscription.notification_url, []).append(Part(subscription, pending, taken))
        return [partial(self._tell, url, parts) for url, parts in by_url.items()]

    def due_at(self) -> datetime | None:
        with self._lock:
            return min(filter(None, (pending.due_at() for pending in self._pending.values())), default=None)

    def _pending_of(self, name: str) -> Pending:
        pending = self._pending.setdefault(name, Pending(self.timing.most_rows, self.timing.window))
        pending.window = self.timing.window  # it may have been changed since
        return pending

    async def _tell(self, url: str, parts: Sequence[Part]) -> None:
        reply = await self._sender.deliver(self._post(url, parts))
        over: list[str] = []
        with self._lock:
            for part in parts:
                match verdict(reply.status, part.attempt, self.timing):
                    case "told":
                        part.pending.done()
                    case "again":
                        part.pending.put_back(part.taken, until=self._now() + self._delay(part.attempt))
                    case "over":
                        over.append(part.subscription.id)
                        self._pending.pop(part.subscription.id, None)
        if over:
            await to_thread.run_sync(self._end, over)

    def _delay(self, attempt: int) -> timedelta:
        delays = self.timing.delays_seconds
        return timedelta(seconds=delays[min(attempt, len(delays)) - 1])

    def _end(self, names: Sequence[str]) -> None:
        with self._store.transaction():
            for name in names:
                if self._store.get("subscriptions", name) is not None:
                    self._store.delete("subscriptions", name)

    def _post(self, url: str, parts: Sequence[Part]) -> Post:
        rows = [row for part in parts for row in _rows(part)]
        correlation = self._new_id()
        return Post(
            BACKEND,
            url,
            target=str(rows[0]["resource"]),
            subscription=",".join(part.subscription.id for part in parts),
            seconds=self.timing.receiver_seconds,
            content=json_text.dumps({"value": rows}).encode(),
            headers={
                "Content-Type": "application/json",
                "clientRequestId": correlation,
                "x-ms-correlation-id": correlation,
            },
            attempt=max(part.attempt for part in parts),
        )


def _change(write: Write, now: datetime) -> Change:
    """The row's own time of the change is what it was stamped with; a row that is gone has none."""
    stamp = None if write.kind == "deleted" else write.values.get("lastModifiedDateTime")
    moment = now if stamp is None else datetime.fromisoformat(str(stamp))
    return Change(write.kind, now, moment, moment)


def _rows(part: Part) -> list[dict[str, object]]:
    resource, everything = part.subscription.resource, part.taken.everything
    if everything is not None:
        since = quote(f"lastModifiedDateTime gt {instant(everything.since - _MARGIN)}", safe="")
        return [_row(part.subscription, f"{resource}?$filter={since}", "collection", everything.last)]
    ordered = sorted(part.taken.rows.items(), key=lambda item: item[1].first)
    return [_row(part.subscription, f"{resource}({key})", change.kind, change.last) for key, change in ordered]


def _row(subscription: Subscription, resource: str, kind: str, modified: datetime) -> dict[str, object]:
    return {
        "subscriptionId": subscription.id,
        "clientState": subscription.client_state,
        "expirationDateTime": instant(subscription.expires),
        "resource": resource,
        "changeType": kind,
        "lastModifiedDateTime": instant(modified),
    }
