"""The APIs of one environment: the standard one, two first-party ones and a custom one, each with sets of its own.

    /api/v2.0/…                                 the standard API
    /api/microsoft/analytics/v1.0/…             API queries for reports: read-only, without keys
    /api/microsoft/runtime/beta/…               what the platform tells about itself
    /api/wheelhouse/availability/v1.0/…         pages of an extension, which may be absent

A set says in the model which API it belongs to; sets marked `root`, such as `companies`, belong to all of them.

Source: Business Central, "API endpoint structure", "Developing a custom API".
"""

import re
from dataclasses import dataclass
from typing import Final

from gateway.sandbox.business_central import errors
from gateway.sandbox.model import EntitySet

_VERSION = re.compile(r"v\d+\.\d+|beta", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Api:
    """`route` is what stands between `/api/` and the company: a version, after publisher and group if it has them."""

    route: str

    def has(self, entity_set: EntitySet) -> bool:
        """Whether an address of this API may name a set."""
        if entity_set.internal:
            return False
        return bool(entity_set.extra.get("root")) or entity_set.extra.get("api", STANDARD.route) == self.route


STANDARD: Final = Api("v2.0")
ANALYTICS: Final = Api("microsoft/analytics/v1.0")
RUNTIME: Final = Api("microsoft/runtime/beta")
AVAILABILITY: Final = Api("wheelhouse/availability/v1.0")
APIS: Final = (STANDARD, ANALYTICS, RUNTIME, AVAILABILITY)


@dataclass(slots=True)
class Features:
    """Which APIs besides the standard one are installed. May be changed while the simulator runs."""

    custom_pages: bool = True
    analytics: bool = True

    def offer(self, api: Api) -> bool:
        return not ((api == AVAILABILITY and not self.custom_pages) or (api == ANALYTICS and not self.analytics))


def find_api(path: str, features: Features) -> tuple[Api, str, str]:
    """The API that a path behind `/api/` names, its route as written, and what is left of the path.

    Raises:
        RefusedError: there is no such API, or it is not installed.
    """
    segments = path.split("/")
    length = 1 if _VERSION.fullmatch(segments[0]) else 3
    route = "/".join(segments[:length])
    for api in APIS:
        if api.route == route.lower() and features.offer(api):
            return api, route, "/".join(segments[length:]).strip("/")
    raise errors.unknown_segment(segments[0])
