"""Bulk messages of the Dataverse simulator: many rows in one request, all of them or none."""

from collections.abc import Mapping

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
BIKES = "00000002-0000-4000-8000-000000000000"
NEW = "00000009-0000-4000-8000-000000000000"
ROOT = "http://crm.example/api/data/v9.2/"
MESSAGE = "accounts/Microsoft.Dynamics.CRM."


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": QUAY, "name": "Quay Cycles", "accountnumber": "C1", "statecode": 0, "statuscode": 1},
            {"accountid": BIKES, "name": "Harbour Bikes", "accountnumber": "C2", "statecode": 0, "statuscode": 1},
        ],
    )


def account(**columns: object) -> dict[str, object]:
    kind, reference = {"@odata.type": "Microsoft.Dynamics.CRM.account"}, columns.pop("at", None)
    return {**kind, **({"@odata.id": reference} if reference else {}), **columns}


async def send(client: httpx.AsyncClient, name: str, *targets: object) -> httpx.Response:
    return await client.post(f"{MESSAGE}{name}", json={"Targets": targets})


def names(store: Store) -> dict[object, object]:
    return {row["accountnumber"]: row["name"] for row in store.select("accounts")}


async def test_created_rows_are_answered_with_their_keys_in_order(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    response = await send(dataverse, "CreateMultiple", account(name="A"), account(name="B", accountid=NEW))
    body = response.json()
    assert response.status_code == 200
    assert body["@odata.context"] == f"{ROOT}$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
    created = [dataverse_store.get("accounts", key) for key in body["Ids"]]
    assert [row and row["name"] for row in created] == ["A", "B"]
    assert body["Ids"][1] == NEW


async def test_rows_are_updated_by_their_primary_key(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    response = await send(
        dataverse, "UpdateMultiple", account(accountid=QUAY, name="Q"), account(accountid=BIKES, name="H")
    )
    assert (response.status_code, response.content) == (204, b"")
    assert names(dataverse_store) == {"C1": "Q", "C2": "H"}


async def test_rows_are_upserted_by_reference_or_by_primary_key(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    response = await send(
        dataverse,
        "UpsertMultiple",
        account(at="accounts(accountnumber='C1')", name="Q"),
        account(at=f"{ROOT}accounts(accountnumber='C3')", name="Three"),
        account(accountid=NEW, name="Nine", accountnumber="C9"),
        account(accountid=BIKES, name="H"),
    )
    assert (response.status_code, response.content) == (204, b"")
    assert names(dataverse_store) == {"C1": "Q", "C2": "H", "C3": "Three", "C9": "Nine"}


async def test_an_upsert_meets_the_row_it_created_before(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    by_number = "accounts(accountnumber='C7')"
    await send(dataverse, "UpsertMultiple", account(at=by_number, name="First"), account(at=by_number, name="Then"))
    assert names(dataverse_store)["C7"] == "Then"


@pytest.mark.parametrize(
    ("name", "good", "bad", "refusal"),
    [
        ("CreateMultiple", account(name="A"), account(name="x" * 161), (400, "0x80044331")),
        ("CreateMultiple", account(name="A"), account(name="B", accountid=QUAY), (412, "0x80040237")),
        ("UpdateMultiple", account(accountid=QUAY, name="A"), account(accountid=NEW, name="B"), (404, "0x80040217")),
        ("UpdateMultiple", account(accountid=QUAY, name="A"), account(name="B"), (400, "0x80048d19")),
        (
            "UpsertMultiple",
            account(at="accounts(accountnumber='C1')", name="A"),
            account(at="accounts(accountnumber='C4')", statuscode=2),
            (400, "0x80048408"),
        ),
    ],
)
async def test_one_bad_row_leaves_none_of_them(
    dataverse: httpx.AsyncClient,
    dataverse_store: Store,
    name: str,
    good: Mapping[str, object],
    bad: Mapping[str, object],
    refusal: tuple[int, str],
) -> None:
    before = dataverse_store.select("accounts")
    response = await send(dataverse, name, good, bad)
    assert (response.status_code, response.json()["error"]["code"]) == refusal
    assert dataverse_store.select("accounts") == before


@pytest.mark.parametrize("name", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
@pytest.mark.parametrize(
    "target",
    [
        {"accountid": QUAY, "name": "A"},
        {"@odata.type": "Microsoft.Dynamics.CRM.contact", "accountid": QUAY, "name": "A"},
        {"@odata.type": None, "name": "A"},
        "accounts",
    ],
)
async def test_every_row_must_name_its_type(
    dataverse: httpx.AsyncClient, dataverse_store: Store, name: str, target: object
) -> None:
    response = await send(dataverse, name, target)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")
    assert names(dataverse_store) == {"C1": "Quay Cycles", "C2": "Harbour Bikes"}


async def test_the_type_may_start_with_a_number_sign(dataverse: httpx.AsyncClient) -> None:
    target = {"@odata.type": "#Microsoft.Dynamics.CRM.account", "name": "A"}
    assert (await send(dataverse, "CreateMultiple", target)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"Targets": {}}, {"targets": []}])
async def test_targets_must_be_a_list(dataverse: httpx.AsyncClient, body: Mapping[str, object]) -> None:
    response = await dataverse.post(f"{MESSAGE}CreateMultiple", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")


async def test_a_reference_to_another_table_is_refused(dataverse: httpx.AsyncClient) -> None:
    response = await send(dataverse, "UpsertMultiple", account(at=f"contacts({NEW})", name="A"))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")


async def test_rows_of_standard_tables_are_not_deleted_in_bulk(dataverse: httpx.AsyncClient) -> None:
    response = await send(dataverse, "DeleteMultiple", account(accountid=QUAY))
    assert response.status_code == 501
    assert response.json()["error"]["message"] == "DeleteMultiple has not yet been implemented."


async def test_a_message_of_an_unknown_table_is_not_found(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.post("acounts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": []})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "0x80060888")
    response = await dataverse.get(f"{MESSAGE}CreateMultiple")
    assert response.status_code == 404


async def test_a_thousand_rows_are_one_transaction(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    told: list[int] = []
    dataverse_store.listen(lambda writes: told.append(len(writes)))
    targets = [account(name=f"Shop {number}", accountnumber=f"N{number}") for number in range(1000)]
    response = await send(dataverse, "CreateMultiple", *targets)
    assert len(response.json()["Ids"]) == 1000
    keyed = [account(accountid=key, telephone1="010") for key in response.json()["Ids"]]
    assert (await send(dataverse, "UpdateMultiple", *keyed)).status_code == 204
    assert told == [1000, 1000]
