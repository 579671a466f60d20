"""Figures of Business Central written to CRM, as the native integration does: what came of each record.

Every write is guarded by the ETag its row was read with, a new row has an id that follows from its record: whatever is repeated
after a lost answer or a crash writes nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from gateway.answers.plan import FailedFeed, failed
from gateway.clients.call import Call
from gateway.clients.client import ODataClient
from gateway.clients.writing import Outcome
from gateway.errors import BackendError, ErrorCode, GatewayError, PreconditionFailedError
from gateway.figures.unavailable import Unavailable
from gateway.odata.query import AnyOf, Query, chunks
from gateway.odata.write import Update, Write, holds
from gateway.reading.need import Source
from gateway.reading.row import Failure, Row
from gateway.reading.trace import Trace
from gateway.records import Values


class PushOutcome(StrEnum):
    """What came of one record."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    NOT_FOUND = "NOT_FOUND"
    NOT_COUPLED = "NOT_COUPLED"
    INCOMPLETE = "INCOMPLETE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One record: its number in Business Central, its row in CRM if it has one, and why nothing was written if so."""

    number: str | None
    outcome: PushOutcome
    crm_id: str | None = None
    code: ErrorCode | None = None
    message: str | None = None


def not_written(number: str | None, error: GatewayError, *, crm_id: str | None = None) -> Pushed:
    """A record that an error kept from being written."""
    return Pushed(number, PushOutcome.FAILED, crm_id, error.code, error.message)


def missing(number: str | None, what: Unavailable, *, before: str = "") -> Pushed:
    """A record that lacks something: FAILED when a backend did not give it, INCOMPLETE when there is no source of it."""
    if isinstance(what, FailedFeed):
        return not_written(number, what.failure.error)
    return Pushed(number, PushOutcome.INCOMPLETE, message=before + what.message)


def as_read(row: Row | Unavailable | None) -> Row | Unavailable | None:
    """A record of CRM; a failure for one that is only known to exist."""
    if isinstance(row, Row) and isinstance(row.values, Failure):
        return failed(row.values)
    return row


@dataclass(frozen=True, slots=True)
class Change:
    """An update, and all that its row is to hold, by the names it is read by."""

    source: Source
    update: Update
    wanted: Values


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes on behalf of one request, and notes what it cost."""

    client: ODataClient
    call: Call
    trace: Trace

    async def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """Each by itself, in as few exchanges as batches allow."""
        if not writes:
            return []
        before = len(self.call.exchanges)
        try:
            return await self.client.write_each(writes, call=self.call)
        finally:
            self._note(before)

    async def change(self, changes: Sequence[Change]) -> list[PushOutcome | GatewayError]:
        """UPDATED, or why not; UNCHANGED when somebody wrote the same while we calculated."""
        outcomes = await self.write([each.update for each in changes])
        told: list[PushOutcome | GatewayError] = [
            each if isinstance(each, GatewayError) else PushOutcome.UPDATED for each in outcomes
        ]
        doubtful = [index for index, each in enumerate(told) if isinstance(each, PreconditionFailedError)]
        held = await self._held([changes[index] for index in doubtful]) if doubtful else []
        for index, as_wanted in zip(doubtful, held, strict=True):
            if as_wanted:
                told[index] = PushOutcome.UNCHANGED
        return told

    async def _held(self, changes: Sequence[Change]) -> list[bool]:
        """Whether the rows, read again all together, are as wanted by now; a row that cannot be read is not."""
        found: dict[tuple[str, str], Values] = {}
        requests = self._again(changes)
        before = len(self.call.exchanges)
        try:
            answers = await self.client.page_each([(source.name, query) for source, query in requests], call=self.call)
        except BackendError:
            return [False] * len(changes)
        finally:
            self._note(before)
        for (source, _), answer in zip(requests, answers, strict=True):
            for record in () if isinstance(answer, BackendError) else answer.records:
                found[source.name, str(record.values.get(source.key)).lower()] = record.values
        rows = [found.get((each.source.name, str(each.update.id))) for each in changes]
        return [row is not None and holds(row, each.wanted) for row, each in zip(rows, changes, strict=True)]

    def _again(self, changes: Sequence[Change]) -> list[tuple[Source, Query]]:
        """What to ask: one query for each set, more where a URL cannot hold it."""
        dialect, room = self.client.vendor.dialect, self.client.vendor.query_room
        requests: list[tuple[Source, Query]] = []
        for source in dict.fromkeys(each.source for each in changes):
            of_source = [each for each in changes if each.source == source]
            ids: dict[UUID, None] = dict.fromkeys(each.update.id for each in of_source)
            select = tuple(sorted({source.key}.union(*(each.wanted for each in of_source))))
            taken = len(Query(select=select).encode(dialect)) + len("&$filter=")
            requests += [
                (source, Query(select=select, filter=part))
                for part in chunks(AnyOf(source.key, tuple(ids)), dialect, room=room - taken)
            ]
        return requests

    def _note(self, before: int) -> None:
        self.trace.add(self.call.exchanges[before:], after=self.trace.round_trips)
