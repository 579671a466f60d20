"""``kill -9`` in the midst of a job, and what becomes of it."""

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from tests.jobs.conftest import PACE
from tests.jobs.counted import KIND, handler

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[Process]:
    """Killed afterwards, if it is not gone."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.jobs.counted", *arguments, cwd=ROOT, stdout=PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def lines(of: Process, *, until: str | None = None) -> list[str]:
    """What it prints, up to a line or to its end."""
    assert of.stdout is not None
    read: list[str] = []
    async for line in of.stdout:
        read.append(line.decode().rstrip())
        if read[-1] == until:
            break
    return read


async def test_after_a_kill_only_the_step_under_way_is_repeated(url: str) -> None:
    job_id = uuid4().hex
    async with process(url, job_id) as first:
        assert await lines(first, until="step 3") == ["step 1", "step 2", "step 3"]
        first.kill()
    async with process(url, job_id, "again") as second:
        *steps, last = await lines(second)
    assert steps == ["step 3", "step 4"]
    refused = ["The second cannot be done.", "INVALID_INPUT"]
    assert last == f"SUCCEEDED {[{'number': 1}, refused, {'number': 3}, {'number': 4}]}"


async def test_a_living_process_takes_over_from_a_dead_one(postgresql_url: str) -> None:
    job_id = uuid4().hex
    jobs = Jobs(postgresql_url, pace=PACE)
    jobs.handle(KIND, handler(stops_at=None))
    async with process(postgresql_url, job_id) as other:
        await lines(other, until="step 3")
        await jobs.launch()
        status = await jobs.status(job_id)
        assert status is not None
        assert (status.state, status.progress) == (JobState.RUNNING, {"done": 2})
        other.kill()
    status = await jobs.wait(job_id)
    assert (status.state, status.progress) == (JobState.SUCCEEDED, {"done": 4})
    await jobs.close()


async def test_a_living_process_keeps_its_jobs(postgresql_url: str) -> None:
    job_id, own = uuid4().hex, uuid4().hex
    jobs = Jobs(postgresql_url, pace=PACE)
    jobs.handle(KIND, handler(stops_at=None))
    async with process(postgresql_url, job_id) as other:
        await lines(other, until="step 3")
        await jobs.start(KIND, {"steps": 1}, job_id=own)
        assert (await jobs.wait(own)).state is JobState.SUCCEEDED
        status = await jobs.status(job_id)
        assert status is not None
        assert status.state is JobState.RUNNING
        assert await jobs.cancel(job_id)  # from here: it finds the mark before its next step, here or after its death
        other.kill()
    assert (await jobs.wait(job_id)).state is JobState.CANCELLED
    await jobs.close()


def test_the_engine_is_imported_by_the_first_job_only() -> None:
    look = "import sys, gateway.app, gateway.cli, gateway.demo, gateway.jobs.jobs; print('dbos' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", look], cwd=ROOT, text=True) == "False\n"
