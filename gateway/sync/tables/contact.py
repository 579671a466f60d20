"""Contacts of both systems. Source: Business Central, codeunit CDS Setup Defaults, ResetContactContactMapping."""

from gateway.couplings.coupling import Mapping
from gateway.odata.query import Compare
from gateway.reading.sources import BC_CONTACTS, CONTACTS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Rule, Table, TableMapping

NAME_PARTS = ("firstname", "middlename", "lastname")
NAME_PART_ROOM = 50
"""Characters each of them takes. Source: Dataverse, "Contact table"."""

CONTACT = TableMapping(
    mapping=Mapping.CONTACT,
    name="CONTACT",
    table_no=5050,
    direction=Direction.BIDIRECTIONAL,
    in_company=True,
    depends_on=(Mapping.CUSTOMER, Mapping.VENDOR),
    bc=Table(
        source=BC_CONTACTS,
        noun="contact",
        title="displayName",
        number="number",
        modified="lastModifiedDateTime",
        page="5050",
        rules=(
            Rule(
                Compare("type", "eq", "Person"),
                "is a company, not a person",
                "Couple the persons of the company; the company itself is coupled as a customer or a vendor.",
            ),
            Rule(
                Compare("companyNumber", "ne", ""),
                "belongs to no company",
                "Set Company No. on its card in Business Central.",
            ),
        ),
    ),
    crm=Table(
        source=CONTACTS,
        noun="contact in CRM",
        title="fullname",
        number="emailaddress1",
        modified="modifiedon",
        page="contact",
        rules=(
            Rule(Compare("statecode", "eq", 0), "is inactive", "Activate it in Dynamics 365 Sales."),
            Rule(
                Compare("_parentcustomerid_value", "ne", None),
                "belongs to no account",
                "Set its company name in Dynamics 365 Sales.",
            ),
        ),
    ),
    fields=(
        FieldMapping(
            "displayName", "Name", "displayName", "fullname", kind=Kind.NAME, longest=(100, None), parts=NAME_PARTS
        ),
        FieldMapping("jobTitle", "Job Title", "jobTitle", "jobtitle", enabled=False, longest=(30, 100)),
        FieldMapping("addressLine1", "Address", "addressLine1", "address1_line1", longest=(100, 250)),
        FieldMapping("addressLine2", "Address 2", "addressLine2", "address1_line2", longest=(50, 250)),
        FieldMapping("postalCode", "Post Code", "postalCode", "address1_postalcode", kind=Kind.CODE, longest=(20, 20)),
        FieldMapping("city", "City", "city", "address1_city", longest=(30, 80)),
        FieldMapping("state", "County", "state", "address1_stateorprovince", longest=(30, 50)),
        FieldMapping("country", "Country/Region Code", "country", "address1_country", kind=Kind.CODE, longest=(10, 80)),
        FieldMapping("phoneNumber", "Phone No.", "phoneNumber", "telephone1", kind=Kind.PHONE, longest=(30, 50)),
        FieldMapping(
            "mobilePhoneNumber",
            "Mobile Phone No.",
            "mobilePhoneNumber",
            "mobilephone",
            kind=Kind.PHONE,
            longest=(30, 50),
        ),
        FieldMapping("email", "E-Mail", "email", "emailaddress1", kind=Kind.EMAIL, longest=(80, 100)),
        FieldMapping("website", "Home Page", "website", "websiteurl", kind=Kind.WEB, longest=(255, 200)),
    ),
    match=(("email",), ("displayName", "phoneNumber"), ("displayName",)),
)
"""CRM keeps a person's name in three columns and shows them as ``fullname``; Business Central's API has the whole name only.
First name is what stands before the first blank, last name what follows the last one.

Source: Business Central, table Contact, "ProcessNameParts".
"""
