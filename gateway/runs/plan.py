"""What a run would do with couplings, without doing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.couplings.coupling import Coupling
from gateway.records import Backend
from gateway.runs.configured import Configured
from gateway.runs.planning import Decision, Wanted, decide
from gateway.runs.reading import read_page
from gateway.sync.desk import Desk


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision about a coupling; ``moved`` are the sides that changed since it was synchronized."""

    coupling: Coupling
    decision: Decision
    moved: frozenset[Backend]


async def planned(desk: Desk, configured: Configured, couplings: Sequence[Coupling], wanted: Wanted) -> list[Planned]:
    """One for each coupling, in their order.

    Raises:
        BackendError: a side could not be read, or a record cannot be judged.
        RefusalError: the mapping is switched off, a whole side is empty, or a record cannot be seen.
    """
    configured.require_enabled()
    mapping, policy = configured.mapping, configured.policy
    page = await read_page(desk, mapping, couplings, {})
    for _, error in page.unreadable:
        raise error
    return [
        Planned(each.coupling, decide(each.seen, policy, mapping.direction, wanted=wanted), each.seen.moved)
        for each in page.pairs
    ]
