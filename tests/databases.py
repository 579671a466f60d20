"""Databases of a test run's own on the PostgreSQL server of this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

SERVER = "postgres@127.0.0.1:5432"


def _databases() -> tuple[str, ...]:
    """PostgreSQL is left out where there is none, unless CI is set: there it has to be."""
    if os.environ.get("CI"):
        return "sqlite", "postgresql"
    try:
        psycopg.connect(f"postgresql://{SERVER}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return ("sqlite",)
    return "sqlite", "postgresql"


DATABASES = _databases()
"""What the gateway's own tables are tested on here."""


@contextmanager
def postgresql(template: str = "template1") -> Iterator[str]:
    """The URL of an empty database, or of a copy of another one that nobody uses; dropped afterwards. Skips without a server."""
    if "postgresql" not in DATABASES:
        pytest.skip(f"no PostgreSQL answers at {SERVER}: what runs on it is not tested here")
    server = psycopg.connect(f"postgresql://{SERVER}/postgres", autocommit=True, connect_timeout=3)
    name = f"gateway_test_{uuid4().hex}"
    with server:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        server.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield f"postgresql+psycopg://{SERVER}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
