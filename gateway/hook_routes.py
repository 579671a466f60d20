"""Where the two systems tell us of changes: `/hooks/business-central/{id}` and `/hooks/dataverse/{id}`.

The answer is given as soon as what was told is saved. Business Central deletes a subscription at once whose receiver answers
anything but 2xx, 408, 429 or 5xx: so what is not ours is refused for good, and what cannot be saved now is 503.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central"; Dataverse, "Use webhooks".
"""

from collections.abc import Awaitable
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.errors import DatabaseError, InvalidInputError, UnauthenticatedError
from gateway.records import Backend
from gateway.triggers.hook_messages import MOST_BYTES
from gateway.triggers.hook_reception import Reception
from gateway.triggers.hooks import PATHS
from gateway.triggers.hooks_dataverse import HEADER

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
    if token is not None:
        return await _handshake(_reception(request), id, token)
    if request.method != "POST":
        return Response(status_code=405, headers={"Allow": "POST"})
    body = await _body(request)
    return (
        Response(status_code=413) if body is None else await _answered(_reception(request).business_central(id, body))
    )


async def _handshake(reception: Reception, id: UUID, token: str) -> Response:
    """The token goes back to whom we asked to be told by, and to nobody else."""
    try:
        if len(token) > _LONGEST_TOKEN or not await reception.is_ours(Backend.BUSINESS_CENTRAL, id):
            return Response(status_code=404)
    except DatabaseError:
        return Response(status_code=503)
    return PlainTextResponse(token, headers={"X-Content-Type-Options": "nosniff"})


async def _dataverse(request: Request) -> Response:
    id: UUID = request.path_params["id"]
    body = await _body(request)
    if body is None:
        return Response(status_code=413)
    return await _answered(_reception(request).dataverse(id, request.headers.get(HEADER, ""), body))


async def _answered(taken: Awaitable[bool]) -> Response:
    """The answers say nothing of what was wrong: whoever registered knows, and nobody else has to."""
    try:
        return Response(status_code=204 if await taken else 404)
    except InvalidInputError:
        return Response(status_code=400)
    except UnauthenticatedError:
        return Response(status_code=401)
    except DatabaseError:
        return Response(status_code=503)


async def _body(request: Request) -> bytes | None:
    """None: longer than anything they send; no more of it was read."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MOST_BYTES:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _reception(request: Request) -> Reception:
    """The application has started: before, nobody serves its requests."""
    reception: Reception = request.app.state.running.services.hooks.reception
    return reception
