"""Line 5: the cookie in `$skiptoken` has the recorded shape; a page holds 5,000 rows at most; `$skip` is refused; counts
stop at 5,000."""

import re
from urllib.parse import unquote

import httpx
import pytest

from gateway.sandbox.app import Sandbox

pytestmark = pytest.mark.anyio

TWO = {"Prefer": "odata.maxpagesize=2"}
GUID = r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
OUTER = re.compile(
    "%3Ccookie%20pagenumber=%22(\\d+)%22%20pagingcookie=%22([^%]*(?:%25[0-9a-f]{2}[^%]*)*)%22"
    "%20istracking=%22False%22%20/%3E"
)


@pytest.fixture
def many(sandbox: Sandbox) -> None:
    """More units than a page holds."""
    rows = ({"uomid": f"00000000-0000-4000-9000-{n:012}", "name": f"Unit {n}"} for n in range(5010))
    sandbox.dataverse.seed("uoms", rows)


async def token(client: httpx.AsyncClient, address: str) -> str:
    link = (await client.get(address, headers=TWO)).json()["@odata.nextLink"]
    start, _, text = link.partition("&$skiptoken=")
    assert start == f"{client.base_url}{address}", "the link repeats the address as it was sent"
    return str(text)


async def test_the_cookie_is_encoded_as_recorded(dataverse: httpx.AsyncClient) -> None:
    outer = OUTER.fullmatch(await token(dataverse, "accounts?$select=name"))
    assert outer is not None
    inner = unquote(unquote(outer[2]))
    assert outer[1] == "2"
    assert re.fullmatch(f'<cookie page="1"><accountid last="{GUID}" first="{GUID}" /></cookie>', inner)
    assert outer[2].startswith("%253ccookie%2520page%253d%25221%2522%253e%253caccountid%2520last%253d%2522%257b")


async def test_the_sort_column_precedes_the_key(dataverse: httpx.AsyncClient) -> None:
    outer = OUTER.fullmatch(await token(dataverse, "accounts?$select=name&$orderby=name%20desc"))
    assert outer is not None
    names = re.findall(r"<(\w+) last=", unquote(unquote(outer[2])))
    assert names == ["name", "accountid"]


async def test_every_row_comes_once(dataverse: httpx.AsyncClient) -> None:
    prefer = {"Prefer": "odata.maxpagesize=50"}
    seen, following, numbers = [], "accounts?$select=name&$orderby=name", []
    while following:
        response = await dataverse.get(following, headers=prefer)
        assert response.headers["Preference-Applied"] == "odata.maxpagesize=50"
        seen += [row["accountid"] for row in response.json()["value"]]
        following = response.json().get("@odata.nextLink", "")
        numbers += re.findall(r"pagenumber=%22(\d+)%22", following)
    assert len(seen) == len(set(seen)) == int((await dataverse.get("accounts/$count")).text)
    assert numbers == [str(number) for number in range(2, len(numbers) + 2)]


async def test_the_page_size_must_be_repeated(dataverse: httpx.AsyncClient) -> None:
    link = (await dataverse.get("accounts?$select=name", headers=TWO)).json()["@odata.nextLink"]
    assert len((await dataverse.get(link)).json()["value"]) > 2


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("headers", [{}, {"Prefer": "odata.maxpagesize=9000"}])
async def test_a_page_holds_five_thousand_rows_at_most(dataverse: httpx.AsyncClient, headers: dict[str, str]) -> None:
    body = (await dataverse.get("uoms?$select=name", headers=headers)).json()
    assert len(body["value"]) == 5000
    assert "@odata.nextLink" in body


@pytest.mark.usefixtures("many")
async def test_counts_stop_at_five_thousand(dataverse: httpx.AsyncClient) -> None:
    annotated = {"Prefer": 'odata.include-annotations="*",odata.maxpagesize=1'}
    body = (await dataverse.get("uoms?$select=name&$count=true", headers=annotated)).json()
    assert body["@odata.count"] == body["@Microsoft.Dynamics.CRM.totalrecordcount"] == 5000
    assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True
    assert (await dataverse.get("uoms/$count")).text == "5000"
    counted = await dataverse.get("RetrieveTotalRecordCount(EntityNames=['uom'])")
    assert counted.json()["EntityRecordCountCollection"]["Values"][0] > 5000


@pytest.mark.parametrize("option", ["$skip=1", "$search=a", "$levels=2", "$format=json"])
async def test_options_that_dataverse_lacks_are_refused(dataverse: httpx.AsyncClient, option: str) -> None:
    response = await dataverse.get(f"accounts?$select=name&{option}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


async def test_top_has_no_pages_and_no_effect_beside_a_page_size(dataverse: httpx.AsyncClient) -> None:
    body = (await dataverse.get("accounts?$select=name&$top=3")).json()
    assert (len(body["value"]), "@odata.nextLink" in body) == (3, False)
    body = (await dataverse.get("accounts?$select=name&$top=1", headers=TWO)).json()
    assert (len(body["value"]), "@odata.nextLink" in body) == (2, True)


async def test_a_cookie_of_another_query_is_refused(dataverse: httpx.AsyncClient) -> None:
    text = await token(dataverse, "accounts?$select=name&$orderby=name")
    assert (await dataverse.get(f"accounts?$select=name&$skiptoken={text}")).status_code == 400
    assert (await dataverse.get("accounts?$select=name&$skiptoken=2")).status_code == 400
