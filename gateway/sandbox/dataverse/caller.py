"""Who is writing at the moment, for what happens after the commit on the same thread: webhooks name the caller.

Writes of the platform itself, outside of any request, have no caller and raise no event.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID, uuid4

from gateway.sandbox.dataverse.operation import Operation

_CORRELATION = "x-ms-correlation-request-id"
_ORGANIZATION = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, the user it acts for (mostly the same), and the id that follows it everywhere.

    `organization` is the host name the request came to.
    """

    initiating_user_id: str
    user_id: str
    business_unit_id: str
    organization_id: str
    organization: str
    correlation_id: str


_CURRENT: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    return _CURRENT.get()


@contextmanager
def calling(operation: Operation) -> Iterator[None]:
    """Within, the caller is that of `operation`; one operation of a batch keeps the batch's correlation id."""
    token = _CURRENT.set(_caller(operation))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _caller(operation: Operation) -> Caller:
    outer = _CURRENT.get()
    return Caller(
        initiating_user_id=str(operation.caller["systemuserid"]),
        user_id=operation.viewpoint.user_id,
        business_unit_id=operation.viewpoint.business_unit_id,
        organization_id=str(operation.user.values.get("organizationid") or _ORGANIZATION),
        organization=operation.root.partition("://")[2].partition("/")[0],
        correlation_id=_guid(operation.header(_CORRELATION)) or (outer.correlation_id if outer else str(uuid4())),
    )


def _guid(text: str | None) -> str | None:
    try:
        return str(UUID(text or ""))
    except ValueError:
        return None
