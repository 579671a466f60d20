"""Rows of Business Central about couplings, as an extension's page shows them, and reservations.

Source: Business Central, tables CRM Integration Record and Reservation Entry.
"""

from collections.abc import Iterator
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.codes import MAIN
from gateway.sandbox.company.couplings import DemoCoupling, couplings
from gateway.sandbox.company.identifiers import bc_id, bc_instant
from gateway.sandbox.company.orders import story_orders
from gateway.sandbox.company.rows import Row, Sets, given

_TABLES: Final = {
    "SALESPERSON": 13,
    "CURRENCY": 4,
    "UNIT_OF_MEASURE": 204,
    "CUSTOMER": 18,
    "VENDOR": 23,
    "CONTACT": 5050,
    "ITEM": 27,
    "OPPORTUNITY": 5092,
}
_RESULTS: Final = {"SUCCESS": "Success", "FAILURE": "Failure", None: "_x0020_"}


def coupling_sets(part: range, *, items: int) -> Sets:
    """Options have a table of their own, CRM Option Mapping, which the page does not show."""
    records = (each for each in couplings(part=part, item_count=items) if each.option is None)
    yield "availability/couplings", map(_coupling, records)


def reservation_sets() -> Sets:
    yield "$reservationEntries", _reservations()


def _coupling(coupling: DemoCoupling) -> Row:
    return {
        "id": bc_id("coupling", coupling.bc_id),
        "integrationId": coupling.bc_id,
        "crmId": coupling.crm_id,
        "tableId": _TABLES[coupling.mapping],
        "lastSynchModifiedOn": bc_instant(coupling.bc_modified_at),
        "lastSynchCrmModifiedOn": bc_instant(coupling.crm_modified_at),
        "lastSynchResult": _RESULTS[coupling.last_result_to_bc],
        "lastSynchCrmResult": _RESULTS[coupling.last_result_to_crm],
        "lastModifiedDateTime": bc_instant(coupling.last_synchronized_at),
        **given({"skipped": coupling.skipped}),
    }


def _reservations() -> Iterator[Row]:
    """What lines of the story's orders hold back from the stock at MAIN: all they still have to ship."""
    for number, (order_number, item_number) in enumerate(story.RESERVED, start=1):
        order = next(order for order in story_orders() if order.number == order_number)
        line = next(line for line in order.lines if line.item.number == item_number)
        yield {
            "entryNo": number,
            "itemNo": item_number,
            "locationCode": MAIN.code,
            "quantityBase": line.quantity - line.shipped,
            "salesLineId": order.line_id(line),
            "supplyType": "Inventory",
            **given({"variantCode": line.variant}),
        }
