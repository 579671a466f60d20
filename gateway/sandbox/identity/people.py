"""Who exists in the demo tenant: four people, the applications they sign in with, and the roles they hold.

Every value here is a public demo value: the object ids are fixed so that the demo company can give the same people
rows in Dataverse, and the passwords are printed in the documentation. Nothing here opens anything but the sandbox.

Source: Microsoft Entra ID, Add app roles to your application and receive them in the token.
"""

from dataclasses import dataclass
from typing import Final

TENANT_ID: Final = "6b1f8a52-3c0e-4d7b-9a64-0f2d5e7c9b13"

GATEWAY_CLIENT_ID: Final = "c2d94e06-71ab-4f58-8e3d-5a9017b6f4c8"
"""The gateway as a confidential client: it has a secret, app roles, and the right to act on behalf of a person."""

GRAPHIQL_CLIENT_ID: Final = "e87a3b15-9f42-4c6d-a0b8-3d61c5f2097e"
"""The demo page and the command line as a public client: no secret, only people sign in through it."""

GATEWAY_RESOURCE: Final = "api://dynamics-gateway"
"""The gateway's own API as a resource: what a caller's token is for."""

INTEGRATION_ADMINISTRATOR: Final = "Gateway.IntegrationAdministrator"
INTEGRATION_USER: Final = "Gateway.IntegrationUser"
PRODUCT_AVAILABILITY_USER: Final = "Gateway.ProductAvailabilityUser"


@dataclass(frozen=True)
class Person:
    """A demo user. `name` is the short word used on the command line, `user_name` the one used to sign in."""

    name: str
    object_id: str
    display_name: str
    user_name: str
    password: str
    roles: tuple[str, ...]


ADMIN: Final = Person(
    "admin",
    "1d0c6f3a-58e2-4b97-8f01-a4c3e96b2d70",
    "Ada Verhoeven",
    "admin@wheelhouse.example",
    "demo-admin",
    (INTEGRATION_ADMINISTRATOR,),
)
SALES: Final = Person(
    "sales",
    "2e7b9d41-06af-4c38-b5d2-7f80e1c4a693",
    "Jonas Okafor",
    "sales@wheelhouse.example",
    "demo-sales",
    (INTEGRATION_USER,),
)
WIDGET: Final = Person(
    "widget",
    "3fa8c052-b96d-4e17-92c4-d05b3a7e81f6",
    "Wilma Lindqvist",
    "widget@wheelhouse.example",
    "demo-widget",
    (PRODUCT_AVAILABILITY_USER,),
)
NOBODY: Final = Person(
    "nobody",
    "40b5e7d9-2c13-4a86-a7fe-8691d2f03cb5",
    "Noel Brandt",
    "nobody@wheelhouse.example",
    "demo-nobody",
    (),
)
DEMO_PEOPLE: Final = (ADMIN, SALES, WIDGET, NOBODY)
