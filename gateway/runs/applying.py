"""A page of couplings is synchronized: read, decided on, written, remembered. One bad record stops no other.

Whatever breaks off can be done again: a record that was written is found unchanged, since its version and values are compared
anew. Writes are guarded by the version that was decided on; what somebody changed meanwhile is looked at again.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import (
    PreconditionFailedError,
)
from gateway.pairing.creating import Unsettled
from gateway.pairing.uncouple import uncouple
from gateway.runs import refusals
from gateway.runs.applied import Applied, Problem, Step, as_finished, failed_again, held, step_of
from gateway.runs.closing import close_each
from gateway.runs.planning import BC, BOTH, CRM, Action, Decision, Reason, decide
from gateway.runs.reading import Both, Known, Page, read_page
from gateway.runs.restoring import finish_broken_off, restore_each
from gateway.runs.setting import Setting
from gateway.runs.states import pass_states
from gateway.runs.writing import STATE, write_pairs
from gateway.sync.records import Found

_LOOKS = 3
"""How often a record is looked at again because somebody changed it while it was written."""


async def synchronize_page(
    setting: Setting, couplings: Sequence[Coupling], known: Known | None = None, *, are_missing: bool = False
) -> Applied:
    """
    Args:
        known: records of these couplings that were just read.
        are_missing: they were picked because a record is not there, among others that are; so that none is there is no surprise.

    Raises:
        BackendError: a system could not be read; nothing was written.
        RefusalError: a whole side is empty; nothing was written.
    """
    applied, seen = Applied(), known or {}
    waiting = await _made(setting, couplings, applied)
    for look in range(1, _LOOKS + 2):  # once more for fields of products that were activated in the last one
        if not waiting:
            break
        page = await read_page(setting.desk, setting.mapping, waiting, seen, are_missing=are_missing)
        late, activated = await _page(setting, page, applied, last=look >= _LOOKS)
        if not late:
            break
        waiting, seen = list((await setting.desk.books.couplings.get_many(late)).values()), {CRM: activated}
    return applied


async def _made(setting: Setting, couplings: Sequence[Coupling], applied: Applied) -> Sequence[Coupling]:
    """Couplings whose records are both made already. A creation that broke off is finished; one under way is left alone."""
    unmade = {each.coupling.id: each for each in await finish_broken_off(setting.desk, setting.mapping, couplings)}
    for each in unmade.values():
        if each.problem is None:
            applied.steps.append(as_finished(each))
        else:
            problem = Problem(each.problem, each.coupling, unsettled=True)
            applied.count(to=problem.ways(setting.mapping), failed=1)
            applied.problems.append(problem)
    return [each for each in couplings if each.id not in unmade]


async def _page(setting: Setting, page: Page, applied: Applied, *, last: bool) -> tuple[list[UUID], dict[UUID, Found]]:
    """Returns the couplings to look at again, and the products among their records that were activated.

    Those whose records somebody changed meanwhile, unless this was the last look, and those that are within the filter only now.
    """
    failures: list[Problem] = [Problem(error, coupling) for coupling, error in page.unreadable]
    works: list[tuple[Both, Decision]] = []
    over: list[Both] = []
    ended: list[Both] = []
    widowed: list[Both] = []
    outside: list[Both] = []
    for each in _all_moved(page.pairs) if setting.everything else page.pairs:
        decision = decide(
            each.seen, setting.policy, setting.mapping.direction, wanted=setting.wanted, choices=setting.choices
        )
        match decision.action:
            case Action.SKIP if decision.reason is Reason.OUTSIDE_FILTER and setting.configured.passes_states:
                outside.append(each)
            case Action.SKIP:
                applied.count(skipped=1)
                applied.steps.append(step_of(each, decision.action, decision.reason))
            case Action.FAIL:
                failures.append(_failure(setting, each, decision))
            case Action.UNCOUPLE:
                over.append(each)
            case Action.CLOSE:
                ended.append(each)
            case Action.RESTORE:
                widowed.append(each)
            case _:
                works.append((each, decision))
    failures += await _uncouple(setting, over, applied)
    changed = await _close(setting, ended, applied, failures, last=last)
    problems, activated = await _pass_states(setting, outside, applied)
    failures += problems
    failures += await _restore(setting, widowed, applied)
    late = await write_pairs(setting, page, works, applied, failures, last=last)
    await _fail(setting, failures, applied)
    return [*activated, *changed, *late], {each.id: each for each in activated.values()}


def _all_moved(pairs: Sequence[Both]) -> list[Both]:
    return [replace(each, seen=replace(each.seen, moved=BOTH & each.seen.there)) for each in pairs]


def _failure(setting: Setting, both: Both, decision: Decision) -> Problem:
    if decision.conflicts:
        error = refusals.both_changed(both.records, decision.conflicts)
        only = decision.conflicts[0].field.name if len(decision.conflicts) == 1 else None
        moved = both.seen.moved
        return Problem(error, both.coupling, both.records, field=only, conflicts=decision.conflicts, moved=moved)
    (survivor,) = both.records.values()
    gone = CRM if survivor.table.source.backend is BC else BC
    error = refusals.partner_deleted(setting.mapping, setting.desk.told(both.coupling), survivor)
    return Problem(error, both.coupling, both.records, to=gone, moved=both.seen.moved)


async def _uncouple(setting: Setting, over: Sequence[Both], applied: Applied) -> list[Problem]:
    """Couplings end that lead nowhere."""
    failures: list[Problem] = []
    results = await uncouple(setting.desk, [each.coupling for each in over], Cause.STALE, setting.run)
    for both, result in zip(over, results, strict=True):
        if result.problem is not None:
            failures.append(Problem(result.problem, both.coupling, both.records))
        else:
            applied.count(uncoupled=1 + len(result.also))
            reason = Reason.PARTNER_DELETED if both.records else Reason.BOTH_DELETED
            applied.steps.append(step_of(both, Action.UNCOUPLE, reason))
            applied.steps += [Step(Action.UNCOUPLE, Reason.ACCOUNT_UNCOUPLED, child) for child in result.also]
    return failures


async def _close(
    setting: Setting, ended: Sequence[Both], applied: Applied, failures: list[Problem], *, last: bool
) -> list[UUID]:
    """Orders that were invoiced. Returns the couplings whose row somebody changed meanwhile, to be looked at again."""
    late: list[UUID] = []
    for each in await close_each(setting.desk, setting.mapping, ended, setting.run):
        coupling, records = each.both.coupling, each.both.records
        if each.problem is None:
            applied.count(to=[CRM], modified=int(each.written), uncoupled=1)
            applied.steps.append(step_of(each.both, Action.CLOSE, Reason.INVOICED))
        elif isinstance(each.problem, PreconditionFailedError) and not last:
            late.append(coupling.id)
        else:
            failures.append(Problem(refusals.of_record(each.problem, records, CRM), coupling, records, to=CRM))
    return late


async def _pass_states(
    setting: Setting, outside: Sequence[Both], applied: Applied
) -> tuple[list[Problem], dict[UUID, Found]]:
    """Records outside the filter pass on their state, where that is asked for, and nothing else.

    Returns the products, too, that are within the filter now, by their coupling. Their fields follow in the next look, since no
    later run may come to them, and are counted there.
    """
    failures: list[Problem] = []
    activated: dict[UUID, Found] = {}
    for each in await pass_states(setting.desk, setting.mapping, outside, setting.run) if outside else ():
        both, change = each.both, each.change
        if change is None:
            was_written = both.coupling.id in applied.activated
            applied.count(to=[CRM] if was_written else [], **{"modified" if was_written else "skipped": 1})
            applied.steps.append(
                step_of(both, Action.CHANGE_STATE, Reason.STATE_CHANGED, {CRM: STATE})
                if was_written
                else step_of(both, Action.SKIP, Reason.OUTSIDE_FILTER)
            )
        elif each.problem is not None:
            failures.append(Problem(each.problem, both.coupling, both.records, to=change.to, now=each.coupling))
        elif change.activates and each.record is not None:
            activated[both.coupling.id] = each.record
        else:
            applied.count(modified=1, to=[change.to])
            write = {change.to: frozenset(change.values)}
            applied.steps.append(step_of(both, Action.CHANGE_STATE, Reason.STATE_CHANGED, write))
    applied.activated.update(activated)
    return failures, activated


async def _restore(setting: Setting, widowed: Sequence[Both], applied: Applied) -> list[Problem]:
    """New records are made of those that are left, and coupled with them."""
    failures: list[Problem] = []
    for each in await restore_each(setting.desk, setting.mapping, widowed, setting.run):
        both, outcome = each.both, each.outcome
        if isinstance(outcome, Coupling):
            applied.count(inserted=1, to=[each.to])
            write = {each.to: held(outcome)}
            step = step_of(both, Action.RESTORE, Reason.PARTNER_DELETED, write)
            applied.steps.append(replace(step, made=outcome))
        elif isinstance(outcome, Unsettled):  # its coupling is whoever's who takes it up again
            applied.count(failed=1, to=[each.to])
            applied.problems.append(Problem(outcome.error, outcome.coupling, both.records, to=each.to, unsettled=True))
        else:
            failures.append(Problem(outcome, both.coupling, both.records, to=each.to))
    return failures


async def _fail(setting: Setting, failures: Sequence[Problem], applied: Applied) -> None:
    """Remember what failed. The same error twice in a row puts a coupling on the skip list.

    Source: Business Central, codeunit Integration Record Synch., "skipped after the same error".
    """
    mapping = setting.mapping
    now: list[Coupling] = []
    for each in failures:
        ways = each.ways(mapping)
        applied.count(to=ways, failed=1)
        applied.problems.append(each)
        if each.coupling is not None:
            now.append(failed_again(each.coupling, each.now or each.coupling, ways, each.error, setting.run))
    await setting.desk.books.changes.update_each(now)
