"""Jobs over a database of each kind, with nothing in it that a test did not begin."""

from collections.abc import AsyncIterator

import pytest

from gateway.jobs.database import jobs_database_url
from gateway.jobs.engine import Pace
from gateway.jobs.jobs import Jobs

PACE = Pace(queue_seconds=0.02, status_seconds=0.02, others_seconds=0.05)


@pytest.fixture
def url(database_url: str) -> str:
    return jobs_database_url(database_url)


@pytest.fixture
async def jobs(url: str) -> AsyncIterator[Jobs]:
    """Launched by the first job, as in an application."""
    made = Jobs(url, pace=PACE)
    yield made
    await made.close()
