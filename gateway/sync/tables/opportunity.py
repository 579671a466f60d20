"""Opportunities of both systems. Source: Business Central, codeunit CRM Setup Defaults, ResetOpportunityMapping."""

from gateway.couplings.coupling import Mapping
from gateway.odata.query import AnyOf
from gateway.reading.sources import BC_OPPORTUNITIES, OPPORTUNITIES
from gateway.sync.mapping import Direction, FieldMapping, Kind, Money, Rule, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE

OPPORTUNITY = TableMapping(
    mapping=Mapping.OPPORTUNITY,
    name="OPPORTUNITY",
    table_no=5092,
    direction=Direction.BIDIRECTIONAL,
    in_company=True,
    only_coupled=False,
    depends_on=(Mapping.CONTACT, Mapping.SALESPERSON),
    bc=Table(
        source=BC_OPPORTUNITIES,
        noun="opportunity",
        title="description",
        number="number",
        modified="lastModifiedDateTime",
        page="5124",
        rules=(
            Rule(
                AnyOf("status", ("Not_x0020_Started", "In_x0020_Progress")),
                "is closed",
                "Only opportunities that are not started or in progress are coupled.",
            ),
        ),
    ),
    crm=Table(
        source=OPPORTUNITIES,
        noun="opportunity in CRM",
        title="name",
        number=None,
        modified="modifiedon",
        page="opportunity",
        besides=frozenset({"_parentaccountid_value", "_customerid_value"}),
    ),
    fields=(
        FieldMapping("description", "Description", "description", "name", kind=Kind.NAME, longest=(100, 300)),
        FieldMapping(
            "contactNumber",
            "Contact No.",
            "contactNumber",
            "_parentcontactid_value",
            _TO,
            Kind.LOOKUP,
            Mapping.CONTACT,
            by_code=True,
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
        FieldMapping(
            "estimatedValue",
            "Estimated Value (LCY)",
            "estimatedValue",
            "estimatedvalue",
            _TO,
            Kind.DECIMAL,
            money=Money.AMOUNT,
            not_null=True,
            given_by_bc=True,
        ),
        FieldMapping(
            "currencyCode",
            "Currency Code",
            "",
            "_transactioncurrencyid_value",
            _TO,
            Kind.LOOKUP,
            Mapping.CURRENCY,
            along="estimatedValue",
            fixed_by="_pricelevelid_value",
        ),
        FieldMapping(
            "estimatedClosingDate",
            "Estimated Closing Date",
            "estimatedClosingDate",
            "estimatedclosedate",
            _TO,
            Kind.DATE,
            not_null=True,
            given_by_bc=True,
        ),
        FieldMapping(
            "dateClosed",
            "Date Closed",
            "dateClosed",
            "actualclosedate",
            _TO,
            Kind.DATE,
            not_null=True,
            enabled=False,
            given_by_bc=True,
        ),
        FieldMapping(
            "calculatedCurrentValue",
            "Calcd. Current Value (LCY)",
            "calculatedCurrentValue",
            "actualvalue",
            _TO,
            Kind.DECIMAL,
            money=Money.AMOUNT,
            not_null=True,
            enabled=False,
            given_by_bc=True,
        ),
    ),
    match=(("description",),),
)
"""Estimates are calculated in Business Central, from sales cycle stages. An opportunity that has none shows 0 and no date there:
nothing is known then, and what CRM knows stays (Not Null, which Business Central's own mapping does not have). An estimate
brings its currency along, the local one; an opportunity with a price list has that list's currency, which stays. Probability %
is not in the standard API.
"""
