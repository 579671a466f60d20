"""A gateway that is killed while it makes partners: run as a process of its own by ``test_inserts_kill``.

    python -m tests.graphql.dying_full_run FOLDER DATABASE_URL WRITES AFTER [MAPPING]

A full run begins, of customers unless another mapping is given; the process ends, by SIGKILL, at the request that writes so
manieth, before it is carried out or (AFTER is 1) after that. It prints how many customers and accounts there were before.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import Switch, start
from tests.graphql.runs import Runs
from tests.graphql.test_inserts import FULL, sizes


async def main(folder: str, url: str, writes: str, after: str, mapping: str = "CUSTOMER") -> None:
    opened = open_sandbox("http://localhost", folder=Path(folder))
    async with AsyncExitStack() as stack:
        runs = Runs(await start(opened, url, stack))
        await runs.modified()
        print(json.dumps(await sizes(runs)), flush=True)  # noqa: T201 - what the test goes by
        written = 0

        def dying(way: Switch) -> None:
            async def respond(request: httpx.Request) -> httpx.Response:
                nonlocal written
                is_write = request.method == "PATCH" or b"PATCH" in request.content or b'"POST"' in request.content
                written += is_write
                if is_write and written == int(writes) and after == "0":
                    os.kill(os.getpid(), signal.SIGKILL)
                answer = await way.inner.handle_async_request(request)
                if is_write and written == int(writes):
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            way.instead = respond

        dying(runs.api.business_central)
        dying(runs.api.dataverse)
        given = {"input": {"mapping": mapping, "onlyCoupled": False}}
        answer = await runs.api.ask(FULL, given, explain=False)
        await runs.ended(answer.data["startFullSynchronization"]["jobs"][0]["id"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
