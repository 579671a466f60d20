"""A gateway is killed (SIGKILL) while it makes partners: after the next start each record has one, and none has two."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.runs.run import RunState
from gateway.sandbox.app import open_sandbox
from tests.databases import DATABASES, postgresql
from tests.graphql.api import start
from tests.graphql.runs import Runs
from tests.graphql.test_inserts import codes, full, sizes

pytestmark = pytest.mark.anyio


@pytest.fixture
def emptied_postgresql() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("emptied_postgresql"))
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"


async def test_after_a_kill_every_record_has_one_partner(url: str, sandbox_files: Path, tmp_path: Path) -> None:
    """On one database after CRM created the accounts, on the other one after Business Central created the customers."""
    writes = 1 if url.startswith("sqlite") else 2
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_files, folder)
    command = [sys.executable, "-m", "tests.graphql.dying_full_run", str(folder), url, str(writes), "1"]
    died = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}, timeout=120
    )
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    customers, accounts = json.loads(died.stdout.splitlines()[0])
    opened = open_sandbox("http://localhost", folder=folder)
    try:
        async with AsyncExitStack() as stack:
            runs = Runs(await start(opened, url, stack))
            (left,) = await runs.jobs.runs.newest(runs.company, mapping=None, before=None, limit=1)
            ended = await runs.ended(str(left.id))
            assert ended["status"] == RunState.SUCCEEDED
            to_bc, to_crm = ended["toBusinessCentral"]["inserted"], ended["toDataverse"]["inserted"]
            assert min(to_bc, to_crm) > 0
            assert await sizes(runs) == (customers + to_bc, accounts + to_crm), "counted once, and made once"
            assert not await runs.books.intents.left(before=left.created_at.replace(year=9999))
            (again,) = await full(runs, mapping="CUSTOMER", onlyCoupled=False)
            assert again["counters"]["inserted"] == 0
            assert codes(again) == codes(ended)
            assert await sizes(runs) == (customers + to_bc, accounts + to_crm)
    finally:
        opened.close()


async def test_after_a_kill_every_invoice_is_there_once_with_its_lines(sandbox_files: Path, tmp_path: Path) -> None:
    """The process dies between the first page of change sets and its answer."""
    folder, url = tmp_path / "sandbox", f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    shutil.copytree(sandbox_files, folder)
    command = [sys.executable, "-m", "tests.graphql.dying_full_run", str(folder), url, "1", "1", "SALES_INVOICE"]
    died = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}, timeout=120
    )
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    opened = open_sandbox("http://localhost", folder=folder)
    try:
        async with AsyncExitStack() as stack:
            made = {row["invoicenumber"] for row in opened.dataverse.select("invoices")}
            assert made, "CRM carried out what nobody was told of"
            runs = Runs(await start(opened, url, stack))
            (left,) = await runs.jobs.runs.newest(runs.company, mapping=None, before=None, limit=1)
            ended = await runs.ended(str(left.id))
            rows = opened.dataverse.select("invoices")
            numbers = [row["invoicenumber"] for row in rows]
            assert len(numbers) == len(set(numbers)) == ended["counters"]["inserted"] > len(made)
            below = {row["_invoiceid_value"] for row in opened.dataverse.select("invoicedetails")}
            assert below == {row["invoiceid"] for row in rows}
            assert not await runs.books.intents.left(before=left.created_at.replace(year=9999))
    finally:
        opened.close()
