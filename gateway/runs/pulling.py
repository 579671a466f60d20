"""What changed on one side since a place, a page at a time: rows, what was deleted, and the place to go on from.

Business Central's place is the moment of the last change, Dataverse's is a link that it gave us. Both survive a restart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.dataverse import DataverseClient
from gateway.errors import LinkExpiredError, ProtocolError
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records

PAGE = 200
"""Rows that are looked at together."""

OVERLAP = timedelta(seconds=10)
"""A change that took long to be committed carries an earlier moment than one that was visible before it."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """``place`` is where to go on; ``is_last`` that nothing was left there. ``deleted`` are ids of rows that are gone."""

    records: Sequence[Found]
    deleted: Sequence[UUID]
    place: str | None
    is_last: bool


async def pull(desk: Desk, mapping: TableMapping, backend: Backend, place: str | None) -> Pulled:
    """The next page of changes; from the beginning where there is no place, or none that still leads anywhere.

    Raises:
        BackendError: they could not be read.
    """
    records = Records(desk, mapping, backend)
    client, path = desk.client(records.table.source), desk.path(records.table.source)
    select = await records.select(None)
    if isinstance(client, BusinessCentralClient):
        return await _from_business_central(desk, client, path, select, records, place)
    if isinstance(client, DataverseClient):
        try:
            return await _from_dataverse(desk, client, path, select, records, place)
        except LinkExpiredError:
            return await _from_dataverse(desk, client, path, select, records, None)
    raise ProtocolError(f"{records.table.noun} does not tell its changes.", backend=backend)


async def _from_business_central(
    desk: Desk, client: BusinessCentralClient, path: str, select: Sequence[str], records: Records, place: str | None
) -> Pulled:
    with desk.calling() as call:
        page = await client.modified_page(path, select, since=_moment(place), call=call, page_size=PAGE)
    if page is None:
        return Pulled((), (), place, is_last=True)
    found = [records.found(each) for each in page.records]
    return Pulled(found, (), page.watermark.isoformat(), is_last=page.is_last)


def begun_again(backend: Backend, place: str | None) -> str | None:
    """Where a later run takes up what an earlier one left."""
    moment = _moment(place) if backend is Backend.BUSINESS_CENTRAL else None
    if moment is None or moment < _FIRST + OVERLAP:
        return place
    return (moment - OVERLAP).isoformat()


def is_new(record: Found, mark: str | None) -> bool:
    """Whether a row was not among what an earlier run looked at, up to this mark; that comes again within the overlap."""
    of_bc = record.table.source.backend is Backend.BUSINESS_CENTRAL
    seen, modified = _moment(mark) if of_bc else None, record.modified_at
    return seen is None or modified is None or modified > seen


_FIRST = datetime(1, 1, 1, tzinfo=UTC)


def _moment(place: str | None) -> datetime | None:
    return datetime.fromisoformat(place) if place is not None else None


async def _from_dataverse(
    desk: Desk, client: DataverseClient, path: str, select: Sequence[str], records: Records, place: str | None
) -> Pulled:
    with desk.calling() as call:
        pages = client.changes(path, select, since=place, call=call, page_size=PAGE)
        page = await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]  # a generator, which the protocol does not say
    found = [records.found(each) for each in page.records]
    return Pulled(found, page.deleted, page.next_link or page.delta_link, is_last=page.next_link is None)
