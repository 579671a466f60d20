"""Which APIs besides the standard one Business Central has, over HTTP."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.business_central.apis import Features
from gateway.sandbox.switches.switch import InvalidRequestError, Switch, json_object, only


def features_switch(features: Features) -> Switch:
    """`GET` and `PUT` of /features."""

    async def show(_: Request) -> Response:
        return JSONResponse(asdict(features))

    async def change(request: Request) -> Response:
        wanted = await json_object(request, example='{"custom_pages": false}')
        only(wanted, *asdict(features))
        for name, value in wanted.items():
            if not isinstance(value, bool):
                raise InvalidRequestError(f"{name} must be true or false.")
        for name, value in wanted.items():
            setattr(features, name, value)
        return await show(request)

    return Switch(
        "features",
        "GET or PUT /features: which further APIs Business Central has installed",
        [Route("/features", show, methods=["GET"]), Route("/features", change, methods=["PUT"])],
    )
