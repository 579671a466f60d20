"""The native stock number, copied to CRM: ``product.quantityonhand`` of coupled items.

Source: Business Central, "Synchronizing item availability"; mapping ITEM-PRODUCT, Inventory to quantityonhand (never below 0).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.answers.availability import AVAILABILITY, Arguments, calculate
from gateway.answers.plan import Asked, Setting, column_of, need_of
from gateway.clients.writing import Outcome
from gateway.errors import GatewayError
from gateway.figures.unavailable import Unavailable
from gateway.odata.write import Update
from gateway.reading import values
from gateway.reading.need import Need
from gateway.reading.row import Row
from gateway.sync.push import Pushed, PushOutcome, Writer, not_written


def need(setting: Setting) -> Need:
    """What has to be read of an item."""
    return need_of(AVAILABILITY, ("product",), Asked({}, setting))


@dataclass(frozen=True, slots=True)
class _Planned:
    """One item: what is known without writing, or the write and whose it is."""

    done: Pushed | None = None
    write: Update | None = None
    number: str | None = None


async def push_product_stock(
    rows: Sequence[Row | GatewayError | None], setting: Setting, writer: Writer
) -> list[Pushed]:
    """One result for each row, in their order. Unchanged numbers are not written."""
    planned = [_plan(row, setting) for row in rows]
    writes = {
        each.write.id: each.write for each in planned if each.write is not None
    }  # an item named twice is written once
    outcomes = dict(zip(writes, await writer.write(list(writes.values())), strict=True))
    return [_result(each, outcomes) for each in planned]


def _result(planned: _Planned, outcomes: Mapping[UUID, Outcome]) -> Pushed:
    if planned.write is None:
        assert planned.done is not None  # noqa: S101 - one of the two
        return planned.done
    outcome, product = outcomes[planned.write.id], str(planned.write.id)
    if isinstance(outcome, GatewayError):
        return not_written(planned.number, outcome, crm_id=product)
    return Pushed(planned.number, PushOutcome.UPDATED, product)


def _plan(row: Row | GatewayError | None, setting: Setting) -> _Planned:
    if row is None:
        return _Planned(Pushed(None, PushOutcome.NOT_FOUND, message="There is no such item."))
    if isinstance(row, GatewayError):
        return _Planned(not_written(None, row))
    found = calculate(row, "", Arguments(), setting)
    number, native, product = found.figures.picture.number, found.figures.native_quantity, found.product
    if isinstance(native, Unavailable):
        return _Planned(Pushed(number, PushOutcome.INCOMPLETE, message=native.message))
    if isinstance(product, Unavailable):
        return _Planned(Pushed(number, PushOutcome.INCOMPLETE, message=product.message))
    if product is None or product.etag is None:
        message = "The item is not coupled to a product, or the product no longer exists."
        return _Planned(Pushed(number, PushOutcome.NOT_COUPLED, message=message))
    key = values.guid(product.key("productid"))
    if column_of(product, "quantityonhand", values.decimal) == native:
        return _Planned(Pushed(number, PushOutcome.UNCHANGED, str(key)))
    return _Planned(write=Update("products", key, {"quantityonhand": native}, product.etag), number=number)
