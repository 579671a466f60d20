"""The clients of both systems, and who acts there: the application of the settings, or the caller."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateway.auth.caller import Caller
from gateway.auth.credentials import Credentials
from gateway.auth.entra import Entra
from gateway.auth.on_behalf_of import NobodyToActFor, OnBehalfOf
from gateway.auth.tokens import BearerAuth, ClientCredentialsProvider
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import AS_APPLICATION, Acting
from gateway.clients.dataverse import DataverseClient
from gateway.clients.wire import Patience
from gateway.config import ActsAs, Settings
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
    """Both clients. Whoever says nothing else acts as the application."""
    async with identity_http(networks) as identity:
        backends = _clients(settings, networks, identity)
        try:
            yield backends
        finally:
            await backends.business_central.close()
            await backends.dataverse.close()


def _clients(settings: Settings, networks: Networks, identity_http: httpx.AsyncClient) -> Backends:
    credentials = Credentials(settings.token_authority, settings.client_id, settings.proof())
    entra = Entra(credentials, identity_http)
    scopes = {
        Backend.BUSINESS_CENTRAL: settings.business_central_scope,
        Backend.DATAVERSE: settings.dataverse_token_scope,
    }
    acts = {Backend.BUSINESS_CENTRAL: settings.business_central_as, Backend.DATAVERSE: settings.dataverse_as}
    personal = {
        backend: OnBehalfOf(entra=entra, scope=scopes[backend], backend=backend)
        for backend in Backend
        if acts[backend] is ActsAs.ON_BEHALF_OF
    }

    def auth(backend: Backend) -> BearerAuth:
        return BearerAuth(ClientCredentialsProvider(entra=entra, scope=scopes[backend], backend=backend))

    return Backends(
        business_central=BusinessCentralClient(
            base_url=settings.business_central_url,
            auth=auth(Backend.BUSINESS_CENTRAL),
            network=networks.business_central,
            places=settings.business_central_places,
            patience=networks.patience,
        ),
        dataverse=DataverseClient(
            organization_url=settings.dataverse_url,
            auth=auth(Backend.DATAVERSE),
            network=networks.dataverse,
            places=settings.dataverse_places,
            patience=networks.patience,
        ),
        acting=lambda caller: _acting(caller, personal, home=settings.tenant_id),
    )


def _acting(caller: Caller, personal: Mapping[Backend, OnBehalfOf], *, home: str) -> Acting:
    """At the backends where each caller's own rights decide, the caller."""
    if not personal:
        return AS_APPLICATION
    return Acting(caller.identity, {each: _auth(caller, each, tokens, home) for each, tokens in personal.items()})


def _auth(caller: Caller, backend: Backend, tokens: OnBehalfOf, home: str) -> BearerAuth:
    """Raises nothing: who cannot be acted for is told so at the backend's own fields."""
    if caller.is_application or caller.assertion is None:
        why = f"{backend.label} is asked on behalf of the person who asks, and you are an application."
        return BearerAuth(NobodyToActFor(backend, why, "Call with the token of a person who signed in."))
    if caller.tenant_id != home:
        why = f"{backend.label} is asked on behalf of the person who asks, and you belong to another tenant."
        return BearerAuth(NobodyToActFor(backend, why, "Sign in to the gateway's own tenant, as a guest there."))
    return BearerAuth(tokens.of(caller.assertion))
