"""What all tests share: the event loop, and the databases the gateway's own tables are tested on."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

POSTGRESQL = "127.0.0.1:5432"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop the gateway runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A database of its own on the PostgreSQL server of this machine, dropped afterwards."""
    name = f"gateway_test_{uuid.uuid4().hex[:12]}"
    try:
        server = psycopg.connect(f"postgresql://postgres@{POSTGRESQL}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: what runs on it is not tested here")
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield f"postgresql+psycopg://postgres@{POSTGRESQL}/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Each database in turn: what passes on one has to pass on the other."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    folder: Path = tmp_path_factory.mktemp("database")
    return f"sqlite+aiosqlite:///{folder / 'gateway.db'}"
