"""A run is watched over a WebSocket and as an event stream: what is told, when, and how it ends."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from anyio.lowlevel import checkpoint
from sqlalchemy import event

from gateway.couplings.coupling import Mapping
from gateway.database import create_engine
from gateway.runs.following import RunFollowing
from gateway.runs.run import Counters, Run, RunKind, RunState, Tally
from gateway.runs.run_work import job_of
from gateway.runs.store import RunStore
from gateway.runs.watching import RunWatches
from gateway.sandbox.identity.people import SALES
from tests.graphql.api import Api
from tests.graphql.live import signed_in, stream
from tests.graphql.pairs import UNCOUPLE
from tests.graphql.runs import MODIFIED, Runs
from tests.graphql.test_operations import operation

pytestmark = pytest.mark.anyio

WATCH = operation("WatchJob")
SPEED = """subscription ($id: ID!) { synchronizationJob(id: $id) {
    status progress { processed expected recordsPerSecond expectedEndAt } } }"""
NEVER_SECONDS = 3600.0


@pytest.fixture
def runs(own_api: Api) -> Runs:
    return Runs(own_api)


async def begun(runs: Runs) -> str:
    answer = await runs.api.ask(MODIFIED, {"input": {"mapping": "CUSTOMER"}}, explain=False)
    id: str = answer.data["synchronizeModified"]["job"]["id"]
    return id


def watches(api: Api) -> RunWatches:
    found: RunWatches = api.app.state.running.services.run_watches
    return found


def told(payloads: list[Any]) -> list[Any]:
    return [each["data"]["synchronizationJob"] for each in payloads]


async def test_a_run_is_watched_to_its_end_over_both_transports(runs: Runs) -> None:
    hold = runs.api.business_central.hold = asyncio.Event()
    id = await begun(runs)
    async with signed_in(runs.api) as early, stream(runs.api, WATCH, {"id": id}) as beside:
        early.subscribe(WATCH, {"id": id})
        first = (await early.message())["payload"]["data"]["synchronizationJob"]
        assert (first["id"], set(first["counters"].values())) == (id, {0})
        assert watches(runs.api).watchers == 2
        hold.set()
        over_socket = told(await early.answers())
        *events, end = await beside.events()
        assert (beside.headers["content-type"], end) == ("text/event-stream", ("complete", None))
        over_stream = told([data for _, data in events])
        ended = await runs.job(id)
        for seen in (over_socket, over_stream):
            assert seen[-1]["status"] == ended["status"] == "SUCCEEDED"
            assert seen[-1]["counters"] == {name: ended["counters"][name] for name in seen[-1]["counters"]}
            statuses = [each["status"] for each in seen]
            assert statuses == sorted(statuses, key=["WAITING", "RUNNING", "SUCCEEDED"].index)
            sums = [sum(each["counters"].values()) for each in seen]
            assert (sums, len(sums) > 2) == (sorted(sums), True), "it goes on while it is watched"
        early.subscribe(WATCH, {"id": id})
        assert told(await early.answers()) == [over_socket[-1]], "who comes late gets what is there now"
    assert watches(runs.api).watchers == 0


async def test_watching_costs_no_request_of_a_backend(runs: Runs) -> None:
    await runs.modified()
    spent = []
    for watched in (False, True):
        await runs.modified()
        before = len(runs.api.business_central.seen) + len(runs.api.dataverse.seen)
        id = await begun(runs)
        if watched:
            async with signed_in(runs.api) as socket:
                socket.subscribe(SPEED, {"id": id})
                last = told(await socket.answers())[-1]
                assert (last["status"], last["progress"]["expected"]) == ("SUCCEEDED", None)
                assert last["progress"]["recordsPerSecond"] > 0
        await runs.ended(id)
        spent.append(len(runs.api.business_central.seen) + len(runs.api.dataverse.seen) - before)
    assert spent[0] == spent[1]


async def test_how_fast_chosen_couplings_go_is_told_also_of_a_run_that_is_over(runs: Runs) -> None:
    job = await runs.synchronized(await runs.id_of("C00023"), await runs.id_of("C00024"))
    question = SPEED.replace("subscription", "query")
    found = (await runs.api.ask(question, {"id": job["id"]})).data["synchronizationJob"]["progress"]
    assert (found["processed"], found["expected"], found["expectedEndAt"]) == (2, 2, None)
    assert found["recordsPerSecond"] > 0


async def test_a_run_whose_job_could_not_say_that_it_was_cancelled(runs: Runs) -> None:
    hold = runs.api.business_central.hold = asyncio.Event()
    first, second = await begun(runs), await begun(runs)
    async with signed_in(runs.api) as socket:
        socket.subscribe(WATCH, {"id": second})
        assert (await socket.message())["payload"]["data"]["synchronizationJob"]["status"] == "WAITING"
        assert await runs.jobs.jobs.cancel(job_of(UUID(second))), "as another process would"
        assert [each["status"] for each in told(await socket.answers())] == ["CANCELLED"]
    hold.set()
    await runs.ended(first)


FOLLOW = "subscription { synchronizationJobs(mapping: CUSTOMER) { id createdBy status counters { modified } } }"


async def test_all_runs_of_a_mapping_are_followed(runs: Runs) -> None:
    """Those under way, those that begin, and those that another process carries out; and nothing of other mappings."""
    following: RunFollowing = runs.api.app.state.running.services.run_following
    hold = runs.api.business_central.hold = asyncio.Event()
    first = await begun(runs)
    async with signed_in(runs.api, SALES) as socket:
        socket.subscribe(FOLLOW)
        seen = [(await socket.message())["payload"]["data"]["synchronizationJobs"]]
        assert (seen[0]["id"], following.followers) == (first, 1)
        hold.set()
        other = await runs.modified("SALESPERSON")
        second = await runs.modified()
        while (seen[-1]["id"], seen[-1]["status"]) != (second["id"], "SUCCEEDED"):
            seen.append((await socket.message())["payload"]["data"]["synchronizationJobs"])
        ends = [each["id"] for each in seen if each["status"] == "SUCCEEDED"]
        assert ends == [first, second["id"]]
        assert other["id"] not in {each["id"] for each in seen}
        assert seen[-1]["counters"]["modified"] == second["counters"]["modified"]
        engine = runs.api.app.state.running.engine
        elsewhere = create_engine(engine.url.render_as_string(hide_password=False))
        company = UUID(runs.api.sandbox.company.company_id)
        run = Run(uuid4(), Mapping.CUSTOMER, company, RunKind.MODIFIED, {}, RunState.WAITING, datetime.now(UTC), "x")
        await RunStore(elsewhere).add(run)
        assert (await socket.message())["payload"]["data"]["synchronizationJobs"]["id"] == str(run.id)
        await elsewhere.dispose()
    assert following.followers == 0


CHANGED = """subscription { couplingChanged(mapping: CUSTOMER) {
    coupled moved uncoupled newest { event by businessCentralKey businessCentralId } } }"""


async def test_couplings_are_watched_by_administrators(runs: Runs) -> None:
    of_couplings = runs.api.app.state.running.services.coupling_watches
    async with signed_in(runs.api, SALES) as socket:
        socket.subscribe(CHANGED)
        ((error,),) = [each["refused"] for each in await socket.answers()]
        assert error["extensions"]["code"] == "FORBIDDEN"
    async with signed_in(runs.api) as socket:
        socket.subscribe(CHANGED)
        while of_couplings.watchers == 0:
            await checkpoint()
        ended = await runs.api.ask(UNCOUPLE, {"input": {"couplingIds": [await runs.id_of("C00023")]}})
        assert ended.errors == []
        told = (await socket.message())["payload"]["data"]["couplingChanged"]
        assert [told[name] for name in ("coupled", "moved", "uncoupled")] == [0, 0, 1]
        assert told["newest"]["event"] == "UNCOUPLED"
        assert (told["newest"]["by"], told["newest"]["businessCentralKey"]) == ("Ada Verhoeven", "C00023")
    assert of_couplings.watchers == 0


# Runs that no job is at work on: the job log itself is written.


async def noted(runs: Runs) -> Run:
    run = Run(uuid4(), Mapping.CUSTOMER, runs.company, RunKind.MODIFIED, {}, RunState.RUNNING, datetime.now(UTC), "Ada")
    await runs.jobs.runs.add(run)
    return run


def tally(modified: int) -> Tally:
    return Tally(Counters(modified=modified))


@contextmanager
def counted(runs: Runs) -> Iterator[list[str]]:
    """Statements that read runs."""
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT") and "FROM synchronization_runs" in statement:
            statements.append(statement)

    engine = runs.api.app.state.running.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_what_this_process_writes_is_told_at_once_and_read_once_for_all(runs: Runs) -> None:
    run = await noted(runs)
    patient = RunWatches(runs.jobs, seconds=NEVER_SECONDS)
    watching = [patient.of(run.id) for _ in range(50)]
    assert {each.state for each in [await anext(each) for each in watching]} == {RunState.RUNNING}
    with counted(runs) as statements:
        await runs.jobs.runs.count(run.id, tally(7))
        seen = [await anext(each) for each in watching]
        assert {each.tally.total.modified for each in seen} == {7}
        assert len(statements) == 1
    for each in watching:
        await each.aclose()
    assert patient.watchers == 0
    await patient.close()


async def test_what_another_process_writes_is_found(api: Api, database_url: str) -> None:
    run, engine = await noted(Runs(api)), create_engine(database_url)
    elsewhere = RunStore(engine)  # nobody here listens to it
    async with aclosing(watches(api).of(run.id)) as watched:
        assert (await anext(watched)).tally == Tally()
        await elsewhere.count(run.id, tally(3))
        assert (await anext(watched)).tally == tally(3)
        await elsewhere.end(run.id, RunState.FAILED, datetime.now(UTC), code="BACKEND_UNREACHABLE", message="away")
        last = await anext(watched)
        assert (last.state, last.error_code) == (RunState.FAILED, "BACKEND_UNREACHABLE")
        with pytest.raises(StopAsyncIteration):
            await anext(watched)
    await engine.dispose()


async def test_who_reads_slowly_gets_the_newest_state(runs: Runs) -> None:
    run = await noted(runs)
    async with aclosing(watches(runs.api).of(run.id)) as slow, aclosing(watches(runs.api).of(run.id)) as quick:
        await anext(slow)
        await anext(quick)
        for number in range(1, 21):
            await runs.jobs.runs.count(run.id, tally(number))
            while (await anext(quick)).tally != tally(number):
                pass
        assert (await anext(slow)).tally == tally(20), "and none of the nineteen before"


async def test_a_run_that_is_deleted_while_it_is_watched(runs: Runs) -> None:
    run = await noted(runs)
    engine = runs.api.app.state.running.engine
    async with aclosing(watches(runs.api).of(run.id)) as watched:
        await anext(watched)
        async with engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM synchronization_runs")
        with pytest.raises(StopAsyncIteration):
            await anext(watched)


async def test_a_database_that_is_away_for_a_while_ends_nothing(runs: Runs) -> None:
    run, engine = await noted(runs), runs.api.app.state.running.engine
    async with aclosing(watches(runs.api).of(run.id)) as watched:
        await anext(watched)
        failed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def away(_: Any, __: Any, statement: str, *___: Any) -> None:
            if statement.startswith("SELECT") and "FROM synchronization_runs" in statement:
                loop.call_soon_threadsafe(failed.set)
                raise OSError("away")

        event.listen(engine.sync_engine, "before_cursor_execute", away)
        await runs.jobs.runs.count(run.id, tally(5))
        await failed.wait()
        event.remove(engine.sync_engine, "before_cursor_execute", away)
        assert (await anext(watched)).tally == tally(5)


async def test_nothing_waits_any_more_when_the_application_ends(runs: Runs) -> None:
    run = await noted(runs)
    own = RunWatches(runs.jobs, seconds=NEVER_SECONDS)
    watched = own.of(run.id)
    await anext(watched)
    waiting = asyncio.ensure_future(anext(watched))
    await checkpoint()
    await own.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert own.watchers == 0
