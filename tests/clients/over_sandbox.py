"""Our clients over the sandbox, in one process: real tokens, real simulators, no sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from gateway.auth.credentials import Credentials
from gateway.auth.entra import Entra
from gateway.auth.tokens import BearerAuth, ClientCredentialsProvider
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.dataverse import DataverseClient
from gateway.clients.wire import Patience
from gateway.records import Backend
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import GATEWAY_CLIENT_ID


@dataclass
class Counted(httpx.AsyncBaseTransport):
    """The way to the sandbox, with a note of what went along it."""

    inner: httpx.AsyncBaseTransport
    seen: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return await self.inner.handle_async_request(request)


@dataclass(frozen=True)
class Clients:
    """Both clients, acting as the gateway's application; ``identity`` has seen every request for a token."""

    business_central: BusinessCentralClient
    dataverse: DataverseClient
    company: UUID
    identity: Counted

    def in_company(self, entity_set: str) -> str:
        return self.business_central.path(entity_set, company=self.company)


@asynccontextmanager
async def clients_over(sandbox: Sandbox, patience: Patience | None = None) -> AsyncIterator[Clients]:
    """Clients with the gateway's own limits and, unless told otherwise, its own patience."""
    network = httpx.ASGITransport(app=sandbox.app())
    identity = Counted(network)
    addresses = sandbox.addresses
    credentials = Credentials(addresses.authority, GATEWAY_CLIENT_ID, sandbox.identity.client_secret)
    async with httpx.AsyncClient(transport=identity) as http:

        def auth(backend: Backend, resource: str) -> BearerAuth:
            scope = f"{resource}/.default"
            return BearerAuth(ClientCredentialsProvider(entra=Entra(credentials, http), scope=scope, backend=backend))

        central = BusinessCentralClient(
            base_url=addresses.business_central,
            auth=auth(Backend.BUSINESS_CENTRAL, "https://api.businesscentral.dynamics.com"),
            network=network,
            patience=patience,
        )
        dataverse = DataverseClient(
            organization_url=addresses.dataverse,
            auth=auth(Backend.DATAVERSE, addresses.dataverse),
            network=network,
            patience=patience,
        )
        try:
            yield Clients(central, dataverse, UUID(sandbox.company.company_id), identity)
        finally:
            await central.close()
            await dataverse.close()
