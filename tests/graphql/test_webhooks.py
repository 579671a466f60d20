"""Webhooks of both systems: a change in one reaches the other by itself, and then there is rest."""

import json
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest
from structlog.tracebacks import ExceptionDictTransformer

from gateway.bodies import BodyLimits
from gateway.clients.call import Call, Deadline
from gateway.couplings.coupling import Mapping
from gateway.errors import BackendError
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.faults import Rule
from gateway.triggers.hook_messages import MOST_BYTES
from gateway.triggers.hooks_dataverse import HEADER
from tests.databases import postgresql
from tests.graphql.hooked import PUBLIC, Hooked, hooked
from tests.sandbox.receivers import Clock

pytestmark = pytest.mark.anyio

QUIET, DELETABLE = "C00023", "C00075"
SETS, TABLES = 11, 5
CHECKS = "{ connection { healthy checks { code passed message hint } } }"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture
def own_sandbox(sandbox_files: Path, tmp_path: Path) -> Iterator[Sandbox]:
    shutil.copytree(sandbox_files, tmp_path / "sandbox")
    with closing(open_sandbox("http://localhost", folder=tmp_path / "sandbox")) as opened:
        yield opened


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture
async def told(own_sandbox: Sandbox, url: str, clock: Clock) -> AsyncIterator[Hooked]:
    """A gateway whose registrations are made."""
    async with AsyncExitStack() as stack:
        found = await hooked(own_sandbox, url, stack, clock)
        await found.look()
        yield found


async def test_a_change_reaches_the_other_system_by_itself_and_comes_to_rest(told: Hooked) -> None:
    told.api.sandbox.faults.add(Rule("duplicate-webhook"))
    bc, crm = await told.both(QUIET)
    await told.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
    (first,) = await told.settled()
    assert (first.mapping, first.created_by, first.state) == (Mapping.CUSTOMER, "webhook", "SUCCEEDED")
    assert first.tally.total.modified > 0, "it wrote, and what it wrote was told to us: it caused no further run"
    assert (await told.api.in_business_central("GET", bc))["phoneNumber"] == "+31 10 555 0999"

    await told.api.in_business_central("PATCH", bc, {"city": "Delft"})
    (second,) = await told.settled()
    assert (await told.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    assert second.mapping is Mapping.CUSTOMER, "an account that is a customer's is no vendor's"
    assert await told.settled() == []


async def test_a_burst_is_one_run_and_a_run_that_writes_much_causes_none(told: Hooked) -> None:
    await told.modified()
    await told.settled()
    pairs = [await told.both(f"C000{number}") for number in (23, 24, 25, 27, 28, 29, 30, 32)]

    async def edited(phone: str, city: str) -> None:
        for bc, crm in pairs:
            await told.api.in_dataverse("PATCH", crm, {"telephone1": phone})
            await told.api.in_business_central("PATCH", bc, {"city": city})

    await edited("+31 10 555 0111", "Delft")
    before = len(told.api.sandbox.deliveries.rows())
    (only,) = await told.settled()
    assert only.tally.total.modified == len(pairs)
    assert (only.tally.to_bc.modified, only.tally.to_crm.modified) == (len(pairs), len(pairs))
    sent = told.api.sandbox.deliveries.rows()[before:]
    assert len([each for each in sent if each.backend == "dataverse"]) >= 2 * len(pairs), "theirs and ours were told"
    assert await told.settled() == []

    # what the run wrote is told before the run knows that it wrote it
    earlier = len(await told.all_runs())
    await edited("+31 10 555 0222", "Gouda")
    written, held, answers = anyio.Event(), anyio.Event(), told.api.dataverse.inner

    async def wait(request: httpx.Request) -> httpx.Response:
        answer = await answers.handle_async_request(request)
        if b"PATCH" in request.content:
            written.set()
            await held.wait()
        return answer

    told.api.dataverse.instead = wait
    await told.delivered()
    told.clock.advance(seconds=11)
    await told.hooks.notices.work()
    with anyio.fail_after(30):
        await written.wait()
    await told.delivered()
    told.clock.advance(seconds=11)
    await told.hooks.notices.work()
    held.set()
    assert await told.settled() == []
    first, *further = (await told.all_runs())[earlier:]
    assert first.tally.total.modified == len(pairs)
    assert [each.tally.total.modified for each in further] in ([], [0]), "at most one, which finds nothing to do"


async def test_it_waits_until_it_is_quiet_and_not_for_ever(told: Hooked, tmp_path: Path) -> None:
    url, headers = told.endpoints()[0]["url"], {HEADER: told.secret()}

    async def tell() -> int:
        message = {"MessageName": "Update", "PrimaryEntityName": "product", "PrimaryEntityId": str(uuid4())}
        return await told.post(url, headers=headers, content=json.dumps(message))

    async def begun(**by: float) -> int:
        told.clock.advance(**by)
        await told.hooks.notices.work()
        return len(await told.all_runs())

    assert await tell() == 204
    assert await begun(seconds=1.4) == 0
    assert await tell() == 204
    assert await begun(seconds=1.4) == 0, "told again: it is not quiet yet"
    assert await begun(seconds=0.1) == 1
    await told.settled()
    for _ in range(9):
        assert await tell() == 204
        assert await begun(seconds=1) == 1
    assert await tell() == 204
    assert await begun(seconds=1.1) == 2, "ten seconds after the first"
    await told.settled()

    with closing(sqlite3.connect(tmp_path / "gateway.db")) as database:
        database.execute("ALTER TABLE change_notices RENAME TO away")
        database.commit()
        assert await tell() == 503, "what cannot be saved has to be told again"
        assert await begun(seconds=60) == 2
        database.execute("ALTER TABLE away RENAME TO change_notices")
        database.commit()
    assert await tell() == 204
    assert len(await told.settled()) == 1


async def test_a_deletion_in_business_central_is_looked_at_even_after_a_crash(
    own_sandbox: Sandbox, url: str, clock: Clock
) -> None:
    async with AsyncExitStack() as stack:
        told = await hooked(own_sandbox, url, stack, clock)
        await told.look()
        await told.update(deletionConflict="REMOVE_COUPLING")
        await told.modified()
        await told.modified()
        await told.settled()
        bc, _ = await told.both(DELETABLE)
        coupling = await told.stored(DELETABLE)
        await told.api.in_business_central("DELETE", bc)
        made = await told.api.in_business_central("POST", "customers", {"displayName": "Quay Cycles"})
        await told.delivered()
        assert told.hooks.notices.waiting, "it is saved, and then the process ends"
    async with AsyncExitStack() as stack:
        again = await hooked(own_sandbox, url, stack, clock)
        await again.look()
        (run,) = [each for each in await again.settled() if each.mapping is Mapping.CUSTOMER]
        assert run.tally.total.uncoupled >= 1, "with what hangs on it"
        assert await again.books.couplings.get(coupling.id) is None
        assert await again.jobs.runs.told.deletions(Mapping.CUSTOMER, again.company, limit=9) == []
        await again.api.in_business_central("DELETE", f"customers({made['id']})")
        assert {each.mapping for each in await again.settled()} <= {Mapping.CONTACT}, "nobody coupled this customer"


async def test_what_is_not_true_does_no_harm(told: Hooked) -> None:
    """Deleted, says a notification, and it is there; and what was told already is told again."""
    await told.modified()
    await told.modified()  # what fails twice is on the skip list
    await told.settled()
    bc, crm = await told.both(QUIET)
    before = await told.stored(QUIET)
    hook = told.subscription("customers")
    deleted = notification(hook, bc, "deleted")
    assert await told.post(hook["notificationUrl"], json=deleted) == 204
    assert await told.post(hook["notificationUrl"], json=deleted) == 204
    (run,) = await told.settled()
    assert (run.tally.total.uncoupled, run.tally.total.modified, run.tally.total.failed) == (0, 0, 0)
    assert await told.books.couplings.get(before.id) is not None

    await told.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222"})
    assert len(await told.settled()) == 1
    stale = notification(hook, bc, "updated", at=before.bc_modified_at)
    assert await told.post(hook["notificationUrl"], json=stale) == 204
    assert await told.settled() == [], "a replayed notification costs a look at our own table"
    everything = notification(hook, "customers?$filter=lastModifiedDateTime%20gt%202026-01-01T00:00:00Z", "collection")
    assert await told.post(hook["notificationUrl"], json=everything) == 204
    assert len(await told.settled()) == 1, "nobody knows what it is about"


async def test_what_is_forged_is_refused_without_a_trace(told: Hooked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bc, crm = await told.both(QUIET)
    hook = told.subscription("customers")
    url, items = hook["notificationUrl"], told.subscription("items")
    good = notification(hook, bc, "updated")
    for status, given in (
        (401, {"json": _with(good, clientState="guessed")}),
        (401, {"json": _with(good, clientState=items["clientState"])}),
        (401, {"json": _with(good, subscriptionId=items["subscriptionId"])}),
        (401, {"json": {"value": [*good["value"], *_with(good, clientState="")["value"]]}}),
        (400, {"json": _with(good, resource=good["value"][0]["resource"].replace("customers", "items"))}),
        (400, {"json": _with(good, resource=f"api/v2.0/companies({uuid4()})/{bc}")}),
        (400, {"json": _with(good, resource=f"https://elsewhere.example/{good['value'][0]['resource']}")}),
        (400, {"json": _with(good, changeType="renamed")}),
        (400, {"content": b"\xff\xfe{"}),
        (400, {"content": b"[" * 100_000}),
        (400, {"content": b""}),
        (413, {"content": b" " * 1_048_577}),
    ):
        assert await told.post(url, **given) == status, given
    assert await told.post(f"{url.rpartition('/')[0]}/{uuid4()}", json=good) == 404
    for stranger in (str(uuid4()), told.endpoints()[0]["serviceendpointid"]):
        asked = await told.api.http.get(f"/hooks/business-central/{stranger}?validationToken=x")
        assert (asked.status_code, asked.content) == (404, b"")
    ours = await told.api.http.get(url.removeprefix(PUBLIC), params={"validationToken": "<b>1"})
    assert (ours.status_code, ours.text) == (200, "<b>1")
    assert ours.headers["content-type"].startswith("text/plain")

    endpoint = told.endpoints()[0]["url"]
    message = {"MessageName": "Update", "PrimaryEntityName": "account", "PrimaryEntityId": crm[9:-1]}
    key = told.secret()
    for status, headers, content in (
        (401, {}, json.dumps(message)),
        (401, {HEADER: "guessed"}, json.dumps(message)),
        (400, {HEADER: key}, json.dumps(message | {"PrimaryEntityId": "1"})),
        (400, {HEADER: key}, json.dumps([message])),
        (413, {HEADER: key}, " " * 1_048_577),
        (204, {HEADER: key}, json.dumps(message | {"PrimaryEntityName": "lead"})),
    ):
        assert await told.post(endpoint, headers=headers, content=content) == status, content[:80]
    assert await told.settled() == []
    kept = [each.secret_hash for each in await told.hooks.store.of(told.BC)]
    assert hook["clientState"] not in kept
    assert hook["clientState"] not in caplog.text
    assert key not in caplog.text


async def test_nothing_is_read_of_who_is_not_known_and_no_more_than_is_sent(
    told: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, ours = told.secret().encode(), told.endpoints()[0]["url"].removeprefix(PUBLIC)
    bc = told.subscription("customers")["notificationUrl"].removeprefix(PUBLIC)
    other = ours.replace("dataverse", "business-central")
    for path, headers in (
        (f"/hooks/dataverse/{uuid4()}", [(HEADER.encode(), key)]),
        (f"/hooks/business-central/{uuid4()}", []),
        (other, []),
        (ours, []),
        (ours, [(HEADER.encode(), b"guessed")]),
    ):
        assert await dripped(told, path, headers, most=0) == (401 if path == ours else 404, 0), path
    for path, headers in ((ours, [(HEADER.encode(), key)]), (bc, [])):
        assert await dripped(told, path, headers, most=99) == (413, 17), "no further than a mebibyte"
        declared = [*headers, (b"content-length", b"1048577")]
        assert await dripped(told, path, declared, most=0) == (413, 0)
    monkeypatch.setattr("gateway.hook_routes.LIMITS", BodyLimits(MOST_BYTES, 0))
    for path, headers in ((ours, [(HEADER.encode(), key)]), (bc, [])):
        assert await dripped(told, path, headers, most=1) == (408, 1), "it may be sent again"


async def test_secrets_show_in_no_error(told: Hooked) -> None:
    """Neither what breaks unforeseen, logged with all variables, nor what a backend says of what it was sent."""
    sent: list[str] = []
    repeats = False
    who = told.api.dataverse.inner

    async def answer(request: httpx.Request) -> httpx.Response:
        if "WhoAmI" in str(request.url):
            return await who.handle_async_request(request)
        if request.method == "GET":
            return httpx.Response(200, json={"value": []})
        body = json.loads(request.content)
        sent.append(body.get("clientState") or body["authvalue"].partition('value="')[2].partition('"')[0])
        if not repeats:
            raise RuntimeError("unforeseen")
        said = {"error": {"code": "0x80040203", "message": f"not allowed: {request.content.decode()}"}}
        return httpx.Response(400, json=said)

    told.api.dataverse.instead = told.api.business_central.instead = answer
    upkeep = told.hooks.upkeep
    for repeats in (False, True):
        for crm in (False, True):
            call, before = Call(Deadline.after(30), "a-test"), len(sent)
            error = await error_of(
                upkeep._dataverse.look({"account": ["name"]}, call=call)
                if crm
                else upkeep._business_central.look(["companies(1)/customers"], now=told.clock.moment, call=call)
            )
            logged = ExceptionDictTransformer(show_locals=True, locals_max_string=100_000, max_frames=1_000)
            all_of_it = str(logged((type(error), error, error.__traceback__)))
            assert "registration" in all_of_it, "variables are shown"
            assert ("[redacted]" if repeats else "unforeseen") in str(error)
            assert len(sent) == before + 1
            assert [each for each in sent if each in all_of_it] == []


async def test_registrations_are_looked_after(own_sandbox: Sandbox, url: str, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        told = await hooked(own_sandbox, url, stack, clock)
        await told.look()
        assert told.seen == (1 + SETS, 5), "one list and one for each set; list, who we are, endpoint, messages, steps"
        assert len(told.subscriptions()) == SETS
        assert (len(told.endpoints()), len(told.steps())) == (1, 3 * TABLES)
        assert await told.look(minutes=59) == (0, 0), "nothing is due"
        assert await told.look(minutes=1) == (1, 2), "once an hour the lists are compared"
        assert (await told.api.ask(CHECKS)).data["connection"]["healthy"]

        dropped = told.subscription("customers")
        own_sandbox.business_central.delete("subscriptions", dropped["subscriptionId"])
        step = own_sandbox.dataverse.select("sdkmessageprocessingsteps")[0]
        own_sandbox.dataverse.delete("sdkmessageprocessingsteps", step["sdkmessageprocessingstepid"])
        assert await told.look(hours=1) == (2, 4)
        anew = told.subscription("customers")
        assert anew["notificationUrl"] != dropped["notificationUrl"]
        assert anew["clientState"] != dropped["clientState"]
        assert len(told.steps()) == 3 * TABLES
        assert await told.post(dropped["notificationUrl"], json=notification(dropped, "customers(0)", "updated")) == 404

        for _ in range(4):
            await told.look(hours=23)
            assert all(ends(each) - clock.moment >= timedelta(hours=24) for each in told.subscriptions()), "in time"
        assert (await told.look(hours=40))[0] == 1 + SETS, "each is renewed"
        assert {each["clientState"] for each in told.subscriptions()} >= {anew["clientState"]}
        assert (await told.look(days=4))[0] == 1 + SETS, "all had expired: they are made anew"
        assert len(told.subscriptions()) == SETS

    async with AsyncExitStack() as stack:
        again = await hooked(own_sandbox, url, stack, clock)
        assert await again.look() == (0, 0)
        assert again.seen == (0, 0), "a restart registers nothing"
    async with AsyncExitStack() as stack:
        moved = await hooked(own_sandbox, url, stack, clock, public_url="https://moved.example")
        await moved.look()
        assert len(moved.subscriptions()) == SETS
        assert all(each["notificationUrl"].startswith("https://moved.example/") for each in moved.subscriptions())
        assert [each["url"][:22] for each in moved.endpoints()] == ["https://moved.example/"]
    async with AsyncExitStack() as stack:
        off = await hooked(own_sandbox, url, stack, clock, webhooks=False)
        await off.look()
        assert (off.subscriptions(), off.endpoints(), off.steps()) == ([], [], set())
        assert await off.look(days=1) == (0, 0)
        assert "WEBHOOKS_DATAVERSE" not in str((await off.api.ask(CHECKS)).data)


async def test_a_backend_that_refuses_is_told_of_and_stops_nothing(told: Hooked) -> None:
    answers = told.api.dataverse.inner

    async def refuse(request: httpx.Request) -> httpx.Response:
        if "serviceendpoints" in str(request.url):
            return httpx.Response(403, json={"error": {"code": "0x80040220", "message": "no privilege"}})
        return await answers.handle_async_request(request)

    told.api.dataverse.instead = refuse
    assert await told.look(hours=1) == (1, 1)
    checks = {each["code"]: each for each in (await told.api.ask(CHECKS)).data["connection"]["checks"]}
    assert checks["WEBHOOKS_BUSINESS_CENTRAL"]["passed"]
    refused = checks["WEBHOOKS_DATAVERSE"]
    assert not refused["passed"]
    assert "no privilege" in refused["message"]
    assert "Service Endpoint" in refused["hint"]
    asked = 0
    for _ in range(10):
        asked += (await told.look(minutes=2))[1]
    assert asked == 4, "after one minute, two, four and eight"

    told.api.dataverse.instead = None
    await told.reached_by(httpx.MockTransport(lambda _: httpx.Response(404)))
    told.api.sandbox.business_central.delete("subscriptions", told.subscription("customers")["subscriptionId"])
    assert await told.look(hours=1) == (2, 2), "our address leads elsewhere: one set is not told of, all others are"
    assert len(told.subscriptions()) == SETS - 1
    checks = {each["code"]: each for each in (await told.api.ask(CHECKS)).data["connection"]["checks"]}
    assert checks["WEBHOOKS_DATAVERSE"]["passed"]
    assert "GATEWAY_PUBLIC_URL" in checks["WEBHOOKS_BUSINESS_CENTRAL"]["hint"]
    await told.reached_by(httpx.ASGITransport(app=told.api.app))
    assert (await told.look(minutes=1))[0] == 2
    assert (await told.api.ask(CHECKS)).data["connection"]["healthy"]


async def test_a_lost_answer_registers_nothing_twice(told: Hooked) -> None:
    told.api.sandbox.business_central.delete("subscriptions", told.subscription("customers")["subscriptionId"])
    for row in told.endpoints():
        told.api.sandbox.dataverse.delete("serviceendpoints", row["serviceendpointid"])

    network = told.api.business_central.inner

    async def losing(request: httpx.Request) -> httpx.Response:
        answer = await network.handle_async_request(request)
        if request.method in ("POST", "PATCH"):
            raise httpx.ReadError("the answer is lost")
        return answer

    told.api.business_central.instead = told.api.dataverse.instead = losing
    await told.look(hours=1)
    assert (len(told.subscriptions()), len(told.endpoints())) == (SETS, 1), "asked for once at Business Central"
    assert not (await told.api.ask(CHECKS)).data["connection"]["healthy"]
    told.api.business_central.instead = told.api.dataverse.instead = None
    made = {each["subscriptionId"] for each in told.subscriptions()}
    assert (await told.look(minutes=2))[0] == 1, "what was made is found by its address, and is ours by its secret"
    assert {each["subscriptionId"] for each in told.subscriptions()} == made
    assert (len(told.endpoints()), len(told.steps())) == (1, 3 * TABLES)
    assert (await told.api.ask(CHECKS)).data["connection"]["healthy"]
    _, crm = await told.both(QUIET)
    await told.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
    assert len(await told.settled()) == 1


async def test_without_a_public_address_nobody_is_asked(own_sandbox: Sandbox, url: str, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        told = await hooked(own_sandbox, url, stack, clock, public_url=None)
        assert await told.look(days=1) == (0, 0)
        codes = {each["code"] for each in (await told.api.ask(CHECKS)).data["connection"]["checks"]}
        assert "WEBHOOKS_DATAVERSE" not in codes
        assert await told.post(f"/hooks/dataverse/{uuid4()}", content=b"{}") == 404


async def test_two_processes_register_once(own_sandbox: Sandbox, clock: Clock) -> None:
    with postgresql() as shared:
        async with AsyncExitStack() as stack:
            one = await hooked(own_sandbox, shared, stack, clock)
            two = await hooked(own_sandbox, shared, stack, clock)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(one.look)
                tasks.start_soon(two.look)
            assert (len(one.subscriptions()), len(one.endpoints()), len(one.steps())) == (SETS, 1, 3 * TABLES)
            assert one.seen[0] + two.seen[0] == 1 + SETS
            _, crm = await one.both(QUIET)
            await one.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
            assert len(await one.settled()) == 1
            await two.reached_by(httpx.ASGITransport(app=two.api.app))
            await two.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0111"})
            await two.delivered()
            assert two.hooks.notices.waiting, "what one of them registered the other one takes"


async def error_of(work: Awaitable[object]) -> Exception:
    """Caught here, so that no variable of a test is among those it went through."""
    with pytest.raises((RuntimeError, BackendError)) as caught:
        await work
    return caught.value


async def dripped(told: Hooked, path: str, headers: list[tuple[bytes, bytes]], *, most: int) -> tuple[int, int]:
    """Somebody sends so many pieces of 64 KiB and never ends; what that is answered, and how many were taken."""
    taken, status = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken == most:
            await anyio.sleep_forever()
        taken += 1
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "https",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("gateway.example", 443),
        "state": {},
    }
    with anyio.fail_after(30):
        await told.api.app(scope, receive, send)
    return status, taken


def notification(hook: dict[str, Any], path: str, kind: str, *, at: datetime | None = None) -> Any:
    company = str(hook["resource"]).rpartition("/")[0].removeprefix("/")
    return {
        "value": [
            {
                "subscriptionId": hook["subscriptionId"],
                "clientState": hook["clientState"],
                "expirationDateTime": hook["expirationDateTime"],
                "resource": f"{company}/{path}",
                "changeType": kind,
                "lastModifiedDateTime": (at or datetime.now(UTC)).isoformat().replace("+00:00", "Z"),
            }
        ]
    }


def _with(good: Any, **changes: str) -> Any:
    return {"value": [good["value"][0] | changes]}


def ends(subscription: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(subscription["expirationDateTime"]))
