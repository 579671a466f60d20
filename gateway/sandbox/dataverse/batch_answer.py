"""The answer of a `$batch`: answers of single requests and of change sets, written as `multipart/mixed`.

A request that failed carries `REQ_ID`, by which support would find it. A change set that failed has no parts: one error
answers all of it.

Source: Dataverse, Execute batch operations using the Web API; OASIS, OData Protocol 4.0, section 11.7.4 Responding to a
Batch Request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

from gateway.sandbox.dataverse.multipart import MIXED, write_message, write_parts
from gateway.sandbox.dataverse.operation import JSON, Answer
from gateway.sandbox.json_text import dumps


@dataclass(frozen=True)
class PartAnswer:
    """The answer of one request, or of a change set that failed."""

    answer: Answer
    content_id: str | None = None

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def failed(self) -> bool:
        return self.status >= 400

    def write(self) -> str:
        head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        if self.content_id is not None:
            head.append(f"Content-ID: {self.content_id}")
        return write_message(head, self._response())

    def _response(self) -> str:
        body = self.answer.body
        head = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        if self.failed:
            head.append(f"REQ_ID: {uuid4()}")
        if body is not None and "Content-Type" not in self.answer.headers:
            head.append(f"Content-Type: {'text/plain' if isinstance(body, str) else JSON}")
        head.append("OData-Version: 4.0")
        head += [f"{name}: {value}" for name, value in self.answer.headers.items()]
        if body is None:
            return write_message(head)
        return write_message(head, body if isinstance(body, str) else dumps(body))


@dataclass(frozen=True)
class ChangeSetAnswer:
    """The answers of a change set of which every request succeeded."""

    answers: Sequence[PartAnswer]
    status: int = 200
    failed: bool = False

    def write(self) -> str:
        boundary = f"changesetresponse_{uuid4()}"
        parts = write_parts(boundary, [answer.write() for answer in self.answers])
        return write_message([_content_type(boundary)], parts)


def write_batch(answers: Sequence[PartAnswer | ChangeSetAnswer], *, status: int) -> Answer:
    """The answer of the whole batch."""
    boundary = f"batchresponse_{uuid4()}"
    text = write_parts(boundary, [answer.write() for answer in answers])
    name, _, value = _content_type(boundary).partition(": ")
    return Answer(status, f"{text}\r\n", {name: value})


def _content_type(boundary: str) -> str:
    return f"Content-Type: {MIXED}; boundary={boundary}"
