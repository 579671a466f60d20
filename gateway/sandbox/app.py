"""The sandbox as a whole: both simulators, the identity stand-in and the admin endpoints below one address.

::

    /sandbox/bc/v2.0/{tenant}/{environment}/api/v2.0/…    Business Central
    /sandbox/dataverse/api/data/v9.2/…                     Dataverse
    /sandbox/identity/{tenant}/…                           Entra ID
    /sandbox/admin/…                                       switches: request log, faults, throttling, …
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from gateway.sandbox.admin import admin_app
from gateway.sandbox.business_central.apis import Features
from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.business_central.app import load_model as business_central_model
from gateway.sandbox.company.demo import DemoCompany, demo_company
from gateway.sandbox.dataverse.app import dataverse_app, dataverse_model
from gateway.sandbox.dataverse.delta_token import ChangeTracking
from gateway.sandbox.faults import Faults
from gateway.sandbox.faulty import Faulty
from gateway.sandbox.identity.app import identity_app
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE
from gateway.sandbox.identity.tokens import Identity
from gateway.sandbox.observation import Latency, Observed, RequestLog
from gateway.sandbox.outgoing import Outgoing
from gateway.sandbox.seeding import seed
from gateway.sandbox.store import Store
from gateway.sandbox.switches.expiry import delta_links_switch, tokens_switch
from gateway.sandbox.switches.faults import faults_switch
from gateway.sandbox.switches.features import features_switch
from gateway.sandbox.switches.switch import Switch
from gateway.sandbox.switches.throttling import throttling_switch
from gateway.sandbox.switches.webhooks import webhooks_switch
from gateway.sandbox.throttled import BusinessCentralThrottled, DataverseThrottled
from gateway.sandbox.throttling import Throttles
from gateway.sandbox.webhooks.delivery import DeliveryLog

BUSINESS_CENTRAL = "business-central"
DATAVERSE = "dataverse"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts are found under ``base`` (scheme, host and port)."""

    base: str
    company: DemoCompany

    @property
    def business_central(self) -> str:
        return f"{self.base}/sandbox/bc/v2.0/{self.company.tenant_id}/{self.company.environment}/api/v2.0"

    @property
    def dataverse(self) -> str:
        return f"{self.base}/sandbox/dataverse"

    @property
    def identity(self) -> str:
        return f"{self.base}/sandbox/identity"

    @property
    def authority(self) -> str:
        return f"{self.identity}/{self.company.tenant_id}"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Sandbox:
    """What is running. Close it to close its files. `now` is the clock of both simulators, and may be set."""

    company: DemoCompany
    addresses: Addresses
    identity: Identity
    business_central: Store
    dataverse: Store
    log: RequestLog = field(default_factory=RequestLog)
    latency: Latency = field(default_factory=Latency)
    faults: Faults = field(default_factory=Faults)
    throttles: Throttles = field(default_factory=Throttles)
    tracking: ChangeTracking = field(default_factory=ChangeTracking)
    features: Features = field(default_factory=Features)
    now: Callable[[], datetime] = utc_now
    outgoing: Outgoing = field(init=False)

    def __post_init__(self) -> None:
        self.outgoing = Outgoing(self.business_central, self.dataverse, now=self._clock)
        self.outgoing.sender.copies = lambda backend, target: 1 + self.faults.duplicates(backend, target)

    @property
    def deliveries(self) -> DeliveryLog:
        """The webhooks that were sent."""
        return self.outgoing.deliveries

    def running(self) -> AbstractAsyncContextManager[None]:
        """Webhooks are sent while it is entered; an application that mounts `routes()` enters it in its lifespan."""
        return self.outgoing.running()

    def _clock(self) -> datetime:
        return self.now()

    def routes(self) -> list[BaseRoute]:
        """To be mounted at the root of an application."""
        company = self.company
        central = business_central_app(
            self.business_central,
            verify=self.identity.verifier(BUSINESS_CENTRAL_RESOURCE),
            tenant=company.tenant_id,
            environment=company.environment,
            features=self.features,
            now=self._clock,
            handshake=self.outgoing.handshake,
        )
        dataverse = dataverse_app(
            self.dataverse,
            verify=self.identity.verifier(self.addresses.dataverse),
            now=self._clock,
            tracking=self.tracking,
        )
        return [
            Mount("/sandbox/bc", self._observed(self._throttled(central, BUSINESS_CENTRAL), BUSINESS_CENTRAL)),
            Mount("/sandbox/dataverse", self._observed(self._throttled(dataverse, DATAVERSE), DATAVERSE)),
            Mount("/sandbox/identity", identity_app(self.identity)),
            Mount("/sandbox/admin", admin_app(self.log, self.latency, *self._switches())),
        ]

    def _observed(self, app: ASGIApp, name: str) -> ASGIApp:
        return Observed(app, self.log, name, self.latency)

    def _throttled(self, simulator: ASGIApp, name: str) -> ASGIApp:
        """A request that hangs or is slow by a fault holds its place."""
        faulty = Faulty(simulator, self.faults, name)
        if name == BUSINESS_CENTRAL:
            verify = self.identity.verifier(BUSINESS_CENTRAL_RESOURCE)
            return BusinessCentralThrottled(faulty, self.throttles.business_central, verify)
        return DataverseThrottled(faulty, self.throttles.dataverse, self.identity.verifier(self.addresses.dataverse))

    def _switches(self) -> list[Switch]:
        return [
            faults_switch(self.faults),
            throttling_switch(self.throttles),
            features_switch(self.features),
            webhooks_switch(self.outgoing),
            tokens_switch(self.identity),
            delta_links_switch(self.dataverse),
        ]

    def app(self) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with self.running():
                yield

        return Starlette(routes=self.routes(), lifespan=lifespan)

    def close(self) -> None:
        with closing(self.business_central), closing(self.dataverse):
            pass


def open_sandbox(base: str, *, folder: Path | None, customers: int = 200, items: int = 300) -> Sandbox:
    """The sandbox that will answer at ``base``, with its data in ``folder`` (None: in memory).

    Data of an earlier start is kept, with every change made to it, unless another size is asked for.

    Raises:
        ValueError: fewer customers or items than the story needs.
        OSError: the folder cannot be used.
    """
    company = demo_company(customers=customers, items=items)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    addresses = Addresses(base.rstrip("/"), company)
    central = Store(business_central_model(), folder / "business-central.db" if folder else None)
    dataverse = Store(dataverse_model(), folder / "dataverse.db" if folder else None)
    seed(company, business_central=central, dataverse=dataverse)
    identity = Identity(folder / "identity" if folder else None, issuer_base=addresses.identity)
    return Sandbox(company, addresses, identity, central, dataverse)
