"""What webhooks keep, on both databases: one process at a time looks after a backend, and nothing told is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.database import create_engine, upgrade
from gateway.records import Backend
from gateway.runs.told import SOMETHING, Notice, Told, change_notices
from gateway.triggers.hook_store import HookStore, Registration, Upkeep, hash_of, hook_registrations, hook_upkeeps

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BC = Backend.BUSINESS_CENTRAL


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    await upgrade(engine)
    yield engine
    async with engine.begin() as connection:  # the database is other tests', too
        for table in (hook_registrations, hook_upkeeps, change_notices):
            await connection.execute(delete(table))
    await engine.dispose()


async def test_one_process_at_a_time_looks_after_a_backend(engine: AsyncEngine) -> None:
    store = HookStore(engine)
    until = NOW + 2 * MINUTE
    held = await asyncio.gather(*(store.hold(BC, now=NOW, until=until) for _ in range(10)))
    assert sorted(held) == [False] * 9 + [True]
    assert await store.hold(Backend.DATAVERSE, now=NOW, until=until), "the other one is another's"
    assert not await store.hold(BC, now=NOW + MINUTE, until=NOW + 3 * MINUTE)

    assert await store.hold(BC, now=until, until=NOW + 4 * MINUTE), "who held it is gone"
    state = Upkeep(BC, NOW + timedelta(hours=1), "wanted", 3, "BACKEND_REFUSED", "no\0 privilege")
    await store.let_go(state, held_until=until)
    assert not await store.hold(BC, now=NOW + 3 * MINUTE, until=NOW + 5 * MINUTE), "and comes back too late"
    await store.let_go(state, held_until=NOW + 4 * MINUTE)
    assert await store.upkeep(BC) == Upkeep(BC, state.due_at, "wanted", 3, "BACKEND_REFUSED", "no privilege")
    assert await store.hold(BC, now=NOW + 3 * MINUTE, until=NOW + 5 * MINUTE)


async def test_a_resource_has_one_registration_and_shows_no_secret(engine: AsyncEngine) -> None:
    store = HookStore(engine)
    resource = f"companies({uuid4()})/customers"
    first, second = (Registration(uuid4(), BC, resource, f"https://g/{n}", hash_of(f"secret {n}")) for n in (1, 2))
    for each in (first, second):
        await store.save(each)
    assert await store.get(first.id) is None
    assert [each for each in await store.of(BC) if each.resource == resource] == [second]
    assert second.knows("secret 2")
    assert not second.knows("secret 1")
    assert not second.knows("\ud800")
    assert not second.knows("")
    assert second.secret_hash not in repr(second)
    assert second.url not in repr(second)


async def test_a_notice_stays_until_it_is_forgotten_as_it_was_read(engine: AsyncEngine) -> None:
    told, company = Told(engine), uuid4()

    def notice(record: UUID, minutes: int) -> Notice:
        return Notice(Mapping.CUSTOMER, company, BC, record, NOW + minutes * MINUTE)

    records = [uuid4() for _ in range(1200)]
    await asyncio.gather(*(told.keep(notice(each, 0) for each in records) for _ in range(4)))
    read = await told.deletions(Mapping.CUSTOMER, company, limit=200)
    assert len(read) == 200
    assert await told.deletions(Mapping.ITEM, company, limit=200) == []
    await told.keep([notice(read[0].record_id, 1), notice(SOMETHING, 1)])
    await told.forget(read)
    left = await told.deletions(Mapping.CUSTOMER, company, limit=2000)
    assert {each.record_id for each in left} == set(records) - {each.record_id for each in read[1:]}, (
        "one was told again meanwhile"
    )
    ours = [each for each in await told.somethings(before=NOW + MINUTE) if each.company_id == company]
    assert ours == [notice(SOMETHING, 1)]
    assert [each for each in await told.somethings(before=NOW) if each.company_id == company] == []
    await told.forget([notice(SOMETHING, 0)])
    assert len([each for each in await told.somethings(before=NOW + MINUTE) if each.company_id == company]) == 1
