"""Line 4: a write answers 204 with `OData-EntityId` unless the row is asked for; then 201 or 200 with the row."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

NEW = "00000009-0000-4000-8000-000000000000"
REPRESENTATION = {"Prefer": "return=representation"}


async def test_a_created_row_is_answered_with_its_address(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.post("accounts", json={"name": "New"})
    assert (response.status_code, response.content) == (204, b"")
    address = response.headers["OData-EntityId"]
    assert address.startswith(f"{dataverse.base_url}accounts(")
    assert response.headers["Location"] == address
    assert response.headers["OData-Version"] == "4.0"
    assert "Preference-Applied" not in response.headers
    assert (await dataverse.get(f"{address}?$select=name")).json()["name"] == "New"


async def test_a_created_row_is_returned_on_request(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.post("accounts?$select=name,statecode", json={"name": "New"}, headers=REPRESENTATION)
    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "return=representation"
    assert "OData-EntityId" not in response.headers
    body = response.json()
    assert body["@odata.context"] == f"{dataverse.base_url}$metadata#accounts(name,statecode)/$entity"
    assert (body["name"], body["statecode"], "telephone1" in body) == ("New", 0, False)
    assert response.headers["ETag"] == body["@odata.etag"]


async def test_an_upsert_answers_204_either_way(dataverse: httpx.AsyncClient) -> None:
    for _ in range(2):
        response = await dataverse.patch(f"accounts({NEW})", json={"name": "New"})
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["OData-EntityId"] == f"{dataverse.base_url}accounts({NEW})"


async def test_an_upsert_with_representation_answers_201_and_200(dataverse: httpx.AsyncClient) -> None:
    for status in (201, 200):
        response = await dataverse.patch(
            f"accounts({NEW})?$select=name&$expand=primarycontactid", json={"name": "New"}, headers=REPRESENTATION
        )
        assert (response.status_code, response.json()["name"]) == (status, "New")
        assert "telephone1" not in response.json()
        assert "primarycontactid" not in response.json(), "$expand is ignored by an update"


async def test_a_row_is_created_with_related_rows_at_once(dataverse: httpx.AsyncClient) -> None:
    body = {
        "name": "New",
        "primarycontactid": {"lastname": "Vos"},
        "opportunity_customer_accounts": [{"name": "First"}, {"name": "Second"}],
    }
    address = (
        "accounts?$select=name&$expand=primarycontactid($select=fullname),opportunity_customer_accounts($select=name)"
    )
    row = (await dataverse.post(address, json=body, headers=REPRESENTATION)).json()
    assert row["primarycontactid"]["fullname"] == "Vos"
    assert {deal["name"] for deal in row["opportunity_customer_accounts"]} == {"First", "Second"}


async def test_a_deep_insert_is_all_or_nothing(dataverse: httpx.AsyncClient) -> None:
    before = (await dataverse.get("accounts/$count")).text
    body = {"name": "New", "opportunity_customer_accounts": [{"name": "Fine"}, {"name": "x" * 301}]}
    assert (await dataverse.post("accounts", json=body)).status_code == 400
    assert (await dataverse.get("accounts/$count")).text == before


async def test_other_writes_have_nothing_to_return(dataverse: httpx.AsyncClient) -> None:
    await dataverse.patch(f"accounts({NEW})", json={"name": "New"})
    for response in (
        await dataverse.put(f"accounts({NEW})/name", json={"value": "Newer"}),
        await dataverse.delete(f"accounts({NEW})/description"),
        await dataverse.delete(f"accounts({NEW})"),
    ):
        assert (response.status_code, response.content) == (204, b"")
