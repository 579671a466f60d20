"""One WebSocket: many operations of one caller, who says who it is in the first message.

Strawberry speaks the protocol. Ours is what it leaves open: messages that are none, who is asking, a context for each operation,
and an end when the token expires.

Source: graphql-ws, "GraphQL over WebSocket Protocol" (graphql-transport-ws).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any, cast

import structlog
from graphql import GraphQLError
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.exceptions import ConnectionRejectionError
from strawberry.fastapi import BaseContext
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.base import BaseSchema
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
    SubscribeMessagePayload,
)
from strawberry.types.execution import PreExecutionError

from gateway.auth.caller import Authenticator, Caller
from gateway.errors import (
    GatewayError,
    IdentityUnavailableError,
    InvalidInputError,
    RateLimitedError,
    TooManyConnectionsError,
    UnauthenticatedError,
)
from gateway.open_connections import OpenConnections
from gateway.operations import Operation, operation_of
from gateway.streams import seconds_left, told
from gateway.telemetry import correlation_id, log
from schema.context import Context, Services

FORBIDDEN = 4403
TRY_AGAIN_LATER = 1013
"""Source: IANA, "WebSocket Close Code Number Registry"."""


class Session(BaseContext):
    """Who speaks, and what holds for all operations of the socket.

    What a request says in headers, the payload of ``connection_init`` may say as well, because no browser can set headers here:
    ``authorization``, ``gateway-explain`` and ``x-correlation-id``, in any case. The payload comes first.
    """

    def __init__(
        self,
        services: Services,
        authenticator: Authenticator,
        connections: OpenConnections,
        connection: HTTPConnection,
    ) -> None:
        super().__init__()
        self._connections = connections
        self._place = ExitStack()
        self._services = services
        self._authenticator = authenticator
        self._headers = connection.headers
        self._caller: Caller | None = None
        self.correlation_id = ""

    def come_in(self) -> None:
        """To wait for who it is. Raises: TooManyConnectionsError."""
        self._place.enter_context(self._connections.waiting())

    def leave(self) -> None:
        """Another one may come in its place."""
        self._place.close()

    async def open(self) -> None:
        """Raises: UnauthenticatedError: no token, or a bad one; TooManyConnectionsError; IdentityUnavailableError."""
        self.correlation_id = correlation_id(self._said("x-correlation-id"))
        structlog.contextvars.bind_contextvars(correlation_id=self.correlation_id)
        caller = await self._authenticator.caller(self._said("authorization"))
        if seconds_left(caller.expires_at) == 0:
            raise UnauthenticatedError("The token has expired.")
        self._place.close()
        self._place.enter_context(self._connections.of(caller.identity))
        self._caller = caller

    @property
    def seconds_left(self) -> float | None:
        """How long the socket may stay open; None: as long as it likes."""
        return seconds_left(self._caller.expires_at) if self._caller is not None else None

    async def context(self) -> Context:
        """For one operation, with the roles of this moment.

        Raises:
            UnauthenticatedError: nobody is known.
            IdentityUnavailableError: what they may do cannot be found out now.
        """
        if self._caller is None:
            raise UnauthenticatedError("This socket has not said who it is.")
        caller = await self._authenticator.with_roles(self._caller)
        explain = self._said("gateway-explain") == "1"
        return Context(self._services, caller, correlation_id=self.correlation_id, explain=explain)

    def _said(self, name: str) -> str | None:
        given = self.connection_params
        if isinstance(given, Mapping):
            for key, value in given.items():
                if str(key).lower() == name and isinstance(value, str):
                    return value
        return self._headers.get(name)


async def opened(session: Session) -> dict[str, object]:
    """The payload of ``connection_ack``.

    Raises:
        ConnectionRejectionError: the socket is to be closed with 4403.
        TooManyConnectionsError, IdentityUnavailableError: it is to be closed with 1013.
    """
    try:
        await session.open()
    except UnauthenticatedError as error:
        raise ConnectionRejectionError from error
    return {"correlationId": session.correlation_id}


class Wire(ASGIWebSocketAdapter):
    """Its two ends may close it at the same moment: whoever comes second finds it closed, which is no mistake.

    A reason is at most 123 bytes long. Source: RFC 6455, 5.5.
    """

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            with suppress(WebSocketDisconnect):
                await super().close(code, reason.encode()[:123].decode(errors="ignore"))


class _EachItsContext:
    """The schema, for operations of a socket."""

    def __init__(self, schema: BaseSchema) -> None:
        self._schema = schema

    async def stream(self, query: Operation, *, context_value: Session, **rest: Any) -> Any:
        """``query`` is what :meth:`SocketHandler.handle_subscribe` puts there: all that was asked."""
        try:
            context = await context_value.context()
            await context.services.rates.admit(context.caller.identity)
        except (RateLimitedError, IdentityUnavailableError) as error:
            return _refused(error)
        extensions = dict(query.extensions) if query.extensions is not None else None
        return await self._schema.stream(query.query, context_value=context, operation_extensions=extensions, **rest)


async def _refused(error: GatewayError) -> AsyncGenerator[Any, None]:
    """One operation is refused; the socket stays open."""
    yield PreExecutionError(data=None, errors=[told(error)])


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """The protocol on one socket."""

    def __init__(self, *, schema: BaseSchema, **rest: Any) -> None:
        super().__init__(schema=cast(BaseSchema, _EachItsContext(schema)), **rest)
        self._expiry: asyncio.Task[None] | None = None
        self._is_over = False

    async def handle(self) -> None:
        """Raises nothing: a socket there is no place for is closed at once."""
        session: Session = self.context
        try:
            session.come_in()
        except TooManyConnectionsError as error:
            await self.websocket.close(TRY_AGAIN_LATER, error.message)
            return
        try:
            async with self._expiring():
                await super().handle()
        finally:
            session.leave()

    @asynccontextmanager
    async def _expiring(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._is_over = True
            if self._expiry is not None:
                self._expiry.cancel()
                with suppress(asyncio.CancelledError):
                    await self._expiry

    async def handle_message(self, message: Message) -> None:
        """A message that is none closes the socket, as the protocol wants it."""
        if self._is_over:
            return
        if (problem := _problem(message)) is not None:
            await self.handle_invalid_message(problem)
            return
        if message["type"] == "connection_init" and message.get("payload", ...) is None:
            message = {"type": "connection_init"}  # nothing said is nothing said
        await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        session: Session = self.context
        try:
            await super().handle_connection_init(message)
        except (TooManyConnectionsError, IdentityUnavailableError) as error:
            await self.websocket.close(TRY_AGAIN_LATER, error.message)
            return
        if self.connection_acknowledged and self._expiry is None and session.seconds_left is not None:
            self._expiry = asyncio.create_task(self._expire(session))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Strawberry's refusal of one operation too many has no code; and it drops extensions, which may name the document."""
        is_new = self.connection_acknowledged and message["id"] not in self.operations
        if is_new and len(self.operations) >= (self.max_subscriptions_per_connection or len(self.operations) + 1):
            error = TooManyConnectionsError(f"{len(self.operations)} operations are under way on this socket.")
            payload = [told(error).formatted]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})
            return
        asked = {**message["payload"], "query": operation_of(message["payload"])}
        await super().handle_subscribe({**message, "payload": cast(SubscribeMessagePayload, asked)})

    async def _expire(self, session: Session) -> None:
        """No operation goes on with a token that has expired; the client may come again with another one."""
        await asyncio.sleep(session.seconds_left or 0)
        self._is_over = True
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)
        await self.websocket.close(code=FORBIDDEN, reason="Forbidden")

    async def handle_task_exception(self, error: Exception) -> None:
        """A client that is gone is nobody's mistake."""
        if not isinstance(error, WebSocketDisconnected):
            log.error("a socket's operation broke", exc_info=error)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """A query that cannot be parsed is an error of that operation; Strawberry would close the socket, with all others."""
        return None


def _problem(message: object) -> str | None:
    """Why this is no message that the protocol knows; None when it is one."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message has to be an object with a type"
    if message["type"] not in ("subscribe", "complete"):
        return None
    if not isinstance(message.get("id"), str) or not message["id"]:
        return "A message about an operation needs its id"
    return _problem_of_payload(message.get("payload")) if message["type"] == "subscribe" else None


def _problem_of_payload(payload: object) -> str | None:
    try:
        operation_of(payload)
    except InvalidInputError as error:
        return error.message
    return None
