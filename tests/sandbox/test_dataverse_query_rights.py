"""What FetchXML and `$apply` show to a user of the Dataverse simulator whose role reaches only its own rows."""

import httpx
import pytest

from gateway.sandbox.dataverse.privileges import Depth
from gateway.sandbox.dataverse.security_rows import Role, grants
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
UNIT = "00000b01-0000-4000-8000-000000000000"


def key(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def of(owner: str) -> dict[str, object]:
    return {"_ownerid_value": owner, "_owninguser_value": owner, "_owningbusinessunit_value": UNIT}


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    """Ada has an account whose contact is Ben's, and Ben one whose contact is Ada's; each has an order with a line."""
    for held in dataverse_store.select("systemuserrolescollection"):
        if held["systemuserid"] == ADA:
            dataverse_store.delete("systemuserrolescollection", held["systemuserroleid"])
    tables = {"account": "R", "contact": "R", "salesorder": "R"}
    role = Role(
        "00000c02-0000-4000-8000-000000000000", "Own rows", UNIT, grants(dataverse_store.model, tables, Depth.BASIC)
    )
    dataverse_store.seed("roles", [role.row()])
    dataverse_store.seed("roleprivilegescollection", role.privilege_rows())
    pair = {"systemuserroleid": key(77), "systemuserid": ADA, "roleid": role.id}
    dataverse_store.seed("systemuserrolescollection", [pair])
    owners = [(1, ADA, BEN), (2, BEN, ADA)]
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": key(n), "name": f"account {n}", "_primarycontactid_value": key(10 + n), **of(a)}
            for n, a, _ in owners
        ],
    )
    dataverse_store.seed(
        "contacts", [{"contactid": key(10 + n), "fullname": f"contact {n}", **of(c)} for n, _, c in owners]
    )
    dataverse_store.seed("salesorders", [{"salesorderid": key(20 + n), **of(a)} for n, a, _ in owners])
    lines = [
        {"salesorderdetailid": key(30 + n), "quantity": n, "_salesorderid_value": key(20 + n)} for n, _, _ in owners
    ]
    dataverse_store.seed("salesorderdetails", lines)


async def found(client: httpx.AsyncClient, address: str, **params: str) -> list[dict[str, object]]:
    response = await client.get(address, params=params)
    assert response.status_code == 200, response.text
    value = response.json()["value"]
    assert isinstance(value, list)
    return [{name: shown for name, shown in row.items() if "@" not in name} for row in value]


def account(inner: str) -> str:
    return (
        f'<fetch returntotalrecordcount="true"><entity name="account"><attribute name="name" />{inner}</entity></fetch>'
    )


def link(kind: str) -> str:
    return (
        f'<link-entity name="contact" from="contactid" to="primarycontactid" alias="c" link-type="{kind}">'
        '<attribute name="fullname" /></link-entity>'
    )


async def test_rows_out_of_reach_are_absent_from_fetchxml(dataverse: httpx.AsyncClient) -> None:
    assert [row["name"] for row in await found(dataverse, "accounts", fetchXml=account(""))] == ["account 1"]


async def test_linked_rows_out_of_reach_are_not_joined(dataverse: httpx.AsyncClient) -> None:
    assert await found(dataverse, "accounts", fetchXml=account(link("inner"))) == []
    (row,) = await found(dataverse, "accounts", fetchXml=account(link("outer")))
    assert "c.fullname" not in row


async def test_lines_follow_their_order_also_as_links(dataverse: httpx.AsyncClient) -> None:
    line = (
        '<link-entity name="salesorderdetail" from="salesorderid" to="salesorderid" alias="l">'
        '<attribute name="quantity" /></link-entity>'
    )
    xml = f'<fetch><entity name="salesorder"><attribute name="salesorderid" />{line}</entity></fetch>'
    assert [row["l.quantity"] for row in await found(dataverse, "salesorders", fetchXml=xml)] == [1]
    assert await found(
        dataverse, "salesorderdetails", **{"$apply": "aggregate($count as n,quantity with sum as q)"}
    ) == [{"n": 1, "q": 1}]


async def test_figures_count_only_what_may_be_read(dataverse: httpx.AsyncClient) -> None:
    xml = '<fetch aggregate="true"><entity name="account"><attribute name="name" aggregate="count" alias="n" /></entity></fetch>'
    assert await found(dataverse, "accounts", fetchXml=xml) == [{"n": 1}]
    assert await found(dataverse, "accounts", **{"$apply": "aggregate($count as n)"}) == [{"n": 1}]
    by_contact = "groupby((primarycontactid/fullname),aggregate($count as n))"
    assert await found(dataverse, "accounts", **{"$apply": by_contact}) == [
        {"primarycontactid": {"fullname": None}, "n": 1}
    ]
    hidden = "filter(primarycontactid/fullname eq 'contact 1')/aggregate($count as n)"
    assert await found(dataverse, "accounts", **{"$apply": hidden}) == [{"n": 0}]


async def test_a_table_without_a_privilege_is_refused(dataverse: httpx.AsyncClient) -> None:
    linked = account('<link-entity name="opportunity" from="customerid" to="accountid" />')
    for address, params in (
        ("opportunities", {"fetchXml": '<fetch><entity name="opportunity" /></fetch>'}),
        ("opportunities", {"$apply": "aggregate($count as n)"}),
        ("accounts", {"fetchXml": linked}),
    ):
        response = await dataverse.get(address, params=params)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "0x80040220")
