"""A worker over the sandbox: run as a process of its own by ``test_workers``.

    python -m tests.graphql.working FOLDER DATABASE_URL RUN REQUESTS

It ends, by SIGKILL, before its request with this number; with 0 it works until the run is at its end, and
prints what became of it.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

import httpx

from gateway.backends import Networks
from gateway.demo import demo_settings
from gateway.jobs.engine import Pace
from gateway.runs.run_work import job_of
from gateway.sandbox.app import open_sandbox
from gateway.worker import create_worker
from tests.graphql.api import Switch

PACE = Pace(queue_seconds=0.02, status_seconds=0.02, others_seconds=0.1, schedules_seconds=0.1)


async def main(folder: str, url: str, run: str, requests: str) -> None:
    opened, most, sent = open_sandbox("http://localhost", folder=Path(folder)), int(requests), 0
    network = httpx.ASGITransport(app=opened.app())

    async def counted(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        if sent == most:
            os.kill(os.getpid(), signal.SIGKILL)
        return await network.handle_async_request(request)

    way = Switch(network, instead=counted)
    worker = create_worker(demo_settings(opened, url), networks=Networks(way, way, network), pace=PACE)
    async with worker.router.lifespan_context(worker):
        services = worker.state.running.services
        await services.jobs.wait(job_of(UUID(run)))
        ended = await services.run_jobs.get(UUID(run))
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=worker), base_url="http://worker.example")
        health = (await http.get("/health/ready")).json()
        graphql = (await http.post("/graphql")).status_code
        print(ended.state, health["status"], health["checks"], graphql)  # noqa: T201 - what the test goes by
    opened.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
