"""Couplings are watched on both databases: each change is told once, in whatever order the database lets it be seen."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from anyio.lowlevel import checkpoint
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.changes import CouplingChanges, Move
from gateway.couplings.coupling import Cause, Coupling, Doing, Event, Mapping
from gateway.couplings.table import coupling_history, couplings
from gateway.couplings.watching import Changed, CouplingWatches
from gateway.database import create_engine, upgrade
from tests.databases import DATABASES, postgresql

pytestmark = pytest.mark.anyio

COMPANY, OTHER_COMPANY = UUID(int=0xC1), UUID(int=0xC2)
NOW = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
DOING = Doing("Ada", NOW, Cause.MANUAL)


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    found: str = request.getfixturevalue("own_postgresql")
    return found


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(url)
    await upgrade(engine)
    async with engine.begin() as connection:
        for table in (couplings, coupling_history):
            await connection.execute(delete(table))
    yield engine
    await engine.dispose()


@pytest.fixture
async def watches(engine: AsyncEngine) -> AsyncIterator[CouplingWatches]:
    made = CouplingWatches(CouplingChanges(engine), seconds=0.01)
    yield made
    await made.close()
    assert made.watchers == 0


def coupling(mapping: Mapping = Mapping.CUSTOMER, company: UUID = COMPANY) -> Coupling:
    return Coupling(uuid4(), mapping, company, uuid4(), uuid4(), created_at=NOW, created_by="Ada")


async def begun(watches: CouplingWatches, waiting: "asyncio.Future[Changed]", watchers: int = 1) -> None:
    """Until the watcher is there: what happens from now on it is told."""
    while watches.watchers < watchers:
        assert not waiting.done()
        await checkpoint()


async def test_what_any_process_does_is_told_of_one_mapping_in_one_company(
    engine: AsyncEngine, watches: CouplingWatches
) -> None:
    elsewhere, before = CouplingChanges(engine), coupling()
    await elsewhere.apply(DOING, added=[before])
    async with aclosing(watches.of(Mapping.CUSTOMER, COMPANY)) as watched:
        waiting = asyncio.ensure_future(anext(watched))
        await begun(watches, waiting)
        for stranger in (coupling(Mapping.ITEM), coupling(company=OTHER_COMPANY)):
            await elsewhere.apply(DOING, added=[stranger])
        moved = Coupling(before.id, Mapping.CUSTOMER, COMPANY, uuid4(), before.crm_id, created_at=NOW, created_by="Ada")
        await elsewhere.apply(DOING, moved=[Move(before, moved)])
        first = await waiting
        assert (dict(first.counts), first.newest.was_bc_id) == ({Event.MOVED: 1}, before.bc_id)
        await elsewhere.apply(DOING, added=[coupling() for _ in range(700)], removed=[moved])
        told = [await anext(watched)]
        while sum(sum(each.counts.values()) for each in told) < 701:
            told.append(await anext(watched))
        assert sum(each.counts[Event.COUPLED] for each in told) == 700
        assert sum(each.counts[Event.UNCOUPLED] for each in told) == 1


async def test_who_reads_slowly_is_told_all_at_once(engine: AsyncEngine, watches: CouplingWatches) -> None:
    elsewhere = CouplingChanges(engine)
    async with (
        aclosing(watches.of(Mapping.CUSTOMER, COMPANY)) as slow,
        aclosing(watches.of(Mapping.CUSTOMER, COMPANY)) as quick,
    ):
        started = asyncio.ensure_future(anext(slow))
        await begun(watches, started)
        waiting = asyncio.ensure_future(anext(quick))
        await begun(watches, waiting, 2)
        made = [coupling() for _ in range(5)]
        for each in made:
            await elsewhere.apply(DOING, added=[each])
            assert (await waiting).newest.coupling_id == each.id
            waiting = asyncio.ensure_future(anext(quick))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        told = [await started, await anext(slow)]
        assert [each.counts[Event.COUPLED] for each in told] == [1, 4], "one while it waited, the rest since"
        assert told[1].newest.coupling_id == made[-1].id


async def test_a_line_that_is_committed_late_is_told_too(engine: AsyncEngine, watches: CouplingWatches) -> None:
    """PostgreSQL gives out numbers before it commits: a lower one may be seen after a higher one."""
    elsewhere, late = CouplingChanges(engine), coupling()
    first = coupling()
    await elsewhere.apply(DOING, added=[first])
    number = await elsewhere.last_line()
    async with engine.begin() as connection:  # as if this one's number came from behind the next
        await connection.execute(insert(coupling_history).values(_line(late) | {"number": number + 2}))
    async with aclosing(watches.of(Mapping.CUSTOMER, COMPANY)) as watched:
        waiting = asyncio.ensure_future(anext(watched))
        await begun(watches, waiting)
        async with engine.begin() as connection:
            await connection.execute(insert(coupling_history).values(_line(first) | {"number": number + 1}))
        assert (await waiting).newest.number == number + 1, "it began before this was watched, and ended while"
        waiting = asyncio.ensure_future(anext(watched))
        for later in (number + 5, number + 3):
            async with engine.begin() as connection:
                await connection.execute(insert(coupling_history).values(_line(late) | {"number": later}))
            assert (await waiting).newest.number == later
            waiting = asyncio.ensure_future(anext(watched))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


def _line(each: Coupling) -> dict[str, object]:
    return {
        "coupling_id": each.id,
        "mapping": each.mapping,
        "company_id": each.company_id,
        "bc_id": each.bc_id,
        "crm_id": each.crm_id,
        "event": Event.COUPLED,
        "cause": Cause.MANUAL,
        "at": NOW,
        "by": "Ada",
    }
