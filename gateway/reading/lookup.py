"""Many keys, one request: look-ups by key batched by level and between callers of one identity.

Questions for the same set that wait at the same moment travel together, whoever asked; under pressure more of them wait, so
the batches grow and the number of backend requests does not. An answer is split up again by key.

No question is ever joined with one of another acting identity or another company.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from gateway.clients.call import APPLICATION, AS_APPLICATION, Acting, Call, Deadline, Exchange
from gateway.clients.client import ODataClient
from gateway.errors import DeadlineError, GatewayError, OnBehalfOfError, ProtocolError, RejectedError
from gateway.keys import fold, loosely
from gateway.odata.query import AnyOf, Expand, Filter, Query, Value, both, chunks, encoded_length, render, unique
from gateway.reading.cache import ABSENCE, LIFETIMES, RecordCache, prefix
from gateway.reading.need import Source
from gateway.reading.trace import Trace
from gateway.records import Backend, Record

_FLIGHTS = 2
"""Requests one kind of look-up may have at a backend at once; what comes meanwhile travels in the next."""

_GRACE_SECONDS = 0.05
"""A flight ends by itself at the latest deadline of those in it; this much later a passenger knows that it was not theirs."""

_MOST_KEYS = 600
"""Keys one flight takes; what its URLs cannot hold is split into several requests."""


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf and where: nothing is shared across two different scopes.

    ``personal`` are the backends that know the identity; at the others it is the application, which all callers share.
    """

    identity: str
    company: UUID | None
    personal: frozenset[Backend] = frozenset(Backend)

    def at(self, source: Source) -> "Scope":
        """As far as it matters to rows of this set."""
        identity = self.identity if source.backend in self.personal else APPLICATION
        return Scope(identity, self.company if source.in_company else None)


@dataclass(frozen=True, slots=True)
class Asking:
    """One GraphQL request, as far as a look-up must know it. ``dry_run``: it writes nothing, see ``Call``."""

    scope: Scope
    deadline: Deadline
    trace: Trace
    correlation_id: str
    acting: Acting = AS_APPLICATION
    dry_run: bool = False

    def call(self, deadline: Deadline | None = None) -> Call:
        """A backend call on behalf of this request; with a ``deadline`` when others wait for it too."""
        return Call(deadline or self.deadline, self.correlation_id, acting=self.acting, dry_run=self.dry_run)

    def is_personal(self, backend: Backend) -> bool:
        """Whether the backend shows this caller only what the caller's own rights allow."""
        return backend in self.acting.auth


class Paths(Protocol):
    """Where a set is found at its backend."""

    def client(self, source: Source) -> ODataClient: ...

    def path(self, source: Source, company: UUID | None) -> str: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    """Look-ups of one kind may share a request."""

    scope: Scope
    source: Source
    column: str
    expand: tuple[Expand, ...]
    where: Filter | None = None


@dataclass(slots=True, eq=False)
class _Answer:
    """What a flight brought: records by key, or the error that ended it; and what it cost either way."""

    records: dict[str, list[Record]]
    exchanges: list[list[Exchange]]
    shared: bool
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class _Ticket:
    keys: dict[str, Value]
    select: frozenset[str]
    asking: Asking
    after: int
    answer: "asyncio.Future[_Answer]"


@dataclass(slots=True, eq=False)
class _Flight:
    deadline: Deadline
    keys: dict[str, Value]
    select: frozenset[str]
    answer: "asyncio.Future[_Answer]"


@dataclass(slots=True, eq=False)
class _Queue:
    waiting: list[_Ticket] = field(default_factory=list)
    flights: list[_Flight] = field(default_factory=list)
    scheduled: bool = False


def match_key(value: object) -> str:
    """How keys are compared: both backends ignore case in codes, and GUIDs come in either case."""
    return fold(str(value))


class Lookups:
    """The one place that asks a backend for rows by key. Lives as long as the process."""

    def __init__(self, paths: Paths, cache: RecordCache) -> None:
        self._paths = paths
        self._cache = cache
        self._queues: dict[_Kind, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def by_key(
        self,
        asking: Asking,
        source: Source,
        column: str,
        keys: Sequence[Value],
        *,
        select: frozenset[str],
        expand: tuple[Expand, ...],
        after: int,
    ) -> tuple[dict[str, Record], int]:
        """The rows whose ``column`` has one of ``keys``, by :func:`match_key`; and the round trips passed by then.

        A key without a row is absent.

        Raises:
            BackendError: they could not be had.
        """
        wanted = {match_key(key): key for key in unique(keys)}
        if not source.reference:
            found, depth = await self._fetch(asking, source, column, wanted, select=select, expand=expand, after=after)
            return _one_each(found), depth
        scope = asking.scope.at(source)
        stem = prefix(
            identity=scope.identity,
            company=scope.company,
            entity_set=source.name,
            column=column,
            select=select,
            expand=expand,
        )
        kept = await self._cache.get(stem, wanted)
        asking.trace.cache_hits += len(kept)
        missing = {name: key for name, key in wanted.items() if name not in kept}
        present = {name: record for name, record in kept.items() if record is not None}
        if missing:
            found, after = await self._fetch(asking, source, column, missing, select=select, expand=expand, after=after)
            fresh = _one_each(found)
            await self._cache.put(stem, fresh, lifetime=LIFETIMES[source.name])
            absent: dict[str, Record | None] = dict.fromkeys(missing.keys() - fresh.keys())
            await self._cache.put(stem, absent, lifetime=ABSENCE)
            present |= fresh
        return present, after

    async def all_by_key(
        self,
        asking: Asking,
        source: Source,
        column: str,
        keys: Sequence[Value],
        *,
        select: frozenset[str],
        expand: tuple[Expand, ...] = (),
        where: Filter | None = None,
        after: int,
    ) -> tuple[dict[str, list[Record]], int]:
        """As :meth:`by_key`, where many rows may have one key; ``where`` narrows them. Never cached.

        Raises:
            BackendError: they could not be had.
        """
        wanted = {match_key(key): key for key in unique(keys)}
        return await self._fetch(
            asking, source, column, wanted, select=select | {column}, expand=expand, where=where, after=after
        )

    async def _fetch(
        self,
        asking: Asking,
        source: Source,
        column: str,
        keys: dict[str, Value],
        *,
        select: frozenset[str],
        expand: tuple[Expand, ...],
        where: Filter | None = None,
        after: int,
    ) -> tuple[dict[str, list[Record]], int]:
        if not keys:
            return {}, after
        kind = _Kind(asking.scope.at(source), source, column, expand, where)
        queue = self._queues.setdefault(kind, _Queue())
        future, joined = self._under_way(queue, keys, select, asking.deadline), True
        if future is None:
            future, joined = asyncio.get_running_loop().create_future(), False
            queue.waiting.append(_Ticket(keys, select, asking, after, future))
            self._schedule(kind, queue)
        try:
            async with asyncio.timeout(max(0.0, asking.deadline.remaining) + _GRACE_SECONDS):
                answer = await asyncio.shield(future)
        except TimeoutError as error:
            raise DeadlineError(
                f"{source.backend.label} did not answer within the time this request may take.",
                backend=source.backend,
            ) from error
        depths = [
            asking.trace.add(exchanges, after=after, shared=joined or answer.shared) for exchanges in answer.exchanges
        ]
        if answer.error is not None:
            raise answer.error.again() if isinstance(answer.error, GatewayError) else answer.error
        records = {name: answer.records[name] for name in keys if name in answer.records}
        return records, max(depths, default=after)

    def _under_way(
        self, queue: _Queue, keys: Mapping[str, Value], select: frozenset[str], deadline: Deadline
    ) -> "asyncio.Future[_Answer] | None":
        """A flight that brings all of this already, and will not give up before we would."""
        for flight in queue.flights:
            in_time = flight.deadline.at + _GRACE_SECONDS >= deadline.at
            if in_time and keys.keys() <= flight.keys.keys() and select <= flight.select:
                return flight.answer
        return None

    def _schedule(self, kind: _Kind, queue: _Queue) -> None:
        """Take off after everything that is ready to ask at this moment has asked."""
        if not queue.scheduled and len(queue.flights) < _FLIGHTS:
            queue.scheduled = True
            asyncio.get_running_loop().call_soon(self._take_off, kind, queue)

    def _take_off(self, kind: _Kind, queue: _Queue) -> None:
        queue.scheduled = False
        while queue.waiting and len(queue.flights) < _FLIGHTS:
            tickets = _board(queue.waiting)
            del queue.waiting[: len(tickets)]
            flight = _Flight(
                deadline=max((ticket.asking.deadline for ticket in tickets), key=lambda each: each.at),
                keys={name: key for ticket in tickets for name, key in ticket.keys.items()},
                select=frozenset[str]().union(*(ticket.select for ticket in tickets)),
                answer=asyncio.get_running_loop().create_future(),
            )
            queue.flights.append(flight)
            task = asyncio.get_running_loop().create_task(self._fly(kind, queue, flight, tickets))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _fly(self, kind: _Kind, queue: _Queue, flight: _Flight, tickets: list[_Ticket]) -> None:
        answer = _Answer({}, [], shared=len(tickets) > 1, error=RuntimeError("the gateway is stopping"))
        try:
            answer = await self._ask(kind, flight.keys, flight.select, tickets)
            if len(tickets) > 1 and isinstance(answer.error, RejectedError | OnBehalfOfError):
                await self._each_alone(
                    kind, tickets
                )  # a question that is rejected, or a token, is not the others' fault
        finally:
            for future in (flight.answer, *(ticket.answer for ticket in tickets)):
                if not future.done():
                    future.set_result(answer)
            queue.flights.remove(flight)
            if queue.waiting:
                self._schedule(kind, queue)
            elif not queue.flights:
                self._queues.pop(kind, None)

    async def _each_alone(self, kind: _Kind, tickets: Sequence[_Ticket]) -> None:
        answers = await asyncio.gather(*(self._ask(kind, each.keys, each.select, [each]) for each in tickets))
        for ticket, answer in zip(tickets, answers, strict=True):
            ticket.answer.set_result(answer)

    async def _ask(
        self, kind: _Kind, keys: Mapping[str, Value], select: frozenset[str], tickets: Sequence[_Ticket]
    ) -> _Answer:
        source = kind.source
        client = self._paths.client(source)
        bare = Query(select=tuple(sorted(select)), expand=kind.expand)
        dialect = client.vendor.dialect
        room = client.vendor.query_room - len(bare.encode(dialect)) - len("&$filter=")
        if kind.where is not None:
            room -= encoded_length(f"({render(kind.where, dialect)}) and ()")
        deadline = max((ticket.asking.deadline for ticket in tickets), key=lambda each: each.at)
        path = self._paths.path(source, kind.scope.company)
        calls: list[Call] = []

        async def part(condition: AnyOf) -> list[Record]:
            call = tickets[0].asking.call(deadline)
            calls.append(call)
            query = Query(select=bare.select, expand=bare.expand, filter=both(condition, kind.where))
            return await client.everything(path, query, call=call)

        condition = AnyOf(kind.column, tuple(keys.values()))
        parts = [part(each) for each in chunks(condition, dialect, room=room)]
        answer = _Answer({}, [], shared=len(tickets) > 1)
        for found in await asyncio.gather(*parts, return_exceptions=True):
            try:
                if isinstance(found, BaseException):
                    raise found
                for record in found:
                    answer.records.setdefault(_key_of(record, kind, keys), []).append(record)
            except Exception as error:  # it is raised again for everybody who asked
                answer.error = error
        _adopt(answer.records, keys)
        answer.exchanges = [call.exchanges for call in calls]
        return answer


def _one_each(found: Mapping[str, list[Record]]) -> dict[str, Record]:
    """Of rows whose key is unique; should a backend send one twice, the later one."""
    return {name: records[-1] for name, records in found.items()}


def _key_of(record: Record, kind: _Kind, asked: Mapping[str, Value]) -> str:
    backend = kind.source.backend
    value = record.values.get(kind.column)
    if value is None:
        raise ProtocolError(f"{backend.label} left out {kind.column!r} of {kind.source.name}.", backend=backend)
    name = match_key(value)
    if kind.column == kind.source.key and name not in asked:
        raise ProtocolError(f"{backend.label} sent a row of {kind.source.name} nobody asked for.", backend=backend)
    return name


def _adopt(records: dict[str, list[Record]], asked: Mapping[str, Value]) -> None:
    """Give rows under a key nobody asked for to the key that the backend must have taken for the same.

    Its collation may see more alike than :func:`~gateway.keys.fold` does: accents, ligatures, blanks at the end.
    """
    strange = records.keys() - asked.keys()
    if not strange:
        return
    alike: dict[str, list[str]] = {}
    for key in asked.keys() - records.keys():
        alike.setdefault(loosely(key), []).append(key)
    for name in strange:
        for key in alike.get(loosely(name), ()):
            records.setdefault(key, []).extend(records[name])


def _board(waiting: Sequence[_Ticket]) -> list[_Ticket]:
    """Those who travel next: in turn, while there is room for their keys; at least one."""
    boarded: list[_Ticket] = []
    keys: set[str] = set()
    for ticket in waiting:
        keys |= ticket.keys.keys()
        if boarded and len(keys) > _MOST_KEYS:
            break
        boarded.append(ticket)
    return boarded
