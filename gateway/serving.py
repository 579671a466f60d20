"""What requests need of the running application, and where they find it."""

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from gateway.auth.caller import Authenticator
from gateway.open_connections import OpenConnections
from gateway.origins import Origins
from gateway.streams import Streams
from schema.context import Services

BODY_SECONDS = 30.0
"""How long a body may take to arrive."""

KEEP_ALIVE_SECONDS = 15.0
"""How long an event stream may be silent: proxies cut off after 30 to 60."""


@dataclass(frozen=True, slots=True)
class Serving:
    """``max_batch`` is how many operations one request may hold; 0 and 1: no list of them."""

    services: Services
    authenticator: Authenticator
    streams: Streams
    max_body_bytes: int
    max_batch: int
    origins: Origins = field(default_factory=Origins)
    body_seconds: float = BODY_SECONDS
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    connections: OpenConnections = field(default_factory=OpenConnections)


def serving(connection: HTTPConnection) -> Serving:
    """What the running application put there."""
    found: Serving = connection.app.state.serving
    return found
