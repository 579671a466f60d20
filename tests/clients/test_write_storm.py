"""Writes through a seeded storm of lost answers: what is told of each write is what the backend holds, and nothing is doubled."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from gateway.clients.breaker import BreakerPolicy
from gateway.clients.call import Call, Deadline
from gateway.clients.client import ODataClient
from gateway.clients.retry import RetryPolicy
from gateway.clients.wire import Patience
from gateway.errors import BackendError, PreconditionFailedError, RecordExistsError
from gateway.odata.query import Query
from gateway.odata.write import Create, Update, Write
from gateway.records import Record
from gateway.sandbox.app import Sandbox
from gateway.sandbox.faults import Rule
from tests.clients.over_sandbox import clients_over

pytestmark = pytest.mark.anyio

ROWS, CHANGES, SEED = 30, 4, 20_261_122
STORM = [
    Rule("reset-after", rate=0.15),
    Rule("reset-body", rate=0.1),
    Rule("reset", rate=0.05),
    Rule("truncated", rate=0.05),
    Rule("expired-token", rate=0.05),
    Rule("status", status=503, rate=0.05),
]
PATIENCE = Patience(RetryPolicy(attempts=3, first_wait_seconds=0), BreakerPolicy(failures=1_000_000))


def call() -> Call:
    return Call(Deadline.after(3_600))


async def persistently(attempt: Callable[[], Awaitable[Record | None]]) -> Record:
    for _ in range(50):
        try:
            record = await attempt()
            assert record is not None
            return record
        except (PreconditionFailedError, RecordExistsError):  # nobody else writes here
            raise
        except BackendError:
            continue
    raise AssertionError("no way through the storm")


async def carry_out(client: ODataClient, write: Write, way: int) -> None:
    if way == 0:
        await client.write(write, call=call())
        return
    many = client.write_together if way == 1 else client.write_each
    (outcome,) = await many([write], call=call())
    if isinstance(outcome, BackendError):
        raise outcome


async def change(client: ODataClient, path: str, name: str, id: UUID) -> None:
    """A life of one row; after each step it is what we were told it is."""

    async def now() -> Record:
        return await client.object(f"{path}({id})", Query(select=(name,)), call=call())

    await persistently(lambda: client.write(Create(path, id, {name: "0"}), call=call()))
    told = {"0"}
    for step in range(1, CHANGES + 1):
        before = await persistently(now)
        assert before.values[name] in told
        try:
            await carry_out(client, Update(path, id, {name: str(step)}, str(before.etag)), step % 3)
            told = {str(step)}
        except PreconditionFailedError:  # nobody else writes here
            raise
        except BackendError as error:
            told = {str(before.values[name])} | ({str(step)} if error.unsettled else set())
    assert (await persistently(now)).values[name] in told


@pytest.mark.parametrize("backend", ["Business Central", "Dataverse"])
async def test_what_is_told_of_a_write_is_what_the_backend_holds(sandbox: Sandbox, backend: str) -> None:
    async with clients_over(sandbox, PATIENCE) as clients:
        for throttle in (sandbox.throttles.business_central, sandbox.throttles.dataverse):
            throttle.limits.enabled = False  # a slow machine would add its own to the storm's
        central = backend == "Business Central"
        client: ODataClient = clients.business_central if central else clients.dataverse
        path, name = (clients.in_company("customers"), "displayName") if central else ("accounts", "name")
        before = len(await client.everything(path, Query(select=(name,)), call=call()))
        sandbox.faults.use(STORM, seed=SEED)

        await asyncio.gather(*(change(client, path, name, uuid4()) for _ in range(ROWS)))

        assert all(each.fired for each in sandbox.faults.standing)
        sandbox.faults.clear()
        assert len(await client.everything(path, Query(select=(name,)), call=call())) == before + ROWS
