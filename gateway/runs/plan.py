"""What a run would do with couplings, without doing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.couplings.coupling import Coupling
from gateway.records import Backend
from gateway.runs.planning import Decision, Wanted, decide
from gateway.runs.policy import Policy
from gateway.runs.reading import read_page
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Planned:
    """A decision about a coupling; ``moved`` are the sides that changed since it was synchronized."""

    coupling: Coupling
    decision: Decision
    moved: frozenset[Backend]


async def planned(
    desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling], policy: Policy, wanted: Wanted
) -> list[Planned]:
    """One for each coupling, in their order.

    Raises:
        BackendError: a side could not be read, or a record cannot be judged.
        RefusalError: a whole side is empty, or a record cannot be seen.
    """
    page = await read_page(desk, mapping, couplings, {})
    for _, error in page.unreadable:
        raise error
    return [
        Planned(each.coupling, decide(each.seen, policy, mapping.direction, wanted=wanted), each.seen.moved)
        for each in page.pairs
    ]
