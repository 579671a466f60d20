"""Many requests in one: both dialects of ``$batch``, JSON (Business Central) and multipart (Dataverse). Pure.

Sources: OData JSON Format 4.01, 19 Batch Requests and Responses; OData Protocol 4.01, 11.7.7 Multipart Batch Format;
Business Central, "Use OData batch"; Dataverse, "Execute batch operations using the Web API".
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.errors import ProtocolError
from gateway.json_text import dumps
from gateway.odata.response import read_json
from gateway.odata.write import Asked, ChangeSet, Request
from gateway.records import Backend


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of a batch: status, headers with lower-case names, and the body, parsed, decimals exact.

    ``place`` says which request of a change set failed, counted from 0, where the backend says so.
    """

    status: int
    headers: dict[str, str]
    document: object
    place: int | None = None

    @property
    def failed(self) -> bool:
        return not 200 <= self.status < 300

    @property
    def text(self) -> bytes:
        """The body as text again, for the reader of error bodies (numbers in it are not kept exact)."""
        return json.dumps(self.document, default=str).encode() if self.document is not None else b""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A batch as it goes out."""

    content: bytes
    headers: dict[str, str]


class Write(Protocol):
    def __call__(self, requests: Sequence[Asked], base: str, *, together: bool) -> Envelope:
        """A batch of requests whose urls are relative to the API ``base``; ``together``: all of them or none."""
        ...


class Read(Protocol):
    def __call__(
        self, body: bytes, content_type: str, *, expected: int, together: bool, backend: Backend
    ) -> list[Part]:
        """The answers in the order of the requests, whatever order they came in; a change set has one.

        A batch that was to be carried out together and failed has an answer that says why; others may be missing or
        claim a success that was undone.

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


CONTINUE = "odata.continue-on-error"


def write_json(requests: Sequence[Asked], base: str, *, together: bool) -> Envelope:
    """::

    {"requests": [{"id": "0", "method": "GET", "url": "companies(…)/items?$top=2", "headers": {}}]}
    """
    parts = [_json_part(str(index), request) for index, request in enumerate(requests) if isinstance(request, Request)]
    wish = {"Isolation": "snapshot"} if together else {"Prefer": CONTINUE}
    return Envelope(dumps({"requests": parts}).encode(), {"Content-Type": "application/json"} | wish)


def _json_part(id: str, request: Request) -> dict[str, object]:
    headers = {"Accept": "application/json", **request.headers}
    part: dict[str, object] = {"id": id, "method": request.method, "url": request.url, "headers": headers}
    if request.body is None:
        return part
    return part | {"headers": headers | {"Content-Type": "application/json"}, "body": request.body}


def read_json_parts(body: bytes, content_type: str, *, expected: int, together: bool, backend: Backend) -> list[Part]:
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
    return _complete(found, expected, together=together, backend=backend)


_BOUNDARY = "batch_gateway"
_CHANGE_SET = "changeset_gateway"
"""Need to occur in no request at the beginning of a line: ours are one-line URLs, and JSON without line breaks."""


def write_multipart(requests: Sequence[Asked], base: str, *, together: bool) -> Envelope:
    """::

    --batch_gateway
    Content-Type: application/http
    Content-Transfer-Encoding: binary

    GET https://contoso.api.crm4.dynamics.com/api/data/v9.2/accounts?$top=2 HTTP/1.1
    Accept: application/json

    Requests that belong together are a change set, a multipart of its own within the one part of the batch. Even then
    errors are asked for as parts: otherwise a failure would be the status of the whole answer.
    """
    asked = [ChangeSet(tuple(each for each in requests if isinstance(each, Request)))] if together else requests
    parts = [
        _change_set(each, base) if isinstance(each, ChangeSet) else _multipart_part(each, base, id=None)
        for each in asked
    ]
    headers = {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}", "Prefer": CONTINUE}
    return Envelope(_multipart(parts, _BOUNDARY).encode(), headers)


def _change_set(asked: ChangeSet, base: str) -> str:
    inner = _multipart([_multipart_part(each, base, id=id) for id, each in enumerate(asked.requests)], _CHANGE_SET)
    return f"Content-Type: multipart/mixed; boundary={_CHANGE_SET}\r\n\r\n{inner}"


def _multipart(parts: Sequence[str], boundary: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def _multipart_part(request: Request, base: str, *, id: int | None) -> str:
    headers = {"Accept": "application/json", **request.headers}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    lines = [
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        *([f"Content-ID: {id}"] if id is not None else []),
        "",
        f"{request.method} {base}{request.url} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        dumps(request.body) if request.body is not None else "",
    ]
    return "\r\n".join(lines)


_GIVEN_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3})")


def read_multipart_parts(
    body: bytes, content_type: str, *, expected: int, together: bool, backend: Backend
) -> list[Part]:
    """The parts of a multipart batch in the order of the requests.

    Of what belongs ``together`` all of them; of each change set among others the first, which stands for it.
    """
    parts: list[Part] = []
    for piece in _pieces(body.replace(b"\r\n", b"\n"), content_type, backend):
        head, _, content = piece.lstrip(b"\n").partition(b"\n\n")
        about = dict(map(_header, head.splitlines()))
        within = about.get("content-type", "")
        if within.startswith("multipart/"):
            inner = [each.lstrip(b"\n").partition(b"\n\n")[2] for each in _pieces(content, within, backend)]
            parts += [_http_part(answer, backend) for answer in (inner if together else inner[:1])]
        else:
            parts.append(replace(_http_part(content, backend), place=_place(about.get("content-id"))))
    return _complete(parts, expected, together=together, backend=backend)


def _pieces(body: bytes, content_type: str, backend: Backend) -> list[bytes]:
    boundary = _GIVEN_BOUNDARY.search(content_type)
    if boundary is None:
        raise ProtocolError(f"{backend.label} answered a batch without a boundary.", backend=backend)
    delimiter = b"--" + boundary.group(1).strip().encode()
    pieces = (b"\n" + body).split(b"\n" + delimiter)[1:]
    if not pieces or not pieces[-1].startswith(b"--"):
        raise ProtocolError(f"{backend.label} broke off in the middle of a batch.", backend=backend)
    return pieces[:-1]


def _http_part(answer: bytes, backend: Backend) -> Part:
    """A status line, the answer's headers, a blank line, its body."""
    head, _, content = answer.partition(b"\n\n")
    status = _STATUS_LINE.match(head)
    if status is None:
        raise ProtocolError(f"{backend.label} answered a part of a batch that is no HTTP answer.", backend=backend)
    headers = dict(map(_header, head.splitlines()[1:]))
    content = content.strip()
    readable = content.startswith((b"{", b"["))
    return Part(int(status.group(1)), headers, read_json(content, backend=backend) if readable else None)


def _place(content_id: str | None) -> int | None:
    """Content-IDs are our own: where in its change set a request stands."""
    return int(content_id) if content_id is not None and content_id.isascii() and content_id.isdigit() else None


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().lower(), value.strip()


def _complete(parts: list[Part], expected: int, *, together: bool, backend: Backend) -> list[Part]:
    if len(parts) != expected and not (together and any(part.failed for part in parts)):
        raise ProtocolError(
            f"{backend.label} answered {len(parts)} of the {expected} requests of a batch.", backend=backend
        )
    return parts


JSON_BATCHES = Batches(write_json, read_json_parts, most_parts=100)
"""Source: Business Central refuses a batch of more than 100 operations with status 500."""

MULTIPART_BATCHES = Batches(write_multipart, read_multipart_parts, most_parts=1000)
"""Source: Dataverse takes up to 1,000 requests in a batch."""
