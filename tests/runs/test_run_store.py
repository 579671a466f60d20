"""What the job log tells of earlier runs, on both databases."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Mapping
from gateway.database import create_engine, upgrade
from gateway.records import Backend
from gateway.runs.full import chain, ids_of, unsatisfied
from gateway.runs.planning import BC, CRM, Wanted
from gateway.runs.run import Run, RunError, RunKind, RunState
from gateway.runs.store import RunStore
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.databases import DATABASES, postgresql

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 16, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[str]:
    """A database of these tests alone: nobody else is to carry out their runs."""
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("own_postgresql"))
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[RunStore]:
    engine = create_engine(url)
    await upgrade(engine)
    yield RunStore(engine)
    await engine.dispose()


def run(company: UUID, minute: int, state: RunState, kind: RunKind = RunKind.MODIFIED) -> Run:
    at = NOW + timedelta(minutes=minute)
    return Run(uuid4(), Mapping.CUSTOMER, company, kind, {}, state, at, "Ada", started_at=at)


def failed(of: Run, number: int, record: UUID, to: Backend = CRM, code: str = "SALESPERSON_NOT_COUPLED") -> RunError:
    found = RunError(of.id, number, of.mapping, of.company_id, code, "No.", NOW, to=to)
    return replace(found, bc_id=record) if to is CRM else replace(found, crm_id=record)


async def test_records_without_a_partner_are_found_since_the_last_run_that_ended_well(store: RunStore) -> None:
    company, ids = uuid4(), sorted(uuid4() for _ in range(6))
    forgotten, last, broken = (
        run(company, 0, RunState.SUCCEEDED),
        run(company, 1, RunState.SUCCEEDED),
        run(company, 2, RunState.FAILED),
    )
    whole = replace(run(company, 3, RunState.SUCCEEDED, RunKind.FULL), created_at=NOW)  # it waited for others
    chosen, now = run(company, 4, RunState.SUCCEEDED, RunKind.RECORDS), run(company, 5, RunState.RUNNING)
    for each in (forgotten, last, broken, whole, chosen, now):
        await store.add(each)
    await store.note(forgotten.id, 1, [failed(forgotten, 1, ids[0])])
    await store.note(
        last.id,
        1,
        [
            failed(last, 1, ids[3]),
            failed(last, 2, ids[1]),
            failed(last, 3, ids[2], code="POSSIBLE_DUPLICATE"),
            failed(last, 4, ids[4], to=BC),
            replace(failed(last, 5, ids[5]), coupling_id=uuid4()),
        ],
    )
    await store.note(broken.id, 1, [failed(broken, 1, ids[3])])
    await store.note(whole.id, 1, [failed(whole, 1, ids[2])])
    await store.note(now.id, 1, [failed(now, 1, ids[0])])
    assert await store.unmade(now, BC, after=None, limit=10) == [ids[1], ids[2], ids[3]]
    assert await store.unmade(now, BC, after=ids[1], limit=1) == [ids[2]]
    assert await store.unmade(now, CRM, after=None, limit=10) == [ids[4]]
    assert await store.tried(now.id, BC, ids, up_to=1) == {ids[0]}
    assert await store.tried(now.id, BC, ids, up_to=0) == set()
    assert await store.tried(last.id, BC, [ids[5]], up_to=9) == set(), "what has a coupling is told by that"


async def test_of_two_who_begin_a_full_run_at_once_one_does(store: RunStore) -> None:
    company, mappings = uuid4(), [TABLE_MAPPINGS[Mapping.CURRENCY], TABLE_MAPPINGS[Mapping.CUSTOMER]]

    async def begin(last: dict[Mapping, Run]) -> tuple[list[Run], bool]:
        ids = ids_of(mappings, company, last, NOW)
        runs = chain(mappings, company, "Ada", ids=ids, now=NOW, wanted=Wanted.GET, only_coupled=None)
        return runs, await store.add_each(runs)

    (currencies, customers), was_first = await begin({})
    assert was_first
    assert not (await begin({}))[1]
    assert (currencies.asked["next"], customers.asked["previous"]) == (str(customers.id), str(currencies.id))
    assert customers.asked["dependencies"] == [str(currencies.id)]
    assert (currencies.asked["wanted"], customers.asked["wanted"]) == (Wanted.MERGE, Wanted.GET), "one goes to CRM only"
    last = await store.last(company, RunKind.FULL)
    assert last == {Mapping.CURRENCY: currencies, Mapping.CUSTOMER: customers}
    again, was_second = await begin(last)
    assert was_second
    assert (await store.last(company, RunKind.FULL)).keys() == last.keys()
    assert again[0].id != currencies.id
    assert unsatisfied([replace(each, state=RunState.SUCCEEDED) for each in again]) is None
    assert "CURRENCY" in (unsatisfied([replace(currencies, state=RunState.CANCELLED)]) or "")
