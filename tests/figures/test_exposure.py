"""What is about to be owed beside the balance, each thing once, and a total that is missing as soon as a part of it is."""

from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from gateway.figures.documents import Module
from gateway.figures.exposure import (
    Exposure,
    OpenDocuments,
    available_credit,
    exposure_of_lines,
    exposure_of_page,
    open_documents,
    without,
)
from gateway.figures.unavailable import Reason, Unavailable
from tests.figures.ledgers import together

Row = dict[str, object]
GONE = Unavailable(Reason.NOT_PERMITTED, "Business Central refused the gateway (403).")
PARTS = [each.name for each in fields(Exposure)]
NOTHING = Exposure(*[Decimal(0)] * len(PARTS))


def exposure(**parts: int | str) -> Exposure:
    return replace(NOTHING, **{name: Decimal(amount) for name, amount in parts.items()})


# -- the total ---------------------------------------------------------------------------------------------------------

SIGNS = {
    "outstanding_orders": 1,
    "shipped_not_invoiced": 1,
    "outstanding_invoices": 1,
    "shipped_orders_on_invoices": -1,
    "outstanding_service_orders": 1,
    "service_shipped_not_invoiced": 1,
    "outstanding_service_invoices": 1,
    "shipped_service_on_invoices": -1,
    "returns_not_invoiced": -1,
    "invoiced_prepayment": -1,
}


def test_total_is_balance_plus_orders_shipments_invoices_and_service_less_what_is_billed_prepaid_and_returned() -> None:
    parts = exposure(
        outstanding_orders=20,
        shipped_not_invoiced=30,
        outstanding_invoices=40,
        shipped_orders_on_invoices=10,  # of the 40: they bill shipments that are in the 30
        invoiced_prepayment=5,
        returns_not_invoiced=3,
        outstanding_service_orders=200,
        service_shipped_not_invoiced=300,
        outstanding_service_invoices=400,
        shipped_service_on_invoices=100,  # of the 400
    )

    assert parts.total(Decimal(1000)) == 1000 + 20 + 30 + (40 - 10) - 5 - 3 + 200 + 300 + (400 - 100)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_in_the_total_once(part: str) -> None:
    assert exposure(**{part: 7}).total(Decimal(100)) == 100 + 7 * SIGNS[part]


def test_an_invoice_for_a_shipped_order_counts_once() -> None:
    """120 are shipped and not invoiced; the draft of the invoice bills just these 120."""
    parts = exposure(shipped_not_invoiced=120, outstanding_invoices=120, shipped_orders_on_invoices=120)

    assert parts.total(Decimal(0)) == 120


@pytest.mark.parametrize("part", PARTS)
def test_the_total_is_missing_when_one_of_its_parts_is(part: str) -> None:
    changes = {part: GONE}

    assert replace(NOTHING, **changes).total(Decimal(100)) == GONE


def test_the_total_is_missing_without_the_balance() -> None:
    assert exposure(outstanding_orders=5).total(GONE) == GONE


def test_without_any_source_every_part_is_missing_and_the_total_too() -> None:
    nothing = without(GONE)

    assert {getattr(nothing, part) for part in PARTS} == {GONE}
    assert nothing.total(Decimal(100)) == GONE


@pytest.mark.parametrize(
    ("parts", "total"),
    [
        ({"outstanding_orders": "0.1", "shipped_not_invoiced": "0.2"}, "0.3"),
        ({"outstanding_orders": "999999999999.99", "invoiced_prepayment": "999999999999.98"}, "0.01"),
        ({"outstanding_orders": "999999999999.99", "outstanding_invoices": "999999999999.99"}, "1999999999999.98"),
    ],
)
def test_the_total_is_exact(parts: dict[str, str], total: str) -> None:
    assert exposure(**parts).total(Decimal(0)) == Decimal(total)


CREDIT: dict[str, tuple[Decimal | Unavailable, Decimal | Unavailable, Decimal | Unavailable]] = {
    "within the limit": (Decimal(1000), Decimal(400), Decimal(600)),
    "at the limit": (Decimal(1000), Decimal(1000), Decimal(0)),
    "over it": (Decimal(1000), Decimal("1000.01"), Decimal("-0.01")),
    "with a credit balance": (Decimal(1000), Decimal(-50), Decimal(1050)),
    "no limit is set": (Decimal(0), Decimal(400), Decimal(0)),
    "no limit is set, total missing": (Decimal(0), GONE, Decimal(0)),
    "total missing": (Decimal(1000), GONE, GONE),
    "limit missing": (GONE, Decimal(400), GONE),
}


@pytest.mark.parametrize("name", CREDIT)
def test_available_credit_is_credit_limit_less_total_and_0_without_a_limit(name: str) -> None:
    limit, total, expected = CREDIT[name]

    assert available_credit(limit, total) == expected


# -- the extension's page ----------------------------------------------------------------------------------------------

PAGE = {
    "outstandingOrdersLCY": "outstanding_orders",
    "shippedNotInvoicedLCY": "shipped_not_invoiced",
    "outstandingInvoicesLCY": "outstanding_invoices",
    "shippedOrdersOnInvoicesLCY": "shipped_orders_on_invoices",
    "outstandingServiceOrdersLCY": "outstanding_service_orders",
    "serviceShippedNotInvoicedLCY": "service_shipped_not_invoiced",
    "outstandingServiceInvoicesLCY": "outstanding_service_invoices",
    "shippedServiceOrdersOnInvoicesLCY": "shipped_service_on_invoices",
    "returnReceivedNotInvoicedLCY": "returns_not_invoiced",
    "invoicedPrepaymentLCY": "invoiced_prepayment",
}
PAGE_ROW: Row = {column: Decimal(2**place) for place, column in enumerate(PAGE)}


@pytest.mark.parametrize("column", PAGE)
def test_each_part_is_a_column_of_the_extensions_page(column: str) -> None:
    assert getattr(exposure_of_page(PAGE_ROW), PAGE[column]) == PAGE_ROW[column]


@pytest.mark.parametrize("column", PAGE)
def test_a_column_that_an_older_page_does_not_have_is_a_missing_part_and_so_a_missing_total(column: str) -> None:
    found = exposure_of_page({name: value for name, value in PAGE_ROW.items() if name != column})

    lacking = getattr(found, PAGE[column])
    assert isinstance(lacking, Unavailable)
    assert column in lacking.message
    assert {part for part in PARTS if isinstance(getattr(found, part), Unavailable)} == {PAGE[column]}
    assert found.total(Decimal(0)) == lacking


def test_an_amount_of_the_page_that_is_no_exact_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        exposure_of_page(PAGE_ROW | {"outstandingOrdersLCY": 0.1})


# -- sales lines alone -------------------------------------------------------------------------------------------------

ORDER, INVOICE, RETURN, QUOTE = "Order", "Invoice", "Return_x0020_Order", "Quote"
ALL_USED = frozenset({Module.SERVICE, Module.PREPAYMENTS})


def line(document_type: str, amount: int | str = 0, **more: int | str) -> Row:
    amounts = {
        "outstandingAmountLCY": amount,
        "shippedNotInvoiced": 0,
        "shippedNotInvoicedLCYNoVAT": 0,
        "returnRcdNotInvdLCY": 0,
    }
    return {"documentType": document_type} | {name: Decimal(value) for name, value in (amounts | more).items()}


def of_lines(*lines: Row, modules: frozenset[Module] = frozenset()) -> Exposure:
    return exposure_of_lines(lines, modules)


def test_outstanding_orders_are_the_outstanding_amounts_of_order_lines() -> None:
    found = of_lines(line(ORDER, "119.00"), line(ORDER, "0.01"), line(INVOICE, 50), line(QUOTE, 700), line(RETURN, 9))

    assert found.outstanding_orders == Decimal("119.01")


def test_outstanding_invoices_are_the_outstanding_amounts_of_lines_of_draft_invoices() -> None:
    assert of_lines(line(ORDER, 119), line(INVOICE, 50), line(INVOICE, "0.50")).outstanding_invoices == Decimal("50.5")


def test_returns_not_invoiced_are_those_of_lines_of_return_orders() -> None:
    found = of_lines(line(RETURN, 0, returnRcdNotInvdLCY=30), line(RETURN, 20), line(ORDER, 0, returnRcdNotInvdLCY=5))

    assert found.returns_not_invoiced == 30


def test_a_partial_shipment_is_outstanding_by_what_has_not_left_and_the_rest_is_not_known_from_lines() -> None:
    """Of an order over 119, 47.60 have left: 71.40 are outstanding, and 40 (without VAT) wait for their invoice."""
    found = of_lines(line(ORDER, "71.40", shippedNotInvoiced="47.60", shippedNotInvoicedLCYNoVAT=40))

    assert found.outstanding_orders == Decimal("71.40")
    assert isinstance(found.shipped_not_invoiced, Unavailable)
    assert found.shipped_not_invoiced.reason is Reason.SOURCE_NOT_INSTALLED
    assert found.total(Decimal(0)) == found.shipped_not_invoiced


def is_missing(amount: Decimal | Unavailable) -> bool:
    return isinstance(amount, Unavailable)


KNOWN_FROM_LINES: dict[str, tuple[list[Row], Callable[[Exposure], Decimal | Unavailable], bool]] = {
    "nothing shipped": ([line(ORDER, 5)], lambda it: it.shipped_not_invoiced, True),
    "shipped, in the document's currency": (
        [line(ORDER, 0, shippedNotInvoiced=5)],
        lambda it: it.shipped_not_invoiced,
        False,
    ),
    "shipped, in local currency": (
        [line(ORDER, 0, shippedNotInvoicedLCYNoVAT=5)],
        lambda it: it.shipped_not_invoiced,
        False,
    ),
    "shipments that cancel out": (
        [line(ORDER, 0, shippedNotInvoiced=5), line(ORDER, 0, shippedNotInvoiced=-5)],
        lambda it: it.shipped_not_invoiced,
        False,
    ),
    "no draft invoice": ([line(ORDER, 5)], lambda it: it.shipped_orders_on_invoices, True),
    "a draft invoice": ([line(INVOICE, 5)], lambda it: it.shipped_orders_on_invoices, False),
    "a draft invoice whose lines cancel out": (
        [line(INVOICE, 100), line(INVOICE, -100)],
        lambda it: it.shipped_orders_on_invoices,
        False,
    ),
}


@pytest.mark.parametrize("name", KNOWN_FROM_LINES)
def test_what_lines_do_not_show_is_0_only_when_there_is_nothing_it_could_be_made_of(name: str) -> None:
    lines, part, is_known = KNOWN_FROM_LINES[name]

    found = part(of_lines(*lines))

    assert is_missing(found) is not is_known
    assert found == 0 or not is_known


SERVICE_PARTS = [part for part in PARTS if "service" in part]


def test_service_and_prepayments_are_0_only_in_a_company_that_does_not_use_them() -> None:
    without_them, with_them = of_lines(line(ORDER, 5)), of_lines(line(ORDER, 5), modules=ALL_USED)

    assert len(SERVICE_PARTS) == 4
    assert {getattr(without_them, part) for part in (*SERVICE_PARTS, "invoiced_prepayment")} == {0}
    assert all(is_missing(getattr(with_them, part)) for part in (*SERVICE_PARTS, "invoiced_prepayment"))
    assert together(without_them.total(Decimal(100)), is_missing(with_them.total(Decimal(100)))) == (105, True)


@pytest.mark.parametrize(
    ("module", "missing"),
    [(Module.SERVICE, set(SERVICE_PARTS)), (Module.PREPAYMENTS, {"invoiced_prepayment"}), (Module.ASSEMBLY, set())],
)
def test_only_what_the_departments_in_use_could_hold_is_missing(module: Module, missing: set[str]) -> None:
    found = of_lines(line(ORDER, 5), modules=frozenset({module}))

    assert {part for part in PARTS if is_missing(getattr(found, part))} == missing


def test_a_customer_without_lines_has_nothing_open() -> None:
    assert of_lines() == NOTHING


def test_the_sums_of_lines_are_exact() -> None:
    assert of_lines(line(ORDER, "0.1"), line(ORDER, "0.2")).outstanding_orders == Decimal("0.3")
    assert of_lines(line(ORDER, "999999999999.99"), line(ORDER, "0.01")).outstanding_orders == Decimal(10**12)


# -- open documents ----------------------------------------------------------------------------------------------------


def of_document(document_type: str, number: str) -> Row:
    return {"documentType": document_type, "orderNo": number}


def test_a_document_counts_once_whatever_the_number_of_its_lines() -> None:
    lines = [
        *(of_document(QUOTE, "Q1") for _ in range(3)),
        of_document("Blanket_x0020_Order", "B1"),
        of_document(ORDER, "1001"),
        of_document(ORDER, "1001"),
        of_document(ORDER, "1002"),
        of_document(INVOICE, "1001"),  # a number of its own series, though it looks the same
        of_document(RETURN, "R1"),
        of_document("Credit_x0020_Memo", "C1"),
    ]

    assert open_documents(lines) == OpenDocuments(
        quotes=1, blanket_orders=1, orders=2, invoices=1, return_orders=1, credit_memos=1
    )


def test_without_lines_there_are_no_open_documents() -> None:
    assert open_documents([]) == OpenDocuments(0, 0, 0, 0, 0, 0)
