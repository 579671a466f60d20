"""What a job comes to, on SQLite and on PostgreSQL."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from gateway.database import create_engine
from gateway.errors import DatabaseError, ErrorCode, InvalidInputError, UnreachableError
from gateway.jobs.database import jobs_database_url
from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from gateway.jobs.outcome import StepError
from gateway.jobs.work import Work
from tests.jobs.conftest import PACE

pytestmark = pytest.mark.anyio

Argument = Mapping[str, Any]


def new_id() -> str:
    return uuid4().hex


async def double(number: int) -> int:
    return 2 * number


async def doubling(work: Work, argument: Argument) -> list[int]:
    numbers: list[int] = []
    for number in argument["numbers"]:
        numbers.append(await work.step("double", double, number))
        await work.progress({"done": len(numbers)})
    return numbers


class Gate:
    """A step that says that it has begun, and ends when it is let through."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.later: list[str] = []

    async def wait(self) -> str:
        self.reached.set()
        await self.open.wait()
        return "through"

    async def after(self) -> str:
        self.later.append("after")
        return "after"

    async def handler(self, work: Work, _: Argument) -> str:
        await work.step("gate", self.wait)
        await work.step("after", self.after)
        return "done"


async def test_a_job_gives_its_result_and_tells_how_far_it_is(jobs: Jobs) -> None:
    job_id = new_id()
    jobs.handle("double", doubling)
    await jobs.start("double", {"numbers": [1, 2, 3]}, job_id=job_id)
    status = await jobs.wait(job_id)
    assert (status.kind, status.state, status.result) == ("double", JobState.SUCCEEDED, [2, 4, 6])
    assert status.progress == {"done": 3}
    assert (status.error, status.error_code) == (None, None)
    assert status.created_at
    assert status.started_at
    assert status.finished_at
    assert status.created_at <= status.finished_at
    assert status.started_at <= status.finished_at


async def test_there_is_no_status_without_a_job_and_no_job_without_a_handler(jobs: Jobs) -> None:
    assert await jobs.status(new_id()) is None
    assert not await jobs.cancel(new_id())
    with pytest.raises(LookupError, match="unheard"):
        await jobs.start("unheard", {}, job_id=new_id())


async def test_a_job_runs_while_others_look_at_it(jobs: Jobs) -> None:
    gate, job_id = Gate(), new_id()
    jobs.handle("gate", gate.handler)
    await jobs.start("gate", {}, job_id=job_id)
    await gate.reached.wait()
    status = await jobs.status(job_id)
    assert status is not None
    assert (status.state, status.result, status.finished_at) == (JobState.RUNNING, None, None)
    gate.open.set()
    assert (await jobs.wait(job_id)).result == "done"


async def test_the_same_job_twice_is_one_job(jobs: Jobs) -> None:
    job_id = new_id()
    jobs.handle("double", doubling)
    for numbers in ([1], [2], [3]):
        await jobs.start("double", {"numbers": numbers}, job_id=job_id)
    assert (await jobs.wait(job_id)).result == [2]
    await jobs.start("double", {"numbers": [4]}, job_id=job_id)
    assert (await jobs.wait(job_id)).result == [2]


async def test_jobs_of_one_key_run_one_after_another_and_others_meanwhile(jobs: Jobs) -> None:
    gate, running, most = Gate(), set[str](), list[int]()

    async def step(number: int) -> None:
        await gate.wait()

    async def keyed(work: Work, argument: Argument) -> None:
        running.add(work.job_id)
        most.append(len(running))
        await work.step("step", step, argument["number"])
        running.discard(work.job_id)

    jobs.handle("keyed", keyed)
    jobs.handle("double", doubling)
    key, same, other = new_id(), [new_id() for _ in range(3)], new_id()
    for number, job_id in enumerate(same):
        await jobs.start("keyed", {"number": number}, job_id=job_id, key=key)
    await gate.reached.wait()
    await jobs.start("double", {"numbers": [1]}, job_id=other, key=new_id())
    assert (await jobs.wait(other)).state is JobState.SUCCEEDED
    statuses = [await jobs.status(job_id) for job_id in same]
    assert sorted(status.state for status in statuses if status) == [
        JobState.RUNNING,
        JobState.WAITING,
        JobState.WAITING,
    ]
    gate.open.set()
    assert {(await jobs.wait(job_id)).state for job_id in same} == {JobState.SUCCEEDED}
    assert most == [1, 1, 1]


async def test_an_error_of_ours_is_told_whether_a_step_or_the_handler_raised_it(jobs: Jobs) -> None:
    async def refuse() -> None:
        raise InvalidInputError("There is no such customer.", argument="number")

    async def in_a_step(work: Work, _: Argument) -> None:
        await work.step("refuse", refuse)

    async def in_the_handler(_: Work, __: Argument) -> None:
        await refuse()

    for handler in (in_a_step, in_the_handler):
        job_id = new_id()
        jobs.handle(handler.__name__, handler)
        await jobs.start(handler.__name__, {}, job_id=job_id)
        status = await jobs.wait(job_id)
        assert (status.state, status.error, status.error_code) == (
            JobState.FAILED,
            "There is no such customer.",
            ErrorCode.INVALID_INPUT,
        )


async def test_of_any_other_error_only_our_log_has_the_details(jobs: Jobs) -> None:
    async def connect() -> None:
        raise ConnectionError("password=hunter2")

    async def in_a_step(work: Work, _: Argument) -> None:
        await work.step("connect", connect)

    async def in_the_handler(_: Work, __: Argument) -> None:
        await connect()

    async def of_another_task(_: Work, __: Argument) -> None:
        raise asyncio.CancelledError

    for handler, event in (
        (in_a_step, "jobs.step_failed"),
        (in_the_handler, "jobs.failed"),
        (of_another_task, "jobs.failed"),
    ):
        job_id = new_id()
        jobs.handle(handler.__name__, handler)
        with capture_logs() as lines:
            await jobs.start(handler.__name__, {}, job_id=job_id)
            status = await jobs.wait(job_id)
        assert (status.state, status.error_code) == (JobState.FAILED, ErrorCode.INTERNAL_ERROR)
        assert status.error is not None
        assert "hunter2" not in status.error
        assert [line["exc_info"] for line in lines if line["event"] == event] == [True]


async def test_what_a_backend_said_is_in_our_log_and_nowhere_else(jobs: Jobs) -> None:
    async def ask() -> None:
        error = UnreachableError("Dataverse is broken (502).", backend="DATAVERSE", status=502)
        error.said = "SQL Server CRM01 is out of space"
        raise error

    async def asking(work: Work, _: Argument) -> None:
        await work.step("ask", ask)

    job_id = new_id()
    jobs.handle("asking", asking)
    with capture_logs() as lines:
        await jobs.start("asking", {}, job_id=job_id)
        status = await jobs.wait(job_id)
    assert (status.error, status.error_code) == ("Dataverse is broken (502).", ErrorCode.BACKEND_UNREACHABLE)
    told = [(line["job"], line["said"]) for line in lines if line["event"] == "jobs.backend_failed"]
    assert told == [(job_id, "SQL Server CRM01 is out of space")]


async def test_a_handler_may_go_on_after_a_failed_step(jobs: Jobs) -> None:
    async def refuse() -> None:
        raise InvalidInputError("No.")

    async def going_on(work: Work, _: Argument) -> list[Any]:
        try:
            await work.step("refuse", refuse)
        except StepError as error:
            told = [error.message, error.extensions["code"]]
        return [*told, await work.step("double", double, 4)]

    job_id = new_id()
    jobs.handle("going on", going_on)
    await jobs.start("going on", {}, job_id=job_id)
    assert (await jobs.wait(job_id)).result == ["No.", "INVALID_INPUT", 8]


async def test_what_a_step_gives_is_json_from_the_beginning(jobs: Jobs) -> None:
    async def pair() -> tuple[int, dict[int, str]]:
        return 1, {2: "two"}

    async def nothing() -> None:
        return None

    async def now() -> Path:
        return Path()

    async def telling(work: Work, argument: Argument) -> None:
        assert argument == {"pair": [1, 2]}
        assert await work.step("pair", pair) == [1, {"2": "two"}]
        assert await work.step("nothing", nothing) is None
        await work.step("now", now)

    job_id = new_id()
    jobs.handle("telling", telling)
    with pytest.raises(TypeError):
        await jobs.start("telling", {"path": Path()}, job_id=new_id())
    with capture_logs() as lines:
        await jobs.start("telling", {"pair": (1, 2)}, job_id=job_id)
        assert (await jobs.wait(job_id)).state is JobState.FAILED
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["jobs.step_failed"]


async def test_a_cancelled_job_ends_before_its_next_step(jobs: Jobs) -> None:
    gate, job_id = Gate(), new_id()
    jobs.handle("gate", gate.handler)
    await jobs.start("gate", {}, job_id=job_id)
    await gate.reached.wait()
    assert await jobs.cancel(job_id)
    status = await jobs.status(job_id)
    assert status is not None
    assert (status.state, status.cancelling) == (JobState.RUNNING, True)
    gate.open.set()
    status = await jobs.wait(job_id)
    assert (status.state, status.cancelling, status.error) == (JobState.CANCELLED, False, None)
    assert gate.later == []
    assert not await jobs.cancel(job_id)


async def test_a_long_step_can_ask_whether_to_end(jobs: Jobs) -> None:
    gate, job_id = Gate(), new_id()

    async def asking(work: Work) -> bool:
        await gate.wait()
        return await work.cancelled()

    async def handler(work: Work, _: Argument) -> bool:
        asked: bool = await work.step("asking", asking, work)
        return asked

    jobs.handle("asking", handler)
    await jobs.start("asking", {}, job_id=job_id)
    await gate.reached.wait()
    assert await jobs.cancel(job_id)
    gate.open.set()
    assert (await jobs.wait(job_id)).result is True


async def test_a_job_cancelled_while_it_waits_never_begins_nor_lets_the_next_begin_early(jobs: Jobs) -> None:
    gate, begun = Gate(), list[str]()

    async def second(work: Work, _: Argument) -> None:
        begun.append(work.job_id)

    jobs.handle("gate", gate.handler)
    jobs.handle("second", second)
    key, first, waiting, last = new_id(), new_id(), new_id(), new_id()
    await jobs.start("gate", {}, job_id=first, key=key)
    await gate.reached.wait()
    await jobs.start("second", {}, job_id=waiting, key=key)
    assert await jobs.cancel(waiting)
    assert (await jobs.wait(waiting)).state is JobState.CANCELLED
    await jobs.start("second", {}, job_id=last, key=key)
    await jobs.cancel(first)
    assert begun == []
    gate.open.set()
    assert (await jobs.wait(last)).state is JobState.SUCCEEDED
    assert (await jobs.wait(first)).state is JobState.CANCELLED
    assert (await jobs.wait(waiting)).state is JobState.CANCELLED
    assert begun == [last]


async def test_a_job_can_start_another_in_a_step(jobs: Jobs) -> None:
    outer, inner = new_id(), new_id()

    async def starting(work: Work, _: Argument) -> None:
        async def start() -> None:
            await jobs.start("double", {"numbers": [5]}, job_id=inner)

        await work.step("start", start)

    jobs.handle("double", doubling)
    jobs.handle("starting", starting)
    await jobs.start("starting", {}, job_id=outer)
    assert (await jobs.wait(outer)).state is JobState.SUCCEEDED
    assert (await jobs.wait(inner)).result == [10]


async def test_the_next_application_of_the_process_finishes_what_the_last_one_began(url: str) -> None:
    gate, job_id = Gate(), new_id()
    began = Jobs(url, pace=PACE)
    began.handle("gate", gate.handler)
    await began.start("gate", {}, job_id=job_id)
    await gate.reached.wait()
    closing = asyncio.create_task(began.close())
    asyncio.get_running_loop().call_soon(gate.open.set)  # the step ends within the grace, so it is kept
    await closing
    assert gate.later == []

    gate.reached.clear()
    goes_on = Jobs(url, pace=PACE)
    goes_on.handle("gate", gate.handler)
    await goes_on.resume(watch=False)
    assert (await goes_on.wait(job_id)).result == "done"
    await goes_on.close()
    assert not gate.reached.is_set()
    assert gate.later == ["after"]


async def test_nothing_of_the_engine_stays_behind(url: str) -> None:
    for _ in range(2):
        job_id, jobs = new_id(), Jobs(url, pace=PACE)
        jobs.handle("double", doubling)
        await jobs.start("double", {"numbers": [1]}, job_id=job_id)
        assert (await jobs.wait(job_id)).result == [2]
        await jobs.close()
        assert await asyncio.to_thread(int, "7") == 7  # in threads of the loop, not in the engine's
        ending = [each for each in threading.enumerate() if each.name.startswith(("dbos", "queue", "Thread", "jobs"))]
        for thread in ending:
            thread.join(10)
        assert not any(thread.is_alive() for thread in ending)
        assert not logging.getLogger("dbos").handlers


async def test_an_application_without_work_launches_nothing(url: str) -> None:
    before, job_id = Jobs(url, pace=PACE), new_id()
    before.handle("double", doubling)
    await before.start("double", {"numbers": [1]}, job_id=job_id)
    await before.wait(job_id)
    await before.close()
    after = Jobs(url, pace=PACE)
    await after.resume(watch=False)
    threads = [each.name for each in threading.enumerate() if each.name.startswith("queue-worker")]
    assert threads == []
    status = await after.status(job_id)  # asking about a job that is there does
    assert status is not None
    assert (status.state, status.result) == (JobState.SUCCEEDED, [2])
    await after.close()


async def test_a_launch_goes_on_without_whoever_caused_it(jobs: Jobs) -> None:
    job_id = new_id()
    jobs.handle("double", doubling)
    impatient = asyncio.create_task(jobs.start("double", {"numbers": [1]}, job_id=new_id()))
    asyncio.get_running_loop().call_soon(impatient.cancel)
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await jobs.start("double", {"numbers": [2]}, job_id=job_id)
    assert (await jobs.wait(job_id)).result == [4]


async def test_a_database_that_cannot_be_used_is_told_each_time(tmp_path: Path) -> None:
    jobs = Jobs(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'jobs.db'}", pace=PACE)
    jobs.handle("double", doubling)
    for _ in range(2):
        with pytest.raises(DatabaseError):
            await jobs.start("double", {"numbers": [1]}, job_id=new_id())
    await jobs.close()
    with pytest.raises(DatabaseError, match="stopping"):
        await jobs.launch()


async def test_progress_can_be_told_within_a_step(jobs: Jobs) -> None:
    job_id = new_id()

    async def telling(work: Work) -> None:
        for done in range(3):
            await work.progress({"done": done})

    async def handler(work: Work, _: Argument) -> None:
        await work.step("telling", telling, work)

    jobs.handle("telling", handler)
    await jobs.start("telling", {}, job_id=job_id)
    assert (await jobs.wait(job_id)).progress == {"done": 2}


async def test_a_second_application_cannot_run_jobs_beside_the_first(url: str, jobs: Jobs) -> None:
    jobs.handle("double", doubling)
    await jobs.launch()
    other = Jobs(url, pace=PACE)
    other.handle("double", doubling)
    await other.resume(watch=True)  # nothing happens: the first one does its jobs
    with pytest.raises(RuntimeError, match="one for each process"):
        await other.start("double", {"numbers": [1]}, job_id=new_id())
    await other.close()
    job_id = new_id()
    await jobs.start("double", {"numbers": [1]}, job_id=job_id)
    assert (await jobs.wait(job_id)).result == [2]


async def test_a_look_for_jobs_makes_no_database(tmp_path: Path) -> None:
    file = tmp_path / "gateway-jobs.db"
    jobs = Jobs(f"sqlite+aiosqlite:///{file}", pace=PACE)
    await jobs.resume(watch=True)
    assert await jobs.status(new_id()) is None
    assert not await jobs.exist()
    await jobs.close()
    assert not file.exists()


async def test_whether_jobs_answer_is_told_between_their_launch_and_their_end(url: str) -> None:
    jobs = Jobs(url, pace=PACE)
    assert await jobs.answer(seconds=10) is None
    await jobs.launch()
    assert await jobs.answer(seconds=10) is True
    await jobs.close()
    assert await jobs.answer(seconds=10) is None


async def test_an_answer_that_takes_too_long_is_none(postgresql_url: str) -> None:
    jobs, database = Jobs(postgresql_url, pace=PACE), create_engine(postgresql_url)
    await jobs.launch()
    async with database.begin() as connection:
        await connection.execute(text("LOCK TABLE dbos.workflow_status IN ACCESS EXCLUSIVE MODE"))
        assert await jobs.answer(seconds=0.1) is False
    assert await jobs.answer(seconds=10) is True
    await database.dispose()
    await jobs.close()


@pytest.mark.parametrize(
    ("database", "jobs"),
    [
        ("sqlite+aiosqlite:///gateway.db", "sqlite+aiosqlite:///gateway-jobs.db"),
        ("sqlite+aiosqlite:////var/lib/g.w/data.sqlite3", "sqlite+aiosqlite:////var/lib/g.w/data-jobs.sqlite3"),
        ("sqlite+aiosqlite:///data?timeout=3", "sqlite+aiosqlite:///data-jobs?timeout=3"),
        ("postgresql+psycopg://me:secret@host:5432/gateway", "postgresql+psycopg://me:secret@host:5432/gateway"),
    ],
)
def test_jobs_are_kept_apart_from_our_own_tables(database: str, jobs: str) -> None:
    assert jobs_database_url(database) == jobs
