"""What tests of both simulators share: one good token, and a Business Central with a few rows of its own."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from gateway.sandbox.business_central.app import business_central_app, load_model
from gateway.sandbox.store import Store

COMPANY = "1b2c0000-0000-4000-8000-000000000001"
NOW = datetime(2026, 11, 16, 9, 30, 0, 120000, tzinfo=UTC)


def verify(token: str) -> Mapping[str, object]:
    """Accept the token "good" of an application and the token "user" of a person."""
    if token == "good":
        return {"idtyp": "app", "roles": ["API.ReadWrite.All"]}
    if token == "user":
        return {"scp": "Financials.ReadWrite.All"}
    raise ValueError("unknown token")


@pytest.fixture
def bc_store() -> Store:
    """A store with one company and nothing else."""
    store = Store(load_model(), None)
    store.seed("companies", [{"id": COMPANY, "name": "Fjord Wheels", "displayName": "Fjord Wheels BV"}])
    information = {"id": COMPANY, "displayName": "Fjord Wheels BV", "country": "NL", "currencyCode": "EUR"}
    store.seed("companyInformation", [information])
    return store


@pytest.fixture
async def bc(bc_store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose addresses are relative to the company."""
    numbers = count(1)
    app = business_central_app(
        bc_store,
        verify=verify,
        tenant="contoso.example",
        environment="Production",
        now=lambda: NOW,
        new_id=lambda: f"99990000-0000-4000-8000-{next(numbers):012d}",
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=f"http://bc/v2.0/contoso.example/Production/api/v2.0/companies({COMPANY})/",
        headers={"Authorization": "Bearer good"},
    ) as client:
        yield client
