"""Orders that were invoiced come to their end: the order in CRM becomes Invoiced, and the coupling ends.

CRM comes first: what breaks off in between is found again, and finds the order as it is to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.clients.writing import Outcome
from gateway.couplings.coupling import Cause
from gateway.errors import GatewayError
from gateway.odata.write import Update
from gateway.runs.planning import CRM
from gateway.runs.reading import Both
from gateway.sync.desk import Desk
from gateway.sync.invoiced_orders import as_invoiced
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of one. ``problem`` kept the order in CRM from being written; then the coupling is as it was."""

    both: Both
    written: bool = False
    problem: GatewayError | None = None


async def close_each(desk: Desk, mapping: TableMapping, pairs: Sequence[Both], run: UUID) -> list[Closed]:
    """One for each pair, in their order. The mark of the company stays: nobody changes an invoiced order."""
    if not pairs:
        return []
    outcomes = await _write(desk, mapping, pairs)
    closed = [_closed(each, outcomes) for each in pairs]
    over = [each.both.coupling for each in closed if each.problem is None]
    await desk.books.changes.remove_each(over, desk.doing(Cause.STALE, run))
    return closed


async def _write(desk: Desk, mapping: TableMapping, pairs: Sequence[Both]) -> dict[UUID, Outcome]:
    """What came of each write, by its row."""
    source = mapping.crm.source
    wanted = [(row, values) for row in (each.records[CRM] for each in pairs) if (values := as_invoiced(row.values))]
    updates = [Update(desk.path(source), row.id, values, row.etag or "") for row, values in wanted]
    if not updates:
        return {}
    with desk.calling() as call:
        outcomes = await desk.client(source).write_each(updates, call=call)
    return {row.id: outcome for (row, _), outcome in zip(wanted, outcomes, strict=True)}


def _closed(both: Both, outcomes: dict[UUID, Outcome]) -> Closed:
    outcome = outcomes.get(both.records[CRM].id)
    if isinstance(outcome, GatewayError):
        return Closed(both, problem=outcome)
    return Closed(both, written=both.records[CRM].id in outcomes)
