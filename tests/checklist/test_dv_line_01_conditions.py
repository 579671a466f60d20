"""Line 1: PATCH is an upsert; `If-Match: *` only updates, `If-None-Match: *` only creates; the bodies of 412 and 404; the
entity tag is the version of the row, unique in the organization and growing with every write."""

import re

import httpx
import pytest

pytestmark = pytest.mark.anyio

NEW = "00000009-0000-4000-8000-000000000000"
MISSING = "00000008-0000-4000-8000-000000000000"
STALE = "The version of the existing record doesn't match the RowVersion property provided."


async def create(client: httpx.AsyncClient, **columns: object) -> str:
    """The path of a new account."""
    response = await client.post("accounts", json={"name": "Quay Cycles", **columns})
    assert response.status_code == 204
    return response.headers["OData-EntityId"].rpartition("/")[2]


async def tag(client: httpx.AsyncClient, address: str) -> str:
    return (await client.get(f"{address}?$select=name")).headers["ETag"]


def error(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


async def test_patch_creates_what_is_missing_and_updates_what_is_there(dataverse: httpx.AsyncClient) -> None:
    for name in ("First", "Second"):
        response = await dataverse.patch(f"accounts({NEW})", json={"name": name})
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["OData-EntityId"].endswith(f"/accounts({NEW})")
        assert (await dataverse.get(f"accounts({NEW})?$select=name")).json()["name"] == name


async def test_with_representation_patch_tells_whether_it_created(dataverse: httpx.AsyncClient) -> None:
    for status in (201, 200):
        response = await dataverse.patch(
            f"accounts({NEW})?$select=name", json={"name": "Quay"}, headers={"Prefer": "return=representation"}
        )
        assert (response.status_code, response.json()["name"]) == (status, "Quay")


async def test_an_alternate_key_in_the_address_wins_over_the_body(dataverse: httpx.AsyncClient) -> None:
    address = "accounts(accountnumber='N-77')"
    await dataverse.patch(address, json={"name": "New", "accountnumber": "N-78"})
    assert (await dataverse.get(f"{address}?$select=accountnumber")).json()["accountnumber"] == "N-77"


async def test_if_match_star_never_creates(dataverse: httpx.AsyncClient) -> None:
    only_update = {"If-Match": "*"}
    response = await dataverse.patch(f"accounts({MISSING})", json={"name": "New"}, headers=only_update)
    assert error(response) == (404, "0x80040217", f"account With Id = {MISSING} Does Not Exist")
    assert (await dataverse.get(f"accounts({MISSING})")).status_code == 404
    address = await create(dataverse)
    assert (await dataverse.patch(address, json={"name": "Q"}, headers=only_update)).status_code == 204


async def test_if_none_match_star_never_updates(dataverse: httpx.AsyncClient) -> None:
    only_create = {"If-None-Match": "*"}
    address = await create(dataverse)
    response = await dataverse.patch(address, json={"name": "Q"}, headers=only_create)
    assert error(response) == (412, "0x80040237", "A record with matching key values already exists.")
    assert (await dataverse.get(f"{address}?$select=name")).json()["name"] == "Quay Cycles"
    assert (await dataverse.patch(f"accounts({NEW})", json={"name": "N"}, headers=only_create)).status_code == 204


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_stale_tag_is_refused(dataverse: httpx.AsyncClient, method: str) -> None:
    address = await create(dataverse)
    stale = await tag(dataverse, address)
    await dataverse.patch(address, json={"telephone1": "010"})
    response = await dataverse.request(method, address, json={"telephone1": "020"}, headers={"If-Match": stale})
    assert error(response) == (412, "0x80060882", STALE)
    fresh = await tag(dataverse, address)
    response = await dataverse.request(method, address, json={"telephone1": "020"}, headers={"If-Match": fresh})
    assert response.status_code == 204


async def test_a_missing_row_and_a_missing_key_have_bodies_of_their_own(dataverse: httpx.AsyncClient) -> None:
    gone = f"account With Id = {MISSING} Does Not Exist"
    for method in ("GET", "DELETE"):
        assert error(await dataverse.request(method, f"accounts({MISSING})")) == (404, "0x80040217", gone)
    unknown = "A record with the specified key values does not exist in account entity"
    response = await dataverse.get("accounts(accountnumber='nobody')")
    assert error(response) == (404, "0x80060891", unknown)
    response = await dataverse.get("accounts(name='Quay')")
    assert error(response)[:2] == (400, "0x80060888")
    assert "not valid for resource 'Microsoft.Dynamics.CRM.account'" in error(response)[2]


async def test_the_tag_is_the_version_of_the_row(dataverse: httpx.AsyncClient) -> None:
    address = await create(dataverse)
    response = await dataverse.get(f"{address}?$select=versionnumber")
    body = response.json()
    assert re.fullmatch(r'W/"\d+"', body["@odata.etag"])
    assert body["@odata.etag"] == f'W/"{body["versionnumber"]}"' == response.headers["ETag"]


async def test_versions_grow_over_all_tables(dataverse: httpx.AsyncClient) -> None:
    versions = []
    for table, body in (("accounts", {"name": "A"}), ("contacts", {"lastname": "B"}), ("accounts", {"name": "C"})):
        response = await dataverse.post(
            f"{table}?$select=versionnumber", json=body, headers={"Prefer": "return=representation"}
        )
        versions.append(response.json()["versionnumber"])
    assert versions == sorted(set(versions))


async def test_an_unchanged_row_is_not_sent_again(dataverse: httpx.AsyncClient) -> None:
    address = await create(dataverse)
    known = {"If-None-Match": await tag(dataverse, address)}
    response = await dataverse.get(f"{address}?$select=name", headers=known)
    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", known["If-None-Match"])
    expanded = f"{address}?$select=name&$expand=primarycontactid($select=fullname)"
    assert (await dataverse.get(expanded, headers=known)).status_code == 200
    annotated = known | {"Prefer": 'odata.include-annotations="*"'}
    assert (await dataverse.get(f"{address}?$select=name", headers=annotated)).status_code == 200
    assert (await dataverse.get(address, headers={"If-None-Match": "null"})).status_code == 200
    await dataverse.patch(address, json={"telephone1": "010"})
    assert (await dataverse.get(f"{address}?$select=name", headers=known)).status_code == 200


async def test_one_column_is_written_and_cleared_on_its_own(dataverse: httpx.AsyncClient) -> None:
    address = await create(dataverse, description="Bicycles")
    assert (await dataverse.put(f"{address}/name", json={"value": "Quay"})).status_code == 204
    assert (await dataverse.delete(f"{address}/description")).status_code == 204
    assert (await dataverse.delete(f"{address}/primarycontactid")).status_code == 405
    row = (await dataverse.get(f"{address}?$select=name,description")).json()
    assert (row["name"], row["description"]) == ("Quay", None)


async def test_a_row_is_deleted_once(dataverse: httpx.AsyncClient) -> None:
    address = await create(dataverse)
    assert (await dataverse.delete(address)).status_code == 204
    assert (await dataverse.delete(address)).status_code == 404


async def test_a_row_that_others_need_is_not_deleted(dataverse: httpx.AsyncClient) -> None:
    euro = (await dataverse.get("transactioncurrencies?$filter=isocurrencycode eq 'EUR'")).json()["value"][0]
    response = await dataverse.delete(f"transactioncurrencies({euro['transactioncurrencyid']})")
    assert error(response)[:2] == (405, "0x80040227")


async def test_duplicates_are_looked_for_only_on_request(dataverse: httpx.AsyncClient) -> None:
    detect = {"MSCRM.SuppressDuplicateDetection": "false"}
    body = {"name": "Quay Cycles", "emailaddress1": "quay@example.com"}
    assert (await dataverse.post("accounts", json=body)).status_code == 204
    assert (await dataverse.post("accounts", json=body)).status_code == 204
    found = await dataverse.post("accounts", json=body, headers=detect)
    assert error(found)[:2] == (412, "0x80040333")
    other = {"name": "Quay Cycles", "emailaddress1": "other@example.com"}
    assert (await dataverse.post("accounts", json=other, headers=detect)).status_code == 204


@pytest.mark.parametrize("character", "/<>*%&:\\?+")
async def test_a_key_with_a_forbidden_character_is_refused(dataverse: httpx.AsyncClient, character: str) -> None:
    value = f"A%{ord(character):02X}B"
    for method in ("GET", "PATCH"):
        response = await dataverse.request(method, f"accounts(accountnumber='{value}')", json={"name": "A"})
        assert error(response)[:2] == (400, "0x80060888")


async def test_details_of_an_error_are_given_on_request(dataverse: httpx.AsyncClient) -> None:
    address = f"accounts({MISSING})"
    assert set((await dataverse.get(address)).json()["error"]) == {"code", "message"}
    response = await dataverse.get(address, headers={"Prefer": 'odata.include-annotations="*"'})
    details = {name.removeprefix("@Microsoft.PowerApps.CDS.") for name in response.json()["error"]}
    assert {"HelpLink", "TraceText", "InnerError.Message", "ErrorDetails.OperationStatus"} <= details


@pytest.mark.parametrize("key", ["accountnumber=C00210", "accountnumber", "accountnumber='C00210',name='A'"])
async def test_a_key_that_is_not_well_written_is_refused(dataverse: httpx.AsyncClient, key: str) -> None:
    assert error(await dataverse.get(f"accounts({key})"))[:2] == (400, "0x80060888")
    assert (await dataverse.get("accounts(accountnumber='C00210')")).status_code == 200
