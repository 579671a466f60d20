"""The sandbox's own switches over HTTP: the request log and the latency of the simulators.

Whoever can reach these endpoints may use them: they ask for no token, because there is nothing behind them but a
simulation. They belong to the local sandbox and the demo; `gateway serve` never mounts them.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.observation import BACKENDS, Latency, ObservedRequest, RequestLog

_USUAL_LIMIT = 100
_LONGEST_DELAY_MILLISECONDS = 60_000


class _InvalidRequestError(ValueError):
    """Its message is the sentence the caller gets."""


def admin_app(log: RequestLog, latency: Latency) -> Starlette:
    """Serves the switches of one sandbox; mounted at /sandbox/admin."""
    switches = _Switches(log, latency)
    return Starlette(
        routes=[
            Route("/", switches.index),
            Route("/requests", switches.list_requests, methods=["GET"]),
            Route("/requests", switches.clear_requests, methods=["DELETE"]),
            Route("/latency", switches.show_latency, methods=["GET"]),
            Route("/latency", switches.set_latency, methods=["PUT"]),
        ],
        exception_handlers={_InvalidRequestError: _refused},
    )


class _Switches:
    def __init__(self, log: RequestLog, latency: Latency) -> None:
        self._log = log
        self._latency = latency

    async def index(self, _: Request) -> Response:
        return JSONResponse(
            {
                "requests": "GET or DELETE /requests?backend=&limit=: what the simulators were asked",
                "latency": "GET or PUT /latency: milliseconds each simulator waits before it answers",
                "backends": list(BACKENDS),
            }
        )

    async def list_requests(self, request: Request) -> Response:
        backend, limit = _backend(request), _limit(request)
        shown = BACKENDS if backend is None else (backend,)
        return JSONResponse(
            {
                "backends": {name: asdict(self._log.load(name)) for name in shown},
                "requests": [_row(one) for one in self._log.requests(backend=backend, limit=limit)],
            }
        )

    async def clear_requests(self, request: Request) -> Response:
        self._log.clear(backend=_backend(request))
        return Response(status_code=204)

    async def show_latency(self, _: Request) -> Response:
        return JSONResponse(self._latency.milliseconds)

    async def set_latency(self, request: Request) -> Response:
        self._latency.milliseconds.update(_delays(await request.body()))
        return JSONResponse(self._latency.milliseconds)


async def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _row(request: ObservedRequest) -> dict[str, object]:
    return asdict(request) | {"time": request.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def _backend(request: Request) -> str | None:
    name = request.query_params.get("backend")
    if name is not None and name not in BACKENDS:
        raise _InvalidRequestError(f"There is no backend {name!r}; there are {' and '.join(BACKENDS)}.")
    return name


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_USUAL_LIMIT))
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise _InvalidRequestError(f"limit must be a whole number of requests, not {text!r}.")
    return int(text)


def _delays(body: bytes) -> Mapping[str, float]:
    try:
        wanted = json.loads(body)
    except ValueError as error:
        raise _InvalidRequestError("The body must be JSON.") from error
    if not isinstance(wanted, dict):
        raise _InvalidRequestError('The body must be an object such as {"dataverse": 40}.')
    for name, delay in wanted.items():
        if name not in BACKENDS:
            raise _InvalidRequestError(f"There is no backend {name!r}; there are {' and '.join(BACKENDS)}.")
        if not _is_delay(delay):
            raise _InvalidRequestError(
                f"The latency of {name} must be a number of milliseconds from 0 to {_LONGEST_DELAY_MILLISECONDS}."
            )
    return wanted


def _is_delay(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return 0 <= value <= _LONGEST_DELAY_MILLISECONDS
