"""What runs of synchronization would do, and why."""

from collections.abc import Collection, Set
from typing import Final
from uuid import UUID

import strawberry

from gateway.errors import InvalidInputError
from gateway.records import Backend
from gateway.runs.hints import hint_for
from gateway.runs.planned import PlannedStep
from gateway.runs.planning import Action
from gateway.runs.plans import Counted
from gateway.runs.run import Run
from gateway.sync.mapping import TableMapping
from schema.access import READERS, seen_by
from schema.connection import PageInfo
from schema.context import Context
from schema.cursors import write_cursor
from schema.enums import CouplingSide, ErrorCode, Mapping, System
from schema.ids import GlobalId
from schema.run_enums import SynchronizationAction, SynchronizationReason
from schema.types.coupling_details import CouplingDifference
from schema.types.user_error import RecordReference
from schema.unseen import UNSEEN, Unseen

MOST_STEPS: Final = 200
MOST_ACTIONS: Final = 20
MOST_TOGETHER: Final = 1_000
"""Steps of all the plans that one request looks at."""


def coupling_id(company: UUID, id: UUID) -> strawberry.ID:
    """The global id of a coupling."""
    return strawberry.ID(str(GlobalId("Coupling", company, id)))


@seen_by(READERS)
@strawberry.type(description="What a run would do with a coupling, or with a record that nobody coupled, and why.")
class SynchronizationStep:
    mapping: Mapping = strawberry.field(description="Which tables.")
    action: SynchronizationAction = strawberry.field(description="What would be done.")
    reason: SynchronizationReason = strawberry.field(description="Why.")
    coupling_id: strawberry.ID | None = strawberry.field(description="The coupling; null while there is none.")
    records: list[RecordReference] = strawberry.field(
        description="The records, as far as they are there and you may see them."
    )
    to_business_central: list[str] = strawberry.field(description="Fields that Business Central would get.")
    to_dataverse: list[str] = strawberry.field(description="Fields that CRM would get.")
    differences: list[CouplingDifference] = strawberry.field(
        description="Those of these fields that are mapped and there on both sides, as they are now."
    )
    conflicts: list[CouplingDifference] = strawberry.field(
        description="Fields that both sides changed, and nobody resolves."
    )
    moved: CouplingSide | None = strawberry.field(description="Which record changed since they were synchronized.")
    code: ErrorCode | None = strawberry.field(description="What keeps it from being synchronized.")
    message: str | None = strawberry.field(
        description="The same in a sentence; it names no record when one is hidden from you."
    )
    hint: str | None = strawberry.field(description="What to do about it.")
    field: str | None = strawberry.field(description="The one field that is to blame, if there is one.")

    @classmethod
    def of(
        cls,
        step: PlannedStep,
        company: UUID,
        nouns: TableMapping,
        hidden: Set[Backend] = frozenset(),
        *,
        as_caller: bool = False,
        personal: bool = False,
    ) -> "SynchronizationStep":
        """Of the records on ``hidden`` sides nothing is told. What was planned ``as_caller`` says itself that one is hidden.

        ``personal``: the caller's own rights decide, and nobody asked whether they may see what look-ups lead to.
        """
        code = ErrorCode(step.code) if step.code is not None else None
        masked = bool(hidden) and not (as_caller and code is ErrorCode.RECORD_NOT_VISIBLE)
        unknown = {each.field for each in step.fields if personal and each.is_lookup}
        told = [each for each in step.fields if not masked and each.field not in unknown]
        fields = list(map(CouplingDifference.of_planned, told))
        masked = masked or bool(unknown)  # a sentence tells the values, too
        fails = step.action is Action.FAIL
        return cls(
            mapping=step.mapping,
            action=step.action,
            reason=step.reason,
            coupling_id=coupling_id(company, step.coupling_id) if step.coupling_id is not None else None,
            records=_records(step, nouns, hidden),
            to_business_central=list(step.to_bc),
            to_dataverse=list(step.to_crm),
            differences=[] if fails else fields,
            conflicts=fields if fails else [],
            moved=_side(step.moved),
            code=code,
            message=step.message if not masked else UNSEEN if code is not None else None,
            hint=step.hint if not masked else hint_for(code) if code is not None else None,
            field=step.field,
        )


def _records(step: PlannedStep, nouns: TableMapping, hidden: Set[Backend]) -> list[RecordReference]:
    sides = (
        (System.BUSINESS_CENTRAL, nouns.bc.noun, step.bc_id, step.bc_number, step.bc_name),
        (System.DATAVERSE, nouns.crm.noun, step.crm_id, step.crm_number, step.crm_name),
    )
    return [
        RecordReference(system=system, kind=noun, id=id, number=number, name=name)
        for system, noun, id, number, name in sides
        if id is not None and system not in hidden
    ]


def _side(moved: Collection[Backend]) -> CouplingSide | None:
    if len(moved) == 2:
        return CouplingSide.BOTH
    return CouplingSide(next(iter(moved))) if moved else None


@seen_by(READERS)
@strawberry.type(description="How many steps of a plan do the same for the same reason.")
class SynchronizationPlanCount:
    action: SynchronizationAction = strawberry.field(description="What would be done.")
    reason: SynchronizationReason = strawberry.field(description="Why.")
    count: int = strawberry.field(description="How often.")

    @classmethod
    def of(cls, counted: Counted) -> "SynchronizationPlanCount":
        return cls(action=counted.action, reason=counted.reason, count=counted.count)


@seen_by(READERS)
@strawberry.type(description="What a dry run found.")
class SynchronizationPlan:
    counts: list[SynchronizationPlanCount] = strawberry.field(
        description="All of it, by action and reason, most first."
    )
    nodes: list[SynchronizationStep] = strawberry.field(description="The steps of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = strawberry.field(description="How many steps there are with one of the actions asked for.")


async def plan_page(
    context: Context, run: Run, actions: Collection[Action] | None, first: int, after: int
) -> SynchronizationPlan:
    """Raises: InvalidInputError, when the request looks at more steps than it may."""
    context.steps += first
    if context.steps > MOST_TOGETHER:
        raise InvalidInputError(f"No more than {MOST_TOGETHER} steps of plans in one request.", argument="first")
    services = context.services
    plans = services.run_jobs.runs.plans
    counts = await plans.counts(run.id)
    found = await plans.page(run.id, actions=actions, after=after, limit=first + 1)
    shown = found[:first]
    unseen = await Unseen.among(context, run.company_id, [each.step for each in shown])
    return SynchronizationPlan(
        counts=list(map(SynchronizationPlanCount.of, counts)),
        nodes=[
            SynchronizationStep.of(
                each.step,
                run.company_id,
                services.tables.described(each.step.mapping),
                unseen.sides(each.step),
                personal=bool(unseen.personal),
            )
            for each in shown
        ],
        page_info=PageInfo(
            has_next_page=len(found) > first,
            has_previous_page=after > 0,
            start_cursor=write_cursor(str(shown[0].number)) if shown else None,
            end_cursor=write_cursor(str(shown[-1].number)) if shown else None,
        ),
        total_count=sum(each.count for each in counts if actions is None or each.action in actions),
    )
