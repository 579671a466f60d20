"""What all tests share: the event loop, and the databases the gateway's own tables are tested on."""

from collections.abc import Iterator

import pytest

from tests.databases import DATABASES, postgresql


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop the gateway runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """One database for the tests that only read what is seeded."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session", params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Each database in turn: what passes on one has to pass on the other."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database') / 'gateway.db'}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test counted, passed or failed, is shown to whoever ran it, whichever process the test ran in."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name == "counts":
                terminalreporter.write_line(str(value))
