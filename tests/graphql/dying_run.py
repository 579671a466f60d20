"""A gateway that is killed in the middle of a synchronization: run as a process of its own by ``test_synchronize_kill``.

    python -m tests.graphql.dying_run FOLDER DATABASE_URL REQUESTS SEED

People edit customers and accounts, then a run begins; the process ends, by SIGKILL, with so many requests of that run sent, half
of the time before the last one is carried out and half after. It prints who edited what.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import httpx

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import Switch, start
from tests.graphql.runs import MODIFIED, Runs

CUSTOMERS = [f"C000{number}" for number in (23, 24, 25, 27, 28, 29, 30, 32, 33, 34)]


async def main(folder: str, url: str, requests: str, seed: str) -> None:
    chance, most = Random(int(seed)), int(requests)  # noqa: S311 - a test that can be repeated
    opened = open_sandbox("http://localhost", folder=Path(folder))
    async with AsyncExitStack() as stack:
        runs = Runs(await start(opened, url, stack))
        await runs.modified()
        wanted = {}
        for number in CUSTOMERS:
            bc, crm = await runs.both(number)
            phone, city = f"+31 10 {chance.randrange(10**7):07}", f"Delft {chance.randrange(1000)}"
            wanted[number] = (phone, city)
            await runs.api.in_dataverse("PATCH", crm, {"telephone1": phone})
            await runs.api.in_business_central("PATCH", bc, {"city": city})
        print(json.dumps(wanted), flush=True)  # noqa: T201 - what the test goes by
        sent, after = 0, chance.random() < 0.5

        def dying(way: Switch) -> None:
            async def respond(request: httpx.Request) -> httpx.Response:
                nonlocal sent
                sent += 1
                if sent >= most and not after:
                    os.kill(os.getpid(), signal.SIGKILL)
                answer = await way.inner.handle_async_request(request)
                if sent >= most:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            way.instead = respond

        dying(runs.api.business_central)
        dying(runs.api.dataverse)
        answer = await runs.api.ask(MODIFIED, {"input": {"mapping": "CUSTOMER"}}, explain=False)
        await runs.ended(answer.data["synchronizeModified"]["job"]["id"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
