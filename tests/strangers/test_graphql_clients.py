"""graphql-ws and graphql-sse, the reference clients of both protocols, watch a run of the gateway.

Source: the packages' own documentation.
"""

import json

import httpx
import pytest

from gateway.sandbox.identity.people import ADMIN
from tests.graphql.test_operations import operation
from tests.strangers.node import NodeClient

pytestmark = pytest.mark.strangers

VIEWER = "{ viewer { name } }"


def begun(graphql_client: NodeClient) -> str:
    answer = httpx.post(
        graphql_client.environment["GATEWAY_URL"],
        json={"query": operation("SynchronizeModified")},
        headers={"Authorization": f"Bearer {graphql_client.environment['GATEWAY_TOKEN']}"},
    ).json()
    id: str = answer["data"]["synchronizeModified"]["job"]["id"]
    return id


@pytest.mark.parametrize("transport", ["socket", "stream"])
def test_a_run_is_watched_to_its_end(graphql_client: NodeClient, transport: str) -> None:
    told = graphql_client.run(
        f"watching.{transport}", query=operation("WatchJob"), variables={"id": begun(graphql_client)}
    )
    jobs = [each["data"]["synchronizationJob"] for each in told]
    assert jobs[-1]["status"] == "SUCCEEDED"
    assert sum(jobs[-1]["counters"].values()) > 0


@pytest.mark.parametrize("transport", ["socket", "stream"])
def test_a_query_is_answered_once(graphql_client: NodeClient, transport: str) -> None:
    (answer,) = graphql_client.run(f"watching.{transport}", query=VIEWER)
    assert answer["data"] == {"viewer": {"name": ADMIN.display_name}}


def test_without_a_token_both_are_told(graphql_client: NodeClient) -> None:
    assert graphql_client.refused("watching.socket", query=VIEWER, connectionParams={})["code"] == 4403
    assert graphql_client.refused("watching.stream", query=VIEWER, withHeaders={})


def test_what_is_refused_is_told(graphql_client: NodeClient) -> None:
    query = "subscription { synchronizationJob(id: 1) { nothing } }"
    assert "nothing" in json.dumps(graphql_client.refused("watching.socket", query=query))
    assert "nothing" in json.dumps(graphql_client.run("watching.stream", query=query))
