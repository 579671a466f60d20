"""What of the job log goes, and what stays: on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingStore
from gateway.runs.retention import AT_ONCE, RunRetention
from gateway.runs.run import Run, RunError, RunKind, RunState
from gateway.runs.store import RunStore

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
COMPANY = UUID(int=1)


def run(days: float, state: RunState = RunState.SUCCEEDED, kind: RunKind = RunKind.MODIFIED) -> Run:
    at = NOW - timedelta(days=days)
    finished = at if state.is_final else None
    return Run(uuid4(), Mapping.CUSTOMER, COMPANY, kind, {}, state, at, "schedule", at, finished)


def error(of: Run, coupling: UUID | None = None) -> RunError:
    return RunError(
        of.id, 1, of.mapping, COMPANY, "UPDATE_CONFLICT", "Both changed.", of.created_at, coupling_id=coupling
    )


def coupling(*, skipped: bool) -> Coupling:
    return Coupling(
        uuid4(), Mapping.CUSTOMER, COMPANY, uuid4(), uuid4(), skipped=skipped, created_at=NOW, created_by="test"
    )


async def test_old_runs_go_and_what_tells_of_now_stays(engine: AsyncEngine) -> None:
    runs, store, keep = RunStore(engine), CouplingStore(engine), RunRetention(engine, timedelta(days=90))
    good, bad = coupling(skipped=False), coupling(skipped=True)
    await store.add([good, bad])
    old = [run(100 + number / 10) for number in range(AT_ONCE + 5)]
    last_success = run(99)
    failed = [run(98, RunState.FAILED), run(97, RunState.FAILED)]
    young = run(1, RunState.CANCELLED, RunKind.RECORDS)
    only = run(400, RunState.FAILED, RunKind.STOCK)
    at_work = run(200, RunState.RUNNING, RunKind.RECONCILE)
    for each in (*old, last_success, *failed, young, only, at_work):
        await runs.add(each)
    await runs.note(old[0].id, 1, [error(old[0], good.id), replace(error(old[0], bad.id), number=2)])
    await runs.note(old[1].id, 1, [error(old[1])])
    await runs.note(only.id, 1, [error(only, good.id)])

    assert await keep.apply(NOW) == len(old) + 1
    for each in (last_success, failed[1], young, only, at_work):
        assert await runs.get(each.id) == each
    for each in (*old, failed[0]):
        assert await runs.get(each.id) is None
    told = await runs.newest_errors([good.id, bad.id])
    assert (told[good.id].run_id, told[bad.id].run_id) == (only.id, old[0].id)
    assert (await runs.count_errors(old[0].id), await runs.count_errors(old[1].id)) == (1, 0)

    assert await keep.apply(NOW) == 0
    assert await runs.count_errors(old[0].id) == 1, "it is on the skip list, and nobody tells it again"
    await CouplingChanges(engine).unskip_each([bad.id])
    await keep.apply(NOW)
    assert await runs.count_errors(old[0].id) == 0
