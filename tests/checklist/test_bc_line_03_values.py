"""Business Central, line 3: defaults instead of nulls, milliseconds without trailing zeros, encoded enumeration values,
and the make of an ETag."""

import base64
import re

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from tests.checklist.answers import first, row, rows

pytestmark = pytest.mark.anyio

ZERO = "00000000-0000-0000-0000-000000000000"
STANDARD_SETS = ["customers", "items", "contacts", "salesOrders", "salesInvoices", "salespeoplePurchasers", "locations"]


@pytest.mark.parametrize("name", STANDARD_SETS)
async def test_no_row_has_a_null(business_central: httpx.AsyncClient, name: str) -> None:
    for found in rows(await business_central.get(name)):
        assert None not in found.values(), found


async def test_what_was_left_out_or_null_comes_back_as_the_empty_value(business_central: httpx.AsyncClient) -> None:
    body = {"displayName": "Empty shelves", "city": None, "creditLimit": None, "blocked": None, "currencyId": None}
    created = row(await business_central.post("customers", json=body), 201)
    assert (created["city"], created["creditLimit"], created["taxLiable"]) == ("", 0, False)
    assert (created["currencyId"], created["taxAreaId"], created["blocked"]) == (ZERO, ZERO, "_x0020_")
    order = row(await business_central.post("salesOrders", json={"customerId": created["id"]}), 201)
    assert order["requestedDeliveryDate"] == "0001-01-01"


async def test_an_unset_moment_is_the_first_of_all(sandbox: Sandbox, business_central: httpx.AsyncClient) -> None:
    sandbox.business_central.seed("locations", [{"id": "3f0c0000-0000-4000-8000-000000000001", "code": "NEW"}])
    found = await first(business_central, "locations?$filter=code eq 'NEW'")
    assert found["lastModifiedDateTime"] == "0001-01-01T00:00:00Z"


async def test_moments_lose_trailing_zeros(sandbox: Sandbox, business_central: httpx.AsyncClient) -> None:
    key = (await first(business_central, "customers?$top=1"))["id"]
    for stored, shown in [("22.370", "22.37"), ("09.000", "09"), ("09.125", "09.125"), ("10.100", "10.1")]:
        changed = {"lastModifiedDateTime": f"2026-05-04T07:41:{stored}Z"}
        sandbox.business_central.update("customers", key, changed)
        found = row(await business_central.get(f"customers({key})"))
        assert found["lastModifiedDateTime"] == f"2026-05-04T07:41:{shown}Z"


async def test_every_seeded_moment_is_trimmed(business_central: httpx.AsyncClient) -> None:
    moments = [found["lastModifiedDateTime"] for found in rows(await business_central.get("customers"))]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,2}[1-9])?Z", moment) for moment in moments)


@pytest.mark.parametrize(("caption", "wire"), [("Non-Inventory", "Non_x002D_Inventory"), ("Service", "Service")])
async def test_an_option_is_encoded_and_taken_either_way(
    business_central: httpx.AsyncClient, caption: str, wire: str
) -> None:
    for given in (caption, wire):
        created = row(await business_central.post("items", json={"displayName": "x", "type": given}), 201)
        assert created["type"] == wire
        found = rows(await business_central.get(f"items?$filter=type eq '{given}' and id eq {created['id']}"))
        assert [one["type"] for one in found] == [wire]


async def test_a_document_in_review_and_an_adjustment_are_encoded(
    sandbox: Sandbox, business_central: httpx.AsyncClient, analytics: httpx.AsyncClient
) -> None:
    order = await first(business_central, "salesOrders?$filter=status eq 'Draft'")
    sandbox.business_central.update("salesOrders", order["id"], {"status": "In_x0020_Review"})
    found = rows(await business_central.get("salesOrders?$filter=status eq 'In Review'"))
    assert [(one["id"], one["status"]) for one in found] == [(order["id"], "In_x0020_Review")]
    item = await first(business_central, "items?$filter=number eq '1001'")
    changed = await business_central.patch(
        f"items({item['id']})", json={"inventory": item["inventory"] + 3}, headers={"If-Match": "*"}
    )
    assert changed.status_code == 200
    entry = await first(analytics, "itemLedgerEntries?$orderby=entryNo desc&$top=1")
    assert (entry["entryType"], entry["quantity"]) == ("Positive_x0020_Adjmt_x002E_", 3)


async def test_an_etag_has_the_recorded_make_and_changes_with_the_row(business_central: httpx.AsyncClient) -> None:
    seen = set()
    for found in rows(await business_central.get("customers")):
        tag = found["@odata.etag"]
        seen.add(tag)
        match = re.fullmatch(r'W/"([A-Za-z0-9+/=]+)"', tag)
        assert match
        content = re.fullmatch(r"'(\d+);(\d{18,20})1;00;'", base64.b64decode(match[1]).decode())
        assert content
        assert int(content[1]) == len(content[2])
    assert len(seen) == 200
    address = f"customers({found['id']})"
    headers = {"If-Match": found["@odata.etag"]}
    changed = row(await business_central.patch(address, json={"city": "Oslo"}, headers=headers))
    assert changed["@odata.etag"] != found["@odata.etag"]
    assert list(changed)[1] == "@odata.etag"


async def test_money_shows_the_local_code_while_the_id_stays_zero(business_central: httpx.AsyncClient) -> None:
    found = await first(business_central, "customers?$filter=number eq 'C00210'")
    assert (found["currencyCode"], found["currencyId"]) == ("EUR", ZERO)
    foreign = await first(business_central, "customers?$filter=number eq 'C00077'&$expand=currency")
    assert foreign["currencyCode"] == foreign["currency"]["code"] == "USD"
