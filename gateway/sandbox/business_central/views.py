"""Sets that are not tables of their own: API queries over the ledgers, and pages that add things up, as SELECTs.

A view yields every property of its set and `store_version`. Numbers are added with the functions of `computing`.

Source: Business Central, "Power BI Reports API overview"; table Item, its flow fields.
"""

from typing import Final

from gateway.sandbox.business_central.analytics_views import ANALYTICS_VIEWS
from gateway.sandbox.business_central.extension_views import EXTENSION_VIEWS

VIEWS: Final[dict[str, str]] = {**ANALYTICS_VIEWS, **EXTENSION_VIEWS}


def _related(name: str, kind: str) -> str:
    """The company that each record of a set is, and its persons."""
    return f"""
        SELECT contact.id AS contactId, contact.number AS contactNumber, contact.displayName AS contactName,
               contact.type AS contactType, party.id AS relatedId, '{kind}' AS relatedType,
               max(contact.store_version, relation.store_version) AS store_version
        FROM {name} AS party
        JOIN "$contactBusinessRelations" AS relation
             ON fold(relation.no) = fold(party.number) AND relation.linkToTable = '{kind}'
        JOIN contacts AS contact ON fold(contact.companyNumber) = fold(relation.contactNo)
        """  # noqa: S608 - ours


VIEWS["contactsInformation"] = _related("vendors", "Vendor") + "UNION ALL" + _related("customers", "Customer")
"""Contacts of vendors and of customers. Source: Microsoft's AL source of table Contact Information Buffer."""

_DOCUMENTED: Final = (
    *("accounts", "companyInformation", "countriesRegions", "currencies", "customerPaymentJournals", "customers"),
    *("dimensions", "employees", "generalLedgerEntries", "itemCategories", "items", "journals", "paymentMethods"),
    *("paymentTerms", "purchaseInvoices", "salesCreditMemos", "salesInvoices", "salesOrders", "salesQuotes"),
    *("shipmentMethods", "unitsOfMeasure", "vendors"),
)
"""Source: Business Central, "Working with webhooks in Dynamics 365 Business Central", supported resources."""
_ALSO: Final = ("contacts", "itemVariants", "locations", "opportunities", "salespeoplePurchasers")
_OF_EXTENSIONS: Final = ("wheelhouse/availability/v1.0/couplings",)

WEBHOOK_RESOURCES: Final = (*(f"v2.0/{name}" for name in sorted((*_DOCUMENTED, *_ALSO))), *_OF_EXTENSIONS)
"""What subscriptions may name: route of the API and set. Only pages over real tables, never lines or queries."""

VIEWS["runtime/webhookSupportedResources"] = (
    "SELECT column1 AS resource, 1 AS store_version FROM (VALUES "  # noqa: S608
    + ", ".join(f"('{resource}')" for resource in WEBHOOK_RESOURCES)
    + ")"
)
