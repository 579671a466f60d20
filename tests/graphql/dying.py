"""A gateway that is killed in the middle of a creation: run as a process of its own by ``test_coupling_kill``.

    python -m tests.graphql.dying FOLDER DATABASE_URL POINT MAPPING NUMBER

POINT is where the process ends, by SIGKILL: ``sent`` before the first write reaches CRM, ``created`` when CRM has carried it out
and its answer has not arrived, ``second`` the same for the next write.
"""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import start
from tests.graphql.pairs import Pairs


async def main(folder: str, url: str, point: str, mapping: str, number: str) -> None:
    opened = open_sandbox("http://localhost", folder=Path(folder))
    async with AsyncExitStack() as stack:
        api = await start(opened, url, stack)
        writes = 0

        async def dying(request: httpx.Request) -> httpx.Response:
            nonlocal writes
            written = request.method == "PATCH" or b"PATCH" in request.content
            writes += written
            if written and point == "sent":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await api.dataverse.inner.handle_async_request(request)
            if written and writes == {"created": 1, "second": 2}.get(point):
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        api.dataverse.instead = dying
        given = {"mapping": mapping, "businessCentral": {"number": number}, "dataverse": {"create": True}}
        answer = await Pairs(api).couple(explain=False, **given)  # type: ignore[arg-type]  # only what is given
        print(answer.body)  # noqa: T201 - nobody should see this: the process is dead


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
