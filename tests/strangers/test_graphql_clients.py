"""graphql-ws and graphql-sse, the reference clients of both protocols, watch a run of the gateway.

Source: the packages' own documentation.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from socket import create_server

import httpx
import pytest

from gateway.demo import create_demo
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE
from tests.graphql.test_operations import operation
from tests.strangers.conftest import missing, serving
from tests.strangers.node import NodeClient, lacks

pytestmark = pytest.mark.strangers

VIEWER = "{ viewer { name } }"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeClient]:
    """Both clients, signed in to a gateway over a sandbox of its own."""
    for package in ("graphql-ws", "graphql-sse", "ws"):
        if what := lacks(package):
            missing(what)
    folder: Path = tmp_path_factory.mktemp("gateway")
    with create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        opened = open_sandbox(base, folder=folder / "sandbox")
        demo = create_demo(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}")
        try:
            with serving(demo.app, listener):
                token = opened.identity.issue(ADMIN, GATEWAY_RESOURCE)
                yield NodeClient("graphql_clients", {"GATEWAY_URL": f"{base}/graphql", "GATEWAY_TOKEN": token})
        finally:
            opened.close()


def begun(client: NodeClient) -> str:
    answer = httpx.post(
        client.environment["GATEWAY_URL"],
        json={"query": operation("SynchronizeModified")},
        headers={"Authorization": f"Bearer {client.environment['GATEWAY_TOKEN']}"},
    ).json()
    id: str = answer["data"]["synchronizeModified"]["job"]["id"]
    return id


@pytest.mark.parametrize("transport", ["socket", "stream"])
def test_a_run_is_watched_to_its_end(client: NodeClient, transport: str) -> None:
    told = client.run(f"watching.{transport}", query=operation("WatchJob"), variables={"id": begun(client)})
    jobs = [each["data"]["synchronizationJob"] for each in told]
    assert jobs[-1]["status"] == "SUCCEEDED"
    assert sum(jobs[-1]["counters"].values()) > 0


@pytest.mark.parametrize("transport", ["socket", "stream"])
def test_a_query_is_answered_once(client: NodeClient, transport: str) -> None:
    (answer,) = client.run(f"watching.{transport}", query=VIEWER)
    assert answer["data"] == {"viewer": {"name": ADMIN.display_name}}


def test_without_a_token_both_are_told(client: NodeClient) -> None:
    assert client.refused("watching.socket", query=VIEWER, connectionParams={})["code"] == 4403
    assert client.refused("watching.stream", query=VIEWER, withHeaders={})


def test_what_is_refused_is_told(client: NodeClient) -> None:
    query = "subscription { synchronizationJob(id: 1) { nothing } }"
    assert "nothing" in json.dumps(client.refused("watching.socket", query=query))
    assert "nothing" in json.dumps(client.run("watching.stream", query=query))
