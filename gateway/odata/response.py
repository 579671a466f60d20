"""What a backend's answer means: rows, links and counts, or one of our errors. Pure.

``Any`` stops here: what leaves this module is typed.

Sources: OData JSON Format 4.01; Business Central, "Dynamics 365 Business Central error codes";
Dataverse, "Compose HTTP requests and handle errors".
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from math import isfinite
from uuid import UUID
from xml.etree import ElementTree

from gateway.errors import (
    BackendError,
    FailedError,
    LinkExpiredError,
    NotFoundError,
    PreconditionFailedError,
    ProtocolError,
    RecordExistsError,
    RefusedError,
    RejectedError,
    ThrottledError,
    TooSlowError,
    UnreachableError,
)
from gateway.odata.vendor_words import for_people, without_secrets, word
from gateway.records import Backend, Record, Values

Normalize = Callable[[object], object]
"""A backend's own way of saying "no value" -> None; everything else unchanged."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a collection."""

    records: tuple[Record, ...]
    next_link: str | None = None
    count: int | None = None


def read_page(body: bytes, *, backend: Backend, normalize: Normalize) -> Page:
    """A collection answer.

    Raises:
        ProtocolError: the body is not JSON, or has no ``value`` list of objects.
    """
    return page_of(read_json(body, backend=backend), backend=backend, normalize=normalize)


def page_of(document: object, *, backend: Backend, normalize: Normalize) -> Page:
    """A collection answer that is parsed already (a part of a batch)."""
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolError(f"{backend.label} answered with JSON that is not a collection.", backend=backend)
    next_link = document.get("@odata.nextLink")
    count = document.get("@odata.count")
    return Page(
        records=tuple(to_record(row, backend=backend, normalize=normalize) for row in rows),
        next_link=next_link if isinstance(next_link, str) else None,
        count=count if isinstance(count, int) else None,
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of what changed: rows as they are now, and the keys of rows that are gone.

    The last page has the link that brings what changes later.
    """

    records: tuple[Record, ...]
    deleted: tuple[UUID, ...] = ()
    next_link: str | None = None
    delta_link: str | None = None


def read_changes(body: bytes, *, backend: Backend, normalize: Normalize) -> Changes:
    """An answer to a request that tracks changes, or to a delta link.

    Raises:
        ProtocolError: not a collection, a deleted row without a key, or neither a next link nor a delta link.

    Source: OData JSON Format 4.0, 12 Delta Response; Dataverse, "Use change tracking to synchronize data".
    """
    document = read_json(body, backend=backend)
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolError(f"{backend.label} answered with JSON that is not a collection.", backend=backend)
    links = [document.get(name) for name in ("@odata.nextLink", "@odata.deltaLink")]
    next_link, delta_link = (link if isinstance(link, str) else None for link in links)
    if next_link is None and delta_link is None:
        raise ProtocolError(f"{backend.label} does not say where its changes go on.", backend=backend)
    return Changes(
        records=tuple(to_record(row, backend=backend, normalize=normalize) for row in rows if not _is_deletion(row)),
        deleted=tuple(_deleted(row, backend) for row in rows if _is_deletion(row)),
        next_link=next_link,
        delta_link=delta_link if next_link is None else None,
    )


def _is_deletion(row: Mapping[str, object]) -> bool:
    return str(row.get("@odata.context", "")).endswith("/$deletedEntity")


def _deleted(row: Mapping[str, object], backend: Backend) -> UUID:
    try:
        return UUID(str(row.get("id")))
    except ValueError as error:
        raise ProtocolError(f"{backend.label} names a deleted row without its key.", backend=backend) from error


def read_object(body: bytes, *, backend: Backend, normalize: Normalize) -> Record:
    """A single-row answer, or the answer of a function.

    Raises:
        ProtocolError: the body is not a JSON object.
    """
    document = read_json(body, backend=backend)
    if not isinstance(document, dict):
        raise ProtocolError(f"{backend.label} answered with JSON that is not an object.", backend=backend)
    return to_record(document, backend=backend, normalize=normalize)


def read_json(body: bytes, *, backend: Backend) -> object:
    """JSON with exact decimals.

    Raises:
        ProtocolError: it is not JSON (a cut-off answer, or a proxy's HTML page).
    """
    try:
        document: object = json.loads(body, parse_float=_number, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ProtocolError(
            f"{backend.label} answered with something that is not JSON ({len(body)} bytes).", backend=backend
        ) from error
    return document


_MOST_DIGITS = 400
"""Before and behind the point; a double has 309. ``1e999999999`` is short to send and a gigabyte to write."""


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError("a number out of all proportion")
    return number


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def to_record(row: Mapping[str, object], *, backend: Backend, normalize: Normalize) -> Record:
    """A JSON row as a record: control information dropped, expanded rows kept as nested values.

    Raises:
        ProtocolError: there is no end to what is nested in it.
    """
    etag = row.get("@odata.etag")
    try:
        values = _values(row, normalize)
    except RecursionError as error:
        raise ProtocolError(f"{backend.label} answered with a row nested too deep.", backend=backend) from error
    return Record(values=values, etag=etag if isinstance(etag, str) else None)


def _values(row: Mapping[str, object], normalize: Normalize) -> Values:
    return {name: _value(value, normalize) for name, value in row.items() if "@" not in name}


def _value(value: object, normalize: Normalize) -> object:
    if isinstance(value, dict):
        return _values(value, normalize)
    if isinstance(value, list):
        return [_value(item, normalize) for item in value]
    return normalize(value)


@dataclass(frozen=True, slots=True)
class _Fault:
    code: str | None
    message: str | None


_BY_STATUS: dict[int, type[BackendError]] = {
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    408: TooSlowError,
    409: PreconditionFailedError,
    412: PreconditionFailedError,
    429: ThrottledError,
    502: UnreachableError,
    503: UnreachableError,
    501: RejectedError,
    504: TooSlowError,
}

_BY_CODE: dict[str | None, type[BackendError]] = {
    "Internal_EntityWithSameKeyExists": RecordExistsError,
    "0x80040237": RecordExistsError,
    "SkipTokenIsNoLongerValid": LinkExpiredError,
    "0x80044352": LinkExpiredError,
}
"""Where a vendor's code says more than its status: a 400 or 409 of Business Central, a 400 or 412 of Dataverse."""

_REQUEST_IDS = ("request-id", "x-ms-service-request-id", "req_id", "ms-correlation-x")

_CORRELATION = re.compile(r"\s*CorrelationId:\s+([0-9a-fA-F-]{36})\.?\s*$")
"""Business Central ends every message so; the id is for the log, not for a person."""


def read_error(
    status: int, headers: Mapping[str, str], body: bytes, *, backend: Backend, now: datetime
) -> BackendError:
    """The one translation of a vendor's error answer into our tree, chosen by status first.

    A body that is empty, HTML or XML never breaks it: Dataverse answers 401 with nothing, Business Central names an
    unknown environment in XML.
    """
    fault = _fault(body)
    message, correlation = _strip_correlation(fault.message)
    kind = _BY_CODE.get(fault.code) or _BY_STATUS.get(status) or (RejectedError if status < 500 else FailedError)
    request_id = correlation or next((headers[name] for name in _REQUEST_IDS if name in headers), None)
    told = for_people(message) if status <= 501 and status != 500 else None  # what broke inside is for those who run it
    sentence = f"{backend.label} {_VERBS[kind]} ({status})"
    error = kind(
        f"{sentence}: {told}" if told else f"{sentence}.",
        backend=backend,
        status=status,
        vendor_code=word(fault.code),
        request_id=word(request_id),
        retry_after_seconds=retry_after_seconds(headers.get("retry-after"), now=now),
    )
    error.sentence, error.said = f"{sentence}.", message and without_secrets(message)
    return error


_VERBS: dict[type[BackendError], str] = {
    RefusedError: "refused",
    NotFoundError: "has no such thing",
    TooSlowError: "gave up on this much work",
    PreconditionFailedError: "says that the record has changed",
    RecordExistsError: "has such a record already",
    LinkExpiredError: "no longer knows where to go on reading",
    ThrottledError: "asks us to slow down",
    UnreachableError: "is not available",
    RejectedError: "rejected the request",
    FailedError: "failed",
}


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """``Retry-After`` in both its forms, seconds or an HTTP date; None when absent or unreadable."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _fault(body: bytes) -> _Fault:
    stripped = body.lstrip()
    if stripped.startswith(b"{"):
        return _json_fault(stripped)
    if stripped.startswith(b"<?xml") or stripped.startswith(b"<error"):
        return _xml_fault(stripped)
    return _Fault(None, None)


def _json_fault(body: bytes) -> _Fault:
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return _Fault(None, None)
    if not isinstance(error, dict):
        return _Fault(None, None)
    code, message = error.get("code"), error.get("message")
    return _Fault(
        code if isinstance(code, str) and code else None, message if isinstance(message, str) and message else None
    )


def _xml_fault(body: bytes) -> _Fault:
    if b"<!" in body:  # no document type, no entities: nothing of ours is worth expanding them for
        return _Fault(None, None)
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - declarations are refused above
    except (ElementTree.ParseError, LookupError, ValueError):  # the latter two: an encoding nobody knows
        return _Fault(None, None)
    parts = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in root.iter()}
    return _Fault(parts.get("code") or None, parts.get("message") or None)


def _strip_correlation(message: str | None) -> tuple[str | None, str | None]:
    if message is None:
        return None, None
    match = _CORRELATION.search(message)
    return (message[: match.start()], match.group(1)) if match else (message.strip(), None)
