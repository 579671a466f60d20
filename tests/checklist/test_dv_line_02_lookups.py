"""Line 2: a lookup is read as `_x_value` and written with `@odata.bind`; navigations are case-sensitive; customers and
owners may be of two kinds."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
ANNOTATED = {"Prefer": 'odata.include-annotations="*"'}


async def created(client: httpx.AsyncClient, table: str, **columns: object) -> str:
    """The path of a new row."""
    response = await client.post(table, json=columns)
    assert response.status_code == 204, response.text
    return response.headers["OData-EntityId"].rpartition("/")[2]


def key(path: str) -> str:
    return path.partition("(")[2][:-1]


async def row(client: httpx.AsyncClient, address: str, **headers: str) -> dict[str, object]:
    response = await client.get(address, headers=headers)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


async def test_a_lookup_is_bound_and_read_as_a_value(dataverse: httpx.AsyncClient) -> None:
    contact = await created(dataverse, "contacts", lastname="Vos")
    account = await created(dataverse, "accounts", name="A", **{"primarycontactid@odata.bind": f"/{contact}"})
    assert (await row(dataverse, f"{account}?$select=_primarycontactid_value"))["_primarycontactid_value"] == key(
        contact
    )
    assert "primarycontactid" not in await row(dataverse, account)


async def test_a_lookup_is_not_written_as_a_value(dataverse: httpx.AsyncClient) -> None:
    contact = await created(dataverse, "contacts", lastname="Vos")
    response = await dataverse.post("accounts", json={"name": "A", "_primarycontactid_value": key(contact)})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")


@pytest.mark.parametrize("way", ["bind", "reference"])
async def test_a_lookup_is_cleared(dataverse: httpx.AsyncClient, way: str) -> None:
    contact = await created(dataverse, "contacts", lastname="Vos")
    account = await created(dataverse, "accounts", name="A", **{"primarycontactid@odata.bind": f"/{contact}"})
    if way == "bind":
        response = await dataverse.patch(account, json={"primarycontactid@odata.bind": None})
    else:
        response = await dataverse.delete(f"{account}/primarycontactid/$ref")
    assert response.status_code == 204
    assert (await row(dataverse, account))["_primarycontactid_value"] is None


@pytest.mark.parametrize("name", ["PrimaryContactId", "primaryContactid", "primarycontactid_contact"])
async def test_a_navigation_in_another_case_is_unknown(dataverse: httpx.AsyncClient, name: str) -> None:
    contact = await created(dataverse, "contacts", lastname="Vos")
    response = await dataverse.post("accounts", json={"name": "A", f"{name}@odata.bind": f"/{contact}"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "0x80048d19")
    assert error["message"].startswith(
        f"An undeclared property '{name}' which only has property annotations in the payload "
        "but no property value was found in the payload."
    )
    assert (await dataverse.get(f"accounts?$expand={name}")).status_code == 400


@pytest.mark.parametrize(("table", "kind"), [("accounts", "account"), ("contacts", "contact")])
async def test_a_customer_is_an_account_or_a_contact(dataverse: httpx.AsyncClient, table: str, kind: str) -> None:
    customer = await created(dataverse, table, **({"name": "A"} if kind == "account" else {"lastname": "Vos"}))
    deal = await created(dataverse, "opportunities", name="Deal", **{f"customerid_{kind}@odata.bind": f"/{customer}"})
    found = await row(dataverse, f"{deal}?$select=_customerid_value", **ANNOTATED)
    assert found["_customerid_value"] == key(customer)
    assert found[f"_customerid_value@{LOGICAL_NAME}"] == kind
    other = "contact" if kind == "account" else "account"
    expanded = await row(dataverse, f"{deal}?$select=name&$expand=customerid_{kind},customerid_{other}")
    assert isinstance(expanded[f"customerid_{kind}"], dict)
    assert expanded[f"customerid_{other}"] is None


async def test_the_parent_of_a_contact_is_polymorphic_too(dataverse: httpx.AsyncClient) -> None:
    account = await created(dataverse, "accounts", name="A")
    contact = await created(
        dataverse, "contacts", lastname="Vos", **{"parentcustomerid_account@odata.bind": f"/{account}"}
    )
    found = await row(dataverse, f"{contact}?$select=_parentcustomerid_value", **ANNOTATED)
    assert found[f"_parentcustomerid_value@{LOGICAL_NAME}"] == "account"
    response = await dataverse.patch(contact, json={"parentcustomerid_account@odata.bind": f"/{contact}"})
    assert response.status_code == 400


@pytest.mark.parametrize(("table", "kind"), [("systemusers", "systemuser"), ("teams", "team")])
async def test_an_owner_is_a_user_or_a_team(dataverse: httpx.AsyncClient, table: str, kind: str) -> None:
    condition = "isdisabled eq false and internalemailaddress ne null" if kind == "systemuser" else "teamtype eq 0"
    key_column = f"{kind}id"
    owner = (await row(dataverse, f"{table}?$select={key_column}&$top=1&$filter={condition}"))["value"]
    assert isinstance(owner, list)
    reference = f"/{table}({owner[0][key_column]})"
    account = await created(dataverse, "accounts", name="A", **{"ownerid@odata.bind": reference})
    found = await row(dataverse, f"{account}?$select=_ownerid_value,_owninguser_value,_owningteam_value", **ANNOTATED)
    assert found["_ownerid_value"] == owner[0][key_column]
    assert found[f"_ownerid_value@{LOGICAL_NAME}"] == kind
    assert (found["_owninguser_value"] is None, found["_owningteam_value"] is None) == (kind == "team", kind != "team")


@pytest.mark.parametrize("way", ["key", "id"])
async def test_a_row_enters_and_leaves_a_collection_by_reference(dataverse: httpx.AsyncClient, way: str) -> None:
    account, contact = (
        await created(dataverse, "accounts", name="A"),
        await created(dataverse, "contacts", lastname="V"),
    )
    reference = {"@odata.id": f"{dataverse.base_url}{contact}"}
    response = await dataverse.post(f"{account}/contact_customer_accounts/$ref", json=reference)
    assert (response.status_code, response.content) == (204, b"")
    assert (await row(dataverse, contact))["_parentcustomerid_value"] == key(account)
    member = f"({key(contact)})/$ref" if way == "key" else f"/$ref?$id={dataverse.base_url}{contact}"
    assert (await dataverse.delete(f"{account}/contact_customer_accounts{member}")).status_code == 204
    assert (await row(dataverse, contact))["_parentcustomerid_value"] is None


async def test_users_carry_their_key_as_owner_and_hide_its_name(dataverse: httpx.AsyncClient) -> None:
    me = (await row(dataverse, "WhoAmI"))["UserId"]
    assert (await row(dataverse, f"systemusers({me})?$select=fullname"))["ownerid"] == me
    assert (await dataverse.get(f"systemusers(systemuserid={me})")).status_code == 400
