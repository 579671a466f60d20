"""A gateway in a process of its own, which can be killed: forked off a process that has everything imported."""

import asyncio
import importlib
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.app import create_app
from gateway.backends import Networks
from gateway.config import Settings
from gateway.jobs.engine import Pace
from gateway.server import listen, run
from gateway.telemetry import configure_logging
from tests.kills.steps import Stepping, Steps, watch_databases

PACE = Pace(queue_seconds=0.05, status_seconds=0.05, others_seconds=0.1, schedules_seconds=1.0)
_PATIENCE = 300
"""Seconds. The machine may be busy with much else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process is to be. ``log`` is where it writes what a person would see."""

    settings: Settings
    alone: bool
    epitaph: Path
    log: Path


def serve(plan: Plan, ready: Connection) -> None:
    """The process: it tells its port, and ends with whoever started it."""
    output = os.open(plan.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    configure_logging("WARNING")
    steps = Steps(plan.epitaph)
    watch_databases(steps)

    async def arm(request: Request) -> PlainTextResponse:
        if request.method == "POST":
            at = request.query_params.get("at")
            steps.arm(int(at) if at else None, request.query_params.get("kind"))
        return PlainTextResponse(str(steps.count))

    way = httpx.AsyncHTTPTransport
    networks = Networks(Stepping(way(), steps, "Business Central"), Stepping(way(), steps, "CRM"), way())
    routes = [Route("/steps", arm, methods=["GET", "POST"])]
    made = create_app(plan.settings, networks=networks, routes=routes, alone=plan.alone, pace=PACE)
    listener = listen("127.0.0.1", 0)
    threading.Thread(target=_end_with, args=(ready,), daemon=True).start()
    run(made, listener, lambda: ready.send(listener.getsockname()[1]))


def _end_with(parent: Connection) -> None:
    try:
        parent.recv()
    except EOFError:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Gateway:
    """One that runs."""

    plan: Plan
    process: BaseProcess
    pipe: Connection
    http: httpx.AsyncClient

    @property
    def is_dead(self) -> bool:
        return self.process.exitcode is not None

    async def arm(self, at: int | None, kind: str | None = None) -> None:
        """It dies at the step with this number, of this kind; None: not at all."""
        asked = {"at": at, "kind": kind}
        with suppress(httpx.TransportError):  # it may not live to answer
            await self.http.post("/steps", params={name: each for name, each in asked.items() if each is not None})

    async def steps(self) -> int:
        return int((await self.http.get("/steps")).text)

    async def lives(self) -> bool:
        """Whether it answers; what was killed a moment ago may not be dead yet."""
        try:
            await self.steps()
        except httpx.TransportError:
            return False
        return not self.is_dead

    async def end(self) -> None:
        """By SIGKILL."""
        self.process.kill()
        await asyncio.to_thread(self.process.join, _PATIENCE)

    async def kill(self) -> None:
        """The same, if it is not dead already; and what leads to it is closed."""
        self.process.kill()
        await self._gone()

    async def stop(self) -> None:
        """As an operator would."""
        self.process.terminate()
        await self._gone()

    async def _gone(self) -> None:
        await asyncio.to_thread(self.process.join, _PATIENCE)
        assert self.is_dead, "it did not end"
        await self.http.aclose()
        self.pipe.close()


for _name in (
    "aiosqlite",
    "alembic.command",
    "alembic.script.write_hooks",
    "dbos",
    "httpcore",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
):
    importlib.import_module(_name)  # before the fork, once for all

_forks: Any = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


async def start(plan: Plan) -> Gateway:
    """A gateway that answers."""
    ours, theirs = _forks.Pipe()
    process = _forks.Process(target=serve, args=(plan, theirs), daemon=True)
    process.start()
    theirs.close()
    if not await asyncio.to_thread(ours.poll, _PATIENCE):
        raise AssertionError(f"it did not start: {plan.log.read_text()}")
    try:
        port = ours.recv()
    except EOFError:
        raise AssertionError(f"it died at its start: {plan.log.read_text()}") from None
    return Gateway(plan, process, ours, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE))
