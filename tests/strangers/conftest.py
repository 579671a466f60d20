"""A running sandbox for clients that other people wrote, and what to do when such a client is not installed.

The clients come from public registries and were written against the real services. They are no part of the default test
run: `poe strangers` installs them and runs these tests.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import uvicorn

from gateway.demo import create_demo
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from tests.strangers.node import NodeClient, lacks

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from tests.strangers.typed_client import TypedClient


def missing(what: str) -> None:
    """Leave the test out, with one line that says why; where CI is set, everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The demo company on a port of this machine. Tests share it: each changes only rows that it made itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened = open_sandbox(f"http://127.0.0.1:{listener.getsockname()[1]}", folder=None)
        try:
            with served(opened, listener):
                yield opened
        finally:
            opened.close()


def served(sandbox: Sandbox, listener: socket.socket) -> AbstractContextManager[None]:
    return serving(sandbox.app(), listener)


@contextmanager
def serving(app: "ASGIApp", listener: socket.socket) -> Iterator[None]:
    """An application behind a socket that listens already, so that a first request waits instead of failing."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def dynamics_web_api(sandbox: Sandbox) -> NodeClient:
    """dynamics-web-api, signed in to the Dataverse simulator as the gateway's application."""
    if what := lacks("dynamics-web-api"):
        missing(what)
    address = sandbox.addresses.dataverse
    # The client resolves its api/data/v9.2 against the server's address, as a browser would: without the last slash
    # that takes the place of the last segment.
    environment = {"DATAVERSE_URL": f"{address}/", "DATAVERSE_TOKEN": sandbox.identity.issue(GATEWAY, address)}
    return NodeClient("dynamics_web_api", environment)


@pytest.fixture
def pybusinesscentral(sandbox: Sandbox) -> "TypedClient":
    """pybusinesscentral, signed in to the Business Central simulator as the gateway's application."""
    if find_spec("pybusinesscentral") is None:
        missing("the package pybusinesscentral is not installed; `poe strangers` installs it")
    from tests.strangers.typed_client import TypedClient

    token = sandbox.identity.issue(GATEWAY, BUSINESS_CENTRAL_RESOURCE)
    return TypedClient(sandbox.addresses.business_central, token, sandbox.company.company_id)


@pytest.fixture(scope="module")
def graphql_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeClient]:
    """Clients of GraphQL, signed in to a gateway over a sandbox of its own."""
    for package in ("graphql-http", "graphql-ws", "graphql-sse", "ws"):
        if what := lacks(package):
            missing(what)
    folder = tmp_path_factory.mktemp("gateway")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        opened = open_sandbox(base, folder=folder / "sandbox")
        demo = create_demo(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}")
        try:
            with serving(demo.app, listener):
                token = opened.identity.issue(ADMIN, GATEWAY_RESOURCE)
                yield NodeClient("graphql_clients", {"GATEWAY_URL": f"{base}/graphql", "GATEWAY_TOKEN": token})
        finally:
            opened.close()
