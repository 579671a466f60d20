"""Who may do what in Dataverse: the roles of the demo company, and who holds them.

The roles of the integration hold what its documentation lists, as far as the tables are there. A salesperson reads the
customers, deals and orders of the own business unit and writes the own ones.

Source: Business Central, Integrating with Dynamics 365 Sales: security roles and their minimum privileges; Dataverse,
Security roles and privileges.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from gateway.sandbox.company.crm_columns import set_up
from gateway.sandbox.company.crm_setup import unit_team_id
from gateway.sandbox.company.identifiers import (
    DEFAULT_TEAM_ID,
    ORGANIZATION_ID,
    ROOT_UNIT_ID,
    crm_id,
)
from gateway.sandbox.company.rows import Row, Sets
from gateway.sandbox.company.staff import ADMIN, APPLICATION_USER_ID, NOBODY, USERS, WIDGET, User
from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.dataverse.privileges import Depth
from gateway.sandbox.dataverse.security_rows import Role, everything, grants, pair_id, privilege_rows

SYSTEM_ADMINISTRATOR_TEMPLATE: Final = "627090ff-40a3-4053-8790-584edc5be201"
INTEGRATION: Final = "a2b18661-9ff5-e911-a812-000d3a0b9028"
INTEGRATION_ADMINISTRATOR: Final = "8c8d4f51-a72b-e511-80d9-3863bb349780"
INTEGRATION_USER: Final = "6f960e32-a72b-e511-80d9-3863bb349780"
PRODUCT_AVAILABILITY_USER: Final = crm_id("role", "Product Availability User")
SYSTEM_ADMINISTRATOR: Final = crm_id("role", "System Administrator")
SALESPERSON: Final = crm_id("role", "Salesperson")
DELEGATE: Final = crm_id("role", "Delegate")

_EVERYBODY: Final = {"organization": "R"}
_ADMINISTERED: Final = {
    **_EVERYBODY,
    "nav_accountstatistics": "R",
    "nav_connection": "C R W D",
    "pluginassembly": "R",
    "plugintype": "R",
    "sdkmessage": "R",
    "sdkmessageprocessingstep": "R",
}
_SYNCHRONIZED: Final = {
    "organization": "R W",
    "nav_accountstatistics": "C R W AT",
    "nav_connection": "R",
    "sdkmessage": "R",
    "sdkmessageprocessingstep": "R",
    "account": "C R W A AT As",
    "contact": "C R W A AT",
    "opportunity": "C R W A AT",
    "annotation": "C R W D A As",
    "invoice": "C R W A AT",
    "salesorder": "R W A AT As",
    "quote": "R",
    "product": "C R W A AT",
    "transactioncurrency": "C R W",
    "systemuser": "C R W A AT",
    "role": "R",
}
_AVAILABILITY: Final = {
    **_EVERYBODY,
    "nav_accountstatistics": "C R W AT",
    "nav_connection": "R",
    "product": "R",
    "pricelevel": "R",
    "productpricelevel": "R",
    "transactioncurrency": "R",
    "uom": "R",
    "uomschedule": "R",
}
_OWN: Final = {
    "account": "C W A AT As S",
    "contact": "C W D A AT As S",
    "opportunity": "C W D A AT As S",
    "salesorder": "C W A AT As S",
}
_SHARED_IN_THE_UNIT: Final = dict.fromkeys(_OWN, "R")
_CATALOGUE: Final = {
    **_EVERYBODY,
    **dict.fromkeys(("product", "pricelevel", "transactioncurrency", "uom", "bcbi_company"), "R AT"),
    **dict.fromkeys(("productpricelevel", "uomschedule", "systemuser", "team", "businessunit"), "R"),
}


@cache
def roles() -> tuple[Role, ...]:
    """All in the root business unit."""
    model = dataverse_model()
    salesperson = {
        **grants(model, _OWN, Depth.BASIC),
        **grants(model, _SHARED_IN_THE_UNIT, Depth.LOCAL),
        **grants(model, _CATALOGUE, Depth.GLOBAL),
    }
    administered = grants(model, _ADMINISTERED, Depth.GLOBAL)
    synchronized = grants(model, _SYNCHRONIZED, Depth.GLOBAL, act_on_behalf=True)
    available = grants(model, _AVAILABILITY, Depth.GLOBAL)
    prefix = "Dynamics 365 Business Central"
    return (
        Role(
            SYSTEM_ADMINISTRATOR,
            "System Administrator",
            ROOT_UNIT_ID,
            everything(model),
            template_id=SYSTEM_ADMINISTRATOR_TEMPLATE,
        ),
        Role(SALESPERSON, "Salesperson", ROOT_UNIT_ID, salesperson),
        Role(DELEGATE, "Delegate", ROOT_UNIT_ID, grants(model, _EVERYBODY, Depth.GLOBAL, act_on_behalf=True)),
        Role(INTEGRATION, "Business Central Dataverse Integration", ROOT_UNIT_ID, everything(model)),
        Role(INTEGRATION_ADMINISTRATOR, f"{prefix} Integration Administrator", ROOT_UNIT_ID, administered),
        Role(INTEGRATION_USER, f"{prefix} Integration User", ROOT_UNIT_ID, synchronized),
        Role(PRODUCT_AVAILABILITY_USER, f"{prefix} Product Availability User", ROOT_UNIT_ID, available),
    )


def security_sets() -> Sets:
    yield "privileges", privilege_rows(dataverse_model())
    yield "roles", ({**role.row(), "organizationid": ORGANIZATION_ID, **set_up()} for role in roles())
    yield "roleprivilegescollection", (row for role in roles() for row in role.privilege_rows())
    yield "systemuserrolescollection", _assignments()
    yield "teamrolescollection", iter([_pair("teamroleid", teamid=DEFAULT_TEAM_ID, roleid=INTEGRATION)])
    yield "teammemberships", _memberships()


def roles_of(user: User) -> tuple[str, ...]:
    """The roles of a person: selling is what everybody does who has no other job."""
    if user.id == NOBODY.id:
        return ()
    if user.id == ADMIN.id:
        return (SYSTEM_ADMINISTRATOR, INTEGRATION_ADMINISTRATOR)
    return (PRODUCT_AVAILABILITY_USER,) if user.id == WIDGET.id else (SALESPERSON,)


def _assignments() -> Iterator[Row]:
    for role in (INTEGRATION, INTEGRATION_ADMINISTRATOR, INTEGRATION_USER, DELEGATE):
        yield _pair("systemuserroleid", systemuserid=APPLICATION_USER_ID, roleid=role)
    for user in USERS:
        for role in roles_of(user):
            yield _pair("systemuserroleid", systemuserid=user.id, roleid=role)


def _memberships() -> Iterator[Row]:
    """Everybody is in the default team of the business unit; the team that owns synchronized rows has no people."""
    yield _pair("teammembershipid", teamid=DEFAULT_TEAM_ID, systemuserid=APPLICATION_USER_ID)
    for user in USERS:
        yield _pair("teammembershipid", teamid=unit_team_id(user.unit_id), systemuserid=user.id)


def _pair(key: str, **ids: str) -> Row:
    return {key: pair_id(*ids.values()), **ids}
