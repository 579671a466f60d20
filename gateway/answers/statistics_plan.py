"""What customer statistics are made of: ledger, open documents, sales, CRM's copy."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from gateway.answers.plan import (
    Asked,
    Branches,
    FigurePlan,
)
from gateway.errors import InvalidInputError
from gateway.figures import receivables
from gateway.figures.calendar import Period, fiscal_year
from gateway.figures.statistics import SalesPeriod
from gateway.odata.query import Compare, Either, Filter, both
from gateway.reading.need import (
    Branch,
    ByKey,
    Coupled,
    Expanded,
    FiscalYearStart,
    LocalCurrency,
    Need,
    Rows,
    RowsOf,
    RowsOfYear,
)
from gateway.reading.paging import Sort
from gateway.reading.sources import (
    ACCOUNT_STATISTICS,
    ACCOUNTS,
    AGED_RECEIVABLES,
    CUSTOMER_LEDGER_ENTRIES,
    CUSTOMER_SALES,
    CUSTOMERS,
    FINANCIAL_DETAILS,
    SALES_INVOICES,
    SALES_LINES,
    extension,
)

MOST_COMPANIES = 20

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
"""Fiscal years are counted a few years beyond the day asked for, which must be in the calendar."""


def _day(asked: Asked) -> date:
    """The day asked for.

    Raises:
        InvalidInputError: one that no books are kept for.
    """
    on = asked.arguments.get("asOf")
    if not isinstance(on, date):
        return asked.setting.today
    if not FIRST_DAY <= on <= LAST_DAY:
        raise InvalidInputError(f"asOf must be between {FIRST_DAY} and {LAST_DAY}.", argument="asOf")
    return on


def _is_now(asked: Asked) -> bool:
    return _day(asked) == asked.setting.today


def _rows(*options: RowsOf) -> tuple[Rows, Need]:
    return Rows(options), Need(options[0].source)


_LEDGER_COLUMNS = frozenset(
    {"dcleCustomerNo", "cleEntryNo", "cleDueDate", "cleOpen", "cleClosedAtDate", "dclePostingDate", "dcleAmountLCY"}
)
_EXPOSURE_COLUMNS = (
    "outstandingOrdersLCY shippedNotInvoicedLCY outstandingInvoicesLCY shippedOrdersOnInvoicesLCY "
    "outstandingServiceOrdersLCY serviceShippedNotInvoicedLCY outstandingServiceInvoicesLCY "
    "shippedServiceOrdersOnInvoicesLCY returnReceivedNotInvoicedLCY invoicedPrepaymentLCY"
)
_LINE_COLUMNS = (
    "documentType orderNo billToCustomerNo outstandingAmountLCY shippedNotInvoiced shippedNotInvoicedLCYNoVAT "
    "returnRcdNotInvdLCY"
)


def _detail(asked: Asked) -> Branches:
    """Balance and overdue of today come along with the customer."""
    if not _is_now(asked):
        return {}
    return {
        "detail": (
            Expanded("customerFinancialDetail"),
            Need(FINANCIAL_DETAILS, frozenset({"balance", "overdueAmount"})),
        )
    }


def _ledger(asked: Asked) -> Branches:
    """The entries open today; for a past day also those closed since then, in one question: an entry that is closed between
    two would be counted twice or not at all. An entry that is open has the blank date in "Closed at Date".

    Without the Analytics API the ages of today are in a report that Business Central calculates for all customers at a time.
    """

    def entries(where: Filter) -> RowsOf:
        return RowsOf(CUSTOMER_LEDGER_ENTRIES, "number", "dcleCustomerNo", _LEDGER_COLUMNS, where=where)

    still_open = entries(Compare("cleOpen", "eq", True))
    on = _day(asked)
    if on < asked.setting.today:
        closed = "cleClosedAtDate"
        return {"ledger": _rows(entries(Either((Compare(closed, "gt", on), Compare(closed, "eq", date.min)))))}
    if on > asked.setting.today:
        return {"ledger": _rows(still_open)}
    columns = {"customerNumber", "currentAmount", "period1Amount", "period2Amount", "period3Amount"}
    where = both(Compare("agedAsOfDate", "eq", on), Compare("periodLengthFilter", "eq", f"{receivables.PERIOD_DAYS}D"))
    report = RowsOf(AGED_RECEIVABLES, "number", "customerNumber", frozenset(columns), where=where)
    return {"ledger": _rows(still_open, report)}


def _balance(asked: Asked) -> Branches:
    return _detail(asked) if _is_now(asked) else _ledger(asked)


def _sales_lines() -> RowsOf:
    return RowsOf(SALES_LINES, "number", "billToCustomerNo", frozenset(_LINE_COLUMNS.split()))


def _exposure(asked: Asked) -> Branches:
    """Open documents have no history: they are read for today only."""
    if not _is_now(asked):
        return {}
    options = [_sales_lines()]
    if asked.setting.extension_api is not None:
        source = extension(asked.setting.extension_api, "customerStatistics", "customerNumber")
        columns = frozenset({"customerNumber", *_EXPOSURE_COLUMNS.split()})
        options.insert(0, RowsOf(source, "number", "customerNumber", columns))
    return {"exposure": _rows(*options)}


def _open_documents(asked: Asked) -> Branches:
    return {"salesLines": _rows(_sales_lines())} if _is_now(asked) else {}


def sales_days(period: SalesPeriod, start: date | None, on: date) -> Period | None:
    """The days of a column; None for a lifetime, which has no beginning."""
    if start is None or period is SalesPeriod.LIFETIME:
        return None
    year = fiscal_year(start, on)
    return {
        SalesPeriod.THIS_PERIOD: year.period,
        SalesPeriod.THIS_YEAR: year.year,
        SalesPeriod.LAST_YEAR: year.last_year,
    }[period]


def _sold_within(period: Period | None, on: date) -> Rows:
    """Business Central adds up the ledger between two dates; the dates are a filter and show in no row."""
    last = min(period.end, on) if period is not None else on
    where = both(
        Compare("dateFilter_FilterOnly", "ge", period.start) if period is not None else None,
        Compare("dateFilter_FilterOnly", "le", last),
    )
    columns = frozenset({"customerNumber", "totalSalesAmount"})
    return Rows((RowsOf(CUSTOMER_SALES, "number", "customerNumber", columns, where=where),))


def _sales_of(period: SalesPeriod) -> Any:
    def branches(asked: Asked) -> Branches:
        on = _day(asked)
        if period is SalesPeriod.LIFETIME:
            return {f"sales.{period}": (_sold_within(None, on), Need(CUSTOMER_SALES))}
        link = RowsOfYear("number", lambda start: _sold_within(sales_days(period, start, on), on))
        return {f"sales.{period}": (link, Need(CUSTOMER_SALES))}

    return branches


def _profit(asked: Asked) -> Branches:
    start = {"fiscalYear": (FiscalYearStart(), Need(CUSTOMERS))}
    if asked.setting.extension_api is None:
        return start
    source = extension(asked.setting.extension_api, "customerSalesByDate", "customerNumber")
    columns = frozenset({"customerNumber", "postingDate", "profitLCY"})
    where = Compare("postingDate", "le", _day(asked))
    return start | {"profit": _rows(RowsOf(source, "number", "customerNumber", columns, where=where))}


def _last_sale(asked: Asked) -> Branches:
    """The newest posted invoice over more than nothing."""
    where = both(
        Compare("status", "ne", "Draft"),
        Compare("status", "ne", "In_x0020_Review"),
        Compare("totalAmountExcludingTax", "gt", 0),
        Compare("postingDate", "le", _day(asked)),
    )
    newest = Sort("postingDate", "date", descending=True)
    columns = frozenset({"billToCustomerNumber", "postingDate"})
    return {
        "lastSale": _rows(RowsOf(SALES_INVOICES, "number", "billToCustomerNumber", columns, where=where, newest=newest))
    }


def _last_payment(asked: Asked) -> Branches:
    where = both(
        Compare("dcleEntryType", "eq", "Initial_x0020_Entry"),
        Compare("dcleDocumentType", "eq", "Payment"),
        Compare("dclePostingDate", "le", _day(asked)),
    )
    newest = Sort("dclePostingDate", "date", descending=True)
    columns = frozenset({"dcleCustomerNo", "dclePostingDate", "dcleAmountLCY"})
    return {
        "lastPayment": _rows(
            RowsOf(CUSTOMER_LEDGER_ENTRIES, "number", "dcleCustomerNo", columns, where=where, newest=newest)
        )
    }


CRM_COLUMNS: Mapping[str, str] = {
    "nav_balancelcy": "balance",
    "nav_outstandingorderslcy": "outstandingOrders",
    "nav_shippednotinvoicedlcy": "shippedNotInvoiced",
    "nav_outstandinginvoiceslcy": "outstandingInvoices",
    "nav_outstandingserviceorderslcy": "outstandingServiceOrders",
    "nav_servshippednotinvoicedlcy": "serviceShippedNotInvoiced",
    "nav_outstandingservinvoiceslcy": "outstandingServiceInvoices",
    "nav_totallcy": "total",
    "nav_creditlimitlcy": "creditLimit",
    "nav_overdueamountslcy": "overdue",
    "nav_totalsaleslcy": "salesThisYear",
    "nav_invoicedprepaymentamountlcy": "invoicedPrepayment",
}
"""The columns of CRM's statistics row and the figures they copy.

Source: Business Central, table CRM Account Statistics.
"""


def _crm(asked: Asked) -> Branches:
    """CRM's statistics row, behind the coupled account: what was copied is of today."""
    if not _is_now(asked):
        return {}
    columns = frozenset(
        {
            *CRM_COLUMNS,
            "modifiedon",
            "nav_overdueamountsasof",
            "nav_name",
            "nav_customerno",
            "_transactioncurrencyid_value",
        }
    )
    row = Branch(
        "statistics",
        ByKey("_nav_accountstatisticsid_value", "nav_accountstatisticsid"),
        Need(ACCOUNT_STATISTICS, columns),
    )
    return {"account": (Coupled("CUSTOMER"), Need(ACCOUNTS, branches=(row,)))}


def _always(asked: Asked) -> frozenset[str]:
    """No feed; but a day that no books are kept for is refused, whatever is selected. Raises: InvalidInputError."""
    _day(asked)
    return frozenset()


def _companies(arguments: Mapping[str, Any]) -> Sequence[UUID | None]:
    """Raises: InvalidInputError, for none or too many, before anything is read for them."""
    several = arguments.get("companies")
    if several is None:
        return [arguments.get("company")]
    if not 1 <= len(several) <= MOST_COMPANIES:
        raise InvalidInputError(f"companies takes between 1 and {MOST_COMPANIES}.", argument="companies")
    return list(several)


STATISTICS = FigurePlan(
    CUSTOMERS,
    feeds={
        "balance": _balance,
        "ledger": _ledger,
        "exposure": _exposure,
        "openDocuments": _open_documents,
        **{f"sales.{period}": _sales_of(period) for period in SalesPeriod},
        "profit": _profit,
        "lastSale": _last_sale,
        "lastPayment": _last_payment,
        "crm": _crm,
        "currency": lambda asked: {"currency": (LocalCurrency(), Need(CUSTOMERS))},
    },
    columns=frozenset({"number", "creditLimit"}),
    always=_always,
    companies=_companies,
)

TWELVE = ("balance", "exposure", "sales.thisYear")
"""The feeds of the twelve amounts that CRM is sent."""
