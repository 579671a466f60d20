"""Jobs as the application has them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr, ValidationError

from gateway.demo import demo_settings
from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from gateway.jobs.work import Work
from gateway.sandbox.app import Sandbox, open_sandbox
from tests.graphql.api import start

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox(sandbox_files: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """At an address that a gateway accepts without TLS."""
    folder = shutil.copytree(sandbox_files, tmp_path / "sandbox")
    opened = open_sandbox("http://localhost", folder=folder)
    yield opened
    opened.close()


async def test_two_applications_in_a_row_have_the_same_jobs(sandbox: Sandbox, database_url: str) -> None:
    job_ids: list[str] = []

    async def echo(_: Work, argument: Any) -> Any:
        return dict(argument)

    for _ in range(2):
        async with AsyncExitStack() as stack:
            api = await start(sandbox, database_url, stack)
            jobs = api.app.state.running.services.jobs
            jobs.handle("echo", echo)
            job_ids.append(uuid4().hex)
            await jobs.start("echo", {"word": "yes"}, job_id=job_ids[-1])
            for job_id in job_ids:
                status = await jobs.wait(job_id)
                assert (status.state, status.result) == (JobState.SUCCEEDED, {"word": "yes"})


async def test_an_application_that_has_no_job_makes_no_database_for_them(sandbox: Sandbox, tmp_path: Path) -> None:
    os.mkdir(tmp_path / "own")
    async with AsyncExitStack() as stack:
        await start(sandbox, f"sqlite+aiosqlite:///{tmp_path / 'own' / 'gateway.db'}", stack)
    assert os.listdir(tmp_path / "own") == ["gateway.db"]


async def test_readiness_tells_of_jobs_once_their_engine_is_launched(sandbox: Sandbox, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        api = await start(sandbox, database_url, stack)
        assert (await api.http.get("/health/ready")).json()["checks"] == {"database": True}
        await api.app.state.running.services.jobs.launch()
        answer = await api.http.get("/health/ready")
        told = answer.json()
        told.pop("overdue")  # as other tests have left the database
        assert (answer.status_code, told) == (200, {"status": "ready", "checks": {"database": True, "jobs": True}})


async def test_a_gateway_whose_jobs_do_not_answer_is_not_ready(sandbox: Sandbox, database_url: str) -> None:
    class Silent(Jobs):
        async def answer(self, *, seconds: float) -> bool | None:
            return False

    async with AsyncExitStack() as stack:
        api = await start(sandbox, database_url, stack)
        running = api.app.state.running
        services = replace(running.services, jobs=Silent(database_url))
        api.app.state.running = replace(running, services=services)
        answer = await api.http.get("/health/ready")
        assert (answer.status_code, answer.json()) == (
            503,
            {"status": "not ready", "checks": {"database": True, "jobs": False}},
        )


def test_how_long_jobs_are_kept_is_a_setting(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = "sqlite+aiosqlite:///gateway.db"
    assert demo_settings(sandbox, ours).jobs_retention_days == 30
    for days in ("1", "3650"):
        monkeypatch.setenv("GATEWAY_JOBS_RETENTION_DAYS", days)
        assert demo_settings(sandbox, ours).jobs_retention_days == int(days)
    for days in ("0", "3651", "1.5"):
        monkeypatch.setenv("GATEWAY_JOBS_RETENTION_DAYS", days)
        with pytest.raises(ValidationError):
            demo_settings(sandbox, ours)


def test_the_database_of_jobs_is_a_setting(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = "sqlite+aiosqlite:///gateway.db", "sqlite+aiosqlite:///jobs.db"
    assert demo_settings(sandbox, ours).jobs_database_url is None
    monkeypatch.setenv("GATEWAY_JOBS_DATABASE_URL", other)
    assert demo_settings(sandbox, ours).jobs_database_url == SecretStr(other)
    with pytest.raises(ValidationError, match="must name another file"):
        demo_settings(sandbox, other)
