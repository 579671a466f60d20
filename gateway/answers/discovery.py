"""Which optional sources a tenant has, for whoever sets it up: each with what it is for and how to get it.

Figures find out by themselves (``gateway.reading.capabilities``); here what is not known to be installed is asked for, so that an
administrator who has just installed something sees it at once.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.answers.plan import Setting
from gateway.errors import BackendError
from gateway.figures.documents import in_use
from gateway.odata.query import Query
from gateway.reading.capabilities import Capabilities, Found, verdict
from gateway.reading.lookup import Asking, Paths
from gateway.reading.need import Source
from gateway.reading.sources import (
    ACCOUNT_STATISTICS,
    CUSTOMER_LEDGER_ENTRIES,
    ITEM_LEDGER_ENTRIES,
    SALES_LINES,
    analytics,
    extension,
)

INSTALL_ANALYTICS: Final = (
    "Install the app Power BI Reports for Business Central from Microsoft, and leave the date ranges of its setup empty: "
    "they hide entries and documents from the API."
)
INSTALL_EXTENSION: Final = (
    "Install an extension with the pages that docs/extension.md describes, and set GATEWAY_EXTENSION_API to its route."
)
INSTALL_SOLUTION: Final = (
    "Enable the connection to Dynamics 365 Sales in Business Central: it installs the solution with this table."
)
PERMIT: Final = "Give the gateway's application user the right to read it."

EXTENSION_PAGES: Final = (
    ("reservationEntries", "itemNumber", "What of the stock is reserved, and available to promise."),
    ("itemAvailabilities", "itemNumber", "Availability by variant."),
    ("customerStatistics", "customerNumber", "All of a customer's open amounts, prepayments and service included."),
    ("customerSalesByDate", "customerNumber", "Profit."),
)


@dataclass(frozen=True, slots=True)
class Optional:
    """A source that a tenant may have. ``column`` is asked for to find out."""

    source: Source
    column: str
    purpose: str
    hint: str


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found of one; ``message`` says why nothing could be found out, ``hint`` what to do when it is not there."""

    name: str
    api: str | None
    found: Found
    purpose: str
    message: str | None
    hint: str | None


def optional_sources(setting: Setting) -> Iterator[Optional]:
    """All that this gateway would use. Pages of the extension are named even if none is configured."""
    stock = "Stock by location, and quantities in other units of measure."
    yield Optional(ITEM_LEDGER_ENTRIES, "itemNo", stock, INSTALL_ANALYTICS)
    for each in in_use(setting.modules):
        purpose = "Demand and supply by date, and with it every figure of availability beyond the stock there is."
        yield Optional(analytics(each.name, "itemNo"), "itemNo", purpose, INSTALL_ANALYTICS)
    yield Optional(
        CUSTOMER_LEDGER_ENTRIES, "dcleEntryNo", "Aging, figures of a past day, the last payment.", INSTALL_ANALYTICS
    )
    yield Optional(
        SALES_LINES, "documentNo", "Counts of open documents; open amounts without the extension.", INSTALL_ANALYTICS
    )
    for name, column, purpose in EXTENSION_PAGES:
        yield Optional(extension(setting.extension_api or "", name, column), column, purpose, INSTALL_EXTENSION)
    yield Optional(
        ACCOUNT_STATISTICS, ACCOUNT_STATISTICS.key, "CRM's copy of the statistics, and writing it.", INSTALL_SOLUTION
    )


async def discover(setting: Setting, asking: Asking, paths: Paths, capabilities: Capabilities) -> Sequence[Discovered]:
    """What is known of each, and for the others one request each, side by side. Never raises for a backend."""
    return await asyncio.gather(*(_discover(each, asking, paths, capabilities) for each in optional_sources(setting)))


async def _discover(optional: Optional, asking: Asking, paths: Paths, capabilities: Capabilities) -> Discovered:
    source, scope = optional.source, asking.scope
    message: str | None = None
    found = capabilities.of(scope, source)
    if source.api == "":
        found = Found.NOT_INSTALLED
    elif found is not Found.INSTALLED:
        found, message = await _ask(optional, asking, paths)
        capabilities.note(scope, source, found)
    hint = {Found.INSTALLED: None, Found.NOT_INSTALLED: optional.hint, Found.NOT_PERMITTED: PERMIT}.get(found)
    return Discovered(source.name, source.api or None, found, optional.purpose, message, hint)


async def _ask(optional: Optional, asking: Asking, paths: Paths) -> tuple[Found, str | None]:
    call = asking.call()
    client, path = paths.client(optional.source), paths.path(optional.source, asking.scope.company)
    try:
        await client.page(path, Query(select=(optional.column,), top=1), call=call)
    except BackendError as error:
        said = verdict(error)
        return (Found.UNKNOWN, error.message) if said is None else (said, None)
    finally:
        asking.trace.add(call.exchanges, after=0)
    return Found.INSTALLED, None
