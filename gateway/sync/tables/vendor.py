"""Vendors and accounts. Source: Business Central, codeunit CDS Setup Defaults, ResetVendorAccountMapping.

The fields are those of customers without a credit limit. Microsoft's mapping makes the purchaser (Purchaser Code) the owner of
the account; page "APIV2 - Vendors" does not show the purchaser, so no owner is mapped, and new accounts belong to the company's
team.
"""

from gateway.couplings.coupling import Mapping
from gateway.errors import ErrorCode
from gateway.odata.query import Compare
from gateway.reading.sources import ACCOUNTS, VENDORS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Rule, Table, TableMapping

VENDOR = TableMapping(
    mapping=Mapping.VENDOR,
    name="VENDOR",
    table_no=23,
    direction=Direction.BIDIRECTIONAL,
    in_company=True,
    depends_on=(Mapping.SALESPERSON, Mapping.CURRENCY, Mapping.PAYMENT_TERMS),
    bc=Table(
        source=VENDORS,
        noun="vendor",
        title="displayName",
        number="number",
        modified="lastModifiedDateTime",
        page="26",
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
                Compare("customertypecode", "eq", 11),
                "is not of the relationship type Vendor",
                "Set its relationship type to Vendor in Dynamics 365 Sales; one of the type Customer belongs to a customer.",
            ),
        ),
    ),
    fields=(
        FieldMapping(
            "number",
            "No.",
            "number",
            "accountnumber",
            Direction.TO_INTEGRATION_TABLE,
            Kind.CODE,
            enabled=False,
            longest=(20, 20),
        ),
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
    ),
    match=(("number",), ("displayName", "postalCode"), ("displayName",)),
)
"""Without Contact, Fax No., Mobile Phone No., Primary Contact No., Shipment Method Code and Shipping Agent Code: not in the
standard API.
"""
