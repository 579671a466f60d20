"""The clients of both systems, acting as the application of the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateway.auth.tokens import BearerAuth, ClientCredentialsProvider, Credentials
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.dataverse import DataverseClient
from gateway.clients.wire import Patience
from gateway.config import Settings
from gateway.records import Backend
from schema.context import Backends


@dataclass(frozen=True, slots=True)
class Networks:
    """How each far end is reached; None is the real network. Tests put transports of their own here.

    ``patience`` is how the clients of the two systems deal with one that does not answer; None: as always.
    """

    business_central: httpx.AsyncBaseTransport | None = None
    dataverse: httpx.AsyncBaseTransport | None = None
    identity: httpx.AsyncBaseTransport | None = None
    patience: Patience | None = None


def identity_http(networks: Networks) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=networks.identity, timeout=5)  # less than a request's own deadline


@asynccontextmanager
async def clients_of(settings: Settings, networks: Networks) -> AsyncIterator[Backends]:
    """Both clients, acting as the application of the settings."""
    async with identity_http(networks) as identity:
        backends = _clients(settings, networks, identity)
        try:
            yield backends
        finally:
            await backends.business_central.close()
            await backends.dataverse.close()


def _clients(settings: Settings, networks: Networks, identity_http: httpx.AsyncClient) -> Backends:
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
