"""The request log and the latency of the simulators, over HTTP."""

import math
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.observation import BACKENDS, Latency, ObservedRequest, RequestLog
from gateway.sandbox.switches.asking import backend_asked, limit_asked, utc_text
from gateway.sandbox.switches.switch import InvalidRequestError, Switch, json_object, known_backend

_LONGEST_DELAY_MILLISECONDS = 60_000


def requests_switch(log: RequestLog) -> Switch:
    """`GET` and `DELETE` of /requests."""

    async def show(request: Request) -> Response:
        backend, limit = backend_asked(request), limit_asked(request)
        shown = BACKENDS if backend is None else (backend,)
        return JSONResponse(
            {
                "backends": {name: asdict(log.load(name)) for name in shown},
                "requests": [_row(one) for one in log.requests(backend=backend, limit=limit)],
            }
        )

    async def clear(request: Request) -> Response:
        log.clear(backend=backend_asked(request))
        return Response(status_code=204)

    return Switch(
        "requests",
        "GET or DELETE /requests?backend=&limit=: what the simulators were asked",
        [Route("/requests", show, methods=["GET"]), Route("/requests", clear, methods=["DELETE"])],
    )


def latency_switch(latency: Latency) -> Switch:
    """`GET` and `PUT` of /latency."""

    async def show(_: Request) -> Response:
        return JSONResponse(latency.milliseconds)

    async def change(request: Request) -> Response:
        latency.milliseconds.update(_delays(await json_object(request, example='{"dataverse": 40}')))
        return JSONResponse(latency.milliseconds)

    return Switch(
        "latency",
        "GET or PUT /latency: milliseconds each simulator waits before it answers",
        [Route("/latency", show, methods=["GET"]), Route("/latency", change, methods=["PUT"])],
    )


def _row(request: ObservedRequest) -> dict[str, object]:
    return asdict(request) | {"time": utc_text(request.time)}


def _delays(wanted: dict[str, object]) -> dict[str, float]:
    delays: dict[str, float] = {}
    for name, delay in wanted.items():
        known_backend(name)
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not _is_delay(delay):
            raise InvalidRequestError(
                f"The latency of {name} must be a number of milliseconds from 0 to {_LONGEST_DELAY_MILLISECONDS}."
            )
        delays[name] = delay
    return delays


def _is_delay(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= _LONGEST_DELAY_MILLISECONDS
