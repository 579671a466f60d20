"""A row of an imported file while it is decided on, and the coupling it becomes. Pure."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from gateway.couplings.coupling import Coupling, Doing
from gateway.couplings.store import Side
from gateway.errors import NamedRecord
from gateway.pairing.files.rows import Pair, RowResult
from gateway.pairing.files.shapes import Entry
from gateway.records import Backend
from gateway.sync.mapping import Table, TableMapping
from gateway.sync.records import Found

BC: Final = Side.BUSINESS_CENTRAL
CRM: Final = Side.DATAVERSE
SIDES: Final = (BC, CRM)

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_CREATED: Final = frozenset({"created_at", "created_by"})


def backend_of(side: Side) -> Backend:
    return Backend.BUSINESS_CENTRAL if side is BC else Backend.DATAVERSE


def id_of(coupling: Coupling, side: Side) -> UUID:
    """The coupling's record on that side."""
    return coupling.bc_id if side is BC else coupling.crm_id


@dataclass(frozen=True, slots=True)
class Way:
    """A coupling that the record of ``side`` has with another one than the row says."""

    side: Side
    coupling: Coupling

    @property
    def other(self) -> Side:
        return CRM if self.side is BC else BC

    @property
    def partner(self) -> UUID:
        """The record that is in the way."""
        return id_of(self.coupling, self.other)


@dataclass(slots=True)
class Draft:
    """``ids`` are those of the row's records as far as they are known, ``found`` what was read of them.

    ``was`` is the coupling of this very pair. A draft with a ``result`` is decided on.
    """

    mapping: TableMapping
    entry: Entry
    ids: dict[Side, UUID]
    found: dict[Side, Found] = field(default_factory=dict)
    was: Coupling | None = None
    way: Way | None = None
    result: RowResult | None = None

    @property
    def line(self) -> int:
        return self.entry.line

    @property
    def is_new(self) -> bool:
        return self.result is None and self.was is None and self.way is None

    def number(self, side: Side) -> str | None:
        """As the file has it."""
        return self.entry.bc_key if side is BC else self.entry.crm_key

    def table(self, side: Side) -> Table:
        return self.mapping.table(backend_of(side))

    @property
    def pair(self) -> Pair:
        """Both records, as far as there are names and numbers for them."""
        return Pair(self._named(BC), self._named(CRM))

    def _named(self, side: Side) -> NamedRecord:
        if side in self.found:
            return self.found[side].named
        table = self.table(side)
        return NamedRecord(str(table.source.backend), table.noun, self.ids[side], self.number(side))

    def wanted(self, side: Side) -> str:
        """What was looked for, in words."""
        number = self.number(side)
        return f"id {self.ids[side]}" + (f" (number {number} in the file)" if number else "")


def draft_of(mapping: TableMapping, entry: Entry) -> Draft:
    given = {BC: entry.bc_id, CRM: entry.crm_id}
    return Draft(mapping, entry, {side: id for side, id in given.items() if id is not None})


def new_coupling(draft: Draft, id: UUID, company: UUID, doing: Doing) -> Coupling:
    """With numbers as they were just read, or as the file has them; coupled by the import unless the file says by whom."""
    read = {side: record.number for side, record in draft.found.items()}
    bare = Coupling(
        id=id,
        mapping=draft.mapping.mapping,
        company_id=company,
        bc_id=draft.ids[BC],
        crm_id=draft.ids[CRM],
        bc_key=read.get(BC) or draft.number(BC),
        crm_key=read.get(CRM) or draft.number(CRM),
        created_at=doing.at,
        created_by=doing.by,
    )
    known = {name: value for name, value in draft.entry.state.items() if name not in _CREATED or value is not None}
    return replace(bare, **known)


def renewed(coupling: Coupling, entry: Entry) -> Coupling | None:
    """The coupling with the state that the file has; None when that is the same, or older than what is known here."""
    state = {name: value for name, value in entry.state.items() if name not in _CREATED}
    now = replace(coupling, **state)
    if now == coupling or _moment(now) < _moment(coupling):
        return None
    versions = {"bc_etag": "bc_modified_at", "crm_etag": "crm_modified_at"}
    outdated = {
        etag: None
        for etag, modified in versions.items()
        if etag not in state and getattr(now, modified) != getattr(coupling, modified)
    }
    return replace(now, **outdated)  # type: ignore[arg-type]  # names of the coupling's own fields


def _moment(coupling: Coupling) -> datetime:
    """Up to when the state of a coupling is known."""
    known = (coupling.last_synchronized_at, coupling.bc_modified_at, coupling.crm_modified_at)
    return max((each for each in known if each is not None), default=_LONG_AGO)
