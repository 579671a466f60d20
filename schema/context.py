"""The few objects a resolver may touch."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import UUID

from strawberry.fastapi import BaseContext

from gateway.admission.rate_limit import RateLimit
from gateway.answers.plan import Setting
from gateway.audit.entry import Whereabouts
from gateway.audit.proxies import Proxies
from gateway.audit.trail import AuditTrail
from gateway.auth.caller import Caller
from gateway.auth.introspection import Introspection
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import AS_APPLICATION, Acting, Call, Deadline
from gateway.clients.client import ODataClient
from gateway.clients.dataverse import DataverseClient
from gateway.couplings.coupling import Coupling
from gateway.couplings.coupling import Mapping as CouplingMapping
from gateway.couplings.plans import MatchPlans
from gateway.couplings.store import CouplingStore, Side
from gateway.couplings.watching import CouplingWatches
from gateway.figures.documents import Module
from gateway.jobs.jobs import Jobs
from gateway.pairing.matches.plan_jobs import PlanJobs
from gateway.pairing.uncouple_jobs import UncoupleJobs
from gateway.reading.budget import Budget
from gateway.reading.capabilities import Capabilities
from gateway.reading.levels import Reading
from gateway.reading.lookup import Asking, Scope
from gateway.reading.need import Branch, Source
from gateway.reading.partners import Pair
from gateway.reading.reader import Reader
from gateway.reading.trace import Trace
from gateway.records import Backend, Values
from gateway.runs.following import RunFollowing
from gateway.runs.run_jobs import RunJobs
from gateway.runs.troubles import Troubles
from gateway.runs.watching import RunWatches
from gateway.sync.desk import Books, Desk, Desks
from gateway.sync.links import WebClients
from gateway.sync.mappings import TableMappings, not_filled
from gateway.triggers.hooks import Hooks
from gateway.triggers.schedules import Schedules
from schema.coupled_records import CouplingDetails
from schema.coupling_pages import values_of
from schema.documents import PreparedDocuments
from schema.persisted import PersistedDocuments


@dataclass(frozen=True, slots=True)
class Backends:
    """The two clients, where each set is found, and whom they are asked as on behalf of a caller."""

    business_central: BusinessCentralClient
    dataverse: DataverseClient
    acting: Callable[[Caller], Acting] = lambda caller: AS_APPLICATION

    def client(self, source: Source) -> ODataClient:
        if source.backend is Backend.DATAVERSE:
            return self.dataverse if source.choice is None else self.dataverse.choice(source.choice)
        return self.business_central if source.api is None else self.business_central.api(source.api)

    def path(self, source: Source, company: UUID | None) -> str:
        if source.backend is Backend.DATAVERSE:
            return source.name
        return self.business_central.path(source.name, company=company if source.in_company else None)


class CouplingPairs:
    """The coupling store, as reading wants to see it."""

    def __init__(self, store: CouplingStore) -> None:
        self._store = store

    async def by_id(self, mapping: str, company: UUID, backend: Backend, ids: Iterable[UUID]) -> Mapping[UUID, Pair]:
        return await self._store.find(CouplingMapping(mapping), company, _side(backend), ids)

    async def by_natural_key(
        self, mapping: str, company: UUID, backend: Backend, keys: Iterable[str]
    ) -> Mapping[str, Pair]:
        return await self._store.find_by_key(CouplingMapping(mapping), company, _side(backend), keys)

    async def everywhere(self, mapping: str, ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Pair]]:
        return await self._store.find_everywhere(CouplingMapping(mapping), ids)

    async def correct_keys(self, seen: Sequence[tuple[Pair, str]], backend: Backend) -> None:
        await self._store.correct_keys(_side(backend), {_coupling(pair).id: key for pair, key in seen})

    def values(self, pair: Pair) -> Values:
        return values_of(_coupling(pair))


def _coupling(pair: Pair) -> Coupling:
    assert isinstance(pair, Coupling)  # noqa: S101 - reading hands back what it was given
    return pair


def _side(backend: Backend) -> Side:
    return Side.BUSINESS_CENTRAL if backend is Backend.BUSINESS_CENTRAL else Side.DATAVERSE


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the process."""

    backends: Backends
    couplings: CouplingStore
    books: Books
    plans: MatchPlans
    desks: Desks
    plan_jobs: PlanJobs
    uncouple_jobs: UncoupleJobs
    run_jobs: RunJobs
    schedules: Schedules
    hooks: Hooks
    run_watches: RunWatches
    coupling_watches: CouplingWatches
    run_following: RunFollowing
    troubles: Troubles
    web: WebClients
    jobs: Jobs
    reading: Reading
    capabilities: Capabilities
    audit: AuditTrail
    proxies: Proxies
    company: UUID
    introspection: Introspection
    max_page_size: int
    max_cost: int | None
    deadline_seconds: float
    modules: frozenset[Module]
    extension_api: str | None
    look_ahead: timedelta
    record_branches: Mapping[str, Branch]
    documents: PreparedDocuments
    persisted: PersistedDocuments
    rates: RateLimit
    today: Callable[[], date]

    @property
    def tables(self) -> TableMappings:
        """The mappings of this installation."""
        return self.run_jobs.settings.shipped

    def require_filled(self, mapping: CouplingMapping | None) -> None:
        """Raises: InvalidInputError, when it is a place of the installation's own that is not filled."""
        if mapping is not None and mapping not in self.tables:
            raise not_filled(mapping)


class Context(BaseContext):
    """One GraphQL request, or one event of a subscription: who asks, how long it may take, what it has cost so far."""

    def __init__(
        self,
        services: Services,
        caller: Caller,
        *,
        correlation_id: str,
        explain: bool,
        whereabouts: Whereabouts | None = None,
    ) -> None:
        super().__init__()
        self.whereabouts = whereabouts or Whereabouts()
        self.services = services
        self.caller = caller
        self.correlation_id = correlation_id
        self.explain = explain
        self.acting = services.backends.acting(caller)
        self.renew()

    def renew(self) -> None:
        """As if it were asked anew: each event of a subscription has its own time, and its own costs."""
        services = self.services
        self.deadline = Deadline.after(services.deadline_seconds)
        self.trace = Trace()
        self.budget = Budget(services.max_cost, partial(services.rates.pay, self.caller.identity))
        self.read_at = datetime.now(UTC)
        self.today = services.today()
        self.steps = 0  # of plans
        self.details = CouplingDetails(self.desk, services.tables, services.books.changes, self.budget)

    @property
    def may_introspect(self) -> bool:
        """Whether the caller may ask for the schema, and be told of its names."""
        return self.services.introspection.allows(self.caller)

    def reader(self, company: UUID | None = None) -> Reader:
        """Reads on behalf of this request in one company, the configured one by default."""
        where = company or self.services.company
        return Reader(self.services.reading, self.asking(where), where, self.budget)

    @property
    def setting(self) -> Setting:
        """What of the settings and of the moment figures depend on."""
        services = self.services
        return Setting(self.today, self.read_at, services.look_ahead, services.modules, services.extension_api)

    def asking(self, company: UUID) -> Asking:
        scope = Scope(self.acting.identity, company, self.acting.personal)
        return Asking(scope, self.deadline, self.trace, self.correlation_id, self.acting)

    def desk(self, company: UUID | None = None) -> Desk:
        """For what changes couplings in one company, the configured one by default."""
        services, where = self.services, company or self.services.company
        return Desk(
            books=services.books,
            paths=services.backends,
            reading=services.reading,
            asking=self.asking(where),
            company=where,
            by=self.caller.name,
            longest_request=timedelta(seconds=services.deadline_seconds),
            mappings=services.desks.mappings,
        )

    def call(self) -> Call:
        """For a backend call of its own; its exchanges belong into the trace afterwards."""
        return Call(self.deadline, self.correlation_id, acting=self.acting)
