"""The root fields of match-based coupling, a few lines each."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.couplings.plan import MatchPlan as Plan
from gateway.couplings.plan import PlanState, ProposalFilter
from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.matching.proposal import Verdict
from gateway.pairing.creating import require_direction
from gateway.pairing.matches.accepting import Acceptance
from gateway.pairing.matches.candidates import Search, candidates
from gateway.pairing.matches.criteria import Asked, matchable
from gateway.pairing.matches.matching import candidate_json, sides
from gateway.pairing.matches.plan_jobs import not_at_rest
from gateway.sync.mapping import TableMapping
from schema.context import Context
from schema.enums import Mapping, MatchDirection
from schema.fields import ADMINISTRATORS, READERS, declared
from schema.selection import selection_of
from schema.types.match_plan import (
    AcceptMatchPlanInput,
    CoupleByMatchInput,
    CouplingCandidates,
    DiscardMatchPlanPayload,
    DiscardMatchPlanSuccess,
    MatchCriteriaInput,
    MatchField,
    MatchPlan,
    MatchPlanPayload,
    MatchPlanSuccess,
    candidate_of,
)
from schema.types.user_error import RecordReference, UserError

Ask = Info[Context, Any]
PLAN_ID = strawberry.argument(description="Id of the plan.")
COMPANY = strawberry.argument(description="SystemId of the Business Central company; the configured one by default.")

_MOST_RECORDS = 500
_MOST_PLANS = 20
_PATIENCE = 0.5
"""The part of a request's time that a mutation waits for its job, so that a small plan is answered at once."""


@strawberry.type
class MatchQueries:
    @strawberry.field(
        description="Whom a few records could be coupled with: exact and similar candidates, with the reasons field by field. "
        "The other side is asked for what could be alike; a plan (`coupleByMatch`) looks at all of it.",
        metadata=declared(READERS),
    )
    async def coupling_candidates(
        self,
        info: Ask,
        mapping: Annotated[Mapping, strawberry.argument(description="Which tables.")],
        records: Annotated[list[UUID], strawberry.argument(description="Ids of up to 20 records.")],
        direction: Annotated[
            MatchDirection, strawberry.argument(description="Which side the records are of.")
        ] = MatchDirection.BUSINESS_CENTRAL_TO_DATAVERSE,
        criteria: Annotated[MatchCriteriaInput | None, strawberry.argument(description="How they are matched.")] = None,
        company: Annotated[UUID | None, COMPANY] = None,
    ) -> list[CouplingCandidates] | None:
        selection_of(info)
        desk = info.context.desk(company)
        tables = await desk.mapping(mapping)
        asked = criteria.asked() if criteria is not None else Asked()
        search = Search(tables, direction.to_crm, asked, tuple(dict.fromkeys(records)))
        found = await candidates(desk, search)
        origin, other = tables.table(search.origin), tables.table(search.other)
        return [
            CouplingCandidates(
                record=RecordReference(
                    system=origin.source.backend, kind=origin.noun, id=each.id, number=each.key, name=each.name
                ),
                verdict=each.verdict,
                candidates=[candidate_of(tables, other, candidate_json(one)) for one in each.candidates],
                complete=found.complete,
            )
            for each in found.proposals
        ]

    @strawberry.field(description="The fields that records of a mapping can be matched by.", metadata=declared(READERS))
    async def match_fields(
        self, info: Ask, mapping: Annotated[Mapping, strawberry.argument(description="Which tables.")]
    ) -> list[MatchField] | None:
        selection_of(info)
        tables = await info.context.desk().mapping(mapping)
        places = {name: place for place, group in reversed(list(enumerate(tables.match))) for name in group}
        return [
            MatchField(name=each.name, label=each.label, dataverse=each.crm, default_priority=places.get(each.name))
            for each in matchable(tables)
        ]

    @strawberry.field(description="A plan of match-based coupling.", metadata=declared(ADMINISTRATORS))
    async def match_plan(self, info: Ask, id: Annotated[UUID, PLAN_ID]) -> MatchPlan | None:
        selection_of(info)
        plan = await info.context.services.plans.get(id)
        return MatchPlan(plan=plan) if plan is not None else None

    @strawberry.field(
        description="The plans of match-based coupling, newest first, up to 20.", metadata=declared(ADMINISTRATORS)
    )
    async def match_plans(self, info: Ask, company: Annotated[UUID | None, COMPANY] = None) -> list[MatchPlan] | None:
        selection_of(info)
        services = info.context.services
        return [MatchPlan(plan=each) for each in await services.plans.newest(company or services.company, _MOST_PLANS)]


@strawberry.type
class MatchMutations:
    @strawberry.field(
        description="Look for partners of uncoupled records, by criteria in groups of priority and by similarity. Nothing is "
        "coupled: what is found is saved as a plan, which `acceptMatchPlan` couples and `undoMatchPlan` takes back.",
        metadata=declared(ADMINISTRATORS),
    )
    async def couple_by_match(
        self,
        info: Ask,
        input: Annotated[CoupleByMatchInput, strawberry.argument(description="Which records, and how.")],
    ) -> MatchPlanPayload | None:
        selection_of(info)
        services = info.context.services
        try:
            if input.records is not None and not 1 <= len(input.records) <= _MOST_RECORDS:
                raise InvalidInputError(f"Name between 1 and {_MOST_RECORDS} records.", argument="records")
            plan = await services.plan_jobs.make(
                await info.context.desk(input.company).mapping(input.mapping),
                input.company or services.company,
                to_crm=input.direction.to_crm,
                asked=input.criteria.asked() if input.criteria is not None else Asked(),
                records=input.records,
                by=info.context.caller.name,
            )
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return await _shown(info, plan, f"match-{plan.id}")

    @strawberry.field(
        description="Couple what a plan proposes: all that matched, those above a score, or some by number. Both records of "
        "each are looked at again; what cannot be coupled any more is refused with the reason, and stops nothing else.",
        metadata=declared(ADMINISTRATORS),
    )
    async def accept_match_plan(
        self, info: Ask, input: Annotated[AcceptMatchPlanInput, strawberry.argument(description="What is accepted.")]
    ) -> MatchPlanPayload | None:
        selection_of(info)
        try:
            plan = await _plan(info, input.plan_id)
            acceptance = await _acceptance(info, plan, input)
            mapping = await info.context.desk(plan.company_id).mapping(plan.mapping)
            _require_directions(mapping, plan, acceptance)
            job = await info.context.services.plan_jobs.accept(plan, acceptance, info.context.caller.name)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return await _shown(info, plan, job)

    @strawberry.field(
        description="Uncouple what came of a plan, as long as it is still coupled with the same partner. CRM's rows are left "
        "as they are, records that were created stay.",
        metadata=declared(ADMINISTRATORS),
    )
    async def undo_match_plan(self, info: Ask, plan_id: Annotated[UUID, PLAN_ID]) -> MatchPlanPayload | None:
        selection_of(info)
        try:
            plan = await _plan(info, plan_id)
            job = await info.context.services.plan_jobs.undo(plan, info.context.caller.name)
        except RefusalError as error:
            return UserError.of(error)
        return await _shown(info, plan, job)

    @strawberry.field(
        description="Forget a plan. Couplings that came of it stay, and can no longer be undone together.",
        metadata=declared(ADMINISTRATORS),
    )
    async def discard_match_plan(self, info: Ask, plan_id: Annotated[UUID, PLAN_ID]) -> DiscardMatchPlanPayload | None:
        selection_of(info)
        try:
            plan = await _plan(info, plan_id)
        except RefusalError as error:
            return UserError.of(error)
        await info.context.services.plan_jobs.settle(plan)
        if not await info.context.services.plans.drop(plan.id, of=[PlanState.READY, PlanState.FAILED]):
            return UserError.of(not_at_rest())
        return DiscardMatchPlanSuccess(plan_id=plan.id)


async def _plan(info: Ask, plan_id: UUID) -> Plan:
    """
    Raises:
        RefusalError: there is no such plan.
    """
    plan = await info.context.services.plans.get(plan_id)
    if plan is None:
        hint = "Look at matchPlans, or make a new one with coupleByMatch."
        raise RefusalError(ErrorCode.RECORD_NOT_FOUND, f"There is no plan {plan_id}.", hint=hint, argument="planId")
    return plan


def _require_directions(mapping: TableMapping, plan: Plan, acceptance: Acceptance) -> None:
    """
    Raises:
        RefusalError: data would go where the mapping does not write; found out before anything is accepted.
    """
    if acceptance.synchronize.to is not None:
        require_direction(mapping, acceptance.synchronize.to)
    if acceptance.create:
        require_direction(mapping, sides(plan)[1])


async def _acceptance(info: Ask, plan: Plan, input: AcceptMatchPlanInput) -> Acceptance:
    """
    Raises:
        InvalidInputError: nothing is accepted, or in more than one way; a proposal or candidate is none of the plan's.
    """
    ways = (input.matched, input.minimum_score is not None, input.proposals is not None)
    if sum(ways) > 1 or (not any(ways) and not input.create_new):
        raise InvalidInputError("Give exactly one of matched, minimumScore and proposals.", argument="proposals")
    if input.minimum_score is not None and not 1 <= input.minimum_score <= 100:
        raise InvalidInputError("A score is between 1 and 100.", argument="minimumScore")
    if input.proposals is not None:
        chosen = await _chosen(info, plan, input)
        return Acceptance(tuple(Verdict), chosen=chosen, synchronize=input.synchronize)
    verdicts: list[Verdict] = [Verdict.MATCHED] if any(ways) else []
    verdicts += [Verdict.LIKELY] if input.minimum_score is not None else []
    return Acceptance(tuple(verdicts), input.minimum_score, None, input.synchronize, input.create_new)


async def _chosen(info: Ask, plan: Plan, input: AcceptMatchPlanInput) -> dict[int, UUID]:
    given = input.proposals or []
    if len({each.number for each in given}) < len(given):
        raise InvalidInputError("A proposal is named twice.", argument="proposals")
    if not 1 <= len(given) <= _MOST_RECORDS or input.create_new:
        raise InvalidInputError(
            f"Name between 1 and {_MOST_RECORDS} proposals, without createNew.", argument="proposals"
        )
    wanted = ProposalFilter(numbers=tuple(each.number for each in given))
    found = {
        each.number: each
        for each in await info.context.services.plans.proposals(plan.id, wanted, after=0, limit=_MOST_RECORDS)
    }
    return {each.number: _candidate(found.get(each.number), each.number, each.candidate) for each in given}


def _candidate(proposal: Any, number: int, wanted: UUID | None) -> UUID:
    ids: Sequence[UUID] = [UUID(each["id"]) for each in proposal.candidates] if proposal is not None else []
    if not ids:
        raise InvalidInputError(f"The plan has no proposal {number} with a candidate.", argument="proposals")
    if wanted is not None and wanted not in ids:
        raise InvalidInputError(f"{wanted} is no candidate of proposal {number}.", argument="proposals")
    return wanted or ids[0]


async def _shown(info: Ask, plan: Plan, job: str) -> MatchPlanSuccess:
    """The plan after its job, if that is over within moments."""
    services = info.context.services
    try:
        async with asyncio.timeout(max(0.0, info.context.deadline.remaining) * _PATIENCE):
            await services.jobs.wait(job)
    except TimeoutError:
        pass
    return MatchPlanSuccess(plan=MatchPlan(plan=await services.plans.get(plan.id) or plan))
