"""The demo company as one object: rows for both simulators and the couplings between them.

Everything is computed from natural keys and fixed dates, without input or output: the same on every start. A larger
company holds the records of a smaller one unchanged, and rows are made while they are read, so memory stays flat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from gateway.sandbox.company import (
    bc_commitments,
    bc_couplings,
    bc_customers,
    bc_invoices,
    bc_items,
    bc_opportunities,
    bc_orders,
    bc_setup,
    bc_vendors,
    crm_customers,
    crm_prices,
    crm_sales,
    crm_security,
    crm_setup,
)
from gateway.sandbox.company.couplings import DemoCoupling, couplings
from gateway.sandbox.company.customers import PART, STORY_CUSTOMERS
from gateway.sandbox.company.identifiers import (
    COMPANY_ID,
    COMPANY_NAME,
    COMPANY_UNIT_ID,
    CRM_COMPANY_ID,
    CURRENCY_CODE,
    DEFAULT_TEAM_ID,
    ENVIRONMENT,
    ORGANIZATION_ID,
)
from gateway.sandbox.company.items import STORY_ITEMS
from gateway.sandbox.company.rows import Sets
from gateway.sandbox.identity.people import TENANT_ID

_EDITION: Final = "5"
"""Raise it when the generated rows change, so that a stored sandbox is seeded anew."""

_OF_VENDORS: Final = {
    "contacts": bc_vendors.vendor_contacts,
    "$contactBusinessRelations": bc_vendors.vendor_relations,
}
"""Rows that customers' sets hold of vendors, too."""


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """Ids are those of the rows; `business_unit_id` and `default_team_id` are what the connection set up in the CRM."""

    customers: int
    items: int
    tenant_id: str = TENANT_ID
    environment: str = ENVIRONMENT
    company_id: str = COMPANY_ID
    company_name: str = COMPANY_NAME
    currency_code: str = CURRENCY_CODE
    organization_id: str = ORGANIZATION_ID
    crm_company_id: str = CRM_COMPANY_ID
    business_unit_id: str = COMPANY_UNIT_ID
    default_team_id: str = DEFAULT_TEAM_ID

    @property
    def fingerprint(self) -> str:
        """Names what a store was seeded with."""
        return f"{self.company_name}/{_EDITION}/{self.customers}/{self.items}"

    def parts(self) -> Iterator[range]:
        """The indexes of the customers, a part after the other. Both backends' rows of a part come quickest together."""
        for start in range(0, self.customers, PART):
            yield range(start, min(start + PART, self.customers))

    def business_central(self, part: range | None = None) -> Sets:
        """Entity set and its rows, set by set; a row leaves out what is blank.

        Of one part: the rows about its customers, and with the first part all others.
        """
        part = range(self.customers) if part is None else part
        first = part.start == 0
        if first:
            yield from bc_setup.setup_sets()
            yield from bc_vendors.vendor_sets()
        for name, rows in bc_customers.customer_sets(part):
            yield name, chain(rows, _OF_VENDORS[name]() if first and name in _OF_VENDORS else ())
        if first:
            yield from bc_items.item_sets(self.items)
            yield from bc_opportunities.opportunity_sets()
        yield from bc_orders.order_sets(part)
        yield from bc_invoices.invoice_sets(part)
        if first:
            yield from bc_couplings.reservation_sets()
            yield from bc_commitments.commitment_sets()
        yield from bc_couplings.coupling_sets(part, items=self.items)

    def dataverse(self, part: range | None = None) -> Sets:
        """Entity set and its rows, set by set; lookups as `_name_value`. Of one part: as for Business Central."""
        part = range(self.customers) if part is None else part
        first = part.start == 0
        if first:
            yield from crm_setup.setup_sets()
            yield from crm_security.security_sets()
        yield from crm_customers.customer_sets(part)
        if first:
            yield from crm_sales.sales_sets(self.items)
            yield from crm_prices.price_sets(self.items)

    def couplings(self) -> Iterator[DemoCoupling]:
        return couplings(part=range(self.customers), item_count=self.items)


def demo_company(*, customers: int = STORY_CUSTOMERS, items: int = STORY_ITEMS) -> DemoCompany:
    """The company of the story, or a larger one.

    Raises:
        ValueError: fewer customers or items than the story needs.
    """
    if customers < STORY_CUSTOMERS or items < STORY_ITEMS:
        raise ValueError(f"the demo company has at least {STORY_CUSTOMERS} customers and {STORY_ITEMS} items")
    return DemoCompany(customers, items)
