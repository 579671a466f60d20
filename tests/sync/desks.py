"""A desk over the sandbox, without GraphQL around it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from gateway.clients.call import Deadline
from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.intents import Intents
from gateway.couplings.store import Side
from gateway.reading.lookup import Asking, Scope
from gateway.reading.trace import Trace
from gateway.records import Backend
from gateway.sandbox.app import open_sandbox
from gateway.sync.desk import Books, Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found, Records
from tests.graphql.api import Api, start


@dataclass(frozen=True)
class Office:
    """A gateway over a sandbox of its own, and desks at it."""

    api: Api

    @property
    def company(self) -> UUID:
        return UUID(self.api.sandbox.company.company_id)

    def desk(self) -> Desk:
        """One with a trace of its own."""
        running = self.api.app.state.running
        services, engine = running.services, running.engine
        asking = Asking(Scope("application", self.company), Deadline.after(30), Trace(), "test")
        books = Books(services.couplings, CouplingChanges(engine), Intents(engine))
        return Desk(books, services.backends, services.reading, asking, self.company, "test", timedelta(seconds=30))

    async def found(self, mapping: Mapping, backend: Backend, *numbers: str) -> list[Found]:
        """Records by their numbers, in that order."""
        records = Records(self.desk(), TABLE_MAPPINGS[mapping], backend)
        by_number = {each.number: each for each in await records.by_numbers(numbers)}
        return [by_number[each] for each in numbers]

    async def one(self, mapping: Mapping, backend: Backend, id: UUID) -> Found:
        records = Records(self.desk(), TABLE_MAPPINGS[mapping], backend)
        return (await records.by_id([id]))[id]

    async def coupled(self, mapping: Mapping, number: str) -> tuple[Found, Found]:
        """A record of Business Central by its number, and its partner."""
        (bc,) = await self.found(mapping, Backend.BUSINESS_CENTRAL, number)
        coupling = await self.coupling(mapping, bc.id)
        return bc, await self.one(mapping, Backend.DATAVERSE, coupling.crm_id)

    async def coupled_opportunity(self, number: str) -> tuple[Found, Found]:
        """As :meth:`coupled`; both sides hold the same."""
        bc, crm = await self.coupled(Mapping.OPPORTUNITY, number)
        return bc, replace(crm, values={**crm.values, "estimatedvalue": bc.values["estimatedValue"]})

    async def coupling(self, mapping: Mapping, bc_id: UUID) -> Coupling:
        store = self.api.app.state.running.services.couplings
        found: dict[UUID, Coupling] = await store.find(mapping, self.company, Side.BUSINESS_CENTRAL, [bc_id])
        return found[bc_id]


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        opened = open_sandbox("http://localhost", folder=folder / "sandbox")
        stack.callback(opened.close)
        yield Office(await start(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}", stack))


def mapping_of(name: Mapping) -> TableMapping:
    return TABLE_MAPPINGS[name]
