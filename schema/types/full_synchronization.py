"""Full runs: what is asked for, what begins, and the look that is taken before."""

from typing import Annotated
from uuid import UUID

import strawberry

from gateway.runs.review import Facts, Line, Uncoupled
from gateway.runs.run import Run
from schema.access import ADMINISTRATORS, seen_by
from schema.enums import Mapping, System
from schema.run_enums import FullSynchronizationRecommendation, SynchronizeWay
from schema.types.synchronization import DRY_RUN, SynchronizationJob
from schema.types.user_error import UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."


@strawberry.input(description="What a full run is to look at.")
class StartFullSynchronizationInput:
    mapping: Mapping | None = strawberry.field(
        default=None,
        description="Which tables; null: all, one after the other in the order in which they depend on each other.",
    )
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)
    only_coupled: bool | None = strawberry.field(
        default=None,
        description="Whether records that nobody coupled are left alone; false: partners are made for them. Null: as each "
        "mapping says.",
    )
    way: SynchronizeWay = strawberry.field(
        default=SynchronizeWay.MERGE,
        description="Whose data counts where both sides differ. MERGE respects conflicts; the others overwrite one side, "
        "whatever changed there. Of all mappings, those that do not write to that side are merged.",
    )
    dry_run: bool = strawberry.field(default=False, description=DRY_RUN)


@seen_by(ADMINISTRATORS)
@strawberry.type(
    description="The runs have begun, or wait for the one before; `synchronizationJob` tells how far each is."
)
class FullSynchronizationStarted:
    jobs: list[SynchronizationJob] = strawberry.field(description="One run for each mapping, in their order.")


StartFullSynchronizationPayload = Annotated[
    FullSynchronizationStarted | UserError,
    strawberry.union("StartFullSynchronizationPayload", description="What came of `startFullSynchronization`."),
]


@seen_by(ADMINISTRATORS)
@strawberry.type(description="Records within the filter of a mapping that nobody coupled.")
class UncoupledRecords:
    count: int | None = strawberry.field(description="How many; null where that cannot be had.")
    exact: bool = strawberry.field(
        description="False where there are too many couplings to look which of them lead outside the filter: it may be more."
    )
    reason: str | None = strawberry.field(description="Why there is no number.")

    @classmethod
    def of(cls, found: Uncoupled) -> "UncoupledRecords":
        return cls(count=found.number, exact=found.exact, reason=found.reason)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A mapping whose records another one refers to.")
class FullSynchronizationDependency:
    mapping: Mapping = strawberry.field(description="Which tables.")
    satisfied: bool = strawberry.field(
        description="Whether its records can be found coupled: its last full run came to its end, or some of it is coupled, or "
        "nothing of it is to be."
    )

    @classmethod
    def of(cls, facts: Facts) -> "FullSynchronizationDependency":
        return cls(mapping=facts.mapping.mapping, satisfied=facts.is_satisfied)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="What a full run of a mapping would meet in one direction, and what is best done.")
class FullSynchronizationReviewLine:
    mapping: Mapping = strawberry.field(description="Which tables.")
    to: System = strawberry.field(description="The side that is written.")
    recommendation: FullSynchronizationRecommendation | None = strawberry.field(
        description="What is best done; null where the counts it goes by cannot be had."
    )
    job: SynchronizationJob | None = strawberry.field(description="The last full run of the mapping, if there was one.")
    coupled: int = strawberry.field(description="Couplings of the mapping in this company.")
    uncoupled_in_business_central: UncoupledRecords = strawberry.field(description="Records that nobody coupled.")
    uncoupled_in_dataverse: UncoupledRecords = strawberry.field(description="Rows of CRM that nobody coupled.")
    dependencies: list[FullSynchronizationDependency] = strawberry.field(
        description="Mappings whose records it refers to."
    )

    @classmethod
    def of(cls, line: Line, run: Run | None) -> "FullSynchronizationReviewLine":
        facts = line.facts
        return cls(
            mapping=facts.mapping.mapping,
            to=line.to,
            recommendation=line.recommendation,
            job=SynchronizationJob(run=run) if run is not None else None,
            coupled=facts.coupled,
            uncoupled_in_business_central=UncoupledRecords.of(facts.uncoupled[System.BUSINESS_CENTRAL]),
            uncoupled_in_dataverse=UncoupledRecords.of(facts.uncoupled[System.DATAVERSE]),
            dependencies=list(map(FullSynchronizationDependency.of, line.dependencies)),
        )
