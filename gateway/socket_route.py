"""``/graphql`` as a WebSocket: whose pages may open one, which protocol is spoken, and who speaks it.

Source: graphql-ws, "GraphQL over WebSocket Protocol" (graphql-transport-ws); RFC 6455, 10.2 (Origin).
"""

import json
from datetime import timedelta
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.http.websocket_origin import is_same_origin
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from gateway.replies import encoded
from gateway.request_json import MESSAGE_BYTES, read_document
from gateway.serving import serving
from gateway.sockets import Session, SocketHandler, Wire, opened
from schema.root import build_schema

MOST_OPERATIONS: Final = 50
"""Under way on one socket at once."""

PATIENCE: Final = timedelta(seconds=10)
"""How long a socket may take to say who it is."""

_NOT_ACCEPTABLE = 4406
_POLICY_VIOLATION = 1008


class SocketEndpoint:
    """The address, as an ASGI application."""

    def __init__(self, patience: timedelta = PATIENCE) -> None:
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if not _may_open(socket):
            await socket.close(_POLICY_VIOLATION)  # before it was accepted: the handshake is answered with 403
            return
        is_spoken = GRAPHQL_TRANSPORT_WS_PROTOCOL in scope["subprotocols"]
        await socket.accept(GRAPHQL_TRANSPORT_WS_PROTOCOL if is_spoken else None)
        wire = Wire(_Messages(), socket, socket)  # type: ignore[arg-type]  # all it needs of Strawberry's view
        if not is_spoken:
            await wire.close(_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await self._handler(socket, wire).handle()

    def _handler(self, socket: WebSocket, wire: Wire) -> SocketHandler:
        has = serving(socket)
        return SocketHandler(
            view=_Messages(),
            websocket=wire,
            context=Session(has.services, has.authenticator, has.connections, socket),
            root_value=None,
            schema=build_schema(),
            connection_init_wait_timeout=self._patience,
            max_subscriptions_per_connection=MOST_OPERATIONS,
        )


def _may_open(socket: WebSocket) -> bool:
    """Browsers ask nobody before a page opens a socket, but they say which page it is; other clients say nothing."""
    origin = socket.headers.get("origin")
    if origin is None or is_same_origin(origin, socket.headers.get("host")):
        return True
    return serving(socket).origins.allows(origin)


class _Messages:
    """What Strawberry's handler asks its view for."""

    def decode_json(self, data: str | bytes) -> object:
        """A message; what cannot be read closes the socket.

        Raises:
            json.JSONDecodeError: it is too long, not JSON, too deep, or holds half a character.
        """
        if len(data) > MESSAGE_BYTES:  # whatever server it came through
            raise json.JSONDecodeError("too long", "", 0)
        try:
            return read_document(data)
        except ValueError as error:
            raise json.JSONDecodeError("cannot be read", "", 0) from error

    def encode_json(self, data: object) -> str:
        return encoded(data)

    async def on_ws_connect(self, context: Any) -> dict[str, object]:
        return await opened(context)
