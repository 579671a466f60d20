"""Dataverse Web API v9.2: its dialect, its headers, who we are there.

Source: Dataverse, "Compose HTTP requests and handle errors", "Filter rows using OData", "Service protection API limits".
"""

import re
from dataclasses import dataclass
from uuid import UUID

import httpx

from gateway.clients.call import Call
from gateway.clients.client import ODataClient, Vendor
from gateway.clients.retry import RetryPolicy
from gateway.errors import ProtocolError
from gateway.odata.batch import MULTIPART_BATCHES
from gateway.odata.query import AnyOf, Enumeration, Value, literal
from gateway.records import Backend

RUNNING_AT_ONCE = 48
"""Source: "Service protection API limits": 52 at once per user is refused; some are left for others under our identity."""

QUERY_ROOM = 24_000
"""Of the 32 KB a URL may have."""

COUNT_LIMIT = 5_000
"""Source: "Count number of rows": ``$count`` never says more."""

_WILDCARD = re.compile(r"[%_\[]")


class DataverseDialect:
    """``Microsoft.Dynamics.CRM.In`` for many values; ``% _ [`` are wildcards in text functions and are put in brackets."""

    def any_of(self, condition: AnyOf) -> Enumeration:
        items = tuple(value_text(value) for value in condition.values)
        return Enumeration(
            f"Microsoft.Dynamics.CRM.In(PropertyName={literal(condition.property)},PropertyValues=[", items, ",", "])"
        )

    def text(self, value: str) -> str:
        return _WILDCARD.sub(lambda match: f"[{match.group()}]", value)


def value_text(value: Value) -> str:
    """One of ``PropertyValues``, which are texts whatever the property is."""
    return literal(value if isinstance(value, str) else literal(value))


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Who the backend takes us for."""

    user_id: UUID
    organization_id: UUID


class DataverseClient(ODataClient):
    """One organization."""

    def __init__(
        self,
        *,
        organization_url: str,
        auth: httpx.Auth,
        network: httpx.AsyncBaseTransport | None = None,
        places: int = RUNNING_AT_ONCE,
        retry: RetryPolicy | None = None,
    ) -> None:
        vendor = Vendor(
            backend=Backend.DATAVERSE,
            dialect=DataverseDialect(),
            normalize=_unchanged,
            query_room=QUERY_ROOM,
            headers={
                "Accept": "application/json",
                "OData-MaxVersion": "4.0",
                "OData-Version": "4.0",
                "If-None-Match": "null",
            },
            places=places,
            batches=MULTIPART_BATCHES,
        )
        base_url = organization_url.rstrip("/") + "/api/data/v9.2"
        super().__init__(vendor, base_url=base_url, auth=auth, network=network, retry=retry)

    async def who_am_i(self, *, call: Call) -> WhoAmI:
        """Our application user in the organization."""
        answer = (await self.object("WhoAmI", call=call)).values
        try:
            return WhoAmI(UUID(str(answer["UserId"])), UUID(str(answer["OrganizationId"])))
        except (KeyError, ValueError) as error:
            raise ProtocolError("Dataverse answered WhoAmI without ids.", backend=self.vendor.backend) from error


def _unchanged(value: object) -> object:
    return value
