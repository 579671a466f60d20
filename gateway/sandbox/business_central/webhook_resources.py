"""What a subscription watches: one set of one company, as the text `api/v2.0/companies({id})/customers`.

The text may begin with a solidus, or be a whole address. It must name the API the subscription is made at, because that
is where its rows can be read.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central".
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.apis import APIS, Api
from gateway.sandbox.business_central.views import WEBHOOK_RESOURCES
from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

_TEXT: Final = re.compile(
    r"(?:https?://[^?#]*?/|/)?api/(?P<route>[^()?#]+)/companies\((?P<company>[0-9a-f-]{36})\)/(?P<name>\w+)",
    re.IGNORECASE,
)
_SUPPORTED: Final = {resource.lower(): resource for resource in WEBHOOK_RESOURCES}


@dataclass(frozen=True, slots=True)
class Resource:
    """A set of a company; `name` is the set's name in addresses."""

    api: Api
    company_id: str
    name: str

    def __str__(self) -> str:
        return f"api/{self.api.route}/companies({self.company_id})/{self.name}"

    def table(self, model: Model) -> str | None:
        """The set's name in the store, or None for one that this service has no rows of."""
        for entity_set in model.sets.values():
            if entity_set.public_name == self.name and self.api.has(entity_set):
                return entity_set.name
        return None


def read_resource(text: str) -> Resource | None:
    """What a text names, if webhooks can be had for it."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        return None
    supported = _SUPPORTED.get(f"{match['route']}/{match['name']}".lower())
    if supported is None:
        return None
    route, _, name = supported.rpartition("/")
    return Resource(next(api for api in APIS if api.route == route), match["company"].lower(), name)


def checked_resource(text: str, api: Api, store: Store) -> Resource:
    """What a new subscription is to watch.

    Raises:
        RefusedError: 400, no set that webhooks can be had for, or one of another API; 404, an unknown company.
    """
    resource = read_resource(text)
    if resource is None or resource.api != api:
        raise errors.bad_request(f"The resource '{text}' does not support webhook subscriptions.")
    if store.get("companies", resource.company_id) is None:
        raise errors.unknown_company()
    return resource
