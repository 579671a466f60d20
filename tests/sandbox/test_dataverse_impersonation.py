"""Acting for somebody else in the Dataverse simulator: who may, whose rights count, and what is written down.

Ada and the application may do everything; Ben may read his own accounts, Lou has left.
"""

from collections.abc import Mapping

import httpx
import pytest

from gateway.sandbox.dataverse.privileges import ACT_ON_BEHALF, Depth
from gateway.sandbox.dataverse.security_rows import Role, grants, pair_id
from gateway.sandbox.store import Row, Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

UNIT = "00000b01-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
ROBOT = "00000a03-0000-4000-8000-000000000000"
LEFT = "00000a04-0000-4000-8000-000000000000"
ADA_OBJECT = "0000fa01-0000-4000-8000-000000000000"
BEN_OBJECT = "0000fa02-0000-4000-8000-000000000000"
LEFT_OBJECT = "0000fa04-0000-4000-8000-000000000000"
NOBODY = "0000fa98-0000-4000-8000-000000000000"
OWN, FOREIGN = "00000001-0000-4000-8000-000000000000", "00000002-0000-4000-8000-000000000000"
AS_BEN = {"CallerObjectId": BEN_OBJECT}


@pytest.fixture(autouse=True)
def ben(dataverse_store: Store) -> None:
    """Ben's rights are his own, not an administrator's."""
    store = dataverse_store
    store.update("systemusers", BEN, {"azureactivedirectoryobjectid": BEN_OBJECT})
    replace_roles(store, BEN, grants(store.model, {"account": "C R W A AT As"}, Depth.BASIC))
    for key, owner in ((OWN, BEN), (FOREIGN, ADA)):
        owned = {"_ownerid_value": owner, "_owninguser_value": owner, "_owningbusinessunit_value": UNIT}
        store.seed("accounts", [{"accountid": key, "name": f"of {owner}", "statecode": 0, "statuscode": 1, **owned}])


def replace_roles(store: Store, user: str, granted: Mapping[str, Depth]) -> None:
    for row in store.select("systemuserrolescollection"):
        if row["systemuserid"] == user:
            store.delete("systemuserrolescollection", row["systemuserroleid"])
    role = Role(pair_id("role of", user), "Own", UNIT, granted)
    store.seed("roles", [role.row()])
    store.seed("roleprivilegescollection", role.privilege_rows())
    pair = {"systemuserid": user, "roleid": role.id}
    store.seed("systemuserrolescollection", [{"systemuserroleid": pair_id(*pair.values()), **pair}])


def account(store: Store, key: str) -> Row:
    row = store.get("accounts", key)
    assert row is not None
    return row


def keys(response: httpx.Response) -> set[str]:
    assert response.status_code == 200, response.text
    return {row["accountid"] for row in response.json()["value"]}


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


@pytest.mark.parametrize(
    "headers", [AS_BEN, {"MSCRMCallerID": BEN}, {"CallerObjectId": BEN_OBJECT.upper()}, {"MSCRMCallerID": f"{{{BEN}}}"}]
)
async def test_a_caller_acts_as_the_user_a_header_names(
    dataverse: httpx.AsyncClient, headers: Mapping[str, str]
) -> None:
    assert (await dataverse.get("WhoAmI", headers=headers)).json()["UserId"] == BEN
    assert keys(await dataverse.get("accounts", headers=headers)) == {OWN}
    assert (await dataverse.get(f"accounts({FOREIGN})", headers=headers)).status_code == 403
    mine = "accounts?$filter=Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"
    assert keys(await dataverse.get(mine, headers=headers)) == {OWN}


async def test_the_object_id_goes_before_the_user_id(dataverse: httpx.AsyncClient) -> None:
    both = {"CallerObjectId": BEN_OBJECT, "MSCRMCallerID": ROBOT}
    assert (await dataverse.get("WhoAmI", headers=both)).json()["UserId"] == BEN


async def test_a_row_tells_for_whom_and_by_whom_it_was_made(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    headers = {**AS_BEN, "Prefer": "return=representation"}
    row = (await dataverse.post("accounts", json={"name": "New"}, headers=headers)).json()
    assert (row["_createdby_value"], row["_createdonbehalfby_value"]) == (BEN, ADA)
    assert (row["_modifiedby_value"], row["_modifiedonbehalfby_value"]) == (BEN, ADA)
    assert (row["_ownerid_value"], row["_owninguser_value"]) == (BEN, BEN)
    await dataverse.patch(f"accounts({row['accountid']})", json={"name": "Newer"})
    after = account(dataverse_store, row["accountid"])
    assert (after["_createdby_value"], after["_createdonbehalfby_value"]) == (BEN, ADA)
    assert (after["_modifiedby_value"], after["_modifiedonbehalfby_value"]) == (ADA, None)


async def test_rights_are_those_both_have(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    replace_roles(dataverse_store, ADA, {ACT_ON_BEHALF: Depth.GLOBAL})
    response = await dataverse.get("accounts", headers=AS_BEN)
    assert refusal(response)[:2] == (403, "0x80040220")
    assert f"Principal user (Id={ADA}," in refusal(response)[2]
    assert refusal(response)[2].endswith(f"context.Caller={BEN}")
    both = {**grants(dataverse_store.model, {"account": "R"}, Depth.GLOBAL), ACT_ON_BEHALF: Depth.GLOBAL}
    replace_roles_again(dataverse_store, ADA, both)
    assert keys(await dataverse.get("accounts", headers=AS_BEN)) == {OWN}
    assert (await dataverse.patch(f"accounts({OWN})", json={"name": "x"}, headers=AS_BEN)).status_code == 403
    assert account(dataverse_store, OWN)["name"] == f"of {BEN}"


def replace_roles_again(store: Store, user: str, granted: Mapping[str, Depth]) -> None:
    """The same role with other privileges."""
    role = Role(pair_id("role of", user), "Own", UNIT, granted)
    for row in store.select("roleprivilegescollection"):
        if row["roleid"] == role.id:
            store.delete("roleprivilegescollection", row["roleprivilegeid"])
    store.seed("roleprivilegescollection", role.privilege_rows())


async def test_acting_for_others_is_a_privilege_of_the_caller(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    granted = grants(dataverse_store.model, {"account": "R W"}, Depth.GLOBAL)
    replace_roles(dataverse_store, ADA, granted)
    assert (await dataverse.get("accounts")).status_code == 200
    status, code, message = refusal(await dataverse.get("accounts", headers=AS_BEN))
    assert (status, code) == (403, "0x80040220")
    assert "is missing prvActOnBehalfOfAnotherUser privilege" in message


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"CallerObjectId": NOBODY}, "0x80072560"),
        ({"MSCRMCallerID": NOBODY}, "0x80072560"),
        ({"CallerObjectId": "Ben"}, "0x80072560"),
        ({"CallerObjectId": LEFT_OBJECT}, "0x80040225"),
        ({"MSCRMCallerID": LEFT}, "0x80040225"),
    ],
)
async def test_nobody_acts_for_somebody_who_is_not_there(
    dataverse: httpx.AsyncClient, headers: Mapping[str, str], code: str
) -> None:
    assert refusal(await dataverse.get("accounts", headers=headers))[:2] == (403, code)


def batch(*parts: tuple[Mapping[str, str], str]) -> str:
    """Each part reads `WhoAmI` or creates an account, with headers of its own."""
    written = []
    for headers, line in parts:
        inner = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        body = '{"name":"New"}' if line.startswith("POST") else ""
        head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        written.append(f"--b\r\n{head}\r\n{line} HTTP/1.1\r\nContent-Type: application/json\r\n{inner}\r\n{body}\r\n")
    return "".join([*written, "--b--\r\n"])


WHO, POST = "GET /api/data/v9.2/WhoAmI", "POST /api/data/v9.2/accounts"


async def sent(client: httpx.AsyncClient, body: str, **headers: str) -> httpx.Response:
    return await client.post(
        "$batch",
        content=body,
        headers={"Content-Type": "multipart/mixed; boundary=b", "Prefer": "odata.continue-on-error", **headers},
    )


async def test_headers_of_a_batch_count_for_every_part(dataverse: httpx.AsyncClient) -> None:
    response = await sent(dataverse, batch(({}, WHO), ({}, WHO)), CallerObjectId=BEN_OBJECT)
    assert response.text.count(f'"UserId":"{BEN}"') == 2


async def test_a_part_of_a_batch_may_name_its_own_user(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    response = await sent(dataverse, batch((AS_BEN, WHO), ({}, WHO), (AS_BEN, POST)))
    assert response.text.index(f'"UserId":"{BEN}"') < response.text.index(f'"UserId":"{ADA}"')
    (created,) = (row for row in dataverse_store.select("accounts") if row["name"] == "New")
    assert (created["_createdby_value"], created["_createdonbehalfby_value"]) == (BEN, ADA)


async def test_a_user_named_in_a_part_goes_before_that_of_the_batch(dataverse: httpx.AsyncClient) -> None:
    response = await sent(dataverse, batch(({"MSCRMCallerID": ROBOT}, WHO), ({}, WHO)), CallerObjectId=BEN_OBJECT)
    assert response.text.index(f'"UserId":"{ROBOT}"') < response.text.index(f'"UserId":"{BEN}"')


async def test_a_part_for_somebody_unknown_fails_alone(dataverse: httpx.AsyncClient) -> None:
    response = await sent(dataverse, batch(({"CallerObjectId": NOBODY}, WHO), ({}, WHO)))
    assert response.status_code == 200
    assert response.text.count("HTTP/1.1 403 Forbidden") == 1
    assert f'"UserId":"{ADA}"' in response.text
