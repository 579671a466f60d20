"""What the simulators sent to webhooks, and how long Business Central merges changes, over HTTP."""

from dataclasses import asdict, replace
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.outgoing import Outgoing
from gateway.sandbox.switches.asking import backend_asked, limit_asked, utc_text
from gateway.sandbox.switches.switch import InvalidRequestError, Switch, json_object, only
from gateway.sandbox.webhooks.delivery import Delivery

_LONGEST_MERGE_SECONDS = 3600
_FIELD = "merge_seconds"


def webhooks_switch(outgoing: Outgoing) -> Switch:
    """`GET`, `PUT` and `DELETE` of /webhooks."""

    async def show(request: Request) -> Response:
        deliveries = outgoing.deliveries.rows(backend=backend_asked(request), limit=limit_asked(request))
        merged = outgoing.notifications.timing.window.total_seconds()
        return JSONResponse({_FIELD: merged, "deliveries": [_row(one) for one in deliveries]})

    async def change(request: Request) -> Response:
        wanted = await json_object(request, example=f'{{"{_FIELD}": 1}}')
        only(wanted, _FIELD)
        if _FIELD in wanted:
            window = timedelta(seconds=_seconds(wanted[_FIELD]))
            outgoing.notifications.timing = replace(outgoing.notifications.timing, window=window)
        return await show(request)

    async def clear(_: Request) -> Response:
        outgoing.deliveries.clear()
        return Response(status_code=204)

    return Switch(
        "webhooks",
        "GET or DELETE /webhooks?backend=&limit=: what was sent; PUT how long Business Central merges changes",
        [
            Route("/webhooks", show, methods=["GET"]),
            Route("/webhooks", change, methods=["PUT"]),
            Route("/webhooks", clear, methods=["DELETE"]),
        ],
    )


def _row(delivery: Delivery) -> dict[str, object]:
    return asdict(delivery) | {"time": utc_text(delivery.time)}


def _seconds(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _LONGEST_MERGE_SECONDS:  # type: ignore[operator]
        raise InvalidRequestError(f"{_FIELD} must be a number from 0 to {_LONGEST_MERGE_SECONDS}.")
    return float(value)  # type: ignore[arg-type]
