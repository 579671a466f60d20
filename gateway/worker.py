"""A process that carries out jobs, schedules and upkeep, and answers nobody but whoever asks how it is."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from gateway.assembly import running
from gateway.backends import Networks
from gateway.config import ONE_WRITER, Settings
from gateway.errors import ConfigError
from gateway.health import add_health
from gateway.jobs.database import is_shared
from gateway.jobs.engine import Pace


def require_shared(settings: Settings) -> None:
    """Raises: ConfigError: the database serves a single process."""
    urls = {"GATEWAY_DATABASE_URL": settings.database_url, "GATEWAY_JOBS_DATABASE_URL": settings.jobs_database_url}
    problems = [
        f"{name} names an SQLite file; gateway worker needs PostgreSQL: {ONE_WRITER}"
        for name, url in urls.items()
        if url is not None and not is_shared(url.get_secret_value())
    ]
    if problems:
        raise ConfigError(*problems)


def create_worker(settings: Settings, *, networks: Networks | None = None, pace: Pace | None = None) -> FastAPI:
    """The worker as an ASGI application with ``/health/live`` and ``/health/ready``.

    Raises:
        ConfigError: the database serves a single process.
    """
    require_shared(settings)
    where = networks or Networks()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, where, None, alone=False, pace=pace, carry_out=True) as built:
            app.state.running = built
            gc.freeze()
            try:
                yield
            finally:
                gc.unfreeze()

    app = FastAPI(title="Dynamics gateway, worker", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    add_health(app)
    return app


async def run_alone(worker: FastAPI, ready: Callable[[], None]) -> None:
    """The worker without a port, until SIGTERM or Ctrl-C; steps under way may end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        _on(loop, each, stop)
    async with worker.router.lifespan_context(worker):
        ready()
        await stop.wait()


def _on(loop: asyncio.AbstractEventLoop, wanted: signal.Signals, stop: asyncio.Event) -> None:
    try:
        loop.add_signal_handler(wanted, stop.set)
    except NotImplementedError:  # Windows
        signal.signal(wanted, lambda *_: loop.call_soon_threadsafe(stop.set))
