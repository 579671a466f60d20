"""Finished jobs are deleted after a while, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.jobs.job import JobState, JobStatus
from gateway.jobs.jobs import Jobs
from gateway.jobs.retention import Retention
from gateway.jobs.work import Work
from tests.jobs.conftest import PACE

pytestmark = pytest.mark.anyio

KEEP = timedelta(days=30)


class Clock:
    """Long ago, until it is moved."""

    def __init__(self) -> None:
        self._time = datetime(2000, 1, 1, tzinfo=UTC)
        self._asked = asyncio.Event()

    def __call__(self) -> datetime:
        self._asked.set()
        return self._time

    async def move(self, time: datetime) -> None:
        """To this time; ends when it was asked and asked again, so what followed from the first answer is done."""
        self._time = time
        for _ in range(2):
            self._asked.clear()
            await self._asked.wait()


async def echo(work: Work, argument: Mapping[str, Any]) -> Any:
    async def step() -> Any:
        return argument["word"]

    await work.progress({"done": 1})
    return await work.step("echo", step)


async def finished(jobs: Jobs) -> JobStatus:
    job_id = uuid4().hex
    await jobs.start("echo", {"word": "yes"}, job_id=job_id)
    status = await jobs.wait(job_id)
    assert (status.state, status.result) == (JobState.SUCCEEDED, "yes")
    return status


def end_of(status: JobStatus) -> datetime:
    assert status.finished_at is not None
    return status.finished_at + KEEP


async def test_a_job_is_deleted_when_it_finished_long_enough_ago_and_not_before(url: str) -> None:
    clock, running, gate = Clock(), uuid4().hex, asyncio.Event()

    async def waiting(work: Work, _: Mapping[str, Any]) -> None:
        await work.step("wait", gate.wait)

    jobs = Jobs(url, retention=Retention(KEEP, now=clock, at_once=2), pace=replace(PACE, retention_seconds=0.02))
    jobs.handle("echo", echo)
    jobs.handle("waiting", waiting)
    await jobs.start("waiting", {}, job_id=running)
    ended = [await finished(jobs) for _ in range(3)]

    await clock.move(end_of(ended[0]) - timedelta(milliseconds=1))
    assert [await jobs.status(each.job_id) for each in ended] == ended
    await clock.move(end_of(ended[-1]))
    assert [await jobs.status(each.job_id) for each in ended] == [None] * 3

    await clock.move(end_of(ended[-1]) + timedelta(days=1000))
    status = await jobs.status(running)
    assert status is not None
    assert status.state is JobState.RUNNING
    await clock.move(datetime(2000, 1, 1, tzinfo=UTC))
    gate.set()
    assert (await jobs.wait(running)).state is JobState.SUCCEEDED
    await jobs.close()


async def test_jobs_of_an_earlier_process_are_deleted_at_the_launch(url: str) -> None:
    before = Jobs(url, pace=PACE)
    before.handle("echo", echo)
    ended = await finished(before)
    await before.close()

    after = Jobs(url, retention=Retention(KEEP, now=lambda: end_of(ended)), pace=PACE)
    after.handle("echo", echo)
    await after.launch()
    async with asyncio.timeout(10):
        while await after.status(ended.job_id) is not None:
            pass
    await after.start("echo", {"word": "again"}, job_id=ended.job_id)
    assert (await after.wait(ended.job_id)).result == "again"
    await after.close()
