"""What customers owe: invoices, payments and credit memos as customer ledger entries, and the figures they add up to.

Amounts are in the currency of the customer; those that end in `lcy` are in euro. Sales exclude VAT, amounts include it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import in_euro, payment_terms
from gateway.sandbox.company.customers import STORY_CUSTOMERS, Customer, remembered

_CENT: Final = Decimal("0.01")
_NOTHING: Final = Decimal("0.00")
_ENTRIES_PER_CUSTOMER: Final = 50


@dataclass(frozen=True, slots=True)
class Application:
    """When part of an entry was applied, and the entry and document that did it."""

    on: date
    number: int
    document_number: str
    document_type: str = "Payment"


@dataclass(frozen=True, slots=True)
class Entry:
    """One customer ledger entry."""

    number: int
    customer_number: str
    posting_date: date
    due_date: date
    document_type: str
    document_number: str
    currency: str
    amount: Decimal
    remaining: Decimal
    sales_lcy: Decimal
    profit_lcy: Decimal
    applied: Application | None = None

    @property
    def open(self) -> bool:
        return self.remaining != 0

    @property
    def amount_lcy(self) -> Decimal:
        return in_euro(self.amount, self.currency)

    @property
    def remaining_lcy(self) -> Decimal:
        return in_euro(self.remaining, self.currency)


@dataclass(frozen=True, slots=True)
class Figures:
    """In euro. Overdue is what was due before the day of the story.

    Source: Business Central API v2.0, customerFinancialDetail resource type.
    """

    balance: Decimal
    overdue: Decimal
    sales: Decimal


def figures(entries: Iterable[Entry]) -> Figures:
    balance = overdue = sales = _NOTHING
    for entry in entries:
        sales += entry.sales_lcy
        balance += entry.remaining_lcy
        overdue += entry.remaining_lcy if entry.due_date < story.STORY_DATE else 0
    return Figures(balance, overdue, sales)


@remembered
def ledger(customer: Customer) -> Sequence[Entry]:
    """All entries of one customer, oldest first."""
    if customer.number == story.NO_ENTRIES:
        return ()
    entries: list[Entry] = []
    for document in _STORY.get(customer.number) or _ordinary(customer):
        entries.extend(_post(customer, document, first=(customer.index + 1) * _ENTRIES_PER_CUSTOMER + len(entries)))
    return entries


@dataclass(frozen=True, slots=True)
class _Document:
    """An invoice so many days old, or a credit memo when negative; `paid` of it was paid."""

    age: int
    amount: Decimal
    paid: Decimal


def _invoice(age: int, amount: str, paid: str = "0.00") -> _Document:
    return _Document(age, Decimal(amount), Decimal(paid))


_STORY: Final[Mapping[str, Sequence[_Document]]] = {
    story.HARBOUR: (
        _invoice(340, "5020.00", "5020.00"),
        _invoice(190, "7415.60", "7415.60"),
        _invoice(130, "3180.00", "3180.00"),
        _invoice(78, "2640.00", "2000.00"),
        _invoice(45, "4250.00", "2999.50"),
        _invoice(19, "5430.20"),
        _invoice(7, "2119.30"),
    ),
    story.ALL_OVERDUE: (_invoice(120, "4100.00"), _invoice(75, "2333.40", "1000.00"), _invoice(40, "1875.25")),
    story.LIMIT_EXCEEDED: (
        _invoice(200, "3600.00", "3600.00"),
        _invoice(50, "2980.00"),
        _invoice(20, "3410.75"),
        _invoice(4, "1499.00"),
    ),
    story.BILLS_IN_USD: (
        _invoice(150, "5400.00", "5400.00"),
        _invoice(44, "2160.00", "1080.00"),
        _invoice(12, "3240.00"),
    ),
}


def _ordinary(customer: Customer) -> list[_Document]:
    draw = Draw("ledger", customer.number)
    days = payment_terms(customer.terms).days
    how_many = draw.between(3, 8) if customer.index < STORY_CUSTOMERS else 2
    ages = sorted({draw.between(2, 500) for _ in range(how_many)}, reverse=True)
    documents = [_drawn(draw, age, due=age > days) for age in ages]
    if draw.in_hundred(8):
        documents.append(_Document(1, -draw.cents(20, 120), _NOTHING))
    return documents


def _drawn(draw: Draw, age: int, *, due: bool) -> _Document:
    """Most of what is due was paid; most of what is not due yet was not."""
    amount = draw.cents(150, 6000)
    fate = draw.below(100)
    if fate < (82 if due else 15):
        return _Document(age, amount, amount)
    if fate < (92 if due else 25):
        return _Document(age, amount, (amount * draw.between(20, 80) / 100).quantize(_CENT))
    return _Document(age, amount, _NOTHING)


def _post(customer: Customer, document: _Document, *, first: int) -> list[Entry]:
    """The entry of a document, and that of the payment applied to it."""
    posted = story.STORY_DATE - timedelta(days=document.age)
    days = payment_terms(customer.terms).days
    net = in_euro(document.amount, customer.currency)
    if customer.place.country == "NL":
        net = (net / Decimal("1.21")).quantize(_CENT)
    is_invoice = document.amount > 0
    entry = Entry(
        number=first,
        customer_number=customer.number,
        posting_date=posted,
        due_date=posted + timedelta(days=days if is_invoice else 0),
        document_type="Invoice" if is_invoice else "Credit_x0020_Memo",
        document_number=f"{'PSI' if is_invoice else 'PSC'}{first:06d}",
        currency=customer.currency,
        amount=document.amount,
        remaining=document.amount - document.paid,
        sales_lcy=net,
        profit_lcy=(net * Decimal("0.34")).quantize(_CENT),
    )
    if not document.paid:
        return [entry]
    payment = _payment(entry, document.paid, number=first + 1)
    return [replace(entry, applied=payment.applied), payment]


def _payment(invoice: Entry, paid: Decimal, *, number: int) -> Entry:
    """It is applied to its invoice on the day it is posted, whole."""
    document = f"PAY{number:06d}"
    paid_on = min(invoice.posting_date + timedelta(days=20 + number % 15), story.STORY_DATE - timedelta(days=1))
    return Entry(
        number=number,
        customer_number=invoice.customer_number,
        posting_date=paid_on,
        due_date=paid_on,
        document_type="Payment",
        document_number=document,
        currency=invoice.currency,
        amount=-paid,
        remaining=_NOTHING,
        sales_lcy=_NOTHING,
        profit_lcy=_NOTHING,
        applied=Application(paid_on, number, document),
    )
