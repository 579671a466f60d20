"""The header that callers of the sandbox prove themselves with."""

from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import Person
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY, Application


def bearer(
    sandbox: Sandbox, resource: str = BUSINESS_CENTRAL_RESOURCE, *, subject: Application | Person = GATEWAY
) -> dict[str, str]:
    """What an application or a person sends to a resource."""
    return {"Authorization": f"Bearer {sandbox.identity.issue(subject, resource)}"}
