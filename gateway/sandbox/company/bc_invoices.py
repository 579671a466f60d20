"""Rows of Business Central about posted sales invoices: one for every invoice of the customer ledger, with one line."""

from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Final

from gateway.sandbox.company.bc_orders import of_buyer
from gateway.sandbox.company.customers import Customer, customers
from gateway.sandbox.company.identifiers import bc_id, bc_instant
from gateway.sandbox.company.ledger import Entry, ledger
from gateway.sandbox.company.rows import Row, Sets, given
from gateway.sandbox.company.story import STORY_TIME

_CENT: Final = Decimal("0.01")
_DOMESTIC_TAX: Final = Decimal(21)


def invoice_sets(part: range) -> Sets:
    yield "salesInvoices", (_invoice(buyer, entry) for buyer, entry in _invoices(part))
    yield "salesInvoiceLines", (_line(buyer, entry) for buyer, entry in _invoices(part))


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
    posted = datetime.combine(entry.posting_date, time(16, entry.number % 60, 9), tzinfo=STORY_TIME.tzinfo)
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
