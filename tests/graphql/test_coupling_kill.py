"""A gateway is killed (SIGKILL) while it creates a record: after the next start there is exactly one record and one coupling."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import Side
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.company import story
from tests.databases import DATABASES, postgresql
from tests.graphql.api import Api, start
from tests.graphql.pairs import Pairs

pytestmark = pytest.mark.anyio

CASES = {
    "account, before CRM has it": ("sent", Mapping.CUSTOMER, story.UNCOUPLED, "accounts", "name"),
    "account, when CRM has it": ("created", Mapping.CUSTOMER, story.UNCOUPLED, "accounts", "name"),
    "product, when CRM has it as a draft": ("created", Mapping.ITEM, story.UNCOUPLED_ITEM, "products", "name"),
    "product, when CRM has activated it": ("second", Mapping.ITEM, story.UNCOUPLED_ITEM, "products", "name"),
}


@pytest.fixture
def emptied_postgresql() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("emptied_postgresql"))
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"


async def rows(api: Api, entity_set: str, column: str) -> list[Any]:
    found: list[Any] = (await api.in_dataverse("GET", f"{entity_set}?$select={column}"))["value"]
    return found


@pytest.mark.parametrize("case", CASES)
async def test_after_a_kill_there_is_one_record_and_one_coupling(
    case: str, url: str, sandbox_files: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    point, mapping, number, entity_set, column = CASES[case]
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_files, folder)
    before = await counted(folder, url, entity_set, column)

    command = [sys.executable, "-m", "tests.graphql.dying", str(folder), url, point, mapping, number]
    died = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}, timeout=120
    )
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr

    opened = open_sandbox("http://localhost", folder=folder)
    try:
        async with AsyncExitStack() as stack:
            api = await start(opened, url, stack)
            pairs = Pairs(api)
            await api.app.state.running.recovered.wait()
            made = await rows(api, entity_set, column)
            assert len(made) == before + 1
            (coupling,) = (
                await pairs.books.couplings.find_by_key(mapping, pairs.company, Side.BUSINESS_CENTRAL, [number])
            ).values()
            ids = {each[{"accounts": "accountid", "products": "productid"}[entity_set]] for each in made}
            assert str(coupling.crm_id) in ids
            assert coupling.last_result_to_crm == "SUCCESS"
            assert await pairs.books.intents.of([coupling.id]) == {}
            if mapping is Mapping.ITEM:
                product = await api.in_dataverse("GET", f"products({coupling.crm_id})?$select=statecode,statuscode")
                assert (product["statecode"], product["statuscode"]) == (0, 1)
            record_property("counts", f"killed ({case}): {len(made) - before} record, 1 coupling")
    finally:
        opened.close()


async def counted(folder: Path, url: str, entity_set: str, column: str) -> int:
    """How many rows there are before anything happens; the demo's couplings are there afterwards."""
    opened = open_sandbox("http://localhost", folder=folder)
    try:
        async with AsyncExitStack() as stack:
            return len(await rows(await start(opened, url, stack), entity_set, column))
    finally:
        opened.close()
