"""The native stock number, copied to CRM: ``product.quantityonhand`` of coupled items.

Source: Business Central, "Synchronizing item availability"; mapping ITEM-PRODUCT, Inventory to quantityonhand (never below 0).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.answers.availability import AVAILABILITY, Arguments, calculate
from gateway.answers.plan import Asked, Setting, column_of, need_of
from gateway.errors import GatewayError, ProtocolError
from gateway.figures.unavailable import Unavailable
from gateway.odata.write import Update
from gateway.reading import values
from gateway.reading.need import Need
from gateway.reading.row import Row
from gateway.reading.sources import PRODUCTS
from gateway.records import Backend
from gateway.sync.push import Change, Pushed, PushOutcome, Writer, as_read, missing, not_written


def need(setting: Setting) -> Need:
    """What has to be read of an item."""
    return need_of(AVAILABILITY, ("product",), Asked({}, setting))


@dataclass(frozen=True, slots=True)
class _Planned:
    """One item: what is known without writing, or the change and whose it is."""

    done: Pushed | None = None
    change: Change | None = None
    number: str | None = None


async def push_product_stock(
    rows: Sequence[Row | GatewayError | None], setting: Setting, writer: Writer
) -> list[Pushed]:
    """One result for each row, in their order. Unchanged numbers are not written."""
    planned = [_plan(row, setting) for row in rows]
    changes = {
        each.change.update.id: each.change for each in planned if each.change is not None
    }  # an item named twice is written once
    outcomes = dict(zip(changes, await writer.change(list(changes.values())), strict=True))
    return [_result(each, outcomes) for each in planned]


def _result(planned: _Planned, outcomes: Mapping[UUID, PushOutcome | GatewayError]) -> Pushed:
    if planned.change is None:
        assert planned.done is not None  # noqa: S101 - one of the two
        return planned.done
    product = planned.change.update.id
    outcome = outcomes[product]
    if isinstance(outcome, GatewayError):
        return not_written(planned.number, outcome, crm_id=str(product))
    return Pushed(planned.number, outcome, str(product))


def _plan(row: Row | GatewayError | None, setting: Setting) -> _Planned:
    if row is None:
        return _Planned(Pushed(None, PushOutcome.NOT_FOUND, message="There is no such item."))
    if isinstance(row, GatewayError):
        return _Planned(not_written(None, row))
    found = calculate(row, "", Arguments(), setting)
    number, native, product = found.figures.picture.number, found.figures.native_quantity, as_read(found.product)
    if isinstance(native, Unavailable):
        return _Planned(missing(number, native))
    if isinstance(product, Unavailable):
        return _Planned(missing(number, product))
    if product is None or product.etag is None:
        message = "The item is not coupled to a product, or the product no longer exists."
        return _Planned(Pushed(number, PushOutcome.NOT_COUPLED, message=message))
    copied = column_of(product, "quantityonhand", values.decimal)
    if isinstance(copied, Unavailable):
        return _Planned(missing(number, copied))
    try:
        key = values.guid(product.key(PRODUCTS.key))
    except (ValueError, TypeError):
        return _Planned(
            not_written(number, ProtocolError("Dataverse sent a key that is no GUID.", backend=Backend.DATAVERSE))
        )
    if copied == native:
        return _Planned(Pushed(number, PushOutcome.UNCHANGED, str(key)))
    wanted = {"quantityonhand": native}
    return _Planned(change=Change(PRODUCTS, Update(PRODUCTS.name, key, wanted, product.etag), wanted), number=number)
