"""The sandbox as a whole: both simulators, the identity stand-in and the admin endpoints below one address.

::

    /sandbox/bc/v2.0/{tenant}/{environment}/api/v2.0/…    Business Central
    /sandbox/dataverse/api/data/v9.2/…                     Dataverse
    /sandbox/identity/{tenant}/…                           Entra ID
    /sandbox/admin/…                                       request log, latency
"""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from gateway.sandbox.admin import admin_app
from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.business_central.app import load_model as business_central_model
from gateway.sandbox.company.demo import DemoCompany, demo_company
from gateway.sandbox.dataverse.app import dataverse_app, dataverse_model
from gateway.sandbox.identity.app import identity_app
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE
from gateway.sandbox.identity.tokens import Identity
from gateway.sandbox.observation import Latency, Observed, RequestLog
from gateway.sandbox.store import Store

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


@dataclass(slots=True)
class Sandbox:
    """What is running. Close it to close its files."""

    company: DemoCompany
    addresses: Addresses
    identity: Identity
    business_central: Store
    dataverse: Store
    log: RequestLog = field(default_factory=RequestLog)
    latency: Latency = field(default_factory=Latency)

    def routes(self) -> list[BaseRoute]:
        """To be mounted at the root of an application."""
        company = self.company
        central = business_central_app(
            self.business_central,
            verify=self.identity.verifier(BUSINESS_CENTRAL_RESOURCE),
            tenant=company.tenant_id,
            environment=company.environment,
        )
        dataverse = dataverse_app(self.dataverse, verify=self.identity.verifier(self.addresses.dataverse))
        return [
            Mount("/sandbox/bc", Observed(central, self.log, BUSINESS_CENTRAL, self.latency)),
            Mount("/sandbox/dataverse", Observed(dataverse, self.log, DATAVERSE, self.latency)),
            Mount("/sandbox/identity", identity_app(self.identity)),
            Mount("/sandbox/admin", admin_app(self.log, self.latency)),
        ]

    def app(self) -> Starlette:
        return Starlette(routes=self.routes())

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
    for store, sets in ((central, company.business_central), (dataverse, company.dataverse)):
        if store.fingerprint != company.fingerprint:
            store.clear()
            for name, rows in sets():
                store.seed(name, rows)
            store.fingerprint = company.fingerprint
    identity = Identity(folder / "identity" if folder else None, issuer_base=addresses.identity)
    return Sandbox(company, addresses, identity, central, dataverse)
