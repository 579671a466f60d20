"""The gateway as an ASGI application: its lifetime, its endpoints, what every request has."""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from math import ceil

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from gateway.assembly import Prepare, running, trusted_documents
from gateway.backends import Networks
from gateway.bodies import declared_length
from gateway.config import JobsPlace, Settings
from gateway.endpoint import Serving, endpoints
from gateway.errors import (
    GatewayError,
    IdentityUnavailableError,
    InvalidInputError,
    RateLimitedError,
    RequestTooLargeError,
    RequestTooSlowError,
    TooManyConnectionsError,
    UnauthenticatedError,
)
from gateway.graphiql.page import graphiql_page
from gateway.health import add_health
from gateway.hook_routes import hook_routes
from gateway.jobs.engine import Pace
from gateway.runs.own_mappings import installed
from gateway.streams import Streams
from gateway.telemetry import correlation_id
from gateway.triggers.notices import HookPace

CORRELATION_HEADER = "X-Correlation-Id"

Beside = Callable[[], AbstractAsyncContextManager[None]]
"""Something that runs as long as the application does (the sandbox's webhooks)."""


def create_app(
    settings: Settings,
    *,
    networks: Networks | None = None,
    routes: Sequence[BaseRoute] = (),
    prepare: Prepare | None = None,
    beside: Beside = nullcontext,
    alone: bool = False,
    pace: Pace | None = None,
    hook_pace: HookPace | None = None,
) -> FastAPI:
    """The gateway as an ASGI application; ``routes`` are further ones of the caller's (the demo's sandbox, GraphiQL).

    ``alone`` says that no other process uses the same database: nobody's jobs have to be watched for. ``pace`` is how often jobs
    are looked at, ``hook_pace`` how soon webhooks lead to runs.
    """
    where = networks or Networks()
    installed(settings.mappings_file)  # what is wrong with a file is told before anything is opened
    trusted_documents(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        here = settings.jobs is JobsPlace.HERE
        async with (
            running(settings, where, prepare, alone=alone, pace=pace, carry_out=here, hook_pace=hook_pace) as built,
            beside(),
        ):
            app.state.running = built
            app.state.serving = Serving(built.services, built.authenticator, app.state.streams, settings.max_body_bytes)
            gc.freeze()  # what is there now stays: the collector need not look at it in every request
            try:
                async with built.services.hooks.running():  # now: backends ask us while they register us
                    yield
            finally:
                app.state.streams.end()
                gc.unfreeze()  # and may go with the application

    app = FastAPI(
        title="Dynamics gateway",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.streams = Streams()
    for kind in _STATUS:
        app.add_exception_handler(kind, _refused)
    for path, endpoint in endpoints():
        app.include_router(endpoint, prefix=path)
    add_health(app)
    app.router.routes.extend([*hook_routes(), *routes])
    app.middleware("http")(_correlated)
    return app


_STATUS: dict[type[GatewayError], int] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    RequestTooSlowError: 408,
    RequestTooLargeError: 413,
    TooManyConnectionsError: 429,
    RateLimitedError: 429,
    IdentityUnavailableError: 503,
}
"""What is refused before there is anything to carry out."""


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - registered for nothing else
    body = {"data": None, "errors": [{"message": error.message, "extensions": error.extensions}]}
    return JSONResponse(
        body,
        status_code=next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS),
        headers=_headers(request, error),
    )


def _headers(request: Request, error: GatewayError) -> dict[str, str]:
    """Where nobody knows when the body ends, the connection ends; where that was told, uvicorn throws the rest away."""
    if isinstance(error, UnauthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimitedError | IdentityUnavailableError):
        return {"Retry-After": str(ceil(error.retry_after_seconds))}
    endless = isinstance(error, RequestTooLargeError) and declared_length(request) is None
    return {"Connection": "close"} if endless or isinstance(error, RequestTooSlowError) else {}


async def _correlated(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """One id from the caller to both backends, in every line of the log, and back to the caller."""
    name = correlation_id(request.headers.get(CORRELATION_HEADER))
    request.state.correlation_id = name
    if _asks_for_a_page(request):
        return graphiql_page()
    with structlog.contextvars.bound_contextvars(correlation_id=name):
        response = await call_next(request)
    response.headers[CORRELATION_HEADER] = name
    return response


def _asks_for_a_page(request: Request) -> bool:
    """A browser that was pointed at the endpoint: it gets GraphiQL, which signs in by itself."""
    return (
        request.method == "GET"
        and request.url.path == "/graphql"
        and not request.url.query
        and "text/html" in request.headers.get("accept", "")
    )
