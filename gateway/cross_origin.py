"""What pages of other origins may do from a browser: those on the list may ask at ``/graphql`` and read the answer.

A browser asks first (a preflight), because every request here carries an Authorization header; that is answered without a token.
Credentials are never allowed: nothing a browser would add by itself counts here.

Source: WHATWG, "Fetch", 3.3 (CORS protocol).
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.origins import Origins

PATHS: Final = ("/graphql", "/graphql/stream")

ACCEPTED: Final = ("Accept", "Authorization", "Content-Type", "Gateway-Explain", "X-Correlation-Id")
EXPOSED: Final = ("Retry-After", "WWW-Authenticate", "X-Correlation-Id")

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": ", ".join(ACCEPTED),
    "Access-Control-Max-Age": "7200",
}


class CrossOrigin:
    """Around the application."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        allowed = origin if self._origins.allows(origin) else None

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(MutableHeaders(scope=message), allowed)
            await send(message)

        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
            await Response(status_code=204, headers=_PREFLIGHT if allowed else None)(scope, receive, told)
            return
        await self._app(scope, receive, told)


def _tell(headers: MutableHeaders, allowed: str | None) -> None:
    """A cache in between may keep what one origin is told for itself only."""
    headers.add_vary_header("Origin")
    if allowed is not None:
        headers["Access-Control-Allow-Origin"] = allowed
        headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
