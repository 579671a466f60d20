"""Business Central, line 6: page sizes per request, the make of next links, and what `$top` leaves for them."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from tests.checklist.answers import Row, refusal, row

pytestmark = pytest.mark.anyio

SMALL = {"Prefer": "odata.maxpagesize=70"}


async def walk(client: httpx.AsyncClient, address: str, headers: dict[str, str]) -> list[list[Row]]:
    """The rows of every page, the page size asked for each time."""
    pages = []
    following: str | None = address
    while following:
        page = row(await client.get(following, headers=headers))
        pages.append(page["value"])
        following = page.get("@odata.nextLink")
    return pages


async def test_a_page_size_holds_for_its_request_only(business_central: httpx.AsyncClient) -> None:
    answer = await business_central.get("customers", headers=SMALL)
    assert answer.headers["preference-applied"] == "odata.maxpagesize=70"
    page = row(answer)
    assert len(page["value"]) == 70
    rest = row(await business_central.get(page["@odata.nextLink"]))
    assert len(rest["value"]) == 130
    assert "@odata.nextLink" not in rest
    pages = await walk(business_central, "customers", SMALL)
    assert [len(found) for found in pages] == [70, 70, 60]


@pytest.mark.parametrize("address", ["customers", "customers?$orderby=city desc", "customers?$filter=city ne 'Lyon'"])
async def test_pages_hold_every_row_once(business_central: httpx.AsyncClient, address: str) -> None:
    whole = [found["id"] for found in row(await business_central.get(address))["value"]]
    pages = await walk(business_central, address, SMALL)
    assert [found["id"] for page in pages for found in page] == whole
    assert len(set(whole)) == len(whole)


async def test_a_next_link_is_the_request_with_a_token(business_central: httpx.AsyncClient) -> None:
    address = "customers?$select=id,number&$filter=number gt 'C00050'&tenant=x&$count=true"
    page = row(await business_central.get(address, headers=SMALL))
    link = page["@odata.nextLink"]
    assert link.endswith(f"&aid=FIN&$skiptoken={page['value'][-1]['id']}")
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{business_central.base_url}customers"
    kept = parse_qs(parts.query)
    assert (kept["$select"], kept["tenant"], kept["$count"]) == (["id,number"], ["x"], ["true"])
    following = row(await business_central.get(link, headers=SMALL))
    assert following["@odata.count"] == page["@odata.count"]
    assert following["value"][0].keys() == {"@odata.etag", "id", "number"}
    assert following["@odata.nextLink"].count("$skiptoken") == 1


@pytest.mark.parametrize(("top", "sizes"), [(70, [70]), (69, [69]), (71, [70, 1]), (150, [70, 70, 10]), (0, [0])])
async def test_top_is_reduced_to_what_remains(business_central: httpx.AsyncClient, top: int, sizes: list[int]) -> None:
    pages = await walk(business_central, f"customers?$top={top}", SMALL)
    assert [len(page) for page in pages] == sizes
    first = row(await business_central.get(f"customers?$top={top}", headers=SMALL))
    if top > 70:
        assert parse_qs(urlsplit(first["@odata.nextLink"]).query)["$top"] == [str(top - 70)]
    else:
        assert "@odata.nextLink" not in first


async def test_rows_that_come_and_go_between_pages_do_no_harm(business_central: httpx.AsyncClient) -> None:
    page = row(await business_central.get("customers?$orderby=number", headers=SMALL))
    await business_central.post("customers", json={"displayName": "early", "number": "A1"})
    rest = row(await business_central.get(page["@odata.nextLink"]))
    seen = [found["number"] for found in (*page["value"], *rest["value"])]
    assert len(seen) == len(set(seen)) == 200


@pytest.mark.parametrize("token", ["3f0c0000-0000-4000-8000-000000000999", "abc", ""])
async def test_a_token_that_leads_nowhere_is_refused(business_central: httpx.AsyncClient, token: str) -> None:
    answer = await business_central.get(f"customers?aid=FIN&$skiptoken={token}")
    assert refusal(answer) == (400, "SkipTokenIsNoLongerValid")


async def test_rows_without_an_id_are_paged_too(analytics: httpx.AsyncClient) -> None:
    for name in ("outstandingSalesLines", "itemLedgerEntries", "customerLedgerEntries", "items"):
        whole = row(await analytics.get(name))["value"]
        pages = await walk(analytics, name, SMALL)
        assert len(pages) == -(-len(whole) // 70)
        assert [found for page in pages for found in page] == whole


async def test_no_page_is_larger_than_20000_rows(sandbox: Sandbox, business_central: httpx.AsyncClient) -> None:
    rows = ({"id": f"3f0c0000-0000-4000-8000-{n:012d}", "code": f"X{n:06d}"} for n in range(20_001))
    sandbox.business_central.seed("shipmentMethods", rows)
    for headers in ({}, {"Prefer": "odata.maxpagesize=50000"}):
        page = row(await business_central.get("shipmentMethods?$select=id", headers=headers))
        assert len(page["value"]) == 20_000
        assert "@odata.nextLink" in page
