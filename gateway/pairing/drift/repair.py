"""Drift repaired, as far as nobody has to be asked: looked at again, decided on, done; a dry run stops before doing.

| Repair | What is done |
|---|---|
| DELETE_COUPLING | the coupling ends as by uncoupling: a row that is left loses its mark, an account's contacts are uncoupled |
| UNSKIP | the mark and the error are taken from the coupling: the next synchronization tries it again |
| FINISH | the record is created under the id chosen for it; where its source is deleted, the coupling ends |

A side is deleted when its system says so of that very record; one that cannot be seen ends nothing, see
``gateway.pairing.presence``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import BackendError, ErrorCode, GatewayError, RefusalError
from gateway.pairing.creating import Making
from gateway.pairing.drift.duplicates import KEYED, still_alike
from gateway.pairing.drift.examiner import Examiner, Question
from gateway.pairing.drift.kinds import REPAIRS, DriftKind, Entry, Finding, Repair, alike_rows
from gateway.pairing.drift.pages import Place, check_place, is_running_out, walk
from gateway.pairing.recovery import finish_each
from gateway.pairing.uncouple import children_of, uncouple
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping

MOST_RESULTS = 1_000
"""Results of one call: an answer that nobody can read helps nobody."""


class DriftOutcome(StrEnum):
    """What came of one entry."""

    REPAIRED = "REPAIRED"
    WOULD_REPAIR = "WOULD_REPAIR"
    NO_REPAIR = "NO_REPAIR"
    NOT_ASKED = "NOT_ASKED"
    GONE = "GONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Repaired:
    """One entry. ``finding`` is None when nothing is wrong any more; ``problem`` kept it from being repaired.

    ``also`` are the couplings that ended with it, or would.
    """

    entry: Entry
    outcome: DriftOutcome
    finding: Finding | None = None
    problem: GatewayError | None = None
    also: tuple[Coupling, ...] = ()

    @property
    def message(self) -> str:
        """What is wrong, or what kept it from being repaired; or that nothing is."""
        if self.problem is not None:
            return self.problem.message
        if self.finding is not None:
            return self.finding.message
        if self.outcome is DriftOutcome.NOT_ASKED:
            return "The entry is of a kind that was not asked for, so it was left alone."
        return "This is no longer so: nothing has to be done."

    @property
    def hint(self) -> str | None:
        """What to do about it."""
        if self.problem is not None:
            return self.problem.hint if isinstance(self.problem, RefusalError) else None
        if self.outcome is DriftOutcome.NOT_ASKED:
            return "Name its kind in `kinds`, or leave `kinds` out."
        return self.finding.hint if self.finding is not None else None


@dataclass(frozen=True, slots=True)
class Repairs:
    """What came of a call. ``end`` is where to go on; None when nothing is left."""

    results: list[Repaired]
    end: Place | None = None


async def repair_entries(
    desk: Desk,
    mapping: TableMapping,
    entries: Sequence[Entry],
    couplings: Mapping[UUID, Coupling],
    *,
    kinds: Collection[DriftKind] | None,
    dry: bool,
) -> Repairs:
    """These and no others, as they are now; ``couplings`` are those of the entries that are still there.

    Raises:
        BackendError: a side could not be read; nothing was done.
    """
    asked = [each for each in entries if kinds is None or each.kind in kinds]
    of_couplings = [each for each in asked if not each.of_rows]
    examiner = await Examiner.of(desk, Question.of(mapping, {each.kind for each in of_couplings}, for_repair=True))
    there = [couplings[key] for key in dict.fromkeys(each.key for each in of_couplings) if key in couplings]
    told = [finding for same in await examiner.examine(there) for finding in same] if there else []
    told += await _alike(desk, mapping, [each.key for each in asked if each.of_rows])
    found = {each.entry: each for each in told}
    done = await _repair(desk, mapping, [found[each] for each in asked if each in found], dry=dry)
    left = {each: Repaired(each, DriftOutcome.NOT_ASKED) for each in set(entries) - set(asked)}
    return Repairs([done.get(each) or left.get(each) or Repaired(each, DriftOutcome.GONE) for each in entries])


async def _alike(desk: Desk, mapping: TableMapping, ids: Sequence[UUID]) -> list[Finding]:
    """Rows that no coupling has and that still share a key. Raises: BackendError."""
    if not ids or mapping.mapping not in KEYED:
        return []
    same = await still_alike(desk, mapping, ids)
    return [alike_rows(mapping, each) for each in same.values()]


async def repair_all(
    desk: Desk, mapping: TableMapping, kinds: Collection[DriftKind] | None, after: Place | None, *, dry: bool
) -> Repairs:
    """Everything of these kinds, page by page, until nothing is left or the time is over; all that can be repaired by default.

    Raises:
        InvalidInputError: the place is none of these kinds.
        BackendError: a side could not be read, and nothing was done yet.
    """
    question = Question.of(mapping, REPAIRS if kinds is None else kinds, for_repair=True)
    check_place(question, after)
    results: list[Repaired] = []
    place = after
    try:
        async with aclosing(walk(desk, question, after, ahead=1)) as steps:
            async for step in steps:
                done = await _repair(desk, mapping, [finding for finding, _ in step.told], dry=dry)
                results += [done[finding.entry] for finding, _ in step.told]
                place = step.reached
                if place is None or len(results) >= MOST_RESULTS or is_running_out(desk):
                    break
    except BackendError:
        if not results:
            raise
    return Repairs(results, place)


async def _repair(desk: Desk, mapping: TableMapping, found: Sequence[Finding], *, dry: bool) -> dict[Entry, Repaired]:
    broken = _of(found, Repair.DELETE_COUPLING)
    if dry:
        also = {id: tuple(same) for id, same in (await children_of(desk, list(_couplings(broken).values()))).items()}
        return {each.entry: _decided(each, also) for each in found}
    problems, also = await _delete(desk, broken)
    ended = {each.key for each in broken if each.entry not in problems}
    problems |= await _unskip(desk, [each for each in _of(found, Repair.UNSKIP) if each.key not in ended])
    problems |= await _finish(desk, mapping, _of(found, Repair.FINISH))
    return {each.entry: _done(_decided(each, also), problems.get(each.entry)) for each in found}


def _decided(finding: Finding, also: Mapping[UUID, tuple[Coupling, ...]]) -> Repaired:
    if finding.unseen is not None:
        return Repaired(finding.entry, DriftOutcome.FAILED, finding, finding.unseen)
    outcome = DriftOutcome.WOULD_REPAIR if finding.repair is not None else DriftOutcome.NO_REPAIR
    of_broken = finding.repair is Repair.DELETE_COUPLING
    return Repaired(finding.entry, outcome, finding, also=also.get(finding.key, ()) if of_broken else ())


def _done(repaired: Repaired, problem: GatewayError | None) -> Repaired:
    if repaired.outcome is not DriftOutcome.WOULD_REPAIR:
        return repaired
    if problem is not None:
        return replace(repaired, outcome=DriftOutcome.FAILED, problem=problem)
    return replace(repaired, outcome=DriftOutcome.REPAIRED)


def _of(found: Iterable[Finding], repair: Repair) -> list[Finding]:
    return [each for each in found if each.repair is repair and each.unseen is None]


def _couplings(found: Iterable[Finding]) -> dict[UUID, Coupling]:
    """Each once: a coupling both sides of which are gone is told twice."""
    return {each.key: each.coupling for each in found if each.coupling is not None}


async def _delete(
    desk: Desk, found: Sequence[Finding]
) -> tuple[dict[Entry, GatewayError], dict[UUID, tuple[Coupling, ...]]]:
    """What kept couplings from ending, and what ended with those that did, by coupling."""
    try:
        results = await uncouple(desk, list(_couplings(found).values()), Cause.REPAIRED) if found else []
    except BackendError as error:
        return {each.entry: error.again() for each in found}, {}
    failed = {each.coupling.id: each.problem for each in results if each.problem is not None}
    problems: dict[Entry, GatewayError] = {each.entry: failed[each.key] for each in found if each.key in failed}
    return problems, {each.coupling.id: each.also for each in results}


async def _unskip(desk: Desk, found: Sequence[Finding]) -> dict[Entry, GatewayError]:
    """The mark and the error go: what synchronization wrote to the couplings meanwhile stays."""
    done = await desk.books.changes.unskip_each(each.key for each in found) if found else set()
    return {each.entry: _changed() for each in found if each.key not in done}


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
    problems = {each.coupling.id: each.problem for each in finished if each.problem is not None}
    return {each.entry: problems[each.key] for each in found if each.key in problems}
