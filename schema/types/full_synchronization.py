"""Full runs: what is asked for, what begins, and the look that is taken before."""

from typing import Annotated
from uuid import UUID

import strawberry

from schema.enums import Mapping
from schema.run_enums import SynchronizeWay
from schema.types.synchronization import SynchronizationJob
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


@strawberry.type(
    description="The runs have begun, or wait for the one before; `synchronizationJob` tells how far each is."
)
class FullSynchronizationStarted:
    jobs: list[SynchronizationJob] = strawberry.field(description="One run for each mapping, in their order.")


StartFullSynchronizationPayload = Annotated[
    FullSynchronizationStarted | UserError,
    strawberry.union("StartFullSynchronizationPayload", description="What came of `startFullSynchronization`."),
]
