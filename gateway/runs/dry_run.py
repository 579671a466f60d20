"""A desk at which everything is done as always, and nothing is written: the plan of a run is what the run would do.

Writes to the systems are checked as far as that goes without asking, and count as carried out (``Call.dry_run``). Changes of
couplings count as made, are seen at this desk only, and are gone with it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.couplings.changes import CouplingChanges, Move
from gateway.couplings.coupling import Cause, Coupling, Doing, Intent
from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import CouplingFilter, CouplingStore, Position, Side, position
from gateway.records import Backend
from gateway.runs.run import Run
from gateway.runs.store import RunStore
from gateway.sync.desk import Books, Desk


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What was planned before: in earlier pages of the same run, and in the runs before it in a chain.

    ``partners`` are those that records get by then in runs before; ``ended`` tells which of some couplings are gone by then.
    """

    partners: Callable[[Tables, Backend, Sequence[UUID]], Awaitable[Mapping[UUID, UUID]]]
    ended: Callable[[Sequence[UUID]], Awaitable[set[UUID]]]


_BACKENDS = {Side.BUSINESS_CENTRAL: Backend.BUSINESS_CENTRAL, Side.DATAVERSE: Backend.DATAVERSE}


def foreseen_by(runs: RunStore, run: Run, *, up_to: int) -> Foreseen:
    """``up_to``: of the run itself, the first so many steps."""
    before = [UUID(each) for each in run.asked.get("before", ())]
    return Foreseen(partial(runs.plans.partners, before), partial(runs.plans.ended, run.id, before, up_to))


def dry(desk: Desk, foreseen: Foreseen | None = None) -> Desk:
    """The desk for a page of a dry run."""
    books = desk.books
    couplings = _Couplings(books.couplings, foreseen)
    changes = _Changes(books.changes, couplings)
    asking = replace(desk.asking, dry_run=True)
    return replace(desk, books=Books(couplings, changes, books.intents), asking=asking)


class _Couplings(CouplingStore):
    """As they are, with what was changed at this desk, and with those that are foreseen."""

    def __init__(self, real: CouplingStore, foreseen: Foreseen | None) -> None:
        super().__init__(real.engine)
        self._foreseen = foreseen
        self.changed: dict[UUID, Coupling] = {}
        self._coming: set[UUID] = set()

    def is_coming(self, record: UUID) -> bool:
        return record in self._coming

    async def get_many(self, ids: Iterable[UUID]) -> dict[UUID, Coupling]:
        found = await super().get_many(ids)
        return {id: self.changed.get(id, each) for id, each in found.items()}

    async def page(self, wanted: CouplingFilter, *, after: Position | None, limit: int) -> list[Coupling]:
        found: list[Coupling] = []
        while len(found) < limit:
            rows = await super().page(wanted, after=after, limit=limit - len(found))
            ended = await self._foreseen.ended([each.id for each in rows]) if self._foreseen is not None else set()
            found += [each for each in rows if each.id not in ended]
            if not ended:
                break
            after = position(rows[-1])
        return found

    async def find(self, mapping: Tables, company_id: UUID, side: Side, ids: Iterable[UUID]) -> dict[UUID, Coupling]:
        wanted = list(ids)
        found = await super().find(mapping, company_id, side, wanted)
        if self._foreseen is None:
            return found
        ended = await self._foreseen.ended([each.id for each in found.values()])
        found = {id: each for id, each in found.items() if each.id not in ended}
        lonely = [each for each in wanted if each not in found]
        coming = await self._foreseen.partners(mapping, _BACKENDS[side], lonely)
        self._coming.update(coming.values())
        for id, partner in coming.items():
            bc, crm = (id, partner) if side is Side.BUSINESS_CENTRAL else (partner, id)
            found[id] = Coupling(
                id=uuid4(),
                mapping=mapping,
                company_id=company_id,
                bc_id=bc,
                crm_id=crm,
                created_at=datetime.now(UTC),
                created_by="",
            )
        return found

    async def add(self, added: Iterable[Coupling]) -> NoReturn:
        raise _written()

    async def correct_keys(self, side: Side, keys: Mapping[UUID, str]) -> None:
        """Left to others."""


class _Changes(CouplingChanges):
    """Every change succeeds, and none is kept."""

    def __init__(self, real: CouplingChanges, couplings: _Couplings) -> None:
        super().__init__(real.engine)
        self._couplings = couplings

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        raise _written()
        yield

    async def apply(
        self,
        doing: Doing,
        *,
        removed: Iterable[Coupling] = (),
        moved: Iterable[Move] = (),
        added: Iterable[Coupling] = (),
        stale: Iterable[Coupling] = (),
        begun: Intent | None = None,
        done: Intent | None = None,
    ) -> None:
        pass

    async def update_each(self, wanted: Iterable[Coupling], *, done: Iterable[Intent] = ()) -> set[UUID]:
        now = {each.id: each for each in wanted}
        self._couplings.changed |= now
        return set(now)

    async def unskip_each(self, ids: Iterable[UUID]) -> set[UUID]:
        return set(ids)

    async def add_free(
        self,
        wanted: Sequence[Coupling],
        doing: Doing,
        *,
        begun: Mapping[UUID, Intent] | None = None,
        stale: Sequence[Coupling] = (),
    ) -> set[UUID]:
        """Those whose records have no other partner, neither in our tables nor among these."""
        ended = {each.id for each in stale}
        taken: set[UUID] = set()
        if wanted:
            of = wanted[0]
            for side, ids in (
                (Side.BUSINESS_CENTRAL, [each.bc_id for each in wanted]),
                (Side.DATAVERSE, [each.crm_id for each in wanted]),
            ):
                found = await self._couplings.find(of.mapping, of.company_id, side, ids)
                taken |= {id for id, each in found.items() if each.id not in ended}
        free: set[UUID] = set()
        for each in wanted:
            if taken.isdisjoint((each.bc_id, each.crm_id)):
                free.add(each.id)
                taken |= {each.bc_id, each.crm_id}
        return free

    async def remove_families(
        self, wanted: Sequence[tuple[Coupling, Sequence[Coupling]]], doing: Doing, *, below: Cause
    ) -> set[UUID]:
        return {one.id for each, children in wanted for one in (each, *children)}

    async def remove_each(
        self, wanted: Sequence[Coupling], doing: Doing, *, causes: Mapping[UUID, Cause] | None = None
    ) -> set[UUID]:
        return {each.id for each in wanted}


def _written() -> AssertionError:
    return AssertionError("a dry run writes nothing")
