"""A gateway is killed (SIGKILL) while it synchronizes: after the next start nothing is lost, doubled or half done.

``GATEWAY_TEST_KILLS=200`` kills at so many points on each database instead of a few.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.runs.run import RunState
from gateway.sandbox.app import open_sandbox
from tests.databases import DATABASES, postgresql
from tests.graphql.api import start
from tests.graphql.runs import Runs

pytestmark = pytest.mark.anyio

KILLS = int(os.environ.get("GATEWAY_TEST_KILLS", "2"))
POINTS = [(9, 10, 8, 11, 7)[number % 5] for number in range(KILLS)]
"""With how many requests of the run sent: it takes eleven. The ninth writes to CRM, the tenth to Business Central."""


@pytest.fixture
def emptied_postgresql() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("emptied_postgresql"))
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"


@pytest.mark.parametrize("seed", range(KILLS))
async def test_after_a_kill_both_sides_agree(
    seed: int, url: str, sandbox_files: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_files, folder)
    command = [sys.executable, "-m", "tests.graphql.dying_run", str(folder), url, str(POINTS[seed]), str(seed)]
    died = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}, timeout=120
    )
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    wanted = json.loads(died.stdout.splitlines()[0])
    opened = open_sandbox("http://localhost", folder=folder)
    try:
        async with AsyncExitStack() as stack:
            runs = Runs(await start(opened, url, stack))
            (left,) = await runs.jobs.runs.newest(runs.company, mapping=None, before=None, limit=1)
            ended = await runs.ended(str(left.id))
            assert ended["status"] == RunState.SUCCEEDED
            for number, (phone, city) in wanted.items():
                bc, crm = await runs.both(number)
                record, row = await asyncio.gather(
                    runs.api.in_business_central("GET", bc), runs.api.in_dataverse("GET", crm)
                )
                assert (record["phoneNumber"], row["telephone1"]) == (phone, phone), number
                assert (record["city"], row["address1_city"]) == (city, city), number
                base = (await runs.stored(number)).base or {}
                assert (base["phoneNumber"], base["city"]) == (phone, city), number
            again = await runs.modified()
            assert (again["counters"]["modified"], again["counters"]["failed"]) == (0, 0)
            record_property("counts", f"killed with {POINTS[seed]} requests sent: {len(wanted)} customers agree")
    finally:
        opened.close()
