"""One sandbox for all tests of the endpoint that only read; a gateway with cold caches for each, on both databases."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.sandbox.app import Sandbox, open_sandbox
from tests.graphql.api import Api, start


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


@pytest.fixture
async def own_api(sandbox_files: Path) -> AsyncIterator[Api]:
    """A gateway over a sandbox and a database of its own, for a test that changes something."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        shutil.copytree(sandbox_files, folder / "sandbox")
        opened = open_sandbox("http://localhost", folder=folder / "sandbox")
        stack.callback(opened.close)
        yield await start(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}", stack)
