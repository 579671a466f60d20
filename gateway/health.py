"""Whether the gateway lives, and whether it can answer."""

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.assembly import Running
from gateway.errors import DatabaseError
from gateway.triggers.schedules import Schedules

_PATIENCE_SECONDS = 2.0
"""How long the readiness check waits for a database."""


def add_health(app: FastAPI) -> None:
    """The two addresses that tell how the process is."""
    app.add_api_route("/health/live", _live)
    app.add_api_route("/health/ready", _ready)


async def _live() -> dict[str, str]:
    return {"status": "live"}


async def _ready(request: Request) -> Response:
    """Whether requests can be served: our databases answer. A backend that is away is not a reason to send none.

    Nor is synchronization that does not run as it should; which schedules are overdue is told besides.
    """
    built: Running = request.app.state.running
    database, jobs = await asyncio.gather(_answers(built.engine), built.services.jobs.answer(seconds=_PATIENCE_SECONDS))
    checks = {"database": database} | ({} if jobs is None else {"jobs": jobs})
    ready = all(checks.values())
    told: dict[str, object] = {"status": "ready" if ready else "not ready", "checks": checks}
    if ready:
        told |= {"overdue": await _overdue(built.services.schedules)}
    return JSONResponse(told, 200 if ready else 503)


async def _overdue(schedules: Schedules) -> list[dict[str, str]] | None:
    """None: it cannot be told now."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            found = await schedules.silent()
    except (DatabaseError, TimeoutError):
        return None
    return [
        {"task": key.task, "mapping": key.mapping, "reason": each.reason, "since": each.since.isoformat()}
        for key, each in found.items()
    ]


async def _answers(engine: AsyncEngine) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
    return True
