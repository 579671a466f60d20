"""The limits both services set to one caller: windows, places, queues, and what a caller is told."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from gateway.sandbox.admin import admin_app
from gateway.sandbox.observation import Latency, RequestLog
from gateway.sandbox.switches.throttling import throttling_switch
from gateway.sandbox.throttled import REQUESTS_LEFT, SECONDS_LEFT, BusinessCentralThrottled, DataverseThrottled
from gateway.sandbox.throttling import (
    BusinessCentralLimits,
    BusinessCentralThrottle,
    DataverseLimits,
    DataverseThrottle,
    Throttles,
)
from gateway.sandbox.window import SlidingWindow

pytestmark = pytest.mark.anyio

THROTTLING = "/sandbox/admin/throttling"


def verify(token: str) -> Mapping[str, object]:
    """`ann:1` and `ann:2` are two tokens of Ann; a token without a colon proves nothing."""
    name, colon, _ = token.partition(":")
    if not colon:
        raise ValueError("not a token")
    return {"oid": name}


def of(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


class Site:
    """Two simulators that answer when they are let, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.open = anyio.Event()
        self.open.set()
        self.running = 0
        self.central = BusinessCentralLimits()
        self.dataverse = DataverseLimits()
        self.bodies: list[bytes] = []

    def app(self) -> Starlette:
        def clock() -> float:
            return self.now

        simulator = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])
        throttles = Throttles(
            BusinessCentralThrottle(self.central, clock=clock), DataverseThrottle(self.dataverse, clock=clock)
        )
        return Starlette(
            routes=[
                Mount("/bc", BusinessCentralThrottled(simulator, throttles.business_central, verify)),
                Mount("/dataverse", DataverseThrottled(simulator, throttles.dataverse, verify)),
                Mount("/sandbox/admin", admin_app(RequestLog(), Latency(), throttling_switch(throttles))),
            ]
        )

    def close(self) -> None:
        self.open = anyio.Event()

    async def _answer(self, request: Request) -> Response:
        self.running += 1
        self.bodies.append(await request.body())
        await self.open.wait()
        self.now += float(request.query_params.get("takes", 0))
        self.running -= 1
        return JSONResponse({})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=site.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=of("ann:1")) as client:
        yield client


async def statuses(client: httpx.AsyncClient, path: str, times: int, **kwargs: Any) -> list[int]:
    return [(await client.get(path, **kwargs)).status_code for _ in range(times)]


# The window


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(1, 9)), max_size=60))
def test_a_window_holds_what_was_spent_in_its_time_and_little_more(steps: list[tuple[float, int]]) -> None:
    window, now, spent = SlidingWindow(), 0.0, []
    for pause, amount in steps:
        now += pause
        window.spend(amount, now=now, seconds=100)
        spent.append((now, amount))
        surely = sum(amount for then, amount in spent if then > now - 99.9)
        at_most = sum(amount for then, amount in spent if then > now - 100)
        assert surely <= window.total(now=now, seconds=100) <= at_most


def test_a_window_is_bounded_whatever_is_spent() -> None:
    window = SlidingWindow()
    for number in range(30_000):
        window.spend(1, now=number / 100, seconds=100)
    assert len(window._spent) <= 1001


def test_a_window_tells_when_enough_of_it_is_over() -> None:
    window = SlidingWindow()
    for second in (0, 10, 20):
        window.spend(5, now=second, seconds=100)
    assert window.seconds_until(10, now=30, seconds=100) == 70
    assert window.seconds_until(9, now=30, seconds=100) == 80
    assert window.seconds_until(0, now=30, seconds=100) == 90
    assert window.total(now=120, seconds=100) == 0


# Business Central


async def test_business_central_counts_requests_of_a_caller_whatever_the_token(
    client: httpx.AsyncClient, site: Site
) -> None:
    site.central.requests = 3
    assert await statuses(client, "/bc/items", 2) == [200, 200]
    assert await statuses(client, "/bc/items", 2, headers=of("ann:2")) == [200, 429]
    assert await statuses(client, "/bc/items", 1, headers=of("bob:1")) == [200]
    refused = await client.get("/bc/items")
    assert refused.json() == {
        "error": {
            "code": "Application_TooManyRequests",
            "message": "Too many requests reached. Actual (4). Maximum (3).",
        }
    }
    assert "Retry-After" not in refused.headers


async def test_the_window_slides_and_refused_requests_do_not_count(client: httpx.AsyncClient, site: Site) -> None:
    site.central.requests = 2
    assert await statuses(client, "/bc/items", 1) == [200]
    site.now += 200
    assert await statuses(client, "/bc/items", 3) == [200, 429, 429]
    site.now += 100
    assert await statuses(client, "/bc/items", 2) == [200, 429]


async def test_without_a_good_token_each_token_is_a_caller_of_its_own(client: httpx.AsyncClient, site: Site) -> None:
    site.central.requests = 1
    assert await statuses(client, "/bc/items", 2, headers=of("broken")) == [200, 429]
    assert await statuses(client, "/bc/items", 2, headers=of("other")) == [200, 429]
    assert await statuses(client, "/bc/items", 1) == [200]


async def test_every_operation_of_a_batch_counts_and_its_body_arrives(client: httpx.AsyncClient, site: Site) -> None:
    site.central.requests = 10
    batch = {"requests": [{"id": str(number), "method": "GET", "url": "items"} for number in range(8)]}
    first = await client.post("/bc/$batch", json=batch)
    assert first.status_code == 200
    assert b'"id":"7"' in site.bodies[0].replace(b" ", b"")
    refused = await client.post("/bc/$batch", json=batch)
    assert refused.json()["error"]["message"] == "Too many requests reached. Actual (16). Maximum (10)."
    assert await statuses(client, "/bc/items", 3) == [200, 200, 429]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"requests": 5}', b'{"requests": []}'])
async def test_a_batch_that_cannot_be_read_counts_once(client: httpx.AsyncClient, site: Site, body: bytes) -> None:
    site.central.requests = 1
    assert (await client.post("/bc/$batch", content=body)).status_code == 200
    assert site.bodies == [body]
    assert (await client.post("/bc/$batch", content=body)).status_code == 429


async def test_five_run_the_rest_waits_and_what_is_beyond_the_queue_is_refused(
    client: httpx.AsyncClient, site: Site
) -> None:
    site.close()
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await client.get("/bc/items"))

    async with anyio.create_task_group() as tasks:
        for _ in range(101):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert site.running == 5
        assert [answer.status_code for answer in answers] == [429]
        assert answers[0].json()["error"]["message"] == "Too many requests reached. Actual (101). Maximum (100)."
        assert await statuses(client, "/dataverse/rows", 0) == []
        site.open.set()
    assert sorted(answer.status_code for answer in answers) == [200] * 100 + [429]
    assert await statuses(client, "/bc/items", 1) == [200]


async def test_who_waits_too_long_gets_503_and_frees_the_queue(client: httpx.AsyncClient, site: Site) -> None:
    site.central.at_once, site.central.queue, site.central.queue_seconds = 1, 1, 0
    site.close()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "/bc/items")
        await anyio.wait_all_tasks_blocked()
        for _ in range(2):
            late = await client.get("/bc/items")
            assert (late.status_code, late.json()["error"]["code"]) == (503, "Internal_TenantUnavailable")
        site.open.set()


async def test_who_stops_waiting_leaves_the_queue_in_order(client: httpx.AsyncClient, site: Site) -> None:
    site.central.at_once, site.central.queue = 1, 1
    site.close()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "/bc/items")
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(client.get, "/bc/items")
            await anyio.wait_all_tasks_blocked()
            assert (await client.get("/bc/items")).status_code == 429
            impatient.cancel_scope.cancel()
        tasks.start_soon(client.get, "/bc/items")
        await anyio.wait_all_tasks_blocked()
        site.open.set()
    assert len(site.bodies) == 2
    assert await statuses(client, "/bc/items", 1) == [200]


# Dataverse


async def test_dataverse_tells_what_is_left_with_every_answer(client: httpx.AsyncClient, site: Site) -> None:
    first = await client.get("/dataverse/rows?takes=1.5")
    second = await client.get("/dataverse/rows")
    assert (first.headers[REQUESTS_LEFT], second.headers[REQUESTS_LEFT]) == ("5999", "5998")
    assert second.headers[SECONDS_LEFT] == "1198.50"
    assert (await client.get("/dataverse/rows", headers=of("bob:1"))).headers[REQUESTS_LEFT] == "5999"


async def test_dataverse_refuses_too_many_requests_and_says_when_to_come_back(
    client: httpx.AsyncClient, site: Site
) -> None:
    site.dataverse.requests = 2
    await statuses(client, "/dataverse/rows", 1)
    site.now += 100
    await statuses(client, "/dataverse/rows", 1)
    refused = await client.get("/dataverse/rows")
    assert refused.status_code == 429
    assert refused.json()["error"] == {
        "code": "0x80072322",
        "message": "Number of requests exceeded the limit of 2 over time window of 300 seconds.",
    }
    assert (refused.headers["Retry-After"], refused.headers[REQUESTS_LEFT]) == ("200", "0")
    site.now += 200
    assert await statuses(client, "/dataverse/rows", 2) == [200, 429]


async def test_retry_after_grows_while_it_is_ignored_and_shrinks_when_it_was_obeyed(
    client: httpx.AsyncClient, site: Site
) -> None:
    site.dataverse.at_once = 0

    async def told() -> str:
        return str((await client.get("/dataverse/rows")).headers["Retry-After"])

    assert [await told() for _ in range(9)] == ["2", "4", "8", "16", "32", "64", "128", "256", "300"]
    site.now += 300
    assert await told() == "2"


async def test_dataverse_adds_up_execution_time(client: httpx.AsyncClient, site: Site) -> None:
    site.dataverse.execution_seconds = 20
    assert await statuses(client, "/dataverse/rows?takes=15", 2) == [200, 200]
    refused = await client.get("/dataverse/rows")
    assert refused.json()["error"] == {
        "code": "0x80072321",
        "message": "Combined execution time of incoming requests exceeded limit of 20,000 milliseconds over time window "
        "of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
    }
    assert refused.headers["Retry-After"] == "285"
    assert refused.headers[SECONDS_LEFT] == "0.00"
    site.now += 285
    assert await statuses(client, "/dataverse/rows", 1) == [200]


async def test_dataverse_refuses_the_fifty_third_at_once(client: httpx.AsyncClient, site: Site) -> None:
    site.close()
    async with anyio.create_task_group() as tasks:
        for _ in range(52):
            tasks.start_soon(client.get, "/dataverse/rows")
        await anyio.wait_all_tasks_blocked()
        assert site.running == 52
        refused = await client.get("/dataverse/rows")
        site.open.set()
    assert refused.json()["error"] == {
        "code": "0x80072326",
        "message": "Number of concurrent requests exceeded the limit of 52.",
    }
    assert await statuses(client, "/dataverse/rows", 1) == [200]


async def test_callers_are_forgotten_before_there_are_too_many(client: httpx.AsyncClient, site: Site) -> None:
    throttle = DataverseThrottle(DataverseLimits(requests=1))
    for number in range(3000):
        async with throttle.place(f"caller {number}"):
            pass
    assert len(throttle._callers._known) == 1000


# Over HTTP


async def test_limits_are_shown_and_set_while_it_runs(client: httpx.AsyncClient) -> None:
    assert (await client.get(THROTTLING)).json() == {
        "business-central": {
            "enabled": True,
            "requests": 6000,
            "window_seconds": 300,
            "at_once": 5,
            "queue": 95,
            "queue_seconds": 480,
        },
        "dataverse": {
            "enabled": True,
            "requests": 6000,
            "execution_seconds": 1200,
            "window_seconds": 300,
            "at_once": 52,
        },
    }
    await client.put(THROTTLING, json={"dataverse": {"requests": 1}})
    assert await statuses(client, "/dataverse/rows", 2) == [200, 429]
    assert (await client.delete(THROTTLING)).status_code == 204
    assert await statuses(client, "/dataverse/rows", 2) == [200, 429]
    answer = await client.put(THROTTLING, json={"dataverse": {"enabled": False}})
    assert answer.json()["dataverse"]["enabled"] is False
    unlimited = await client.get("/dataverse/rows")
    assert unlimited.status_code == 200
    assert REQUESTS_LEFT not in unlimited.headers


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"sap": {}}, "There is no backend 'sap';"),
        ({"dataverse": 5}, "The limits of dataverse must be an object such as"),
        ({"dataverse": {"queue": 5}}, "There is no field 'queue'; there are enabled,"),
        ({"dataverse": {"enabled": 1}}, "enabled of dataverse must be true or false."),
        ({"dataverse": {"requests": 1.5}}, "requests of dataverse must be a whole number from 0 to"),
        ({"dataverse": {"requests": True}}, "requests of dataverse must be a whole number from 0 to"),
        ({"business-central": {"queue_seconds": -1}}, "queue_seconds of business-central must be a number from 0 to"),
        (
            {"business-central": {"requests": 1}, "dataverse": {"window_seconds": "9"}},
            "window_seconds of dataverse must",
        ),
    ],
)
async def test_a_limit_nobody_can_mean_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, wanted: dict[str, object], said: str
) -> None:
    before = (await client.get(THROTTLING)).json()
    answer = await client.put(THROTTLING, json=wanted)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert (await client.get(THROTTLING)).json() == before
