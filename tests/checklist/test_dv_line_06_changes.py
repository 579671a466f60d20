"""Line 6: delta tokens, deleted rows, the error of a token older than seven days, refused options."""

import re
from datetime import timedelta

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity import people

pytestmark = pytest.mark.anyio

TRACK = {"Prefer": "odata.track-changes"}
TOKEN = re.compile(r"&\$deltatoken=\d+%21\d\d%2f\d\d%2f\d{4}%20\d\d%3a\d\d%3a\d\d")
EXPIRED = "Version stamp associated with the client has expired. Please perform a full sync."


async def follow(client: httpx.AsyncClient, address: str, **headers: str) -> tuple[list[dict[str, str]], str]:
    """All pages from an address: what they hold, and the delta link of the last."""
    rows: list[dict[str, str]] = []
    while True:
        response = await client.get(address, headers=headers)
        assert response.status_code == 200, response.text
        body = response.json()
        rows += body["value"]
        if "@odata.deltaLink" in body:
            assert "@odata.nextLink" not in body
            return rows, body["@odata.deltaLink"]
        address = body["@odata.nextLink"]


async def start(client: httpx.AsyncClient) -> str:
    return (await follow(client, "accounts?$select=name,accountnumber", **TRACK))[1]


async def created(client: httpx.AsyncClient, name: str) -> str:
    """The key of a new account."""
    response = await client.post("accounts", json={"name": name})
    return response.headers["OData-EntityId"].rpartition("(")[2][:-1]


async def test_the_first_call_lists_everything_over_pages(dataverse: httpx.AsyncClient) -> None:
    prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=50"}
    first = await dataverse.get("accounts?$select=name", headers=prefer)
    assert first.headers["Preference-Applied"] == "odata.maxpagesize=50,odata.track-changes"
    assert len(first.json()["value"]) == 50
    rows, link = await follow(dataverse, "accounts?$select=name", **prefer)
    assert len(rows) == int((await dataverse.get("accounts/$count")).text)
    assert not [row for row in rows if "reason" in row]
    start = f"{dataverse.base_url}accounts?$select=name"
    assert link.startswith(start)
    assert TOKEN.fullmatch(link.removeprefix(start))


async def test_a_delta_holds_changed_rows_by_version_and_then_deleted_ones(dataverse: httpx.AsyncClient) -> None:
    first, second, third = [await created(dataverse, name) for name in ("First", "Second", "Third")]
    link = await start(dataverse)
    await dataverse.delete(f"accounts({second})")
    await dataverse.patch(f"accounts({third})", json={"accountnumber": "T-3"})
    fourth = await created(dataverse, "Fourth")
    await dataverse.patch(f"accounts({first})", json={"telephone1": "010"})
    body = (await dataverse.get(link)).json()
    assert body["@odata.context"] == f"{dataverse.base_url}$metadata#accounts(name,accountnumber)/$delta"
    assert [row.get("accountid") for row in body["value"]] == [third, fourth, first, None]
    assert body["value"][0] == {
        "@odata.etag": body["value"][0]["@odata.etag"],
        "name": "Third",
        "accountnumber": "T-3",
        "accountid": third,
    }
    assert body["value"][3] == {
        "@odata.context": f"{dataverse.base_url}$metadata#accounts/$deletedEntity",
        "id": second,
        "reason": "deleted",
    }
    assert (await follow(dataverse, body["@odata.deltaLink"]))[0] == []


async def test_a_row_that_came_and_went_is_told_as_deleted(dataverse: httpx.AsyncClient) -> None:
    link = await start(dataverse)
    key = await created(dataverse, "Short")
    await dataverse.delete(f"accounts({key})")
    rows, _ = await follow(dataverse, link)
    assert [(row["id"], row["reason"]) for row in rows] == [(key, "deleted")]


async def test_writes_during_the_pages_of_a_delta_are_not_lost(dataverse: httpx.AsyncClient) -> None:
    keys = [await created(dataverse, f"Shop {number}") for number in range(3)]
    link = await start(dataverse)
    for key in keys:
        await dataverse.patch(f"accounts({key})", json={"telephone1": "010"})
    page = (await dataverse.get(link, headers={"Prefer": "odata.maxpagesize=2"})).json()
    await dataverse.patch(f"accounts({keys[0]})", json={"telephone1": "020"})
    await dataverse.delete(f"accounts({keys[2]})")
    rest, link = await follow(dataverse, page["@odata.nextLink"], Prefer="odata.maxpagesize=2")
    assert rest == []
    rows, _ = await follow(dataverse, link)
    assert [row.get("accountid") or row["id"] for row in rows] == [keys[0], keys[2]]


async def test_the_number_of_changes_alone_can_be_asked_for(dataverse: httpx.AsyncClient) -> None:
    token = (await start(dataverse)).partition("$deltatoken=")[2]
    key = await created(dataverse, "New")
    assert (await dataverse.get(f"accounts/$count?$deltatoken={token}")).text == "1"
    await dataverse.delete(f"accounts({key})")
    await created(dataverse, "Other")
    assert (await dataverse.get(f"accounts/$count?$deltatoken={token}")).text == "2"


async def test_more_than_five_thousand_changes_are_paged(dataverse: httpx.AsyncClient, sandbox: Sandbox) -> None:
    link = await start(dataverse)
    rows = ({"accountid": f"00000000-0000-4000-9000-{n:012}", "name": "x"} for n in range(5001))
    sandbox.dataverse.seed("accounts", rows)
    first = (await dataverse.get(link)).json()
    assert (len(first["value"]), "@odata.deltaLink" in first) == (5000, False)
    assert len((await follow(dataverse, first["@odata.nextLink"]))[0]) == 1


@pytest.mark.parametrize("option", ["$filter=name eq 'A'", "$orderby=name", "$expand=primarycontactid", "$top=1"])
async def test_options_are_refused(dataverse: httpx.AsyncClient, option: str) -> None:
    name = option.partition("=")[0]
    link = await start(dataverse)
    for response in (
        await dataverse.get(f"accounts?{option}", headers=TRACK),
        await dataverse.get(f"{link}&{option}"),
    ):
        assert response.status_code == 400
        message = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
        assert response.json()["error"]["message"] == message


async def test_a_token_expires_after_seven_days(dataverse: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert sandbox.tracking.lifetime == timedelta(days=7)
    link = await start(dataverse)
    sandbox.tracking.lifetime = timedelta(days=-1)
    response = await dataverse.get(link)
    assert response.json() == {"error": {"code": "0x80044352", "message": EXPIRED}}
    assert response.status_code == 400


async def test_all_tokens_can_be_made_to_expire_at_once(dataverse: httpx.AsyncClient, sandbox: Sandbox) -> None:
    old = await start(dataverse)
    sandbox.dataverse.forget_changes()
    assert (await dataverse.get(old)).json()["error"]["code"] == "0x80044352"
    assert (await dataverse.get(await start(dataverse))).status_code == 200


async def test_a_table_must_have_change_tracking_on(dataverse: httpx.AsyncClient) -> None:
    definitions = await dataverse.get(
        "EntityDefinitions?$select=LogicalName,EntitySetName&$filter=ChangeTrackingEnabled eq false"
    )
    untracked = {row["EntitySetName"] for row in definitions.json()["value"]}
    assert "businessunits" in untracked
    assert not untracked & {"accounts", "contacts", "products", "salesorders"}
    response = await dataverse.get("businessunits?$select=name", headers=TRACK)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


async def test_changes_are_told_only_to_those_who_may_read_every_row(dataverse: httpx.AsyncClient) -> None:
    link = await start(dataverse)
    as_sales = {"CallerObjectId": people.SALES.object_id}
    assert (await dataverse.get("accounts?$select=name", headers=as_sales)).status_code == 200
    for address in ("accounts?$select=name", link):
        response = await dataverse.get(address, headers=as_sales | TRACK)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "0x80040220")
    assert (await dataverse.get("products?$select=name", headers=as_sales | TRACK)).status_code == 200
