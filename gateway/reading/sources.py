"""The entity sets we read, and the links to currencies that several types share."""

from gateway.odata.choice import KEY, VALUE, Choice
from gateway.reading.cache import LIFETIMES
from gateway.reading.need import ByKey, LocalCurrency, Source
from gateway.reading.paging import Kind, Sort
from gateway.records import Backend


def _business_central(
    name: str, natural_key: str, *, guids: frozenset[str] = frozenset(), mapping: str | None = None
) -> Source:
    """A set whose natural key is unique, and so orders rows that are otherwise equal."""
    return Source(
        Backend.BUSINESS_CENTRAL,
        name,
        "id",
        natural_key=natural_key,
        unique=Sort(natural_key, "text"),
        guids=guids,
        reference=name in LIFETIMES,
        mapping=mapping,
    )


def _dataverse(name: str, key: str, *, natural_key: str | None = None, guids: frozenset[str] = frozenset()) -> Source:
    """A table: only its primary key is unique by itself."""
    kind: Kind = "guid"
    return Source(
        Backend.DATAVERSE,
        name,
        key,
        natural_key=natural_key,
        unique=Sort(key, kind),
        guids=guids,
        in_company=False,
        reference=name in LIFETIMES,
    )


def _choice(table: str, column: str) -> Source:
    """The options of a choice column."""
    choice = Choice(table, column)
    return Source(
        Backend.DATAVERSE,
        f"{table}.{column}",
        KEY,
        natural_key=VALUE,
        unique=Sort(KEY, "guid"),
        in_company=False,
        choice=choice,
    )


CUSTOMERS = _business_central("customers", "number", mapping="CUSTOMER")
VENDORS = _business_central("vendors", "number", mapping="VENDOR")
ITEMS = _business_central("items", "number", mapping="ITEM")
ITEM_VARIANTS = _business_central("itemVariants", "code", guids=frozenset({"itemId"}))
SALESPERSONS = _business_central("salespeoplePurchasers", "code")
SALES_ORDERS = _business_central("salesOrders", "number", guids=frozenset({"customerId"}))
PAYMENT_TERMS = _business_central("paymentTerms", "code")
SHIPMENT_METHODS = _business_central("shipmentMethods", "code")
BC_CONTACTS = _business_central("contacts", "number")
BC_CURRENCIES = _business_central("currencies", "code")
UNITS_OF_MEASURE = _business_central("unitsOfMeasure", "code")
BC_OPPORTUNITIES = _business_central("opportunities", "number")

ACCOUNTS = _dataverse("accounts", "accountid", natural_key="accountnumber")
CONTACTS = _dataverse("contacts", "contactid")
PRODUCTS = _dataverse("products", "productid", natural_key="productnumber")
SYSTEM_USERS = _dataverse("systemusers", "systemuserid", natural_key="internalemailaddress")
TEAMS = _dataverse("teams", "teamid")
OPPORTUNITIES = _dataverse(
    "opportunities", "opportunityid", guids=frozenset({"_customerid_value", "_parentaccountid_value"})
)
INVOICES = _dataverse("invoices", "invoiceid")
INVOICE_DETAILS = _dataverse("invoicedetails", "invoicedetailid")
CURRENCIES = _dataverse("transactioncurrencies", "transactioncurrencyid")
UNITS = _dataverse("uoms", "uomid")
UNIT_GROUPS = _dataverse("uomschedules", "uomscheduleid")
PAYMENT_TERMS_CHOICE = _choice("account", "paymenttermscode")
FREIGHT_TERMS_CHOICE = _choice("account", "address1_freighttermscode")
"""What an account's shipment method is in CRM."""
CRM_COMPANIES = _dataverse("bcbi_companies", "bcbi_companyid")
"""The table of the Dataverse integration solution: one row for each company of Business Central that is connected."""
ACCOUNT_STATISTICS = _dataverse("nav_accountstatisticses", "nav_accountstatisticsid")
"""The table of the Business Central Sales solution. Documents name it in the singular; the plural is Dataverse's usual one."""

FINANCIAL_DETAILS = _business_central("customerFinancialDetails", "number")
AGED_RECEIVABLES = Source(
    Backend.BUSINESS_CENTRAL, "agedAccountsReceivables", "customerId", natural_key="customerNumber"
)
CUSTOMER_SALES = Source(Backend.BUSINESS_CENTRAL, "customerSales", "customerId", natural_key="customerNumber")
SALES_INVOICES = _business_central("salesInvoices", "number")

ANALYTICS_API = "microsoft/analytics/v1.0"
"""Source: Business Central, "Power BI Reports API"; part of the app Power BI Reports for Business Central."""


def analytics(name: str, unique: str, kind: Kind = "text") -> Source:
    """An API query: no id of its own; ``unique`` orders its rows."""
    return Source(
        Backend.BUSINESS_CENTRAL, name, unique, natural_key=unique, unique=Sort(unique, kind), api=ANALYTICS_API
    )


ITEM_LEDGER_ENTRIES = analytics("itemLedgerEntries", "entryNo", "number")
CUSTOMER_LEDGER_ENTRIES = analytics("customerLedgerEntries", "dcleEntryNo", "number")
SALES_LINES = analytics("salesLines", "documentNo")


def extension(api: str, name: str, unique: str) -> Source:
    """A page of the extension that a tenant may have, see docs/extension.md."""
    return Source(Backend.BUSINESS_CENTRAL, name, unique, natural_key=unique, unique=Sort(unique, "text"), api=api)


def title_of(source: Source) -> str:
    """What an optional source is called in sentences."""
    if source.api == ANALYTICS_API:
        return f"Business Central's Analytics API ({source.name}, app Power BI Reports)"
    return f"The extension's page {source.name}"


COUPLINGS = Source(Backend.BUSINESS_CENTRAL, "couplings", "id")
"""Our own table, read like the rest. Its backend is never asked."""

IN_LOCAL_CURRENCY = LocalCurrency()
"""Amounts of Business Central's master data."""

IN_TRANSACTION_CURRENCY = ByKey("_transactioncurrencyid_value", "transactioncurrencyid")
"""Amounts of a Dataverse row."""
