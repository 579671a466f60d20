"""Business Central API v2.0: company-scoped paths, its dialect, its way of saying "no value", its batches.

Source: Business Central, "API (v2.0) for Business Central", "Use OData batch", "Current API limits".
"""

from uuid import UUID

import httpx

from gateway.clients.client import ODataClient, Vendor
from gateway.clients.retry import RetryPolicy
from gateway.odata.batch import JSON_BATCHES
from gateway.odata.query import AnyOf, Enumeration, literal
from gateway.records import Backend

RUNNING_AT_ONCE = 5
"""Source: Business Central, "Current API limits": requests processed at once per user."""

QUERY_ROOM = 7_600
"""Of about 8,100 characters of query string, what we fill; the rest is room for a link's own additions."""

_NO_VALUE = frozenset({"", "0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000", "_x0020_"})
"""Business Central has no null: an unset value is the default of its type."""


class BusinessCentralDialect:
    """``or`` chains over one property; text functions know no wildcards."""

    def any_of(self, condition: AnyOf) -> Enumeration:
        items = tuple(f"{condition.property} eq {literal(value)}" for value in condition.values)
        return Enumeration("", items, " or ", "")

    def text(self, value: str) -> str:
        return value


def without_defaults(value: object) -> object:
    """The type's default, which stands for "no value" in text, dates, GUIDs and blank choices, as None.

    Zero and false stay: a balance of 0 is a balance.
    """
    return None if isinstance(value, str) and value in _NO_VALUE else value


class BusinessCentralClient(ODataClient):
    """One environment. Company-scoped sets are read below ``companies({id})``."""

    def __init__(
        self,
        *,
        base_url: str,
        auth: httpx.Auth,
        network: httpx.AsyncBaseTransport | None = None,
        places: int = RUNNING_AT_ONCE,
        retry: RetryPolicy | None = None,
    ) -> None:
        vendor = Vendor(
            backend=Backend.BUSINESS_CENTRAL,
            dialect=BusinessCentralDialect(),
            normalize=without_defaults,
            query_room=QUERY_ROOM,
            headers={"Accept": "application/json"},
            places=places,
            batches=JSON_BATCHES,
        )
        super().__init__(vendor, base_url=base_url, auth=auth, network=network, retry=retry)

    def path(self, entity_set: str, *, company: UUID | None) -> str:
        """Where a set is found; only ``companies`` itself stands at the root."""
        return f"companies({company})/{entity_set}" if company is not None else entity_set
