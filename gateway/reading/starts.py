"""What of a need may begin before its rows are there: from keys that are known, or that couplings remember."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.odata.query import Value
from gateway.reading.feeds import Fed
from gateway.reading.lookup import match_key
from gateway.reading.need import (
    Coupled,
    CouplingOf,
    Need,
    Rows,
    RowsOfYear,
    Source,
)
from gateway.reading.partners import Guess, Pair, natural_key_of
from gateway.reading.row import Failure, Outcome


@dataclass(frozen=True, slots=True)
class Early:
    """A branch that needs no row, begun with the row: for these starting values, by :func:`match_key`."""

    values: Mapping[str, Value]
    fed: "asyncio.Task[dict[str, Fed] | Failure]"


@dataclass(frozen=True, slots=True)
class Started:
    """Branches that were begun before their rows were there, by name."""

    guesses: dict[str, Guess] = field(default_factory=dict)
    early: dict[str, Early] = field(default_factory=dict)
    facts: "dict[str, asyncio.Task[Outcome]]" = field(default_factory=dict)

    @property
    def tasks(self) -> "list[asyncio.Task[Any]]":
        partners = [guess.partners for guess in self.guesses.values() if guess.partners is not None]
        return [*partners, *(early.fed for early in self.early.values()), *self.facts.values()]

    async def settle(self) -> None:
        """Let them end whose rows turned out not to exist: what they asked is asked, and is told."""
        await asyncio.gather(*self.tasks)

    def drop(self) -> None:
        """Stop what nobody waits for any more, because reading ended early."""
        for task in self.tasks:
            task.cancel()


def mappings_started(need: Need, column: str) -> set[str]:
    """The mappings whose couplings tell where branches lead, or by which number their rows go."""
    through = {branch.link.mapping for branch in need.branches if isinstance(branch.link, Coupled | CouplingOf)}
    source = need.source
    if source.mapping is None or column != source.key:
        return through
    numbered = any(
        isinstance(branch.link, Rows | RowsOfYear) and branch.link.column == source.natural_key
        for branch in need.branches
    )
    return through | ({source.mapping} if numbered else set())


def starting_values(
    source: Source, starts_at: str, column: str, keys: Sequence[Value], pairs: Mapping[str, Pair]
) -> dict[str, Value]:
    """What a branch may begin with before its rows are there: the key itself, or the number a coupling remembers for it."""
    if starts_at == column:
        return {match_key(key): key for key in keys if key is not None}
    if starts_at != source.natural_key or column != source.key:
        return {}
    numbers = (natural_key_of(pair, source.backend) for pair in pairs.values())
    return {match_key(number): number for number in numbers if number is not None}
