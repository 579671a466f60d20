"""Items and products. Source: Business Central, codeunit CRM Setup Defaults, ResetItemProductMapping."""

from gateway.couplings.coupling import Mapping
from gateway.errors import ErrorCode
from gateway.odata.query import Compare
from gateway.reading.sources import ITEMS, PRODUCTS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Money, Rule, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE

ITEM = TableMapping(
    mapping=Mapping.ITEM,
    name="ITEM-PRODUCT",
    table_no=27,
    direction=Direction.BIDIRECTIONAL,
    in_company=True,
    depends_on=(Mapping.UNIT_OF_MEASURE,),
    bc=Table(
        source=ITEMS,
        noun="item",
        title="displayName",
        number="number",
        modified="lastModifiedDateTime",
        page="30",
        rules=(
            Rule(
                Compare("blocked", "eq", False),
                "is blocked",
                "Clear Blocked on its card in Business Central.",
                ErrorCode.RECORD_BLOCKED,
            ),
        ),
    ),
    crm=Table(
        source=PRODUCTS,
        noun="product",
        title="name",
        number="productnumber",
        modified="modifiedon",
        page="product",
        rules=(
            Rule(
                Compare("producttypecode", "eq", 1),
                "is not of the product type Sales Inventory",
                "Set its product type to Sales Inventory in Dynamics 365 Sales.",
            ),
            Rule(Compare("statecode", "eq", 0), "is not active", "Activate it in Dynamics 365 Sales."),
        ),
    ),
    fields=(
        FieldMapping("number", "No.", "number", "productnumber", _TO, Kind.CODE, longest=(20, 100)),
        FieldMapping("displayName", "Description", "displayName", "name", kind=Kind.NAME, longest=(100, 100)),
        FieldMapping(
            "unitPrice", "Unit Price", "unitPrice", "price", _TO, Kind.DECIMAL, money=Money.PRICE, not_negative=True
        ),
        FieldMapping("unitCost", "Unit Cost", "unitCost", "standardcost", _TO, Kind.DECIMAL, money=Money.PRICE),
        FieldMapping("currentCost", "Unit Cost", "unitCost", "currentcost", _TO, Kind.DECIMAL, money=Money.PRICE),
        FieldMapping(
            "currencyCode",
            "Currency Code",
            "",
            "_transactioncurrencyid_value",
            _TO,
            Kind.LOOKUP,
            Mapping.CURRENCY,
        ),
        FieldMapping(
            "inventory",
            "Inventory",
            "inventory",
            "quantityonhand",
            _TO,
            Kind.DECIMAL,
            not_negative=True,
            given_by_bc=True,
        ),
        FieldMapping(
            "baseUnitOfMeasureCode",
            "Base Unit of Measure",
            "baseUnitOfMeasureId",
            "_defaultuomscheduleid_value",
            kind=Kind.LOOKUP,
            lookup=Mapping.UNIT_OF_MEASURE,
        ),
    ),
    match=(("number",), ("displayName",)),
)
"""Unit Volume, Gross Weight and the vendor's columns are not in the standard API. Prices and costs are in local currency, so
a product is too, whatever somebody made of it in CRM.

Source: Business Central, codeunit CRM Int. Table. Subscriber, products: ``transactioncurrencyid`` after every transfer.
"""
