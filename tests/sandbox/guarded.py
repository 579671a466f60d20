"""A Dataverse environment in which nobody but `boss` may do anything until a test gives out roles.

It is a tree of business units (Root: North, with Port below it, and South) with one user in each, a team in South, and
an account and a contact for every owner.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from gateway.sandbox.dataverse.app import dataverse_app, dataverse_model
from gateway.sandbox.dataverse.privileges import Depth, privileges
from gateway.sandbox.dataverse.security_rows import Role, administration, grants, pair_id
from gateway.sandbox.store import Store

MODEL = dataverse_model()
PRIVILEGE_IDS = {privilege.name: privilege.id for privilege in privileges(MODEL)}


def guid(kind: str, name: str) -> str:
    return pair_id(kind, name)


UNITS = {"root": None, "north": "root", "port": "north", "south": "root"}
PEOPLE = {"rita": "root", "nora": "north", "piet": "port", "saul": "south", "boss": "root"}
OWNERS = ("rita", "nora", "piet", "saul", "crew")
CREW = guid("team", "crew")
CREW_UNIT = "south"
ROLE, CREW_ROLE = guid("role", "given"), guid("role", "crew")


def unit_of(owner: str) -> str:
    return CREW_UNIT if owner == "crew" else PEOPLE[owner]


def principal(name: str) -> str:
    return CREW if name == "crew" else guid("user", name)


def owned_by(owner: str) -> dict[str, object]:
    team = owner == "crew"
    return {
        "_ownerid_value": principal(owner),
        "_owninguser_value": None if team else principal(owner),
        "_owningteam_value": principal(owner) if team else None,
        "_owningbusinessunit_value": guid("unit", unit_of(owner)),
        "statecode": 0,
        "statuscode": 1,
    }


def account(owner: str, place: int = 0) -> str:
    return guid("account", f"{owner}{place}")


ONE_EACH = tuple((owner, 0) for owner in OWNERS)


def environment(owners: Iterable[tuple[str, int]] = ONE_EACH) -> Store:
    """An environment in which only `boss` may do anything, with one account, contact and deal for each owner."""
    store = Store(MODEL, None)
    store.seed(
        "businessunits",
        [
            {
                "businessunitid": guid("unit", name),
                "name": name,
                "_parentbusinessunitid_value": guid("unit", parent) if parent else None,
            }
            for name, parent in UNITS.items()
        ],
    )
    store.seed(
        "systemusers",
        [
            {
                "systemuserid": guid("user", name),
                "fullname": name,
                "isdisabled": False,
                "accessmode": 0,
                "azureactivedirectoryobjectid": guid("object", name),
                "_businessunitid_value": guid("unit", unit),
            }
            for name, unit in PEOPLE.items()
        ],
    )
    store.seed("teams", [{"teamid": CREW, "name": "crew", "_businessunitid_value": guid("unit", CREW_UNIT)}])
    for name, rows in administration(MODEL, business_unit_id=guid("unit", "root"), user_ids=[guid("user", "boss")]):
        store.seed(name, rows)
    pairs = list(owners)
    store.seed(
        "accounts",
        [
            {
                "accountid": account(owner, place),
                "name": f"{owner} {place}",
                "accountnumber": f"{owner}-{place}",
                "_primarycontactid_value": guid("contact", f"{owner}{place}"),
                **owned_by(owner),
            }
            for owner, place in pairs
        ],
    )
    store.seed(
        "contacts",
        [
            {
                "contactid": guid("contact", f"{owner}{place}"),
                "fullname": f"contact of {owner}",
                "_parentcustomerid_value": account("rita"),
                "_accountid_value": account("rita"),
                **owned_by(owner),
            }
            for owner, place in pairs
        ],
    )
    return store


def give(store: Store, role: Role, *, to: Iterable[str]) -> None:
    """A role with its privileges, for users and for the team."""
    store.seed("roles", [role.row()])
    store.seed("roleprivilegescollection", role.privilege_rows())
    for name in to:
        pair = {"roleid": role.id, "teamid" if name == "crew" else "systemuserid": principal(name)}
        table, key = ("teamroles", "teamroleid") if name == "crew" else ("systemuserroles", "systemuserroleid")
        store.seed(f"{table}collection", [{key: pair_id(role.id, principal(name)), **pair}])


def join(store: Store, name: str) -> None:
    pair = {"teamid": CREW, "systemuserid": principal(name)}
    store.seed("teammemberships", [{"teammembershipid": pair_id(*pair.values()), **pair}])


def allowed(tables: Mapping[str, str], depth: Depth, role_id: str = ROLE) -> Role:
    return Role(role_id, "given", guid("unit", "root"), grants(MODEL, tables, depth))


@asynccontextmanager
async def signed_in(store: Store, name: str) -> AsyncIterator[httpx.AsyncClient]:
    app = dataverse_app(
        store,
        verify=lambda token: {"oid": guid("object", token), "scp": "user_impersonation"},
        now=lambda: datetime(2026, 11, 16, 9, 30, tzinfo=UTC),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://crm.example/api/data/v9.2/",
        headers={"Authorization": f"Bearer {name}"},
    ) as client:
        yield client


async def names(client: httpx.AsyncClient, address: str) -> set[str]:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    return {str(row["name"]) for row in response.json()["value"]}


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


MISSING = (403, "0x80040220")
