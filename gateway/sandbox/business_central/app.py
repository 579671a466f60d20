"""The Business Central simulator as an ASGI app: HTTP outside, `dispatch` inside, on a worker thread.

Serves `/v2.0/{tenant}/{environment}/api/v2.0/…`; the tenant may be left out. The app may be mounted anywhere: absolute
addresses in answers start with the address the request came to.

Source: Business Central, "API endpoint structure", "Using service-to-service authentication".
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.resources import files

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from gateway.sandbox import json_text
from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.batch import run
from gateway.sandbox.business_central.dispatch import answer, refused
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

MAX_QUERY_LENGTH = 8100
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true"
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]

Verify = Callable[[str], Mapping[str, object]]


def load_model() -> Model:
    """The sets this simulator serves, and the ledgers behind them."""
    return Model.load(files("gateway.sandbox.business_central").joinpath("model.json").read_text("utf-8"))


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
) -> Starlette:
    """Serve `store`, whose model is `load_model()`; `verify` gives the claims of a token or raises ValueError."""
    served = Environment(store, tenant=tenant, name=environment, now=now, new_id=new_id, max_page=max_page)

    async def endpoint(request: HttpRequest) -> HttpResponse:
        content = await request.body()
        return await anyio.to_thread.run_sync(_respond, served, verify, request, content)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


def _respond(environment: Environment, verify: Verify, http: HttpRequest, content: bytes) -> HttpResponse:
    correlation = environment.new_id()
    try:
        _authenticate(verify, http.headers.get("authorization", ""))
        base, path = _address(environment, http.path_params["path"])
        if path is None:
            return HttpResponse(errors.NO_ENVIRONMENT, 404, media_type="application/xml")
        request = _request(http, base, path, content)
        response = run(environment, request) if path.lower() == "$batch" else answer(environment, request)
    except errors.RefusedError as refusal:
        response = refused(environment, refusal)
    asked_for = http.headers.get("client-request-id")
    return _http(response, {"request-id": correlation, **({"client-request-id": asked_for} if asked_for else {})})


def _authenticate(verify: Verify, authorization: str) -> None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise errors.unauthenticated()
    try:
        claims = verify(token.strip())
    except ValueError as error:
        raise errors.unauthenticated() from error
    roles, scopes = claims.get("roles", []), str(claims.get("scp", "")).split()
    application = isinstance(roles, list) and "API.ReadWrite.All" in roles
    if not application and not {"Financials.ReadWrite.All", "user_impersonation"} & set(scopes):
        raise errors.unauthenticated()


def _address(environment: Environment, path: str) -> tuple[str, str | None]:
    """The part of a path up to the API, and the rest; no rest when tenant or environment are not ours."""
    before, found, rest = path.partition("/api/")
    version, *scope = before.split("/")
    names = [environment.tenant.lower(), environment.name.lower()]
    if version != "v2.0" or not found:
        raise errors.unknown_segment(version)
    if [name.lower() for name in scope] not in (names, names[1:]):
        return "", None
    api, _, inner = rest.partition("/")
    if api.lower() != "v2.0":
        raise errors.unknown_segment(api)
    return f"{before}/api/{api}", inner.strip("/")


def _request(http: HttpRequest, base: str, path: str, content: bytes) -> Request:
    query = http.scope["query_string"].decode("latin-1")
    if len(query) > MAX_QUERY_LENGTH:
        raise errors.url_too_long()
    try:
        body = json_text.loads(content) if content else None
    except ValueError as error:
        raise errors.bad_request("The request body is not valid JSON.") from error
    root = f"{http.url.scheme}://{http.url.netloc}{http.scope.get('root_path', '')}/{base}"
    return Request(http.method, path, query, root, dict(http.headers), body)


def _http(response: Response, ids: Mapping[str, str]) -> HttpResponse:
    headers = {"OData-Version": "4.0", **ids, **response.headers}
    if response.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if response.body is None:
        return HttpResponse(status_code=response.status, headers=headers)
    text = response.body if isinstance(response.body, str) else json_text.dumps(response.body)
    headers.setdefault("Content-Type", _JSON)
    return HttpResponse(text, response.status, headers)
