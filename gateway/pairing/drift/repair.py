"""Drift repaired, as far as nobody has to be asked: looked at again, decided on, done; a dry run stops before doing.

| Repair | What is done |
|---|---|
| DELETE_COUPLING | the coupling ends, with what uncoupling changes on a row of CRM that is still there |
| UNSKIP | the mark and the error are taken from the coupling: the next synchronization tries it again |
| FINISH | the record is created under the id chosen for it; where its source is gone, the coupling ends |

A side of which nothing at all can be read is not taken for deleted, see ``gateway.pairing.presence``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import BackendError, ErrorCode, GatewayError, RefusalError
from gateway.pairing.creating import Making
from gateway.pairing.drift.examiner import Examiner, Question
from gateway.pairing.drift.kinds import REPAIRS, DriftKind, Finding, Repair
from gateway.pairing.drift.pages import Place, is_running_out, walk
from gateway.pairing.presence import sees_nothing
from gateway.pairing.recovery import finish_each
from gateway.pairing.uncouple import uncouple
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping

MOST_RESULTS = 1_000
"""Results of one call: an answer that nobody can read helps nobody."""


class DriftOutcome(StrEnum):
    """What came of one entry."""

    REPAIRED = "REPAIRED"
    WOULD_REPAIR = "WOULD_REPAIR"
    NO_REPAIR = "NO_REPAIR"
    GONE = "GONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Repaired:
    """One entry. ``finding`` is None when nothing is wrong any more; ``problem`` kept it from being repaired."""

    kind: DriftKind
    key: UUID
    outcome: DriftOutcome
    finding: Finding | None = None
    problem: GatewayError | None = None


@dataclass(frozen=True, slots=True)
class Repairs:
    """What came of a call. ``end`` is where to go on; None when nothing is left."""

    results: list[Repaired]
    end: Place | None = None


Entry = tuple[DriftKind, UUID]
"""A kind of drift and the coupling that has it, or the first row of those that nobody has."""


async def repair_entries(
    desk: Desk, mapping: TableMapping, entries: Sequence[Entry], couplings: Mapping[UUID, Coupling], *, dry: bool
) -> Repairs:
    """These and no others, as they are now; ``couplings`` are those of the entries that are still there.

    Raises:
        BackendError: a side could not be read; nothing was done.
    """
    question = Question.of(mapping, {kind for kind, _ in entries})
    examiner = await Examiner.of(desk, question)
    there = [couplings[key] for key in dict.fromkeys(key for _, key in entries) if key in couplings]
    told = await examiner.examine(there)
    found = {(each.kind, each.key): each for same in told for each in same}
    done = await _repair(desk, mapping, [found[each] for each in entries if each in found], dry=dry)
    return Repairs([done.get(each) or Repaired(*each, _unseen(each[0])) for each in entries])


def _unseen(kind: DriftKind) -> DriftOutcome:
    return DriftOutcome.GONE if kind in REPAIRS else DriftOutcome.NO_REPAIR


async def repair_all(
    desk: Desk, mapping: TableMapping, kinds: Collection[DriftKind] | None, after: Place | None, *, dry: bool
) -> Repairs:
    """Everything of these kinds, page by page, until nothing is left or the time is over; all that can be repaired by default.

    Raises:
        BackendError: a side could not be read, and nothing was done yet.
    """
    results: list[Repaired] = []
    place = after
    question = Question.of(mapping, REPAIRS if kinds is None else kinds)
    try:
        async with aclosing(walk(desk, question, after, ahead=1)) as steps:
            async for step in steps:
                done = await _repair(desk, mapping, [finding for finding, _ in step.told], dry=dry)
                results += [done[finding.kind, finding.key] for finding, _ in step.told]
                place = step.reached
                if place is None or len(results) >= MOST_RESULTS or is_running_out(desk):
                    break
    except BackendError:
        if not results:
            raise
    return Repairs(results, place)


async def _repair(desk: Desk, mapping: TableMapping, found: Sequence[Finding], *, dry: bool) -> dict[Entry, Repaired]:
    done = {(each.kind, each.key): _decided(each) for each in found}
    if dry:
        return done
    broken = _of(found, Repair.DELETE_COUPLING)
    problems = await _delete(desk, mapping, broken)
    ended = {each.key for each in broken if (each.kind, each.key) not in problems}
    problems |= await _unskip(desk, [each for each in _of(found, Repair.UNSKIP) if each.key not in ended])
    problems |= await _finish(desk, mapping, _of(found, Repair.FINISH))
    for each in found:
        if each.repair is not None:
            problem = problems.get((each.kind, each.key))
            outcome = DriftOutcome.FAILED if problem is not None else DriftOutcome.REPAIRED
            done[each.kind, each.key] = replace(done[each.kind, each.key], outcome=outcome, problem=problem)
    return done


def _decided(finding: Finding) -> Repaired:
    outcome = DriftOutcome.WOULD_REPAIR if finding.repair is not None else DriftOutcome.NO_REPAIR
    return Repaired(finding.kind, finding.key, outcome, finding)


def _of(found: Iterable[Finding], repair: Repair) -> list[Finding]:
    return [each for each in found if each.repair is repair]


def _couplings(found: Iterable[Finding]) -> dict[UUID, Coupling]:
    """Each once: a coupling both sides of which are gone is told twice."""
    return {each.key: each.coupling for each in found if each.coupling is not None}


_GONE = {
    DriftKind.BROKEN_BUSINESS_CENTRAL: Backend.BUSINESS_CENTRAL,
    DriftKind.BROKEN_DATAVERSE: Backend.DATAVERSE,
}


async def _delete(desk: Desk, mapping: TableMapping, found: Sequence[Finding]) -> dict[Entry, GatewayError]:
    problems: dict[Entry, GatewayError] = {}
    for side in dict.fromkeys(_GONE[each.kind] for each in found):
        if (problem := await sees_nothing(desk, mapping.table(side))) is not None:
            problems |= {(each.kind, each.key): problem for each in found if _GONE[each.kind] is side}
    sure = [each for each in found if not any(key == each.key for _, key in problems)]
    try:
        results = await uncouple(desk, list(_couplings(sure).values()), Cause.REPAIRED) if sure else []
    except BackendError as error:
        return problems | {(each.kind, each.key): error.again() for each in sure}
    failed = {each.coupling.id: each.problem for each in results if each.problem is not None}
    return problems | {(each.kind, each.key): failed[each.key] for each in sure if each.key in failed}


async def _unskip(desk: Desk, found: Sequence[Finding]) -> dict[Entry, GatewayError]:
    """The couplings as they are now, without the mark: what synchronization wrote to them meanwhile stays."""
    now = await desk.books.couplings.get_many(each.key for each in found)
    free = [replace(each, skipped=False, error_code=None, error_message=None) for each in now.values()]
    done = await desk.books.changes.update_each(free) if free else set()
    return {(each.kind, each.key): _changed() for each in found if each.key not in done}


def _changed() -> RefusalError:
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        "Somebody else changed the coupling meanwhile.",
        hint="Ask for drift again, then decide.",
    )


async def _finish(desk: Desk, mapping: TableMapping, found: Sequence[Finding]) -> dict[Entry, GatewayError]:
    couplings = _couplings(found)
    intents = await desk.books.intents.of(couplings)
    makings = [Making(each, intents[id]) for id, each in couplings.items() if id in intents]
    finished = await finish_each(desk, mapping, makings) if makings else []
    return {(DriftKind.UNFINISHED, each.coupling.id): each.problem for each in finished if each.problem is not None}
