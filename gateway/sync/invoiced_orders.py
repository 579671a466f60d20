"""Orders that are gone because they were invoiced: no deletion, but their end.

Business Central deletes an order when all of it is invoiced; posted invoices keep its number. One question for a page of orders.

Source: Business Central, "Posting sales"; codeunit CRM Order Status Update Job, which makes the order in CRM Invoiced.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.reading.lookup import match_key
from gateway.reading.sources import SALES_INVOICES
from gateway.records import Values
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.tables.sales_invoice import POSTED

INVOICED: Final[Values] = {"statecode": 4, "statuscode": 100003}
"""State and status reason of such an order in CRM."""

_CANCELED: Final = 2


async def invoiced_orders(desk: Desk, mapping: TableMapping, numbers: Mapping[UUID, str | None]) -> set[UUID]:
    """Those of these orders of which there is a posted invoice, by their numbers. Raises: BackendError."""
    wanted = {id: number for id, number in numbers.items() if number}
    if mapping.mapping is not Tables.SALES_ORDER or not wanted:
        return set()
    found, _ = await desk.reading.lookups.all_by_key(
        desk.asking,
        SALES_INVOICES,
        "orderNumber",
        list(wanted.values()),
        select=frozenset({"id"}),
        where=POSTED,
        after=desk.asking.trace.round_trips,
    )
    return {id for id, number in wanted.items() if found.get(match_key(number))}


def as_invoiced(row: Values) -> Values:
    """What is written of the order in CRM; nothing where it is so already, or somebody canceled it."""
    state = row.get("statecode")
    return {} if state in (_CANCELED, INVOICED["statecode"]) else INVOICED
