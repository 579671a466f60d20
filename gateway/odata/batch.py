"""Many requests in one: the JSON dialect of OData ``$batch``, which Business Central speaks. Pure.

Source: OData JSON Format 4.01, 19 Batch Requests and Responses; Business Central, "Use OData batch".
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import ProtocolError
from gateway.odata.response import read_json
from gateway.records import Backend

MOST_PARTS = 100
"""Source: Business Central refuses a batch of more operations with status 500."""


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


def write_reads(urls: Sequence[str]) -> bytes:
    """The body of a batch that only reads; ``urls`` are relative to the API base.

    ::

        {"requests": [{"id": "0", "method": "GET", "url": "companies(…)/items?$top=2", "headers": {}}]}
    """
    requests = [
        {"id": str(index), "method": "GET", "url": url, "headers": {"Accept": "application/json"}}
        for index, url in enumerate(urls)
    ]
    return json.dumps({"requests": requests}, separators=(",", ":")).encode()


def read_parts(body: bytes, *, expected: int, backend: Backend) -> list[Part]:
    """The answers in the order of the requests, whatever order they came in.

    Raises:
        ProtocolError: an answer is missing, doubled, or not what a batch answers.
    """
    document = read_json(body, backend=backend)
    responses = document.get("responses") if isinstance(document, dict) else None
    if not isinstance(responses, list):
        raise ProtocolError(f"{backend.label} answered a batch without responses.", backend=backend)
    parts: dict[str, Part] = {}
    for response in responses:
        if isinstance(response, dict) and isinstance(response.get("status"), int):
            headers = response.get("headers")
            parts[str(response.get("id"))] = Part(
                status=response["status"],
                headers={str(name).lower(): str(value) for name, value in headers.items()}
                if isinstance(headers, dict)
                else {},
                document=response.get("body"),
            )
    try:
        return [parts[str(index)] for index in range(expected)]
    except KeyError as error:
        raise ProtocolError(
            f"{backend.label} answered {len(parts)} of the {expected} requests of a batch.", backend=backend
        ) from error
