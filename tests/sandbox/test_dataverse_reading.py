"""Reading the Dataverse simulator: addresses, columns, rows, counts, identity, and what is refused."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
BIKES = "00000002-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
EUR = "00000e01-0000-4000-8000-000000000000"
ROOT = "http://crm.example/api/data/v9.2/"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed(
        "accounts",
        [
            {
                "accountid": QUAY,
                "name": "Quay Cycles",
                "accountnumber": "C'0099",
                "creditlimit": "20000",
                "statecode": 0,
                "_primarycontactid_value": IRIS,
                "_transactioncurrencyid_value": EUR,
                "_ownerid_value": ADA,
                "createdon": "2026-05-04T07:41:22.123Z",
            },
            {"accountid": BIKES, "name": "Harbour Bikes", "accountnumber": "C00210", "statecode": 1},
        ],
    )
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos", "_parentcustomerid_value": QUAY}])


def error(response: httpx.Response) -> tuple[int, str, str]:
    body = response.json()["error"]
    return response.status_code, body["code"], body["message"]


async def names(client: httpx.AsyncClient, query: str) -> list[str]:
    response = await client.get(f"accounts?$select=name&{query}")
    assert response.status_code == 200, response.text
    return [row["name"] for row in response.json()["value"]]


async def test_the_service_root_lists_the_sets(dataverse: httpx.AsyncClient) -> None:
    sets = (await dataverse.get("")).json()["value"]
    assert {"name": "accounts", "kind": "EntitySet", "url": "accounts"} in sets


async def test_a_selection_returns_its_columns_and_always_the_primary_key(dataverse: httpx.AsyncClient) -> None:
    body = (await dataverse.get(f"accounts({QUAY})?$select=name,accountnumber")).json()
    assert body.pop("@odata.etag").startswith('W/"')
    assert body == {
        "@odata.context": f"{ROOT}$metadata#accounts(name,accountnumber)/$entity",
        "name": "Quay Cycles",
        "accountnumber": "C'0099",
        "accountid": QUAY,
    }


async def test_money_brings_its_currency_and_four_decimals(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get(f"accounts({QUAY})?$select=creditlimit")
    assert response.json()["_transactioncurrencyid_value"] == EUR
    assert '"creditlimit":20000.0000,' in response.text


async def test_without_a_selection_every_column_is_there_with_its_nulls(dataverse: httpx.AsyncClient) -> None:
    body = (await dataverse.get(f"accounts({QUAY})")).json()
    assert body["description"] is None
    assert body["createdon"] == "2026-05-04T07:41:22Z"
    assert f'W/"{body["versionnumber"]}"' == body["@odata.etag"]


async def test_an_unknown_column_is_named_in_the_refusal(dataverse: httpx.AsyncClient) -> None:
    expected = (400, "0x80060888", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.account'.")
    for query in ("$select=name,x", "$filter=x eq 1", "$orderby=x"):
        assert error(await dataverse.get(f"accounts?{query}")) == expected


async def test_an_unknown_set_is_a_segment_that_is_not_found(dataverse: httpx.AsyncClient) -> None:
    expected = (404, "0x80060888", "Resource not found for the segment 'acounts'.")
    assert error(await dataverse.get("acounts")) == expected


async def test_an_unknown_row_is_named_in_the_refusal(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get(f"accounts({IRIS})")
    assert error(response) == (404, "0x80040217", f"account With Id = {IRIS} Does Not Exist")


async def test_the_primary_key_may_be_named_except_for_principals(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get(f"accounts(accountid={QUAY})")).status_code == 200
    assert (await dataverse.get(f"systemusers({ADA})")).status_code == 200
    assert error(await dataverse.get(f"systemusers(systemuserid={ADA})"))[:2] == (400, "0x80060888")


async def test_a_user_carries_its_own_key_as_owner(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get(f"systemusers({ADA})?$select=fullname")).json()["ownerid"] == ADA


async def test_a_row_is_found_by_an_alternate_key(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get("accounts(accountnumber='C''0099')")).json()["accountid"] == QUAY
    missing = await dataverse.get("accounts(accountnumber='C1')")
    assert error(missing)[:2] == (404, "0x80060891")


async def test_a_key_that_is_not_defined_is_refused(dataverse: httpx.AsyncClient) -> None:
    status, _, message = error(await dataverse.get("accounts(name='Quay Cycles')"))
    assert status == 400
    assert message.startswith(
        "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.account'. "
        "Ensure that the names and number of key properties match"
    )


async def test_one_column_is_read_on_its_own(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get(f"accounts({QUAY})/name")).json()["value"] == "Quay Cycles"
    assert (await dataverse.get(f"accounts({QUAY})/description")).status_code == 204


async def test_navigations_are_read_as_rows_collections_and_references(dataverse: httpx.AsyncClient) -> None:
    single = await dataverse.get(f"accounts({QUAY})/primarycontactid?$select=fullname")
    assert single.json()["fullname"] == "Iris Vos"
    reference = await dataverse.get(f"accounts({QUAY})/primarycontactid/$ref")
    assert reference.json()["@odata.id"] == f"{ROOT}contacts({IRIS})"
    many = await dataverse.get(f"accounts({QUAY})/contact_customer_accounts?$select=fullname")
    assert [row["contactid"] for row in many.json()["value"]] == [IRIS]
    assert (await dataverse.get(f"accounts({BIKES})/primarycontactid")).status_code == 204


async def test_navigation_names_are_case_sensitive(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get(f"accounts({QUAY})/PrimaryContactId")).status_code == 404


@pytest.mark.parametrize("option", ["$skip=1", "$search=x", "$levels=2", "$format=json", "$apply=x", "page=2"])
async def test_options_dataverse_does_not_offer_are_refused(dataverse: httpx.AsyncClient, option: str) -> None:
    assert error(await dataverse.get(f"accounts?{option}"))[:2] == (400, "0x80060888")


async def test_a_repeated_option_is_refused(dataverse: httpx.AsyncClient) -> None:
    assert error(await dataverse.get("accounts?$top=1&$top=2"))[0] == 400


async def test_rows_are_counted(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get("accounts/$count")).text == "2"
    assert (await dataverse.get("accounts/$count?$filter=statecode eq 1")).text == "1"
    body = (await dataverse.get("accounts?$top=1&$count=true")).json()
    assert (body["@odata.count"], len(body["value"])) == (2, 1)


async def test_counts_stop_at_five_thousand(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    rows = ({"uomid": f"00000000-0000-4000-8000-{n:012}", "name": f"Unit {n}"} for n in range(5001))
    dataverse_store.seed("uoms", rows)
    assert (await dataverse.get("uoms/$count")).text == "5000"
    response = await dataverse.get("uoms?$count=true&$select=name", headers={"Prefer": 'odata.include-annotations="*"'})
    body = response.json()
    assert (body["@odata.count"], len(body["value"])) == (5000, 5000)
    assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True
    assert "@odata.nextLink" in body


async def test_rows_that_are_not_counted_say_so_in_annotations(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("accounts?$select=name", headers={"Prefer": 'odata.include-annotations="*"'})
    assert response.json()["@Microsoft.Dynamics.CRM.totalrecordcount"] == -1


async def test_choices_sort_by_label_and_lookups_by_name(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    dataverse_store.seed("opportunities", [
        {"opportunityid": f"0000000{n}-0000-4000-8000-0000000000ff", "name": label, "statecode": n, "_ownerid_value": owner}
        for n, label, owner in ((0, "Open", BEN), (1, "Won", ADA), (2, "Lost", BEN))
    ])  # fmt: skip
    by_label = (await dataverse.get("opportunities?$select=name&$orderby=statecode")).json()["value"]
    assert [row["name"] for row in by_label] == ["Lost", "Open", "Won"]
    by_name = (await dataverse.get("accounts?$select=name&$orderby=_primarycontactid_value desc")).json()["value"]
    assert [row["name"] for row in by_name] == ["Quay Cycles", "Harbour Bikes"]


async def test_text_sorts_without_regard_to_case(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    dataverse_store.insert("accounts", {"accountid": IRIS, "name": "iris"})
    assert await names(dataverse, "$orderby=name desc") == ["Quay Cycles", "iris", "Harbour Bikes"]


async def test_an_unchanged_row_is_not_sent_again(dataverse: httpx.AsyncClient) -> None:
    first = await dataverse.get(f"accounts({QUAY})?$select=name")
    assert first.headers["ETag"] == first.json()["@odata.etag"]
    unchanged = {"If-None-Match": first.headers["ETag"]}
    again = await dataverse.get(f"accounts({QUAY})?$select=name", headers=unchanged)
    assert (again.status_code, again.content) == (304, b"")
    changed = await dataverse.get(f"accounts({BIKES})?$select=name", headers=unchanged)
    assert changed.status_code == 200


async def test_more_than_the_row_itself_is_always_sent(dataverse: httpx.AsyncClient) -> None:
    tag = (await dataverse.get(f"accounts({QUAY})")).headers["ETag"]
    expanded = await dataverse.get(f"accounts({QUAY})?$expand=primarycontactid", headers={"If-None-Match": tag})
    annotated = {"If-None-Match": tag, "Prefer": 'odata.include-annotations="*"'}
    assert expanded.status_code == 200
    assert (await dataverse.get(f"accounts({QUAY})", headers=annotated)).status_code == 200


async def test_a_method_a_resource_lacks_is_405(dataverse: httpx.AsyncClient) -> None:
    for method, path in (("PUT", f"accounts({QUAY})"), ("DELETE", "accounts"), ("POST", f"accounts({QUAY})")):
        assert (await dataverse.request(method, path)).status_code == 405
