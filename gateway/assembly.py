"""Every object of a running gateway, built from the settings and closed in reverse. Wiring only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import httpx
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.admission.allowance import Rates
from gateway.admission.buckets import RedisBuckets
from gateway.admission.rate_limit import RateLimit
from gateway.answers.plan import Setting
from gateway.audit.proxies import Proxies
from gateway.audit.trail import AuditTrail
from gateway.auth.caller import Authenticator, Trust
from gateway.auth.security_roles import SECURITY_ROLES, SecurityRoles
from gateway.auth.signing_keys import SigningKeys
from gateway.backends import Networks, clients_of, identity_http
from gateway.clients.call import Call, Deadline
from gateway.clients.dataverse import DataverseClient
from gateway.config import RolesFrom, Settings
from gateway.couplings.changes import CouplingChanges
from gateway.couplings.intents import Intents
from gateway.couplings.plans import MatchPlans
from gateway.couplings.store import CouplingStore
from gateway.couplings.watching import CouplingWatches
from gateway.database import create_engine, upgrade
from gateway.jobs.database import jobs_database_url
from gateway.jobs.engine import Pace
from gateway.jobs.jobs import Jobs
from gateway.jobs.retention import Retention
from gateway.manifest import read_manifest
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
from gateway.reading.sight import Sight
from gateway.reading.sources import COUPLINGS
from gateway.redis_server import SharedCache, redis_at
from gateway.runs.following import RunFollowing
from gateway.runs.own_mappings import installed
from gateway.runs.own_places import keep_meanings
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
from gateway.sync.desk import Books, Desks
from gateway.sync.links import WebClients, web_root
from gateway.sync.mappings import TABLE_MAPPINGS, sides_of
from gateway.telemetry import log
from gateway.triggers.hooks import hooks_of
from gateway.triggers.notices import HookPace
from gateway.triggers.run_history import RunHistory
from gateway.triggers.schedule_store import ScheduleStore
from gateway.triggers.schedules import Schedules
from schema.context import Backends, CouplingPairs, Services
from schema.coupled_records import branches_of
from schema.documents import PreparedDocuments
from schema.limits import Limits
from schema.persisted import PersistedDocuments, checked_manifest
from schema.root import build_schema

Prepare = Callable[[CouplingStore], Awaitable[None]]
"""Something to do with the coupling store once its tables are there (the demo's couplings)."""

ROLES_SECONDS: Final = 5.0
"""How long a request waits for CRM to say which roles its caller has."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the lifespan built."""

    engine: AsyncEngine
    services: Services
    authenticator: Authenticator
    recovered: asyncio.Event


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
        await keep_meanings(engine, installed(settings.mappings_file).tables)
        store = CouplingStore(engine)
        if prepare is not None:
            await prepare(store)
        async with (
            identity_http(networks) as identity,
            clients_of(settings, networks) as backends,
            _jobs(settings, pace, carry_out=carry_out) as jobs,
            redis_at(settings.redis_url.get_secret_value() if settings.redis_url else None) as redis,
        ):
            books = books_of(engine)
            services = _services(settings, backends, books, engine, jobs, hook_pace, redis)
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
                yield Running(engine, services, _authenticator(settings, identity, backends.dataverse), recovered)
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
        await services.run_following.close()


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
        sight=Sight(lookups, sides_of(mappings.shipped if mappings is not None else TABLE_MAPPINGS)),
    )
    return Desks(books, backends, reading, timedelta(seconds=settings.request_deadline_seconds), mappings)


def _services(
    settings: Settings,
    backends: Backends,
    books: Books,
    engine: AsyncEngine,
    jobs: Jobs,
    hook_pace: HookPace | None,
    redis: Redis | None,
) -> Services:
    plans, capabilities = MatchPlans(engine), Capabilities()
    own = installed(settings.mappings_file)
    mappings = MappingSettings(engine, own.tables, own.policies)
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
        run_following=RunFollowing(run_jobs.runs, seconds=jobs.pace.status_seconds),
        troubles=Troubles(engine),
        web=WebClients(
            settings.business_central_web_url or web_root(settings.business_central_url), settings.dataverse_url
        ),
        jobs=jobs,
        reading=desks.reading,
        capabilities=capabilities,
        audit=AuditTrail(engine),
        proxies=Proxies(settings.trusted_proxies or ()),
        company=settings.company_id,
        introspection=settings.introspection,
        max_page_size=settings.max_page_size,
        max_cost=settings.max_cost or None,
        deadline_seconds=settings.request_deadline_seconds,
        modules=settings.modules,
        extension_api=settings.extension_api,
        look_ahead=timedelta(days=settings.look_ahead_days),
        record_branches=branches_of(own.tables.values()),
        documents=PreparedDocuments(limits_of(settings)),
        persisted=PersistedDocuments(
            trusted_documents(settings), settings.documents, SharedCache(redis) if redis is not None else None
        ),
        rates=_rate_limit(settings, redis),
        today=_today(settings),
    )


def limits_of(settings: Settings) -> Limits:
    """How large documents may be."""
    return Limits(
        depth=settings.max_depth,
        fields=settings.max_fields,
        root_fields=settings.max_root_fields,
        aliases=settings.max_aliases,
        directives=settings.max_directives,
        list_values=settings.max_list_values,
        tokens=settings.max_tokens,
        characters=settings.max_characters,
    )


def trusted_documents(settings: Settings) -> Mapping[str, str]:
    """The manifest's documents by id; none without a manifest.

    Raises:
        ConfigError: naming all that cannot be carried out.
    """
    if settings.documents_file is None:
        return {}
    schema, documents = build_schema()._schema, PreparedDocuments(limits_of(settings))
    return checked_manifest(read_manifest(settings.documents_file), lambda text: documents.problem(text, schema))


def _rate_limit(settings: Settings, redis: Redis | None) -> RateLimit:
    rates = Rates(settings.rate_per_minute, settings.rate_burst, settings.rate_cost_per_minute)
    return RateLimit(rates, RedisBuckets(rates, redis) if redis is not None else None)


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


def _authenticator(settings: Settings, http: httpx.AsyncClient, dataverse: DataverseClient) -> Authenticator:
    trust = Trust(settings.token_authority, settings.tenant_id, settings.audiences)
    further = [trust.of_tenant(each) for each in sorted((settings.tenants or frozenset()) - {settings.tenant_id})]
    return Authenticator(
        trust,
        SigningKeys(trust.keys_url, http),
        further=[(each, SigningKeys(each.keys_url, http)) for each in further],
        source=_security_roles(settings, dataverse),
    )


def _security_roles(settings: Settings, dataverse: DataverseClient) -> SecurityRoles | None:
    """Always asked for as the application: a caller need not be allowed to read roles."""
    if settings.roles_from is RolesFrom.TOKEN:
        return None
    return SecurityRoles(
        lambda who: dataverse.security_roles(who, call=Call(Deadline.after(ROLES_SECONDS), "security-roles")),
        mapping=settings.security_roles or SECURITY_ROLES,
        home=settings.tenant_id,
        bound_seconds=settings.security_roles_seconds,
        beside_token=settings.roles_from is RolesFrom.BOTH,
    )
