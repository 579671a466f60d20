"""A way for the sandbox to break a connection, which ASGI has no word for.

Served by uvicorn with `http=BreakableProtocol`, a request's scope holds a function that resets its connection. Anywhere
else, as below `httpx.ASGITransport`, the error that the client of a broken connection meets is raised instead.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as AutoHTTPProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

_EXTENSION = "sandbox.break"
_TIME_TO_WRITE_SECONDS = 0.02
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Break = Callable[[], Awaitable[None]]


class BrokenConnectionError(httpx.ReadError):
    """The connection broke before the answer was complete."""


class NoAnswerError(httpx.ReadTimeout):
    """The client was more patient than we are."""


async def break_connection(scope: Scope, *, patience_ended: bool = False) -> NoReturn:
    """Ends a request without a complete answer.

    Raises:
        BrokenConnectionError: always; BreakableProtocol keeps it to itself.
        NoAnswerError: instead, when it was the patience of the client that ended.
    """
    extension: Break | None = scope.get("extensions", {}).get(_EXTENSION)
    if extension is not None:
        await extension()
    if patience_ended:
        raise NoAnswerError("The sandbox did not answer.")
    raise BrokenConnectionError("The sandbox broke the connection.")


class BreakableProtocol(AutoHTTPProtocol):
    """uvicorn's protocol for HTTP; its connections can be broken from within an application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = _Breakable(self.app, transport)


class _Breakable:
    """One connection's application."""

    def __init__(self, app: ASGIApp, transport: asyncio.Transport) -> None:
        self._app = app
        self._transport = transport
        self._is_broken = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_unless_broken(message: Message) -> None:
            if not self._is_broken:
                await send(message)

        scope["extensions"] = {**scope.get("extensions", {}), _EXTENSION: self._break}
        try:
            await self._app(scope, receive, send_unless_broken)
        except Exception:
            if not self._is_broken:
                raise
        if self._is_broken:
            await _disconnected(receive)

    async def _break(self) -> None:
        """What was written before goes out; then a reset, not an orderly end."""
        if not self._transport.is_closing():
            await asyncio.sleep(_TIME_TO_WRITE_SECONDS)
        self._is_broken = True
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


async def _disconnected(receive: Receive) -> None:
    """The server calls a request without an answer an error, unless its client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
