"""What customers will owe beyond orders and the ledger: service lines, a return order, a prepayment, a draft invoice.

Amounts include VAT and are in euro, except where they say otherwise. None of it has moved stock or a balance.

Source: Business Central, tables Service Line and Sales Line.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.codes import MAIN
from gateway.sandbox.company.orders import Order, OrderLine, story_orders

ITEM: Final = "Item"
RESOURCE: Final = "Resource"
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A line of a service order or service invoice. `payer` is the bill-to customer, `shipment` what an invoice bills."""

    document_type: str
    document: str
    sequence: int
    customer: str
    payer: str
    type: str
    number: str
    outstanding: Decimal
    needed: date
    outstanding_amount: Decimal
    not_invoiced_amount: Decimal = _NOTHING
    location: str = ""
    shipment: str = ""


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """A line of a sales return order. `amount` is without VAT."""

    sequence: int
    number: str
    description: str
    quantity: Decimal
    outstanding: Decimal
    amount: Decimal
    outstanding_amount: Decimal
    not_invoiced_amount: Decimal
    unit: str
    location: str = ""


def _service(
    document: str,
    sequence: int,
    customer: str,
    wanted: tuple[str, str],
    *,
    quantity: int,
    amount: str,
    not_invoiced: str = "0",
    payer: str = "",
    location: str = "",
    shipment: str = "",
) -> ServiceLine:
    kind, number = wanted
    return ServiceLine(
        document_type="Invoice" if document.startswith("SVI") else "Order",
        document=document,
        sequence=sequence,
        customer=customer,
        payer=payer or customer,
        type=kind,
        number=number,
        outstanding=Decimal(quantity),
        needed=story.STORY_DATE + timedelta(days=11),
        outstanding_amount=Decimal(amount),
        not_invoiced_amount=Decimal(not_invoiced),
        location=location,
        shipment=shipment,
    )


_HOURS: Final = (ITEM, story.SERVICE)
_MECHANIC: Final = (RESOURCE, "MECHANIC")

SERVICE_LINES: Final = (
    _service("SVO000001", 10_000, story.HARBOUR, _HOURS, quantity=4, amount="217.80", not_invoiced="108.90"),
    _service("SVO000001", 20_000, story.HARBOUR, _MECHANIC, quantity=1, amount="60.50"),
    _service("SVI000001", 10_000, story.HARBOUR, _HOURS, quantity=1, amount="36.30"),
    _service("SVI000001", 20_000, story.HARBOUR, _HOURS, quantity=1, amount="54.45", shipment="SVS000001"),
    _service(
        *("SVO000002", 10_000, story.ALL_OVERDUE, (ITEM, story.RETURNED_ITEM)),
        quantity=2,
        amount="302.50",
        location=MAIN.code,
    ),
    _service(
        *("SVO000003", 10_000, story.TEAM_OWNED, _MECHANIC),
        quantity=1,
        amount="90.75",
        not_invoiced="181.50",
        payer=story.LIMIT_EXCEEDED,
    ),
)

RETURN_LINES: Final = (
    ReturnLine(
        sequence=10_000,
        number=story.RETURNED_ITEM,
        description="Does not fit",
        quantity=Decimal(2),
        outstanding=Decimal(2),
        amount=Decimal("80.00"),
        outstanding_amount=Decimal("96.80"),
        not_invoiced_amount=_NOTHING,
        unit="PCS",
        location=MAIN.code,
    ),
    ReturnLine(
        sequence=20_000,
        number=story.SERVICE,
        description="Hours that were not needed",
        quantity=Decimal(1),
        outstanding=_NOTHING,
        amount=Decimal("45.00"),
        outstanding_amount=_NOTHING,
        not_invoiced_amount=Decimal("54.45"),
        unit="HOUR",
    ),
)
"""The lines of story.RETURN_ORDER, from HARBOUR."""


def prepayment(order: Order, line: OrderLine) -> Decimal:
    """What was invoiced of an order line in advance, without VAT and in the currency of the order."""
    return story.PREPAID if order.number == story.PREPAID_ORDER and line.sequence == 10_000 else _NOTHING


def half_shipped() -> tuple[Order, OrderLine]:
    """The order line of which a draft invoice of DRAFT_INVOICE bills what was shipped."""
    order = next(one for one in story_orders() if one.customer.number == story.DRAFT_INVOICE)
    return order, next(line for line in order.lines if line.shipped)
