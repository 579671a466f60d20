"""Line 11 of the Dataverse checklist: acting for another user, and what a user may not see.

`CallerObjectId` makes an application act as a person, and rows say both who they were made for and who made them; a
missing privilege is refused with the text of Dataverse; rows out of reach are left out of lists without a word.
"""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import staff, story
from gateway.sandbox.dataverse.privileges import privilege_of
from gateway.sandbox.identity import people
from tests.checklist.conftest import DATAVERSE_HEADERS
from tests.checklist.tokens import bearer

pytestmark = pytest.mark.anyio

AS_SALES = {"CallerObjectId": people.SALES.object_id}
HIDDEN = f"accounts(accountnumber='{story.HIDDEN_FROM_SALES}')"
OWN = f"accounts(accountnumber='{story.HARBOUR}')"


@pytest.fixture
async def sales(sandbox: Sandbox, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Dataverse as the demo person `sales` sees it."""
    headers = bearer(sandbox, sandbox.addresses.dataverse, subject=people.SALES) | DATAVERSE_HEADERS
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=f"{sandbox.addresses.dataverse}/api/data/v9.2/",
        headers=headers,
    ) as client:
        yield client


async def total(client: httpx.AsyncClient, address: str) -> int:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    return int(response.text)


async def test_the_application_acts_as_the_person_it_names(dataverse: httpx.AsyncClient) -> None:
    for headers in (AS_SALES, {"MSCRMCallerID": staff.SALES.id}):
        assert (await dataverse.get("WhoAmI", headers=headers)).json()["UserId"] == staff.SALES.id
    assert (await dataverse.get("WhoAmI")).json()["UserId"] == staff.APPLICATION_USER_ID


async def test_a_row_names_the_person_and_the_application_behind_it(dataverse: httpx.AsyncClient) -> None:
    headers = {**AS_SALES, "Prefer": "return=representation"}
    response = await dataverse.post("accounts", json={"name": "Canal Cycles"}, headers=headers)
    assert response.status_code == 201, response.text
    row = response.json()
    assert (row["_createdby_value"], row["_createdonbehalfby_value"]) == (staff.SALES.id, staff.APPLICATION_USER_ID)
    assert (row["_modifiedby_value"], row["_modifiedonbehalfby_value"]) == (staff.SALES.id, staff.APPLICATION_USER_ID)
    assert row["_ownerid_value"] == staff.SALES.id


async def test_whoever_lacks_the_privilege_acts_for_nobody(sales: httpx.AsyncClient) -> None:
    response = await sales.get("WhoAmI", headers={"CallerObjectId": people.ADMIN.object_id})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "0x80040220")
    assert "prvActOnBehalfOfAnotherUser" in response.json()["error"]["message"]


async def test_an_unknown_person_is_refused(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("WhoAmI", headers={"CallerObjectId": people.TENANT_ID})
    assert response.status_code == 403


async def test_a_direct_read_without_the_right_is_403_in_the_words_of_dataverse(
    dataverse: httpx.AsyncClient, sales: httpx.AsyncClient
) -> None:
    assert (await dataverse.get(HIDDEN)).status_code == 200
    privilege = privilege_of("Read", "account")
    for response in (await sales.get(HIDDEN), await dataverse.get(HIDDEN, headers=AS_SALES)):
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (403, "0x80040220")
        assert error["message"].startswith(f"Principal user (Id={staff.SALES.id}, type=8, roleCount=1, privilegeCount=")
        assert error["message"].endswith(
            f", accessMode=0), is missing {privilege.name} privilege (Id={privilege.id}) on OTC=1 "
            f"for entity 'account'. context.Caller={staff.SALES.id}"
        )


async def test_lists_leave_out_what_may_not_be_read(dataverse: httpx.AsyncClient, sales: httpx.AsyncClient) -> None:
    condition = f"$filter=accountnumber eq '{story.HIDDEN_FROM_SALES}'"
    assert len((await dataverse.get(f"accounts?{condition}")).json()["value"]) == 1
    for response in (
        await sales.get(f"accounts?{condition}"),
        await dataverse.get(f"accounts?{condition}", headers=AS_SALES),
    ):
        assert (response.status_code, response.json()["value"]) == (200, [])
    assert (await sales.get(OWN)).status_code == 200
    for table in ("accounts", "contacts"):
        assert 0 < await total(sales, f"{table}/$count") < await total(dataverse, f"{table}/$count")


async def test_a_hidden_account_is_hidden_on_every_path(dataverse: httpx.AsyncClient, sales: httpx.AsyncClient) -> None:
    hidden = (
        await dataverse.get(f"{HIDDEN}?$select=accountid&$expand=contact_customer_accounts($select=contactid)")
    ).json()
    key = hidden["accountid"]
    assert hidden["contact_customer_accounts"]
    contact = hidden["contact_customer_accounts"][0]["contactid"]
    user = f"systemusers({staff.RUBEN.id})"
    assert (await sales.get(f"accounts({key})")).status_code == 403
    assert (await sales.get(f"accounts({key})/contact_customer_accounts")).status_code == 403
    assert (await sales.get(f"contacts({contact})/parentcustomerid_account")).status_code == 403
    assert (await sales.get(f"{user}/user_accounts?$select=name")).json()["value"] == []
    expanded = (await sales.get(f"{user}?$select=fullname&$expand=user_accounts($select=name)")).json()
    assert expanded["user_accounts"] == []
    assert len((await dataverse.get(f"{user}/user_accounts?$select=name")).json()["value"]) > 0


async def test_a_hidden_account_is_written_on_no_path(dataverse: httpx.AsyncClient, sales: httpx.AsyncClient) -> None:
    hidden = (await dataverse.get(HIDDEN)).json()
    key = hidden["accountid"]
    own = await sales.post("accounts", json={"name": "Mine"})
    mine = own.headers["OData-EntityId"].rpartition("/")[2]
    target = {"@odata.type": "Microsoft.Dynamics.CRM.account", "description": "x"}
    attempts: list[tuple[str, str, object]] = [
        ("PATCH", HIDDEN, {"description": "x"}),
        ("PATCH", f"accounts({key})", {}),
        ("PUT", f"accounts({key})/name", {"value": "x"}),
        ("DELETE", f"accounts({key})/description", None),
        ("DELETE", f"accounts({key})", None),
        ("PUT", f"accounts({key})/parentaccountid/$ref", {"@odata.id": mine}),
        ("POST", f"accounts({key})/account_parent_account/$ref", {"@odata.id": mine}),
        ("POST", f"{mine}/account_parent_account/$ref", {"@odata.id": HIDDEN}),
        ("PATCH", mine, {"parentaccountid@odata.bind": f"/accounts({key})"}),
        ("POST", "contacts", {"lastname": "x", "parentcustomerid_account@odata.bind": f"/{HIDDEN}"}),
        ("POST", "accounts/Microsoft.Dynamics.CRM.UpdateMultiple", {"Targets": [target | {"accountid": key}]}),
        ("POST", "accounts/Microsoft.Dynamics.CRM.UpsertMultiple", {"Targets": [target | {"@odata.id": HIDDEN}]}),
    ]
    for method, address, body in attempts:
        answer = await sales.request(method, address, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "0x80040220"), (method, address)
    assert (await dataverse.get(HIDDEN)).json() == hidden


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_stale_etag_tells_nothing_of_a_hidden_account(
    dataverse: httpx.AsyncClient, sales: httpx.AsyncClient, method: str
) -> None:
    address = f"accounts({(await dataverse.get(HIDDEN)).json()['accountid']})"
    answer = await sales.request(method, address, json={}, headers={"If-Match": 'W/"1"'})
    assert answer.status_code == 403


async def test_somebody_without_a_role_may_read_nothing(dataverse: httpx.AsyncClient) -> None:
    nobody = {"CallerObjectId": people.NOBODY.object_id}
    for table in ("accounts", "products", "salesorders"):
        assert (await dataverse.get(table, headers=nobody)).status_code == 403


async def test_each_demo_person_holds_the_roles_of_the_job(dataverse: httpx.AsyncClient) -> None:
    held = {}
    for user in (staff.ADMIN, staff.SALES, staff.WIDGET, staff.NOBODY):
        found = (await dataverse.get(f"systemusers({user.id})/systemuserroles_association?$select=name")).json()[
            "value"
        ]
        held[user.first_name] = {row["name"] for row in found}
    prefix = "Dynamics 365 Business Central"
    assert held == {
        "Ada": {"System Administrator", f"{prefix} Integration Administrator"},
        "Jonas": {"Salesperson"},
        "Wilma": {f"{prefix} Product Availability User"},
        "Noel": set(),
    }


async def test_the_product_availability_user_reads_products_and_no_customers(dataverse: httpx.AsyncClient) -> None:
    widget = {"CallerObjectId": people.WIDGET.object_id}
    assert (await dataverse.get("products?$select=name&$top=1", headers=widget)).status_code == 200
    for table in ("accounts", "contacts", "opportunities"):
        assert (await dataverse.get(table, headers=widget)).status_code == 403


async def test_a_person_changes_own_rows_and_not_those_of_colleagues(dataverse: httpx.AsyncClient) -> None:
    colleague = f"_ownerid_value ne {staff.SALES.id} and _owningbusinessunit_value ne null"
    found = (await dataverse.get(f"accounts?$select=name&$filter={colleague}&$top=1", headers=AS_SALES)).json()["value"]
    response = await dataverse.patch(f"accounts({found[0]['accountid']})", json={"name": "Mine"}, headers=AS_SALES)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "0x80040220")
    assert (await dataverse.patch(OWN, json={"telephone1": "010"}, headers=AS_SALES)).status_code == 204


async def test_impersonation_works_inside_a_batch_and_around_it(dataverse: httpx.AsyncClient) -> None:
    part = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET WhoAmI HTTP/1.1\r\n"
    named = f"{part}CallerObjectId: {people.SALES.object_id}\r\n"
    body = f"--b\r\n{named}\r\n\r\n--b\r\n{part}\r\n\r\n--b--\r\n"
    for headers, persons in (({}, [staff.SALES.id, staff.APPLICATION_USER_ID]), (AS_SALES, [staff.SALES.id] * 2)):
        sent = {"Content-Type": "multipart/mixed; boundary=b", **headers}
        text = (await dataverse.post("$batch", content=body, headers=sent)).text
        places = [text.find(f'"UserId":"{person}"') for person in persons]
        assert -1 not in places
        assert places == sorted(places)
