"""What looking for drift costs: requests, time, and the memory that grows meanwhile, by the number of couplings.

    PYTHONPATH=. uv run python benchmarks/drift.py 10000 100000

Gateway and sandbox run in this process, over a company of so many customers, most of them coupled. Memory is the peak of what
Python allocates during the question, the sandbox's own pages included. Counting memory makes everything several times slower, so
each question is asked twice.
"""

import argparse
import asyncio
import time
import tracemalloc
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import Api, start

QUESTIONS = {
    "all kinds, counted": "{ drift(mapping: CUSTOMER) { counts { kind count } nodes { id } } }",
    "broken, counted": "{ drift(mapping: CUSTOMER, kinds: [BROKEN_BUSINESS_CENTRAL, BROKEN_DATAVERSE]) { counts { count } } }",
    "first finding": "{ drift(mapping: CUSTOMER, first: 1) { nodes { id } } }",
    "owner readiness, counted": "{ ownerReadiness { counts { toDataverse toBusinessCentral } nodes { coupled } } }",
}
DEADLINE_SECONDS = 3_600.0


async def measure(customers: int) -> None:
    with TemporaryDirectory() as folder:
        sandbox = open_sandbox("http://localhost", folder=Path(folder) / "sandbox", customers=customers)
        async with AsyncExitStack() as stack:
            url = f"sqlite+aiosqlite:///{Path(folder) / 'gateway.db'}"
            api = await start(sandbox, url, stack, deadline_seconds=DEADLINE_SECONDS)
            for name, query in QUESTIONS.items():
                api.business_central.seen, api.dataverse.seen = [], []
                requests, seconds = await timed(api, query)
                print(
                    f"| {customers:,} | {name} | {requests} | {seconds:.1f} | {await peak(api, query):.0f} |",
                    flush=True,
                )
        sandbox.close()


async def timed(api: Api, query: str) -> tuple[int, float]:
    started = time.perf_counter()
    answer = await api.ask(query)
    assert answer.errors == [], answer.errors
    return answer.cost[0], time.perf_counter() - started


class Forgetful(list[httpx.Request]):
    """Of what was sent, nothing is kept."""

    def append(self, request: httpx.Request) -> None:
        pass


async def peak(api: Api, query: str) -> float:
    """MiB above what there was before."""
    api.business_central.seen = api.dataverse.seen = Forgetful()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await api.ask(query, explain=False)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (highest - before) / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", type=int, nargs="+")
    print("| customers | question | requests | seconds | MiB |\n| --- | --- | --- | --- | --- |", flush=True)
    for size in parser.parse_args().customers:
        asyncio.run(measure(size))
