"""Customers and accounts. Source: Business Central, codeunit CDS Setup Defaults, ResetCustomerAccountMapping."""

from gateway.couplings.coupling import Mapping
from gateway.errors import ErrorCode
from gateway.odata.query import Compare
from gateway.reading.sources import ACCOUNTS, CUSTOMERS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Money, Rule, Table, TableMapping

_BOTH, _TO = Direction.BIDIRECTIONAL, Direction.TO_INTEGRATION_TABLE

CUSTOMER = TableMapping(
    mapping=Mapping.CUSTOMER,
    name="CUSTOMER",
    table_no=18,
    direction=_BOTH,
    in_company=True,
    depends_on=(Mapping.SALESPERSON, Mapping.CURRENCY, Mapping.PAYMENT_TERMS, Mapping.SHIPMENT_METHOD),
    bc=Table(
        source=CUSTOMERS,
        noun="customer",
        title="displayName",
        number="number",
        modified="lastModifiedDateTime",
        page="21",
        rules=(
            Rule(
                Compare("blocked", "eq", " "),
                "is blocked",
                "Set Blocked to blank on its card in Business Central.",
                ErrorCode.RECORD_BLOCKED,
            ),
        ),
    ),
    crm=Table(
        source=ACCOUNTS,
        noun="account",
        title="name",
        number="accountnumber",
        modified="modifiedon",
        page="account",
        rules=(
            Rule(Compare("statecode", "eq", 0), "is inactive", "Activate it in Dynamics 365 Sales."),
            Rule(
                Compare("customertypecode", "eq", 3),
                "is not of the relationship type Customer",
                "Set its relationship type to Customer in Dynamics 365 Sales; one of the type Vendor belongs to a vendor.",
            ),
        ),
    ),
    fields=(
        FieldMapping("number", "No.", "number", "accountnumber", _TO, Kind.CODE, enabled=False, longest=(20, 20)),
        FieldMapping("displayName", "Name", "displayName", "name", kind=Kind.NAME, longest=(100, 160)),
        FieldMapping("addressLine1", "Address", "addressLine1", "address1_line1", longest=(100, 250)),
        FieldMapping("addressLine2", "Address 2", "addressLine2", "address1_line2", longest=(50, 250)),
        FieldMapping("postalCode", "Post Code", "postalCode", "address1_postalcode", kind=Kind.CODE, longest=(20, 20)),
        FieldMapping("city", "City", "city", "address1_city", longest=(30, 80)),
        FieldMapping("state", "County", "state", "address1_stateorprovince", longest=(30, 50)),
        FieldMapping("country", "Country/Region Code", "country", "address1_country", kind=Kind.CODE, longest=(10, 80)),
        FieldMapping("phoneNumber", "Phone No.", "phoneNumber", "telephone1", kind=Kind.PHONE, longest=(30, 50)),
        FieldMapping("email", "E-Mail", "email", "emailaddress1", kind=Kind.EMAIL, longest=(80, 100)),
        FieldMapping("website", "Home Page", "website", "websiteurl", kind=Kind.WEB, longest=(255, 200)),
        FieldMapping(
            "creditLimit",
            "Credit Limit (LCY)",
            "creditLimit",
            "creditlimit",
            _TO,
            Kind.DECIMAL,
            money=Money.AMOUNT,
        ),
        FieldMapping(
            "currencyCode",
            "Currency Code",
            "currencyId",
            "_transactioncurrencyid_value",
            kind=Kind.LOOKUP,
            lookup=Mapping.CURRENCY,
        ),
        FieldMapping(
            "paymentTermsCode",
            "Payment Terms Code",
            "paymentTermsId",
            "paymenttermscode",
            kind=Kind.LOOKUP,
            lookup=Mapping.PAYMENT_TERMS,
            optional=True,
        ),
        FieldMapping(
            "shipmentMethodCode",
            "Shipment Method Code",
            "shipmentMethodId",
            "address1_freighttermscode",
            kind=Kind.LOOKUP,
            lookup=Mapping.SHIPMENT_METHOD,
            optional=True,
        ),
        FieldMapping(
            "salespersonCode",
            "Salesperson Code",
            "salespersonCode",
            "_owninguser_value",
            _TO,
            Kind.LOOKUP,
            Mapping.SALESPERSON,
            by_code=True,
            not_null=True,
        ),
    ),
    match=(("number",), ("displayName", "postalCode"), ("displayName",)),
)
"""Without Contact, Fax No., Mobile Phone No., Primary Contact No. and Shipping Agent Code: not in the standard API."""
