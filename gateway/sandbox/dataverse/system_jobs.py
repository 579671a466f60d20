"""Asynchronous steps: after a commit every message that a webhook is registered for becomes a system job, sent at once.

A receiver has 60 seconds. After 502, 503 or 504 it is asked a second time; any other failure is final. What failed is
kept as a row of `asyncoperations`, and never sent again.

Source: Dataverse, Use webhooks; Asynchronous service.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Final
from uuid import uuid4

from anyio import to_thread

from gateway.sandbox.dataverse.caller import Caller, current_caller
from gateway.sandbox.dataverse.execution_context import MOST_BYTES, Event, execution_context
from gateway.sandbox.dataverse.message_catalogue import MESSAGES
from gateway.sandbox.dataverse.naming import lookup_targets, set_of
from gateway.sandbox.dataverse.webhook_steps import Step, receiver, steps_in_force
from gateway.sandbox.journal import Write
from gateway.sandbox.store import Store
from gateway.sandbox.webhooks.delivery import Post, Reply, Sender
from gateway.sandbox.webhooks.engine import Job

_BACKEND = "dataverse"
_ASKED_AGAIN: Final = frozenset({502, 503, 504})
_SUCCEEDED, _FAILED = 30, 31


@dataclass(frozen=True, slots=True)
class Limits:
    """`seconds` for a receiver to answer; `most` jobs waiting; `at_once` under way; `most_bytes` of a whole body."""

    seconds: float = 60
    most: int = 10_000
    at_once: int = 64
    most_bytes: int = MOST_BYTES


@dataclass(frozen=True, slots=True)
class SystemJob:
    """One message for one receiver."""

    id: str
    step: Step
    write: Write
    caller: Caller
    created: datetime


class SystemJobs:
    """The jobs of one environment: a source of deliveries. `wake` is called when a job is waiting."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        now: Callable[[], datetime],
        wake: Callable[[], None],
        limits: Limits | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._now = now
        self._wake = wake
        self.limits = limits or Limits()
        self._lock = Lock()
        self._waiting: deque[SystemJob] = deque()
        self._under_way = 0
        store.listen(self.written)

    def written(self, writes: Sequence[Write]) -> None:
        """Queue what the steps in force want to hear of a commit."""
        caller = current_caller()
        steps = steps_in_force(self._store) if caller is not None else []
        if caller is None or not steps:
            return
        model, created = self._store.model, self._now()
        jobs = [
            SystemJob(str(uuid4()), step, write, caller, created)
            for write in writes
            for step in steps
            if step.wants(write, model)
        ]
        with self._lock:
            room = max(self.limits.most - len(self._waiting), 0)
            self._waiting.extend(jobs[:room])
        for job in jobs[room:]:
            self._record(job, _FAILED, "Too many system jobs are waiting.", attempts=0)
        self._wake()

    def take(self, now: datetime) -> Sequence[Job]:
        with self._lock:
            count = min(len(self._waiting), self.limits.at_once - self._under_way)
            self._under_way += count
            return [partial(self._carry_out, self._waiting.popleft()) for _ in range(count)]

    def due_at(self) -> datetime | None:
        with self._lock:
            ready = self._waiting and self._under_way < self.limits.at_once
            return self._waiting[0].created if ready else None

    async def _carry_out(self, job: SystemJob) -> None:
        try:
            post = await to_thread.run_sync(self._post, job)
            if post is None:
                return
            reply = await self._sender.deliver(post)
            if reply.status in _ASKED_AGAIN:
                post = replace(post, attempt=2)
                reply = await self._sender.deliver(post)
            await to_thread.run_sync(self._finish, job, reply, post.attempt)
        finally:
            with self._lock:
                self._under_way -= 1

    def _post(self, job: SystemJob) -> Post | None:
        """The job as it goes out; None when its endpoint is gone."""
        to = receiver(self._store, job.step.endpoint_id)
        if to is None:
            return None
        event = self._event(job)
        content, shortened = execution_context(event, partial(self._entity, event), most_bytes=self.limits.most_bytes)
        headers = {
            **to.headers,
            "Content-Type": "application/json",
            "x-ms-dynamics-organization": job.caller.organization,
            "x-ms-dynamics-entity-name": event.entity_set.entity,
            "x-ms-dynamics-request-name": event.message,
            "x-ms-correlation-request-id": job.caller.correlation_id,
        }
        if shortened:
            headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        return Post(
            _BACKEND,
            to.url,
            target=event.entity_set.name,
            subscription=job.step.id,
            seconds=self.limits.seconds,
            content=content,
            headers=headers,
        )

    def _event(self, job: SystemJob) -> Event:
        write = job.write
        entity_set = self._store.model.sets[write.set_name]
        row = self._store.get(write.set_name, write.key) if write.kind != "deleted" else None
        name = row.values.get(str(entity_set.extra.get("name"))) if row else None
        author = write.values.get("_modifiedby_value") if write.kind != "deleted" else None
        return Event(
            id=job.id,
            message=job.step.message,
            entity_set=entity_set,
            key=write.key,
            values={} if write.kind == "deleted" else write.values,
            created=job.created,
            user_id=str(author or job.caller.user_id),
            caller=job.caller,
            step=job.step,
            name=None if name is None else str(name),
        )

    def _entity(self, event: Event, column: str, key: str) -> str:
        """Which of the tables a lookup may lead to has the row."""
        targets = lookup_targets(event.entity_set, column)
        for target in targets[1:]:
            target_set = set_of(self._store.model, target)
            if target_set is not None and self._store.get(target_set.name, key) is not None:
                return target
        return targets[0]

    def _finish(self, job: SystemJob, reply: Reply, attempts: int) -> None:
        if not reply.accepted:
            answer = "did not answer in time" if reply.status is None else f"answered with status {reply.status}"
            self._record(job, _FAILED, f"The webhook {answer}.", attempts=attempts)
        elif job.step.keeps_successes:
            self._record(job, _SUCCEEDED, None, attempts=attempts)

    def _record(self, job: SystemJob, status: int, message: str | None, *, attempts: int) -> None:
        entity_set = self._store.model.sets[job.write.set_name]
        created, completed = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (job.created, self._now()))
        self._store.insert(
            "asyncoperations",
            {
                "asyncoperationid": job.id,
                "name": job.step.name,
                "operationtype": 1,
                "messagename": MESSAGES[job.write.kind],
                "message": message,
                "friendlymessage": message,
                "primaryentitytype": entity_set.entity,
                "correlationid": job.caller.correlation_id,
                "depth": 1,
                "retrycount": max(attempts - 1, 0),
                "startedon": created,
                "completedon": completed,
                "statecode": 3,
                "statuscode": status,
                "createdon": created,
                "modifiedon": completed,
                "_createdby_value": job.caller.user_id,
                "_modifiedby_value": job.caller.user_id,
                "_owningextensionid_value": job.step.id,
            },
        )
