"""Creations that a crash left behind: after recovery there is one record and one coupling, on both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.clients.call import Deadline
from gateway.couplings.coupling import Cause, Coupling, Doing, Intent, Mapping
from gateway.couplings.store import CouplingFilter
from gateway.pairing.recovery import recover
from gateway.reading.lookup import Asking, Scope
from gateway.reading.trace import Trace
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.company import story
from gateway.sync.desk import Books, Desk
from tests.databases import DATABASES, postgresql
from tests.graphql.api import Api, start
from tests.graphql.test_half_answers import unreachable

pytestmark = pytest.mark.anyio

LONG_AGO = timedelta(hours=1)


@dataclass
class Restarted:
    """A gateway after a crash."""

    api: Api

    @property
    def books(self) -> Books:
        found: Books = self.api.app.state.running.services.books
        return found

    @property
    def company(self) -> UUID:
        return UUID(self.api.sandbox.company.company_id)

    def desk(self, company: UUID) -> Desk:
        services = self.api.app.state.running.services
        asking = Asking(Scope("application", company), Deadline.after(30), Trace(), "recovery")
        longest = timedelta(seconds=30)
        return Desk(services.books, services.backends, services.reading, asking, company, "recovery", longest)

    async def recover(self) -> int:
        return await recover(self.desk, self.books, before=datetime.now(UTC) - timedelta(seconds=30))

    async def left(
        self, *numbers: str, ago: timedelta = LONG_AGO, mapping: Mapping = Mapping.CUSTOMER
    ) -> list[Coupling]:
        """Couplings of records with these numbers, whose other sides were about to be created in CRM."""
        made: list[Coupling] = []
        for number in numbers:
            entity_set = "customers" if mapping is Mapping.CUSTOMER else "items"
            found = await self.api.in_business_central("GET", f"{entity_set}?$filter=number eq '{number}'")
            bc_id = UUID(found["value"][0]["id"])
            made.append(Coupling(uuid4(), mapping, self.company, bc_id, uuid4(), number))
            await self.begin(made[-1], ago)
        return made

    async def begin(self, coupling: Coupling, ago: timedelta = LONG_AGO, *, to_crm: bool = True) -> None:
        now = datetime.now(UTC)
        intent = Intent(coupling.id, to_crm, now - ago)
        await self.books.changes.apply(Doing("test", now, Cause.CREATED), added=[coupling], begun=intent)

    async def now(self, coupling: Coupling) -> Coupling | None:
        return await self.books.couplings.get(coupling.id)

    async def is_open(self, coupling: Coupling) -> bool:
        return bool(await self.books.intents.of([coupling.id]))

    def rows(self, name: str) -> list[Any]:
        return [row for row in self.api.sandbox.dataverse.select("accounts") if row["name"] == name]


@pytest.fixture(params=DATABASES)
async def restarted(request: pytest.FixtureRequest, sandbox_files: Path, tmp_path: Path) -> AsyncIterator[Restarted]:
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(postgresql())
        shutil.copytree(sandbox_files, tmp_path / "sandbox")
        opened = open_sandbox("http://localhost", folder=tmp_path / "sandbox")
        stack.callback(opened.close)
        yield Restarted(await start(opened, url, stack))


async def test_a_record_that_was_never_created_is_created_under_its_id(restarted: Restarted) -> None:
    (coupling,) = await restarted.left(story.UNCOUPLED)
    assert await restarted.recover() == 1
    row = await restarted.api.in_dataverse("GET", f"accounts({coupling.crm_id})")
    now = await restarted.now(coupling)
    assert now is not None
    assert (now.last_result_to_crm, str(now.crm_id)) == ("SUCCESS", row["accountid"])
    assert not await restarted.is_open(coupling)
    assert len(restarted.rows(row["name"])) == 1


async def test_a_record_that_was_created_already_is_not_created_again(restarted: Restarted) -> None:
    """The kill came between the answer of CRM and our own table."""
    (coupling,) = await restarted.left(story.UNCOUPLED)
    assert await restarted.recover() == 1
    done = await restarted.now(coupling)
    assert done is not None
    await restarted.books.changes.remove_each([done], Doing("test", datetime.now(UTC), Cause.UNDONE))
    await restarted.begin(coupling)
    assert await restarted.recover() == 1
    now = await restarted.now(coupling)
    assert now is not None
    assert now.base == done.base
    assert not await restarted.is_open(coupling)
    row = await restarted.api.in_dataverse("GET", f"accounts({coupling.crm_id})")
    assert len(restarted.rows(row["name"])) == 1


async def test_doing_it_again_changes_nothing(restarted: Restarted) -> None:
    (coupling,) = await restarted.left(story.UNCOUPLED)
    assert await restarted.recover() == 1
    before = await restarted.now(coupling)
    assert await restarted.recover() == 0
    assert await restarted.now(coupling) == before


async def test_two_processes_at_once_make_one_record(restarted: Restarted) -> None:
    couplings = await restarted.left(story.UNCOUPLED, story.CASE_MATCH, story.AMBIGUOUS_MATCH)
    await asyncio.gather(*(restarted.recover() for _ in range(4)))
    for coupling in couplings:
        row = await restarted.api.in_dataverse("GET", f"accounts({coupling.crm_id})")
        same = [each for each in restarted.rows(row["name"]) if each["accountnumber"] not in ("LEAD-101", "LEAD-102")]
        assert len(same) == 1
        assert await restarted.now(coupling) is not None
        assert not await restarted.is_open(coupling)


async def test_a_coupling_whose_source_is_gone_ends(restarted: Restarted) -> None:
    gone, there = await restarted.left(story.UNCOUPLED, story.CASE_MATCH)
    restarted.api.sandbox.business_central.delete("customers", str(gone.bc_id))
    assert await restarted.recover() == 2
    assert await restarted.now(gone) is None
    assert await restarted.now(there) is not None
    assert not await restarted.is_open(gone)
    history = (await restarted.books.changes.history([gone.id]))[gone.id]
    assert [(each.event, each.cause) for each in history] == [("UNCOUPLED", "UNDONE"), ("COUPLED", "CREATED")]


async def test_what_somebody_may_still_be_at_is_left_alone(restarted: Restarted) -> None:
    (coupling,) = await restarted.left(story.UNCOUPLED, ago=timedelta(seconds=5))
    assert await restarted.recover() == 0
    assert await restarted.is_open(coupling)


async def test_a_rule_in_the_way_leaves_its_own_and_no_other_unfinished(restarted: Restarted) -> None:
    refused, fine = await restarted.left(story.UNCOUPLED, story.CASE_MATCH)
    path = f"customers({refused.bc_id})"
    await restarted.api.in_business_central("PATCH", path, {"salespersonCode": story.UNCOUPLED_SALESPERSON})
    assert await restarted.recover() == 1
    assert await restarted.is_open(refused)
    assert not await restarted.is_open(fine)
    await restarted.api.in_business_central("PATCH", path, {"salespersonCode": story.STORY_SALESPERSON})
    assert await restarted.recover() == 1


@pytest.mark.parametrize("system", ["business_central", "dataverse"])
async def test_a_dead_system_leaves_everything_for_the_next_time(restarted: Restarted, system: str) -> None:
    (coupling,) = await restarted.left(story.UNCOUPLED)
    getattr(restarted.api, system).instead = unreachable
    assert await restarted.recover() == 0
    assert await restarted.is_open(coupling)
    getattr(restarted.api, system).instead = None


async def test_a_side_that_shows_nothing_at_all_ends_nothing(restarted: Restarted) -> None:
    (coupling,) = await restarted.left(story.UNCOUPLED)
    inner = restarted.api.business_central.inner

    async def empty(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/customers"):
            return httpx.Response(200, json={"value": []}, request=request)
        return await inner.handle_async_request(request)

    restarted.api.business_central.instead = empty
    assert await restarted.recover() == 0
    assert await restarted.is_open(coupling)


async def test_a_source_that_only_a_list_leaves_out_ends_nothing(restarted: Restarted) -> None:
    """Rights hide one of two customers; the other, deleted, ends its coupling."""
    hidden, gone = await restarted.left(story.UNCOUPLED, story.CASE_MATCH)
    restarted.api.sandbox.business_central.delete("customers", str(gone.bc_id))
    inner = restarted.api.business_central.inner

    async def nothing(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and "/customers" in request.url.path:
            return httpx.Response(200, json={"value": []}, request=request)
        return await inner.handle_async_request(request)

    restarted.api.business_central.instead = nothing
    assert await restarted.recover() == 1
    assert await restarted.is_open(hidden)
    assert await restarted.now(gone) is None


async def test_what_crm_will_never_take_ends(restarted: Restarted) -> None:
    inner = restarted.api.dataverse.inner
    (coupling,) = await restarted.left(story.UNCOUPLED)

    async def reject(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" or b"PATCH " in request.content:
            body = {"error": {"code": "0x80048d19", "message": "no such column"}}
            return httpx.Response(400, json=body, request=request)
        return await inner.handle_async_request(request)

    restarted.api.dataverse.instead = reject
    assert await restarted.recover() == 0
    assert await restarted.now(coupling) is None
    assert not await restarted.is_open(coupling)


async def test_a_salesperson_is_finished_the_other_way(restarted: Restarted) -> None:
    users = restarted.api.sandbox.dataverse.select("systemusers")
    ruben = next(row for row in users if row["internalemailaddress"] == story.UNCOUPLED_OWNER)
    coupling = Coupling(uuid4(), Mapping.SALESPERSON, restarted.company, uuid4(), UUID(str(ruben["systemuserid"])))
    await restarted.begin(coupling, to_crm=False)
    assert await restarted.recover() == 1
    row = await restarted.api.in_business_central("GET", f"salespeoplePurchasers({coupling.bc_id})")
    now = await restarted.now(coupling)
    assert now is not None
    assert (row["displayName"], now.bc_key) == ("Ruben Castell", row["code"])
    await restarted.books.changes.remove_each([now], Doing("test", datetime.now(UTC), Cause.UNDONE))
    await restarted.begin(coupling, to_crm=False)
    assert await restarted.recover() == 1
    found = await restarted.api.in_business_central(
        "GET", "salespeoplePurchasers?$filter=displayName eq 'Ruben Castell'"
    )
    assert [each["code"] for each in found["value"]] == [row["code"]], "though another code would be free by now"


async def test_an_intent_without_a_coupling_is_forgotten(restarted: Restarted) -> None:
    """Somebody uncoupled what was never finished."""
    (coupling,) = await restarted.left(story.UNCOUPLED)
    await restarted.books.changes.remove_each([coupling], Doing("test", datetime.now(UTC), Cause.MANUAL))
    assert await restarted.recover() == 0
    assert not await restarted.is_open(coupling)
    assert await restarted.books.couplings.count(CouplingFilter(key_prefix=story.UNCOUPLED)) == 0


async def test_companies_and_mappings_are_finished_each_with_its_own(restarted: Restarted) -> None:
    (customer,) = await restarted.left(story.UNCOUPLED)
    (item,) = await restarted.left(story.UNCOUPLED_ITEM, mapping=Mapping.ITEM)
    stranger = replace(customer, id=uuid4(), company_id=uuid4())
    await restarted.begin(stranger)
    assert await restarted.recover() == 2
    row = await restarted.api.in_dataverse("GET", f"products({item.crm_id})")
    assert (row["productnumber"], row["statecode"]) == (story.UNCOUPLED_ITEM, 0), "created, then activated"
    assert await restarted.is_open(stranger), "a company that is not there is no reason to forget"
