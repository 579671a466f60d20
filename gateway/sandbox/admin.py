"""The sandbox's own switches over HTTP, listed on one page: the request log, latency, faults and others.

Whoever can reach these endpoints may use them: they ask for no token, because there is nothing behind them but a
simulation. They belong to the local sandbox and the demo; `gateway serve` never mounts them.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.observation import BACKENDS, Latency, RequestLog
from gateway.sandbox.switches.requests import latency_switch, requests_switch
from gateway.sandbox.switches.switch import InvalidRequestError, Switch


def admin_app(log: RequestLog, latency: Latency, *further: Switch) -> Starlette:
    """Serves the switches of one sandbox; mounted at /sandbox/admin."""
    switches = [requests_switch(log), latency_switch(latency), *further]
    index = {switch.name: switch.does for switch in switches} | {"backends": list(BACKENDS)}

    async def show(_: Request) -> Response:
        return JSONResponse(index)

    return Starlette(
        routes=[Route("/", show), *(route for switch in switches for route in switch.routes)],
        exception_handlers={InvalidRequestError: _refused},
    )


async def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
