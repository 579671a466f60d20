"""Things that expire at once instead of in an hour or a week: tokens and delta links."""

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.identity.tokens import Identity
from gateway.sandbox.store import Store
from gateway.sandbox.switches.switch import Switch


def tokens_switch(identity: Identity) -> Switch:
    """`POST /tokens/expire`."""

    async def expire(_: Request) -> Response:
        identity.expire_tokens()
        return Response(status_code=204)

    return Switch(
        "tokens",
        "POST /tokens/expire: every token issued up to now is refused",
        [Route("/tokens/expire", expire, methods=["POST"])],
    )


def delta_links_switch(dataverse: Store) -> Switch:
    """`POST /delta-links/expire`."""

    async def expire(_: Request) -> Response:
        await to_thread.run_sync(dataverse.forget_changes)
        return Response(status_code=204)

    return Switch(
        "delta-links",
        "POST /delta-links/expire: every delta link of Dataverse given out up to now is too old",
        [Route("/delta-links/expire", expire, methods=["POST"])],
    )
