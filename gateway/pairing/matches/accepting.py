"""Proposals of a plan become couplings, page by page, and are taken back again.

A page may be carried out twice, when a process ends between two writes: a coupling's id follows from its plan and record, so that
the second time finds what the first one did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from gateway.couplings.coupling import Cause, Coupling
from gateway.couplings.plan import MatchPlan, ProposalFilter, ProposalState, StoredProposal
from gateway.couplings.plans import MatchPlans
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, GatewayError, RefusalError
from gateway.matching.proposal import Verdict
from gateway.pairing.couple import Synchronize
from gateway.pairing.creating import Unsettled, create_each
from gateway.pairing.matches.matching import sides
from gateway.pairing.synchronizing import Writing, write_each
from gateway.pairing.uncouple import uncouple
from gateway.records import Backend
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records, both_sides, capital, check
from gateway.sync.transfer import Pair, Prepared, prepare_each

PAGE = 200


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Which open proposals are accepted. ``chosen`` names a candidate where it is not the best one, by proposal.

    ``create``: records without a candidate get a new partner, where the mapping goes that way.
    """

    verdicts: tuple[Verdict, ...]
    minimum_score: int | None = None
    chosen: Mapping[int, UUID] | None = None
    synchronize: Synchronize = Synchronize.NONE
    create: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the plan while it is carried out."""
        return {
            "verdicts": list(self.verdicts),
            "minimumScore": self.minimum_score,
            "chosen": None if self.chosen is None else {str(number): str(id) for number, id in self.chosen.items()},
            "synchronize": self.synchronize,
            "create": self.create,
        }

    @property
    def filter(self) -> ProposalFilter:
        """The proposals it means. Those that somebody names may have been refused or undone before."""
        if self.chosen is not None:
            states = (ProposalState.OPEN, ProposalState.REFUSED, ProposalState.UNDONE)
            return ProposalFilter(states=states, numbers=tuple(self.chosen))
        also = Verdict.NONE if self.create else None
        return ProposalFilter(self.verdicts, (ProposalState.OPEN,), self.minimum_score, or_verdict=also)


def acceptance_from(stored: Mapping[str, Any]) -> Acceptance:
    """What a plan's wish says."""
    chosen = stored["chosen"]
    return Acceptance(
        tuple(map(Verdict, stored["verdicts"])),
        stored["minimumScore"],
        None if chosen is None else {int(number): UUID(id) for number, id in chosen.items()},
        Synchronize(stored["synchronize"]),
        stored["create"],
    )


async def accept_page(desk: Desk, plan: MatchPlan, plans: MatchPlans, acceptance: Acceptance, after: int) -> int | None:
    """The next proposals are coupled, or refused with the reason; returns where the page ended, None behind the last one.

    Raises:
        BackendError: a side could not be read; nothing was done.
    """
    page = await plans.proposals(plan.id, acceptance.filter, after=after, limit=PAGE)
    if not page:
        return None
    wanted = {each.number: target for each in page if (target := _target(each, acceptance)) is not None}
    coupled = await _couple(desk, plan, acceptance, [each for each in page if each.number in wanted], wanted)
    left = [each for each in page if each.number not in wanted]
    created = await _create(desk, plan, left) if acceptance.create else []
    await plans.settle(plan.id, [*coupled, *created])
    return page[-1].number


def _target(proposal: StoredProposal, acceptance: Acceptance) -> UUID | None:
    """The candidate that is meant; None where there is none."""
    ids = [UUID(each["id"]) for each in proposal.candidates]
    if acceptance.chosen is None:
        return ids[0] if ids and proposal.verdict != Verdict.NONE else None
    chosen = acceptance.chosen[proposal.number]
    return chosen if chosen in ids else None


async def _couple(
    desk: Desk,
    plan: MatchPlan,
    acceptance: Acceptance,
    proposals: Sequence[StoredProposal],
    targets: Mapping[int, UUID],
) -> list[StoredProposal]:
    """Both records of each are looked at as they are now: a plan may be days old."""
    if not proposals:
        return []
    mapping = await desk.mapping(plan.mapping)
    before = await _coupled_before(desk, plan, acceptance, proposals, targets)
    proposals = [each for each in proposals if each.number not in before]
    pairs, settled = await _looked_at(desk, plan, mapping, proposals, targets)
    settled += before.values()
    prepared: dict[int, Prepared] = {}
    if acceptance.synchronize.to is not None:
        prepared, refused = await _prepared(desk, mapping, acceptance.synchronize.to, pairs)
        settled += [_refused(pairs[number].proposal, error) for number, error in refused.items()]
        pairs = {number: pair for number, pair in pairs.items() if number in prepared}
    made = {number: _coupling(plan, desk, pair) for number, pair in pairs.items()}
    doing = desk.doing(Cause.MATCHED, plan.id)
    added = await desk.books.changes.add_free(list(made.values()), doing)
    taken = await _taken(desk, plan, mapping, [pairs[number] for number, each in made.items() if each.id not in added])
    there = [number for number in made if number not in taken]
    if prepared:
        await _synchronize(desk, mapping, acceptance.synchronize, {n: (pairs[n], made[n], prepared[n]) for n in there})
    for number in there:
        settled.append(_accepted(pairs[number], made[number]))
    return [*settled, *(_refused(pairs[number].proposal, error) for number, error in taken.items())]


async def _coupled_before(
    desk: Desk,
    plan: MatchPlan,
    acceptance: Acceptance,
    proposals: Sequence[StoredProposal],
    targets: Mapping[int, UUID],
) -> dict[int, StoredProposal]:
    """What an earlier attempt at this page coupled, and wrote if that is asked: it is not looked at again."""
    ids = {_id_of(plan, each, targets[each.number]): each for each in proposals}
    found = await desk.books.couplings.get_many(ids)
    done: dict[int, StoredProposal] = {}
    for id, coupling in found.items():
        if not _is_of(plan, coupling, ids[id].source_id, targets[ids[id].number]):
            continue  # it was moved since: what becomes of the proposal is decided anew
        if acceptance.synchronize.to is None or coupling.last_result_to_crm or coupling.last_result_to_bc:
            each = ids[id]
            accepted = replace(each, state=ProposalState.ACCEPTED, target_id=targets[each.number], coupling_id=id)
            done[each.number] = _without_problem(accepted)
    return done


def _id_of(plan: MatchPlan, proposal: StoredProposal, target: UUID) -> UUID:
    """The id of the coupling that comes of a proposal: the same at every attempt."""
    bc, crm = (proposal.source_id, target) if plan.to_crm else (target, proposal.source_id)
    return uuid5(plan.id, f"{bc} {crm}")


def _without_problem(proposal: StoredProposal) -> StoredProposal:
    return replace(proposal, problem_code=None, problem_message=None)


@dataclass(frozen=True, slots=True)
class _Pair:
    proposal: StoredProposal
    bc: Found
    crm: Found


async def _looked_at(
    desk: Desk,
    plan: MatchPlan,
    mapping: TableMapping,
    proposals: Sequence[StoredProposal],
    targets: Mapping[int, UUID],
) -> tuple[dict[int, _Pair], list[StoredProposal]]:
    records, rows = await both_sides(mapping, desk)
    sources, others = [each.source_id for each in proposals], [targets[each.number] for each in proposals]
    bc, crm = await side_by_side(
        records.by_id(sources if plan.to_crm else others), rows.by_id(others if plan.to_crm else sources)
    )
    bc_rules, crm_rules = await records.rules(), await rows.rules()
    pairs: dict[int, _Pair] = {}
    settled: list[StoredProposal] = []
    for each in proposals:
        target = targets[each.number]
        try:
            record = _there(records, bc, each.source_id if plan.to_crm else target)
            row = _there(rows, crm, target if plan.to_crm else each.source_id)
            check(record, bc_rules, argument="businessCentral")
            check(row, crm_rules, argument="dataverse")
        except RefusalError as error:
            settled.append(_refused(each, error))
        else:
            pairs[each.number] = _Pair(each, record, row)
    return pairs, settled


def _there(records: Records, found: Mapping[UUID, Found], id: UUID) -> Found:
    """
    Raises:
        RefusalError: the record was deleted since the plan was made.
    """
    if id not in found:
        raise RefusalError(
            ErrorCode.RECORD_NOT_FOUND,
            f"The {records.table.noun} {id} no longer exists in {records.backend.label}.",
            hint="Make a new plan.",
        )
    return found[id]


async def _prepared(
    desk: Desk, mapping: TableMapping, to: Backend, pairs: Mapping[int, _Pair]
) -> tuple[dict[int, Prepared], dict[int, RefusalError]]:
    outcomes = await prepare_each(desk, mapping, to=to, pairs=[_in_direction(pair, to) for pair in pairs.values()])
    told = dict(zip(pairs, outcomes, strict=True))
    return (
        {number: each for number, each in told.items() if isinstance(each, Prepared)},
        {number: each for number, each in told.items() if isinstance(each, RefusalError)},
    )


def _in_direction(pair: _Pair, to: Backend) -> Pair:
    return Pair(pair.bc, pair.crm) if to is Backend.DATAVERSE else Pair(pair.crm, pair.bc)


def _coupling(plan: MatchPlan, desk: Desk, pair: _Pair) -> Coupling:
    return Coupling(
        id=_id_of(plan, pair.proposal, _other(plan, pair).id),
        mapping=plan.mapping,
        company_id=plan.company_id,
        bc_id=pair.bc.id,
        crm_id=pair.crm.id,
        bc_key=pair.bc.number,
        crm_key=pair.crm.number,
        created_at=datetime.now(UTC),
        created_by=desk.by,
    )


async def _taken(desk: Desk, plan: MatchPlan, mapping: TableMapping, pairs: Sequence[_Pair]) -> dict[int, RefusalError]:
    """Why these could not be coupled; one that this very plan coupled before is none of them."""
    if not pairs:
        return {}
    find = desk.books.couplings.find
    of_bc = await find(plan.mapping, plan.company_id, Side.BUSINESS_CENTRAL, [each.bc.id for each in pairs])
    of_crm = await find(plan.mapping, plan.company_id, Side.DATAVERSE, [each.crm.id for each in pairs])
    records, rows = await both_sides(mapping, desk)
    names_bc, names_crm = await side_by_side(
        records.by_id([each.bc_id for each in of_crm.values()], columns=()),
        rows.by_id([each.crm_id for each in of_bc.values()], columns=()),
    )
    refused: dict[int, RefusalError] = {}
    for pair in pairs:
        mine, theirs = of_bc.get(pair.bc.id), of_crm.get(pair.crm.id)
        same = mine is not None and mine.crm_id == pair.crm.id
        if mine is not None and same and mine.id == _id_of(plan, pair.proposal, _other(plan, pair).id):
            continue
        if same:
            refused[pair.proposal.number] = _coupled_by_others(pair)
            continue
        partner = names_crm.get(mine.crm_id) if mine is not None else names_bc.get(theirs.bc_id) if theirs else None
        refused[pair.proposal.number] = _in_the_way(pair, partner, of_record=mine is not None)
    return refused


def _other(plan: MatchPlan, pair: _Pair) -> Found:
    return pair.crm if plan.to_crm else pair.bc


def _coupled_by_others(pair: _Pair) -> RefusalError:
    return RefusalError(
        ErrorCode.ALREADY_COUPLED,
        f"{capital(pair.bc.named)} and {pair.crm.named} were coupled by somebody else since.",
        hint="Nothing has to be done; undoing this plan leaves them coupled.",
        records=[pair.bc.named, pair.crm.named],
    )


def _in_the_way(pair: _Pair, partner: Found | None, *, of_record: bool) -> RefusalError:
    mine = pair.bc if of_record else pair.crm
    other = str(partner.named) if partner else "a record that cannot be found, or is just being created,"
    return RefusalError(
        ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN if of_record else ErrorCode.DATAVERSE_ROW_TAKEN,
        f"{capital(mine.named)} is coupled with {other} by now.",
        hint=f"Uncouple {other}, or leave it as it is." if partner else "Look at its coupling, and at drift.",
        records=[partner.named] if partner else [],
    )


async def _synchronize(
    desk: Desk,
    mapping: TableMapping,
    synchronize: Synchronize,
    pairs: Mapping[int, tuple[_Pair, Coupling, Prepared]],
) -> None:
    """A record that cannot be written keeps its coupling, which says why."""
    to = synchronize.to
    assert to is not None  # noqa: S101 - the caller looked
    writings: list[Writing] = []
    for pair, coupling, prepared in pairs.values():
        source, target = (pair.bc, pair.crm) if to is Backend.DATAVERSE else (pair.crm, pair.bc)
        writings.append(Writing(coupling, prepared, source, target))
    await write_each(desk, mapping, to, writings)


async def _create(desk: Desk, plan: MatchPlan, proposals: Sequence[StoredProposal]) -> list[StoredProposal]:
    """New partners for records without a candidate."""
    if not proposals:
        return []
    mapping = await desk.mapping(plan.mapping)
    origin, other = sides(plan)
    records = Records(desk, mapping, origin)
    found = await records.by_id([each.source_id for each in proposals])
    rules, settled, sources = await records.rules(), list[StoredProposal](), dict[UUID, StoredProposal]()
    for each in proposals:
        try:
            check(_there(records, found, each.source_id), rules, argument="records")
            sources[each.source_id] = each
        except RefusalError as error:
            settled.append(_refused(each, error))
    outcomes = await create_each(desk, mapping, other, [found[id] for id in sources], job=plan.id)
    for id, outcome in outcomes.items():
        proposal = sources[id]
        if isinstance(outcome, Unsettled):
            new = outcome.coupling.crm_id if plan.to_crm else outcome.coupling.bc_id
            refused = _refused(proposal, outcome.error)
            settled.append(replace(refused, target_id=new, coupling_id=outcome.coupling.id))
        elif isinstance(outcome, GatewayError):
            settled.append(_refused(proposal, outcome))
        else:
            new = outcome.crm_id if plan.to_crm else outcome.bc_id
            settled.append(replace(proposal, state=ProposalState.ACCEPTED, target_id=new, coupling_id=outcome.id))
    return settled


def _accepted(pair: _Pair, coupling: Coupling) -> StoredProposal:
    target = coupling.crm_id if pair.proposal.source_id == coupling.bc_id else coupling.bc_id
    accepted = replace(pair.proposal, state=ProposalState.ACCEPTED, target_id=target, coupling_id=coupling.id)
    return _without_problem(accepted)


def _refused(proposal: StoredProposal, error: GatewayError) -> StoredProposal:
    hint = f" {error.hint}" if isinstance(error, RefusalError) else ""
    return replace(
        proposal,
        state=ProposalState.REFUSED,
        problem_code=str(error.code),
        problem_message=f"{error.message}{hint}",
    )


async def undo_page(desk: Desk, plan: MatchPlan, plans: MatchPlans, after: int) -> int | None:
    """The next couplings that came of the plan end, as long as they are still of the same pair; returns where the page ended.

    CRM is left as it is where nothing was written to it; what was synchronized is uncoupled with all that this changes there.
    A record that was created stays.
    """
    states = (ProposalState.ACCEPTED, ProposalState.REFUSED)
    page = await plans.proposals(plan.id, ProposalFilter(states=states, coupled=True), after=after, limit=PAGE)
    if not page:
        return None
    couplings = await desk.books.couplings.get_many(each.coupling_id for each in page if each.coupling_id is not None)
    same = [couplings[each.coupling_id] for each in page if _is_same(plan, each, couplings)]  # type: ignore[index]
    problems = await _ended(desk, plan, same)
    await plans.settle(plan.id, [_undone(each, couplings, problems, same) for each in page])
    return page[-1].number


def _is_same(plan: MatchPlan, proposal: StoredProposal, couplings: Mapping[UUID, Coupling]) -> bool:
    """Whether the coupling that came of the proposal is still of its pair."""
    found = couplings.get(proposal.coupling_id) if proposal.coupling_id is not None else None
    if found is None:
        return False
    return _is_of(plan, found, proposal.source_id, proposal.target_id)


def _is_of(plan: MatchPlan, coupling: Coupling, source: UUID, target: UUID | None) -> bool:
    """Whether the coupling is of this record and this partner."""
    pair = (coupling.bc_id, coupling.crm_id) if plan.to_crm else (coupling.crm_id, coupling.bc_id)
    return pair == (source, target)


async def _ended(desk: Desk, plan: MatchPlan, couplings: Sequence[Coupling]) -> dict[UUID, GatewayError]:
    """What kept couplings from ending, by coupling."""
    written = [each for each in couplings if each.last_synchronized_at is not None]
    others = [each for each in couplings if each.last_synchronized_at is None]
    results = await uncouple(desk, written, Cause.UNDONE, plan.id) if written else []
    await desk.books.changes.remove_each(others, desk.doing(Cause.UNDONE, plan.id))
    return {each.coupling.id: each.problem for each in results if each.problem is not None}


def _undone(
    proposal: StoredProposal,
    couplings: Mapping[UUID, Coupling],
    problems: Mapping[UUID, GatewayError],
    same: Sequence[Coupling],
) -> StoredProposal:
    id = proposal.coupling_id
    undone = replace(_without_problem(proposal), state=ProposalState.UNDONE)
    if (error := problems.get(id) if id is not None else None) is not None:
        return replace(proposal, problem_code=str(error.code), problem_message=error.message)
    if (found := couplings.get(id) if id is not None else None) is not None and found not in same:
        message = "The coupling was moved to another pair since; it stays."
        return replace(undone, problem_code=str(ErrorCode.COUPLING_CHANGED), problem_message=message)
    if proposal.verdict == Verdict.NONE:
        return replace(undone, problem_message="The record that was created for it stays.")
    return undone
