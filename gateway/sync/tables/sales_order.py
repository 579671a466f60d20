"""Sales orders and orders. Source: Business Central, codeunit CRM Setup Defaults, ResetSalesOrderMappingConfiguration."""

from gateway.couplings.coupling import Mapping
from gateway.odata.query import AnyOf, Compare
from gateway.reading.sources import ORDER_DETAILS, ORDERS, SALES_ORDERS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Lines, Lock, Rule, Table, TableMapping
from gateway.sync.tables.addresses import bill_to, ship_to

_TO = Direction.TO_INTEGRATION_TABLE

SALES_ORDER = TableMapping(
    mapping=Mapping.SALES_ORDER,
    name="SALESORDER-ORDER",
    table_no=36,
    direction=_TO,
    in_company=True,
    depends_on=(Mapping.ITEM, Mapping.OPPORTUNITY),
    bc=Table(
        source=SALES_ORDERS,
        noun="sales order",
        title="customerName",
        number="number",
        modified="lastModifiedDateTime",
        page="42",
        rules=(Rule(Compare("status", "eq", "Open"), "is not released", "Release it in Business Central."),),
        besides=frozenset({"orderDate", "totalAmountExcludingTax", "totalTaxAmount", "pricesIncludeTax"}),
    ),
    crm=Table(
        source=ORDERS,
        noun="order in CRM",
        title="name",
        number="ordernumber",
        modified="modifiedon",
        page="salesorder",
        rules=(
            Rule(
                AnyOf("statecode", (0, 1)),
                "is canceled, fulfilled or invoiced",
                "Only orders that are active or submitted are coupled.",
            ),
        ),
        besides=frozenset({"statuscode", "ispricelocked"}),
        lock=Lock(state=1, opened=(0, 2), closed=frozenset({2, 3, 4})),
    ),
    fields=(
        FieldMapping(
            "number", "No.", "number", "ordernumber", _TO, Kind.CODE, longest=(20, 100), once=True, new_only=True
        ),
        FieldMapping(
            "customerNumber",
            "Sell-to Customer No.",
            "customerId",
            "_customerid_value",
            _TO,
            Kind.LOOKUP,
            Mapping.CUSTOMER,
            navigation="customerid_account",
            new_only=True,
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
            once=True,
        ),
        FieldMapping(
            "requestedDeliveryDate",
            "Requested Delivery Date",
            "requestedDeliveryDate",
            "requestdeliveryby",
            _TO,
            Kind.DATE,
            at_midnight=True,
        ),
        *ship_to(_TO),
        *bill_to(_TO),
        FieldMapping(
            "discountAmount", "Invoice Discount Amount", "discountAmount", "discountamount", _TO, Kind.DECIMAL
        ),
    ),
    match=(("number",),),
    lines=Lines(
        navigation="salesOrderLines",
        columns=(
            *("sequence", "itemId", "lineType", "lineObjectNumber", "description", "unitOfMeasureCode", "quantity"),
            *("unitPrice", "discountAmount", "taxPercent", "amountExcludingTax", "netTaxAmount"),
        ),
        crm=ORDER_DETAILS,
        crm_navigation="order_details",
        parent="salesorderid",
        follow=True,
    ),
)
"""One way, as Microsoft ships it beside orders that come from CRM: those keep their number, their customer and their lines.

``Open`` is what the standard API calls a released order, and one that waits for a prepayment. It has neither Last Shipment Date
nor Shipping Agent Code. The payment terms of an order are another choice in CRM than those of an account.

CRM locks submitted orders. They are opened, changed and submitted again in one change set, so nobody ever sees them open. Source:
Business Central, codeunit CRM Sales Order to Sales Order, "SetLastBackOfficeSubmit", which does it in three steps.
"""
