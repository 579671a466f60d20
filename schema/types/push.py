"""What came of records whose figures were copied to CRM."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from gateway.sync.push import Pushed, PushOutcome
from schema.access import EVERY_ROLE, READERS, WITH_ITS_FIELD, seen_by
from schema.enums import ErrorCode
from schema.lookups import CustomerBy, ItemBy
from schema.types.user_error import UserError


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="What came of one record.")
class PushResult:
    number: str | None = strawberry.field(description="Its number in Business Central; null when it was not found.")
    crm_id: UUID | None = strawberry.field(
        description="The row of CRM that holds the figures; null when there is none."
    )
    outcome: PushOutcome = strawberry.field(description="What was done.")
    code: ErrorCode | None = strawberry.field(description="The error of a record that failed.")
    message: str | None = strawberry.field(description="Why nothing was written; null when it was, or need not be.")

    @classmethod
    def of(cls, pushed: Pushed) -> "PushResult":
        return cls(
            number=pushed.number,
            crm_id=UUID(pushed.crm_id) if pushed.crm_id is not None else None,
            outcome=pushed.outcome,
            code=pushed.code,
            message=pushed.message,
        )


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="How many records came to what.")
class PushCounters:
    created: int = strawberry.field(description="Rows that were created.")
    updated: int = strawberry.field(description="Rows that were changed.")
    unchanged: int = strawberry.field(description="Rows that were right already.")
    skipped: int = strawberry.field(description="Records that do not exist, are not coupled, or lack a figure.")
    failed: int = strawberry.field(description="Records that could not be read or written.")

    @classmethod
    def of(cls, results: Sequence[Pushed]) -> "PushCounters":
        def count(*outcomes: PushOutcome) -> int:
            return sum(each.outcome in outcomes for each in results)

        return cls(
            created=count(PushOutcome.CREATED),
            updated=count(PushOutcome.UPDATED),
            unchanged=count(PushOutcome.UNCHANGED),
            skipped=count(PushOutcome.NOT_FOUND, PushOutcome.NOT_COUPLED, PushOutcome.INCOMPLETE),
            failed=count(PushOutcome.FAILED),
        )


@strawberry.input(description="Whose statistics are to be copied to CRM.")
class UpdateAccountStatisticsInput:
    customers: list[CustomerBy] = strawberry.field(description="Up to 200 customers, each by exactly one key.")
    company: UUID | None = strawberry.field(
        default=None, description="SystemId of the Business Central company; the configured one by default."
    )


@seen_by(EVERY_ROLE)
@strawberry.type(
    description="The statistics were copied as far as they could be: one result for each customer, in their order."
)
class UpdateAccountStatisticsSuccess:
    results: list[PushResult] = strawberry.field(description="What came of each customer.")
    counters: PushCounters = strawberry.field(description="The same, counted.")


@strawberry.input(description="Whose stock is to be copied to CRM.")
class UpdateProductStockInput:
    items: list[ItemBy] = strawberry.field(description="Up to 200 items, each by exactly one key.")
    company: UUID | None = strawberry.field(
        default=None, description="SystemId of the Business Central company; the configured one by default."
    )


@seen_by(READERS)
@strawberry.type(description="The stock was copied as far as it could be: one result for each item, in their order.")
class UpdateProductStockSuccess:
    results: list[PushResult] = strawberry.field(description="What came of each item.")
    counters: PushCounters = strawberry.field(description="The same, counted.")


UpdateAccountStatisticsPayload = Annotated[
    UpdateAccountStatisticsSuccess | UserError,
    strawberry.union("UpdateAccountStatisticsPayload", description="What came of `updateAccountStatistics`."),
]
UpdateProductStockPayload = Annotated[
    UpdateProductStockSuccess | UserError,
    strawberry.union("UpdateProductStockPayload", description="What came of `updateProductStock`."),
]
