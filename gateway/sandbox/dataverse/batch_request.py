"""What a `$batch` asks for: single requests and change sets, read whole before any of it is carried out.

A batch holds at most 1,000 requests, those in change sets counted, and no other batch; a change set holds only writes,
and no Content-ID twice. A body that breaks these rules is refused as a whole.

Source: Dataverse, Execute batch operations using the Web API; OASIS, OData Protocol 4.0, section 11.7 Batch Requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.sandbox.dataverse.multipart import (
    MIXED,
    MalformedError,
    Message,
    cut_line,
    media_type,
    read_message,
    read_parts,
)

MAX_REQUESTS = 1000
_WRITES = ("POST", "PUT", "DELETE", "PATCH")
_VERSION = "HTTP/1.1"
_CONTENT_ID = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class PartRequest:
    """One request of a batch; `url` is as it was written."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None = None


@dataclass(frozen=True)
class ChangeSet:
    """Requests that take effect together."""

    requests: Sequence[PartRequest]


def read_batch(content_type: str, body: bytes) -> list[PartRequest | ChangeSet]:
    """The items of a batch in order. Raises: MalformedError."""
    items = [_item(part) for part in read_parts(content_type, body)]
    total = sum(len(item.requests) if isinstance(item, ChangeSet) else 1 for item in items)
    if total > MAX_REQUESTS:
        raise MalformedError(f"The batch holds {total} requests. At most {MAX_REQUESTS} requests are allowed.")
    return items


def _item(part: Message) -> PartRequest | ChangeSet:
    content_type = part.headers.get("content-type", "")
    if media_type(content_type) != MIXED:
        return _request(part)
    return _change_set(read_parts(content_type, part.content))


def _change_set(parts: Sequence[Message]) -> ChangeSet:
    seen: set[str] = set()
    requests: list[PartRequest] = []
    for part in parts:
        if media_type(part.headers.get("content-type", "")) == MIXED:
            raise MalformedError("A change set cannot hold another change set.")
        request = _request(part)
        if request.method not in _WRITES:
            raise MalformedError(
                f"An invalid HTTP method '{request.method}' was detected for a request in a change set. "
                "Requests in change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'."
            )
        if request.content_id is not None:
            if request.content_id in seen:
                raise MalformedError(f"The Content-ID '{request.content_id}' is used twice in one change set.")
            seen.add(request.content_id)
        requests.append(request)
    return ChangeSet(requests)


def _request(part: Message) -> PartRequest:
    """Read the request a part holds, after the headers of the part itself."""
    kind = media_type(part.headers.get("content-type", ""))
    if kind != "application/http":
        raise MalformedError(f"The content type of a part must be 'application/http' or '{MIXED}', not '{kind}'.")
    if part.headers.get("content-transfer-encoding", "").lower() != "binary":
        raise MalformedError("The 'Content-Transfer-Encoding' of a request must be 'binary'.")
    content_id = part.headers.get("content-id")
    if content_id is not None and not _CONTENT_ID.fullmatch(content_id):
        raise MalformedError(f"'{content_id}' is not a Content-ID.")
    line, rest = cut_line(part.content.lstrip(b"\r\n"))
    method, url = _request_line(line)
    message = read_message(rest)
    return PartRequest(method, url, message.headers, message.content, content_id)


def _request_line(line: str) -> tuple[str, str]:
    """Method and URL: `GET accounts?$top=1 HTTP/1.1`; spaces within the URL are forgiven."""
    method, _, rest = line.strip().partition(" ")
    url, _, version = rest.rpartition(" ")
    if not method or not url.strip():
        raise MalformedError(f"'{line}' is not a request line such as 'GET accounts {_VERSION}'.")
    if version != _VERSION:
        raise MalformedError(f"The HTTP version '{version}' of a request is not valid. It must be '{_VERSION}'.")
    if unquote(url.strip().partition("?")[0]).rstrip("/").rpartition("/")[2] == "$batch":
        raise MalformedError("A batch cannot hold another batch.")
    return method, url.strip()
