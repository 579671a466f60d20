"""One sandbox for all tests of the endpoint that only read; a gateway with cold caches for each, on both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.sandbox.app import Sandbox, open_sandbox
from tests.graphql.api import Api, start
from tests.graphql.personal import KEY, NAME, NUMBER, Personal, opened
from tests.graphql.runs import Runs


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The demo company, read by all tests and changed by none."""
    opened = open_sandbox("http://localhost", folder=None)
    yield opened
    opened.close()


@pytest.fixture
async def api(sandbox: Sandbox, database_url: str) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        yield await start(sandbox, database_url, stack)


@pytest.fixture(scope="session")
def unused_files(sandbox_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox and databases nobody has used yet: their tables are made once a run, which takes longer than most tests."""

    async def launch(api: Api) -> None:
        await api.app.state.running.services.jobs.launch()

    folder = tmp_path_factory.mktemp("unused")
    shutil.copytree(sandbox_files, folder / "sandbox")
    _prepare(folder, launch)
    return folder


@pytest.fixture(scope="session")
def settled_files(unused_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after two runs over customers: the first looks at everything, the second puts on the skip list what fails."""

    async def settle(api: Api) -> None:
        await Runs(api).modified()
        await Runs(api).modified()

    folder = tmp_path_factory.mktemp("settled")
    shutil.copytree(unused_files, folder, dirs_exist_ok=True)
    _prepare(folder, settle)
    return folder


def _prepare(folder: Path, use: Callable[[Api], Awaitable[None]]) -> None:
    async def used() -> None:
        async with AsyncExitStack() as stack:
            await use(await _own(folder, stack))

    asyncio.run(used())


async def _own(folder: Path, stack: AsyncExitStack) -> Api:
    opened = open_sandbox("http://localhost", folder=folder / "sandbox")
    stack.callback(opened.close)
    return await start(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}", stack)


@pytest.fixture
async def own_api(unused_files: Path) -> AsyncIterator[Api]:
    """A gateway over a sandbox and a database of its own, for a test that changes something."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        shutil.copytree(unused_files, folder, dirs_exist_ok=True)
        yield await _own(folder, stack)


@pytest.fixture
async def settled_api(settled_files: Path) -> AsyncIterator[Api]:
    """The same, with customers synchronized: from here on a run finds what changed, and nothing else."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        shutil.copytree(settled_files, folder, dirs_exist_ok=True)
        yield await _own(folder, stack)


@pytest.fixture
async def personal(unused_files: Path, tmp_path: Path) -> AsyncIterator[Personal]:
    async with AsyncExitStack() as stack:
        api = await opened(unused_files, tmp_path, stack)
        query = f'{{ customer(by: {{number: "{NUMBER}"}}) {{ id coupling {{ id businessCentralId dataverseId }} }} }}'
        customer = (await api.ask(query)).data["customer"]
        made = Personal(api, customer["coupling"]["dataverseId"], customer["id"])
        made.coupling_id = customer["coupling"]["id"]
        await api.in_dataverse("PATCH", f"accounts({made.account})", {"name": NAME, "accountnumber": KEY})
        # an administrator sees it, and the coupling remembers its number from then on
        seen = await api.ask(f'{{ account(by: {{accountNumber: "{KEY}"}}) {{ id name customer {{ number }} }} }}')
        assert (seen.data["account"]["name"], seen.data["account"]["customer"]) == (NAME, {"number": NUMBER})
        made.account_id = seen.data["account"]["id"]
        yield made
