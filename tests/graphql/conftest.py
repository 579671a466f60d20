"""One sandbox for all tests of the endpoint; a gateway with cold caches for each, on both databases."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

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
