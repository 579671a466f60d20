"""Business Central API v2.0: company-scoped paths, its dialect, its way of saying "no value", its batches.

Source: Business Central, "API (v2.0) for Business Central", "Use OData batch", "Current API limits".
"""

from collections.abc import AsyncIterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx

from gateway.clients.budget import CountedBudget
from gateway.clients.call import Call
from gateway.clients.client import ODataClient
from gateway.clients.wire import Patience, Vendor
from gateway.errors import InvalidInputError, ProtocolError
from gateway.odata.batch import JSON_BATCHES
from gateway.odata.query import AnyOf, Compare, Enumeration, Order, Query, both, literal
from gateway.odata.response import Page
from gateway.odata.write import Create, CreateWith, Delete, Request, Update, Upsert, Write, if_match, row
from gateway.records import Backend, Record

RUNNING_AT_ONCE = 5
"""Source: Business Central, "Current API limits": requests processed at once per user."""

REQUESTS_IN_WINDOW, WINDOW_SECONDS = 6_000, 300.0
"""Source: the same page: requests per user in any five minutes; the operations of a batch count one by one."""

QUERY_ROOM = 7_600
"""Of about 8,100 characters of query string, what we fill; the rest is room for a link's own additions."""

MODIFIED_PAGE = 1_000
"""Rows in a page of changes: a few hundred kilobytes, and at most so many moments to go back when reading breaks off."""

_MODIFIED = "lastModifiedDateTime"

_NO_VALUE = frozenset({"", "0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000", "_x0020_"})
"""Business Central has no null: an unset value is the default of its type."""


class BusinessCentralDialect:
    """``or`` chains over one property; text functions know no wildcards."""

    def any_of(self, condition: AnyOf) -> Enumeration:
        items = tuple(f"{condition.property} eq {literal(value)}" for value in condition.values)
        return Enumeration("", items, " or ", "")

    def text(self, value: str) -> str:
        return value


class BusinessCentralWrites:
    """POST with the id in the body, PATCH and DELETE under ``If-Match``; the answer is the row.

    Rows below a new one are nested in it: one POST carries out all of it or nothing.

    Source: Business Central, "Create, modify and delete records", "Deep insert".
    """

    def request(self, write: Write) -> Request:
        match write:
            case Create():
                return Request("POST", write.entity_set, body=_created(write))
            case CreateWith(head, navigation, below):
                body = {**_created(head), navigation: list(map(_created, below))}
                return Request("POST", head.entity_set, body=body)
            case Update():
                return Request("PATCH", row(write.entity_set, write.id), if_match(write.etag), write.values)
            case Delete():
                return Request("DELETE", row(write.entity_set, write.id), if_match(write.etag))
            case Upsert():
                raise InvalidInputError("Business Central has no upsert: look the record up, then create or update it.")


def _created(create: Create) -> dict[str, object]:
    """Raises: InvalidInputError."""
    if any(name.lower() == "id" for name in create.values):  # names are matched without regard to case
        raise InvalidInputError("The id of a new record is not one of its values.", argument="id")
    return {"id": create.id, **create.values}


def without_defaults(value: object) -> object:
    """The type's default, which stands for "no value" in text, dates, GUIDs and blank choices, as None.

    Zero and false stay: a balance of 0 is a balance.
    """
    return None if isinstance(value, str) and value in _NO_VALUE else value


_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""When a row was last changed that has no such moment: "no value" sorts and compares as the type's default."""


@dataclass(frozen=True, slots=True)
class Modified:
    """Rows that changed, and the moment of the last change among them (the year 1 for rows that have none).

    ``is_last``: there was nothing behind them, as far as is known.
    """

    records: tuple[Record, ...]
    watermark: datetime
    is_last: bool = False


def _moments(records: Sequence[Record], after: datetime | None) -> list[datetime]:
    """When each row was changed.

    Raises:
        ProtocolError: not after ``after``, or out of order. A backend that ignores the filter, or sends moments less exact
            than it compares, would keep us here for ever; one that ignores the order would have rows left out.
    """
    moments = [_moment(record) for record in records]
    if (after is not None and moments[0] <= after) or moments != sorted(moments):
        raise _not_asked_for()
    return moments


def _moment(record: Record) -> datetime:
    try:
        value = record.values[_MODIFIED]
        moment = datetime.fromisoformat(str(value)) if value is not None else _NEVER
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (KeyError, ValueError, OverflowError) as error:
        raise ProtocolError(
            "Business Central sent a row without the moment of its last change.", backend=Backend.BUSINESS_CENTRAL
        ) from error


def _id(record: Record) -> UUID:
    try:
        return UUID(str(record.values["id"]))
    except (KeyError, ValueError) as error:
        raise ProtocolError("Business Central sent a row without an id.", backend=Backend.BUSINESS_CENTRAL) from error


def _is_last(page: Page, page_size: int) -> bool:
    """The server's own pages may be smaller than ours; it has a link then."""
    return not page.records or (len(page.records) < page_size and page.next_link is None)


def _not_asked_for() -> ProtocolError:
    return ProtocolError("Business Central sent rows that were not asked for.", backend=Backend.BUSINESS_CENTRAL)


class BusinessCentralClient(ODataClient):
    """One environment. Company-scoped sets are read below ``companies({id})``."""

    def __init__(
        self,
        *,
        base_url: str,
        auth: httpx.Auth,
        network: httpx.AsyncBaseTransport | None = None,
        places: int = RUNNING_AT_ONCE,
        patience: Patience | None = None,
    ) -> None:
        vendor = Vendor(
            backend=Backend.BUSINESS_CENTRAL,
            dialect=BusinessCentralDialect(),
            writes=BusinessCentralWrites(),
            normalize=without_defaults,
            query_room=QUERY_ROOM,
            headers={"Accept": "application/json"},
            places=places,
            budget=CountedBudget(requests=REQUESTS_IN_WINDOW, window_seconds=WINDOW_SECONDS),
            batches=JSON_BATCHES,
        )
        super().__init__(vendor, base_url=base_url, auth=auth, network=network, patience=patience)
        self._apis: dict[str, BusinessCentralClient] = {}

    def api(self, route: str) -> "BusinessCentralClient":
        """Another API of the environment, such as ``microsoft/analytics/v1.0``, under the limits of this client.

        Source: Business Central, "API endpoint structure".
        """
        if route not in self._apis:
            client = copy(self)
            client.wire = self.wire.at(f"{self.base_url.rstrip('/').rpartition('/')[0]}/{route}")
            self._apis[route] = client
        return self._apis[route]

    async def modified(
        self, path: str, select: Sequence[str], *, since: datetime | None, call: Call, page_size: int = MODIFIED_PAGE
    ) -> AsyncIterator[Modified]:
        """Rows changed after a moment, oldest change first, page by page; each page says how far it has come.

        Rows that change while this runs come again at the end, in their newer form; none is left out. Links are not
        followed, because a link names the row to go on behind, and a row that changes in between moves to the end.
        Rows of one moment are read on by id when a page ends among them. Deletions leave no trace here.

        Args:
            path: the set; its rows need ``id`` and ``lastModifiedDateTime``.
            since: the watermark of an earlier reading, less some seconds, because a change that took long to be
                committed carries an earlier moment than one that was visible before it; None: from the beginning.

        Source: Business Central removed delta links in version 24; "last modified" is the documented way.
        """
        columns = tuple(dict.fromkeys(("id", _MODIFIED, *select)))
        after = since
        while True:
            where = Compare(_MODIFIED, "gt", after) if after is not None else None
            query = Query(select=columns, filter=where, order=(Order(_MODIFIED),), top=page_size)
            page = await self.page(path, query, call=call)
            if not page.records:
                return
            moments = _moments(page.records, after)
            after = moments[-1]
            yield Modified(page.records, after)
            if _is_last(page, page_size):
                return
            seen = [record for record, moment in zip(page.records, moments, strict=True) if moment == after]
            async for more in self._of_moment(path, columns, after, behind=seen, call=call, page_size=page_size):
                yield Modified(more, after)

    async def modified_page(
        self, path: str, select: Sequence[str], *, since: datetime | None, call: Call, page_size: int = MODIFIED_PAGE
    ) -> Modified | None:
        """The next rows changed after a moment, with all of the last one's moment; None when there are none.

        To be gone on with from its watermark, by whoever does so in another process, or tomorrow. As :meth:`modified` else.

        One row more is asked for: the last moment may go on behind the page, so its rows are left to the next one. Only where
        all are of one moment, what is behind them has to be asked for besides.
        """
        columns = tuple(dict.fromkeys(("id", _MODIFIED, *select)))
        where = Compare(_MODIFIED, "gt", since) if since is not None else None
        query = Query(select=columns, filter=where, order=(Order(_MODIFIED),), top=page_size + 1)
        page = await self.page(path, query, call=call)
        if not page.records:
            return None
        moments = _moments(page.records, since)
        rows, last = list(page.records), moments[-1]
        if _is_last(page, page_size + 1):
            return Modified(tuple(rows), last, is_last=True)
        if whole := sum(each < last for each in moments):
            return Modified(tuple(rows[:whole]), moments[whole - 1])
        async for more in self._of_moment(path, columns, last, behind=page.records, call=call, page_size=page_size):
            rows += more
        return Modified(tuple(rows), last)

    async def _of_moment(
        self,
        path: str,
        columns: tuple[str, ...],
        moment: datetime,
        *,
        behind: Sequence[Record],
        call: Call,
        page_size: int,
    ) -> AsyncIterator[tuple[Record, ...]]:
        """The rows changed at this very moment that are not among those seen, in the order of their ids."""
        known = {_id(record) for record in behind}
        last: UUID | None = None
        while True:
            where = both(Compare(_MODIFIED, "eq", moment), Compare("id", "gt", last) if last else None)
            query = Query(select=columns, filter=where, order=(Order("id"),), top=page_size)
            page = await self.page(path, query, call=call)
            ids = [_id(record) for record in page.records]
            if last in ids:
                raise _not_asked_for()
            if fresh := tuple(record for record, id in zip(page.records, ids, strict=True) if id not in known):
                yield fresh
            if _is_last(page, page_size):
                return
            last = ids[-1]

    def path(self, entity_set: str, *, company: UUID | None) -> str:
        """Where a set is found; only ``companies`` itself stands at the root."""
        return f"companies({company})/{entity_set}" if company is not None else entity_set
