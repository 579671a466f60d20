"""A page of couplings is synchronized: read, decided on, written, remembered. One bad record stops no other.

Whatever breaks off can be done again: a record that was written is found unchanged, since its version and values are compared
anew. Writes are guarded by the version that was decided on; what somebody changed meanwhile is looked at again.
"""

from collections.abc import Collection, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import (
    PreconditionFailedError,
    RefusalError,
)
from gateway.pairing.creating import Unsettled
from gateway.pairing.recovery import Finished
from gateway.pairing.synchronizing import Writing, held_back, write_each
from gateway.pairing.uncouple import uncouple
from gateway.records import Backend
from gateway.runs import refusals
from gateway.runs.applied import Applied, Problem, Step, failed_again
from gateway.runs.choices import Choice, as_chosen
from gateway.runs.closing import close_each
from gateway.runs.configured import Configured
from gateway.runs.planning import BC, BOTH, CRM, NO_CHOICES, Action, Decision, Reason, Wanted, decide
from gateway.runs.policy import Policy
from gateway.runs.reading import Both, Known, Page, read_page
from gateway.runs.restoring import finish_broken_off, restore_each
from gateway.runs.states import pass_states, unmarked
from gateway.sync.desk import Desk
from gateway.sync.line_changes import MARK, NOT_KNOWN
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found
from gateway.sync.transfer import Pair, Prepared, prepare_each

_LOOKS = 3
"""How often a record is looked at again because somebody changed it while it was written."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all pages of a run.

    ``everything``: pairs are compared as if both records had changed, whatever their versions say. ``choices`` are a person's,
    for the one coupling that it is about.
    """

    desk: Desk
    configured: Configured
    run: UUID
    wanted: Wanted = Wanted.MERGE
    everything: bool = False
    choices: ReadOnly[str, Choice] = attribute(default_factory=lambda: NO_CHOICES)

    @property
    def mapping(self) -> TableMapping:
        return self.configured.mapping

    @property
    def policy(self) -> Policy:
        return self.configured.policy

    @property
    def dry_run(self) -> bool:
        """Whether nothing is written, see :mod:`gateway.runs.dry_run`."""
        return self.desk.asking.dry_run


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


def as_finished(finished: Finished) -> Step:
    """A creation that had broken off, or is under way."""
    coupling = finished.coupling
    if finished.under_way:
        return Step(Action.SKIP, Reason.BEING_CREATED, coupling)
    return Step(Action.UNCOUPLE if finished.ended else Action.INSERT, Reason.BROKEN_OFF, coupling)


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
                applied.steps.append(_step(each, decision.action, decision.reason))
            case Action.FAIL:
                failures.append(_failure(setting.mapping, each, decision))
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
    late = await _write(setting, page, works, applied, failures, last=last)
    await _fail(setting, failures, applied)
    return [*activated, *changed, *late], {each.id: each for each in activated.values()}


def _all_moved(pairs: Sequence[Both]) -> list[Both]:
    return [replace(each, seen=replace(each.seen, moved=BOTH & each.seen.there)) for each in pairs]


def _failure(mapping: TableMapping, both: Both, decision: Decision) -> Problem:
    if decision.conflicts:
        error = refusals.both_changed(both.records, decision.conflicts)
        only = decision.conflicts[0].field.name if len(decision.conflicts) == 1 else None
        moved = both.seen.moved
        return Problem(error, both.coupling, both.records, field=only, conflicts=decision.conflicts, moved=moved)
    (survivor,) = both.records.values()
    gone = CRM if survivor.table.source.backend is BC else BC
    error = refusals.partner_deleted(mapping, both.coupling, survivor)
    return Problem(error, both.coupling, both.records, to=gone, moved=both.seen.moved)


def _step(both: Both, action: Action, reason: Reason, write: ReadOnly[Backend, frozenset[str]] | None = None) -> Step:
    return Step(action, reason, both.coupling, both.records, write or {}, both.seen.differences, both.seen.moved)


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
            applied.steps.append(_step(both, Action.UNCOUPLE, reason))
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
            applied.steps.append(_step(each.both, Action.CLOSE, Reason.INVOICED))
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
                _step(both, Action.CHANGE_STATE, Reason.STATE_CHANGED, {CRM: _STATE})
                if was_written
                else _step(both, Action.SKIP, Reason.OUTSIDE_FILTER)
            )
        elif each.problem is not None:
            failures.append(Problem(each.problem, both.coupling, both.records, to=change.to, now=each.coupling))
        elif change.activates and each.record is not None:
            activated[both.coupling.id] = each.record
        else:
            applied.count(modified=1, to=[change.to])
            write = {change.to: frozenset(change.values)}
            applied.steps.append(_step(both, Action.CHANGE_STATE, Reason.STATE_CHANGED, write))
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
            step = _step(both, Action.RESTORE, Reason.PARTNER_DELETED, write)
            applied.steps.append(replace(step, made=outcome))
        elif isinstance(outcome, Unsettled):  # its coupling is whoever's who takes it up again
            applied.count(failed=1, to=[each.to])
            applied.problems.append(Problem(outcome.error, outcome.coupling, both.records, to=each.to, unsettled=True))
        else:
            failures.append(Problem(outcome, both.coupling, both.records, to=each.to))
    return failures


@dataclass(slots=True, eq=False)
class _Draft:
    """A pair while it is written: what each side gets, and the coupling and the records as they are by now."""

    before: Coupling
    coupling: Coupling
    records: dict[Backend, Found]
    prepared: dict[Backend, Prepared]

    def has_more(self, to: Backend) -> bool:
        """Whether the other side is still to be written after this one: CRM comes first."""
        return to is CRM and BC in self.prepared

    @property
    def changes(self) -> list[Backend]:
        return [to for to, each in self.prepared.items() if each.writes]


async def _write(
    setting: Setting,
    page: Page,
    works: Sequence[tuple[Both, Decision]],
    applied: Applied,
    failures: list[Problem],
    *,
    last: bool,
) -> list[UUID]:
    drafts = await _prepared(setting, page, works, failures)
    late: list[UUID] = []
    for to in (CRM, BC):
        wanted = [each for each in drafts if to in each.prepared]
        writings = [_writing(each, to, setting.run) for each in wanted]
        written = await write_each(setting.desk, setting.mapping, to, writings)
        for draft, (coupling, problem) in zip(wanted, written, strict=True):
            draft.coupling = held_back(coupling, draft.before, to) if draft.has_more(to) else coupling
            if problem is None:
                draft.records[to] = _as_written(draft.records[to], coupling)
                continue
            drafts.remove(draft)
            if isinstance(problem, PreconditionFailedError) and not last:
                late.append(coupling.id)
            else:
                told = refusals.of_record(problem, draft.records, to)
                failures.append(Problem(told, draft.before, draft.records, to=to, now=coupling))
    done = {draft.before.id: draft for draft in drafts}
    for each, decision in works:
        if (drafted := done.get(each.coupling.id)) is None:
            continue
        changes = {to: drafted.prepared[to].fields for to in drafted.changes}
        if drafted.before.id in applied.activated:
            changes[CRM] = changes.get(CRM, frozenset()) | _STATE
        applied.count(to=list(changes or drafted.prepared), **{"modified" if changes else "unchanged": 1})
        action = Action.MODIFY if changes else Action.UNCHANGED
        applied.steps.append(_step(each, action, _reason(each, decision, action, changes), changes))
    return late


_STATE = frozenset({"statecode", "statuscode"})


def _reason(both: Both, decision: Decision, action: Action, changes: Collection[Backend]) -> Reason:
    """Of what was done in the end: values may be the same as they arrive, and what is worked out may differ."""
    if action is decision.action:
        return decision.reason
    if action is Action.UNCHANGED:
        return Reason.NO_MAPPED_FIELD_CHANGED
    return Reason.BUSINESS_CENTRAL_CHANGED if CRM in changes else Reason.DATAVERSE_CHANGED


def held(coupling: Coupling) -> frozenset[str]:
    """The fields that both sides of a new pair hold."""
    return frozenset(name for name, text in (coupling.base or {}).items() if text and not name.startswith("$"))


async def _prepared(
    setting: Setting, page: Page, works: Sequence[tuple[Both, Decision]], failures: list[Problem]
) -> list[_Draft]:
    """What each side of each pair gets. What one side cannot take, keeps the other side from being written, too."""
    drafts = {
        each.coupling.id: _Draft(each.coupling, unmarked(each.coupling), dict(each.records), {}) for each, _ in works
    }
    for to in (CRM, BC):
        wanted = [(each, _fields(setting, each, decision, to)) for each, decision in works]
        chosen = [(each, only) for each, only in wanted if only is not None and each.coupling.id in drafts]
        if not chosen:
            continue
        decisions = {each.coupling.id: decision for each, decision in works}
        pairs = [
            Pair(
                _source(setting.mapping, each, to, decisions[each.coupling.id]),
                each.records[to],
                only,
                _digest(setting, each),
            )
            for each, only in chosen
        ]
        outcomes = await prepare_each(setting.desk, setting.mapping, to=to, pairs=pairs, references=page.references)
        for (each, _), outcome in zip(chosen, outcomes, strict=True):
            if isinstance(outcome, RefusalError):
                failures.append(Problem(outcome, each.coupling, each.records, to=to, moved=each.seen.moved))
                del drafts[each.coupling.id]
            else:
                drafts[each.coupling.id].prepared[to] = outcome
    for each, decision in works:
        if decision.values and each.coupling.id in drafts:
            _not_agreed_yet(drafts[each.coupling.id], decision)
    return list(drafts.values())


def _digest(setting: Setting, both: Both) -> str | None:
    """What is known of the lines that were written last, unless all is to be compared anew."""
    digest = (both.coupling.base or {}).get(MARK)
    compare = setting.everything or setting.wanted.to is CRM
    return NOT_KNOWN if digest is not None and compare else digest


def _source(mapping: TableMapping, both: Both, to: Backend, decision: Decision) -> Found:
    """The record that the other one is to be like: as it is, or with the values that both are to get."""
    source = both.records[BC if to is CRM else CRM]
    for name, value in decision.values.items():
        field = mapping.field(name)
        source = as_chosen(source, field, value) if field is not None else source
    return source


def _not_agreed_yet(draft: _Draft, decision: Decision) -> None:
    """Of a value that both are to get they agree only when both are written: until then it stays a conflict."""
    if draft.has_more(CRM) and CRM in draft.prepared:
        first = draft.prepared[CRM]
        base = {name: text for name, text in first.base.items() if name not in decision.values}
        draft.prepared[CRM] = replace(first, base=base)


def _fields(setting: Setting, both: Both, decision: Decision, to: Backend) -> frozenset[str] | None:
    """The mapped fields that a side gets; None: it is left alone.

    None of them, where its partner changed otherwise: what is worked out may still have to be written, and the version and what
    both agree on are remembered. That is learned, too, of a pair that nobody knows it of: without it, later changes on both sides
    could not be told apart.
    """
    if not setting.mapping.direction.goes_to(to):
        return None
    if to in decision.write:
        return decision.write[to]
    other = BC if to is CRM else CRM
    is_news = other in both.seen.moved or both.coupling.base is None
    return frozenset() if is_news and setting.wanted is Wanted.MERGE else None


def _writing(draft: _Draft, to: Backend, run: UUID) -> Writing:
    source = draft.records[BC if to is CRM else CRM]
    job = {"last_job_to_crm": str(run)} if to is CRM else {"last_job_to_bc": str(run)}
    coupling = replace(draft.coupling, **job)  # type: ignore[arg-type]  # names of its fields
    return Writing(coupling, draft.prepared[to], source, draft.records[to], draft.has_more(to))


def _as_written(record: Found, coupling: Coupling) -> Found:
    """The record in the version that the coupling remembers: it is not to look changed by somebody else."""
    of_bc = record.table.source.backend is BC
    etag, modified = (
        (coupling.bc_etag, coupling.bc_modified_at) if of_bc else (coupling.crm_etag, coupling.crm_modified_at)
    )
    values = {**record.values, record.table.modified: modified.isoformat() if modified else None}
    return replace(record, etag=etag, values=values)


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
