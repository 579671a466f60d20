"""Business Central, line 7: a PATCH without `If-Match` is 400, with a stale ETag 409."""

import httpx
import pytest

from tests.checklist.answers import Row, first, refusal, row

pytestmark = pytest.mark.anyio

TOKEN_TEXT = (
    "Could not validate the client concurrency token required by the service. "
    "Please provide a valid token in the client request."
)
CHANGED_TEXT = "Another user has already changed the record."


@pytest.fixture
async def customer(business_central: httpx.AsyncClient) -> Row:
    return await first(business_central, "customers?$filter=number eq 'C00210'")


@pytest.mark.parametrize("header", [None, "", "abc", 'W/"abc"', '"JzE5OzQ4MjA3"', 'W/"JzE5OzQ4MjA3MTU1MDkzMTg4'])
async def test_a_missing_or_malformed_etag_is_400(
    business_central: httpx.AsyncClient, customer: Row, header: str | None
) -> None:
    headers = {} if header is None else {"If-Match": header}
    answer = await business_central.patch(f"customers({customer['id']})", json={"city": "Oslo"}, headers=headers)
    assert refusal(answer) == (400, "BadRequest_InvalidToken")
    assert answer.json()["error"]["message"].startswith(TOKEN_TEXT)
    assert (await business_central.get(f"customers({customer['id']})")).json()["city"] == customer["city"]


async def test_a_stale_etag_is_409_and_not_412(business_central: httpx.AsyncClient, customer: Row) -> None:
    address, tag = f"customers({customer['id']})", {"If-Match": customer["@odata.etag"]}
    changed = row(await business_central.patch(address, json={"city": "Oslo"}, headers=tag))
    answer = await business_central.patch(address, json={"city": "Bergen"}, headers=tag)
    assert refusal(answer) == (409, "Request_EntityChanged")
    assert answer.json()["error"]["message"].startswith(CHANGED_TEXT)
    again = {"If-Match": changed["@odata.etag"]}
    assert row(await business_central.patch(address, json={"city": "Bergen"}, headers=again))["city"] == "Bergen"


async def test_a_star_forces_the_change(business_central: httpx.AsyncClient, customer: Row) -> None:
    address = f"customers({customer['id']})"
    for city in ("Oslo", "Bergen"):
        answer = await business_central.patch(address, json={"city": city}, headers={"If-Match": "*"})
        assert row(answer)["city"] == city


async def test_a_delete_looks_at_an_etag_only_when_it_is_sent(business_central: httpx.AsyncClient) -> None:
    created = [row(await business_central.post("contacts", json={"displayName": "x"}), 201) for _ in range(2)]
    stale = {"If-Match": created[0]["@odata.etag"]}
    address = f"contacts({created[0]['id']})"
    await business_central.patch(address, json={"city": "Oslo"}, headers={"If-Match": "*"})
    assert refusal(await business_central.delete(address, headers=stale)) == (409, "Request_EntityChanged")
    malformed = await business_central.delete(address, headers={"If-Match": "abc"})
    assert refusal(malformed) == (400, "BadRequest_InvalidToken")
    assert (await business_central.delete(address)).status_code == 204
    fresh = {"If-Match": created[1]["@odata.etag"]}
    assert (await business_central.delete(f"contacts({created[1]['id']})", headers=fresh)).status_code == 204


async def test_an_action_looks_at_an_etag_only_when_it_is_sent(business_central: httpx.AsyncClient) -> None:
    orders = (await business_central.get("salesOrders?$top=2")).json()["value"]
    for order, headers in zip(orders, ({"If-Match": orders[0]["@odata.etag"]}, {}), strict=True):
        address = f"salesOrders({order['id']})"
        change = {"externalDocumentNumber": "x"}
        await business_central.patch(address, json=change, headers={"If-Match": "*"})
        answer = await business_central.post(f"{address}/Microsoft.NAV.shipAndInvoice", headers=headers)
        if headers:
            assert refusal(answer) == (409, "Request_EntityChanged")
        else:
            assert answer.status_code == 204


async def test_the_etag_of_a_row_is_in_the_header_too(business_central: httpx.AsyncClient, customer: Row) -> None:
    answer = await business_central.get(f"customers({customer['id']})")
    assert answer.headers["etag"] == customer["@odata.etag"] == answer.json()["@odata.etag"]
