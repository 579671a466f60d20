"""`multipart/mixed` as batches use it: a body cut into parts, a part into headers and content, and both written again.

    --batch_1
    Content-Type: application/http
    Content-Transfer-Encoding: binary

    GET accounts?$top=1 HTTP/1.1
    --batch_1--

Lines end with CRLF; a bare LF is understood too. What stands before the first and behind the last delimiter is ignored.

Source: RFC 2046, section 5.1; OASIS, OData Protocol 4.0, section 11.7 Batch Requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_BOUNDARY = re.compile(r""";\s*boundary\s*=\s*(?:"([^"\r\n]+)"|([^\s;"]+))""", re.IGNORECASE)
_LINE_END = re.compile(rb"\r?\n")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
MIXED = "multipart/mixed"


class MalformedError(ValueError):
    """A body that is not what its content type says; the message is fit for the caller."""


@dataclass(frozen=True)
class Message:
    """Headers by lower-case name, and what follows them."""

    headers: Mapping[str, str]
    content: bytes


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def read_parts(content_type: str, body: bytes) -> list[Message]:
    """The parts of a body of this type. Raises: MalformedError."""
    if media_type(content_type) != MIXED:
        raise MalformedError(f"The content type must be '{MIXED}', not '{media_type(content_type)}'.")
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise MalformedError(f"The content type '{MIXED}' must name its boundary.")
    return [read_message(part) for part in _cut(body, found[1] or found[2])]


def _cut(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the delimiters; the line end before a delimiter belongs to the delimiter."""
    mark = re.escape(boundary.encode())
    parts: list[bytes] = []
    begin: int | None = None
    for delimiter in re.finditer(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)", body):
        if begin is not None:
            parts.append(_LINE_END.sub(b"", body[begin : delimiter.start()], count=1))
        if delimiter[1]:
            return parts
        begin = delimiter.end()
    missing = "delimiter" if begin is None else "closing delimiter"
    raise MalformedError(f"The {missing} of the boundary '{boundary}' is missing.")


def read_message(text: bytes) -> Message:
    """Headers up to an empty line, then the content. Raises: MalformedError."""
    headers: dict[str, str] = {}
    while text:
        line, text = cut_line(text)
        if not line:
            break
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise MalformedError(f"'{line}' is not a header.")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Message(headers, text)


def cut_line(text: bytes) -> tuple[str, bytes]:
    """The first line without its end, and what follows it. Raises: MalformedError when the line is no text."""
    first, *rest = _LINE_END.split(text, maxsplit=1)
    try:
        line = first.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("A line that should be text is not encoded in UTF-8.") from error
    if _CONTROL.search(line):
        raise MalformedError(f"A control character stands in the line {line!a}.")
    return line, rest[0] if rest else b""


def write_message(head: Iterable[str], content: str = "") -> str:
    return "\r\n".join([*head, "", content])


def write_parts(boundary: str, parts: Iterable[str]) -> str:
    """Parts, each a message of its own, between delimiters; no line end behind the last."""
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--"
