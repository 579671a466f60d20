"""Dataverse, line 5, for FetchXML: pages by cookie in the recorded shape, at most 5,000 rows each, counts to 5,000."""

import re
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company.identifiers import crm_id

pytestmark = pytest.mark.anyio

COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "@Microsoft.Dynamics.CRM.morerecords"
TOTAL = "@Microsoft.Dynamics.CRM.totalrecordcount"
ASKED = {"Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.*"'}
GUID = r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
OUTER = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"<>]*)" istracking="False" />')
INNER = re.compile(
    rf'<cookie page="(\d+)"><name last="[^"]*" first="[^"]*" /><accountid last="{GUID}" first="{GUID}" /></cookie>'
)


async def page(client: httpx.AsyncClient, attributes: str, *, entity: str = "account") -> dict[str, object]:
    """A page of names; clients send a page's cookie back in `attributes`."""
    xml = f'<fetch {attributes}><entity name="{entity}"><attribute name="name" /><order attribute="name" /></entity></fetch>'
    response = await client.get(f"{entity}s", params={"fetchXml": xml}, headers=ASKED)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


def names(body: dict[str, object]) -> list[str]:
    value = body["value"]
    assert isinstance(value, list)
    return [row["name"] for row in value]


async def test_a_cookie_is_encoded_twice_and_leads_through_every_row_once(dataverse: httpx.AsyncClient) -> None:
    whole = (await dataverse.get("accounts?$select=name&$orderby=name")).json()["value"]
    walked, number, cookie = [], 1, ""
    while True:
        body = await page(dataverse, f'count="20" page="{number}" {cookie}')
        walked += names(body)
        if not body[MORE]:
            break
        outer = OUTER.fullmatch(str(body[COOKIE]))
        assert outer
        assert outer[1] == str(number + 1)
        assert "%253c" in outer[2]
        inner = INNER.fullmatch(unquote(unquote(outer[2])))
        assert inner
        assert inner[1] == str(number)
        number, cookie = number + 1, f"paging-cookie={quoteattr(inner[0])}"
    assert number > 2
    assert COOKIE not in body
    assert walked == [row["name"] for row in whole]


async def test_a_page_and_a_count_stop_at_5000(dataverse: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.dataverse.seed(
        "uoms", ({"uomid": crm_id("line 5", number), "name": f"u{number}"} for number in range(5001))
    )
    for attributes in ("", 'count="6000"'):
        body = await page(dataverse, f'returntotalrecordcount="true" {attributes}', entity="uom")
        assert (len(names(body)), body[MORE]) == (5000, True)
        assert (body[TOTAL], body[f"{TOTAL}limitexceeded"]) == (5000, True)


async def test_without_a_cookie_pages_end_at_50000_rows(dataverse: httpx.AsyncClient) -> None:
    assert names(await page(dataverse, 'count="5000" page="10"')) == []
    xml = '<fetch count="5000" page="11"><entity name="account"><attribute name="name" /></entity></fetch>'
    assert (await dataverse.get("accounts", params={"fetchXml": xml})).status_code == 400
