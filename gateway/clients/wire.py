"""One backend on the wire: a request under its deadline, answered or turned into one of our errors. Transport stack included.

What is peculiar to a backend arrives as a :class:`Vendor`. One wire lives as long as the process and owns one connection
pool. Each call says who acts; the gate keeps the limits of each identity apart, because that is whose they are.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import httpx

from gateway.clients.breaker import Breaker, BreakerPolicy
from gateway.clients.budget import Budget
from gateway.clients.call import Call
from gateway.clients.gate import TOGETHER, GateTransport
from gateway.clients.noted_writes import perhaps_written, writes, written
from gateway.clients.retry import RetryPolicy
from gateway.clients.transports import BreakerTransport, ExchangeTransport, NotAskedError, RetryTransport
from gateway.errors import (
    BackendError,
    DeadlineError,
    InvalidInputError,
    ProtocolError,
    ThrottledError,
    TooSlowError,
    UnreachableError,
)
from gateway.json_text import dumps
from gateway.noted import note
from gateway.odata.batch import Batches, Part
from gateway.odata.query import Dialect, Query
from gateway.odata.response import Normalize, read_error
from gateway.odata.write import Asked, Request, Writes, size
from gateway.records import Backend


@dataclass(frozen=True, slots=True)
class Vendor:
    """What must be known about a backend.

    ``query_room`` is how many characters of query string it takes; ``headers`` go with every request, ``reading`` with
    those that read; ``places`` is how many requests of one identity may be there at once, ``budget`` what is left of all it
    may send.
    """

    backend: Backend
    dialect: Dialect
    writes: Writes
    normalize: Normalize
    query_room: int
    headers: Mapping[str, str]
    places: int
    budget: Budget
    reading: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    batches: Batches


@dataclass(frozen=True, slots=True)
class Patience:
    """How a wire deals with a backend that does not answer as it should."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


class Wire:
    """All methods raise :class:`~gateway.errors.BackendError`; what cannot be asked is an ``InvalidInputError``."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        base_url: str,
        auth: httpx.Auth,
        network: httpx.AsyncBaseTransport | None,
        patience: Patience | None,
    ) -> None:
        self.vendor = vendor
        self.base = base_url.rstrip("/") + "/"
        self.auth = auth
        self._origin = _origin(self.base)
        patience = patience or Patience()
        if network is None:
            limits = httpx.Limits(
                max_connections=max(TOGETHER, vendor.places),
                max_keepalive_connections=vendor.places,
                keepalive_expiry=60,
            )
            network = httpx.AsyncHTTPTransport(http2=self.base.startswith("https"), limits=limits)
        exchange = ExchangeTransport(network, backend=vendor.backend)
        breaker = BreakerTransport(
            exchange,
            breaker=Breaker(patience.breaker),
            slow_seconds=patience.breaker.slow_seconds,
            clock=time.monotonic,
        )
        self._http = httpx.AsyncClient(
            transport=RetryTransport(
                GateTransport(breaker, most=vendor.places, budget=vendor.budget), policy=patience.retry
            ),
            auth=auth,
            headers=dict(vendor.headers),
            timeout=None,  # noqa: S113 - every call has a deadline of its own
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    def at(self, base_url: str) -> "Wire":
        """The same backend below another root of the same host: connections, gate, breaker and allowance are shared."""
        wire = copy(self)
        wire.base = base_url.rstrip("/") + "/"
        return wire

    async def get(self, url: str, *, call: Call, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """What an absolute URL of this backend answers."""
        all_headers = {**self.vendor.reading, **(headers or {})}
        return await self._send("GET", url, call=call, headers=all_headers, repeatable=True)

    async def send(self, request: Request, *, call: Call, repeatable: bool = True) -> httpx.Response:
        """One guarded write; one without a guard says that it is not ``repeatable``, and goes out once."""
        _check_dry_run(call, [request])
        headers, content = dict(request.headers), None
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            content = dumps(request.body).encode()
        url = self.base + request.url
        with self._noting([request]):
            response = await self._send(
                request.method, url, call=call, headers=headers, content=content, repeatable=repeatable
            )
        note(*written(self.vendor.backend, [request]))
        return response

    async def batch(self, requests: Sequence[Asked], *, call: Call, together: bool = False) -> tuple[list[Part], bool]:
        """The answers to reads and guarded writes, no more than a batch takes, and whether some may be those of a repeat."""
        _check_dry_run(call, requests)
        backend, batches = self.vendor.backend, self.vendor.batches
        envelope = batches.write(requests, self.base, together=together)
        with self._noting(requests):
            response = await self._send(
                "POST",
                f"{self.base}$batch",
                call=call,
                headers=envelope.headers,
                content=envelope.content,
                repeatable=True,
                operations=sum(map(size, requests)),
            )
            content_type = response.headers.get("content-type", "")
            try:
                parts = batches.read(
                    response.content, content_type, expected=len(requests), together=together, backend=backend
                )
            except ProtocolError as error:
                error.unsettled = True
                raise
        if not together or not any(part.failed for part in parts):
            note(*written(backend, requests, parts))
        return parts, bool(response.request.extensions.get("unsettled"))

    @contextmanager
    def _noting(self, requests: Sequence[Asked]) -> Iterator[None]:
        """A failure that leaves open whether the writes were carried out is noted as such."""
        try:
            yield
        except BackendError as error:
            note(*perhaps_written(self.vendor.backend, requests, error))
            raise

    def url(self, path: str, query: Query) -> str:
        return self.base + self.relative(path, query)

    def relative(self, path: str, query: Query) -> str:
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

    def own(self, link: str) -> str:
        """The link, if it leads to the backend's own host: it will carry our token.

        Raises:
            ProtocolError: it leads elsewhere.
        """
        try:
            url = urljoin(self.base, link)
        except ValueError:
            url = ""
        if _origin(url) != self._origin:
            raise ProtocolError(
                f"{self.vendor.backend.label} sent a link to another host; not followed.", backend=self.vendor.backend
            )
        return url

    def error(self, part: Part) -> BackendError:
        """What a failed part of a batch means."""
        return self._error(part.status, part.headers, part.text)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        call: Call,
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        operations: int = 1,
    ) -> httpx.Response:
        """One request under the call's deadline; any status but 2xx becomes an error."""
        all_headers = dict(headers or {})
        if call.correlation_id:
            all_headers |= {
                "client-request-id": call.correlation_id,
                "x-ms-correlation-request-id": call.correlation_id,
            }
        extensions = {
            "call": call,
            "repeatable": repeatable,
            "operations": operations,
            "identity": call.acting.at(self.vendor.backend),
        }
        try:
            request = self._http.build_request(method, url, headers=all_headers, content=content, extensions=extensions)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            backend, label = self.vendor.backend, self.vendor.backend.label
            raise ProtocolError(f"{label} sent a link that cannot be read.", backend=backend) from error
        try:
            return await self._answer(request, call)
        except BackendError as error:
            error.unsettled = bool(request.extensions.get("unsettled"))
            raise

    async def _answer(self, request: httpx.Request, call: Call) -> httpx.Response:
        backend = self.vendor.backend
        try:
            if (seconds := call.deadline.remaining) <= 0:
                raise TimeoutError
            async with asyncio.timeout(seconds):
                response = await self._http.send(request, auth=call.acting.auth.get(backend, self.auth))
        except TimeoutError as error:
            raise DeadlineError(
                f"{backend.label} did not answer within the time this request may take.", backend=backend
            ) from error
        except NotAskedError as error:
            kind = ThrottledError if error.throttled else UnreachableError
            raise kind(
                f"{backend.label} {error}; not asked again for {error.seconds:.0f} seconds.",
                backend=backend,
                retry_after_seconds=round(error.seconds, 1),
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


def _check_dry_run(call: Call, requests: Sequence[Asked]) -> None:
    """Whoever forgot that this is a dry run goes no further than here."""
    if call.dry_run and any(map(writes, requests)):
        raise AssertionError("a dry run writes nothing")


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port, the default one filled in; None for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port
