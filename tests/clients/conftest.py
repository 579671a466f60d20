"""A sandbox of the test's own, its files copied from one that was generated once."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.sandbox.app import Sandbox, open_sandbox
from tests.clients.over_sandbox import Clients, clients_over

BASE = "http://sandbox.test"


@pytest.fixture(scope="session")
def generated_files() -> Iterator[Path]:
    """Files of a sandbox nobody has used yet."""
    with TemporaryDirectory() as folder:
        open_sandbox(BASE, folder=Path(folder)).close()
        yield Path(folder)


@pytest.fixture
def sandbox(generated_files: Path) -> Iterator[Sandbox]:
    with TemporaryDirectory() as folder:
        shutil.copytree(generated_files, folder, dirs_exist_ok=True)
        opened = open_sandbox(BASE, folder=Path(folder))
        yield opened
        opened.close()


@pytest.fixture
async def clients(sandbox: Sandbox) -> AsyncIterator[Clients]:
    async with clients_over(sandbox) as opened:
        yield opened
