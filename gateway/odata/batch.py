"""Many requests in one: both dialects of ``$batch``, JSON (Business Central) and multipart (Dataverse). Pure.

Sources: OData JSON Format 4.01, 19 Batch Requests and Responses; OData Protocol 4.01, 11.7.7 Multipart Batch Format;
Business Central, "Use OData batch"; Dataverse, "Execute batch operations using the Web API".
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import ProtocolError
from gateway.odata.response import read_json
from gateway.records import Backend


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of a batch: status, headers with lower-case names, and the body, parsed, decimals exact."""

    status: int
    headers: dict[str, str]
    document: object

    @property
    def text(self) -> bytes:
        """The body as text again, for the reader of error bodies (numbers in it are not kept exact)."""
        return json.dumps(self.document, default=str).encode() if self.document is not None else b""


class Write(Protocol):
    def __call__(self, urls: Sequence[str], base: str) -> tuple[bytes, str]:
        """The body of a batch that only reads, and its content type. ``urls`` are relative to the API ``base``."""
        ...


class Read(Protocol):
    def __call__(self, body: bytes, content_type: str, *, expected: int, backend: Backend) -> list[Part]:
        """The answers in the order of the requests, whatever order they came in.

        Raises:
            ProtocolError: an answer is missing, or this is not what a batch answers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batches:
    """How a backend's batches are written and read, and how many requests they take."""

    write: Write
    read: Read
    most_parts: int


def write_json(urls: Sequence[str], base: str) -> tuple[bytes, str]:
    """::

    {"requests": [{"id": "0", "method": "GET", "url": "companies(…)/items?$top=2", "headers": {}}]}
    """
    requests = [
        {"id": str(index), "method": "GET", "url": url, "headers": {"Accept": "application/json"}}
        for index, url in enumerate(urls)
    ]
    return json.dumps({"requests": requests}, separators=(",", ":")).encode(), "application/json"


def read_json_parts(body: bytes, content_type: str, *, expected: int, backend: Backend) -> list[Part]:
    """The parts of a JSON batch, told apart by their ids."""
    document = read_json(body, backend=backend)
    responses = document.get("responses") if isinstance(document, dict) else None
    if not isinstance(responses, list):
        raise ProtocolError(f"{backend.label} answered a batch without responses.", backend=backend)
    parts: dict[str, Part] = {}
    for response in responses:
        if isinstance(response, dict) and isinstance(response.get("status"), int):
            headers = response.get("headers")
            lowered = (
                {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
            )
            parts[str(response.get("id"))] = Part(response["status"], lowered, response.get("body"))
    found = [parts[name] for index in range(expected) if (name := str(index)) in parts]
    return _complete(found, expected, backend)


_BOUNDARY = "batch_gateway"
"""Needs to occur in no request; ours are URLs, which hold no line that begins with two hyphens."""


def write_multipart(urls: Sequence[str], base: str) -> tuple[bytes, str]:
    """::

    --batch_gateway
    Content-Type: application/http
    Content-Transfer-Encoding: binary

    GET https://contoso.api.crm4.dynamics.com/api/data/v9.2/accounts?$top=2 HTTP/1.1
    Accept: application/json
    """
    lines: list[str] = []
    for url in urls:
        lines += [
            f"--{_BOUNDARY}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            f"GET {base}{url} HTTP/1.1",
            "Accept: application/json",
            "",
            "",
        ]
    lines += [f"--{_BOUNDARY}--", ""]
    return "\r\n".join(lines).encode("ascii"), f"multipart/mixed; boundary={_BOUNDARY}"


_GIVEN_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3})")


def read_multipart_parts(body: bytes, content_type: str, *, expected: int, backend: Backend) -> list[Part]:
    """The parts of a multipart batch; they come in the order of the requests."""
    boundary = _GIVEN_BOUNDARY.search(content_type)
    if boundary is None:
        raise ProtocolError(f"{backend.label} answered a batch without a boundary.", backend=backend)
    delimiter = b"--" + boundary.group(1).strip().encode()
    pieces = (b"\n" + body.replace(b"\r\n", b"\n")).split(b"\n" + delimiter)[1:]
    if not pieces or not pieces[-1].startswith(b"--"):
        raise ProtocolError(f"{backend.label} broke off in the middle of a batch.", backend=backend)
    return _complete([_http_part(piece, backend) for piece in pieces[:-1]], expected, backend)


def _http_part(piece: bytes, backend: Backend) -> Part:
    """MIME headers, a blank line, a status line, the answer's headers, a blank line, its body."""
    _, _, answer = piece.partition(b"\n\n")
    head, _, content = answer.partition(b"\n\n")
    status = _STATUS_LINE.match(head)
    if status is None:
        raise ProtocolError(f"{backend.label} answered a part of a batch that is no HTTP answer.", backend=backend)
    headers = dict(map(_header, head.splitlines()[1:]))
    content = content.strip()
    readable = content.startswith((b"{", b"["))
    return Part(int(status.group(1)), headers, read_json(content, backend=backend) if readable else None)


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().lower(), value.strip()


def _complete(parts: list[Part], expected: int, backend: Backend) -> list[Part]:
    if len(parts) != expected:
        raise ProtocolError(
            f"{backend.label} answered {len(parts)} of the {expected} requests of a batch.", backend=backend
        )
    return parts


JSON_BATCHES = Batches(write_json, read_json_parts, most_parts=100)
"""Source: Business Central refuses a batch of more than 100 operations with status 500."""

MULTIPART_BATCHES = Batches(write_multipart, read_multipart_parts, most_parts=1000)
"""Source: Dataverse takes up to 1,000 requests in a batch."""
