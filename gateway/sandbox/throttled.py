"""ASGI middleware that holds the callers of a simulator to its limits."""

import hashlib
import json
from collections.abc import Callable, Mapping
from uuid import uuid4

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox.business_central.errors import RefusedError
from gateway.sandbox.fault_answers import vendor_answer
from gateway.sandbox.throttling import BusinessCentralThrottle, DataverseThrottle, ThrottledError

REQUESTS_LEFT = "x-ms-ratelimit-burst-remaining-xrm-requests"
SECONDS_LEFT = "x-ms-ratelimit-time-remaining-xrm-requests"

Verify = Callable[[str], Mapping[str, object]]


class BusinessCentralThrottled:
    """Requests beyond the limits wait or get 429; each operation of a batch counts."""

    def __init__(self, app: ASGIApp, throttle: BusinessCentralThrottle, verify: Verify) -> None:
        self._app = app
        self._throttle = throttle
        self._verify = verify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._throttle.limits.enabled:
            await self._app(scope, receive, send)
            return
        operations = 1
        if scope["method"] == "POST" and scope["path"].lower().rstrip("/").endswith("/$batch"):
            content = await _content(receive)
            operations = await to_thread.run_sync(_operations, content)
            receive = _again(content, receive)
        try:
            async with self._throttle.place(caller_name(scope, self._verify), operations=operations):
                await self._app(scope, receive, send)
        except RefusedError as refusal:
            response = vendor_answer(refusal.status, refusal.body(str(uuid4())))
            await response(scope, receive, send)


class DataverseThrottled:
    """Requests beyond the limits get 429 with `Retry-After`; every answer says how much is left."""

    def __init__(self, app: ASGIApp, throttle: DataverseThrottle, verify: Verify) -> None:
        self._app = app
        self._throttle = throttle
        self._verify = verify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._throttle.limits.enabled:
            await self._app(scope, receive, send)
            return
        name = caller_name(scope, self._verify)

        async def send_with_remaining(message: Message) -> None:
            if message["type"] == "http.response.start":
                left = self._throttle.remaining(name)
                headers = MutableHeaders(scope=message)
                headers[REQUESTS_LEFT] = str(left.requests)
                headers[SECONDS_LEFT] = f"{left.seconds:.2f}"
            await send(message)

        try:
            async with self._throttle.place(name):
                await self._app(scope, receive, send_with_remaining)
        except ThrottledError as error:
            headers = {"Retry-After": str(error.retry_after_seconds)}
            response = vendor_answer(error.refusal.status, error.refusal.body(), headers)
            await response(scope, receive, send_with_remaining)


def caller_name(scope: Scope, verify: Verify) -> str:
    """Who asks, whatever the token: a user or an application; a token that proves nothing is a caller of its own."""
    _, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    try:
        claims = verify(token.strip())
    except ValueError:
        return hashlib.sha256(token.encode()).hexdigest()
    return str(claims.get("oid") or claims.get("appid"))


async def _content(receive: Receive) -> bytes:
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _again(content: bytes, receive: Receive) -> Receive:
    """The content that was read once, for the simulator to read."""
    unread = [content]

    async def next_message() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return next_message


def _operations(content: bytes) -> int:
    """How many operations a batch holds; one that cannot be read is a request like any other."""
    try:
        batch = json.loads(content)
    except (ValueError, RecursionError):
        return 1
    requests = batch.get("requests") if isinstance(batch, dict) else None
    return max(len(requests), 1) if isinstance(requests, list) else 1
