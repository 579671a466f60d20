"""All table mappings, in the order in which they depend on each other."""

from typing import Final

from gateway.couplings.coupling import Mapping
from gateway.errors import InvalidInputError
from gateway.reading.need import Source
from gateway.reading.sight import Sides
from gateway.records import Backend
from gateway.sync.mapping import Direction, Table, TableMapping
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


class TableMappings(dict[Mapping, TableMapping]):
    """Those that an installation has: the shipped ones, and the places of its own that it fills.

    Asking for a place that is not filled raises InvalidInputError.
    """

    def __missing__(self, name: Mapping) -> TableMapping:
        raise not_filled(name)

    def described(self, name: Mapping) -> TableMapping:
        """How records of a mapping are called, also where a place has left some and is filled no more."""
        return self.get(name, _LEFT)


def not_filled(name: Mapping) -> InvalidInputError:
    """The refusal of whatever names a place that has no tables here."""
    return InvalidInputError(
        f"The mapping {name} is a place for tables of your own, and the configuration fills it with none.",
        argument="mapping",
    )


_LEFT: Final = TableMapping(
    mapping=Mapping.OWN_1,
    name="",
    table_no=0,
    bc=Table(Source(Backend.BUSINESS_CENTRAL, "", "id"), "record", "", None, "", ""),
    crm=Table(Source(Backend.DATAVERSE, "", ""), "row", "", None, "", ""),
    direction=Direction.BIDIRECTIONAL,
    fields=(),
    match=(),
)
"""What is known of tables that nobody names any more."""

TABLE_MAPPINGS: Final = TableMappings(
    (each.mapping, each)
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
)


def sides_of(tables: TableMappings) -> Sides:
    """The sets that each mapping couples."""
    return {str(name): {backend: each.table(backend).source for backend in Backend} for name, each in tables.items()}
