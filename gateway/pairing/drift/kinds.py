"""What is wrong with a coupling, now that both its sides have been looked at. Pure.

| Kind | What is so | Repair |
|---|---|---|
| BROKEN_BUSINESS_CENTRAL, BROKEN_DATAVERSE | that side was deleted: its system says so | the coupling ends |
| OUT_OF_FILTER | a side no longer meets the filter of the mapping | none: somebody has to decide |
| DUPLICATE | other rows of CRM have the number of one of the two | none: somebody has to decide |
| UNOWNED | the owner rule would fail the record | none: the salesperson has to be coupled |
| SKIPPED | synchronization leaves it out until somebody retries it | it is tried again |
| UNFINISHED | one side was being created when that broke off | the creation is finished |

A side that is not among what can be read and is not known to be deleted is no drift; a repair tells it as what it cannot do.
A coupling whose other side is still being created is neither broken nor anything else but, after a while, unfinished.

Source: Business Central, page Coupled Data Synchronization Errors, "Find for Deleted", "Retry"; "Ownership models".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from gateway.couplings.coupling import Coupling, Intent
from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import NamedRecord, RefusalError
from gateway.odata.filters import meets
from gateway.pairing.drift.duplicates import Same
from gateway.pairing.presence import side_of, unseen, veiled
from gateway.pairing.salespersons.owners import Gap
from gateway.records import Backend
from gateway.sync.mapping import Rule, TableMapping
from gateway.sync.records import Found, capital


class DriftKind(StrEnum):
    """What may be wrong; in this order it is told of one coupling."""

    BROKEN_BUSINESS_CENTRAL = "BROKEN_BUSINESS_CENTRAL"
    BROKEN_DATAVERSE = "BROKEN_DATAVERSE"
    OUT_OF_FILTER = "OUT_OF_FILTER"
    DUPLICATE = "DUPLICATE"
    UNOWNED = "UNOWNED"
    SKIPPED = "SKIPPED"
    UNFINISHED = "UNFINISHED"


KINDS = tuple(DriftKind)
LOOKED_AT = frozenset(KINDS) - {DriftKind.SKIPPED, DriftKind.UNFINISHED}
"""Kinds that are found by looking at the records; the others are in our own tables."""


class Repair(StrEnum):
    """What can be done without asking anybody."""

    DELETE_COUPLING = "DELETE_COUPLING"
    UNSKIP = "UNSKIP"
    FINISH = "FINISH"


REPAIRS: Mapping[DriftKind, Repair] = {
    DriftKind.BROKEN_BUSINESS_CENTRAL: Repair.DELETE_COUPLING,
    DriftKind.BROKEN_DATAVERSE: Repair.DELETE_COUPLING,
    DriftKind.SKIPPED: Repair.UNSKIP,
    DriftKind.UNFINISHED: Repair.FINISH,
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule of the mapping's filter that a side does not meet."""

    backend: Backend
    rule: Rule


@dataclass(frozen=True, slots=True)
class Entry:
    """What a finding is called: a kind, and the coupling that has it; with ``of_rows`` the first of rows that none has."""

    kind: DriftKind
    key: UUID
    of_rows: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``coupling`` is None for rows of CRM that no coupling has; ``key`` names it either way.

    ``unseen`` says that it is not known to be wrong: a side cannot be seen, which is no deletion.
    """

    kind: DriftKind
    key: UUID
    coupling: Coupling | None
    records: tuple[NamedRecord, ...]
    message: str
    hint: str
    rules: tuple[Broken, ...] = ()
    others: int = 0
    unseen: RefusalError | None = None

    @property
    def entry(self) -> Entry:
        return Entry(self.kind, self.key, of_rows=self.coupling is None)

    @property
    def repair(self) -> Repair | None:
        return REPAIRS.get(self.kind)

    @property
    def why_no_repair(self) -> str | None:
        """Why nothing is done without asking."""
        return _WHY.get(self.kind)


_WHY: Mapping[DriftKind, str] = {
    DriftKind.OUT_OF_FILTER: "Whether the record belongs into the filter, or the coupling has to go, is not ours to say.",
    DriftKind.DUPLICATE: "Which of the rows is the right one is not ours to say.",
    DriftKind.UNOWNED: "Who sells, or who owns the row, is not ours to say.",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A coupling and all that was read of it. ``looked``: whether its records were looked at; None is then a missing one.

    ``deleted`` are the sides of which their systems say that they were deleted; where nobody asked, there are none.
    ``veiled`` are the sides that the caller's own rights hide.
    ``intent`` is there while one side is being created; ``stuck`` says that nobody is at it any more.
    """

    coupling: Coupling
    record: Found | None = None
    row: Found | None = None
    looked: bool = False
    deleted: frozenset[Backend] = frozenset()
    veiled: frozenset[Backend] = frozenset()
    intent: Intent | None = None
    stuck: bool = False
    same: Same | None = None
    gaps: Sequence[tuple[Gap, Found]] = field(default=())

    def side(self, backend: Backend) -> Found | None:
        return self.record if backend is Backend.BUSINESS_CENTRAL else self.row


def findings(mapping: TableMapping, seen: Seen, rules: Mapping[Backend, Sequence[Rule]]) -> Iterator[Finding]:
    """Everything that is wrong with a coupling, in the order of kinds."""
    if seen.intent is not None:
        if seen.stuck:
            yield _unfinished(mapping, seen)
        return
    if seen.looked:
        yield from _broken(mapping, seen)
        yield from _outside(mapping, seen, rules)
        yield from _duplicate(mapping, seen)
        yield from _unowned(seen)
    if seen.coupling.skipped:
        yield _skipped(mapping, seen)


def called(mapping: TableMapping, seen: Seen, backend: Backend) -> NamedRecord:
    """A side by name and number; of a deleted one what was last seen of it."""
    if (found := seen.side(backend)) is not None:
        return found.named
    side = side_of(mapping, seen.coupling, backend)
    return replace(side, hidden=True) if backend in seen.veiled else side


def _finding(kind: DriftKind, seen: Seen, records: Sequence[NamedRecord], message: str, hint: str) -> Finding:
    return Finding(kind, seen.coupling.id, seen.coupling, tuple(records), message, hint)


_BROKEN = {
    DriftKind.BROKEN_BUSINESS_CENTRAL: (Backend.BUSINESS_CENTRAL, Backend.DATAVERSE),
    DriftKind.BROKEN_DATAVERSE: (Backend.DATAVERSE, Backend.BUSINESS_CENTRAL),
}


def _broken(mapping: TableMapping, seen: Seen) -> Iterator[Finding]:
    for kind, (side, other) in _BROKEN.items():
        if seen.side(side) is not None:
            continue
        gone, left = called(mapping, seen, side), called(mapping, seen, other)
        if side not in seen.deleted:
            if other in seen.deleted:
                continue  # that is reason enough
            problem = (veiled if side in seen.veiled else unseen)(mapping, seen.coupling, side)
            yield replace(_finding(kind, seen, [gone, left], problem.message, problem.hint), unseen=problem)
            continue
        state = "which is still there" if seen.side(other) is not None else "which cannot be seen"
        if both := other in seen.deleted:
            state = "which is gone as well"
        message = f"{capital(gone)} was deleted in {side.label}; it is coupled with {left}, {state}."
        yield _finding(kind, seen, [gone, left], message, _remedy(mapping, side, gone, None if both else left))


def _remedy(mapping: TableMapping, side: Backend, gone: NamedRecord, left: NamedRecord | None) -> str:
    """Restoring a deleted record in one step is not offered yet."""
    hint = "Delete the coupling: repairDrift."
    if mapping.mapping is Tables.CUSTOMER:
        hint += " The couplings of the account's contacts end with it."
    if left is None:
        return hint
    hint += f" The {left.noun} stays."
    if mapping.direction.goes_to(side):
        hint += (
            f" A deleted record is not restored yet: to have the {gone.noun} again, delete the coupling, then create it"
        )
        hint += " anew with coupleRecords (create: true)."
    return hint


def _outside(mapping: TableMapping, seen: Seen, rules: Mapping[Backend, Sequence[Rule]]) -> Iterator[Finding]:
    missed = [
        Broken(backend, rule)
        for backend in (Backend.BUSINESS_CENTRAL, Backend.DATAVERSE)
        if (found := seen.side(backend)) is not None
        for rule in rules[backend]
        if not meets(rule.condition, found.values)
    ]
    if not missed:
        return
    records = [called(mapping, seen, each) for each in dict.fromkeys(broken.backend for broken in missed)]
    sentences = []
    for record in records:
        why = " and ".join(each.rule.broken for each in missed if str(each.backend) == record.backend)
        sentences.append(f"{capital(record)} {why}, so it is outside the filter of the mapping {mapping.name}.")
    hint = " ".join(dict.fromkeys(each.rule.remedy for each in missed))
    yield Finding(
        DriftKind.OUT_OF_FILTER,
        seen.coupling.id,
        seen.coupling,
        tuple(records),
        " ".join(sentences),
        f"{hint} Or uncouple the two: uncoupleRecords.",
        tuple(missed),
    )


def _duplicate(mapping: TableMapping, seen: Seen) -> Iterator[Finding]:
    if seen.same is None or seen.same.count == 0:
        return
    record, row = called(mapping, seen, Backend.BUSINESS_CENTRAL), called(mapping, seen, Backend.DATAVERSE)
    many = f"{seen.same.count} other rows of CRM have" if seen.same.count > 1 else f"{capital(seen.same.first[0])} has"
    keys = " or ".join(seen.same.keys)
    message = f"{many} the same key ({keys}) as {record} or {row}, which are coupled with each other."
    yield Finding(
        DriftKind.DUPLICATE,
        seen.coupling.id,
        seen.coupling,
        (record, row, *seen.same.first),
        message,
        DUPLICATE_HINT,
        others=seen.same.count,
    )


DUPLICATE_HINT = (
    "Merge the rows in Dynamics 365 Sales, or correct the key of those that are not meant. Until then whatever looks for the "
    "key, match-based coupling for one, may find the wrong row."
)


def alike_rows(mapping: TableMapping, same: Same) -> Finding:
    """Rows of CRM that no coupling has, under one key."""
    key = same.keys[0]
    message = f"{same.count} rows of CRM ({mapping.crm.noun}) have the same key {key}, and none of them is coupled."
    return Finding(
        DriftKind.DUPLICATE, same.first[0].id, None, tuple(same.first), message, DUPLICATE_HINT, others=same.count - 1
    )


def _unowned(seen: Seen) -> Iterator[Finding]:
    if not seen.gaps:
        return
    records = [each for gap, found in seen.gaps for each in (found.named, gap.person.named)]
    message = " ".join(f"{gap.message} {_refers(gap, found)}" for gap, found in seen.gaps)
    hint = " ".join(dict.fromkeys(gap.hint for gap, _ in seen.gaps))
    yield _finding(DriftKind.UNOWNED, seen, records, message, hint)


def _refers(gap: Gap, found: Found) -> str:
    if gap.to is Backend.DATAVERSE:
        return f"{capital(found.named)} has that salesperson."
    return f"{capital(found.named)} belongs to that user."


def _skipped(mapping: TableMapping, seen: Seen) -> Finding:
    record, row = called(mapping, seen, Backend.BUSINESS_CENTRAL), called(mapping, seen, Backend.DATAVERSE)
    last = f" The last error: {seen.coupling.error_message}" if seen.coupling.error_message else ""
    message = f"{capital(record)}, coupled with {row}, is left out of synchronization.{last}"
    hint = "Correct what the error says, then have it tried again: repairDrift."
    return _finding(DriftKind.SKIPPED, seen, [record, row], message, hint)


def _unfinished(mapping: TableMapping, seen: Seen) -> Finding:
    assert seen.intent is not None  # noqa: S101 - the caller looked
    side, origin = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE
    if seen.intent.to_crm:
        side, origin = origin, side
    made, source = called(mapping, seen, side), called(mapping, seen, origin)
    message = (
        f"A {mapping.table(side).noun} was being created for {source} at "
        f"{seen.intent.created_at.isoformat(timespec='seconds')}, and that broke off."
    )
    if origin in seen.deleted:
        message += f" {capital(source)} was deleted since."
    hint = "Finish it: repairDrift. Where the source is gone, the coupling ends instead."
    return _finding(DriftKind.UNFINISHED, seen, [source, made], message, hint)
