"""Headers that keep browsers from doing with an answer what it is not meant for; a page that has its own keeps them.

Sources: W3C, Content Security Policy Level 3; RFC 6797 (HSTS); OWASP, "HTTP Security Response Headers Cheat Sheet".
"""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WIDGETS: Final = "/widgets"
"""Pages below it are made to stand in forms of other systems; no other page is."""

_A_YEAR_SECONDS = 365 * 24 * 3600


def frame_ancestors(path: str, listed: Sequence[str]) -> str:
    """Whose pages may show this path in a frame, as the value of that directive."""
    is_widget = path == WIDGETS or path.startswith(f"{WIDGETS}/")
    return " ".join(listed) if is_widget and listed else "'none'"


class SecurityHeaders:
    """Around the application. ``frames`` are those whose pages may show widgets."""

    def __init__(self, app: ASGIApp, frames: Sequence[str], *, is_https: bool) -> None:
        self._app = app
        self._frames = frames
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers(scope["path"]).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)

    def _headers(self, path: str) -> dict[str, str]:
        """X-Frame-Options is for browsers that do not know the directive; it has no list, so a widget goes without."""
        ancestors = frame_ancestors(path, self._frames)
        return (
            {
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
                "Content-Security-Policy": f"default-src 'none'; frame-ancestors {ancestors}",
            }
            | ({"X-Frame-Options": "DENY"} if ancestors == "'none'" else {})
            | ({"Strict-Transport-Security": f"max-age={_A_YEAR_SECONDS}"} if self._is_https else {})
        )
