"""One request and its answer as plain values, the same for a call of its own and for an operation of a batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.sandbox.business_central.apis import STANDARD, Api, Features
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Store

Handshake = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Environment:
    """What a simulator answers from. `now` returns aware UTC; `new_id` returns lower-case GUIDs; `max_page` is in rows.

    `handshake` asks the owner of an address to answer with a token, and says whether that happened.
    """

    store: Store
    tenant: str
    name: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    max_page: int
    features: Features = field(default_factory=Features)
    handshake: Handshake = lambda url, token: False

    def moment(self) -> str:
        """Now, as rows keep it."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is decoded and relative to the API, `query` is as it came, `root` is the absolute URL of the API.

    Header names are lower case. `body` is parsed JSON, or None. `user_id` is the caller's object id.
    """

    method: str
    path: str
    query: str
    root: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    api: Api = STANDARD
    user_id: str = ZERO_GUID

    def prefers(self, preference: str) -> bool:
        return preference in self.preferences()

    def preferences(self) -> dict[str, str]:
        """The `Prefer` header: `{"odata.maxpagesize": "50", "return-no-content": ""}`."""
        parts = (part.strip().partition("=") for part in self.headers.get("prefer", "").replace(";", ",").split(","))
        return {name.strip().lower(): value.strip(' "') for name, _, value in parts if name}


@dataclass(frozen=True, slots=True)
class Response:
    """`body` is an object to be written as JSON, bare text, or None for an answer without content."""

    status: int
    body: Mapping[str, object] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
