"""A new number for a customer, a vendor, a contact or an item: everything that names it by its number follows.

Source: Business Central, "Rename a record", which changes the primary key and every table related to it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.sandbox.business_central.contacts import LINKS, RELATIONS
from gateway.sandbox.business_central.rules import equal
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row, Store

_DOCUMENTS: Final = ("salesOrders", "salesInvoices", "salesQuotes")
_LINES: Final = ("salesOrderLines", "salesInvoiceLines", "salesQuoteLines")
_NAMED_IN: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "customers": (
        ("$customerLedgerEntries", "customerNo"),
        *((name, column) for name in _DOCUMENTS for column in ("customerNumber", "billToCustomerNumber")),
        *(("$salesReturnLines", column) for column in ("sellToCustomerNo", "billToCustomerNo")),
        *(("$serviceLines", column) for column in ("customerNo", "billToCustomerNo")),
        (RELATIONS, "no"),
    ),
    "vendors": (("$purchaseLines", "buyFromVendorNo"), (RELATIONS, "no")),
    "contacts": (
        ("contacts", "companyNumber"),
        (RELATIONS, "contactNo"),
        *(("opportunities", column) for column in ("contactNumber", "contactCompanyNumber")),
    ),
    "items": (
        *((name, "itemNo") for name in ("$itemLedgerEntries", "$purchaseLines", "$transferLines")),
        *((name, "itemNo") for name in ("$reservationEntries", "$itemUnitsOfMeasure", "$otherLines")),
        *((name, "itemNo") for name in ("$salesReturnLines", "$serviceLines")),
        ("itemVariants", "itemNumber"),
    ),
}
"""By set, where its numbers are kept: sets and their properties."""


def rename(store: Store, entity_set: EntitySet, row: Row, number: object) -> None:
    """Let the rows that name `row` by its number follow it to a new one."""
    old = str(row["number"]) if "number" in entity_set.properties else ""
    if not old or number == old:
        return
    for name, column in _NAMED_IN.get(entity_set.name, ()):
        key = store.model.sets[name].key
        for one in store.select(name, where=equal(column, old)):
            if (name, column) != (RELATIONS, "no") or one["linkToTable"] == LINKS[entity_set.name]:
                store.update(name, one[key], {column: number})
    for name in _LINES if entity_set.name == "items" else ():
        for line in store.select(name, where=equal("itemId", str(row["id"]), "Edm.Guid")):
            store.update(name, line["id"], {"lineObjectNumber": number})
