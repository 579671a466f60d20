"""Answers to requests: body, media type and status of what was carried out, and of what was refused before.

Under ``application/json`` a request that could be read is answered with 200, whatever became of it; under
``application/graphql-response+json`` the status says whether anything was carried out.

Source: GraphQL over HTTP, "Status Codes".
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.types import ExecutionResult

from gateway.bodies import declared_length
from gateway.errors import (
    BackendError,
    DatabaseError,
    ForbiddenError,
    GatewayError,
    IdentityUnavailableError,
    InternalError,
    InvalidInputError,
    MethodNotAllowedError,
    NotAcceptableError,
    QueryNotTrustedError,
    RateLimitedError,
    RequestTooLargeError,
    RequestTooSlowError,
    TooManyConnectionsError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from gateway.media_types import JSON

_STATUS: Mapping[type[GatewayError], int] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    QueryNotTrustedError: 403,
    MethodNotAllowedError: 405,
    NotAcceptableError: 406,
    RequestTooSlowError: 408,
    RequestTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    TooManyConnectionsError: 429,
    RateLimitedError: 429,
    IdentityUnavailableError: 503,
    DatabaseError: 503,
    BackendError: 503,
    InternalError: 500,
}
"""Of what is refused before there is anything to carry out; 400 of what stands here under no name."""


def status_of(error: BaseException | None) -> int:
    """The status of a refusal."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 400)


def encoded(value: object) -> str:
    """JSON on one line, in ASCII: what backends send may hold half a character, which no encoding can write."""
    return json.dumps(value, separators=(",", ":"))


def shown(result: ExecutionResult) -> dict[str, Any]:
    """An answer; without data when nothing was carried out."""
    data = {} if _is_refused(result) else {"data": result.data}
    errors = {"errors": [each.formatted for each in result.errors]} if result.errors else {}
    return data | errors | ({"extensions": result.extensions} if result.extensions else {})


def _is_refused(result: ExecutionResult) -> bool:
    """What a field fails with has a path, whatever becomes of the data around it."""
    return result.data is None and bool(result.errors) and all(each.path is None for each in result.errors or ())


def reply(result: ExecutionResult, media_type: str) -> Response:
    """To one operation."""
    refused = _is_refused(result) and media_type != JSON
    return _response(shown(result), media_type, _worst(result.errors or ()) if refused else 200)


def _worst(errors: Sequence[GraphQLError]) -> int:
    return max(500 if _is_masked(each) else status_of(each.original_error) for each in errors)


def _is_masked(error: GraphQLError) -> bool:
    return (error.extensions or {}).get("code") == InternalError.code


def reply_to_batch(results: Sequence[ExecutionResult], media_type: str) -> Response:
    """To each operation in the order they came in; each tells for itself what became of it."""
    return _response([shown(each) for each in results], media_type, 200)


def refusal(error: GatewayError, request: Request, media_type: str) -> Response:
    """To a request of which nothing was carried out."""
    body = {"errors": [{"message": error.message, "extensions": error.extensions}]}
    return _response(body, media_type, status_of(error), _headers(request, error))


def _response(body: object, media_type: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    content_type = {"Content-Type": f"{media_type}; charset=utf-8"}
    return Response(encoded(body), status, {**content_type, **(headers or {})})


def _headers(request: Request, error: GatewayError) -> dict[str, str]:
    """Where nobody knows when the body ends, the connection ends; where that was told, uvicorn throws the rest away."""
    match error:
        case UnauthenticatedError():
            return {"WWW-Authenticate": "Bearer"}
        case MethodNotAllowedError():
            return {"Allow": ", ".join(error.allowed)}
        case UnsupportedMediaTypeError():
            return {"Accept-Post": JSON}
    endless = isinstance(error, RequestTooLargeError) and declared_length(request) is None
    close = {"Connection": "close"} if endless or isinstance(error, RequestTooSlowError) else {}
    after = error.extensions.get("retryAfter")
    return close | ({"Retry-After": str(math.ceil(after))} if isinstance(after, int | float) else {})
