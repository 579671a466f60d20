"""Crowds of callers: how many requests they cost the backends, and how many of those ran together."""

import asyncio
from uuid import UUID

import pytest

from gateway.clients.call import Call, Deadline
from gateway.odata.query import Compare, Query
from gateway.reading.cache import RecordCache
from gateway.reading.lookup import Asking, Lookups, Scope, match_key
from gateway.reading.sources import ACCOUNTS, CUSTOMERS
from gateway.reading.trace import Trace
from gateway.records import Record
from gateway.sandbox.app import BUSINESS_CENTRAL, DATAVERSE, Sandbox
from gateway.sandbox.faults import Rule
from schema.context import Backends
from tests.clients.over_sandbox import Clients

pytestmark = pytest.mark.anyio

CALLERS, UNSHARED = 1_000, 200


def call() -> Call:
    return Call(Deadline.after(3_600))


async def keys(clients: Clients) -> list[str]:
    query = Query(select=("number",))
    records = await clients.business_central.everything(clients.in_company("customers"), query, call=call())
    return [str(record.values["number"]) for record in records]


@pytest.mark.parametrize("source", [CUSTOMERS, ACCOUNTS], ids=["Business Central", "Dataverse"])
async def test_a_thousand_callers_of_one_key_set_share_a_handful_of_requests(
    clients: Clients, sandbox: Sandbox, source: object
) -> None:
    numbers = await keys(clients)
    assert len(numbers) == 200
    central = source is CUSTOMERS
    looked_up = CUSTOMERS if central else ACCOUNTS
    column = "number" if central else "accountnumber"
    accounts = await clients.dataverse.everything("accounts", Query(select=("accountnumber",)), call=call())
    there = set(numbers) if central else {str(each.values["accountnumber"]) for each in accounts} & set(numbers)
    lookups = Lookups(Backends(clients.business_central, clients.dataverse), RecordCache())
    sandbox.log.clear()

    async def one(caller: int) -> Record | None:
        asking = Asking(Scope("application", clients.company), Deadline.after(3_600), Trace(), f"caller-{caller}")
        number = numbers[caller % 200]
        wanted = frozenset({column})
        found, _ = await lookups.by_key(asking, looked_up, column, [number], select=wanted, expand=(), after=0)
        return found.get(match_key(number))

    records = await asyncio.gather(*(one(caller) for caller in range(CALLERS)))

    found = {numbers[caller % 200] for caller, record in enumerate(records) if record is not None}
    assert found == there
    assert all(
        record is None or record.values[column] == numbers[caller % 200] for caller, record in enumerate(records)
    )
    load = sandbox.log.load(BUSINESS_CENTRAL if central else DATAVERSE)
    assert (load.requests, load.most_running) == (1, 1)


async def test_requests_that_cannot_be_shared_keep_within_the_limits_and_use_them(
    clients: Clients, sandbox: Sandbox
) -> None:
    numbers = await keys(clients)
    sandbox.log.clear()
    sandbox.latency.milliseconds |= {BUSINESS_CENTRAL: 5, DATAVERSE: 100}

    async def customer(caller: int) -> str:
        where = Compare("number", "eq", numbers[caller % 200])
        query = Query(select=("number",), filter=where)
        page = await clients.business_central.page(clients.in_company("customers"), query, call=call())
        return str(page.records[0].values["number"])

    async def account(_: int) -> UUID:
        return (await clients.dataverse.who_am_i(call=call())).user_id

    customers = asyncio.gather(*(customer(caller) for caller in range(UNSHARED)))
    accounts = asyncio.gather(*(account(caller) for caller in range(UNSHARED)))

    assert await customers == [numbers[caller % 200] for caller in range(UNSHARED)]
    assert len(set(await accounts)) == 1
    for backend, places in ((BUSINESS_CENTRAL, 5), (DATAVERSE, 48)):
        load = sandbox.log.load(backend)
        assert load.requests == UNSHARED
        assert load.most_running == places, "every place is used, and no more than there are"


async def test_many_callers_without_a_token_ask_for_one(clients: Clients) -> None:
    await asyncio.gather(*(clients.dataverse.who_am_i(call=call()) for _ in range(UNSHARED)))

    asked = [request for request in clients.identity.seen if request.url.path.endswith("/token")]
    assert len(asked) == 1


async def test_a_token_that_is_refused_to_many_at_once_is_renewed_once(clients: Clients, sandbox: Sandbox) -> None:
    await clients.dataverse.who_am_i(call=call())
    clients.identity.seen.clear()
    sandbox.faults.use([Rule("expired-token", backend=DATAVERSE, count=40)], seed=1)

    users = await asyncio.gather(*(clients.dataverse.who_am_i(call=call()) for _ in range(UNSHARED)))

    assert len(set(users)) == 1
    asked = [request for request in clients.identity.seen if request.url.path.endswith("/token")]
    assert len(asked) == 1
