"""The demo: gateway, sandbox and GraphiQL as one application on one port. Wiring only."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.routing import BaseRoute

from gateway.app import create_app
from gateway.auth.introspection import Introspection
from gateway.backends import Networks
from gateway.config import Settings
from gateway.couplings.coupling import Coupling, Mapping, Result
from gateway.couplings.store import CouplingFilter, CouplingStore
from gateway.errors import ConfigError
from gateway.figures.documents import Module
from gateway.graphiql.page import PersonChoice, SignIn, graphiql_routes
from gateway.jobs.engine import Pace
from gateway.odata.choice import Choice
from gateway.sandbox.app import Addresses, Sandbox
from gateway.sandbox.business_central.apis import AVAILABILITY
from gateway.sandbox.company import story
from gateway.sandbox.company.couplings import DemoCoupling
from gateway.sandbox.company.demo import DemoCompany, demo_company
from gateway.sandbox.company.story import STORY_DATE
from gateway.sandbox.identity.people import (
    DEMO_PEOPLE,
    GATEWAY_CLIENT_ID,
    GATEWAY_RESOURCE,
    GRAPHIQL_CLIENT_ID,
    TENANT_ID,
)
from gateway.triggers.notices import HookPace
from schema.example import EXAMPLE_QUERY

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Demo:
    """What is shown to the person who started it."""

    app: FastAPI
    settings: Settings
    sandbox: Sandbox


def create_demo(
    sandbox: Sandbox,
    database_url: str,
    *,
    networks: Networks | None = None,
    pace: Pace | None = None,
    hook_pace: HookPace | None = None,
    **overrides: Any,
) -> Demo:
    """The gateway over a sandbox, with everything that makes it a demo; ``overrides`` are further settings."""
    settings = demo_settings(sandbox, database_url).model_copy(update=overrides)
    routes = [*sandbox.routes(), *graphiql()]

    async def prepare(store: CouplingStore) -> None:
        await seed_couplings(store, sandbox.company)

    app = create_app(
        settings,
        networks=networks,
        routes=routes,
        prepare=prepare,
        beside=sandbox.running,
        alone=True,
        pace=pace,
        hook_pace=hook_pace,
    )
    return Demo(app, settings, sandbox)


def demo_settings(sandbox: Sandbox, database_url: str) -> Settings:
    """The settings of a gateway over this sandbox; others come from the environment as always."""
    return _settings(sandbox.addresses, sandbox.identity.client_secret, database_url)


def settings_of_demo(folder: Path, base: str) -> Settings:
    """The settings of the demo that keeps its data in this folder and answers at this address, if it runs.

    Raises:
        ConfigError: there is no demo in the folder.
    """
    try:
        secret = (folder / "identity" / "gateway-client-secret").read_text(encoding="utf-8")
        (folder / "gateway.db").stat()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"there is no demo in the folder {folder}; start one with `gateway demo`") from None
    return _settings(Addresses(base.rstrip("/"), demo_company()), secret, database_url(folder))


def _settings(addresses: Addresses, client_secret: str, database_url: str) -> Settings:
    company = addresses.company
    return Settings(
        tenant_id=TENANT_ID,
        client_id=GATEWAY_CLIENT_ID,
        client_secret=SecretStr(client_secret),
        authority=addresses.authority,
        audience=GATEWAY_RESOURCE,
        business_central_url=addresses.business_central,
        business_central_scope="https://api.businesscentral.dynamics.com/.default",
        company_id=UUID(company.company_id),
        local_currency_code=company.currency_code,
        extension_api=AVAILABILITY.route,
        modules=frozenset({Module.SERVICE, Module.PREPAYMENTS}),
        work_date=STORY_DATE,
        dataverse_url=addresses.dataverse,
        dataverse_scope=f"{addresses.dataverse}/.default",
        database_url=SecretStr(database_url),
        introspection=Introspection.EVERYBODY,  # GraphiQL asks for it, whoever signs in there
    )


def graphiql() -> list[BaseRoute]:
    people = [PersonChoice(person.name.capitalize(), person.user_name, person.password) for person in DEMO_PEOPLE]
    sign_in = SignIn(
        f"/sandbox/identity/{TENANT_ID}/oauth2/v2.0/token", GRAPHIQL_CLIENT_ID, f"{GATEWAY_RESOURCE}/access_as_user"
    )
    return list(graphiql_routes(endpoint="/graphql", people=people, sign_in=sign_in, default_query=EXAMPLE_QUERY))


async def seed_couplings(store: CouplingStore, company: DemoCompany) -> None:
    """The demo company's couplings, if there are none yet: what people changed since stays."""
    if await store.count(CouplingFilter(company_id=UUID(company.company_id))):
        return
    waiting = company.couplings()
    while batch := [_coupling(each) for each in islice(waiting, _BATCH)]:
        await store.add(batch)


def _coupling(demo: DemoCoupling) -> Coupling:
    mapping, company = Mapping(demo.mapping), UUID(demo.company_id)
    return Coupling(
        id=uuid5(company, f"{mapping}:{demo.bc_id}"),
        mapping=mapping,
        company_id=company,
        bc_id=UUID(demo.bc_id),
        crm_id=_crm_id(demo),
        bc_key=demo.bc_natural_key,
        crm_key=demo.crm_natural_key,
        last_synchronized_at=demo.last_synchronized_at,
        bc_modified_at=demo.bc_modified_at,
        crm_modified_at=demo.crm_modified_at,
        last_result_to_bc=Result(demo.last_result_to_bc) if demo.last_result_to_bc else None,
        last_result_to_crm=Result(demo.last_result_to_crm) if demo.last_result_to_crm else None,
        base=_BASES.get((mapping, demo.bc_natural_key)),
        skipped=demo.skipped,
        error_code=demo.error_code,
        error_message=demo.error_message,
        created_at=demo.last_synchronized_at,
        created_by="demo",
    )


def _crm_id(demo: DemoCoupling) -> UUID:
    if demo.option is None:
        return UUID(demo.crm_id)
    table, column, value = demo.option
    return Choice(table, column).option_id(value)


_BASES = {
    (Mapping.CUSTOMER, story.CONFLICT): {"phoneNumber": story.CONFLICT_PHONE.synchronized},
    (Mapping.CUSTOMER, story.CHANGED_IN_BC): {"phoneNumber": story.BC_PHONE.synchronized},
    (Mapping.CUSTOMER, story.CHANGED_IN_CRM): {"phoneNumber": story.CRM_PHONE.synchronized},
    (Mapping.ITEM, story.ITEM_CONFLICT): {"displayName": story.ITEM_NAME.synchronized},
}
"""What both sides held where one has changed since."""


def database_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder.resolve() / 'gateway.db'}"
