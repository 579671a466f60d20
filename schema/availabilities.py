"""Availability at the root: of one item, or of all lines of a quote in as many requests as of one."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.answers.availability import Arguments
from gateway.errors import GatewayError, InvalidInputError
from gateway.reading.row import Failure, Row
from schema.context import Context
from schema.lookups import ItemBy, look_up, look_up_each
from schema.selection import selection_of
from schema.types.availability import Availability, availability_of

MOST_LINES = 200


def _line(description: str) -> Any:
    return strawberry.field(default=None, description=description)


@strawberry.input(description="One line of a quote: an item, and what is wanted of it.")
class AvailabilityLine:
    item: ItemBy = strawberry.field(description="Exactly one key of the item.")
    location: str | None = _line("Only at this location, by its code; all by default.")
    variant: str | None = _line("Only of this variant, by its code; all by default.")
    on: date | None = _line("For which day; today by default.")
    quantity: Decimal | None = _line("How much is wanted.")
    unit_of_measure: str | None = _line("In which unit, by its code; the base unit by default.")

    def arguments(self) -> Arguments:
        return Arguments(self.location, self.variant, self.on, self.quantity, self.unit_of_measure)


async def availability_of_item(
    info: Info[Context, Any], by: ItemBy, arguments: Arguments, company: UUID | None
) -> Availability | None:
    """None when there is no such item.

    Raises:
        GatewayError: nothing is known of the item, or an argument cannot be used.
    """
    row = await look_up(by, info.context.reader(company), selection_of(info).row())
    return availability_of(row, "", arguments, info) if row is not None else None


async def availability_of_lines(
    info: Info[Context, Any], lines: Sequence[AvailabilityLine], company: UUID | None
) -> list[Any]:
    """One answer for each line, in their order; None where there is no such item, an error where a line cannot be used.

    Raises:
        InvalidInputError: too many lines.
    """
    if not 1 <= len(lines) <= MOST_LINES:
        raise InvalidInputError(f"lines takes between 1 and {MOST_LINES} lines.", argument="lines")
    need = selection_of(info).row()
    rows = await look_up_each([line.item for line in lines], info.context.reader(company), need)
    return [_answer(row, line, info) for row, line in zip(rows, lines, strict=True)]


def _answer(row: Row | Failure | GatewayError | None, line: AvailabilityLine, info: Info[Context, Any]) -> Any:
    """graphql-core raises what stands in a list as an exception; a failure that nulls many lines is told once."""
    try:
        if isinstance(row, Failure):
            row.tell()
            return None
        if isinstance(row, GatewayError) or row is None:
            return row
        return availability_of(row, "", line.arguments(), info)
    except GatewayError as error:
        return error
