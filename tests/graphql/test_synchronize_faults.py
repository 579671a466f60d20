"""Backends that refuse, are away, forget or throttle in the middle of a run: it ends well, and loses and doubles nothing."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import CouplingFilter
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.faults import Rule
from tests.graphql.api import PACE, Api, Switch, start
from tests.graphql.problems import Problems
from tests.graphql.runs import Runs
from tests.graphql.test_run_kinds import Kinds
from tests.graphql.test_synchronize import NOTHING, OTHER, QUIET

pytestmark = pytest.mark.anyio

BUSINESS_CENTRAL, DATAVERSE = "business-central", "dataverse"
PATIENT = replace(PACE, away_seconds=(0.001,) * 5)


@pytest.fixture
async def patient(settled_files: Path, tmp_path: Path) -> AsyncIterator[Problems]:
    """A gateway whose runs wait for a backend as they do outside of tests, only not as long."""
    async with AsyncExitStack() as stack:
        shutil.copytree(settled_files, tmp_path, dirs_exist_ok=True)
        opened = open_sandbox("http://localhost", folder=tmp_path / "sandbox")
        stack.callback(opened.close)
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        yield Problems(await start(opened, url, stack, pace=PATIENT))


def requests(runs: Runs) -> int:
    return len(runs.api.business_central.seen) + len(runs.api.dataverse.seen)


def away_for(way: Switch, attempts: int, *, writes: bool) -> None:
    """Nobody answers so many requests, of all or of those that write; afterwards all is as before."""
    left = [attempts]

    async def respond(request: httpx.Request) -> httpx.Response:
        if left[0] and (not writes or b"PATCH" in request.content):
            left[0] -= 1
            raise httpx.ConnectError("away")
        return await way.inner.handle_async_request(request)

    way.instead = respond


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("backend", ["business_central", "dataverse"])
async def test_a_backend_that_is_away_in_the_middle_of_a_run_is_waited_for(
    patient: Problems, backend: str, writes: bool
) -> None:
    """Longer than a client waits by itself: the step is done again, or what it could not write is."""
    runs = patient
    first, second = await runs.both(QUIET), await runs.both(OTHER)
    await runs.api.in_business_central("PATCH", first[0], {"city": "Delft"})
    await runs.api.in_dataverse("PATCH", second[1], {"telephone1": "+31 10 555 0999"})
    way: Switch = getattr(runs.api, backend)
    away_for(way, 5, writes=writes)
    job = await runs.modified()
    way.instead = None
    assert (job["status"], job["counters"]) == ("SUCCEEDED", NOTHING | {"modified": 2})
    assert job["errors"]["totalCount"] == 0
    assert (await runs.api.in_dataverse("GET", first[1]))["address1_city"] == "Delft"
    assert await runs.phones(OTHER) == ("+31 10 555 0999", "+31 10 555 0999")
    assert await runs.problem(QUIET) is None
    assert await runs.problem(OTHER) is None
    assert (await runs.modified())["counters"] == NOTHING


async def test_a_value_of_ones_own_reaches_the_side_that_was_away(patient: Problems) -> None:
    """CRM has it already when Business Central is silent; the choice still holds when that answers again."""
    runs = patient
    bc, crm = await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"phoneNumber": "+31 10 555 0111"})
    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0222"})
    away_for(runs.api.business_central, 5, writes=True)
    job = await runs.resolved(await runs.id_of(QUIET), ("phoneNumber", "VALUE", "+31 10 555 0333"))
    assert (job["counters"]["modified"], job["counters"]["failed"], job["errors"]["totalCount"]) == (1, 0, 0)
    assert await runs.phones(QUIET) == ("+31 10 555 0333", "+31 10 555 0333")
    assert ((await runs.stored(QUIET)).base or {})["phoneNumber"] == "+31 10 555 0333"
    assert (await runs.modified())["counters"] == NOTHING


def test_a_run_outlives_a_minute_of_silence() -> None:
    """With the waits that it has outside of tests."""
    waits = type(PACE)().away_seconds
    assert sum(waits) >= 60
    assert sorted(waits) == list(waits)
    assert waits[0] <= 1, "and a hiccup costs a second"


async def test_a_record_that_never_gets_an_answer_is_waited_for_once(patient: Problems) -> None:
    """The first run is patient with it; those that follow try it once and go on. Nothing puts it on the skip list."""
    runs = patient
    bc, crm = await runs.both(QUIET)
    _, other = await runs.both(OTHER)
    poisoned = bc.partition("(")[2].encode()

    async def respond(request: httpx.Request) -> httpx.Response:
        """As Business Central answers a batch of which it cannot do one part."""
        if b"PATCH" not in request.content or poisoned not in request.content:
            return await runs.api.business_central.inner.handle_async_request(request)
        parts = json.loads(request.content)["requests"]
        bad = [each for each in parts if poisoned.decode() in each["url"]]
        answers = [{"id": each["id"], "status": 503, "headers": {}, "body": {}} for each in bad]
        if good := [each for each in parts if each not in bad]:
            headers = {name: value for name, value in request.headers.items() if name != "content-length"}
            rest = httpx.Request(request.method, request.url, headers=headers, json={"requests": good})
            answer = await runs.api.business_central.inner.handle_async_request(rest)
            answers += json.loads(await answer.aread())["responses"]
        return httpx.Response(200, json={"responses": answers})

    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
    runs.api.business_central.instead = respond
    tries = []
    for number in range(3):
        await runs.api.in_dataverse("PATCH", other, {"telephone1": f"+31 10 555 000{number}"})
        before = sum(poisoned in each.content for each in runs.api.business_central.seen)
        job = await runs.modified()
        tries.append(sum(poisoned in each.content for each in runs.api.business_central.seen) - before)
        assert (job["status"], job["counters"]["modified"]) == ("SUCCEEDED", 1), "the others go on"
        assert (job["counters"]["failed"], job["errors"]["nodes"][0]["code"]) == (1, "BACKEND_UNREACHABLE")
        assert not (await runs.problem(QUIET))["skipped"]
    assert tries[0] > tries[1] == tries[2] > 0
    runs.api.business_central.instead = None
    assert (await runs.modified())["counters"]["modified"] == 1
    assert (await runs.phones(QUIET))[0] == "+31 10 555 0999"


async def test_what_nobody_knows_whether_it_was_made_is_told_and_not_waited_for(patient: Problems) -> None:
    """A run of another kind, too, takes up what waits as a synchronization does."""
    runs = Kinds(patient.api)
    await runs.update(deletionConflict="RESTORE_RECORDS")
    gone = await runs.books.couplings.page(CouplingFilter(mapping=Mapping.CUSTOMER), after=None, limit=2)
    for each in gone:
        await runs.api.in_dataverse("DELETE", f"accounts({each.crm_id})")

    async def respond(request: httpx.Request) -> httpx.Response:
        if b"If-None-Match" in request.content:
            raise httpx.ConnectError("away")
        return await runs.api.dataverse.inner.handle_async_request(request)

    runs.api.dataverse.instead = respond
    job = await runs.run("RECONCILE", "CUSTOMER")
    runs.api.dataverse.instead = None
    assert (job["status"], job["counters"]["failed"], job["errors"]["totalCount"]) == ("SUCCEEDED", 2, 2), job
    assert {each["code"] for each in job["errors"]["nodes"]} == {"BACKEND_UNREACHABLE"}


async def test_one_record_that_is_refused_among_many_holds_up_no_other(settled_api: Api) -> None:
    """Business Central takes no customer without a name. The others arrive, and it is not tried for ever."""
    runs = Problems(settled_api)
    accounts = await runs.books.couplings.page(CouplingFilter(mapping=Mapping.CUSTOMER), after=None, limit=500)
    troubled = {each["records"][0]["number"] for each in (await runs.problems(mapping="CUSTOMER"))["nodes"]}
    wanted = [each for each in accounts if each.bc_key not in troubled]
    poisoned = await runs.stored(QUIET)
    for each in wanted:
        change = {"address1_stateorprovince": "Zeeland"} | ({"name": " "} if each.id == poisoned.id else {})
        await runs.api.in_dataverse("PATCH", f"accounts({each.crm_id})", change)
    job = await runs.modified()
    (error,) = [each for each in job["errors"]["nodes"] if each["records"][0]["number"] == QUIET]
    assert (error["code"], error["to"]) == ("BACKEND_REJECTED", "BUSINESS_CENTRAL")
    assert job["counters"]["modified"] >= 140
    assert job["counters"]["modified"] + job["counters"]["failed"] + job["counters"]["skipped"] >= len(wanted)
    problem = await runs.problem(QUIET)
    assert problem["actions"] == ["CHANGE_RECORD", "USE_BUSINESS_CENTRAL", "RETRY", "UNCOUPLE"]
    again = await runs.modified()
    assert (again["counters"]["modified"], (await runs.problem(QUIET))["skipped"]) == (0, True)
    before = requests(runs)
    third = await runs.modified()
    assert third["errors"]["totalCount"] == 0, "told no more"
    assert requests(runs) - before <= 14, "and the page is not repeated"
    await runs.synchronized(await runs.id_of(QUIET), way="SEND")
    assert await runs.problem(QUIET) is None, "what the error offers puts it right"


async def test_links_and_tokens_that_expire_and_a_storm_of_refusals(patient: Problems) -> None:
    runs, faults = patient, patient.api.sandbox.faults
    bc, crm = await runs.both(QUIET)

    async def edited(city: str) -> tuple[int, int]:
        """A run with one edit on either side: what it cost, and how many records were only looked at."""
        await runs.api.in_business_central("PATCH", bc, {"city": city})
        await runs.api.in_dataverse("PATCH", crm, {"telephone1": f"+31 {city}"})
        before = requests(runs)
        job = await runs.modified()
        faults.clear()
        assert (job["status"], job["counters"]["modified"], job["counters"]["failed"]) == ("SUCCEEDED", 1, 0), job
        assert job["errors"]["totalCount"] == 0
        assert (await runs.api.in_dataverse("GET", crm))["address1_city"] == city
        assert await runs.phones(QUIET) == (f"+31 {city}", f"+31 {city}")
        return requests(runs) - before, job["counters"]["unchanged"]

    plain, _ = await edited("Delft")
    faults.use([Rule("expired-delta")])
    cost, unchanged = await edited("Gouda")
    assert (cost <= plain + 5, unchanged) == (True, 0), "all accounts come once more, and none is read or written again"
    for backend in (BUSINESS_CENTRAL, DATAVERSE):
        faults.use([Rule("expired-token", backend=backend, count=1, skip=2)])
        await edited(f"Leiden {backend}")
    storm = [
        Rule("status", backend=each, status=429, retry_after=0, rate=0.3) for each in (BUSINESS_CENTRAL, DATAVERSE)
    ]
    faults.use(storm, seed=7)
    await edited("Breda")
    assert (await runs.modified())["counters"] == NOTHING
