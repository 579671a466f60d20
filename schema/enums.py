"""The gateway's own closed sets, as the schema shows them. Import them from here, so that they are shown only once."""

from collections.abc import Mapping as Descriptions
from enum import Enum
from typing import Any

import strawberry

from gateway.auth.caller import Role
from gateway.connection import CheckCode
from gateway.couplings.coupling import Mapping, Result


def _show(kind: type[Enum], description: str, members: Descriptions[Any, str], *, name: str | None = None) -> None:
    """Describe an enum of the gateway, which knows nothing of GraphQL, and each of its members."""
    shown: Any = strawberry.enum(kind, name=name, description=description)
    for value in shown.__strawberry_definition__.values:
        value.description = members[kind[value.name]]


_show(
    Mapping,
    "Which tables a coupling joins: a table of Business Central and its partner in CRM.",
    {
        Mapping.CUSTOMER: "Customer and account.",
        Mapping.CONTACT: "Contact and contact.",
        Mapping.ITEM: "Item and product.",
        Mapping.SALESPERSON: "Salesperson or purchaser, and user.",
        Mapping.CURRENCY: "Currency and transaction currency.",
        Mapping.UNIT_OF_MEASURE: "Unit of measure and unit group.",
        Mapping.OPPORTUNITY: "Opportunity and opportunity.",
    },
)
_show(
    Result,
    "How the last synchronization in one direction ended.",
    {Result.SUCCESS: "The record was written or was up to date.", Result.FAILURE: "It was not; see the error."},
    name="SynchronizationResult",
)
_show(
    Role,
    "What a caller may be.",
    {
        Role.INTEGRATION_ADMINISTRATOR: "Sets up and looks after the integration, and reads everything.",
        Role.INTEGRATION_USER: "Reads synchronized data, couples and synchronizes records.",
        Role.PRODUCT_AVAILABILITY_USER: "Asks what is in stock, nothing else.",
    },
)
_show(
    CheckCode,
    "What was checked.",
    {
        CheckCode.BUSINESS_CENTRAL_REACHABLE: "Business Central answers and accepts our token.",
        CheckCode.COMPANY_EXISTS: "The company is in the environment.",
        CheckCode.DATAVERSE_REACHABLE: "Dataverse answers and knows our application user.",
        CheckCode.USERS_READABLE: "We may read system users.",
        CheckCode.INTEGRATION_USER_ENABLED: "Our application user is enabled.",
    },
)

__all__ = ["CheckCode", "Mapping", "Result", "Role"]
