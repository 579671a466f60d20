"""The OData client both backends share: send a query, get records or one of our errors.

What is peculiar to a backend arrives as a :class:`Vendor`; the two clients build on it in ``business_central`` and
``dataverse``. One client lives as long as the process and owns one connection pool.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import httpx

from gateway.clients.call import Call
from gateway.clients.retry import RetryPolicy
from gateway.clients.transports import ExchangeTransport, GateTransport, RetryTransport
from gateway.errors import BackendError, DeadlineError, InvalidInputError, ProtocolError, TooSlowError, UnreachableError
from gateway.odata.batch import Batches, Part
from gateway.odata.query import Dialect, Query
from gateway.odata.response import Normalize, Page, page_of, read_error, read_object, read_page
from gateway.records import Backend, Record


@dataclass(frozen=True, slots=True)
class Vendor:
    """What the shared client must know about a backend.

    ``query_room`` is how many characters of query string the backend takes; ``headers`` go with every request.
    """

    backend: Backend
    dialect: Dialect
    normalize: Normalize
    query_room: int
    headers: Mapping[str, str]
    places: int
    batches: Batches


class ODataClient:
    """Reads one backend. All methods raise :class:`~gateway.errors.BackendError` and nothing else of their own."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        base_url: str,
        auth: httpx.Auth,
        network: httpx.AsyncBaseTransport | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.vendor = vendor
        self._base = base_url.rstrip("/") + "/"
        self._origin = _origin(self._base)
        places = vendor.places
        if network is None:
            limits = httpx.Limits(max_connections=places, max_keepalive_connections=places, keepalive_expiry=60)
            network = httpx.AsyncHTTPTransport(http2=self._base.startswith("https"), limits=limits)
        transport = RetryTransport(
            GateTransport(ExchangeTransport(network, backend=vendor.backend), places=places),
            policy=retry or RetryPolicy(),
        )
        self._http = httpx.AsyncClient(
            transport=transport,
            auth=auth,
            headers=dict(vendor.headers),
            timeout=None,  # noqa: S113 - every call has a deadline of its own
            follow_redirects=False,
        )

    @property
    def base_url(self) -> str:
        return self._base

    async def close(self) -> None:
        await self._http.aclose()

    async def page(self, path: str, query: Query, *, call: Call, page_size: int | None = None) -> Page:
        """The first page of a collection; ``path`` is relative to the base."""
        headers = {"Prefer": f"odata.maxpagesize={page_size}"} if page_size else None
        response = await self._send("GET", self._url(path, query), call=call, headers=headers)
        return read_page(response.content, backend=self.vendor.backend, normalize=self.vendor.normalize)

    async def pages(self, path: str, query: Query, *, call: Call, page_size: int | None = None) -> AsyncIterator[Page]:
        """A whole collection, page by page, following the backend's links untouched."""
        headers = {"Prefer": f"odata.maxpagesize={page_size}"} if page_size else None
        page = await self.page(path, query, call=call, page_size=page_size)
        yield page
        while page.next_link is not None:
            response = await self._send("GET", self._own(page.next_link), call=call, headers=headers)
            page = read_page(response.content, backend=self.vendor.backend, normalize=self.vendor.normalize)
            yield page

    async def everything(self, path: str, query: Query, *, call: Call) -> list[Record]:
        """All rows of a query that is known to be small (look-ups by key)."""
        return [record async for page in self.pages(path, query, call=call) for record in page.records]

    async def object(self, path: str, query: Query | None = None, *, call: Call) -> Record:
        """One row by its key, or the answer of a function."""
        response = await self._send("GET", self._url(path, query or Query()), call=call)
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
            answers += await self._batch(requests[start : start + most], call=call)
        return answers

    async def _batch(self, requests: Sequence[tuple[str, Query]], *, call: Call) -> list[Page | BackendError]:
        backend, batches = self.vendor.backend, self.vendor.batches
        urls = [self._relative(path, query) for path, query in requests]
        content, content_type = batches.write(urls, self._base)
        response = await self._send(
            "POST",
            f"{self._base}$batch",
            call=call,
            headers={"Content-Type": content_type, "Prefer": "odata.continue-on-error"},
            content=content,
            safe=True,
        )
        content_type = response.headers.get("content-type", "")
        parts = batches.read(response.content, content_type, expected=len(urls), backend=backend)
        return [self._page_or_error(part) for part in parts]

    def _page_or_error(self, part: Part) -> Page | BackendError:
        if part.status != 200:
            return self._error(part.status, part.headers, part.text)
        try:
            return page_of(part.document, backend=self.vendor.backend, normalize=self.vendor.normalize)
        except ProtocolError as error:
            return error

    def _url(self, path: str, query: Query) -> str:
        return self._base + self._relative(path, query)

    def _relative(self, path: str, query: Query) -> str:
        """Path and query, below the base.

        Raises:
            InvalidInputError: the backend takes no query string of this length.
        """
        try:
            text = query.encode(self.vendor.dialect)
        except UnicodeEncodeError as error:
            raise InvalidInputError("Text holds half a character (a lone surrogate).", argument="filter") from error
        if len(text) > self.vendor.query_room:
            raise InvalidInputError(f"The filter is too long for {self.vendor.backend.label}.", argument="filter")
        return f"{path}?{text}" if text else path

    def _own(self, link: str) -> str:
        """The link, if it leads to the backend's own host: it will carry our token."""
        try:
            url = urljoin(self._base, link)
        except ValueError:
            url = ""
        if _origin(url) != self._origin:
            raise ProtocolError(
                f"{self.vendor.backend.label} sent a next link to another host; not followed.",
                backend=self.vendor.backend,
            )
        return url

    async def _send(
        self,
        method: str,
        url: str,
        *,
        call: Call,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        safe: bool = False,
    ) -> httpx.Response:
        """One request under the call's deadline; any status but 2xx becomes an error."""
        backend = self.vendor.backend
        all_headers = dict(headers or {})
        if call.correlation_id:
            all_headers |= {
                "client-request-id": call.correlation_id,
                "x-ms-correlation-request-id": call.correlation_id,
            }
        try:
            async with asyncio.timeout(max(0.0, call.deadline.remaining)):
                response = await self._http.request(
                    method, url, headers=all_headers, content=content, extensions={"call": call, "safe": safe}
                )
        except TimeoutError as error:
            raise DeadlineError(
                f"{backend.label} did not answer within the time this request may take.", backend=backend
            ) from error
        except httpx.TimeoutException as error:
            raise TooSlowError(f"{backend.label} did not answer in time.", backend=backend) from error
        except httpx.TransportError as error:
            raise UnreachableError(
                f"{backend.label} cannot be reached ({type(error).__name__}).", backend=backend
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProtocolError(
                f"The exchange with {backend.label} broke off ({type(error).__name__}).", backend=backend
            ) from error
        if not response.is_success:
            raise self._error(response.status_code, response.headers, response.content)
        return response

    def _error(self, status: int, headers: Mapping[str, str], body: bytes) -> BackendError:
        return read_error(status, headers, body, backend=self.vendor.backend, now=datetime.now(UTC))


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port, the default one filled in; None for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port
