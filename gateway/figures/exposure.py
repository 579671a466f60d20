"""What a customer owes and what is about to be owed: open orders, shipments, invoices, service, and their total. Pure.

All in local currency with VAT, by bill-to customer.

Source: Business Central, table Customer, GetTotalAmountLCY; table CRM Account Statistics; page Customer Statistics.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from gateway.figures.documents import RETURN, Module
from gateway.figures.outlook import NOTHING
from gateway.figures.unavailable import Figure, Reason, Unavailable, given
from gateway.figures.values import Values, number


@dataclass(frozen=True, slots=True)
class Exposure:
    """The parts. ``…_on_invoices`` is what draft invoices bill of shipments: it is in two of the other figures.

    ``returns_not_invoiced`` are goods that came back and are not credited yet.
    """

    outstanding_orders: Figure
    shipped_not_invoiced: Figure
    outstanding_invoices: Figure
    shipped_orders_on_invoices: Figure
    outstanding_service_orders: Figure
    service_shipped_not_invoiced: Figure
    outstanding_service_invoices: Figure
    shipped_service_on_invoices: Figure
    returns_not_invoiced: Figure
    invoiced_prepayment: Figure

    def total(self, balance: Figure) -> Figure:
        """Balance and everything that will be added to it; each billed shipment once, prepaid and returned goods taken off.

        Missing as soon as one of its parts is: a total without a part would be another number.
        """
        added = (
            balance,
            self.outstanding_orders,
            self.shipped_not_invoiced,
            self.outstanding_invoices,
            self.outstanding_service_orders,
            self.service_shipped_not_invoiced,
            self.outstanding_service_invoices,
        )
        taken = (
            self.shipped_orders_on_invoices,
            self.shipped_service_on_invoices,
            self.returns_not_invoiced,
            self.invoiced_prepayment,
        )
        return given(_sum(added), lambda plus: given(_sum(taken), lambda minus: plus - minus))


def _sum(amounts: Iterable[Figure]) -> Figure:
    total = NOTHING
    for amount in amounts:
        if isinstance(amount, Unavailable):
            return amount
        total += amount
    return total


def available_credit(limit: Figure, total: Figure) -> Figure:
    """Credit limit less total; 0 when no limit is set.

    Source: Business Central, table Customer, CalcAvailableCredit.
    """
    return given(limit, lambda most: given(total, lambda owed: most - owed) if most else NOTHING)


def exposure_of_page(row: Values) -> Exposure:
    """A row of the extension's ``customerStatistics``: the customer's flow fields as Business Central adds them up.

    Raises:
        ValueError: an amount is no number.
    """

    def amount(name: str) -> Figure:
        if name not in row:
            return Unavailable(Reason.NO_SOURCE, f"The extension's page customerStatistics has no column {name}.")
        return number(row[name])

    return Exposure(
        outstanding_orders=amount("outstandingOrdersLCY"),
        shipped_not_invoiced=amount("shippedNotInvoicedLCY"),
        outstanding_invoices=amount("outstandingInvoicesLCY"),
        shipped_orders_on_invoices=amount("shippedOrdersOnInvoicesLCY"),
        outstanding_service_orders=amount("outstandingServiceOrdersLCY"),
        service_shipped_not_invoiced=amount("serviceShippedNotInvoicedLCY"),
        outstanding_service_invoices=amount("outstandingServiceInvoicesLCY"),
        shipped_service_on_invoices=amount("shippedServiceOrdersOnInvoicesLCY"),
        returns_not_invoiced=amount("returnReceivedNotInvoicedLCY"),
        invoiced_prepayment=amount("invoicedPrepaymentLCY"),
    )


def exposure_of_lines(lines: Iterable[Values], modules: frozenset[Module]) -> Exposure:
    """From the Analytics API's ``salesLines`` of a bill-to customer, as far as they go.

    They hold the shipped amount with VAT in the document's currency and without VAT in local currency, but not with VAT in local
    currency; not what of an invoice bills a shipment; no prepayments and no service documents. Such a figure is known only when
    there is nothing it could be made of: no shipped line, no draft invoice, a department that is not used.

    Raises:
        ValueError: an amount is no number.
    """
    rows = list(lines)

    def outstanding(document_type: str) -> Decimal:
        return sum(
            (number(row["outstandingAmountLCY"]) for row in rows if row.get("documentType") == document_type),
            NOTHING,
        )

    shipped = any(
        number(row["shippedNotInvoiced"]) or number(row["shippedNotInvoicedLCYNoVAT"])
        for row in rows
        if row.get("documentType") == "Order"
    )
    billing = any(number(row["outstandingAmountLCY"]) for row in rows if row.get("documentType") == "Invoice")
    service = _none_unless(Module.SERVICE, modules, "service documents")
    return Exposure(
        outstanding_orders=outstanding("Order"),
        shipped_not_invoiced=_only_page("what was shipped with VAT in local currency") if shipped else NOTHING,
        outstanding_invoices=outstanding("Invoice"),
        shipped_orders_on_invoices=_only_page("which invoices bill shipped orders") if billing else NOTHING,
        outstanding_service_orders=service,
        service_shipped_not_invoiced=service,
        outstanding_service_invoices=service,
        shipped_service_on_invoices=service,
        returns_not_invoiced=sum(
            (number(row["returnRcdNotInvdLCY"]) for row in rows if row.get("documentType") == RETURN), NOTHING
        ),
        invoiced_prepayment=_none_unless(Module.PREPAYMENTS, modules, "prepayments"),
    )


def _none_unless(module: Module, modules: frozenset[Module], what: str) -> Figure:
    """Nothing of a department the company does not use."""
    return _only_page(what) if module in modules else NOTHING


def _only_page(what: str) -> Unavailable:
    return Unavailable(
        Reason.SOURCE_NOT_INSTALLED, f"Only the extension's page customerStatistics has {what}; it is not installed."
    )


def without(reason: Unavailable) -> Exposure:
    """Nothing of it can be had."""
    return Exposure(*[reason] * 10)


@dataclass(frozen=True, slots=True)
class OpenDocuments:
    """How many open sales documents there are for a bill-to customer, drafts of invoices among them."""

    quotes: int
    blanket_orders: int
    orders: int
    invoices: int
    return_orders: int
    credit_memos: int


def open_documents(lines: Iterable[Values]) -> OpenDocuments:
    """Counted over the Analytics API's ``salesLines``: a document has as many rows as lines, or one when it has none."""
    numbers: dict[object, set[object]] = {}
    for line in lines:
        numbers.setdefault(line.get("documentType"), set()).add(line.get("orderNo"))
    count: Callable[[str], int] = lambda kind: len(numbers.get(kind, ()))  # noqa: E731 - six times the same
    return OpenDocuments(
        quotes=count("Quote"),
        blanket_orders=count("Blanket_x0020_Order"),
        orders=count("Order"),
        invoices=count("Invoice"),
        return_orders=count(RETURN),
        credit_memos=count("Credit_x0020_Memo"),
    )
