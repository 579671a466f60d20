"""Drift: what is wrong with couplings, and what came of repairing it."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError
from gateway.pairing.drift.duplicates import KeyPlace
from gateway.pairing.drift.kinds import Broken, Entry, Finding
from gateway.pairing.drift.pages import CouplingPlace, DriftPage, Place
from gateway.pairing.drift.repair import Repaired, Repairs
from gateway.reading.row import Row
from gateway.reading.sources import COUPLINGS
from schema.access import ADMINISTRATORS, seen_by
from schema.connection import PageInfo
from schema.context import Context
from schema.coupling_pages import values_of
from schema.cursors import not_ours, read_cursor, write_cursor
from schema.enums import DriftKind, DriftOutcome, ErrorCode, Mapping, Repair, System
from schema.fields import READERS, declared, show
from schema.ids import GlobalId, parse_id
from schema.selection import selection_of
from schema.types.couple_records import RecordPair
from schema.types.coupling import Coupling
from schema.types.user_error import RecordReference, UserError

_ROWS = "DuplicateRows"
"""In place of a kind, in the id of rows that no coupling has."""


@seen_by(READERS)
@strawberry.type(description="A rule of the mapping's filter that a record does not meet.")
class BrokenRule:
    system: System = strawberry.field(description="Whose record it is.")
    broken: str = strawberry.field(description="What the record is, in words.")
    remedy: str = strawberry.field(description="What to do about it.")
    code: ErrorCode = strawberry.field(description="The error that coupling it would meet.")

    @classmethod
    def of(cls, broken: Broken) -> "BrokenRule":
        rule = broken.rule
        return cls(system=broken.backend, broken=rule.broken, remedy=rule.remedy, code=rule.code)


@seen_by(READERS)
@strawberry.type(description="One thing that is wrong with a coupling, or with rows of CRM that no coupling has.")
class Drift:
    finding: strawberry.Private[Finding]
    company: strawberry.Private[UUID]

    @strawberry.field(description="What this entry is called in `repairDrift`; the same as long as it is wrong.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(str(entry_id(self.finding.entry, self.company)))

    @strawberry.field(description="What is wrong.")
    def kind(self) -> DriftKind:
        return self.finding.kind

    @strawberry.field(
        description="The coupling; null for duplicates that no coupling has, or when it ended.",
        metadata=declared(READERS),
    )
    async def coupling(self, info: Info[Context, Any]) -> Coupling | None:
        found = self.finding.coupling
        if found is None:
            return None
        context = info.context
        row = Row(COUPLINGS, found.company_id, values_of(found))
        reader = context.reader(found.company_id)
        await reader.follow([row], selection_of(info).row(), after=context.trace.round_trips)
        shown: Coupling = show(row)
        return shown

    @strawberry.field(
        description="The records it is about, by name and number; of a deleted one what was last seen of it. "
        "Of many duplicates the first ten."
    )
    def records(self) -> list[RecordReference]:
        return RecordReference.of_each(self.finding.records)

    @strawberry.field(description="What is wrong, in a sentence.")
    def message(self) -> str:
        return self.finding.message

    @strawberry.field(description="What to do about it.")
    def hint(self) -> str:
        return self.finding.hint

    @strawberry.field(description="What `repairDrift` would do; null when somebody has to decide.")
    def repair(self) -> Repair | None:
        return self.finding.repair

    @strawberry.field(description="Why it is not repaired without asking; null when it is.")
    def why_no_repair(self) -> str | None:
        return self.finding.why_no_repair

    @strawberry.field(description="The rules that are not met, of either side; empty for other kinds.")
    def rules(self) -> list[BrokenRule]:
        return list(map(BrokenRule.of, self.finding.rules))

    @strawberry.field(
        description="How many other rows have the same key, counted to 1,000 for a coupled pair; 0 for other kinds."
    )
    def other_rows(self) -> int:
        return self.finding.others


def entry_id(entry: Entry, company: UUID) -> GlobalId:
    """The id of an entry: what is wrong, and with what."""
    return GlobalId(f"Drift.{_ROWS if entry.of_rows else entry.kind}", company, entry.key)


def parse_entries(ids: Sequence[str], company: UUID) -> list[Entry]:
    """
    Raises:
        InvalidInputError: one is no id of an entry in this company.
    """
    return [_entry(each, company) for each in dict.fromkeys(ids)]


def _entry(text: str, company: UUID) -> Entry:
    found = parse_id(text)
    prefix, _, kind = found.type_name.partition(".")
    if prefix != "Drift" or (kind not in DriftKind.__members__ and kind != _ROWS):
        raise InvalidInputError(f"This is the id of a {found.type_name}, not of an entry of drift.", argument="entries")
    if found.company != company:
        raise InvalidInputError("The entry is of another company: name it in company.", argument="entries")
    return Entry(DriftKind[kind], found.key) if kind != _ROWS else Entry(DriftKind.DUPLICATE, found.key, of_rows=True)


@seen_by(READERS)
@strawberry.type(description="How often one kind was found.")
class DriftCount:
    kind: DriftKind = strawberry.field(description="Which kind.")
    count: int = strawberry.field(description="How many entries.")


@seen_by(READERS)
@strawberry.type(description="An entry of drift and where it stands.")
class DriftEdge:
    cursor: str = strawberry.field(description="Where the entry stands.")
    node: Drift = strawberry.field(description="The entry.")


@seen_by(READERS)
@strawberry.type(
    description="A page of drift, in the order of the couplings' numbers; duplicates that no coupling has come last. A page "
    "may have fewer entries than were asked for, even none, and more to follow: that is how far it came in its time."
)
class DriftConnection:
    nodes: list[Drift] = strawberry.field(description="The entries of the page.")
    edges: list[DriftEdge] = strawberry.field(description="The entries of the page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    counts: list[DriftCount] | None = strawberry.field(
        description="How many there are of each kind. Everything is looked at for it; when there is no time for that, the "
        "error is DEADLINE_EXCEEDED."
    )

    @classmethod
    def of(cls, page: DriftPage, company: UUID, kinds: Sequence[DriftKind], *, has_previous: bool) -> "DriftConnection":
        nodes = [Drift(finding=finding, company=company) for finding, _ in page.told]
        cursors = [cursor_of(place) for _, place in page.told]
        end = cursor_of(page.end) if page.end is not None else cursors[-1] if cursors else None
        counts = page.counts
        return cls(
            nodes=nodes,
            edges=[DriftEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
            page_info=PageInfo(
                has_next_page=page.end is not None,
                has_previous_page=has_previous,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=end,
            ),
            counts=[DriftCount(kind=each, count=counts.get(each, 0)) for each in kinds] if counts is not None else None,
        )


def cursor_of(place: Place) -> str:
    if isinstance(place, KeyPlace):
        return write_cursor(_ROWS, place.start, place.key)
    return write_cursor("Couplings", place.key, str(place.id), str(place.kind or ""))


def place_of(cursor: str) -> Place:
    """Raises: InvalidInputError, when it is none of ours."""
    match read_cursor(cursor):
        case [str() as stage, str() as start, str() as key] if stage == _ROWS:
            return KeyPlace(start, key)
        case ["Couplings", str() as key, str() as id, str() as kind] if not kind or kind in DriftKind.__members__:
            try:
                return CouplingPlace(key, UUID(id), DriftKind[kind] if kind else None)
            except ValueError as error:
                raise not_ours() from error
        case _:
            raise not_ours()


@strawberry.input(description="What is to be repaired.")
class RepairDriftInput:
    mapping: Mapping = strawberry.field(description="Couplings of which tables.")
    kinds: list[DriftKind] | None = strawberry.field(
        default=None, description="Which kinds; by default all that can be repaired without asking."
    )
    entries: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these: up to 200 ids of `Drift`. Each is looked at again before it is repaired."
    )
    after: str | None = strawberry.field(
        default=None, description="Without `entries`: the `endCursor` of the call before, to go on behind it."
    )
    dry_run: bool = strawberry.field(
        default=True, description="Only say what would be done; nothing is written. Give false to have it done."
    )
    company: UUID | None = strawberry.field(
        default=None, description="SystemId of the Business Central company; the configured one by default."
    )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="What came of one entry.")
class RepairDriftResult:
    id: strawberry.ID = strawberry.field(description="The entry's id.")
    kind: DriftKind = strawberry.field(description="What was wrong.")
    action: Repair | None = strawberry.field(description="What was done or would be; null when nothing can be.")
    outcome: DriftOutcome = strawberry.field(description="What came of it.")
    code: ErrorCode | None = strawberry.field(description="The error that kept it from being repaired.")
    message: str = strawberry.field(
        description="What is wrong, or what kept it from being repaired; or that it is no longer so."
    )
    hint: str | None = strawberry.field(description="What to do about it.")
    records: list[RecordReference] = strawberry.field(description="The records it is about.")
    also: list[RecordPair] = strawberry.field(
        description="Couplings of contacts that ended with that of a customer or a vendor, or would: those of all contacts of "
        "its account."
    )

    @classmethod
    def of(cls, repaired: Repaired, company: UUID) -> "RepairDriftResult":
        finding, problem = repaired.finding, repaired.problem
        return cls(
            id=strawberry.ID(str(entry_id(repaired.entry, company))),
            kind=repaired.entry.kind,
            action=finding.repair if finding is not None else None,
            outcome=repaired.outcome,
            code=problem.code if problem is not None else None,
            message=repaired.message,
            hint=repaired.hint,
            records=RecordReference.of_each(finding.records) if finding is not None else [],
            also=[RecordPair.of(each) for each in repaired.also],
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="How many entries came to what.")
class RepairDriftCounters:
    repaired: int = strawberry.field(description="Repaired.")
    would_repair: int = strawberry.field(description="Would be repaired, had this not been a dry run.")
    no_repair: int = strawberry.field(description="Left to somebody to decide.")
    not_asked: int = strawberry.field(description="Of a kind that was not asked for, and left alone.")
    gone: int = strawberry.field(description="No longer so.")
    failed: int = strawberry.field(description="Could not be repaired.")
    also: int = strawberry.field(description="Couplings of contacts that ended besides, or would.")

    @classmethod
    def of(cls, results: Sequence[Repaired]) -> "RepairDriftCounters":
        found: ReadOnly[DriftOutcome, int] = {
            outcome: sum(each.outcome is outcome for each in results) for outcome in DriftOutcome
        }
        return cls(
            repaired=found[DriftOutcome.REPAIRED],
            would_repair=found[DriftOutcome.WOULD_REPAIR],
            no_repair=found[DriftOutcome.NO_REPAIR],
            not_asked=found[DriftOutcome.NOT_ASKED],
            gone=found[DriftOutcome.GONE],
            failed=found[DriftOutcome.FAILED],
            also=len({coupling.id for each in results for coupling in each.also}),
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="Drift was repaired, as far as it could be: one result for each entry.")
class RepairDriftSuccess:
    dry_run: bool = strawberry.field(description="Whether nothing was written.")
    results: list[RepairDriftResult] = strawberry.field(description="What came of each entry.")
    counters: RepairDriftCounters = strawberry.field(description="The same, counted.")
    remaining: bool = strawberry.field(
        description="Whether more may be left: the time of the request was over, or a thousand results were told already. "
        "Ask again with `after`."
    )
    end_cursor: str | None = strawberry.field(description="Where to go on; null when nothing is left.")

    @classmethod
    def of(cls, repairs: Repairs, company: UUID, *, dry: bool) -> "RepairDriftSuccess":
        return cls(
            dry_run=dry,
            results=[RepairDriftResult.of(each, company) for each in repairs.results],
            counters=RepairDriftCounters.of(repairs.results),
            remaining=repairs.end is not None,
            end_cursor=cursor_of(repairs.end) if repairs.end is not None else None,
        )


RepairDriftPayload = Annotated[
    RepairDriftSuccess | UserError,
    strawberry.union("RepairDriftPayload", description="What came of `repairDrift`."),
]
