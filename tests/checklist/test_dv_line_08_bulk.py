"""Line 8: CreateMultiple, UpdateMultiple and UpsertMultiple, all or nothing."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

KIND = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
MISSING = "00000009-0000-4000-8000-000000000000"


async def send(client: httpx.AsyncClient, name: str, *targets: object) -> httpx.Response:
    return await client.post(f"accounts/Microsoft.Dynamics.CRM.{name}", json={"Targets": targets})


async def create(client: httpx.AsyncClient, *names: str) -> list[str]:
    response = await send(client, "CreateMultiple", *({**KIND, "name": name} for name in names))
    assert response.status_code == 200
    keys: list[str] = response.json()["Ids"]
    return keys


async def name_of(client: httpx.AsyncClient, key: str) -> str:
    return str((await client.get(f"accounts({key})?$select=name")).json().get("name"))


async def count(client: httpx.AsyncClient) -> str:
    return (await client.get("accounts/$count")).text


async def test_create_multiple_answers_with_the_keys_in_order(dataverse: httpx.AsyncClient) -> None:
    targets = [{**KIND, "name": "Harbour Bikes BV"}, {**KIND, "name": "Quay Cycles"}]
    response = await send(dataverse, "CreateMultiple", *targets)
    body = response.json()
    context = f"{dataverse.base_url}$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
    assert (response.status_code, body["@odata.context"]) == (200, context)
    assert [await name_of(dataverse, key) for key in body["Ids"]] == ["Harbour Bikes BV", "Quay Cycles"]


async def test_update_multiple_finds_rows_by_primary_key(dataverse: httpx.AsyncClient) -> None:
    keys = await create(dataverse, "A", "B")
    response = await send(
        dataverse, "UpdateMultiple", *({**KIND, "accountid": key, "name": f"New {key}"} for key in keys)
    )
    assert (response.status_code, response.content) == (204, b"")
    assert [await name_of(dataverse, key) for key in keys] == [f"New {key}" for key in keys]


async def test_upsert_multiple_finds_rows_by_alternate_or_primary_key(dataverse: httpx.AsyncClient) -> None:
    by_number = {**KIND, "@odata.id": "accounts(accountnumber='N-1')"}
    by_key = {**KIND, "accountid": MISSING}
    for name in ("First", "Second"):
        response = await send(dataverse, "UpsertMultiple", {**by_number, "name": name}, {**by_key, "name": name})
        assert (response.status_code, response.content) == (204, b"")
        assert await name_of(dataverse, MISSING) == name
        found = (await dataverse.get("accounts(accountnumber='N-1')?$select=name")).json()
        assert found["name"] == name


@pytest.mark.parametrize("name", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
async def test_the_type_of_each_row_is_mandatory(dataverse: httpx.AsyncClient, name: str) -> None:
    before = await count(dataverse)
    key = (await create(dataverse, "A"))[0]
    response = await send(dataverse, name, {**KIND, "accountid": key, "name": "B"}, {"accountid": key, "name": "B"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")
    assert await name_of(dataverse, key) == "A"
    assert int(await count(dataverse)) == int(before) + 1


@pytest.mark.parametrize("name", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
async def test_one_bad_row_undoes_all(dataverse: httpx.AsyncClient, name: str) -> None:
    first, second = await create(dataverse, "A", "B")
    good = {**KIND, "name": "Changed"} | ({} if name == "CreateMultiple" else {"accountid": first})
    bad = {**KIND, "name": "x" * 161} | ({} if name == "CreateMultiple" else {"accountid": second})
    before = await count(dataverse)
    response = await send(dataverse, name, good, bad)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80044331")
    assert [await name_of(dataverse, first), await count(dataverse)] == ["A", before]


async def test_an_update_of_a_missing_row_undoes_all(dataverse: httpx.AsyncClient) -> None:
    key = (await create(dataverse, "A"))[0]
    targets = [{**KIND, "accountid": key, "name": "B"}, {**KIND, "accountid": MISSING, "name": "C"}]
    response = await send(dataverse, "UpdateMultiple", *targets)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "0x80040217")
    assert await name_of(dataverse, key) == "A"


async def test_delete_multiple_is_not_for_standard_tables(dataverse: httpx.AsyncClient) -> None:
    key = (await create(dataverse, "A"))[0]
    response = await send(dataverse, "DeleteMultiple", {**KIND, "accountid": key})
    assert response.json()["error"]["message"] == "DeleteMultiple has not yet been implemented."
    assert await name_of(dataverse, key) == "A"


async def test_a_thousand_rows_fit_one_request(dataverse: httpx.AsyncClient) -> None:
    keys = await create(dataverse, *(f"Shop {number}" for number in range(1000)))
    assert len(set(keys)) == 1000


async def test_the_messages_stand_in_the_metadata(dataverse: httpx.AsyncClient) -> None:
    document = (await dataverse.get("$metadata")).text
    for name in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple"):
        assert f'<Action Name="{name}" IsBound="true">' in document


async def test_the_tables_that_have_a_message_can_be_asked_for(dataverse: httpx.AsyncClient) -> None:
    condition = "sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq"
    for entity, found in (("account", 1), ("serviceendpoint", 0)):
        response = await dataverse.get(f"sdkmessagefilters?$filter={condition} '{entity}'")
        assert len(response.json()["value"]) == found
    response = await dataverse.post("serviceendpoints/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": []})
    assert response.status_code == 404
