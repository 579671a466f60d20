"""What an administrator's action works with: both backends, our couplings, who asks, in which company.

One desk serves one GraphQL request, or one step of a job.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from gateway.clients.call import APPLICATION, Call, Deadline
from gateway.clients.client import ODataClient
from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Cause, Coupling, Doing, Intent, Mapping
from gateway.couplings.intents import Intents
from gateway.couplings.store import CouplingStore
from gateway.reading.company_facts import CrmCompany
from gateway.reading.levels import Reading
from gateway.reading.lookup import Asking, Paths, Scope
from gateway.reading.need import Source
from gateway.reading.trace import Trace
from gateway.records import Backend
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings

T = TypeVar("T")
U = TypeVar("U")


async def side_by_side(first: Awaitable[T], second: Awaitable[U]) -> tuple[T, U]:
    """Both at once; when one fails the other is waited for, so that what it cost is known, and the first error is raised."""
    left, right = await all_of(first, second)
    return left, right


async def all_of(*asked: Awaitable[Any]) -> list[Any]:
    """As :func:`side_by_side`, any number of them."""
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes


@dataclass(frozen=True, slots=True)
class Books:
    """Our own tables of couplings."""

    couplings: CouplingStore
    changes: CouplingChanges
    intents: Intents


class Mappings(Protocol):
    """Mappings as the installation has them, and as companies do."""

    @property
    def shipped(self) -> TableMappings: ...

    async def table_mapping(self, mapping: Mapping, company_id: UUID) -> TableMapping:
        """Raises: DatabaseError."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """``by`` is who acts, for the history; ``longest_request`` how long any request of this gateway may last.

    Without ``mappings`` they are as shipped.
    """

    books: Books
    paths: Paths
    reading: Reading
    asking: Asking
    company: UUID
    by: str
    longest_request: timedelta
    mappings: Mappings | None = None

    @property
    def tables(self) -> TableMappings:
        """The mappings of this installation, before a company changes them."""
        return TABLE_MAPPINGS if self.mappings is None else self.mappings.shipped

    async def mapping(self, name: Mapping) -> TableMapping:
        """A mapping as this company has it: a question to our own database.

        Raises:
            DatabaseError: it does not answer.
            InvalidInputError: it is a place of the installation's own that is not filled.
        """
        return TABLE_MAPPINGS[name] if self.mappings is None else await self.mappings.table_mapping(name, self.company)

    def client(self, source: Source) -> ODataClient:
        return self.paths.client(source)

    def path(self, source: Source) -> str:
        return self.paths.path(source, self.company)

    @contextmanager
    def calling(self) -> Iterator[Call]:
        """A call whose exchanges follow what was done so far; calls begun at the same moment count as side by side."""
        after = self.asking.trace.round_trips
        call = self.asking.call()
        try:
            yield call
        finally:
            self.asking.trace.add(call.exchanges, after=after)

    def told(self, coupling: Coupling) -> Coupling:
        """A coupling as a sentence may speak of it: without numbers that only the rights of others may have shown."""
        bc, crm = (self.asking.is_personal(each) for each in (Backend.BUSINESS_CENTRAL, Backend.DATAVERSE))
        return replace(coupling, bc_key=None if bc else coupling.bc_key, crm_key=None if crm else coupling.crm_key)

    async def crm_company(self) -> CrmCompany | None:
        """How CRM marks what belongs to this company; None when it does not. Raises: BackendError."""
        return await self.reading.facts.crm_company(self.company, self.asking, after=self.asking.trace.round_trips)

    async def marks_companies(self) -> bool:
        """Whether CRM's rows say which company they belong to: the integration solution is installed. Raises: BackendError."""
        return await self.reading.facts.marks_companies(self.asking, after=self.asking.trace.round_trips)

    def is_broken_off(self, intent: Intent) -> bool:
        """Whether whoever began this no longer waits for it."""
        return (intent.until or intent.created_at + self.longest_request) < datetime.now(UTC)

    def intent(self, coupling_id: UUID, *, to_crm: bool) -> Intent:
        """That we are about to create a side of this coupling, for as long as our own time lasts."""
        now = datetime.now(UTC)
        return Intent(coupling_id, to_crm, now, now + timedelta(seconds=max(0.0, self.asking.deadline.remaining)))

    def doing(self, cause: Cause, job: UUID | None = None) -> Doing:
        return Doing(self.by, datetime.now(UTC), cause, job)


@dataclass(frozen=True, slots=True)
class Desks:
    """Desks for work that no request waits for. Nobody is there whose rights could decide: it is done as the application."""

    books: Books
    paths: Paths
    reading: Reading
    longest_request: timedelta
    mappings: Mappings | None = None

    def of_job(self, company: UUID, by: str, *, seconds: float, name: str) -> Desk:
        """One for a step of a job, which may take so long; ``name`` goes to the backends as correlation id."""
        asking = Asking(Scope(APPLICATION, company), Deadline.after(seconds), Trace(), name)
        return Desk(self.books, self.paths, self.reading, asking, company, by, self.longest_request, self.mappings)
