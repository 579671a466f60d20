"""The gateway as an ASGI application: its lifetime, its endpoints, what every request has."""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import structlog
from fastapi import FastAPI, Request, Response
from starlette.routing import BaseRoute

from gateway.assembly import Prepare, running, trusted_documents
from gateway.backends import Networks
from gateway.config import JobsPlace, Settings
from gateway.cross_origin import CrossOrigin
from gateway.endpoint import graphql_routes
from gateway.graphiql.page import graphiql_page
from gateway.health import add_health
from gateway.hook_routes import hook_routes
from gateway.jobs.engine import Pace
from gateway.origins import Origins
from gateway.runs.own_mappings import installed
from gateway.security_headers import SecurityHeaders
from gateway.serving import Serving
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
    where, origins = networks or Networks(), Origins(settings.allowed_origins)
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
            app.state.serving = Serving(
                built.services,
                built.authenticator,
                app.state.streams,
                settings.max_body_bytes,
                settings.max_batch,
                origins,
            )
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
    add_health(app)
    app.router.routes.extend([*graphql_routes(), *hook_routes(), *routes])
    app.middleware("http")(_correlated)
    app.add_middleware(CrossOrigin, origins=origins)
    app.add_middleware(
        SecurityHeaders, frames=settings.frame_ancestors, is_https=(settings.public_url or "").startswith("https:")
    )
    return app


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
