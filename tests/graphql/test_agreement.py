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
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from gateway.clients.breaker import BreakerPolicy
from gateway.clients.retry import RetryPolicy
from gateway.clients.wire import Patience
from gateway.records import Backend
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.company.staff import ACTIVE_SALESPEOPLE
from gateway.sandbox.faults import Rule
from tests.conftest import LARGE
from tests.graphql.agreeing import COLUMNS, UNCOUPLED_SALESPERSON, WINS, Thing, World, global_id
from tests.graphql.api import Switch, start
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
CODES = [each.code for each in ACTIVE_SALESPEOPLE[:2]]
USERS = [each.user.id for each in ACTIVE_SALESPEOPLE[:3] if each.user is not None]
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
        self.world = self.do(self._begun())

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
        only_coupled=st.booleans(),
        pairs=st.integers(1, 2),
    )
    def begin(self, conflict: str, deletion: str, only_coupled: bool, pairs: int) -> None:
        world = self.world
        world.update_conflict, world.deletion_conflict, world.only_coupled = conflict, deletion, only_coupled

        async def begin() -> None:
            given = {"updateConflict": conflict, "deletionConflict": deletion, "onlyCoupled": only_coupled}
            assert (await world.runs.update(**given))["__typename"] == "UpdateTableMappingSuccess"
            for _ in range(pairs):
                await world.couple(await world.create(Backend.BUSINESS_CENTRAL), "NONE")

        self.do(begin())
        DID["examples"] += 1

    # -- people ----------------------------------------------------------------------------------------------------------------

    def some(
        self, data: st.DataObject, *, side: Backend | None = None, both: bool = False, coupled: bool | None = None
    ) -> Thing | None:
        """One of the things that are as wanted."""
        found = [
            each
            for each in self.world.things.values()
            if each.sides
            and (side is None or side in each.sides)
            and (not both or len(each.sides) == 2)
            and (coupled is None or each.coupled is coupled)
        ]
        return data.draw(st.sampled_from(found), label="thing") if found else None

    @rule(side=SIDES)
    def create(self, side: Backend) -> None:
        if len(self.world.things) < 5:
            self.do(self.world.create(side))
            DID["created"] += 1

    def value(self, data: st.DataObject, thing: Thing, side: Backend, name: str) -> str:
        """Mostly one that nobody wrote before; or what was agreed on, what the other side has, or nothing."""
        kind = data.draw(st.sampled_from(["new", "new", "new", "before", "theirs", "blank"]))
        other = [each for at, each in thing.sides.items() if at is not side]
        if kind == "before" and name in thing.agreed:
            return thing.agreed[name]
        if kind == "theirs" and other:
            return other[0].values[name]
        return "" if kind == "blank" else self.world.fresh(name)

    @rule(data=st.data(), side=SIDES, name=st.sampled_from(sorted(COLUMNS)))
    def edit(self, data: st.DataObject, side: Backend, name: str) -> None:
        if (thing := self.some(data, side=side)) is not None:
            self.do(self.world.edit(thing, side, name, self.value(data, thing, side, name)))
            DID["edits"] += 1

    @rule(data=st.data(), side=SIDES)
    def touch(self, data: st.DataObject, side: Backend) -> None:
        if (thing := self.some(data, side=side)) is not None:
            self.do(self.world.touch(thing, side))
            DID["edits of fields that are not mapped"] += 1

    @rule(data=st.data(), code=st.sampled_from([*CODES, *CODES, UNCOUPLED_SALESPERSON]))
    def appoint(self, data: st.DataObject, code: str) -> None:
        if (thing := self.some(data, side=Backend.BUSINESS_CENTRAL)) is not None:
            self.do(self.world.appoint(thing, code))
            DID["salespersons changed"] += 1

    @rule(data=st.data(), user=st.sampled_from(USERS))
    def own(self, data: st.DataObject, user: str) -> None:
        if (thing := self.some(data, side=Backend.DATAVERSE)) is not None:
            self.do(self.world.own(thing, user))
            DID["owners changed"] += 1

    @rule(data=st.data(), side=SIDES)
    def shut(self, data: st.DataObject, side: Backend) -> None:
        if (thing := self.some(data, side=side)) is not None:
            self.do(self.world.shut(thing, side, shut=thing.sides[side].inside))
            DID["blocked or deactivated, or that no more"] += 1

    @rule(data=st.data(), side=SIDES)
    def delete(self, data: st.DataObject, side: Backend) -> None:
        if (thing := self.some(data, side=side)) is not None:
            self.do(self.world.delete(thing, side))
            DID["deleted"] += 1

    # -- the gateway -----------------------------------------------------------------------------------------------------------

    def with_faults(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def carried() -> Any:
            self.seed += 1
            self.world.runs.api.sandbox.faults.use(self.faults, seed=self.seed)
            try:
                return await work
            finally:
                faults = self.world.runs.api.sandbox.faults
                DID["faults"] += sum(each.fired for each in faults.standing)
                faults.clear()

        return self.do(carried())

    @rule(data=st.data(), synchronize=st.sampled_from(["NONE", "USE_BUSINESS_CENTRAL_DATA", "USE_DATAVERSE_DATA"]))
    def couple(self, data: st.DataObject, synchronize: str) -> None:
        if (thing := self.some(data, coupled=False)) is not None:
            self.with_faults(self.world.couple(thing, synchronize))
            DID["couplings asked for"] += 1

    @rule(data=st.data())
    def uncouple(self, data: st.DataObject) -> None:
        if (thing := self.some(data, coupled=True)) is not None:
            self.with_faults(self.world.uncouple(thing))
            DID["uncouplings asked for"] += 1

    @rule(kinds=st.sets(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=2))
    def faults_on(self, kinds: set[str]) -> None:
        self.faults = [FAULTS[each] for each in sorted(kinds)]

    @precondition(lambda self: self.faults)
    @rule()
    def faults_off(self) -> None:
        self.faults = []

    async def ran(self, job: Coroutine[Any, Any, Any]) -> None:
        found = await job
        DID[f"runs {found['status']}".lower()] += 1
        for each in found["errors"]["nodes"]:
            for record in each["records"]:
                self.world.failures.setdefault(record["name"], set()).add(each["code"])
        await self.world.look()

    @rule()
    def run(self) -> None:
        self.with_faults(self.ran(self.world.runs.modified()))

    @rule(data=st.data())
    def run_of_one(self, data: st.DataObject) -> None:
        if (thing := self.some(data, coupled=True)) is not None:

            async def one() -> None:
                coupling = await self.world.coupling_of(thing)
                assert coupling is not None
                await self.ran(self.world.runs.synchronized(global_id(coupling)))

            self.with_faults(one())

    @rule()
    def full_run(self) -> None:
        async def one() -> Any:
            (job,) = await full(self.world.runs, mapping="CUSTOMER")
            return job

        self.with_faults(self.ran(one()))

    @rule(data=st.data(), side=SIDES, name=st.sampled_from(sorted(COLUMNS)), at=SIDES, number=st.integers(1, 4))
    def run_and_edit_meanwhile(self, data: st.DataObject, side: Backend, name: str, at: Backend, number: int) -> None:
        """Somebody edits a field just before the run's request of this number that writes, or reads, arrives."""
        thing = self.some(data, side=side)
        if thing is None:
            return
        value, before = self.world.fresh(name), data.draw(st.booleans(), label="before a write")
        api = self.world.runs.api
        way: Switch = api.business_central if at is Backend.BUSINESS_CENTRAL else api.dataverse
        left = number

        async def meddle(request: httpx.Request) -> httpx.Response:
            nonlocal left
            if not before or request.method == "POST":
                left -= 1
                if left == 0:
                    way.instead = None
                    await self.world.edit(thing, side, name, value)
                    DID["edits during a run"] += 1
            return await way.inner.handle_async_request(request)

        async def carried() -> None:
            way.instead = meddle
            try:
                await self.ran(self.world.runs.modified())
            finally:
                way.instead = None

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
        (job,) = await full(self.world.runs, mapping="CUSTOMER")
        assert job["status"] == "SUCCEEDED", job
        await self.world.look()
        await self.ran(self.world.runs.modified())
        last = self.world.runs.modified()
        await self.ran(last)
        await self.world.settled()


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
