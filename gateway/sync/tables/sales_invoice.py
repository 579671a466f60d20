"""Posted sales invoices and invoices. Source: Business Central, codeunit CRM Setup Defaults, ResetSalesInvoiceHeaderMapping."""

from gateway.couplings.coupling import Mapping
from gateway.odata.query import AnyOf
from gateway.reading.sources import INVOICE_DETAILS, INVOICES, SALES_INVOICES
from gateway.sync.mapping import Direction, FieldMapping, Kind, Lines, Rule, Table, TableMapping
from gateway.sync.tables.addresses import bill_to, ship_to

_TO = Direction.TO_INTEGRATION_TABLE

SALES_INVOICE = TableMapping(
    mapping=Mapping.SALES_INVOICE,
    name="POSTEDSALESINV-INV",
    table_no=112,
    direction=_TO,
    in_company=True,
    depends_on=(Mapping.ITEM, Mapping.OPPORTUNITY),
    bc=Table(
        source=SALES_INVOICES,
        noun="sales invoice",
        title="customerName",
        number="number",
        modified="lastModifiedDateTime",
        page="132",
        rules=(
            Rule(
                AnyOf("status", ("Open", "Paid", "Canceled", "Corrective")),
                "is not posted",
                "Post it in Business Central.",
            ),
        ),
        besides=frozenset({"remainingAmount", "totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax"})
        | {"pricesIncludeTax"},
    ),
    crm=Table(
        source=INVOICES,
        noun="invoice in CRM",
        title="name",
        number="invoicenumber",
        modified="modifiedon",
        page="invoice",
        besides=frozenset({"statecode", "statuscode"}),
    ),
    fields=(
        FieldMapping("number", "No.", "number", "invoicenumber", _TO, Kind.CODE, longest=(20, 100), once=True),
        FieldMapping(
            "customerNumber",
            "Sell-to Customer No.",
            "customerId",
            "_customerid_value",
            _TO,
            Kind.LOOKUP,
            Mapping.CUSTOMER,
            navigation="customerid_account",
        ),
        FieldMapping(
            "salesperson",
            "Salesperson Code",
            "salesperson",
            "_owninguser_value",
            _TO,
            Kind.LOOKUP,
            Mapping.SALESPERSON,
            by_code=True,
            not_null=True,
        ),
        FieldMapping(
            "currencyCode",
            "Currency Code",
            "currencyId",
            "_transactioncurrencyid_value",
            _TO,
            Kind.LOOKUP,
            Mapping.CURRENCY,
        ),
        FieldMapping("dueDate", "Due Date", "dueDate", "duedate", _TO, Kind.DATE),
        *ship_to(_TO),
        *bill_to(_TO),
        FieldMapping(
            "discountAmount", "Invoice Discount Amount", "discountAmount", "discountamount", _TO, Kind.DECIMAL
        ),
    ),
    match=(("number",),),
    lines=Lines(
        navigation="salesInvoiceLines",
        columns=(
            *("sequence", "itemId", "lineType", "lineObjectNumber", "description", "unitOfMeasureCode", "quantity"),
            *("unitPrice", "discountAmount", "taxPercent", "amountExcludingTax", "netTaxAmount"),
        ),
        crm=INVOICE_DETAILS,
        crm_navigation="invoice_details",
        parent="invoiceid",
    ),
)
"""Amounts are in the currency of the invoice on both sides. CRM adds up its totals from the lines. Its states follow from what is
still to be paid. A posted invoice keeps its lines for good.

Drafts and posted invoices are one set in the standard API, and a draft keeps its id when it is posted. Shipment Date, Shipping
Agent Code and Work Description are not in it. The payment terms of an invoice are another choice in CRM than those of an account.
"""
