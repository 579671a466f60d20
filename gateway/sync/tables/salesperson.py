"""Salespersons and users. Source: Business Central, codeunit CDS Setup Defaults, ResetSalesPeopleSystemUserMapping."""

from gateway.couplings.coupling import Mapping
from gateway.odata.query import Compare
from gateway.reading.sources import SALESPERSONS, SYSTEM_USERS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Rule, Table, TableMapping

_FROM = Direction.FROM_INTEGRATION_TABLE

SALESPERSON = TableMapping(
    mapping=Mapping.SALESPERSON,
    name="SALESPEOPLE",
    table_no=13,
    direction=_FROM,
    bc=Table(
        source=SALESPERSONS,
        noun="salesperson",
        title="displayName",
        number="code",
        modified="lastModifiedDateTime",
        page="5116",
        key_field="Code",
    ),
    crm=Table(
        source=SYSTEM_USERS,
        noun="user",
        title="fullname",
        number="internalemailaddress",
        modified="modifiedon",
        page="systemuser",
        rules=(
            Rule(
                Compare("isdisabled", "eq", False),
                "is disabled",
                "Enable the user in the Power Platform admin center, or couple the salesperson with another one.",
            ),
            Rule(
                Compare("islicensed", "eq", True),
                "has no licence",
                "Assign a licence to the user in the Microsoft 365 admin center.",
            ),
            Rule(
                Compare("isintegrationuser", "eq", False),
                "is an integration user, not a person",
                "Couple the salesperson with the user of a person.",
            ),
        ),
    ),
    fields=(
        FieldMapping("email", "E-Mail", "email", "internalemailaddress", _FROM, Kind.EMAIL, longest=(80, 100)),
        FieldMapping("displayName", "Name", "displayName", "fullname", _FROM, Kind.NAME, longest=(50, 200)),
        FieldMapping("phoneNo", "Phone No.", "phoneNo", "mobilephone", _FROM, Kind.PHONE, longest=(30, 64)),
        FieldMapping("jobTitle", "Job Title", "jobTitle", "jobtitle", enabled=False, longest=(30, 100)),
        FieldMapping(
            "email2", "E-Mail 2", "email2", "personalemailaddress", kind=Kind.EMAIL, enabled=False, longest=(80, 100)
        ),
    ),
    match=(("email",), ("displayName",)),
)
