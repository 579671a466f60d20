"""Figures of Business Central written to CRM, as the native integration does: what came of each record.

Every write is guarded by the ETag its row was read with, a new row has an id that follows from its record: whatever is repeated
after a lost answer or a crash writes nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.clients.call import Call
from gateway.clients.client import ODataClient
from gateway.clients.writing import Outcome
from gateway.errors import ErrorCode, GatewayError
from gateway.odata.write import Write
from gateway.reading.trace import Trace


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
            self.trace.add(self.call.exchanges[before:], after=self.trace.round_trips)
