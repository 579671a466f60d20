"""The Business Central simulator as an ASGI app: HTTP outside, `dispatch` inside, on a worker thread.

Serves `/v2.0/{tenant}/{environment}/api/…`, where the tenant may be left out, and `/environments/v1.2`. The app may be
mounted anywhere: absolute addresses in answers start with the address the request came to.

Source: Business Central, "API endpoint structure", "Using service-to-service authentication".
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from gateway.sandbox import json_text
from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.apis import Api, Features, find_api
from gateway.sandbox.business_central.batch import run
from gateway.sandbox.business_central.caller import Caller, Verify, authenticate
from gateway.sandbox.business_central.dispatch import answer, refused
from gateway.sandbox.business_central.environments import ENVIRONMENTS, environment_list
from gateway.sandbox.business_central.exchange import Environment, Handshake, Request, Response
from gateway.sandbox.business_central.model import load_model
from gateway.sandbox.store import Store

MAX_QUERY_LENGTH = 8100
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true"
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]

__all__ = ["business_central_app", "load_model"]


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid.uuid4())


def business_central_app(
    store: Store,
    *,
    verify: Verify,
    tenant: str,
    environment: str,
    now: Callable[[], datetime] = _now,
    new_id: Callable[[], str] = _new_id,
    max_page: int = 20_000,
    features: Features | None = None,
    handshake: Handshake | None = None,
) -> Starlette:
    """Serve `store`, whose model is `load_model()`; `verify` gives the claims of a token or raises ValueError.

    Without `handshake` no receiver of webhooks can be reached.
    """
    served = Environment(
        store,
        tenant=tenant,
        name=environment,
        now=now,
        new_id=new_id,
        max_page=max_page,
        features=features or Features(),
        handshake=handshake or (lambda url, token: False),
    )

    async def endpoint(request: HttpRequest) -> HttpResponse:
        content = await request.body()
        return await anyio.to_thread.run_sync(_respond, served, verify, request, content)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


def _respond(environment: Environment, verify: Verify, http: HttpRequest, content: bytes) -> HttpResponse:
    correlation = environment.new_id()
    try:
        caller = authenticate(verify, http.headers.get("authorization", ""))
        response = _answer(environment, http, content, caller)
    except errors.RefusedError as refusal:
        response = refused(environment, refusal)
    if response is None:
        return HttpResponse(errors.NO_ENVIRONMENT, 404, media_type="application/xml")
    asked_for = http.headers.get("client-request-id")
    return _http(response, {"request-id": correlation, **({"client-request-id": asked_for} if asked_for else {})})


def _answer(environment: Environment, http: HttpRequest, content: bytes, caller: Caller) -> Response | None:
    """The answer to a caller who is let in; None when the address names an environment that is not ours."""
    address = http.path_params["path"]
    if address.strip("/").lower() == ENVIRONMENTS:
        return environment_list(environment, http.method, _root(http))
    scope, inner = _scope(environment, address)
    if inner is None:
        return None
    api, route, path = find_api(inner, environment.features)
    request = replace(_request(http, f"{scope}/api/{route}", path, content, api), user_id=caller.id)
    return run(environment, request) if path.lower() == "$batch" else answer(environment, request)


def _scope(environment: Environment, path: str) -> tuple[str, str | None]:
    """The parts of a path before and after `/api/`; nothing after it when tenant or environment are not ours."""
    before, found, rest = path.partition("/api/")
    version, *scope = before.split("/")
    names = [environment.tenant.lower(), environment.name.lower()]
    if version != "v2.0" or not found:
        raise errors.unknown_segment(version)
    return before, rest if [name.lower() for name in scope] in (names, names[1:]) else None


def _root(http: HttpRequest) -> str:
    """Where the app is mounted, as an absolute address."""
    return f"{http.url.scheme}://{http.url.netloc}{http.scope.get('root_path', '')}"


def _request(http: HttpRequest, base: str, path: str, content: bytes, api: Api) -> Request:
    query = http.scope["query_string"].decode("latin-1")
    if len(query) > MAX_QUERY_LENGTH:
        raise errors.url_too_long()
    try:
        body = json_text.loads(content) if content else None
    except ValueError as error:
        raise errors.bad_request("The request body is not valid JSON.") from error
    return Request(http.method, path, query, f"{_root(http)}/{base}", dict(http.headers), body, api)


def _http(response: Response, ids: Mapping[str, str]) -> HttpResponse:
    headers = {"OData-Version": "4.0", **ids, **response.headers}
    if response.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if response.body is None:
        return HttpResponse(status_code=response.status, headers=headers)
    text = response.body if isinstance(response.body, str) else json_text.dumps(response.body)
    headers.setdefault("Content-Type", _JSON)
    return HttpResponse(text, response.status, headers)
