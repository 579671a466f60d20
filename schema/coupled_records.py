"""The two records of a coupling, read beside it, and what is made of them: for all couplings of a request together.

The records are hidden branches of the coupling's need: a page of couplings costs one request for each set, whatever its length.
What needs more than the records waits until every coupling of the answer has asked for it, and is then read at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from strawberry.dataloader import DataLoader

from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Coupling, HistoryEntry, Mapping
from gateway.errors import GatewayError, InvalidInputError
from gateway.reading.budget import Budget
from gateway.reading.need import Branch, ByKey, Need, Source
from gateway.reading.row import Failure, Row
from gateway.reading.sight import is_hidden
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.differences import CouplingSide, Difference, Pairing, read_differences
from gateway.sync.mapping import Table, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings
from gateway.sync.records import Found
from schema.costs import DIFFERENCES

_IDS = {Backend.BUSINESS_CENTRAL: "bc_id", Backend.DATAVERSE: "crm_id"}


def _name(mapping: Mapping, backend: Backend) -> str:
    """``$`` begins no response key."""
    return f"$record {mapping} {backend}"


def _branch(mapping: TableMapping, backend: Backend) -> Branch:
    """The record of one side with all that is compared. Rows of sets that are kept elsewhere are read anew here."""
    source = replace(mapping.table(backend).source, reference=False)
    link = ByKey(_IDS[backend], source.key, when=("mapping", frozenset({mapping.mapping})))
    return Branch(_name(mapping.mapping, backend), link, Need(source, mapping.columns(backend)))


def _nowhere(place: Mapping, backend: Backend) -> Branch:
    """A place for tables of an installation's own, until the configuration says which: no coupling leads there."""
    link = ByKey(_IDS[backend], "", when=("mapping", frozenset()))
    return Branch(_name(place, backend), link, Need(Source(backend, "", ""), frozenset()))


def _declared(backend: Backend) -> tuple[Branch, ...]:
    of_places = (_nowhere(each, backend) for each in Mapping if each.is_own)
    return (*(_branch(each, backend) for each in TABLE_MAPPINGS.values()), *of_places)


BUSINESS_CENTRAL_RECORD = _declared(Backend.BUSINESS_CENTRAL)
DATAVERSE_RECORD = _declared(Backend.DATAVERSE)
BOTH_RECORDS = (*BUSINESS_CENTRAL_RECORD, *DATAVERSE_RECORD)


def branches_of(mappings: Iterable[TableMapping]) -> dict[str, Branch]:
    """The branches for the mappings of an installation, by their names."""
    return {each.name: each for mapping in mappings for each in (_branch(mapping, side) for side in Backend)}


def mapping_of(tables: TableMappings, coupling: Row) -> TableMapping:
    """Raises: InvalidInputError, when it is a place of the installation's own that is filled no more."""
    return tables[Mapping(str(coupling.key("mapping")))]


def table_of(tables: TableMappings, coupling: Row, backend: Backend) -> Table:
    """Raises: InvalidInputError."""
    return mapping_of(tables, coupling).table(backend)


def id_of(coupling: Row, backend: Backend) -> UUID:
    return UUID(str(coupling.key(_IDS[backend])))


def record_of(tables: TableMappings, coupling: Row, backend: Backend) -> Found | Failure | None:
    """The record as it was read; None when it no longer exists. Raises: InvalidInputError."""
    mapping = mapping_of(tables, coupling)
    outcome = coupling.links.get(_name(mapping.mapping, backend))
    if not isinstance(outcome, Row):
        return outcome if isinstance(outcome, Failure) else None
    if isinstance(outcome.values, Failure):
        return outcome.values
    return Found(mapping.table(backend), id_of(coupling, backend), outcome.values, outcome.etag)


def told(record: Found | Failure | None) -> Found | None:
    """The record. Raises: GatewayError, the first time, why it could not be read."""
    if isinstance(record, Failure):
        record.tell()
        return None
    return record


def broken_side(tables: TableMappings, coupling: Row) -> CouplingSide | None:
    """Whose record no longer exists; None when both do, or when the caller may not see one: then it may be there or not.

    Raises:
        GatewayError: it is not known, and nobody was told why.
    """
    if any(is_hidden(coupling, backend) for backend in Backend):
        return None
    records = {backend: record_of(tables, coupling, backend) for backend in Backend}
    gone = [backend for backend, record in records.items() if record is None]
    if len(gone) == 2:
        return CouplingSide.BOTH
    if gone:
        return CouplingSide(gone[0])
    for record in records.values():
        told(record)
    return None


def pairing_of(tables: TableMappings, coupling: Row) -> Pairing | None:
    """Both records; None when one no longer exists, or could not be read.

    Raises:
        GatewayError: why it could not be read, and nobody was told yet.
    """
    records = (record_of(tables, coupling, backend) for backend in (Backend.BUSINESS_CENTRAL, Backend.DATAVERSE))
    bc, crm = map(told, records)
    if bc is None or crm is None or isinstance(coupling.values, Failure):
        return None
    return Pairing(Coupling(**coupling.values), bc, crm)  # type: ignore[arg-type]  # a coupling's row is its fields


MOST_EVENTS = 100


def check_first(first: int) -> None:
    """
    Raises:
        InvalidInputError: that many events are not given.
    """
    if not 1 <= first <= MOST_EVENTS:
        raise InvalidInputError(f"first must be between 1 and {MOST_EVENTS}.", argument="first")


class CouplingDetails:
    """What couplings of one GraphQL request are asked for besides; ``desk`` makes one for a company."""

    def __init__(
        self, desk: Callable[[UUID], Desk], tables: TableMappings, changes: CouplingChanges, budget: Budget
    ) -> None:
        self._desk, self._tables, self._changes, self._budget = desk, tables, changes, budget
        self.differences: DataLoader[Row, list[Difference] | Failure] = DataLoader(self._differences)
        self.history: DataLoader[tuple[UUID, int], list[HistoryEntry] | Failure] = DataLoader(self._history)
        self.company_name: DataLoader[UUID, str | Failure | None] = DataLoader(self._company_names)

    async def _differences(self, couplings: Sequence[Row]) -> list[list[Difference] | Failure]:
        """Of couplings whose records are both there; one failure stands for all that it concerns."""
        groups: dict[tuple[UUID | None, Mapping], list[Row]] = {}
        for each in couplings:
            groups.setdefault((each.company, mapping_of(self._tables, each).mapping), []).append(each)
        read = await asyncio.gather(*(self._differences_of(some) for some in groups.values()))
        found: dict[Row, list[Difference] | Failure] = {}
        for some, answers in zip(groups.values(), read, strict=True):
            found.update(zip(some, answers, strict=True))
        return [found[each] for each in couplings]

    async def _differences_of(self, couplings: Sequence[Row]) -> list[list[Difference] | Failure]:
        company = couplings[0].company
        assert company is not None  # noqa: S101 - couplings hold in one
        pairings = [each for row in couplings if (each := pairing_of(self._tables, row)) is not None]
        self._budget.note("differences", DIFFERENCES)
        desk = self._desk(company)
        try:
            mapping = await desk.mapping(mapping_of(self._tables, couplings[0]).mapping)
            found = await read_differences(desk, mapping, pairings)
        except GatewayError as error:
            failure = Failure(error)
            return [failure for _ in couplings]
        return [Failure(each) if isinstance(each, GatewayError) else each for each in found]

    async def events(self, coupling: Row, first: int) -> list[HistoryEntry] | None:
        """The newest lines of a coupling's history.

        Raises:
            InvalidInputError: ``first`` is out of bounds.
            DatabaseError: the first time; None afterwards.
        """
        check_first(first)
        found = await self.history.load((UUID(str(coupling.key("id"))), first))
        if isinstance(found, Failure):
            found.tell()
            return None
        company = coupling.company
        assert company is not None  # noqa: S101 - couplings hold in one
        return await self.seen(found, Mapping(str(coupling.key("mapping"))), company)

    async def seen(self, entries: Sequence[HistoryEntry], mapping: Mapping, company: UUID) -> list[HistoryEntry]:
        """Without the lines that name a record which the caller may not see. Raises: BackendError: that is not known."""
        desk = self._desk(company)
        asking, sight, after = desk.asking, desk.reading.sight, desk.asking.trace.round_trips
        named = {
            Backend.BUSINESS_CENTRAL: {id for each in entries for id in (each.bc_id, each.was_bc_id) if id is not None},
            Backend.DATAVERSE: {id for each in entries for id in (each.crm_id, each.was_crm_id) if id is not None},
        }
        hidden: set[UUID] = set()
        for backend, ids in named.items():
            hidden |= await sight.hidden(asking, str(mapping), backend, ids, after=after)
        return [
            each for each in entries if hidden.isdisjoint({each.bc_id, each.was_bc_id, each.crm_id, each.was_crm_id})
        ]

    async def _history(self, asked: Sequence[tuple[UUID, int]]) -> list[list[HistoryEntry] | Failure]:
        """Of couplings, each with how many lines: one question for all, as deep as the deepest."""
        try:
            found = await self._changes.history({id for id, _ in asked}, max(first for _, first in asked))
        except GatewayError as error:
            failure = Failure(error)
            return [failure for _ in asked]
        return [found[id][:first] for id, first in asked]

    async def _company_names(self, companies: Sequence[UUID]) -> list[str | Failure | None]:
        return list(await asyncio.gather(*map(self._company_name, companies)))

    async def _company_name(self, company: UUID) -> str | Failure | None:
        desk = self._desk(company)
        self._budget.estimate.facts.add("companies")
        try:
            after = desk.asking.trace.round_trips
            return await desk.reading.facts.company_name(company, desk.asking, after=after)
        except GatewayError as error:
            return Failure(error)
