"""All table mappings, in the order in which they depend on each other."""

from collections.abc import Mapping as ReadOnly
from typing import Final

from gateway.couplings.coupling import Mapping
from gateway.reading.sight import Sides
from gateway.records import Backend
from gateway.sync.mapping import TableMapping
from gateway.sync.tables.contact import CONTACT
from gateway.sync.tables.currency import CURRENCY
from gateway.sync.tables.customer import CUSTOMER
from gateway.sync.tables.item import ITEM
from gateway.sync.tables.opportunity import OPPORTUNITY
from gateway.sync.tables.option import PAYMENT_TERMS, SHIPMENT_METHOD
from gateway.sync.tables.sales_invoice import SALES_INVOICE
from gateway.sync.tables.salesperson import SALESPERSON
from gateway.sync.tables.unit_of_measure import UNIT_OF_MEASURE
from gateway.sync.tables.vendor import VENDOR

TABLE_MAPPINGS: Final[ReadOnly[Mapping, TableMapping]] = {
    each.mapping: each
    for each in (
        SALESPERSON,
        CURRENCY,
        PAYMENT_TERMS,
        SHIPMENT_METHOD,
        UNIT_OF_MEASURE,
        CUSTOMER,
        VENDOR,
        CONTACT,
        ITEM,
        OPPORTUNITY,
        SALES_INVOICE,
    )
}

SIDES: Final[Sides] = {
    str(name): {backend: each.table(backend).source for backend in Backend} for name, each in TABLE_MAPPINGS.items()
}
"""The sets that each mapping couples."""
