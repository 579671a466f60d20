"""The root fields that change something, a few lines each."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import GatewayError, InvalidInputError
from gateway.reading.need import Need
from gateway.reading.row import Failure, Row
from gateway.sync import account_statistics, product_stock
from gateway.sync.push import Writer
from schema.context import Context
from schema.coupling_files import CouplingFileMutations
from schema.coupling_mutations import CouplingMutations
from schema.drift_mutations import DriftMutations
from schema.fields import EVERY_ROLE, READERS, declared
from schema.full_synchronization import FullSynchronizationMutations
from schema.lookups import look_up_each
from schema.matches import MatchMutations
from schema.schedules import ScheduleMutations
from schema.selection import selection_of
from schema.synchronization import SynchronizationMutations
from schema.synchronization_errors import SynchronizationErrorMutations
from schema.table_mappings import TableMappingMutations
from schema.types.push import (
    PushCounters,
    PushResult,
    UpdateAccountStatisticsInput,
    UpdateAccountStatisticsPayload,
    UpdateAccountStatisticsSuccess,
    UpdateProductStockInput,
    UpdateProductStockPayload,
    UpdateProductStockSuccess,
)
from schema.types.user_error import UserError

MOST_RECORDS = 200

Ask = Info[Context, Any]


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    CouplingFileMutations,
    CouplingMutations,
    DriftMutations,
    FullSynchronizationMutations,
    MatchMutations,
    ScheduleMutations,
    SynchronizationMutations,
    SynchronizationErrorMutations,
    TableMappingMutations,
):
    @strawberry.field(
        description="Copy the twelve amounts of customers to the statistics rows of their accounts in CRM, as "
        "the native integration "
        "does every half hour. Unchanged and incomplete figures are not written.",
        metadata=declared(EVERY_ROLE),
    )
    async def update_account_statistics(
        self, info: Ask, input: Annotated[UpdateAccountStatisticsInput, strawberry.argument(description="Whose.")]
    ) -> UpdateAccountStatisticsPayload | None:
        selection_of(info)
        context = info.context
        company = input.company or context.services.company
        try:
            rows = await _rows(info, input.customers, account_statistics.need(context.setting), company, "customers")
        except InvalidInputError as error:
            return UserError.of(error)
        places = account_statistics.Places(context.services.reading, context.asking(company), company)
        results = await account_statistics.push_account_statistics(rows, context.setting, places, _writer(context))
        return UpdateAccountStatisticsSuccess(
            results=list(map(PushResult.of, results)), counters=PushCounters.of(results)
        )

    @strawberry.field(
        description="Copy the stock of items over all locations, at least 0, to `product.quantityonhand` in "
        "CRM, as the native "
        "integration does every half hour. An unchanged number is not written.",
        metadata=declared(READERS),
    )
    async def update_product_stock(
        self, info: Ask, input: Annotated[UpdateProductStockInput, strawberry.argument(description="Whose.")]
    ) -> UpdateProductStockPayload | None:
        selection_of(info)
        context = info.context
        company = input.company or context.services.company
        try:
            rows = await _rows(info, input.items, product_stock.need(context.setting), company, "items")
        except InvalidInputError as error:
            return UserError.of(error)
        results = await product_stock.push_product_stock(rows, context.setting, _writer(context))
        return UpdateProductStockSuccess(results=list(map(PushResult.of, results)), counters=PushCounters.of(results))


async def _rows(
    info: Ask, bys: Sequence[Any], need: Need, company: UUID, field: str
) -> list[Row | GatewayError | None]:
    """The records named, in their order; an error stands for one that could not be read.

    Raises:
        InvalidInputError: none is named, too many are, or a key cannot be used.
    """
    if not 1 <= len(bys) <= MOST_RECORDS:
        raise InvalidInputError(f"{field} takes between 1 and {MOST_RECORDS} records.", argument=field)
    rows = await look_up_each(bys, info.context.reader(company), need)
    read = [row.error if isinstance(row, Failure) else row for row in rows]
    for row in read:
        if isinstance(row, InvalidInputError):
            raise row
    return read


def _writer(context: Context) -> Writer:
    return Writer(context.services.backends.dataverse, context.call(), context.trace)
