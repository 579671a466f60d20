"""Two thousand reads of all kinds through a seeded storm: each ends right, or in an error of ours in time; never wrong."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from gateway.clients.call import Call, Deadline
from gateway.clients.client import ODataClient
from gateway.errors import BackendError
from gateway.odata.query import AnyOf, Compare, Expand, Order, Query
from gateway.odata.response import Page
from gateway.sandbox.app import Sandbox
from gateway.sandbox.faults import Rule
from tests.clients.over_sandbox import Clients

pytestmark = pytest.mark.anyio

READS, CALLERS, DEADLINE_SECONDS, SEED = 2_000, 100, 30.0, 20_261_116
STORM = [
    Rule("status", status=429, rate=0.10),
    Rule("status", backend="dataverse", status=429, retry_after=1, count=2, skip=100),
    Rule("status", status=503, rate=0.05),
    Rule("reset", rate=0.02),
    Rule("truncated", rate=0.01),
    Rule("latency", jitter=200),
]

Read = Callable[[Call], Awaitable[object]]


def reads(clients: Clients) -> list[Read]:
    """A page, a row, a list by keys, a walk over pages, a batch; at both backends, Dataverse more often, which takes more."""
    central, dataverse = clients.business_central, clients.dataverse
    customers, items = clients.in_company("customers"), clients.in_company("items")
    named = Query(select=("number", "displayName"), order=(Order("number"),))
    accounts = Query(select=("name",), order=(Order("name"),), expand=(Expand("owninguser", ("fullname",)),))
    products = Query(select=("productnumber", "name"), order=(Order("productnumber"),))
    numbers = ("C00021", "C00210", "C'0099")

    def page(client: ODataClient, path: str, query: Query) -> Read:
        return lambda call: client.page(path, query, call=call)

    def walk(client: ODataClient, path: str, query: Query, size: int) -> Read:
        async def every(call: Call) -> list[Page]:
            pages = [page async for page in client.pages(path, query, call=call, page_size=size)]
            return [Page(page.records) for page in pages]  # links differ from walk to walk

        return every

    def batch(client: ODataClient, path: str, conditions: list[Query]) -> Read:
        async def every(call: Call) -> list[Page]:
            answers = await client.page_each([(path, query) for query in conditions], call=call)
            for answer in answers:
                if isinstance(answer, BackendError):
                    raise answer
            return [answer for answer in answers if isinstance(answer, Page)]

        return every

    of_central = [
        page(central, customers, Query(filter=AnyOf("number", numbers), order=(Order("number"),))),
        page(central, items, Query(select=("number", "inventory"), top=20, order=(Order("number"),))),
        walk(central, customers, named, 75),
        batch(central, customers, [Query(filter=Compare("number", "eq", number)) for number in numbers]),
    ]
    of_dataverse = [
        page(dataverse, "accounts", Query(filter=AnyOf("accountnumber", numbers), order=(Order("accountnumber"),))),
        page(dataverse, "accounts", accounts),
        lambda call: dataverse.who_am_i(call=call),
        walk(dataverse, "products", products, 100),
        batch(dataverse, "accounts", [Query(filter=Compare("accountnumber", "eq", number)) for number in numbers]),
    ]
    return [*of_central, *of_dataverse * 3]


async def test_two_thousand_reads_through_a_storm_end_right_or_in_a_typed_error(
    clients: Clients, sandbox: Sandbox, record_property: Callable[[str, object], None]
) -> None:
    kinds = reads(clients)
    calm = [await read(Call(Deadline.after(DEADLINE_SECONDS))) for read in kinds]
    sandbox.log.clear()
    for throttle in (sandbox.throttles.business_central, sandbox.throttles.dataverse):
        throttle.limits.enabled = False  # a slow machine would add its own to the storm's
    sandbox.faults.use(STORM, seed=SEED)
    outcomes: Counter[str] = Counter()
    waiting = iter(range(READS))

    async def caller() -> None:
        for number in waiting:
            outcomes[await outcome(kinds[number % len(kinds)], calm[number % len(kinds)])] += 1

    async with asyncio.TaskGroup() as crowd:
        for _ in range(CALLERS):
            crowd.create_task(caller())

    fired = [
        f"{each.fired} {each.rule.status if each.rule.kind == 'status' else each.rule.kind}"
        for each in sandbox.faults.standing
    ]
    record_property("counts", f"{READS} reads through a storm: {dict(outcomes)}; met {', '.join(fired)}")
    assert outcomes.total() == READS
    assert outcomes["wrong"] == outcomes["untyped"] == outcomes["late"] == 0
    assert outcomes["right"] >= READS * 0.95
    assert all(each.fired for each in sandbox.faults.standing)


async def outcome(read: Read, expected: object) -> str:
    call = Call(Deadline.after(DEADLINE_SECONDS))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS * 2):
            answer = await read(call)
    except BackendError as error:
        return str(error.code)
    except TimeoutError:
        return "late"
    except Exception:
        return "untyped"
    return "right" if answer == expected else "wrong"
