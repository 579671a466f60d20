"""Pairs of a page are written: CRM first, guarded by the version that was decided on, and remembered.

What one side cannot take keeps the other side from being written, too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.errors import PreconditionFailedError, RefusalError
from gateway.pairing.synchronizing import Writing, held_back, write_each
from gateway.records import Backend
from gateway.runs import refusals
from gateway.runs.applied import Applied, Problem, step_of
from gateway.runs.choices import as_chosen
from gateway.runs.planning import BC, CRM, Action, Decision, Reason, Wanted
from gateway.runs.reading import Both, Page
from gateway.runs.setting import Setting
from gateway.runs.states import unmarked
from gateway.sync.line_changes import MARK, NOT_KNOWN
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found
from gateway.sync.transfer import Pair, Prepared, prepare_each


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


async def write_pairs(
    setting: Setting,
    page: Page,
    works: Sequence[tuple[Both, Decision]],
    applied: Applied,
    failures: list[Problem],
    *,
    last: bool,
) -> list[UUID]:
    """Each pair as it was decided on; what fails is added to ``failures``.

    Returns:
        the couplings whose records somebody changed meanwhile, unless this was the ``last`` look.
    """
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
            changes[CRM] = changes.get(CRM, frozenset()) | STATE
        applied.count(to=list(changes or drafted.prepared), **{"modified" if changes else "unchanged": 1})
        action = Action.MODIFY if changes else Action.UNCHANGED
        applied.steps.append(step_of(each, action, _reason(decision, action, changes), changes))
    return late


STATE = frozenset({"statecode", "statuscode"})


def _reason(decision: Decision, action: Action, changes: Collection[Backend]) -> Reason:
    """Of what was done in the end: values may be the same as they arrive, and what is worked out may differ."""
    if action is decision.action:
        return decision.reason
    if action is Action.UNCHANGED:
        return Reason.NO_MAPPED_FIELD_CHANGED
    return Reason.BUSINESS_CENTRAL_CHANGED if CRM in changes else Reason.DATAVERSE_CHANGED


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
