"""What a GraphQL request cost at the backends: every exchange, and the longest chain of those that waited for each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.clients.call import Exchange


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange on behalf of this request; ``shared`` when more than one question travelled in it."""

    exchange: Exchange
    shared: bool


@dataclass(slots=True)
class Trace:
    """Collects the steps of one GraphQL request. ``round_trips`` counts the chain, not the exchanges."""

    steps: list[Step] = field(default_factory=list)
    round_trips: int = 0
    cache_hits: int = 0
    _noted: set[int] = field(default_factory=set)

    def add(self, exchanges: Sequence[Exchange], *, after: int, shared: bool = False) -> int:
        """Note exchanges that followed each other, begun when ``after`` round trips had passed.

        Returns:
            how many round trips have passed when they are done.
        """
        for exchange in exchanges:
            if id(exchange) not in self._noted:  # two fields of this request may have travelled in it
                self._noted.add(id(exchange))
                self.steps.append(Step(exchange, shared))
        depth = after + len(exchanges)
        self.round_trips = max(self.round_trips, depth)
        return depth
