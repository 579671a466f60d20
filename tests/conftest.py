"""What all tests share: the event loop, the clockless sandbox, and the gateway over it, entered by HTTP."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop the gateway runs on."""
    return "asyncio"
