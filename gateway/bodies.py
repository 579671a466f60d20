"""The body of a request, read within bounds: not longer than so many bytes, and not for longer than so many seconds."""

import asyncio
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from gateway.errors import RequestTooLargeError, RequestTooSlowError


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may be."""

    most_bytes: int
    seconds: float


def declared_length(request: Request) -> int | None:
    """How long the caller says the body is; None: that remains to be seen."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """The whole body; empty when the caller left before its end.

    Raises:
        RequestTooLargeError: no more of it was read than was allowed, and nothing when its length was declared.
        RequestTooSlowError: it did not arrive in time.
    """
    if (declared_length(request) or 0) > limits.most_bytes:
        raise RequestTooLargeError(limits.most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.most_bytes:
                    raise RequestTooLargeError(limits.most_bytes)
                body += chunk
    except TimeoutError:
        raise RequestTooSlowError(limits.seconds) from None
    except ClientDisconnect:
        return b""
    return bytes(body)
