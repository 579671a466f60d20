"""Dataverse, line 10: the three limits with their codes, `Retry-After`, and what is left in the headers of every answer."""

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from gateway.sandbox.app import Sandbox
from gateway.sandbox.faults import Rule
from gateway.sandbox.identity.registrations import GATEWAY
from gateway.sandbox.throttling import DataverseLimits, DataverseThrottle, Throttles

pytestmark = pytest.mark.anyio

REQUESTS_LEFT = "x-ms-ratelimit-burst-remaining-xrm-requests"
SECONDS_LEFT = "x-ms-ratelimit-time-remaining-xrm-requests"


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(sandbox: Sandbox) -> Clock:
    """What the limits of Dataverse are measured with."""
    clock = Clock()
    sandbox.throttles = Throttles(dataverse=DataverseThrottle(DataverseLimits(), clock=clock))
    return clock


@pytest.fixture
def app(clock: Clock, sandbox: Sandbox) -> Starlette:
    """The sandbox as a server, on that clock."""
    return sandbox.app()


async def test_the_limits_are_on_and_are_the_vendors(sandbox: Sandbox) -> None:
    assert sandbox.throttles.dataverse.limits == DataverseLimits(
        enabled=True, requests=6000, execution_seconds=1200, window_seconds=300, at_once=52
    )


async def test_every_answer_says_what_is_left(dataverse: httpx.AsyncClient) -> None:
    answers = [await dataverse.get(path) for path in ("WhoAmI", "accounts?$top=1", "nowhere")]
    assert [answer.headers[REQUESTS_LEFT] for answer in answers] == ["5999", "5998", "5997"]
    assert [answer.headers[SECONDS_LEFT] for answer in answers] == ["1200.00"] * 3


async def test_the_request_after_six_thousand_in_five_minutes_is_refused(
    dataverse: httpx.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    for _ in range(5999):
        async with sandbox.throttles.dataverse.place(GATEWAY.object_id):
            pass
    last = await dataverse.get("WhoAmI")
    assert (last.status_code, last.headers[REQUESTS_LEFT]) == (200, "0")
    clock.now += 100
    refused = await dataverse.get("WhoAmI")
    assert refused.status_code == 429
    assert refused.json()["error"] == {
        "code": "0x80072322",
        "message": "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
    }
    assert (refused.headers["Retry-After"], refused.headers[REQUESTS_LEFT]) == ("200", "0")
    clock.now += 200
    assert (await dataverse.get("WhoAmI")).status_code == 200


async def test_twenty_minutes_of_execution_in_five_minutes_are_the_most(
    dataverse: httpx.AsyncClient, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.faults.add(Rule("hang", count=5))
    async with anyio.create_task_group() as slow:
        for _ in range(5):
            slow.start_soon(dataverse.get, "WhoAmI")
        await anyio.wait_all_tasks_blocked()
        clock.now += 241
        slow.cancel_scope.cancel()
    refused = await dataverse.get("WhoAmI")
    assert refused.status_code == 429
    assert refused.json()["error"] == {
        "code": "0x80072321",
        "message": "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time "
        "window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again "
        "later.",
    }
    assert refused.headers[SECONDS_LEFT] == "0.00"
    clock.now += int(refused.headers["Retry-After"])
    assert (await dataverse.get("WhoAmI")).status_code == 200


async def test_more_than_fifty_two_at_once_are_refused_and_retry_after_grows(
    dataverse: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Rule("hang", count=52, seconds=3600))
    async with anyio.create_task_group() as hanging:
        for _ in range(52):
            hanging.start_soon(dataverse.get, "WhoAmI")
        await anyio.wait_all_tasks_blocked()
        refused = [await dataverse.get("WhoAmI") for _ in range(4)]
        hanging.cancel_scope.cancel()
    assert {answer.status_code for answer in refused} == {429}
    assert refused[0].json()["error"] == {
        "code": "0x80072326",
        "message": "Number of concurrent requests exceeded the limit of 52.",
    }
    waits = [int(answer.headers["Retry-After"]) for answer in refused]
    assert waits == sorted(set(waits))
    assert (await dataverse.get("WhoAmI")).status_code == 200


async def test_an_etag_made_wrong_fails_a_guarded_write(sandbox: Sandbox, dataverse: httpx.AsyncClient) -> None:
    sandbox.faults.add(Rule("wrong-etag", method="GET", count=1))
    row = (await dataverse.get("accounts?$top=1&$select=name")).json()["value"][0]
    stale = await dataverse.patch(
        f"accounts({row['accountid']})", json={"telephone1": "1"}, headers={"If-Match": row["@odata.etag"]}
    )
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "0x80060882")
