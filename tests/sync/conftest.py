"""A gateway over a sandbox and a database of its own, for each test."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.sync.desks import Office, office


@pytest.fixture
async def own_office(sandbox_files: Path) -> AsyncIterator[Office]:
    with TemporaryDirectory() as folder:
        shutil.copytree(sandbox_files, Path(folder) / "sandbox")
        async with office(Path(folder)) as opened:
            yield opened
