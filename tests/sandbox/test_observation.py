"""The request log, the latency, and the admin endpoints that show and set them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from gateway.sandbox.admin import admin_app
from gateway.sandbox.observation import Latency, Observed, RequestLog

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
ADMIN = "/sandbox/admin"
LOG = f"{ADMIN}/requests"


class Gate:
    """A simulator that answers when it is opened, to have requests run at the same time."""

    def __init__(self) -> None:
        self.opened = anyio.Event()

    async def answer(self, _: Request) -> Response:
        await self.opened.wait()
        return PlainTextResponse("late")


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello", 203)


async def broken(_: Request) -> Response:
    raise RuntimeError("broken")


@pytest.fixture
def latency() -> Latency:
    return Latency()


@pytest.fixture
def log() -> RequestLog:
    return RequestLog(most=5)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
async def client(
    latency: Latency, log: RequestLog, gate: Gate, waited: list[float]
) -> AsyncIterator[httpx.AsyncClient]:
    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    ticks = iter(range(1000))
    routes = [Route("/hello", hello), Route("/wait", gate.answer), Route("/broken", broken)]

    def observed(name: str) -> Observed:
        app = Starlette(routes=routes)
        return Observed(app, log, name, latency, clock=lambda: NOON, stopwatch=lambda: next(ticks) / 100, sleep=sleep)

    app = Starlette(
        routes=[
            Mount("/sandbox/bc", observed("business-central")),
            Mount("/sandbox/dataverse", observed("dataverse")),
            Mount(ADMIN, admin_app(log, latency)),
        ]
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_a_request_is_logged_as_it_arrived_and_without_its_token(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer secret", "Prefer": "odata.maxpagesize=10", "Accept": "*/*"}
    await client.get("/sandbox/bc/hello?$filter=name%20eq%20'a'", headers=headers)
    answer = await client.get(LOG)
    assert answer.json()["requests"] == [
        {
            "time": "2026-11-16T12:00:00.000Z",
            "backend": "business-central",
            "method": "GET",
            "target": "/sandbox/bc/hello?$filter=name%20eq%20'a'",
            "status": 203,
            "milliseconds": 10.0,
            "headers": {"accept": "*/*", "prefer": "odata.maxpagesize=10"},
        }
    ]
    assert "secret" not in answer.text


async def test_requests_are_listed_by_backend_and_newest_last(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.get(f"/sandbox/bc/hello?{number}")
    await client.get("/sandbox/dataverse/hello")
    listed = (await client.get(f"{LOG}?backend=business-central&limit=2")).json()
    assert [one["target"] for one in listed["requests"]] == ["/sandbox/bc/hello?1", "/sandbox/bc/hello?2"]
    assert listed["backends"] == {"business-central": {"requests": 3, "running": 0, "most_running": 1}}
    assert (await client.get(f"{LOG}?limit=0")).json()["requests"] == []


async def test_the_log_is_bounded_and_the_counts_are_not(client: httpx.AsyncClient) -> None:
    for _ in range(8):
        await client.get("/sandbox/bc/hello")
    listed = (await client.get(LOG)).json()
    assert len(listed["requests"]) == 5
    assert listed["backends"]["business-central"]["requests"] == 8


async def test_a_request_that_broke_the_simulator_is_logged_with_status_500(client: httpx.AsyncClient) -> None:
    await client.get("/sandbox/bc/broken")
    listed = (await client.get(LOG)).json()
    assert listed["requests"][0]["status"] == 500
    assert listed["backends"]["business-central"]["running"] == 0


async def test_requests_running_at_once_are_counted_per_backend(
    client: httpx.AsyncClient, log: RequestLog, gate: Gate
) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(client.get, "/sandbox/dataverse/wait")
        await anyio.wait_all_tasks_blocked()
        assert log.load("dataverse").running == 3
        gate.opened.set()
    load = log.load("dataverse")
    assert (load.requests, load.running, load.most_running) == (3, 0, 3)
    assert log.load("business-central").most_running == 0


async def test_clearing_one_backend_leaves_the_other(client: httpx.AsyncClient) -> None:
    await client.get("/sandbox/bc/hello")
    await client.get("/sandbox/dataverse/hello")
    assert (await client.delete(f"{LOG}?backend=dataverse")).status_code == 204
    assert [one["backend"] for one in (await client.get(LOG)).json()["requests"]] == ["business-central"]
    await client.delete(LOG)
    cleared = (await client.get(LOG)).json()
    assert cleared["requests"] == []
    assert cleared["backends"]["business-central"]["requests"] == 0


async def test_latency_set_over_http_delays_that_backend_only(client: httpx.AsyncClient, waited: list[float]) -> None:
    answer = await client.put(f"{ADMIN}/latency", json={"dataverse": 40})
    assert answer.json() == {"business-central": 0, "dataverse": 40}
    await client.get("/sandbox/bc/hello")
    await client.get("/sandbox/dataverse/hello")
    assert waited == [0.04]
    assert (await client.get(f"{ADMIN}/latency")).json()["dataverse"] == 40


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{", "The body must be JSON."),
        ("[]", 'The body must be an object such as {"dataverse": 40}.'),
        ('{"sap": 1}', "There is no backend 'sap'; there are business-central and dataverse."),
        ('{"dataverse": -1}', "The latency of dataverse must be a number of milliseconds from 0 to 60000."),
        ('{"dataverse": true}', "The latency of dataverse must be a number of milliseconds from 0 to 60000."),
        ('{"dataverse": NaN}', "The latency of dataverse must be a number of milliseconds from 0 to 60000."),
    ],
)
async def test_a_latency_nobody_can_mean_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, latency: Latency, body: str, sentence: str
) -> None:
    answer = await client.put(f"{ADMIN}/latency", content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert latency.of("dataverse") == 0


@pytest.mark.parametrize("query", ["backend=sap", "limit=-1", "limit=many", "limit="])
async def test_a_question_nobody_can_answer_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"{LOG}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


async def test_the_index_names_the_switches(client: httpx.AsyncClient) -> None:
    assert {"requests", "latency"} <= (await client.get(f"{ADMIN}/")).json().keys()
