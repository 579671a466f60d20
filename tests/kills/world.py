"""Two systems and a database in which a first run has been: prepared once, and copied for every kill."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy.engine import make_url

from gateway.config import Settings
from gateway.couplings.coupling import Coupling
from gateway.couplings.intents import Intents
from gateway.couplings.store import CouplingFilter, CouplingStore
from gateway.database import create_engine, upgrade
from gateway.demo import demo_settings, seed_couplings
from gateway.sandbox.app import Sandbox
from tests.databases import postgresql
from tests.kills.far_end import FarEnd
from tests.kills.gateway_client import Client
from tests.kills.people import TABLES, Kind, People, state
from tests.kills.process import Plan, start

_SPARES = 8


@dataclass(frozen=True, slots=True)
class Prepared:
    """What every kill begins with. ``pairs`` agree on everything, ``names`` are those of their records in Business Central."""

    folder: Path
    url: str
    pairs: list[Coupling]
    names: dict[UUID, str]
    runs: frozenset[str]
    failing: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Copy:
    """A world of one kill's own."""

    folder: Path
    sandbox: Sandbox
    settings: Settings

    def plan(self, number: int, *, alone: bool) -> Plan:
        """The process with this number."""
        return Plan(self.settings, alone, self.folder / f"epitaph-{number}", self.folder / "log")


@asynccontextmanager
async def prepared(end: FarEnd, database: str, folder: Path) -> AsyncIterator[Prepared]:
    """
    Args:
        database: ``sqlite`` or ``postgresql``.
    """
    files = folder / "sandbox"
    sandbox = end.open(files)
    with _empty(database, folder) as url:
        engine = create_engine(url)
        await upgrade(engine)
        await seed_couplings(CouplingStore(engine), sandbox.company)
        await engine.dispose()
        await People(end, Random(0)).spares(_SPARES)  # noqa: S311 - names
        settings = _unhurried(demo_settings(sandbox, url))
        gateway = await start(Plan(settings, False, folder / "epitaph", folder / "log"))
        client = Client(sandbox, [gateway])
        await client.let_nothing_begin_by_itself()
        for mapping in TABLES:
            await client.run(Kind.FULL, mapping, way="SEND", onlyCoupled=False)
        for mapping in (*TABLES, *TABLES):
            await client.run(Kind.MODIFIED, mapping)
        runs = frozenset(await client.jobs())
        await gateway.stop()
        couplings, _ = await kept(url)
        now = await state(end, couplings)
        pairs = [
            each
            for each in now.couplings
            if now.agree(each, [TABLES[each.mapping].name, TABLES[each.mapping].first, TABLES[each.mapping].second])
            and each.base is not None
            and each.error_code is None
            and not each.skipped
        ]
        names = {each.bc_id: str(now.bc[each.mapping][each.bc_id]["displayName"]) for each in pairs}
        failing = frozenset(each.id for each in now.couplings if each.error_code is not None)
        end.close()
        yield Prepared(folder, url, pairs, names, runs, failing)


def _unhurried(settings: Settings) -> Settings:
    """One client looks at everything, all the time."""
    return settings.model_copy(update={"rate_per_minute": 0, "rate_cost_per_minute": 0})


@contextmanager
def _empty(database: str, folder: Path) -> Iterator[str]:
    if database == "postgresql":
        with postgresql() as url:
            yield url
    else:
        yield f"sqlite+aiosqlite:///{folder / 'gateway.db'}"


@contextmanager
def copied(end: FarEnd, world: Prepared, folder: Path) -> Iterator[Copy]:
    """Open behind the far end, as long as this lasts."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(world.folder / "sandbox", folder / "sandbox")
    with _database(world, folder) as url:
        sandbox = end.open(folder / "sandbox")
        try:
            yield Copy(folder, sandbox, _unhurried(demo_settings(sandbox, url)))
        finally:
            end.close()


@contextmanager
def _database(world: Prepared, folder: Path) -> Iterator[str]:
    if world.url.startswith("sqlite"):
        for each in world.folder.glob("gateway*.db*"):
            shutil.copy(each, folder)
        yield f"sqlite+aiosqlite:///{folder / 'gateway.db'}"
    else:
        name = make_url(world.url).database
        assert name is not None
        with postgresql(template=name) as url:
            yield url


async def kept(url: str) -> tuple[list[Coupling], list[Any]]:
    """The couplings, and the creations that nobody finished, as the database has them."""
    engine = create_engine(url)
    try:
        couplings = await CouplingStore(engine).page(CouplingFilter(), after=None, limit=100_000)
        intents = Intents(engine)
        left = await intents.of([each.id for each in couplings])
        return couplings, list(left.values())
    finally:
        await engine.dispose()
