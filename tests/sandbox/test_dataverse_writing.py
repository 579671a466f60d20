"""Writing to the Dataverse simulator: create, upsert, update, delete, conditions and concurrency."""

from collections.abc import Mapping

import httpx
import pytest

from gateway.sandbox.store import Row, Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
BIKES = "00000002-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
NEW = "00000009-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
ROOT = "http://crm.example/api/data/v9.2/"
REPRESENTATION = {"Prefer": "return=representation"}


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed(
        "accounts",
        [
            {
                "accountid": QUAY,
                "name": "Quay Cycles",
                "accountnumber": "C1",
                "description": "x",
                "statecode": 0,
                "statuscode": 1,
            },
            {"accountid": BIKES, "name": "Harbour Bikes", "accountnumber": "C2", "_primarycontactid_value": IRIS},
        ],
    )
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos", "_parentcustomerid_value": QUAY}])


def stored(store: Store, key: str, *, table: str = "accounts") -> Row:
    row = store.get(table, key)
    assert row is not None
    return row


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def tag(client: httpx.AsyncClient, key: str = QUAY) -> str:
    return (await client.get(f"accounts({key})?$select=name")).headers["ETag"]


async def test_a_created_row_is_answered_with_its_address(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    response = await dataverse.post("accounts", json={"name": "New"})
    assert (response.status_code, response.content) == (204, b"")
    address = response.headers["OData-EntityId"]
    assert address == response.headers["Location"]
    assert address.startswith(f"{ROOT}accounts(")
    assert stored(dataverse_store, address[-37:-1])["name"] == "New"


async def test_a_created_row_is_returned_on_request(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.post("accounts?$select=name", json={"name": "New"}, headers=REPRESENTATION)
    assert (response.status_code, response.headers["Preference-Applied"]) == (201, "return=representation")
    assert "OData-EntityId" not in response.headers
    body = response.json()
    assert body["@odata.context"] == f"{ROOT}$metadata#accounts(name)/$entity"
    assert body["@odata.etag"] == response.headers["ETag"]
    assert (body["name"], "telephone1" in body) == ("New", False)


async def test_the_caller_may_choose_the_key(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.post("accounts", json={"accountid": NEW.upper(), "name": "New"})
    assert response.headers["OData-EntityId"] == f"{ROOT}accounts({NEW})"
    assert error(await dataverse.post("accounts", json={"accountid": QUAY, "name": "New"})) == (412, "0x80040237")


async def test_a_row_is_created_with_its_related_rows(dataverse: httpx.AsyncClient) -> None:
    body = {
        "name": "New",
        "primarycontactid": {"firstname": "Tom", "lastname": "Baas"},
        "opportunity_customer_accounts": [{"name": "First"}, {"name": "Second"}],
        "contact_customer_accounts@odata.bind": [f"/contacts({IRIS})"],
    }
    response = await dataverse.post(
        "accounts?$expand=primarycontactid($select=fullname),"
        "opportunity_customer_accounts($select=name,_accountid_value),contact_customer_accounts($select=fullname)",
        json=body,
        headers=REPRESENTATION,
    )
    row = response.json()
    assert row["primarycontactid"]["fullname"] == "Tom Baas"
    assert {deal["name"] for deal in row["opportunity_customer_accounts"]} == {"First", "Second"}
    assert {deal["_accountid_value"] for deal in row["opportunity_customer_accounts"]} == {row["accountid"]}
    assert [contact["contactid"] for contact in row["contact_customer_accounts"]] == [IRIS]


async def test_a_row_is_created_with_all_related_rows_or_not_at_all(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    body = {"name": "New", "opportunity_customer_accounts": [{"name": "Fine"}, {"name": "Bad", "statuscode": 3}]}
    assert (await dataverse.post("accounts", json=body)).status_code == 400
    assert (dataverse_store.count("accounts"), dataverse_store.count("opportunities")) == (2, 0)


async def test_patch_updates_the_row_that_is_there(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    before = await tag(dataverse)
    response = await dataverse.patch(f"accounts({QUAY})", json={"telephone1": "010"})
    assert (response.status_code, response.headers["OData-EntityId"]) == (204, f"{ROOT}accounts({QUAY})")
    row = stored(dataverse_store, QUAY)
    assert (row["telephone1"], row["name"]) == ("010", "Quay Cycles")
    assert await tag(dataverse) != before


async def test_patch_creates_the_row_that_is_not_there(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    assert (await dataverse.patch(f"accounts({NEW})", json={"name": "New"})).status_code == 204
    assert stored(dataverse_store, NEW)["_createdby_value"] == ADA


async def test_patch_says_by_its_status_whether_it_created(dataverse: httpx.AsyncClient) -> None:
    for status in (201, 200):
        response = await dataverse.patch(
            f"accounts({NEW})?$select=name&$expand=primarycontactid", json={"name": "New"}, headers=REPRESENTATION
        )
        assert (response.status_code, response.json()["name"]) == (status, "New")
        assert "primarycontactid" not in response.json()


async def test_patch_by_alternate_key_writes_the_key_into_a_new_row(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    response = await dataverse.patch("accounts(accountnumber='C1')", json={"telephone1": "010"})
    assert response.headers["OData-EntityId"] == f"{ROOT}accounts({QUAY})"
    response = await dataverse.patch("accounts(accountnumber='C9')", json={"name": "New", "accountnumber": "other"})
    assert stored(dataverse_store, response.headers["OData-EntityId"][-37:-1])["accountnumber"] == "C9"


async def test_if_match_star_only_updates(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.patch(f"accounts({NEW})", json={"name": "New"}, headers={"If-Match": "*"})
    assert error(response) == (404, "0x80040217")
    assert response.json()["error"]["message"] == f"account With Id = {NEW} Does Not Exist"
    response = await dataverse.patch(f"accounts({QUAY})", json={"name": "Q"}, headers={"If-Match": "*"})
    assert response.status_code == 204


async def test_if_none_match_star_only_creates(dataverse: httpx.AsyncClient) -> None:
    only_create = {"If-None-Match": "*"}
    response = await dataverse.patch(f"accounts({QUAY})", json={"name": "Q"}, headers=only_create)
    assert error(response) == (412, "0x80040237")
    assert response.json()["error"]["message"] == "A record with matching key values already exists."
    assert (await dataverse.patch(f"accounts({NEW})", json={"name": "New"}, headers=only_create)).status_code == 204


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_stale_etag_is_refused_with_412(
    dataverse: httpx.AsyncClient, dataverse_store: Store, method: str
) -> None:
    stale = await tag(dataverse)
    await dataverse.patch(f"accounts({QUAY})", json={"telephone1": "010"})
    response = await dataverse.request(
        method, f"accounts({QUAY})", json={"telephone1": "020"}, headers={"If-Match": stale}
    )
    assert error(response) == (412, "0x80060882")
    assert response.json()["error"]["message"] == (
        "The version of the existing record doesn't match the RowVersion property provided."
    )
    assert stored(dataverse_store, QUAY)["telephone1"] == "010"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_current_etag_is_accepted(dataverse: httpx.AsyncClient, method: str) -> None:
    current = {"If-Match": await tag(dataverse)}
    response = await dataverse.request(method, f"accounts({QUAY})", json={"telephone1": "020"}, headers=current)
    assert response.status_code == 204


async def test_a_deleted_row_is_gone(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.delete(f"accounts({QUAY})")).status_code == 204
    assert error(await dataverse.get(f"accounts({QUAY})")) == (404, "0x80040217")
    assert error(await dataverse.delete(f"accounts({QUAY})")) == (404, "0x80040217")


async def test_deleting_a_row_clears_lookups_to_it_and_takes_its_lines_along(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    order = await dataverse.post(
        "salesorders", json={"name": "Order", "order_details": [{"productdescription": "Bell"}]}
    )
    assert dataverse_store.count("salesorderdetails") == 1
    await dataverse.delete(order.headers["OData-EntityId"])
    assert dataverse_store.count("salesorderdetails") == 0
    await dataverse.delete(f"contacts({IRIS})")
    assert stored(dataverse_store, BIKES)["_primarycontactid_value"] is None


async def test_users_are_not_deleted(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.delete(f"systemusers({ADA})")).status_code == 405


async def test_one_column_is_set_and_cleared_on_its_own(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    assert (await dataverse.put(f"accounts({QUAY})/name", json={"value": "Quay"})).status_code == 204
    assert (await dataverse.delete(f"accounts({QUAY})/description")).status_code == 204
    row = stored(dataverse_store, QUAY)
    assert (row["name"], row["description"]) == ("Quay", None)


@pytest.mark.parametrize("column", ["createdon", "_primarycontactid_value", "accountid"])
async def test_columns_that_are_not_the_callers_are_not_cleared(dataverse: httpx.AsyncClient, column: str) -> None:
    assert (await dataverse.delete(f"accounts({QUAY})/{column}")).status_code == 400


async def test_a_lookup_is_set_and_cleared_by_reference(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    reference = {"@odata.id": f"{ROOT}contacts({IRIS})"}
    assert (await dataverse.put(f"accounts({QUAY})/primarycontactid/$ref", json=reference)).status_code == 204
    assert stored(dataverse_store, QUAY)["_primarycontactid_value"] == IRIS
    assert (await dataverse.delete(f"accounts({QUAY})/primarycontactid/$ref")).status_code == 204
    assert stored(dataverse_store, QUAY)["_primarycontactid_value"] is None
    assert (await dataverse.delete(f"accounts({QUAY})/createdby/$ref")).status_code == 405
    assert (await dataverse.delete(f"accounts({QUAY})/primarycontactid")).status_code == 405


async def test_a_row_enters_and_leaves_a_collection_by_reference(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    collection = f"accounts({BIKES})/contact_customer_accounts"
    response = await dataverse.post(f"{collection}/$ref", json={"@odata.id": f"{ROOT}contacts({IRIS})"})
    assert response.status_code == 204
    assert stored(dataverse_store, IRIS, table="contacts")["_accountid_value"] == BIKES
    assert (await dataverse.delete(f"{collection}({IRIS})/$ref")).status_code == 204
    assert stored(dataverse_store, IRIS, table="contacts")["_parentcustomerid_value"] is None
    assert (await dataverse.delete(f"{collection}({IRIS})/$ref")).status_code == 404


async def test_an_alternate_key_is_unique(dataverse: httpx.AsyncClient) -> None:
    expected = {"code": "0x80040237", "message": "Cannot insert duplicate key."}
    created = await dataverse.post("accounts", json={"name": "New", "accountnumber": "c1"})
    updated = await dataverse.patch(f"accounts({BIKES})", json={"accountnumber": "C1"})
    for response in (created, updated):
        assert (response.status_code, response.json()["error"]) == (412, expected)
    assert (await dataverse.patch(f"accounts({QUAY})", json={"accountnumber": "C1"})).status_code == 204


async def test_rows_without_an_alternate_key_do_not_collide(dataverse: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await dataverse.post("accounts", json={"name": "No number"})).status_code == 204


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"creditlimit": NaN}', b"\xff", b'{"name": "\\ud800"}', b'{"a":' * 9999 + b"1" + b"}" * 9999],
)
async def test_a_body_that_is_no_object_is_refused(dataverse: httpx.AsyncClient, body: bytes) -> None:
    assert error(await dataverse.post("accounts", content=body)) == (400, "0x80048d19")


@pytest.mark.parametrize(
    "body",
    [
        {"nothing": 1},
        {"_primarycontactid_value": IRIS},
        {"name": 5},
        {"numberofemployees": "5"},
        {"numberofemployees": True},
        {"numberofemployees": 5.5},
        {"creditonhold": 1},
        {"creditlimit": "5"},
        {"accountid": "not a guid"},
        {"lastonholdtime": "2026-05-04"},
        {"lastonholdtime": "0001-01-01T00:00:00+14:00"},
        {"contact_customer_accounts": {"lastname": "Vos"}},
    ],
)
async def test_a_body_that_does_not_fit_the_model_is_refused(
    dataverse: httpx.AsyncClient, body: Mapping[str, object]
) -> None:
    assert error(await dataverse.post("accounts", json=body)) == (400, "0x80048d19")
