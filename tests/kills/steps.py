"""What a gateway does, counted in steps, so that it can be killed at one of them.

A step is a request to a backend (before it is sent, and when its answer arrives), a statement that writes into a database, ours
or the engine's, and the commit of one. Between two steps nothing outlives the process, so a kill at a step stands for all moments
around it.
"""

import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, event

_WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+([\w.\"]+)", re.IGNORECASE)


class Steps:
    """Counted from the moment they are armed. At the step with the number ``at`` the process ends, by SIGKILL; of all steps, or
    of those of one kind.

    ``epitaph`` is the file that then says where that was. Where it is there already, another process has died instead.
    """

    def __init__(self, epitaph: Path) -> None:
        self._epitaph = epitaph
        self._lock = threading.Lock()
        self._at: int | None = None
        self._kind: str | None = None
        self._armed = False
        self.count = 0

    def arm(self, at: int | None, kind: str | None = None) -> None:
        self._armed, self._at, self._kind, self.count = True, at, kind, 0

    def step(self, where: str) -> None:
        with self._lock:
            if not self._armed or self._kind not in (None, where):
                return
            self.count += 1
            if self.count == self._at:
                self._die(where)

    def _die(self, where: str) -> None:
        try:
            file = os.open(self._epitaph, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return
        os.write(file, where.encode())
        os.kill(os.getpid(), signal.SIGKILL)


class Stepping(httpx.AsyncBaseTransport):
    """The way to one backend."""

    def __init__(self, inner: httpx.AsyncBaseTransport, steps: Steps, name: str) -> None:
        self._inner, self._steps, self._name = inner, steps, name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        kind = "write to" if is_write(request) else "read of"
        self._steps.step(f"before a {kind} {self._name}")
        answer = await self._inner.handle_async_request(request)
        self._steps.step(f"after a {kind} {self._name}")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def is_write(request: httpx.Request) -> bool:
    if request.method in ("PATCH", "DELETE"):
        return True
    return request.method == "POST" and any(each in request.content for each in (b"PATCH ", b'"PATCH"', b'"POST"'))


def watch_databases(steps: Steps) -> None:
    """Every database of this process: our own, and the one of the jobs."""

    @event.listens_for(Engine, "before_cursor_execute")
    def statement(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        if (found := _WRITES.match(sql)) is not None:
            verb, table = found[1].split()[0].lower(), found[2].replace('"', "").split(".")[-1]
            written = f"{verb} {table}"
            if connection.info.get("written") != written:  # many rows of one table are one step
                steps.step(f"before {written}")
            connection.info["written"] = written

    @event.listens_for(Engine, "commit")
    def commit(connection: Any) -> None:
        if (written := connection.info.pop("written", None)) is not None:
            steps.step(f"before commit of {written}")

    @event.listens_for(Engine, "rollback")
    def rollback(connection: Any) -> None:
        connection.info.pop("written", None)
