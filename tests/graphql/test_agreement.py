"""Whatever people and faults do, in whatever order: at the end both sides agree, and nothing was lost or doubled.

    pytest -n 0 --hypothesis-profile=agreement tests/graphql/test_agreement.py

looks much longer, and tells what it did.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from gateway.clients.breaker import BreakerPolicy
from gateway.clients.retry import RetryPolicy
from gateway.clients.wire import Patience
from gateway.records import Backend
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.company.staff import ACTIVE_SALESPEOPLE
from gateway.sandbox.faults import Rule
from tests.conftest import LARGE
from tests.graphql.agreeing import COLUMNS, UNCOUPLED_SALESPERSON, WINS, Thing, World, global_id
from tests.graphql.api import start
from tests.graphql.foretelling import foretold, planned_changes, planned_full
from tests.graphql.runs import Runs
from tests.graphql.test_inserts import full

PATIENCE = Patience(RetryPolicy(attempts=3, first_wait_seconds=0.0), BreakerPolicy(failures=1_000_000))
"""Faults come and go: nobody is to wait for them, nor to give a system up."""

FAULTS = {
    "not reached": Rule("reset", rate=0.3),
    "lost answers": Rule("reset-after", rate=0.3),
    "writes unanswered": Rule("reset-after", rate=0.6, method="POST"),
    "torn answers": Rule("reset-body", rate=0.3),
    "unavailable": Rule("status", status=503, rate=0.4),
    "throttled": Rule("status", status=429, rate=0.4, retry_after=0),
    "broken": Rule("status", status=500, rate=0.3),
    "a proxy's page": Rule("html", rate=0.3),
}
SIDES = st.sampled_from(list(Backend))
NAMES = st.sampled_from(sorted(COLUMNS))
OTHER_DEEDS = st.sampled_from(["create", "touch", "appoint", "shut", "shut", "delete"])
OTHER_WORK = st.sampled_from(["run of one", "run of one", "full run", "couple", "couple", "uncouple"])
STEPS = st.sampled_from(
    [
        *("edit", "edit", "edit_both", "do_something_else", "do_something_else", "change_faults"),
        *("run", "run", "run_and_edit_meanwhile", "run_and_edit_meanwhile", "work"),
    ]
)
KINDS = st.sets(st.sampled_from(sorted(FAULTS)), max_size=2)
AFTER_COUPLING = st.sampled_from(["NONE", "USE_BUSINESS_CENTRAL_DATA", "USE_DATAVERSE_DATA"])
CODES = st.sampled_from([*(each.code for each in ACTIVE_SALESPEOPLE[:3]), UNCOUPLED_SALESPERSON])
USERS = st.sampled_from([each.user.id for each in ACTIVE_SALESPEOPLE[:3] if each.user is not None])
DID: Counter[str] = Counter()
"""What was done in all examples."""


class Agreement(RuleBasedStateMachine):
    """``settled`` is a folder with a sandbox and the databases of a gateway that synchronized all customers."""

    settled: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner, self.stack, self.failed = asyncio.Runner(), AsyncExitStack(), False
        self.faults: list[Rule] = []
        self.seed = 0
        self.ended = asyncio.Event()
        self.world: World = self.do(self._begun())

    async def _begun(self) -> World:
        """The gateway begins and ends in one task."""
        begun: asyncio.Future[World] = asyncio.get_running_loop().create_future()
        self.life = asyncio.create_task(self._lives(begun))
        return await begun

    async def _lives(self, begun: "asyncio.Future[World]") -> None:
        async with self.stack:
            try:
                begun.set_result(await self._gateway())
            except Exception as error:
                begun.set_exception(error)
                raise
            await self.ended.wait()

    async def _gateway(self) -> World:
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        shutil.copytree(self.settled, folder, dirs_exist_ok=True)
        opened = open_sandbox("http://localhost", folder=folder / "sandbox")
        self.stack.callback(opened.close)
        url = f"sqlite+aiosqlite:///{folder / 'gateway.db'}"
        api = await start(opened, url, self.stack, patience=PATIENCE, webhooks=False)
        return World(Runs(api))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return self.runner.run(work)
        except BaseException:
            self.failed = True
            raise

    @initialize(
        conflict=st.sampled_from(sorted(WINS)),
        deletion=st.sampled_from(["NONE", "REMOVE_COUPLING", "RESTORE_RECORDS"]),
        only_coupled=st.sampled_from([True, True, False]),
        pairs=st.integers(1, 2),
        kinds=KINDS,
    )
    def begin(self, conflict: str, deletion: str, only_coupled: bool, pairs: int, kinds: set[str]) -> None:
        world = self.world
        world.update_conflict, world.deletion_conflict, world.only_coupled = conflict, deletion, only_coupled

        async def begin() -> None:
            given = {"updateConflict": conflict, "deletionConflict": deletion, "onlyCoupled": only_coupled}
            assert (await world.runs.update(**given))["__typename"] == "UpdateTableMappingSuccess"
            for _ in range(pairs):
                await world.couple(await world.create(Backend.BUSINESS_CENTRAL), "NONE")

        self.do(begin())
        self.faults = [FAULTS[each] for each in sorted(kinds)]
        DID["examples"] += 1

    @rule(data=st.data(), what=STEPS)
    def step(self, data: st.DataObject, what: str) -> None:
        """One rule for all: hypothesis leaves out most of many in each example, and the rest is dull."""
        getattr(self, what)(data)

    # -- people ----------------------------------------------------------------------------------------------------------------

    def some(self, data: st.DataObject, *, side: Backend | None = None, coupled: bool | None = None) -> Thing | None:
        """One of the things that are as wanted."""
        found = [
            each
            for each in self.world.things.values()
            if each.sides and (side is None or side in each.sides) and (coupled is None or each.coupled is coupled)
        ]
        return data.draw(st.sampled_from(found), label="thing") if found else None

    def edit(self, data: st.DataObject) -> None:
        """Mostly to a value that nobody wrote before; or to what was agreed on, what the other side has, or nothing."""
        side, name = data.draw(SIDES), data.draw(NAMES)
        if (thing := self.some(data, side=side)) is None:
            return
        kind = data.draw(st.sampled_from(["new", "new", "new", "before", "theirs", "blank"]), label="value")
        value = "" if kind == "blank" else self.world.fresh(name)
        if kind == "before":
            value = thing.agreed.get(name, value)
        if kind == "theirs":
            value = next((each.values[name] for at, each in thing.sides.items() if at is not side), value)
        self.do(self.world.edit(thing, side, name, value))
        DID["edits"] += 1

    def edit_both(self, data: st.DataObject) -> None:
        """The same field on both sides, or one on each."""
        name, same = data.draw(NAMES), data.draw(st.booleans())
        names = dict(
            zip(Backend, (name, name if same else next(each for each in COLUMNS if each != name)), strict=True)
        )
        if (thing := self.some(data)) is None:
            return
        for side in list(thing.sides):
            self.do(self.world.edit(thing, side, names[side], self.world.fresh(name)))
            DID["edits"] += 1

    def do_something_else(self, data: st.DataObject) -> None:
        world, side, what = self.world, data.draw(SIDES), data.draw(OTHER_DEEDS)
        code, user = data.draw(CODES), data.draw(USERS)
        if what == "create":
            if len(world.things) < 5:
                self.do(world.create(side))
        elif (thing := self.some(data, side=side)) is None:
            return
        elif what == "touch":
            self.do(world.touch(thing, side))
        elif what == "appoint":
            self.do(world.appoint(thing, code) if side is Backend.BUSINESS_CENTRAL else world.own(thing, user))
        elif what == "shut":
            self.do(world.shut(thing, side, shut=thing.sides[side].inside))
        else:
            self.do(world.delete(thing, side))
        DID[what] += 1

    # -- the gateway -----------------------------------------------------------------------------------------------------------

    def with_faults(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def carried() -> Any:
            self.seed += 1
            faults = self.world.runs.api.sandbox.faults
            faults.use(self.faults, seed=self.seed)
            try:
                return await work
            finally:
                DID["faults"] += sum(each.fired for each in faults.standing)
                faults.clear()

        return self.do(carried())

    async def ran(self, job: Coroutine[Any, Any, Any]) -> None:
        found = await job
        DID[f"runs {found['status']}".lower()] += 1
        for each in found["errors"]["nodes"]:
            for record in each["records"]:
                self.world.failures.setdefault(record["name"], set()).add(each["code"])
        await self.world.look()

    def change_faults(self, data: st.DataObject) -> None:
        self.faults = [FAULTS[each] for each in sorted(data.draw(KINDS))]

    def run(self, data: st.DataObject) -> None:
        """Sometimes it is planned before, without faults: then it has to do what was planned, and the plan leaves no trace."""
        if not data.draw(st.booleans(), label="planned"):
            self.with_faults(self.ran(self.world.runs.modified()))
            return
        self.do(self.ran(self._as_planned()))
        DID["plans"] += 1

    async def _as_planned(self) -> Any:
        plan = await planned_changes(self.world.runs)
        return await foretold(self.world.runs, self.world.runs.modified, plan)

    def work(self, data: st.DataObject) -> None:
        what, synchronize = data.draw(OTHER_WORK), data.draw(AFTER_COUPLING)
        if what == "full run" and data.draw(st.booleans(), label="planned"):
            self.do(self.ran(self._full_as_planned()))
            DID["plans"] += 1
        elif what == "full run":
            self.with_faults(self.ran(self._full()))
        elif (thing := self.some(data, coupled=what != "couple")) is None:
            return
        elif what == "couple":
            self.with_faults(self.world.couple(thing, synchronize))
        elif what == "uncouple":
            self.with_faults(self.world.uncouple(thing))
        else:
            self.with_faults(self.ran(self._one(thing)))
        DID[what] += 1

    async def _full(self) -> Any:
        (job,) = await full(self.world.runs, mapping="CUSTOMER")
        return job

    async def _full_as_planned(self) -> Any:
        (plan,) = await planned_full(self.world.runs, mapping="CUSTOMER")
        return await foretold(self.world.runs, self._full, plan)

    async def _one(self, thing: Thing) -> Any:
        coupling = await self.world.coupling_of(thing)
        assert coupling is not None
        return await self.world.runs.synchronized(global_id(coupling))

    def run_and_edit_meanwhile(self, data: st.DataObject) -> None:
        """Somebody edits a field just before the run's request of this number arrives, of all or of those in batches."""
        side, name, at = data.draw(SIDES), data.draw(NAMES), data.draw(SIDES)
        number, before_a_write = data.draw(st.integers(1, 4)), data.draw(st.booleans())
        if (thing := self.some(data, side=side)) is None:
            return
        value, api, left = self.world.fresh(name), self.world.runs.api, number
        way = api.business_central if at is Backend.BUSINESS_CENTRAL else api.dataverse

        async def meddle(request: httpx.Request) -> httpx.Response:
            nonlocal left
            left -= not before_a_write or request.method == "POST"
            if left == 0:
                way.instead = None
                await self.world.edit(thing, side, name, value)
                DID["edits during a run"] += 1
            return await way.inner.handle_async_request(request)

        async def carried() -> None:
            way.instead = meddle
            try:
                await self.ran(api_run)
            finally:
                way.instead = None

        api_run = self.world.runs.modified()
        self.with_faults(carried())

    # -- the end ---------------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if not self.failed:
                self.do(self.end())
        finally:
            self.runner.run(self._end())
            self.runner.close()

    async def _end(self) -> None:
        self.ended.set()
        await self.life

    async def end(self) -> None:
        """The faults are over."""
        self.world.failures.clear()
        await self.ran(self.world.runs.modified())
        job = await self._full()
        assert job["status"] == "SUCCEEDED", job
        await self.world.look()
        await self.ran(self.world.runs.modified())
        await self.world.settled()


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # the jobs' engine does, on threads of its own
def test_people_and_faults_in_any_order_end_in_agreement(settled_files: Path) -> None:
    large = settings.get_current_profile_name() == LARGE
    Agreement.settled = settled_files
    DID.clear()
    few = settings(max_examples=4, stateful_step_count=12, derandomize=True, database=None, phases=[Phase.generate])
    wanted = settings.get_profile(LARGE) if large else few
    try:
        run_state_machine_as_test(
            Agreement, settings=settings(wanted, deadline=None, suppress_health_check=list(HealthCheck))
        )
    finally:
        print(dict(DID))  # noqa: T201 - shown with -s
