"""Our clients over a sandbox of the test's own."""

from collections.abc import AsyncIterator

import pytest

from gateway.sandbox.app import Sandbox
from tests.clients.over_sandbox import Clients, clients_over


@pytest.fixture
async def clients(sandbox: Sandbox) -> AsyncIterator[Clients]:
    async with clients_over(sandbox) as opened:
        yield opened
