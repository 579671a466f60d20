"""The limits of both services, over HTTP."""

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.switches.switch import InvalidRequestError, Switch, json_object, known_backend, only
from gateway.sandbox.throttling import BusinessCentralLimits, DataverseLimits, Throttles

_MOST = 1_000_000_000
_EXAMPLE = '{"enabled": true, "requests": 100}'

Limits = BusinessCentralLimits | DataverseLimits


def throttling_switch(throttles: Throttles) -> Switch:
    """`GET` and `PUT` of /throttling; `DELETE` forgets what callers have spent."""
    limits: dict[str, Limits] = {
        "business-central": throttles.business_central.limits,
        "dataverse": throttles.dataverse.limits,
    }

    async def show(_: Request) -> Response:
        return JSONResponse({name: asdict(one) for name, one in limits.items()})

    async def change(request: Request) -> Response:
        wanted = await json_object(request, example=f'{{"dataverse": {_EXAMPLE}}}')
        changes = [(limits[known_backend(name)], _checked(name, limits[name], wanted[name])) for name in wanted]
        for one, values in changes:
            for field, value in values.items():
                setattr(one, field, value)
        return await show(request)

    async def forget(_: Request) -> Response:
        throttles.business_central.forget()
        throttles.dataverse.forget()
        return Response(status_code=204)

    return Switch(
        "throttling",
        "GET or PUT /throttling: what one caller may do, per backend; DELETE forgets what callers did",
        [
            Route("/throttling", show, methods=["GET"]),
            Route("/throttling", change, methods=["PUT"]),
            Route("/throttling", forget, methods=["DELETE"]),
        ],
    )


def _checked(backend: str, limits: Limits, wanted: Any) -> dict[str, Any]:
    if not isinstance(wanted, dict):
        raise InvalidRequestError(f"The limits of {backend} must be an object such as {_EXAMPLE}.")
    known = asdict(limits)
    only(wanted, *known)
    for name, value in wanted.items():
        _check(f"{name} of {backend}", known[name], value)
    return wanted


def _check(name: str, known: object, value: object) -> None:
    """A limit keeps its kind: on or off, a count, or seconds."""
    if isinstance(known, bool):
        if not isinstance(value, bool):
            raise InvalidRequestError(f"{name} must be true or false.")
        return
    is_seconds = name.partition(" ")[0].endswith("_seconds")
    is_number = isinstance(value, int | float if is_seconds else int) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _MOST:  # type: ignore[operator]
        raise InvalidRequestError(f"{name} must be a {'' if is_seconds else 'whole '}number from 0 to {_MOST}.")
