"""The Dataverse Web API v9.2 as an ASGI app: authentication, headers, and JSON around `dispatch.answer`.

    app = dataverse_app(Store(dataverse_model(), None), verify=verify)       serves /api/data/v9.2/…

Requests run in worker threads, because the store is synchronous.

Source: Dataverse, Compose HTTP requests and handle errors; Use OAuth authentication with Dataverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from uuid import uuid4

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.dataverse.delta_token import ChangeTracking
from gateway.sandbox.dataverse.dispatch import answer
from gateway.sandbox.dataverse.operation import JSON, Answer, Request
from gateway.sandbox.dataverse.option_values import lay_published_options
from gateway.sandbox.json_text import dumps
from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

Verify = Callable[[str], Mapping[str, object]]
Clock = Callable[[], datetime]

_ROOT = "api/data/v9.2/"
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


@cache
def dataverse_model() -> Model:
    """The tables this simulator has."""
    return Model.load(files(__package__).joinpath("model.json").read_text(encoding="utf-8"))


def _now() -> datetime:
    return datetime.now(UTC)


def dataverse_app(
    store: Store, *, verify: Verify, now: Clock = _now, tracking: ChangeTracking | None = None
) -> Starlette:
    """The app over `store`; `verify` turns a bearer token into claims, or raises ValueError."""
    tracking = tracking or ChangeTracking()
    lay_published_options(store)

    async def serve(http_request: HttpRequest) -> Response:
        claims = _claims(http_request, verify)
        if claims is None:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer", **_identifiers()})
        request = await _read(http_request)
        url, mounted = http_request.url, http_request.scope.get("root_path", "")
        root = f"{url.scheme}://{url.netloc}{mounted}/{_ROOT}"
        result = await to_thread.run_sync(
            lambda: answer(store, request, claims=claims, root=root, now=now().astimezone(UTC), tracking=tracking)
        )
        return _response(result)

    return Starlette(routes=[Route(f"/{_ROOT}{{path:path}}", serve, methods=_METHODS)])


def _claims(request: HttpRequest, verify: Verify) -> Mapping[str, object] | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    try:
        return verify(token.strip())
    except ValueError:
        return None


async def _read(request: HttpRequest) -> Request:
    return Request(
        method="GET" if request.method == "HEAD" else request.method,
        path=str(request.path_params["path"]),
        query=request.url.query,
        headers=_headers(request),
        body=await request.body(),
    )


def _headers(request: HttpRequest) -> dict[str, str]:
    """Header values by lower-case name; several of one name make one list."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _response(result: Answer) -> Response:
    headers = {"OData-Version": "4.0", **_identifiers(), **result.headers}
    if result.body is None:
        return Response(status_code=result.status, headers=headers)
    if isinstance(result.body, str):
        return Response(result.body, result.status, headers, media_type="text/plain")
    headers["Content-Type"] = JSON
    return Response(dumps(result.body), result.status, headers)


def _identifiers() -> dict[str, str]:
    """What support would ask for: the request as the service knows it."""
    request_id = str(uuid4())
    return {"x-ms-service-request-id": request_id, "REQ_ID": request_id}
