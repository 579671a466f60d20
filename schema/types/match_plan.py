"""Match-based coupling: what is asked, the plan that comes of it, its proposals, and what somebody decides about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.couplings.plan import MatchPlan as Plan
from gateway.couplings.plan import PlanCounts, PlanState, ProposalFilter, ProposalState, StoredProposal
from gateway.errors import ErrorCode as Code
from gateway.errors import InvalidInputError
from gateway.jobs.job import JobStatus
from gateway.matching.proposal import Outcome, Verdict
from gateway.pairing.couple import Synchronize
from gateway.pairing.matches.criteria import Asked, AskedField, asked_from, fields_of
from gateway.pairing.matches.matching import sides
from gateway.sync.mapping import Table, TableMapping
from schema.access import ADMINISTRATORS, READERS, seen_by
from schema.context import Context
from schema.enums import (
    ErrorCode,
    Mapping,
    MatchComparison,
    MatchDirection,
    MatchGrouping,
    MatchOutcome,
    MatchVerdict,
    PlanStateKind,
    ProposalStateKind,
    System,
)
from schema.fields import After
from schema.ids import GlobalId
from schema.types.user_error import RecordReference, UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."
_MOST_PROPOSALS = 500


@strawberry.input(description="A field to match by.")
class MatchCriterionInput:
    field: str = strawberry.field(description="Its name, as `matchFields` lists them.")
    priority: int = strawberry.field(
        default=0, description="Fields of one priority have to agree together; lower priorities are tried first."
    )
    case_sensitive: bool = strawberry.field(default=False, description="Whether capital letters count.")
    comparison: MatchComparison = strawberry.field(
        default=MatchComparison.EXACT, description="Whether only the spelling may differ."
    )


@strawberry.input(description="How records are matched.")
class MatchCriteriaInput:
    fields: list[MatchCriterionInput] | None = strawberry.field(
        default=None, description="The fields to match by; those of the mapping by default."
    )
    grouping: MatchGrouping = strawberry.field(
        default=MatchGrouping.FALL_BACK, description="What a later priority does with the conditions of earlier ones."
    )
    scored: bool = strawberry.field(
        default=True, description="Whether records without a match get candidates that are similar, with a score."
    )
    minimum_score: int = strawberry.field(default=60, description="The least score of a likely candidate, 1 to 100.")

    def asked(self) -> Asked:
        fields = None
        if self.fields is not None:
            fields = tuple(
                AskedField(each.field, each.priority, each.case_sensitive, each.comparison) for each in self.fields
            )
        return Asked(fields, self.grouping, self.scored, self.minimum_score)


@strawberry.input(
    description="Which records are to be matched. Nothing is coupled: a plan is made, which is then accepted."
)
class CoupleByMatchInput:
    mapping: Mapping = strawberry.field(description="Which tables.")
    direction: MatchDirection = strawberry.field(
        default=MatchDirection.BUSINESS_CENTRAL_TO_DATAVERSE, description="Which side's records look for partners."
    )
    criteria: MatchCriteriaInput | None = strawberry.field(default=None, description="How they are matched.")
    records: list[UUID] | None = strawberry.field(
        default=None, description="Ids of up to 500 records that look for a partner; all that are uncoupled by default."
    )
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)


@seen_by(READERS)
@strawberry.type(description="One field of a candidate.")
class MatchReason:
    field: str = strawberry.field(description="Its name.")
    label: str = strawberry.field(description="Its caption in Business Central.")
    source: str | None = strawberry.field(description="What the record that looks for a partner has.")
    target: str | None = strawberry.field(description="What the candidate has.")
    outcome: MatchOutcome = strawberry.field(description="How the two compare.")
    points: int = strawberry.field(description="What that says for the candidate; negative, against it.")


@seen_by(READERS)
@strawberry.type(description="A record of the other side that may be the partner.")
class MatchCandidate:
    record: RecordReference = strawberry.field(description="Which record.")
    score: int = strawberry.field(description="From 0 to 100; 100 for a match by the criteria.")
    taken_by: str | None = strawberry.field(description="Number of the record it is coupled with already.")
    claimed_by: str | None = strawberry.field(description="Number of another record that has as good a claim to it.")
    reasons: list[MatchReason] = strawberry.field(description="What speaks for and against it, field by field.")


def candidate_of(mapping: TableMapping, table: Table, stored: Any) -> MatchCandidate:
    """A candidate as it is kept, shown."""
    return MatchCandidate(
        record=_reference(table, UUID(stored["id"]), stored["key"], stored["name"]),
        score=stored["score"],
        taken_by=stored["takenBy"],
        claimed_by=stored["claimedBy"],
        reasons=[_reason(mapping, each) for each in stored["reasons"]],
    )


def _reason(mapping: TableMapping, stored: Any) -> MatchReason:
    field = mapping.field(stored["field"])
    return MatchReason(
        field=stored["field"],
        label=field.label if field else stored["field"],
        source=stored["source"],
        target=stored["target"],
        outcome=Outcome(stored["outcome"]),
        points=stored["points"],
    )


def _reference(table: Table, id: UUID, number: str | None, name: str | None) -> RecordReference:
    system = System(table.source.backend)
    return RecordReference(system=system, kind=table.noun, id=id, number=number, name=name)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A record that looks for a partner, and what was found for it.")
class MatchProposal:
    number: int = strawberry.field(description="Its place in the plan; names it when it is accepted.")
    record: RecordReference = strawberry.field(description="The record.")
    verdict: MatchVerdict = strawberry.field(description="What was found.")
    priority: int | None = strawberry.field(
        description="Priority of the criteria that decided; null when they found nothing."
    )
    candidates: list[MatchCandidate] = strawberry.field(description="Up to five, best first.")
    state: ProposalStateKind = strawberry.field(description="What became of it.")
    coupling_id: strawberry.ID | None = strawberry.field(description="Global id of the coupling that came of it.")
    code: ErrorCode | None = strawberry.field(description="Why it was refused.")
    message: str | None = strawberry.field(description="The same in a sentence, with what to do.")


def proposal_of(mapping: TableMapping, plan: Plan, stored: StoredProposal) -> MatchProposal:
    """A proposal as it is kept, shown."""
    origin, other = (mapping.table(side) for side in sides(plan))
    coupling = GlobalId("Coupling", plan.company_id, stored.coupling_id) if stored.coupling_id else None
    return MatchProposal(
        number=stored.number,
        record=_reference(origin, stored.source_id, stored.source_key, stored.source_name),
        verdict=Verdict(stored.verdict),
        priority=stored.priority,
        candidates=[candidate_of(mapping, other, each) for each in stored.candidates],
        state=stored.state,
        coupling_id=strawberry.ID(str(coupling)) if coupling else None,
        code=Code(stored.problem_code) if stored.problem_code else None,
        message=stored.problem_message,
    )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A page of proposals.")
class MatchProposalPage:
    nodes: list[MatchProposal] = strawberry.field(description="The proposals, by the records' numbers.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` to go on.")
    has_next_page: bool = strawberry.field(description="Whether more follow.")


@seen_by(ADMINISTRATORS)
@strawberry.type(description="How many proposals there are of each kind.")
class MatchCounts:
    matched: int = strawberry.field(description="Exactly one free candidate by the criteria.")
    likely: int = strawberry.field(description="None by the criteria, one clearly the best by score.")
    ambiguous: int = strawberry.field(description="Several candidates.")
    contested: int = strawberry.field(description="Its only candidate is another record's too.")
    taken: int = strawberry.field(description="Its only candidate is coupled already.")
    none: int = strawberry.field(description="Nothing alike.")
    open: int = strawberry.field(description="Not decided yet.")
    accepted: int = strawberry.field(description="Coupled.")
    refused: int = strawberry.field(description="Accepted, but could not be coupled any more.")
    undone: int = strawberry.field(description="Coupled, and uncoupled again.")

    @classmethod
    def of(cls, counts: PlanCounts) -> "MatchCounts":
        return cls(
            **{each.lower(): counts.verdicts.get(each, 0) for each in Verdict},
            **{each.lower(): counts.states.get(each, 0) for each in ProposalState},
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="How far a job is.")
class MatchProgress:
    sources: int = strawberry.field(description="Records read that look for a partner.")
    targets: int = strawberry.field(description="Records of the other side read.")
    judged: int = strawberry.field(description="Records for which a partner was looked for.")
    handled: int = strawberry.field(description="Proposals that were accepted or undone.")

    @classmethod
    def of(cls, status: JobStatus | None) -> "MatchProgress":
        told = status.progress if status is not None and isinstance(status.progress, dict) else {}
        return cls(**{name: int(told.get(name, 0)) for name in ("sources", "targets", "judged", "handled")})


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A plan of match-based coupling: saved, to be accepted wholly or in part, and undone.")
class MatchPlan:
    plan: strawberry.Private[Plan]

    @strawberry.field(description="Its id.")
    def id(self) -> UUID:
        return self.plan.id

    @strawberry.field(description="Which tables.")
    def mapping(self) -> Mapping:
        return self.plan.mapping

    @strawberry.field(description="The Business Central company.")
    def company_id(self) -> UUID:
        return self.plan.company_id

    @strawberry.field(description="Which side's records look for partners.")
    def direction(self) -> MatchDirection:
        return MatchDirection.of(to_crm=self.plan.to_crm)

    @strawberry.field(description="How far it is.")
    def state(self) -> PlanStateKind:
        return self.plan.state

    @strawberry.field(description="When it was begun.")
    def created_at(self) -> datetime:
        return self.plan.created_at

    @strawberry.field(description="Who began it.")
    def created_by(self) -> str:
        return self.plan.created_by

    @strawberry.field(description="When it last came to rest.")
    def finished_at(self) -> datetime | None:
        return self.plan.finished_at

    @strawberry.field(description="What the records were matched by, in groups of ascending priority.")
    def criteria(self, info: Info[Context, Any]) -> list["MatchCriterion"]:
        fields = fields_of(info.context.services.tables.described(self.plan.mapping), asked_from(self.plan.asked))
        return [
            MatchCriterion(
                field=each.field,
                priority=each.priority,
                case_sensitive=each.case_sensitive,
                comparison=each.comparison,
            )
            for each in fields
        ]

    @strawberry.field(description="What went wrong, if it failed.")
    def code(self) -> ErrorCode | None:
        return Code(self.plan.error_code) if self.plan.error_code else None

    @strawberry.field(description="The same in a sentence; or, of a plan that is ready, which records were left out.")
    def message(self) -> str | None:
        return self.plan.error_message

    @strawberry.field(description="How many proposals there are of each kind.")
    async def counts(self, info: Info[Context, Any]) -> MatchCounts | None:
        return MatchCounts.of(await info.context.services.plans.counts(self.plan.id))

    @strawberry.field(
        description="One sentence on what has no partner, as Business Central tells it at the end of a run; null while it runs."
    )
    async def summary(self, info: Info[Context, Any]) -> str | None:
        if self.plan.state in (PlanState.MATCHING, PlanState.FAILED):
            return None
        counts = await info.context.services.plans.counts(self.plan.id)
        total = sum(counts.verdicts.values())
        missing = total - counts.verdicts.get(Verdict.MATCHED, 0)
        return f"{missing} of {total} records have no unique uncoupled match."

    @strawberry.field(description="How far its job is; null when none is under way.")
    async def progress(self, info: Info[Context, Any]) -> MatchProgress | None:
        if self.plan.state in (PlanState.READY, PlanState.FAILED):
            return None
        job = (self.plan.wish or {}).get("job") or f"match-{self.plan.id}"
        return MatchProgress.of(await info.context.services.jobs.status(job))

    @strawberry.field(description="Its proposals, by the records' numbers.")
    async def proposals(
        self,
        info: Info[Context, Any],
        verdicts: Annotated[list[MatchVerdict] | None, strawberry.argument(description="Only of these kinds.")] = None,
        states: Annotated[
            list[ProposalStateKind] | None, strawberry.argument(description="Only those of which this became.")
        ] = None,
        minimum_score: Annotated[
            int | None, strawberry.argument(description="Only those whose best candidate has at least this score.")
        ] = None,
        first: Annotated[int, strawberry.argument(description="How many, up to 500.")] = 50,
        after: After = None,
    ) -> MatchProposalPage | None:
        if not 1 <= first <= _MOST_PROPOSALS:
            raise InvalidInputError(f"first must be between 1 and {_MOST_PROPOSALS}.", argument="first")
        wanted = ProposalFilter(
            tuple(verdicts) if verdicts is not None else None,
            tuple(states) if states is not None else None,
            minimum_score,
        )
        found = await info.context.services.plans.proposals(self.plan.id, wanted, after=_place(after), limit=first + 1)
        return proposal_page(info.context.services.tables.described(self.plan.mapping), self.plan, found, first)


def proposal_page(mapping: TableMapping, plan: Plan, found: Sequence[StoredProposal], first: int) -> MatchProposalPage:
    shown = found[:first]
    return MatchProposalPage(
        nodes=[proposal_of(mapping, plan, each) for each in shown],
        end_cursor=str(shown[-1].number) if shown else None,
        has_next_page=len(found) > first,
    )


def _place(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isascii() or not after.isdigit() or len(after) > 9:
        raise InvalidInputError("The cursor is not one this list has given out.", argument="after")
    return int(after)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A field that records were matched by.")
class MatchCriterion:
    field: str = strawberry.field(description="Its name.")
    priority: int = strawberry.field(description="The group it belongs to; lower ones are tried first.")
    case_sensitive: bool = strawberry.field(description="Whether capital letters count.")
    comparison: MatchComparison = strawberry.field(description="Whether only the spelling may differ.")


@seen_by(READERS)
@strawberry.type(description="A field that records of a mapping can be matched by.")
class MatchField:
    name: str = strawberry.field(description="Its name.")
    label: str = strawberry.field(description="Its caption in Business Central.")
    dataverse: str = strawberry.field(description="The column of CRM.")
    default_priority: int | None = strawberry.field(
        description="The group it belongs to when no criteria are given; null when it belongs to none."
    )


@seen_by(READERS)
@strawberry.type(description="Candidates of one record.")
class CouplingCandidates:
    record: RecordReference = strawberry.field(description="The record that looks for a partner.")
    verdict: MatchVerdict = strawberry.field(description="What was found.")
    candidates: list[MatchCandidate] = strawberry.field(description="Up to five, best first.")
    complete: bool = strawberry.field(
        description="Whether all that could be alike was looked at; false when there was too much of it. A plan looks at all."
    )


@strawberry.input(description="A proposal that is accepted.")
class AcceptedProposal:
    number: int = strawberry.field(description="Its place in the plan.")
    candidate: UUID | None = strawberry.field(
        default=None, description="Id of the candidate that is meant; the best one by default."
    )


@strawberry.input(description="What of a plan is accepted: exactly one of `proposals`, `minimumScore` and `matched`.")
class AcceptMatchPlanInput:
    plan_id: UUID = strawberry.field(description="Id of the plan.")
    matched: bool = strawberry.field(
        default=False, description="All records with exactly one free candidate by the criteria."
    )
    minimum_score: int | None = strawberry.field(
        default=None, description="Those, and the likely ones whose candidate has at least this score."
    )
    proposals: list[AcceptedProposal] | None = strawberry.field(
        default=None, description="Up to 500 proposals by number."
    )
    synchronize: Synchronize = strawberry.field(
        default=Synchronize.NONE, description="Whose data both hold afterwards."
    )
    create_new: bool = strawberry.field(
        default=False,
        description="Also create a partner for each record for which nothing alike was found, where the mapping allows it.",
    )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The plan, as it is now. A small one is finished already, others go on as a job.")
class MatchPlanSuccess:
    plan: MatchPlan = strawberry.field(description="The plan.")


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The plan is forgotten; couplings that came of it stay.")
class DiscardMatchPlanSuccess:
    plan_id: UUID = strawberry.field(description="Id of the plan.")


MatchPlanPayload = Annotated[
    MatchPlanSuccess | UserError,
    strawberry.union("MatchPlanPayload", description="What came of a mutation on a plan of match-based coupling."),
]
DiscardMatchPlanPayload = Annotated[
    DiscardMatchPlanSuccess | UserError,
    strawberry.union("DiscardMatchPlanPayload", description="What came of `discardMatchPlan`."),
]
