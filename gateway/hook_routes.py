"""Where the two systems tell us of changes: `/hooks/business-central/{id}` and `/hooks/dataverse/{id}`.

The answer is given as soon as what was told is saved. Business Central deletes a subscription at once whose receiver answers
anything but 2xx, 408, 429 or 5xx: so what is not ours is refused for good, and what cannot be saved now is 503. Who knocks is
looked up before anything of the body is read.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central"; Dataverse, "Use webhooks".
"""

from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.bodies import BodyLimits, declared_length, read_body
from gateway.errors import (
    DatabaseError,
    GatewayError,
    InvalidInputError,
    RequestTooLargeError,
    RequestTooSlowError,
    UnauthenticatedError,
)
from gateway.quiet import quietly
from gateway.records import Backend
from gateway.triggers.hook_messages import MOST_BYTES
from gateway.triggers.hook_reception import Reception
from gateway.triggers.hook_store import Registration
from gateway.triggers.hooks import PATHS
from gateway.triggers.hooks_dataverse import HEADER

LIMITS: Final = BodyLimits(MOST_BYTES, 10.0)

_LONGEST_TOKEN = 2_048


def hook_routes() -> list[BaseRoute]:
    """To be mounted at the root of an application whose state has what runs."""
    return [
        Route(PATHS[Backend.BUSINESS_CENTRAL] + "{id:uuid}", _business_central, methods=["GET", "POST"]),
        Route(PATHS[Backend.DATAVERSE] + "{id:uuid}", _dataverse, methods=["POST"]),
    ]


async def _business_central(request: Request) -> Response:
    id: UUID = request.path_params["id"]
    token = request.query_params.get("validationToken")
    try:
        if token is not None and len(token) > _LONGEST_TOKEN:
            return Response(status_code=404)
        if token is None and request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        registration = await _reception(request).registration(Backend.BUSINESS_CENTRAL, id)
        if registration is None:
            return Response(status_code=404)
        if token is not None:  # it goes back to whom we asked to be told by, and to nobody else
            return PlainTextResponse(token, headers={"X-Content-Type-Options": "nosniff"})
        await quietly(_notified(request, registration))
    except GatewayError as error:
        return _refused(request, error)
    return Response(status_code=204)


async def _notified(request: Request, registration: Registration) -> None:
    await _reception(request).business_central(registration, await read_body(request, LIMITS))


async def _dataverse(request: Request) -> Response:
    reception = _reception(request)
    try:
        registration = await reception.registration(Backend.DATAVERSE, request.path_params["id"])
        if registration is None:
            return Response(status_code=404)
        if not registration.knows(request.headers.get(HEADER, "")):
            return Response(status_code=401)
        await reception.dataverse(registration, await read_body(request, LIMITS))
    except GatewayError as error:
        return _refused(request, error)
    return Response(status_code=204)


_STATUS: dict[type[GatewayError], int] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    RequestTooSlowError: 408,
    RequestTooLargeError: 413,
    DatabaseError: 503,
}


def _refused(request: Request, error: GatewayError) -> Response:
    """The answers say nothing of what was wrong: whoever registered knows, and nobody else has to.

    Raises: the error, if nobody foresaw it.
    """
    status = _STATUS.get(type(error))
    if status is None:
        raise error
    endless = status == 413 and declared_length(request) is None
    return Response(status_code=status, headers={"Connection": "close"} if endless or status == 408 else None)


def _reception(request: Request) -> Reception:
    """The application has started: before, nobody serves its requests."""
    reception: Reception = request.app.state.running.services.hooks.reception
    return reception
