"""What an operation may cost at the backends: estimated before anything is asked, and never less than it then costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, SALES
from schema.costs import BESIDE
from schema.example import EXAMPLE_QUERY
from schema.root import build_schema
from tests.graphql.api import Api, start
from tests.graphql.live import LONGEST_SECONDS, bearer, signed_in
from tests.graphql.test_operations import operation

pytestmark = pytest.mark.anyio

MOST = 20
VIEWER = "{ viewer { name } }"


@pytest.fixture
async def poor(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    """A gateway whose operations may cost little."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        yield await start(sandbox, url, stack, max_cost=MOST, webhooks=False)


READS: list[tuple[str, dict[str, Any]]] = [
    (EXAMPLE_QUERY, {}),
    (operation("CustomerCard"), {"number": "C00210"}),
    (operation("CustomerList"), {"first": 200, "after": None}),
    (operation("ItemCard"), {"number": "1001"}),
    (operation("SalespersonCard"), {"code": "JO"}),
    (operation("Connection"), {}),
    (operation("AvailabilityByPeriod"), {"number": "1001", "from": "2026-11-16"}),
    (operation("Couplings"), {"first": 200}),
    ("{ customers(first: 200) { nodes { number statistics { balance { amount } total { amount } } } } }", {}),
    ("{ items(first: 200) { nodes { number availability { inventory projectedAvailableBalance } product { name } } } }", {}),
    ("{ customers(first: 40) { nodes { salesOrders(first: 3) { nodes { number } totalCount } } totalCount } }", {}),
    ("{ accounts(first: 200) { nodes { name owner { fullName } customer { number salesperson { code } } } } }", {}),
    ("{ accounts(first: 20, orderBy: {field: NAME}) { nodes { name openOpportunities { count } } totalCount } }", {}),
    ('{ a: customer(by: {number: "C00210"}) { number } b: customer(by: {number: "C00063"}) { account { name } } }', {}),
    ("{ salespersons { nodes { code user { fullName } customers(first: 5) { nodes { number } } } } }", {}),
    ("{ drift(mapping: CUSTOMER, first: 200) { nodes { kind } } }", {}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "variables"), READS, ids=range(len(READS)))
async def test_nothing_costs_more_than_was_estimated(api: Api, query: str, variables: dict[str, Any]) -> None:
    cold = await api.ask(query, variables)
    assert cold.errors == []
    warm = await api.ask(query, variables)
    assert cold.cost[0] <= cold.estimate == warm.estimate, "what is kept is no promise"


async def test_widgets_and_statistics_cost_no_more_than_was_estimated(api: Api) -> None:
    found = await api.ask(
        '{ item(by: {number: "1016"}) { product { productId } } customer(by: {number: "C00210"}) { account { accountId } } }'
    )
    product, account = found.data["item"]["product"], found.data["customer"]["account"]
    for name, variables in (
        ("AvailabilityWidget", {"productId": product["productId"], "quantity": "10", "on": "2026-12-02"}),
        ("CustomerStatistics", {"accountId": account["accountId"]}),
    ):
        answer = await api.ask(operation(name), variables)
        assert answer.errors == []
        assert answer.cost[0] <= answer.estimate <= 10


async def test_what_is_written_costs_no_more_than_was_estimated(own_api: Api) -> None:
    found = await own_api.ask('{ accounts(filter: {accountNumber: {eq: "LEAD-001"}}) { nodes { accountId } } }')
    variables = {"number": "C00021", "accountId": found.data["accounts"]["nodes"][0]["accountId"]}
    coupled = await own_api.ask(operation("CoupleCustomer"), variables)
    ended = await own_api.ask(operation("UncoupleRecords"), {"id": coupled.data["coupleRecords"]["coupling"]["id"]})
    stock = await own_api.ask('mutation { updateProductStock(input: {items: [{number: "1001"}]}) { __typename } }')
    for answer in (coupled, ended, stock):
        assert answer.errors == []
        assert 0 < answer.cost[0] <= answer.estimate


async def test_what_costs_too_much_is_refused_before_anything_is_asked(poor: Api) -> None:
    query = "{ customers(first: 200) { nodes { number salesOrders(first: 200) { nodes { customer { number } } } } } }"
    answer = await poor.ask(query)
    assert (answer.codes, answer.cost) == (["QUERY_TOO_EXPENSIVE"], (0, 0))
    told = answer.errors[0]["extensions"]
    assert (told["limit"], told["value"]) == (MOST, answer.estimate)
    assert told["parts"][0]["part"] == "customers.salesOrders.customer"
    assert sum(each["requests"] for each in told["parts"]) <= told["value"]
    assert (await poor.ask(query.replace("200", "5"))).errors == []


async def test_root_fields_are_added_up_before_the_first_one_asks(poor: Api) -> None:
    fields = [f'a{n}: customer(by: {{number: "C00210"}}) {{ account {{ name }} }}' for n in range(MOST // 2 + 1)]
    answer = await poor.ask(f"{{ {' '.join(fields)} }}")
    assert (set(answer.codes), answer.cost) == ({"QUERY_TOO_EXPENSIVE"}, (0, 0))
    assert (await poor.ask(f"{{ {' '.join(fields[1:])} }}")).errors == []


async def test_each_operation_of_a_socket_has_its_own_costs(poor: Api) -> None:
    query = "{ " + " ".join(f'a{n}: item(by: {{number: "1001"}}) {{ number }}' for n in range(MOST)) + " }"
    async with signed_in(poor) as socket:
        for number in range(3):
            socket.subscribe(query, id=str(number))
            (answer,) = await socket.answers()
            assert "errors" not in answer


async def test_only_administrators_are_told_of_estimates(api: Api) -> None:
    assert (await api.ask(VIEWER)).estimate == 0
    assert "extensions" not in (await api.ask(VIEWER, person=SALES)).body


def test_what_is_counted_by_hand_are_root_fields() -> None:
    schema = build_schema()._schema
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    assert set(BESIDE) <= set(schema.query_type.fields) | set(schema.mutation_type.fields)


# -- how often one caller may ask ---------------------------------------------------------------------------------------------


@pytest.fixture
async def slow(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    """A gateway that lets three requests in, and then one every ten seconds; and of its backends as many."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        rates: dict[str, Any] = {"rate_per_minute": 6, "rate_burst": 3, "rate_cost_per_minute": 6}
        yield await start(sandbox, url, stack, webhooks=False, **rates)


async def test_who_asks_too_often_is_told_when_to_come_again(slow: Api) -> None:
    for _ in range(3):
        assert (await slow.ask(VIEWER)).status == 200
    headers = {"Authorization": bearer(slow, ADMIN)}
    refused = await slow.http.post("/graphql", content=b"no request at all", headers=headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    error = refused.json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 9 < error["extensions"]["retryAfter"] <= 10
    assert (await slow.ask(VIEWER, person=SALES)).status == 200, "others are let in"


async def test_who_costs_too_much_waits_as_well(slow: Api) -> None:
    card = await slow.ask(operation("CustomerCard"), {"number": "C00210"})
    assert card.estimate == 5
    assert (await slow.ask(operation("CustomerCard"), {"number": "C00210"})).errors == []
    refused = await slow.http.post("/graphql", json={"query": VIEWER}, headers={"Authorization": bearer(slow, ADMIN)})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50"), (
        "four are owed, and one has to be there"
    )


async def test_operations_that_begin_together_do_not_overdraw_together(sandbox: Sandbox, tmp_path: Path) -> None:
    """They were let in before any of them had cost anything: they pay before they ask."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        rates: dict[str, Any] = {"rate_per_minute": 6, "rate_burst": 20, "rate_cost_per_minute": 6}
        api = await start(sandbox, url, stack, webhooks=False, **rates)
        query = operation("CustomerCard")
        numbers = [f"C{number:05}" for number in range(210, 220)]
        answers = await asyncio.gather(*(api.ask(query, {"number": each}, explain=False) for each in numbers))
        refused = [each for each in answers if each.errors and each.errors[0]["extensions"]["code"] == "RATE_LIMITED"]
        assert len(refused) == len(numbers) - 2, "six are there: two of five each overdraw them"
        assert 40 < refused[0].errors[0]["extensions"]["retryAfter"] <= 50


async def test_each_operation_of_a_list_counts(slow: Api) -> None:
    headers = {"Authorization": bearer(slow, ADMIN)}
    answered = await slow.http.post("/graphql", json=[{"query": VIEWER}] * 2, headers=headers)
    assert answered.status_code == 200
    refused = await slow.http.post("/graphql", json=[{"query": VIEWER}] * 2, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert refused.headers["Retry-After"]


async def test_each_operation_of_a_socket_counts(slow: Api) -> None:
    async with signed_in(slow) as socket:
        for number in range(3):
            socket.subscribe(VIEWER, id=str(number))
            assert "errors" not in (await socket.answers())[0]
        socket.subscribe(VIEWER, id="4")
        assert "RATE_LIMITED" in str(await socket.answers())
        socket.say({"type": "ping"})
        assert await socket.message() == {"type": "pong"}, "the socket stays open"


async def test_who_gives_up_an_operation_of_a_socket_has_paid_for_it(slow: Api) -> None:
    """What was asked meanwhile was asked: nothing is had for less by not waiting for its end."""
    asked, never = asyncio.Semaphore(0), asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        asked.release()
        await never.wait()
        raise AssertionError("nobody waits so long")

    slow.business_central.instead = hang
    async with signed_in(slow) as socket:
        for id in "12":
            socket.subscribe(operation("CustomerCard"), {"number": f"C0021{id}"}, id=id)
            async with asyncio.timeout(LONGEST_SECONDS):
                await asked.acquire()
            socket.say({"type": "complete", "id": id})
            socket.say({"type": "ping"})
            assert await socket.message() == {"type": "pong"}
    refused = await slow.http.post("/graphql", json={"query": VIEWER}, headers={"Authorization": bearer(slow, ADMIN)})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50"), "five each, of six"


async def test_what_is_refused_for_its_cost_is_not_paid_for(slow: Api) -> None:
    """Nothing was asked for it: whoever asks too much once is told so, and not shut out for an hour."""
    lists = (
        "{ customers(first: 200) { nodes { salesOrders(first: 200) { nodes { customer { account { name } } } } } } }"
    )
    assert (await slow.ask(lists)).codes == ["QUERY_TOO_EXPENSIVE"]
    assert (await slow.ask(VIEWER)).status == 200
