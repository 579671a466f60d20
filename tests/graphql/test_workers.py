"""One process answers, others carry out the jobs, over one PostgreSQL database; a worker is killed and the next takes over."""

import asyncio
import os
import shutil
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.config import JobsPlace
from gateway.sandbox.app import open_sandbox
from tests.databases import postgresql
from tests.graphql.api import start
from tests.graphql.runs import MODIFIED, Runs
from tests.graphql.test_schedules import SCHEDULES

pytestmark = pytest.mark.anyio


async def worked(folder: Path, url: str, run: str, *, requests: int) -> tuple[int, str]:
    """How a worker ended, and what it printed."""
    command = (sys.executable, "-m", "tests.graphql.working", str(folder), url, run, str(requests))
    environment = {**os.environ, "PYTHONPATH": "."}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, printed.decode() or errors.decode()


async def test_a_worker_takes_over_what_a_killed_one_left(sandbox_files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_files, folder)
    shutil.copytree(sandbox_files, tmp_path / "identity")
    async with AsyncExitStack() as stack:
        url = stack.enter_context(postgresql())
        opened = open_sandbox("http://localhost", folder=tmp_path / "identity")
        stack.callback(opened.close)
        runs = Runs(await start(opened, url, stack, jobs=JobsPlace.ELSEWHERE))
        answer = await runs.api.ask(MODIFIED, {"input": {"mapping": "CUSTOMER"}}, explain=False)
        job = answer.data["synchronizeModified"]["job"]
        assert job["status"] == "WAITING"

        returncode, printed = await worked(folder, url, job["id"], requests=6)
        assert returncode == -signal.SIGKILL, printed
        assert (await runs.job(job["id"]))["status"] == "RUNNING"

        returncode, printed = await worked(folder, url, job["id"], requests=0)
        assert (returncode, "jobs.taken_over" in printed) == (0, True), printed
        assert printed.splitlines()[-1] == "SUCCEEDED ready {'database': True, 'jobs': True} 404"
        ended = await runs.job(job["id"])
        assert (ended["status"], ended["createdBy"]) == ("SUCCEEDED", "Ada Verhoeven")
        assert ended["counters"]["modified"] > 0
        schedules = (await runs.api.ask(SCHEDULES, explain=False)).data["synchronizationSchedules"]
        assert all(each["nextDueAt"] for each in schedules if each["enabled"]), "the workers look at schedules"
        asked = [*runs.api.business_central.seen, *runs.api.dataverse.seen]
        assert asked == [], "whoever answers carries out nothing"
