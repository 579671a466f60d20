"""What figures cost: requests at the backends, round trips, and time, for one item or customer and for many.

    uv run python benchmarks/figures.py [--rounds 5] [--callers 200]

Gateway and sandbox run in one process, and the sandbox's time is in each figure, so compare within a table only.
Calculators are measured alone, over ledgers of growing length.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from gateway.backends import Networks
from gateway.demo import create_demo
from gateway.figures.calendar import Bucket
from gateway.figures.movement import Kind, Movement
from gateway.figures.outlook import Outlook
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE

TODAY = date(2026, 11, 16)

WIDGET = """query ($lines: [AvailabilityLine!]!) {
  availabilities(lines: $lines) {
    item { number displayName }
    inventory
    projectedAvailableBalance
    sufficient
    earliestDate
    nextReceipt { date }
    byLocation { location { displayName } inventory }
  }
}"""
STATISTICS = """query ($first: Int!) {
  customers(first: $first) {
    nodes {
      number
      statistics {
        balance { amount }
        total { amount }
        availableCredit { amount }
        overdue { amount }
        salesThisYear { amount }
        aging { amount { amount } }
      }
      account { openOpportunities { count estimatedValue { amount } } }
    }
  }
}"""


class Gateway:
    """A gateway over the sandbox, entered as callers enter it."""

    def __init__(self, http: httpx.AsyncClient, sandbox: Sandbox) -> None:
        self._http = http
        token = sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
        self._headers = {"Authorization": f"Bearer {token}", "Gateway-Explain": "1"}

    async def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        answer = await self._http.post("/graphql", json={"query": query, "variables": variables}, headers=self._headers)
        body: dict[str, Any] = answer.json()
        assert "errors" not in body, body["errors"]
        return body


async def started(stack: AsyncExitStack) -> tuple[Gateway, Sandbox]:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    sandbox = open_sandbox("http://localhost", folder=None)
    sandbox.throttles.business_central.limits.enabled = False
    network = httpx.ASGITransport(app=sandbox.app())
    demo = create_demo(
        sandbox,
        f"sqlite+aiosqlite:///{Path(folder) / 'gateway.db'}",
        networks=Networks(network, network, network),
        request_deadline_seconds=60.0,
        rate_per_minute=0,
        rate_cost_per_minute=0,
    )
    await stack.enter_async_context(demo.app.router.lifespan_context(demo.app))
    transport = httpx.ASGITransport(app=demo.app)
    http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://gateway.example"))
    return Gateway(http, sandbox), sandbox


def wanted(number: str) -> dict[str, Any]:
    return {"item": {"number": number}, "quantity": "1"}


async def best(gateway: Gateway, query: str, variables: dict[str, Any], rounds: int) -> tuple[float, dict[str, Any]]:
    await gateway.ask(query, variables)
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        body = await gateway.ask(query, variables)
        times.append(time.perf_counter() - begun)
    return min(times) * 1000, body


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


async def answers(rounds: int, callers: int) -> None:
    async with AsyncExitStack() as stack:
        gateway, sandbox = await started(stack)
        listed = await gateway.ask("{ items(first: 200) { nodes { number } } }", {})
        numbers = [node["number"] for node in listed["data"]["items"]["nodes"]]
        row("question", "requests", "round trips", "ms", "ms for each record")
        row("---", "---", "---", "---", "---")
        for count in (1, 40, 200):
            lines = {"lines": [wanted(number) for number in numbers[:count]]}
            show(f"availability of {count} items", count, *await best(gateway, WIDGET, lines, rounds))
        for count in (1, 50, 200):
            show(f"statistics of {count} customers", count, *await best(gateway, STATISTICS, {"first": count}, rounds))
        sandbox.log.clear()
        begun = time.perf_counter()
        await asyncio.gather(*(gateway.ask(WIDGET, {"lines": [wanted(number)]}) for number in numbers[:callers]))
        seconds = time.perf_counter() - begun
        load = sandbox.log.load("business-central")
        print(
            f"\n{len(numbers[:callers])} widgets at once, each for another item: {load.requests} requests to Business Central, "
            f"{load.most_running} at once at most, {len(numbers[:callers]) / seconds:.0f} widgets/s"
        )


def show(name: str, count: int, milliseconds: float, body: dict[str, Any]) -> None:
    explained = body["extensions"]["gateway"]
    row(
        name,
        len(explained["backendRequests"]),
        explained["roundTrips"],
        f"{milliseconds:.0f}",
        f"{milliseconds / count:.1f}",
    )


def ledger(length: int) -> Outlook:
    """Orders and receipts over a year, more demand than supply near, enough in the end."""
    chance = random.Random(7)  # noqa: S311 - the same ledger each time
    movements = []
    for _ in range(length):
        kind = chance.choice((Kind.SALES_ORDER, Kind.PURCHASE_ORDER))
        movements.append(
            Movement(kind, TODAY + timedelta(days=chance.randrange(365)), Decimal(chance.randrange(1, 20)))
        )
    return Outlook.at(Decimal(100), movements, location=None)


def calculators() -> None:
    print()
    row("lines of open documents", "earliest date, ms", "events, ms", "52 weeks, ms")
    row("---", "---", "---", "---")
    for length in (100, 1_000, 10_000, 100_000):
        row(f"{length:,}", *measured(ledger(length)))


def measured(outlook: Outlook) -> tuple[str, str, str]:
    unreachable = Decimal(10**9)
    return (
        timed(lambda: outlook.earliest(unreachable, today=TODAY, look_ahead=timedelta(days=90))),
        timed(lambda: list(outlook.events())),
        timed(lambda: list(outlook.by_period(Bucket.WEEK, TODAY, 52))),
    )


def timed(work: Callable[[], object]) -> str:
    begun = time.perf_counter()
    work()
    return f"{(time.perf_counter() - begun) * 1000:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callers", type=int, default=200)
    given = parser.parse_args()
    asyncio.run(answers(given.rounds, given.callers))
    calculators()
