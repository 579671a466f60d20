"""Subscriptions to webhooks of Business Central: listed, made, renewed, deleted.

The backend names them and calls their address while it answers, so making one cannot be guarded as other writes are: it is sent
once, and whoever does not know what became of it looks at the list.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central", "subscriptions resource type".
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import SecretStr

from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call
from gateway.errors import NotFoundError, ProtocolError
from gateway.odata.query import Query, literal
from gateway.odata.response import read_object
from gateway.odata.write import Request, if_match
from gateway.quiet import quietly
from gateway.records import Backend, Record

_SET = "subscriptions"
_API = "api/v2.0"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One as the backend has it; `url` is where it tells, `client_state` what it tells with it."""

    id: str
    etag: str
    expires_at: datetime
    url: str = field(repr=False)
    client_state: SecretStr


class Subscriptions:
    """Those of one environment. All methods raise BackendError; what is sent and read holds secrets, and no error does."""

    def __init__(self, client: BusinessCentralClient) -> None:
        self._client = client

    async def all(self, *, call: Call) -> list[Subscription]:
        """Everybody's, as far as we may see them."""
        return await quietly(self._all(call))

    async def _all(self, call: Call) -> list[Subscription]:
        return list(map(_subscription, await self._client.everything(_SET, Query(), call=call)))

    async def make(self, path: str, *, url: str, client_state: SecretStr, call: Call) -> Subscription:
        """One to a set, such as ``companies(…)/customers``. Not repeated: an error leaves open whether it was made."""
        request = Request("POST", _SET, body={"notificationUrl": url, "resource": f"/{_API}/{path}"})
        return await quietly(self._send(request, client_state, call, repeatable=False), client_state)

    async def renew(self, subscription: Subscription, *, call: Call) -> Subscription:
        """For another three days. Raises: NotFoundError: it is gone."""
        address = f"{_SET}({literal(subscription.id)})"
        request = Request("PATCH", address, if_match(subscription.etag), {"notificationUrl": subscription.url})
        secret = subscription.client_state
        return await quietly(self._send(request, secret, call), secret)

    async def delete(self, subscription: Subscription, *, call: Call) -> None:
        """One that is gone already is what was wanted."""
        request = Request("DELETE", f"{_SET}({literal(subscription.id)})", if_match(subscription.etag))
        try:
            await self._client.wire.send(request, call=call)
        except NotFoundError:
            return

    async def _send(self, request: Request, secret: SecretStr, call: Call, *, repeatable: bool = True) -> Subscription:
        vendor = self._client.vendor
        whole = replace(request, body={**(request.body or {}), "clientState": secret.get_secret_value()})
        response = await self._client.wire.send(whole, call=call, repeatable=repeatable)
        return _subscription(read_object(response.content, backend=vendor.backend, normalize=vendor.normalize))


def _subscription(record: Record) -> Subscription:
    values = record.values
    try:
        expires = datetime.fromisoformat(str(values["expirationDateTime"]))
        if expires.tzinfo is None or record.etag is None:
            raise ValueError
        return Subscription(
            id=str(values["subscriptionId"]),
            etag=record.etag,
            expires_at=expires,
            url=str(values["notificationUrl"]),
            client_state=SecretStr(str(values.get("clientState") or "")),
        )
    except (KeyError, ValueError) as error:
        raise ProtocolError(
            "Business Central sent a subscription that cannot be read.", backend=Backend.BUSINESS_CENTRAL
        ) from error
