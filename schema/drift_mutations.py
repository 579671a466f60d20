"""The root fields that put couplings right: drift repaired, salespersons coupled."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError, RefusalError
from gateway.pairing.drift.repair import Repairs, repair_all, repair_entries
from gateway.pairing.salespersons.carrying_out import couple_salespersons
from schema.context import Context
from schema.fields import ADMINISTRATORS, declared
from schema.selection import selection_of
from schema.types.couple_salespersons import (
    CoupleSalespersonsInput,
    CoupleSalespersonsPayload,
    CoupleSalespersonsSuccess,
)
from schema.types.drift import RepairDriftInput, RepairDriftPayload, RepairDriftSuccess, parse_entries, place_of
from schema.types.user_error import UserError

Ask = Info[Context, Any]

MOST_ENTRIES = 200


@strawberry.type
class DriftMutations:
    @strawberry.field(
        description="Repair what `drift` shows, as far as nobody has to be asked. Everything is looked at again before it is "
        "repaired; a dry run, which is the default, writes nothing.",
        metadata=declared(ADMINISTRATORS),
    )
    async def repair_drift(
        self, info: Ask, input: Annotated[RepairDriftInput, strawberry.argument(description="What to repair.")]
    ) -> RepairDriftPayload | None:
        selection_of(info)
        company = input.company or info.context.services.company
        try:
            repairs = await _repairs(info, input, company)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return RepairDriftSuccess.of(repairs, company, dry=input.dry_run)

    @strawberry.field(
        description="Couple salespersons with users: by hand, by e-mail, with new salespersons; or uncouple them. Users who "
        "are coupled become members of the company's default team. A dry run, which is the default, writes nothing.",
        metadata=declared(ADMINISTRATORS),
    )
    async def couple_salespersons(
        self, info: Ask, input: Annotated[CoupleSalespersonsInput, strawberry.argument(description="Who.")]
    ) -> CoupleSalespersonsPayload | None:
        selection_of(info)
        try:
            outcome = await couple_salespersons(info.context.desk(input.company), input.wish(), dry=input.dry_run)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return CoupleSalespersonsSuccess.of(outcome, dry=input.dry_run)


async def _repairs(info: Ask, input: RepairDriftInput, company: UUID) -> Repairs:
    """
    Raises:
        InvalidInputError: an entry or the cursor cannot be used.
    """
    desk = info.context.desk(company)
    mapping = await desk.mapping(input.mapping)
    if input.entries is None:
        place = place_of(input.after) if input.after is not None else None
        return await repair_all(desk, mapping, input.kinds, place, dry=input.dry_run)
    if not 1 <= len(input.entries) <= MOST_ENTRIES:
        raise InvalidInputError(f"entries takes between 1 and {MOST_ENTRIES} ids.", argument="entries")
    entries = parse_entries(input.entries, company)
    couplings = await info.context.services.couplings.get_many(each.key for each in entries if not each.of_rows)
    if any(each.mapping is not input.mapping or each.company_id != company for each in couplings.values()):
        raise InvalidInputError("An entry is of another mapping or company.", argument="entries")
    return await repair_entries(desk, mapping, entries, couplings, kinds=input.kinds, dry=input.dry_run)
