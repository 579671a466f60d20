"""``/graphql``: requests, and WebSockets with many operations. ``/graphql/stream``: one operation as an event stream.

Strawberry's router, and what it leaves open: how long a body may be, how many may be connected. Event streams have a path of
their own, because Strawberry gives one to whoever lists ``text/event-stream`` among what it takes, and some clients list it last.

Source: graphql-sse, "GraphQL over Server-Sent Events Protocol", distinct connections mode.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Final

from cross_web import StarletteRequestAdapter
from fastapi import Depends, params
from starlette.requests import HTTPConnection, Request
from strawberry.fastapi import BaseContext, GraphQLRouter
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from gateway.auth.caller import Authenticator, Role
from gateway.bodies import BodyLimits, read_body
from gateway.errors import InvalidInputError
from gateway.open_connections import OpenConnections
from gateway.request_json import MESSAGE_BYTES, read_document
from gateway.sockets import Session, SocketHandler, Wire, opened
from gateway.streams import Streams
from schema.context import Context, Services
from schema.root import build_schema

MOST_OPERATIONS: Final = 50
"""Under way on one socket at once."""

PATIENCE: Final = timedelta(seconds=10)
"""How long a socket may take to say who it is."""


FILE_BYTES: Final = 16_000_000
"""The longest body of an administrator: a file of couplings, as JSON text. It takes more room there than by itself."""

BODY_SECONDS: Final = 30.0
"""How long a body may take to arrive."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What requests need of the running application."""

    services: Services
    authenticator: Authenticator
    streams: Streams
    max_body_bytes: int
    body_seconds: float = BODY_SECONDS
    connections: OpenConnections = field(default_factory=OpenConnections)


class BoundedRequest(StarletteRequestAdapter):
    """A request as Strawberry reads it; its body is read within bounds."""

    async def get_body(self) -> bytes:
        """Raises: RequestTooLargeError, RequestTooSlowError."""
        limits: BodyLimits = self._request.state.body_limits
        return await read_body(self._request, limits)


class Endpoint(GraphQLRouter[BaseContext, None]):
    """Strawberry's endpoint, which leaves some bodies to break it: what is no request is refused here, typed.

    Pages of other origins cannot open a socket: Strawberry refuses their handshake unless ``allowed_origins`` names them.
    """

    graphql_transport_ws_handler_class = SocketHandler
    websocket_adapter_class = Wire
    request_adapter_class = BoundedRequest

    def __init__(
        self, *protocols: str, patience: timedelta = PATIENCE, dependencies: Sequence[params.Depends] = ()
    ) -> None:
        super().__init__(
            build_schema(),
            graphql_ide=None,
            context_getter=_context,
            subscription_protocols=protocols,
            connection_init_wait_timeout=patience,
            max_subscriptions_per_connection=MOST_OPERATIONS,
            dependencies=dependencies,
        )

    def parse_json(self, data: str | bytes) -> Any:
        """JSON that can be a request, or the variables of one.

        Raises:
            InvalidInputError: it is not JSON, no object, too deep, or holds half a character.
        """
        try:
            document = read_document(data)
        except ValueError as error:
            raise InvalidInputError("The request is not JSON that can be read.", argument="body") from error
        if not isinstance(document, dict):
            raise InvalidInputError("The request has to be a JSON object with a query.", argument="body")
        return document

    def decode_json(self, data: str | bytes) -> object:
        """A message of a socket; what cannot be read closes it.

        Raises:
            json.JSONDecodeError: it is too long, not JSON, too deep, or holds half a character.
        """
        if len(data) > MESSAGE_BYTES:  # whatever server it came through
            raise json.JSONDecodeError("too long", "", 0)
        try:
            return read_document(data)
        except ValueError as error:
            raise json.JSONDecodeError("cannot be read", "", 0) from error

    async def on_ws_connect(self, context: BaseContext) -> dict[str, object]:
        assert isinstance(context, Session)  # noqa: S101 - what _context gives to sockets
        return await opened(context)


class StreamEndpoint(Endpoint):
    """One operation, answered as an event stream."""

    def __init__(self) -> None:
        super().__init__(GRAPHQL_SSE_PROTOCOL, dependencies=[Depends(_place)])

    async def execute_operation(self, *, request: Request, request_data: Any, context: Any, **rest: Any) -> Any:  # type: ignore[override]  # it is called so
        """Raises: InvalidInputError: who asks does not take event streams; nothing was carried out."""
        if request_data.protocol != "sse":
            raise InvalidInputError(
                "What is asked here is answered as an event stream: send Accept: text/event-stream.", argument="accept"
            )
        results = await super().execute_operation(request=request, request_data=request_data, context=context, **rest)
        return serving(request).streams.until(results, context.caller.expires_at)  # type: ignore[arg-type]  # as asked for


def serving(connection: HTTPConnection) -> Serving:
    """What the running application put there."""
    found: Serving = connection.app.state.serving
    return found


async def _context(connection: HTTPConnection) -> BaseContext:
    """Who asks is settled before anything of the request is read; a socket tells in its first message.

    Raises:
        UnauthenticatedError: no token, or one that does not pass.
    """
    has = serving(connection)
    if connection.scope["type"] == "websocket":
        return Session(has.services, has.authenticator, has.connections, connection)
    caller = await has.authenticator.caller(connection.headers.get("authorization"))
    brings_files = Role.INTEGRATION_ADMINISTRATOR in caller.roles
    most = FILE_BYTES if brings_files else has.max_body_bytes
    connection.state.body_limits = BodyLimits(most, has.body_seconds)
    return Context(
        has.services,
        caller,
        correlation_id=connection.state.correlation_id,
        explain=connection.headers.get("gateway-explain") == "1",
        whereabouts=has.services.proxies.whereabouts(
            connection.client.host if connection.client else None, connection.headers, "HTTP"
        ),
    )


async def _place(connection: HTTPConnection, context: Annotated[BaseContext, Depends(_context)]) -> AsyncIterator[None]:
    """Held until the answer is over, however it ends; a socket is closed at once here, and takes none.

    Raises:
        TooManyConnectionsError: nothing of the request was read.
    """
    if not isinstance(context, Context):
        yield
        return
    with serving(connection).connections.of(context.caller.object_id):
        yield


def endpoints() -> list[tuple[str, Endpoint]]:
    """By their paths; the longer path comes first."""
    return [("/graphql/stream", StreamEndpoint()), ("/graphql", Endpoint(GRAPHQL_TRANSPORT_WS_PROTOCOL))]
