"""Rows of Business Central about sales invoices: a posted one for every invoice of the customer ledger, with one line,
and a draft that bills what was shipped of an order.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.bc_orders import of_buyer
from gateway.sandbox.company.codes import MAIN, payment_terms
from gateway.sandbox.company.commitments import half_shipped
from gateway.sandbox.company.customers import Customer, customers
from gateway.sandbox.company.identifiers import bc_id, bc_instant
from gateway.sandbox.company.ledger import Entry, ledger
from gateway.sandbox.company.rows import Row, Sets, given

_CENT: Final = Decimal("0.01")
_DOMESTIC_TAX: Final = Decimal(21)


def invoice_sets(part: range) -> Sets:
    first = part.start == 0
    posted = (_invoice(buyer, entry) for buyer, entry in _invoices(part))
    lines = (_line(buyer, entry) for buyer, entry in _invoices(part))
    yield "salesInvoices", chain(_drafts() if first else (), posted)
    yield "salesInvoiceLines", chain(_draft_lines() if first else (), lines)


def _invoices(part: range) -> Iterator[tuple[Customer, Entry]]:
    for buyer in customers(part):
        for entry in ledger(buyer):
            if entry.document_type == "Invoice":
                yield buyer, entry


def _net(buyer: Customer, entry: Entry) -> Decimal:
    return (entry.amount / (1 + _tax(buyer) / 100)).quantize(_CENT)


def _tax(buyer: Customer) -> Decimal:
    return _DOMESTIC_TAX if buyer.place.country == "NL" else Decimal(0)


def _invoice(buyer: Customer, entry: Entry) -> Row:
    net = _net(buyer, entry)
    posted = datetime.combine(entry.posting_date, time(16, entry.number % 60, 9), tzinfo=story.STORY_TIME.tzinfo)
    return {
        "id": bc_id("invoice", entry.document_number),
        "number": entry.document_number,
        "invoiceDate": entry.posting_date.isoformat(),
        "postingDate": entry.posting_date.isoformat(),
        "dueDate": entry.due_date.isoformat(),
        **of_buyer(buyer),
        "totalAmountExcludingTax": net,
        "totalAmountIncludingTax": entry.amount,
        "status": "Open" if entry.open else "Paid",
        "lastModifiedDateTime": bc_instant(posted),
        "phoneNumber": buyer.phone,
        "email": buyer.email,
        **given(
            {
                "remainingAmount": entry.remaining,
                "totalTaxAmount": entry.amount - net,
                "salesperson": buyer.salesperson,
                "currencyId": buyer.currency and bc_id("currency", buyer.currency),
            }
        ),
    }


def _line(buyer: Customer, entry: Entry) -> Row:
    net = _net(buyer, entry)
    return {
        "id": bc_id("invoice-line", f"{entry.document_number}:10000"),
        "documentId": bc_id("invoice", entry.document_number),
        "sequence": 10_000,
        "lineType": "Account",
        "lineObjectNumber": "8000",
        "description": "Goods as delivered",
        "quantity": Decimal(1),
        "unitPrice": net,
        "amountExcludingTax": net,
        "taxCode": "VAT21" if _tax(buyer) else "EU",
        "amountIncludingTax": entry.amount,
        "netAmount": net,
        "netAmountIncludingTax": entry.amount,
        **given({"taxPercent": _tax(buyer), "totalTaxAmount": entry.amount - net, "netTaxAmount": entry.amount - net}),
    }


_DRAFT_ID: Final = bc_id("invoice", story.DRAFT_INVOICE_NUMBER)


def _drafts() -> Iterator[Row]:
    order, _ = half_shipped()
    drafted = story.STORY_DATE - timedelta(days=3)
    lines = list(_draft_lines())
    net, gross = (_total(lines, name) for name in ("amountExcludingTax", "amountIncludingTax"))
    yield {
        "id": _DRAFT_ID,
        "number": story.DRAFT_INVOICE_NUMBER,
        "invoiceDate": drafted.isoformat(),
        "postingDate": drafted.isoformat(),
        "dueDate": (drafted + timedelta(days=payment_terms(order.customer.terms).days)).isoformat(),
        **of_buyer(order.customer),
        "totalAmountExcludingTax": net,
        "totalTaxAmount": gross - net,
        "totalAmountIncludingTax": gross,
        "status": "Draft",
        "lastModifiedDateTime": bc_instant(datetime.combine(drafted, time(15, 12), tzinfo=story.STORY_TIME.tzinfo)),
        "phoneNumber": order.customer.phone,
        "email": order.customer.email,
        **given({"salesperson": order.customer.salesperson}),
    }


def _total(lines: list[Row], name: str) -> Decimal:
    return sum((Decimal(str(line[name])) for line in lines), Decimal(0))


def _draft_lines() -> Iterator[Row]:
    """What the order has shipped of one line, and freight."""
    order, line = half_shipped()
    ware, gross = line.item, (line.shipped * line.unit_price).quantize(_CENT)
    discount = (gross * line.discount_percent / 100).quantize(_CENT)
    yield {
        "lineType": "Item",
        "itemId": ware.id,
        "lineObjectNumber": ware.number,
        "description": ware.name,
        "unitOfMeasureId": bc_id("unit", ware.unit),
        "unitOfMeasureCode": ware.unit,
        "quantity": line.shipped,
        "unitPrice": line.unit_price,
        "shipmentDate": line.shipment_date.isoformat(),
        "locationId": bc_id("location", MAIN.code),
        "shipmentNumber": "SH" + order.number.removeprefix("S-ORD"),
        "orderLineId": order.line_id(line),
        **given({"discountPercent": line.discount_percent, "discountAmount": discount}),
        **_drafted(10_000, gross - discount, order.customer),
    }
    yield {
        "lineType": "Account",
        "lineObjectNumber": "8400",
        "description": "Freight",
        "quantity": Decimal(1),
        "unitPrice": story.FREIGHT,
        **_drafted(20_000, story.FREIGHT, order.customer),
    }


def _drafted(sequence: int, net: Decimal, buyer: Customer) -> Row:
    """What lines of the draft have in common; it has no invoice discount."""
    tax = (net * _tax(buyer) / 100).quantize(_CENT)
    return {
        "id": bc_id("invoice-line", f"{story.DRAFT_INVOICE_NUMBER}:{sequence}"),
        "documentId": _DRAFT_ID,
        "sequence": sequence,
        "taxCode": "VAT21" if _tax(buyer) else "EU",
        "amountExcludingTax": net,
        "amountIncludingTax": net + tax,
        "netAmount": net,
        "netAmountIncludingTax": net + tax,
        **given({"taxPercent": _tax(buyer), "totalTaxAmount": tax, "netTaxAmount": tax}),
    }
