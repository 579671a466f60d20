"""What stands at the root of every API beside its sets, by the name of the first segment.

    ""   $metadata   entityDefinitions   subscriptions

A segment may carry a key, `name('key')`, and more segments: a handler reads `Request.path` itself.

Source: Business Central, "API endpoint structure".
"""

from collections.abc import Callable
from typing import Final

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.definitions import entity_definitions
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.metadata import metadata
from gateway.sandbox.business_central.subscribing import answer_subscriptions

Handler = Callable[[Environment, Request], Response]


def service_document(environment: Environment, request: Request) -> Response:
    """The names of all sets of an API."""
    if request.method != "GET":
        raise errors.method_not_allowed()
    sets = environment.store.model.sets.values()
    names = [entity_set.public_name for entity_set in sets if request.api.has(entity_set)]
    value = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return Response(200, {"@odata.context": f"{request.root}/$metadata", "value": value})


HANDLERS: Final[dict[str, Handler]] = {
    "": service_document,
    "$metadata": metadata,
    "entitydefinitions": entity_definitions,
    "subscriptions": answer_subscriptions,
}
"""By segment, in lower case and without a key."""


def root_handler(path: str) -> Handler | None:
    """What answers a path below an API, unless it names a set."""
    first = path.strip("/").partition("/")[0]
    name = first.partition("(")[0].lower()
    return HANDLERS.get(name) if name or not first else None
