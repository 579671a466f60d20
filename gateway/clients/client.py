"""The OData client both backends share: send a query, get records or one of our errors; write rows, each under a guard.

The two clients build on it in ``business_central`` and ``dataverse``.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from uuid import UUID

import httpx

from gateway.clients.call import Call
from gateway.clients.wire import Patience, Vendor, Wire
from gateway.clients.writing import Outcome, write_each, write_one, write_together
from gateway.errors import BackendError, LinkExpiredError, ProtocolError
from gateway.odata.batch import Part
from gateway.odata.query import Query
from gateway.odata.response import Page, page_of, read_object, read_page
from gateway.odata.write import Request, Write, row
from gateway.records import Record

_NO_SUCH_RECORD = frozenset(
    {"Internal_RecordNotFound", "BadRequest_ResourceNotFound", "BadRequest_NotFound", "0x80040217"}
)
"""What both vendors call it when an id leads to no record. Another 404, of a company or a proxy, says nothing about a record."""

_BEGINNINGS = 3
"""How often a small listing is read from the start before its broken links are reported."""


class ODataClient:
    """Reads and writes one backend. All methods raise :class:`~gateway.errors.BackendError` and nothing else of their own."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        base_url: str,
        auth: httpx.Auth,
        network: httpx.AsyncBaseTransport | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.vendor = vendor
        self.wire = Wire(vendor, base_url=base_url, auth=auth, network=network, patience=patience)

    @property
    def base_url(self) -> str:
        return self.wire.base

    async def close(self) -> None:
        await self.wire.close()

    async def page(self, path: str, query: Query, *, call: Call, page_size: int | None = None) -> Page:
        """The first page of a collection; ``path`` is relative to the base."""
        return await self._page(self.wire.url(path, query), call=call, page_size=page_size)

    async def pages(self, path: str, query: Query, *, call: Call, page_size: int | None = None) -> AsyncIterator[Page]:
        """A whole collection, page by page, following the backend's links untouched.

        Raises:
            LinkExpiredError: a link no longer works; whoever reads decides whether to begin again.
        """
        page = await self.page(path, query, call=call, page_size=page_size)
        yield page
        followed: set[int] = set()
        while page.next_link is not None:
            page = await self._page(self.onward(page.next_link, followed), call=call, page_size=page_size)
            yield page

    def onward(self, link: str, followed: set[int]) -> str:
        """The link, if it leads to the backend's own host and on; what was followed is remembered by its hash.

        Raises:
            ProtocolError: it leads elsewhere, or where we have been.
        """
        url = self.wire.own(link)
        if hash(url) in followed:
            label = self.vendor.backend.label
            raise ProtocolError(f"{label} sent links in a circle; not followed.", backend=self.vendor.backend)
        followed.add(hash(url))
        return url

    async def _page(self, url: str, *, call: Call, page_size: int | None) -> Page:
        headers = {"Prefer": f"odata.maxpagesize={page_size}"} if page_size else None
        response = await self.wire.get(url, call=call, headers=headers)
        return read_page(response.content, backend=self.vendor.backend, normalize=self.vendor.normalize)

    async def everything(self, path: str, query: Query, *, call: Call) -> list[Record]:
        """All rows of a query that is known to be small (look-ups by key)."""
        for beginning in range(1, _BEGINNINGS + 1):
            try:
                return [record async for page in self.pages(path, query, call=call) for record in page.records]
            except LinkExpiredError:
                if beginning == _BEGINNINGS:
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    async def object(self, path: str, query: Query | None = None, *, call: Call) -> Record:
        """One row by its key, or the answer of a function."""
        response = await self.wire.get(self.wire.url(path, query or Query()), call=call)
        return read_object(response.content, backend=self.vendor.backend, normalize=self.vendor.normalize)

    async def page_each(self, requests: Sequence[tuple[str, Query]], *, call: Call) -> list[Page | BackendError]:
        """The first page of each of several queries, in as few exchanges as the backend's batches allow."""
        if len(requests) == 1:
            path, query = requests[0]
            try:
                return [await self.page(path, query, call=call)]
            except BackendError as error:
                return [error]
        answers: list[Page | BackendError] = []
        most = self.vendor.batches.most_parts
        for start in range(0, len(requests), most):
            reads = [Request("GET", self.wire.relative(*each)) for each in requests[start : start + most]]
            parts, _ = await self.wire.batch(reads, call=call)
            answers += map(self._page_or_error, parts)
        return answers

    def _page_or_error(self, part: Part) -> Page | BackendError:
        if part.status != 200:
            return self.wire.error(part)
        try:
            return page_of(part.document, backend=self.vendor.backend, normalize=self.vendor.normalize)
        except ProtocolError as error:
            return error

    async def gone(self, path: str, key: str, ids: Collection[UUID], *, call: Call) -> set[UUID]:
        """Those rows of which the backend itself says that they do not exist; any other answer leaves it open.

        A list leaves out what rights hide. So each row is asked for by its own address; there are no more than a batch takes.
        """
        query = Query(select=(key,))
        requests = [Request("GET", self.wire.relative(row(path, each), query)) for each in ids]
        answers, _ = await self.wire.batch(requests, call=call)
        errors = [self.wire.error(each) if each.status == 404 else None for each in answers]
        return {
            id
            for id, error in zip(ids, errors, strict=True)
            if error is not None and error.vendor_code in _NO_SUCH_RECORD
        }

    async def write(self, write: Write, *, call: Call) -> Record | None:
        """Carry out one write and return the row as it is now; None for a deletion.

        A create whose row is there already under the id we chose returns that row: an earlier attempt made it.

        Raises:
            PreconditionFailedError: the row changed since its ETag was read.
            RecordExistsError: another row has the key of the row to be created.
            NotFoundError: the row to be changed or deleted does not exist.
        """
        return await write_one(self.wire, write, call=call)

    async def write_each(self, writes: Sequence[Write], *, call: Call) -> list[Outcome]:
        """Many independent writes in as few exchanges as the backend's batches allow; each outcome as with `write`."""
        return await write_each(self.wire, writes, call=call)

    async def write_together(self, writes: Sequence[Write], *, call: Call) -> list[Record | None]:
        """Several writes, all of them or none, in one exchange.

        Raises:
            InvalidInputError: more writes than one batch takes.
            BackendError: why none was carried out.
        """
        return await write_together(self.wire, writes, call=call)
