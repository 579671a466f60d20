"""What is wrong now, read from our own tables: on both databases, one statement for a page, whatever its length."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingFilter, CouplingStore, position
from gateway.runs.run import RunError
from gateway.runs.store import RunStore
from gateway.runs.troubles import Lonely, Row, Troubles

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
COMPANY, ELSEWHERE = UUID(int=1), UUID(int=2)
FAILED = Coupling(
    UUID(int=10), Mapping.CUSTOMER, COMPANY, UUID(int=11), UUID(int=12), "C1", error_code="UPDATE_CONFLICT"
)
SKIPPED = replace(FAILED, id=UUID(int=20), bc_id=UUID(int=21), crm_id=UUID(int=22), error_code=None, skipped=True)
WELL = replace(FAILED, id=UUID(int=30), bc_id=UUID(int=31), crm_id=UUID(int=32), bc_key="c0", error_code=None)


@pytest.fixture(autouse=True)
async def stored(engine: AsyncEngine) -> None:
    await CouplingStore(engine).add([FAILED, SKIPPED, WELL])


def told(run: int, minutes: int, coupling: Coupling | None = None, **more: object) -> RunError:
    """An error so many minutes after noon."""
    id = coupling.id if coupling is not None else None
    error = RunError(UUID(int=run), 1, Mapping.CUSTOMER, COMPANY, "A", "m", NOON + timedelta(minutes=minutes))
    return replace(error, coupling_id=id, **more)  # type: ignore[arg-type]  # names of its fields


async def test_since_when_and_how_often_goes_by_the_last_success(engine: AsyncEngine) -> None:
    runs, troubles, couplings = RunStore(engine), Troubles(engine), CouplingStore(engine)
    for run, minutes in ((1, 0), (2, 10), (3, 20)):
        await runs.note(UUID(int=run), 1, [told(run, minutes, FAILED, message=f"run {run}")])
    statements: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    found = await troubles.told([FAILED, SKIPPED])
    assert len(statements) == 1
    newest = found[FAILED.id].newest
    assert found == {FAILED.id: Row(newest, NOON, 3)}
    assert newest is not None
    assert (newest.message, newest.at, newest.run_id) == ("run 3", NOON + timedelta(minutes=20), UUID(int=3))
    synchronized = replace(FAILED, id=uuid4(), bc_id=uuid4(), crm_id=uuid4(), last_synchronized_at=NOON)
    await couplings.add([synchronized])
    await runs.note(UUID(int=4), 1, [told(4, -5, synchronized)])
    assert await troubles.told([synchronized]) == {}, "what was told before the last success is over"
    await runs.note(UUID(int=5), 1, [told(5, 5, synchronized)])
    row = (await troubles.told([synchronized]))[synchronized.id]
    assert (row.since, row.times) == (NOON + timedelta(minutes=5), 1)


async def test_couplings_in_trouble_by_code_page_by_page(engine: AsyncEngine) -> None:
    store = CouplingStore(engine)
    wanted = CouplingFilter(company_id=COMPANY, troubled=True)
    assert (await store.page(wanted, after=None, limit=10), await store.count(wanted)) == ([FAILED, SKIPPED], 2)
    assert await store.page(wanted, after=position(FAILED), limit=10) == [SKIPPED]
    assert await store.page(replace(wanted, error_code="UPDATE_CONFLICT"), after=None, limit=10) == [FAILED]
    assert await store.page(replace(wanted, company_id=ELSEWHERE), after=None, limit=10) == []


async def test_records_without_a_coupling(engine: AsyncEngine) -> None:
    """Of each the newest error, as long as neither side has a partner; the newest first, no one twice and none left out."""
    runs, troubles = RunStore(engine), Troubles(engine)
    first, second = UUID(int=101), UUID(int=102)
    notes = [
        told(1, 0, number=1, bc_id=first, code="OLD"),
        told(1, 0, number=2, bc_id=second),
        told(1, 5, number=3, bc_id=first),
        told(1, 9, number=4, bc_id=WELL.bc_id),
        told(1, 9, number=5, crm_id=WELL.crm_id),
        told(1, 0, number=6, crm_id=UUID(int=103)),
        told(1, 9, number=7, bc_id=UUID(int=104), company_id=ELSEWHERE),
        told(1, 9, number=8, bc_id=UUID(int=105), mapping=Mapping.ITEM),
    ]
    await runs.note(UUID(int=1), 1, notes)
    wanted, seen = Lonely(COMPANY, Mapping.CUSTOMER), list[int]()
    after = None
    while page := await troubles.lonely(wanted, after=after, limit=1):
        seen.append(page[0].number)
        after = (page[0].at, page[0].run_id, page[0].number)
    assert seen == [3, 6, 2]
    assert await troubles.count_lonely(wanted) == 3
    assert await troubles.count_lonely(replace(wanted, code="OLD")) == 0, (
        "an error that is over is not found by its code"
    )
    assert await troubles.count_lonely(Lonely(COMPANY)) == 4
