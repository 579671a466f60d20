"""What all tests share: the event loop, the databases the gateway's own tables are tested on, and a sandbox each."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, settings

from gateway.sandbox.app import Sandbox, open_sandbox
from tests.databases import DATABASES, postgresql

LARGE = "agreement"
"""A profile of hypothesis, for those who have an hour: see ``tests/graphql/test_agreement.py``."""

settings.register_profile(
    LARGE,
    max_examples=400,
    stateful_step_count=25,
    derandomize=False,  # where CI is set, it is the default
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


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


SANDBOX = "http://sandbox.test"


@pytest.fixture(scope="session")
def sandbox_files() -> Iterator[Path]:
    """Files of a sandbox nobody has used yet: the demo company is generated once a run."""
    with TemporaryDirectory() as folder:
        open_sandbox(SANDBOX, folder=Path(folder)).close()
        yield Path(folder)


@pytest.fixture
def sandbox(sandbox_files: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own, which may change in it what it likes; copying the files takes milliseconds."""
    with TemporaryDirectory() as folder:
        shutil.copytree(sandbox_files, folder, dirs_exist_ok=True)
        opened = open_sandbox(SANDBOX, folder=Path(folder))
        yield opened
        opened.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test counted, passed or failed, is shown to whoever ran it, whichever process the test ran in."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name == "counts":
                terminalreporter.write_line(str(value))
