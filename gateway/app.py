"""The application: builds every object when it starts, mounts the endpoints. Wiring only."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from gateway.answers.plan import Setting
from gateway.auth.caller import Authenticator, SigningKeys, Trust
from gateway.auth.tokens import BearerAuth, ClientCredentialsProvider, Credentials
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.dataverse import DataverseClient
from gateway.clients.wire import Patience
from gateway.config import JobsPlace, Settings
from gateway.couplings.changes import CouplingChanges
from gateway.couplings.intents import Intents
from gateway.couplings.plans import MatchPlans
from gateway.couplings.store import CouplingStore
from gateway.couplings.watching import CouplingWatches
from gateway.database import create_engine, upgrade
from gateway.endpoint import Serving, endpoints
from gateway.errors import DatabaseError, InvalidInputError, UnauthenticatedError
from gateway.graphiql.page import graphiql_page
from gateway.hook_routes import hook_routes
from gateway.jobs.database import jobs_database_url
from gateway.jobs.engine import Pace
from gateway.jobs.jobs import Jobs
from gateway.jobs.retention import Retention
from gateway.pairing.matches.plan_jobs import PlanJobs
from gateway.pairing.recovery import recover
from gateway.pairing.uncouple_jobs import UncoupleJobs
from gateway.reading.cache import RecordCache
from gateway.reading.capabilities import Capabilities
from gateway.reading.company_facts import CompanyFacts
from gateway.reading.feeds import Feeds
from gateway.reading.levels import Reading
from gateway.reading.lookup import Lookups
from gateway.reading.pages import Pages
from gateway.reading.sources import COUPLINGS
from gateway.records import Backend
from gateway.runs.own_fields import mappings_with
from gateway.runs.pushing import Pushing
from gateway.runs.reconciling import reconcile
from gateway.runs.retention import RunRetention
from gateway.runs.run import RunKind
from gateway.runs.run_jobs import RunJobs
from gateway.runs.run_work import Beside as RunBeside
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.runs.troubles import Troubles
from gateway.runs.watching import RunWatches
from gateway.streams import Streams
from gateway.sync.desk import Books, Desks
from gateway.sync.links import WebClients, web_root
from gateway.telemetry import correlation_id, log
from gateway.triggers.hooks import hooks_of
from gateway.triggers.notices import HookPace
from gateway.triggers.run_history import RunHistory
from gateway.triggers.schedule_store import ScheduleStore
from gateway.triggers.schedules import Schedules
from schema.context import Backends, CouplingPairs, Services
from schema.coupled_records import branches_of

CORRELATION_HEADER = "X-Correlation-Id"

_PATIENCE_SECONDS = 2.0
"""How long the readiness check waits for a database."""

Prepare = Callable[[CouplingStore], Awaitable[None]]
"""Something to do with the coupling store once its tables are there (the demo's couplings)."""

Beside = Callable[[], AbstractAsyncContextManager[None]]
"""Something that runs as long as the application does (the sandbox's webhooks)."""


@dataclass(frozen=True, slots=True)
class Networks:
    """How each far end is reached; None is the real network. Tests put transports of their own here.

    ``patience`` is how the clients of the two systems deal with one that does not answer; None: as always.
    """

    business_central: httpx.AsyncBaseTransport | None = None
    dataverse: httpx.AsyncBaseTransport | None = None
    identity: httpx.AsyncBaseTransport | None = None
    patience: Patience | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """What the lifespan built."""

    engine: AsyncEngine
    services: Services
    authenticator: Authenticator
    recovered: asyncio.Event


def create_app(
    settings: Settings,
    *,
    networks: Networks | None = None,
    routes: Sequence[BaseRoute] = (),
    prepare: Prepare | None = None,
    beside: Beside = nullcontext,
    alone: bool = False,
    pace: Pace | None = None,
    hook_pace: HookPace | None = None,
) -> FastAPI:
    """The gateway as an ASGI application; ``routes`` are further ones of the caller's (the demo's sandbox, GraphiQL).

    ``alone`` says that no other process uses the same database: nobody's jobs have to be watched for. ``pace`` is how often jobs
    are looked at, ``hook_pace`` how soon webhooks lead to runs.
    """
    where = networks or Networks()
    mappings_with(settings.mappings_file)  # what is wrong with the file is told before anything is opened

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        here = settings.jobs is JobsPlace.HERE
        async with (
            running(settings, where, prepare, alone=alone, pace=pace, carry_out=here, hook_pace=hook_pace) as built,
            beside(),
        ):
            app.state.running = built
            app.state.serving = Serving(built.services, built.authenticator, app.state.streams)
            gc.freeze()  # what is there now stays: the collector need not look at it in every request
            try:
                async with built.services.hooks.running():  # now: backends ask us while they register us
                    yield
            finally:
                app.state.streams.end()
                gc.unfreeze()  # and may go with the application

    app = FastAPI(
        title="Dynamics gateway",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.streams = Streams()
    app.add_exception_handler(UnauthenticatedError, _unauthenticated)
    app.add_exception_handler(InvalidInputError, _refused)
    for path, endpoint in endpoints():
        app.include_router(endpoint, prefix=path)
    add_health(app)
    app.router.routes.extend([*hook_routes(), *routes])
    app.middleware("http")(_correlated)
    return app


@asynccontextmanager
async def running(
    settings: Settings,
    networks: Networks,
    prepare: Prepare | None,
    *,
    alone: bool,
    pace: Pace | None = None,
    carry_out: bool = True,
    hook_pace: HookPace | None = None,
) -> AsyncIterator[Running]:
    """Everything with a lifetime, opened in order and closed in reverse.

    With ``carry_out``, jobs are carried out here, and what is due is begun.
    """
    engine = create_engine(settings.database_url.get_secret_value())
    try:
        await upgrade(engine)
        store = CouplingStore(engine)
        if prepare is not None:
            await prepare(store)
        async with (
            _identity_http(networks) as identity_http,
            clients_of(settings, networks) as backends,
            _jobs(settings, pace, carry_out=carry_out) as jobs,
        ):
            books = books_of(engine)
            services = _services(settings, backends, books, engine, jobs, hook_pace)
            services.plan_jobs.register()
            services.uncouple_jobs.register()
            services.run_jobs.register()
            await jobs.resume(watch=not alone)
            if carry_out:
                await services.plan_jobs.resume()
                await services.run_jobs.resume()
            looking = _looking(services.schedules, (pace or Pace()).schedules_seconds, carry_out=carry_out)
            async with (
                _recovering(services, alone=alone) as recovered,
                looking,
                _watching(services),
            ):
                yield Running(engine, services, _authenticator(settings, identity_http), recovered)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _jobs(settings: Settings, pace: Pace | None, *, carry_out: bool) -> AsyncIterator[Jobs]:
    """Not launched: whoever has jobs to do names them first."""
    own = settings.jobs_database_url
    url = own.get_secret_value() if own else jobs_database_url(settings.database_url.get_secret_value())
    retention = Retention(timedelta(days=settings.jobs_retention_days))
    jobs = Jobs(url, retention=retention, pace=pace, carry_out=carry_out)
    try:
        yield jobs
    finally:
        await jobs.close()


@asynccontextmanager
async def _looking(schedules: Schedules, seconds: float | None, *, carry_out: bool) -> AsyncIterator[None]:
    """What is due is begun, if jobs are carried out here, and what is overdue is told, beside what else the application does."""
    if seconds is None:
        yield
        return
    task = asyncio.create_task(schedules.run(seconds, carry_out=carry_out))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _recovering(services: Services, *, alone: bool) -> AsyncIterator[asyncio.Event]:
    """Creations that broke off are finished beside what else the application does; the event says that it was tried."""
    tried = asyncio.Event()
    task = asyncio.create_task(_recover(services, tried, alone=alone))
    try:
        yield tried
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _watching(services: Services) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await services.run_watches.close()
        await services.coupling_watches.close()


async def _recover(services: Services, tried: asyncio.Event, *, alone: bool) -> None:
    """Other processes may be at what was begun just now: that is looked at again when no request can be at it any more."""
    desks, started = services.desks, datetime.now(UTC)
    longest = timedelta(0) if alone else desks.longest_request
    try:
        await _recover_once(desks, before=started - longest, alone=alone)
        if longest and await services.books.intents.left(before=started):
            await asyncio.sleep(longest.total_seconds())
            await _recover_once(desks, before=started, alone=alone)
    except Exception:  # nobody waits for this task
        log.exception("creations that broke off could not be finished")
    finally:
        tried.set()


async def _recover_once(desks: Desks, *, before: datetime, alone: bool) -> None:
    await recover(
        lambda company: desks.of_job(company, "recovery", seconds=60, name="recovery"),
        desks.books,
        before=before,
        alone=alone,
    )


def _identity_http(networks: Networks) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=networks.identity, timeout=5)  # less than a request's own deadline


@asynccontextmanager
async def clients_of(settings: Settings, networks: Networks) -> AsyncIterator[Backends]:
    """Both clients, acting as the application of the settings."""
    async with _identity_http(networks) as identity_http:
        backends = _backends(settings, networks, identity_http)
        try:
            yield backends
        finally:
            await backends.business_central.close()
            await backends.dataverse.close()


def _backends(settings: Settings, networks: Networks, identity_http: httpx.AsyncClient) -> Backends:
    credentials = Credentials(settings.token_authority, settings.client_id, settings.client_secret.get_secret_value())

    def auth(backend: Backend, scope: str) -> BearerAuth:
        return BearerAuth(
            ClientCredentialsProvider(credentials=credentials, scope=scope, backend=backend, http=identity_http)
        )

    return Backends(
        business_central=BusinessCentralClient(
            base_url=settings.business_central_url,
            auth=auth(Backend.BUSINESS_CENTRAL, settings.business_central_scope),
            network=networks.business_central,
            places=settings.business_central_places,
            patience=networks.patience,
        ),
        dataverse=DataverseClient(
            organization_url=settings.dataverse_url,
            auth=auth(Backend.DATAVERSE, settings.dataverse_token_scope),
            network=networks.dataverse,
            places=settings.dataverse_places,
            patience=networks.patience,
        ),
    )


def books_of(engine: AsyncEngine) -> Books:
    """Our own tables of couplings."""
    return Books(CouplingStore(engine), CouplingChanges(engine), Intents(engine))


def desks_of(
    settings: Settings,
    backends: Backends,
    books: Books,
    capabilities: Capabilities,
    mappings: MappingSettings | None = None,
) -> Desks:
    """Desks over these two backends and our own tables."""
    known = {settings.company_id: settings.local_currency_code} if settings.local_currency_code else {}
    lookups, pages = Lookups(backends, RecordCache()), Pages(backends)
    reading = Reading(
        lookups=lookups,
        pages=pages,
        pairs=CouplingPairs(books.couplings),
        facts=CompanyFacts(backends, known=known),
        feeds=Feeds(lookups, pages, capabilities),
        coupling_source=COUPLINGS,
    )
    return Desks(books, backends, reading, timedelta(seconds=settings.request_deadline_seconds), mappings)


def _services(
    settings: Settings,
    backends: Backends,
    books: Books,
    engine: AsyncEngine,
    jobs: Jobs,
    hook_pace: HookPace | None,
) -> Services:
    plans, capabilities = MatchPlans(engine), Capabilities()
    shipped = mappings_with(settings.mappings_file)
    mappings = MappingSettings(engine, shipped)
    desks = desks_of(settings, backends, books, capabilities, mappings)
    run_jobs = RunJobs(jobs, RunStore(engine), mappings, desks, _beside(settings))
    hooks = hooks_of(
        engine,
        backends.business_central,
        backends.dataverse,
        run_jobs,
        public_url=settings.public_url,
        on=settings.webhooks,
        company=settings.company_id,
        pace=hook_pace,
    )
    return Services(
        backends=backends,
        couplings=books.couplings,
        books=books,
        plans=plans,
        desks=desks,
        plan_jobs=PlanJobs(jobs, plans, desks),
        uncouple_jobs=UncoupleJobs(jobs, desks),
        run_jobs=run_jobs,
        schedules=Schedules(
            ScheduleStore(engine),
            RunHistory(engine),
            run_jobs,
            settings.company_id,
            ZoneInfo(settings.time_zone),
            RunRetention(engine, timedelta(days=settings.runs_retention_days)),
        ),
        hooks=hooks,
        run_watches=RunWatches(run_jobs, seconds=jobs.pace.status_seconds),
        coupling_watches=CouplingWatches(books.changes, seconds=jobs.pace.status_seconds),
        troubles=Troubles(engine),
        web=WebClients(
            settings.business_central_web_url or web_root(settings.business_central_url), settings.dataverse_url
        ),
        jobs=jobs,
        reading=desks.reading,
        capabilities=capabilities,
        company=settings.company_id,
        max_page_size=settings.max_page_size,
        deadline_seconds=settings.request_deadline_seconds,
        modules=settings.modules,
        extension_api=settings.extension_api,
        look_ahead=timedelta(days=settings.look_ahead_days),
        record_branches=branches_of(shipped.values()),
        today=_today(settings),
    )


def _beside(settings: Settings) -> dict[RunKind, RunBeside]:
    """Runs that synchronize no fields."""
    today, ahead = _today(settings), timedelta(days=settings.look_ahead_days)
    pushing = Pushing(lambda: Setting(today(), datetime.now(UTC), ahead, settings.modules, settings.extension_api))
    return {
        RunKind.RECONCILE: reconcile,
        RunKind.STATISTICS: pushing.statistics,
        RunKind.STOCK: pushing.stock,
    }


def _today(settings: Settings) -> Callable[[], date]:
    zone, fixed = ZoneInfo(settings.time_zone), settings.work_date
    return lambda: fixed or datetime.now(zone).date()


def _authenticator(settings: Settings, http: httpx.AsyncClient) -> Authenticator:
    trust = Trust(settings.token_authority, settings.tenant_id, settings.audiences)
    return Authenticator(trust, SigningKeys(trust.keys_url, http))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInputError)  # noqa: S101 - registered for nothing else
    body = {"data": None, "errors": [{"message": error.message, "extensions": error.extensions}]}
    return JSONResponse(body, status_code=400)


async def _unauthenticated(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnauthenticatedError)  # noqa: S101 - registered for nothing else
    body = {"data": None, "errors": [{"message": error.message, "extensions": error.extensions}]}
    return JSONResponse(body, status_code=401, headers={"WWW-Authenticate": "Bearer"})


async def _correlated(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """One id from the caller to both backends, in every line of the log, and back to the caller."""
    name = correlation_id(request.headers.get(CORRELATION_HEADER))
    request.state.correlation_id = name
    if _asks_for_a_page(request):
        return graphiql_page()
    with structlog.contextvars.bound_contextvars(correlation_id=name):
        response = await call_next(request)
    response.headers[CORRELATION_HEADER] = name
    return response


def _asks_for_a_page(request: Request) -> bool:
    """A browser that was pointed at the endpoint: it gets GraphiQL, which signs in by itself."""
    return (
        request.method == "GET"
        and request.url.path == "/graphql"
        and not request.url.query
        and "text/html" in request.headers.get("accept", "")
    )


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
