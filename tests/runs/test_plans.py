"""What dry runs keep, on both databases; and a desk at which nothing can be written."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.clients.call import Deadline
from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Cause, Coupling, Mapping
from gateway.couplings.intents import Intents
from gateway.couplings.store import CouplingStore, Side
from gateway.couplings.table import couplings
from gateway.reading.lookup import Asking, Scope
from gateway.reading.trace import Trace
from gateway.runs import retention
from gateway.runs.dry_run import dry, foreseen_by
from gateway.runs.planned import PlannedField, PlannedStep
from gateway.runs.planning import BC, CRM, Action, Reason
from gateway.runs.retention import RunRetention
from gateway.runs.run import Run, RunKind, RunState
from gateway.runs.store import RunStore
from gateway.sync.desk import Books, Desk
from gateway.sync.differences import CouplingSide
from gateway.sync.mapping import Direction

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
COMPANY = UUID(int=1)
FIELD = PlannedField(
    "city", "City", "Delft", None, None, CouplingSide.BUSINESS_CENTRAL, Direction.BIDIRECTIONAL, enabled=True
)


def step(action: Action = Action.SKIP, **given: Any) -> PlannedStep:
    return PlannedStep(Mapping.CUSTOMER, action, Reason.NOT_COUPLED, **{"bc_id": uuid4(), **given})


def run(days: float = 0, kind: RunKind = RunKind.DRY_RUN, **asked: Any) -> Run:
    at = NOW - timedelta(days=days)
    return Run(uuid4(), Mapping.CUSTOMER, COMPANY, kind, {"of": "FULL", **asked}, RunState.SUCCEEDED, at, "Ada", at, at)


async def test_steps_are_kept_as_they_are_planned_and_those_of_a_page_once(engine: AsyncEngine) -> None:
    plans, of = RunStore(engine).plans, uuid4()
    first, second = (
        step(),
        step(Action.MODIFY, bc_name="Half a \ud800", to_crm=("city",), moved=frozenset({BC}), fields=(FIELD,)),
    )
    third = step(Action.FAIL, coupling_id=uuid4(), code="UPDATE_CONFLICT", message="Both", hint="Choose", field="city")
    await plans.note(of, 1, [first, second])
    await plans.note(of, 3, [third])
    await plans.note(of, 2, [second, third])
    found = await plans.page(of, actions=None, after=0, limit=9)
    assert [each.number for each in found] == [1, 2, 3]
    assert [found[0].step, found[2].step] == [first, third]
    modified = found[1].step
    assert (modified.fields, modified.moved, modified.to_crm) == ((FIELD,), frozenset({BC}), ("city",))
    assert "Half a" in (found[1].step.bc_name or "")
    assert [each.number for each in await plans.page(of, actions=[Action.FAIL], after=0, limit=9)] == [3]
    assert {(each.action, each.count) for each in await plans.counts(of)} == {
        (Action.SKIP, 1),
        (Action.MODIFY, 1),
        (Action.FAIL, 1),
    }
    ids = [each.bc_id for each in (first, second, third) if each.bc_id is not None]
    assert await plans.tried(of, BC, ids, up_to=2) == set(ids[:2])
    assert await plans.tried(of, BC, ids, up_to=3) == set(ids[:2]), "the third has a coupling"
    assert third.coupling_id is not None
    assert await plans.planned(of, [third.coupling_id], up_to=3) == {third.coupling_id}
    assert await plans.planned(of, [third.coupling_id], up_to=2) == set()
    assert await plans.planned(of, [], up_to=3) == set()


async def test_what_earlier_plans_would_couple_is_foreseen(engine: AsyncEngine) -> None:
    store = RunStore(engine)
    before, other = run(), run()
    new, taken, skipped = uuid4(), uuid4(), uuid4()
    made, row = uuid4(), uuid4()
    steps = [
        step(Action.INSERT, bc_id=new, partner_id=made),
        step(Action.COUPLE, bc_id=taken, crm_id=row),
        step(bc_id=skipped),
    ]
    await store.plans.note(before.id, 1, steps)
    ended, going, kept = uuid4(), uuid4(), uuid4()
    await store.plans.note(
        before.id, len(steps) + 1, [step(Action.UNCOUPLE, coupling_id=ended), step(coupling_id=kept)]
    )
    now = run(before=[str(before.id)])
    await store.plans.note(now.id, 1, [step(Action.CLOSE, coupling_id=going)])
    foreseen = foreseen_by(store, now, up_to=1)
    wanted = [new, taken, skipped]
    assert await foreseen.partners(Mapping.CUSTOMER, BC, wanted) == {new: made, taken: row}
    assert await foreseen.partners(Mapping.CUSTOMER, CRM, [row, made]) == {row: taken}
    assert await foreseen.partners(Mapping.VENDOR, BC, wanted) == {}
    assert await foreseen.ended([ended, going, kept]) == {ended, going}
    assert await foreseen_by(store, now, up_to=0).ended([ended, going]) == {ended}
    alone = foreseen_by(store, other, up_to=9)
    assert await alone.partners(Mapping.CUSTOMER, BC, wanted) == {}
    assert await alone.ended([ended, going]) == set()


async def test_a_dry_run_goes_with_its_plan_also_the_last_one(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEPS_AT_ONCE", 2)
    store, keep = RunStore(engine), RunRetention(engine, timedelta(days=90))
    old, young, real = run(91), run(1), run(91, RunKind.FULL)
    for each in (old, young, real):
        await store.add(each)
    for each in (old, young):
        await store.plans.note(each.id, 1, [step() for _ in range(5)])
    assert await keep.apply(NOW) == 1
    assert [await store.get(each.id) is not None for each in (old, young, real)] == [False, True, True]
    assert [len(await store.plans.page(each.id, actions=None, after=0, limit=9)) for each in (old, young)] == [0, 5]


async def test_at_a_dry_desk_changes_count_and_none_is_kept(engine: AsyncEngine) -> None:
    books = Books(CouplingStore(engine), CouplingChanges(engine), Intents(engine))
    asking = Asking(Scope("application", COMPANY), Deadline.after(60), Trace(), "")
    desk = Desk(books, cast(Any, None), cast(Any, None), asking, COMPANY, "Ada", timedelta(seconds=30))
    there = Coupling(uuid4(), Mapping.CUSTOMER, COMPANY, uuid4(), uuid4(), created_at=NOW, created_by="Ada")
    await books.couplings.add([there])
    at = dry(desk)
    assert at.asking.dry_run
    assert at.asking.call().dry_run
    doing = at.doing(Cause.MATCHED)
    free = Coupling(uuid4(), Mapping.CUSTOMER, COMPANY, uuid4(), uuid4(), created_at=NOW, created_by="Ada")
    double = Coupling(uuid4(), Mapping.CUSTOMER, COMPANY, free.bc_id, uuid4(), created_at=NOW, created_by="Ada")
    taken = Coupling(uuid4(), Mapping.CUSTOMER, COMPANY, there.bc_id, uuid4(), created_at=NOW, created_by="Ada")
    changes = at.books.changes
    assert await changes.add_free([free, double, taken], doing) == {free.id}
    assert await changes.add_free([taken], doing, stale=[there]) == {taken.id}
    assert await changes.add_free([], doing) == set()
    renamed = Coupling(**{**{name: getattr(there, name) for name in Coupling.__dataclass_fields__}, "bc_key": "C1"})
    assert await changes.update_each([renamed]) == {there.id}
    assert (await at.books.couplings.get_many([there.id]))[there.id].bc_key == "C1"
    assert await changes.unskip_each([there.id]) == {there.id}
    assert await changes.remove_each([there], doing) == {there.id}
    assert await changes.remove_families([(there, [free])], doing, below=Cause.PARENT_UNCOUPLED) == {there.id, free.id}
    await changes.apply(doing, removed=[there])
    await at.books.couplings.correct_keys(Side.BUSINESS_CENTRAL, {there.id: "C2"})
    for write in (changes.update_seen([(there, renamed)]), at.books.couplings.add([free])):
        with pytest.raises(AssertionError, match="writes nothing"):
            await write
    async with engine.connect() as connection:
        rows = (await connection.execute(couplings.select())).all()
    assert [(row.id, row.bc_key) for row in rows] == [(there.id, None)]
