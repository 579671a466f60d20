"""One operation of the Web API: what it may touch, and the answer it gives.

Operations know nothing of sockets, so that a batch can run many of them within one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.sandbox.dataverse.conditions import Viewpoint
from gateway.sandbox.dataverse.delta_token import ChangeTracking
from gateway.sandbox.dataverse.preferences import Preferences
from gateway.sandbox.dataverse.rights import Rights
from gateway.sandbox.model import EntitySet, Model
from gateway.sandbox.store import Row, Store

JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True)
class Request:
    """An operation as it was sent. `path` is decoded and relative to the service root, `query` is not decoded."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Operation:
    """A request with its surroundings. `root` is the address of the service, with a slash at the end.

    `user` is who acts, `caller` who sent the request: another one where somebody acts on behalf of the user. Everything
    in `rights` must allow what is done. `written` maps Content-IDs of earlier requests in the same change set to the
    rows they wrote, as `accounts(guid)`.
    """

    request: Request
    store: Store
    root: str
    viewpoint: Viewpoint
    user: Row
    caller: Row
    rights: tuple[Rights, ...]
    preferences: Preferences
    written: Mapping[str, str] = field(default_factory=dict)
    tracking: ChangeTracking = field(default_factory=ChangeTracking)

    @property
    def model(self) -> Model:
        return self.store.model

    @property
    def moment(self) -> str:
        """The time of the operation as Dataverse writes it: UTC, no fraction of a second."""
        return f"{self.viewpoint.now:%Y-%m-%dT%H:%M:%SZ}"

    def header(self, name: str) -> str | None:
        return self.request.headers.get(name)

    def link(self, entity_set: EntitySet, key: object) -> str:
        return f"{self.root}{entity_set.name}({key})"


@dataclass(frozen=True)
class Answer:
    """`body` is written as JSON; a text is written as it is. `written` is the row a write leaves, as `accounts(guid)`."""

    status: int
    body: Mapping[str, object] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    written: str | None = None


def etag(row: Row) -> str:
    """The version of a row, its `versionnumber`, as an entity tag.

    Source: Dataverse, Perform conditional operations using the Web API.
    """
    return f'W/"{row["versionnumber"]}"'
