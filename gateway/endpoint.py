"""``/graphql``: requests, and WebSockets with many operations. ``/graphql/stream``: one operation as an event stream.

HTTP is ours, the schema and the protocol of sockets are Strawberry's (docs/adr/0022). Event streams have a path of their own,
because some clients list ``text/event-stream`` among what they take of any answer.

Nothing of a request counts that a browser adds by itself: who asks stands in the Authorization header, which no form, image or
link can set, and no cookie is read.

Sources: GraphQL over HTTP; graphql-sse, "GraphQL over Server-Sent Events Protocol", distinct connections mode.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from typing import ClassVar, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from gateway.auth.caller import Caller, Role
from gateway.bodies import BodyLimits, read_body
from gateway.errors import (
    GatewayError,
    InternalError,
    MethodNotAllowedError,
    NotAcceptableError,
    UnsupportedMediaTypeError,
)
from gateway.event_streams import event_stream
from gateway.execution import Execution
from gateway.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, is_json, preferred
from gateway.operations import batch_of, document_in, document_of, operation_of
from gateway.replies import refusal, reply, reply_to_batch
from gateway.serving import serving
from gateway.socket_route import SocketEndpoint
from gateway.telemetry import log
from schema.context import Context

FILE_BYTES: Final = 16_000_000
"""The longest body of an administrator: a file of couplings, as JSON text. It takes more room there than by itself."""

METHODS: Final = ("GET", "POST")


class Door(ABC):
    """One address, as an ASGI application: who asks, in which form, and what is refused before anything is carried out."""

    offered: ClassVar[Sequence[str]]
    """The media types of its answers; the first one where a caller takes any."""
    unasked: ClassVar[str]
    """The one for callers that say nothing about it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        with ExitStack() as held:
            response = await self._response(request, held)
            await response(scope, receive, send)

    async def _response(self, request: Request, held: ExitStack) -> Response:
        media_type = self._media_type(request)
        told_as = media_type if media_type in (JSON, GRAPHQL_RESPONSE) else JSON
        try:
            _check_method(request)
            caller = await _admitted(request)
            if media_type is None:
                raise NotAcceptableError(self.offered)
            return await self.answer(request, caller, media_type, held)
        except GatewayError as error:
            return refusal(error, request, told_as)
        except Exception as error:  # nothing else may reach a caller
            log.error("a request broke", exc_info=error)
            return refusal(InternalError(request.state.correlation_id), request, told_as)

    def _media_type(self, request: Request) -> str | None:
        accept = ",".join(request.headers.getlist("accept"))
        return preferred(accept, self.offered) if accept.strip() else self.unasked

    @abstractmethod
    async def answer(self, request: Request, caller: Caller, media_type: str, held: ExitStack) -> Response:
        """The answer; ``held`` is given back when it is over.

        Raises: GatewayError: nothing was carried out.
        """


class RequestEndpoint(Door):
    """One operation or a batch of them, answered at once."""

    # Clients that take anything were written for JSON. Who says nothing gets what the specification wants since 2025.
    offered = (JSON, GRAPHQL_RESPONSE)
    unasked = GRAPHQL_RESPONSE

    async def answer(self, request: Request, caller: Caller, media_type: str, held: ExitStack) -> Response:
        execution = _execution(request, caller)
        document = await _document(request, caller)
        if isinstance(document, list):
            batch = batch_of(document, serving(request).max_batch)
            await serving(request).services.rates.admit(
                caller.identity, len(batch) - 1
            )  # the first one came in already
            return reply_to_batch(await execution.batch(batch), media_type)
        return reply(await execution.one(operation_of(document)), media_type)


class StreamEndpoint(Door):
    """One operation, answered as an event stream."""

    offered = (EVENT_STREAM,)
    unasked = EVENT_STREAM

    async def answer(self, request: Request, caller: Caller, media_type: str, held: ExitStack) -> Response:
        """Raises: TooManyConnectionsError: nothing of the request was read."""
        has = serving(request)
        held.enter_context(has.connections.of(caller.identity))
        operation = operation_of(await _document(request, caller))
        results = await _execution(request, caller).stream(operation)
        return event_stream(has.streams.until(results, caller.expires_at), has.keep_alive_seconds)


def _check_method(request: Request) -> None:
    if request.method not in METHODS:
        raise MethodNotAllowedError(f"This address takes {' and '.join(METHODS)}.", METHODS)


async def _admitted(request: Request) -> Caller:
    """Who asks, before anything of the request is read.

    Raises:
        UnauthenticatedError: no token, or one that does not pass.
        IdentityUnavailableError: who it is, or what they may do, cannot be found out now.
        RateLimitedError: this caller has to wait.
    """
    has = serving(request)
    caller = await has.authenticator.caller(request.headers.get("authorization"))
    await has.services.rates.admit(caller.identity)
    return caller


async def _document(request: Request, caller: Caller) -> object:
    """What is asked, as JSON: the body, or the parameters of the address.

    Raises:
        UnsupportedMediaTypeError: it is not said to be JSON, which forms cannot be; nothing of it was read.
        RequestTooLargeError, RequestTooSlowError, InvalidInputError.
    """
    if request.method == "GET":
        return document_in(request.query_params.multi_items())
    headers = request.headers
    if not is_json(headers.get("content-type", "")) or headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaTypeError
    has = serving(request)
    most = FILE_BYTES if Role.INTEGRATION_ADMINISTRATOR in caller.roles else has.max_body_bytes
    return document_of(await read_body(request, BodyLimits(most, has.body_seconds)))


def _execution(request: Request, caller: Caller) -> Execution:
    services, peer = serving(request).services, request.client.host if request.client else None
    whereabouts = services.proxies.whereabouts(peer, request.headers, "HTTP")

    def context() -> Context:
        return Context(
            services,
            caller,
            correlation_id=request.state.correlation_id,
            explain=request.headers.get("gateway-explain") == "1",
            whereabouts=whereabouts,
        )

    return Execution(context, may_change=request.method == "POST")


def graphql_routes() -> list[BaseRoute]:
    """To be mounted at the root of an application whose state has what serves."""
    return [
        Route("/graphql", RequestEndpoint()),
        WebSocketRoute("/graphql", SocketEndpoint()),
        Route("/graphql/stream", StreamEndpoint()),
    ]
