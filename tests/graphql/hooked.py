"""A gateway that both systems tell of changes, and a clock that is moved by hand."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from gateway.records import Backend
from gateway.runs.run import Run
from gateway.runs.run_work import job_of
from gateway.sandbox.app import Sandbox
from gateway.triggers.hooks import Hooks
from gateway.triggers.notices import HookPace
from tests.graphql.api import start
from tests.graphql.runs import Runs
from tests.sandbox.receivers import Clock

PUBLIC = "https://gateway.example"


@dataclass
class Hooked(Runs):
    """Nothing is sent, and no run begins, before somebody says so."""

    clock: Clock

    BC: ClassVar = Backend.BUSINESS_CENTRAL

    @property
    def hooks(self) -> Hooks:
        found: Hooks = self.api.app.state.running.services.hooks
        return found

    @property
    def seen(self) -> tuple[int, int]:
        """Requests at Business Central and at Dataverse so far."""
        return len(self.api.business_central.seen), len(self.api.dataverse.seen)

    async def look(self, **by: float) -> tuple[int, int]:
        """The registrations are looked at, after a while; the requests that took."""
        self.clock.advance(**by)
        before = self.seen
        await self.hooks.upkeep.look()
        return self.seen[0] - before[0], self.seen[1] - before[1]

    async def reached_by(self, network: httpx.AsyncBaseTransport) -> None:
        """Both systems send there from now on."""
        sender = self.api.sandbox.outgoing.sender
        await sender.close()
        sender.network = network

    async def delivered(self) -> None:
        """All that waits to be told is told."""
        self.clock.advance(seconds=31)  # Business Central merges changes for half a minute
        await self.api.sandbox.outgoing.engine.work()

    def secret(self) -> str:
        """What Dataverse knows us by; it shows it to nobody."""
        (row,) = self.api.sandbox.dataverse.select("serviceendpointsecrets")
        return str(row["authvalue"]).partition('value="')[2].partition('"')[0]

    async def settled(self) -> list[Run]:
        """Until nothing waits anywhere; the runs that were begun meanwhile, oldest first."""
        before = {each.id for each in await self.all_runs()}
        for _ in range(10):
            await self.delivered()
            self.clock.advance(seconds=11)
            await self.hooks.notices.work()
            begun = await self.jobs.runs.unfinished()
            for each in begun:
                await self.jobs.jobs.wait(job_of(each.id))
            if (
                not begun
                and not self.hooks.notices.waiting
                and self.api.sandbox.outgoing.notifications.due_at() is None
            ):
                return [each for each in await self.all_runs() if each.id not in before]
        raise AssertionError("the system does not come to rest")

    async def all_runs(self) -> list[Run]:
        runs = await self.jobs.runs.newest(self.company, mapping=None, before=None, limit=200)
        return runs[::-1]

    def subscriptions(self) -> list[dict[str, Any]]:
        """As Business Central has them, secrets included."""
        return [dict(each.values) for each in self.api.sandbox.business_central.select("subscriptions")]

    def subscription(self, name: str) -> dict[str, Any]:
        (found,) = [each for each in self.subscriptions() if str(each["resource"]).endswith(f"/{name}")]
        return found

    def endpoints(self) -> list[dict[str, Any]]:
        return [dict(each.values) for each in self.api.sandbox.dataverse.select("serviceendpoints")]

    def steps(self) -> set[str]:
        return {str(each["name"]) for each in self.api.sandbox.dataverse.select("sdkmessageprocessingsteps")}

    async def post(self, url: str, **given: Any) -> int:
        """What somebody who posts there is answered; the answer says nothing."""
        answer = await self.api.http.post(url.removeprefix(PUBLIC), **given)
        assert answer.content == b""
        return answer.status_code


@contextmanager
def by_hand(sandbox: Sandbox, clock: Clock) -> Iterator[None]:
    """The sandbox sends when a test says so, and its time is the test's."""
    sandbox.now = clock
    running, sandbox.outgoing.running = sandbox.outgoing.running, nullcontext  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        sandbox.outgoing.running = running  # type: ignore[method-assign]


async def not_reached(sandbox: Sandbox) -> None:
    """Nobody is told any more: the gateway that was told is gone."""
    await sandbox.outgoing.sender.close()
    sandbox.outgoing.sender.network = None


async def hooked(
    sandbox: Sandbox, url: str, stack: AsyncExitStack, clock: Clock, *, public_url: str | None = PUBLIC, **settings: Any
) -> Hooked:
    """A gateway at a public address, with its registrations made."""
    stack.push_async_callback(not_reached, sandbox)
    stack.enter_context(by_hand(sandbox, clock))
    pace = HookPace(clock=lambda: clock.moment.timestamp(), now=clock)
    api = await start(sandbox, url, stack, hook_pace=pace, public_url=public_url, **settings)
    return Hooked(api, clock)
