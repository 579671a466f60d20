"""Dataverse Web API v9.2: its dialect, its headers, who we are there.

Source: Dataverse, "Compose HTTP requests and handle errors", "Filter rows using OData", "Service protection API limits".
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

import httpx

from gateway.clients.budget import ToldBudget
from gateway.clients.call import Call
from gateway.clients.choices import ChoiceClient
from gateway.clients.client import ODataClient
from gateway.clients.wire import Patience, Vendor
from gateway.errors import ProtocolError
from gateway.odata.batch import MULTIPART_BATCHES
from gateway.odata.choice import Choice
from gateway.odata.query import AnyOf, Enumeration, Query, Value, literal
from gateway.odata.response import Changes, read_changes
from gateway.odata.write import (
    Asked,
    ChangeSet,
    Create,
    CreateWith,
    Delete,
    Request,
    Update,
    Upsert,
    Write,
    by_key,
    if_match,
    row,
)
from gateway.records import Backend, Values

RUNNING_AT_ONCE = 48
"""Source: "Service protection API limits": 52 at once per user is refused; some are left for others under our identity."""

REQUESTS_IN_WINDOW, WORK_SECONDS_IN_WINDOW = 6_000, 1_200.0
"""Source: the same page: per user in any five minutes. At 48 at once the seconds are gone after half a minute."""

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


class DataverseWrites:
    """Everything but a deletion is a PATCH, told apart by its condition; the answer is asked for, with what was written and when.

    A row with rows below it is a change set.

    Source: Dataverse, "Perform conditional operations using the Web API", "Upsert a table row using the Web API".
    """

    def request(self, write: Write) -> Asked:
        match write:
            case Create():
                return _created(write)
            case CreateWith():
                return ChangeSet((_created(write.head), *map(_created, write.below)))
            case Update():
                return _patch(row(write.entity_set, write.id), write.values, if_match(write.etag))
            case Upsert():
                return _patch(by_key(write.entity_set, write.key), write.values, {})
            case Delete():
                return Request("DELETE", row(write.entity_set, write.id), if_match(write.etag))


def _created(create: Create) -> Request:
    return _patch(row(create.entity_set, create.id), create.values, {"If-None-Match": "*"})


def _patch(address: str, values: Values, condition: dict[str, str]) -> Request:
    columns = [
        name for name, value in values.items() if "@" not in name and not isinstance(value, Mapping | list | tuple)
    ]
    select = quote(",".join([*columns, "modifiedon"]), safe=",")
    return Request("PATCH", f"{address}?$select={select}", condition | {"Prefer": "return=representation"}, values)


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
        patience: Patience | None = None,
    ) -> None:
        vendor = Vendor(
            backend=Backend.DATAVERSE,
            dialect=DataverseDialect(),
            writes=DataverseWrites(),
            normalize=_unchanged,
            query_room=QUERY_ROOM,
            headers={
                "Accept": "application/json",
                "OData-MaxVersion": "4.0",
                "OData-Version": "4.0",
            },
            reading={"If-None-Match": "null"},
            places=places,
            budget=ToldBudget(requests=REQUESTS_IN_WINDOW, seconds=WORK_SECONDS_IN_WINDOW),
            batches=MULTIPART_BATCHES,
        )
        base_url = organization_url.rstrip("/") + "/api/data/v9.2"
        super().__init__(vendor, base_url=base_url, auth=auth, network=network, patience=patience)
        self._choices: dict[Choice, ChoiceClient] = {}

    def choice(self, choice: Choice) -> ChoiceClient:
        """The options of a choice column, as if they were rows of a table."""
        if choice not in self._choices:
            self._choices[choice] = ChoiceClient(self, choice)
        return self._choices[choice]

    async def changes(
        self, entity_set: str, select: Sequence[str], *, since: str | None, call: Call, page_size: int | None = None
    ) -> AsyncIterator[Changes]:
        """What changed in a table, page by page; the last page has the link to come back with.

        Args:
            select: the columns wanted; change tracking takes no other option.
            since: a delta link of an earlier reading, or None for every row there is.

        Raises:
            LinkExpiredError: the link is too old (7 days unless set otherwise): read with ``since=None``.

        Source: Dataverse, "Use change tracking to synchronize data with external systems".
        """
        size = f",odata.maxpagesize={page_size}" if page_size else ""
        wish = {"Prefer": f"odata.track-changes{size}"}
        link: str | None = since if since is not None else self.wire.url(entity_set, Query(select=tuple(select)))
        followed: set[int] = set()
        while link is not None:
            response = await self.wire.get(self.onward(link, followed), call=call, headers=wish)
            page = read_changes(response.content, backend=self.vendor.backend, normalize=self.vendor.normalize)
            yield page
            link = page.next_link

    async def who_am_i(self, *, call: Call) -> WhoAmI:
        """Our application user in the organization."""
        answer = (await self.object("WhoAmI", call=call)).values
        try:
            return WhoAmI(UUID(str(answer["UserId"])), UUID(str(answer["OrganizationId"])))
        except (KeyError, ValueError) as error:
            raise ProtocolError("Dataverse answered WhoAmI without ids.", backend=self.vendor.backend) from error

    async def security_roles(self, object_id: UUID, *, call: Call) -> frozenset[str]:
        """By which names and ids the security roles of somebody in Entra ID are known; none for who is disabled or no user."""
        url = f"{self.wire.base}roles?$select=roleid,name,_parentrootroleid_value&$filter={quote(_roles_of(object_id))}"
        page = await self._page(url, call=call, page_size=None)
        return frozenset(str(value) for record in page.records for value in record.values.values() if value is not None)


def _roles_of(object_id: UUID) -> str:
    """The roles of an enabled user, by assignment or through a team: one question. A role of a business unit is a copy of one of
    the root, whose id is the same everywhere.

    Source: Dataverse, "Filter rows using OData" (lambda operators), "Role table", ``parentrootroleid``.
    """
    user = f"u/azureactivedirectoryobjectid eq {object_id} and u/isdisabled eq false"
    return (
        f"systemuserroles_association/any(u:{user}) or "
        f"teamroles_association/any(t:t/teammembership_association/any(u:{user}))"
    )


def _unchanged(value: object) -> object:
    return value
