"""Schedules through the endpoint: what begins by itself, once, and what is told when it does not."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from gateway.couplings.coupling import Mapping
from gateway.runs.run import Run, RunKind, RunState
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import SALES, WIDGET
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.triggers.schedule import Key, Task
from gateway.triggers.schedules import Schedules
from gateway.triggers.silence import Silence
from tests.databases import DATABASES, postgresql
from tests.graphql.api import Api, start
from tests.graphql.runs import Runs
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

SCHEDULES = """
query ($company: UUID) { synchronizationSchedules(company: $company) {
  task mapping company enabled everyMinutes changed changedAt changedBy nextDueAt lastBegunAt
  lastSucceededAt overdue overdueSince reason hint lastJob { id kind status createdBy counters { modified } }
} }
"""
UPDATE = """
mutation ($input: UpdateScheduleInput!) { updateSchedule(input: $input) {
  __typename
  ... on UpdateScheduleSuccess { schedule { task mapping enabled everyMinutes changed changedBy nextDueAt } }
  ... on UserError { code message field }
} }
"""


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class Times(Runs):
    """A gateway whose schedules are looked at when a test says so, at the time that it says."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.clock = Clock()
        self.schedules.clock = self.clock
        ahead = 12 - self.clock.now.hour
        self.schedules.zone = ZoneInfo(f"Etc/GMT{-ahead:+d}")  # it is midday: what is done at night is not due soon

    @property
    def schedules(self) -> Schedules:
        found: Schedules = self.api.app.state.running.services.schedules
        return found

    def process(self) -> Schedules:
        """Another process over the same database."""
        mine = self.schedules
        return Schedules(mine.store, mine.history, mine.runs, mine.company, mine.zone, mine.retention, self.clock)

    async def shown(self, task: str = "SYNCHRONIZE", mapping: str = "CUSTOMER", **given: Any) -> Any:
        answer = await self.api.ask(SCHEDULES, given)
        assert answer.errors == []
        (found,) = (
            each
            for each in answer.data["synchronizationSchedules"]
            if (each["task"], each["mapping"]) == (task, mapping)
        )
        return found

    async def update_schedule(self, **given: Any) -> Any:
        answer = await self.api.ask(UPDATE, {"input": given})
        assert answer.errors == []
        return answer.data["updateSchedule"]

    async def only(self, task: str, mapping: str) -> None:
        """Nothing else is begun."""
        await self.schedules.prepare()
        for each in await self.schedules.all(self.company):
            key = each.schedule.key
            if (key.task, key.mapping) != (task, mapping):
                await self.update_schedule(task=key.task, mapping=key.mapping, enabled=False)

    async def tick(self) -> list[Run]:
        return await self.schedules.tick()


@pytest.fixture
def times(own_api: Api) -> Times:
    return Times(own_api)


async def test_what_is_scheduled_before_anybody_looked(times: Times) -> None:
    """As Microsoft's: half-hourly, opportunities not at all; what only we have, at night."""
    found = (await times.api.ask(SCHEDULES)).data["synchronizationSchedules"]
    assert len(found) == 2 * len(TABLE_MAPPINGS) + 2
    for each in found:
        expected = (
            1440 if each["task"] == "RECONCILE" else 30,
            (each["task"], each["mapping"]) != ("SYNCHRONIZE", "OPPORTUNITY"),
        )
        assert (each["everyMinutes"], each["enabled"]) == expected
        assert (each["changed"], each["nextDueAt"], each["lastJob"], each["overdue"]) == (False, None, None, False)
    other = (await times.api.ask(SCHEDULES, {"company": str(uuid4())})).data["synchronizationSchedules"]
    assert not any(each["enabled"] for each in other), "nobody asked for anything in another company"


async def test_what_changed_travels_by_itself(times: Times) -> None:
    await times.schedules.prepare()
    assert await times.tick() == [], "nothing is due at the start"
    times.clock.now += timedelta(minutes=30)
    begun = await times.tick()
    assert {(each.kind, each.mapping) for each in begun} == {
        *((RunKind.MODIFIED, each) for each in TABLE_MAPPINGS if each is not Mapping.OPPORTUNITY),
        (RunKind.STATISTICS, Mapping.CUSTOMER),
        (RunKind.STOCK, Mapping.ITEM),
    }
    assert await times.tick() == [], "each once"
    for each in begun:
        ended = await times.ended(str(each.id))
        assert (ended["status"], ended["createdBy"]) == ("SUCCEEDED", "schedule"), ended
    bc, crm = await times.both("C00023")
    await times.api.in_business_central("PATCH", bc, {"city": "Delft"})
    times.clock.now += timedelta(minutes=30)
    for each in await times.tick():
        await times.ended(str(each.id))
    assert (await times.api.in_dataverse("GET", crm))["address1_city"] == "Delft"
    shown = await times.shown()
    assert shown["lastJob"]["counters"]["modified"] == 1
    assert shown["lastBegunAt"] is not None
    assert shown["lastSucceededAt"] is not None
    assert datetime.fromisoformat(shown["nextDueAt"]) == times.clock.now + timedelta(minutes=30)


async def test_after_a_long_time_off_there_is_one_run(times: Times) -> None:
    await times.only("SYNCHRONIZE", "CURRENCY")
    times.clock.now += timedelta(days=3, minutes=7)
    (run,) = await times.tick()
    await times.ended(str(run.id))
    assert await times.tick() == []
    due = datetime.fromisoformat((await times.shown("SYNCHRONIZE", "CURRENCY"))["nextDueAt"])
    assert timedelta(0) < due - times.clock.now <= timedelta(minutes=30), "and the rhythm is the old one"


async def test_a_run_that_waits_is_not_begun_twice(times: Times) -> None:
    await times.only("SYNCHRONIZE", "CUSTOMER")
    waiting = Run(
        uuid4(), Mapping.CUSTOMER, times.company, RunKind.MODIFIED, {}, RunState.WAITING, times.clock.now, "Ada"
    )
    await times.jobs.runs.add(waiting)  # whoever asked for it was gone before its job was begun
    times.clock.now += timedelta(minutes=30)
    (run,) = await times.tick()
    assert run.id == waiting.id
    assert (await times.ended(str(run.id)))["status"] == "SUCCEEDED", "and now it is"


@pytest.mark.parametrize("database", DATABASES)
async def test_any_number_of_processes_begin_each_moment_once(database: str, sandbox: Sandbox, tmp_path: Any) -> None:
    async with AsyncExitStack() as stack:
        sqlite = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        url = stack.enter_context(postgresql()) if database == "postgresql" else sqlite
        times = Times(await start(sandbox, url, stack))
        await times.only("SYNCHRONIZE", "CURRENCY")
        processes = [times.process() for _ in range(8)]
        for _ in range(3):
            times.clock.now += timedelta(minutes=30)
            (run,) = chain.from_iterable(await asyncio.gather(*(each.tick() for each in processes)))
            await times.ended(str(run.id))
        begun = await times.jobs.runs.newest(times.company, mapping=None, before=None, limit=10)
        assert len(begun) == 3


async def test_schedules_of_another_company_are_begun_where_somebody_said_so(times: Times) -> None:
    """By default they are the business of a gateway that is configured for that company."""
    here, other = times.schedules, times.process()
    other.company = uuid4()
    await other.prepare()
    times.clock.now += timedelta(hours=1)
    assert await here.tick() == []
    assert all(each.schedule.next_due is not None for each in await other.all(other.company))
    given = {"mapping": "ITEM", "company": str(other.company), "enabled": True, "everyMinutes": 60}
    await times.update_schedule(**given)
    (run,) = await here.tick()
    assert (run.mapping, run.company_id) == (Mapping.ITEM, other.company)
    ended = await times.ended(str(run.id))
    assert (ended["status"], ended["code"]) == ("FAILED", "BACKEND_NOT_FOUND"), "there is no such company"
    due = [each.key for each in await other.store.due(times.clock.now)]
    assert Key(Task.SYNCHRONIZE, Mapping.CUSTOMER, other.company) in due, "the others still wait for theirs"


async def test_what_a_process_claimed_and_left_is_begun_by_the_next(times: Times) -> None:
    await times.only("SYNCHRONIZE", "CURRENCY")
    times.clock.now += timedelta(minutes=30)
    key = Key(Task.SYNCHRONIZE, Mapping.CURRENCY, times.company)
    due = await times.schedules.store.get(key)
    assert due is not None
    assert await times.schedules.store.claim(due, now=times.clock.now, until=times.clock.now + timedelta(minutes=2))
    assert await times.tick() == [], "somebody is at it"
    times.clock.now += timedelta(minutes=2)
    (run,) = await times.tick()
    assert (await times.ended(str(run.id)))["status"] == "SUCCEEDED"


async def test_an_administrator_changes_a_schedule(times: Times) -> None:
    await times.only("SYNCHRONIZE", "CURRENCY")
    found = (await times.update_schedule(mapping="OPPORTUNITY", enabled=True, everyMinutes=5))["schedule"]
    assert (found["enabled"], found["everyMinutes"], found["changed"]) == (True, 5, True)
    assert found["changedBy"] == "Ada Verhoeven"
    (run,) = await times.tick()
    assert run.mapping is Mapping.OPPORTUNITY, "it waited for longer than five minutes"
    await times.ended(str(run.id))
    times.clock.now += timedelta(minutes=5)
    (run,) = await times.tick()
    await times.ended(str(run.id))
    found = (await times.update_schedule(mapping="OPPORTUNITY", reset=True))["schedule"]
    assert (found["enabled"], found["everyMinutes"], found["changed"]) == (False, 30, False)
    times.clock.now += timedelta(minutes=20)
    assert await times.tick() == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mapping": "CUSTOMER", "everyMinutes": 0}, "everyMinutes"),
        ({"mapping": "CUSTOMER", "everyMinutes": 10081}, "everyMinutes"),
        ({"enabled": False}, "mapping"),
        ({"task": "STOCK", "mapping": "CUSTOMER"}, "mapping"),
    ],
)
async def test_a_schedule_that_cannot_be(own_api: Api, given: Any, field: str) -> None:
    found = await Times(own_api).update_schedule(**given)
    assert (found["code"], found["field"]) == ("INVALID_INPUT", field)


async def test_who_may_see_and_change_schedules(times: Times) -> None:
    assert (await times.api.ask(SCHEDULES, person=SALES, explain=False)).errors == []
    for person, question, given in (
        (WIDGET, SCHEDULES, {}),
        (SALES, UPDATE, {"input": {"mapping": "CUSTOMER", "enabled": False}}),
    ):
        answer = await times.api.ask(question, given, person=person, explain=False)
        assert answer.errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_run_that_failed_for_a_while_is_made_up_for_before_the_next_night(times: Times) -> None:
    await times.only("RECONCILE", "CURRENCY")
    times.api.business_central.instead = unreachable
    run = await times.jobs.soon(RunKind.RECONCILE, Mapping.CURRENCY, times.company, "schedule")
    assert (await times.ended(str(run.id)))["code"] == "BACKEND_UNREACHABLE"
    stored = await times.jobs.runs.get(run.id)
    assert stored is not None
    assert stored.finished_at is not None
    times.clock.now = stored.finished_at + timedelta(minutes=4)
    assert (await times.shown("RECONCILE", "CURRENCY"))["reason"] == "FAILING", "it never went well"
    assert await times.schedules.try_again() == []
    times.api.business_central.instead = None
    times.clock.now += timedelta(minutes=1)
    found = await asyncio.gather(*(each.try_again() for each in (times.process(), times.process())))
    (again,) = chain.from_iterable(found)
    assert (await times.ended(str(again.id)))["status"] == "SUCCEEDED"
    assert await times.schedules.try_again() == []
    assert not (await times.shown("RECONCILE", "CURRENCY"))["overdue"]


async def test_silence_is_told(times: Times) -> None:
    """Nobody looks; then somebody does, and nobody carries out; then it runs."""
    await times.only("SYNCHRONIZE", "CUSTOMER")
    due = times.clock.now + timedelta(minutes=30)
    times.clock.now = due + timedelta(minutes=6)
    shown = await times.shown()
    assert (shown["overdue"], shown["reason"], datetime.fromisoformat(shown["overdueSince"])) == (
        True,
        "NOT_BEGUN",
        due,
    )
    assert "gateway worker" in shown["hint"]
    health = await times.api.http.get("/health/ready")
    (told,) = health.json()["overdue"]
    assert (health.status_code, told["mapping"], told["reason"]) == (200, "CUSTOMER", "NOT_BEGUN")
    (run,) = await times.tick()
    await times.ended(str(run.id))
    assert not (await times.shown())["overdue"]
    stored = await times.jobs.runs.get(run.id)
    assert stored is not None
    waiting = replace(stored, id=uuid4(), state=RunState.WAITING, created_at=times.clock.now, finished_at=None)
    await times.jobs.runs.add(waiting)
    times.clock.now += timedelta(minutes=6)
    assert (await times.shown())["reason"] == "NOT_TAKEN_UP"
    silent = await times.schedules.silent()
    assert [each.reason for each in silent.values()] == [Silence.NOT_TAKEN_UP]
    await times.jobs.settle()
    assert (await times.ended(str(waiting.id)))["status"] == "SUCCEEDED"
    assert not (await times.shown())["overdue"]
