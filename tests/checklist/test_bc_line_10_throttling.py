"""Business Central, line 10: what one user may ask.

6,000 requests in five minutes, five at once and 95 waiting; beyond that 429 without `Retry-After`; faults on demand.
"""

import anyio
import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.faults import Rule
from gateway.sandbox.throttling import BusinessCentralLimits

pytestmark = pytest.mark.anyio

TOO_MANY = {
    "error": {
        "code": "Application_TooManyRequests",
        "message": "Too many requests reached. Actual (101). Maximum (100).",
    }
}


async def test_the_limits_are_on_and_are_the_vendors(sandbox: Sandbox) -> None:
    assert sandbox.throttles.business_central.limits == BusinessCentralLimits(
        enabled=True, requests=6000, window_seconds=300, at_once=5, queue=95, queue_seconds=480
    )


async def test_the_request_after_six_thousand_in_five_minutes_is_refused_without_retry_after(
    business_central: httpx.AsyncClient,
) -> None:
    batch = {"requests": [{"id": str(number), "method": "GET", "url": "nowhere"} for number in range(100)]}
    headers = {"Prefer": "odata.continue-on-error", "Accept": "application/json"}
    for _ in range(60):
        assert (await business_central.post("../$batch", json=batch, headers=headers)).status_code == 200
    refused = await business_central.get("items?$top=1")
    assert refused.status_code == 429
    assert refused.json()["error"] == {
        "code": "Application_TooManyRequests",
        "message": "Too many requests reached. Actual (6001). Maximum (6000).",
    }
    assert "Retry-After" not in refused.headers


async def test_five_run_at_once_ninety_five_wait_and_one_more_is_refused(
    sandbox: Sandbox, business_central: httpx.AsyncClient
) -> None:
    sandbox.faults.add(Rule("hang", count=5, seconds=3600))
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await business_central.get("items?$top=1&$select=number"))

    async with anyio.create_task_group() as waiting, anyio.create_task_group() as hanging:
        for _ in range(5):
            hanging.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        for _ in range(95):
            waiting.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert answers == []
        refused = await business_central.get("items?$top=1")
        hanging.cancel_scope.cancel()
    assert (refused.status_code, refused.json()) == (429, TOO_MANY)
    assert "Retry-After" not in refused.headers
    assert [answer.status_code for answer in answers] == [200] * 95
    assert sandbox.log.load("business-central").most_running == 101


async def test_who_waited_too_long_gets_503(sandbox: Sandbox, business_central: httpx.AsyncClient) -> None:
    sandbox.throttles.business_central.limits.queue_seconds = 0
    sandbox.faults.add(Rule("hang", count=5, seconds=3600))
    async with anyio.create_task_group() as hanging:
        for _ in range(5):
            hanging.start_soon(business_central.get, "items?$top=1")
        await anyio.wait_all_tasks_blocked()
        assert (await business_central.get("items?$top=1")).status_code == 503
        hanging.cancel_scope.cancel()


async def test_faults_are_switched_on_and_off(http: httpx.AsyncClient, business_central: httpx.AsyncClient) -> None:
    rule = {"kind": "status", "backend": "business-central", "status": 429}
    await http.post("/sandbox/admin/faults", json=rule)
    throttled = await business_central.get("items?$top=1")
    assert (throttled.status_code, throttled.json()) == (429, TOO_MANY)
    assert "Retry-After" not in throttled.headers
    await http.delete("/sandbox/admin/faults")
    assert (await business_central.get("items?$top=1")).status_code == 200


async def test_an_etag_made_wrong_fails_a_guarded_write(sandbox: Sandbox, business_central: httpx.AsyncClient) -> None:
    sandbox.faults.add(Rule("wrong-etag", method="GET", count=1))
    row = (await business_central.get("customers?$top=1")).json()["value"][0]
    address, change = f"customers({row['id']})", {"phoneNumber": "+31 10 555 01 01"}
    stale = await business_central.patch(address, json=change, headers={"If-Match": row["@odata.etag"]})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "Request_EntityChanged")
    current = (await business_central.get(address)).json()["@odata.etag"]
    written = await business_central.patch(address, json=change, headers={"If-Match": current})
    assert written.status_code == 200


async def test_an_expired_token_is_refused_as_business_central_does(
    sandbox: Sandbox, business_central: httpx.AsyncClient
) -> None:
    sandbox.faults.add(Rule("expired-token", count=1))
    refused = await business_central.get("items?$top=1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "Authentication_InvalidCredentials")
