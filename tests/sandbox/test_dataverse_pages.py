"""Pages of the Dataverse simulator: sizes, next links, and the cookie that leads from one page to the next."""

from urllib.parse import unquote

import httpx
import pytest

from gateway.sandbox.dataverse.cookie import CookieError, read_cookie, write_cookie
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

GUID = "5d0e1c77-2f10-ef11-9f8a-000d3a2b1c0d"


def account(number: int, **columns: object) -> dict[str, object]:
    return {"accountid": f"000000{number:02}-0000-4000-8000-000000000000", "name": f"Account {number:02}", **columns}


async def walk(client: httpx.AsyncClient, address: str, *, size: int = 2) -> list[list[str]]:
    """The names on every page from an address to the end."""
    pages = []
    following: str | None = address
    while following:
        body = (await client.get(following, headers={"Prefer": f"odata.maxpagesize={size}"})).json()
        pages.append([row["name"] for row in body["value"]])
        following = body.get("@odata.nextLink")
    return pages


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed("accounts", [account(number) for number in range(5)])


async def test_a_page_size_cuts_the_rows_into_pages(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("accounts?$select=name", headers={"Prefer": "odata.maxpagesize=2"})
    assert response.headers["Preference-Applied"] == "odata.maxpagesize=2"
    pages = await walk(dataverse, "accounts?$select=name")
    assert pages == [["Account 00", "Account 01"], ["Account 02", "Account 03"], ["Account 04"]]


async def test_a_full_last_page_has_no_next_link(dataverse: httpx.AsyncClient) -> None:
    assert len(await walk(dataverse, "accounts?$select=name", size=5)) == 1


async def test_the_next_link_repeats_the_query_and_adds_a_cookie(dataverse: httpx.AsyncClient) -> None:
    address = "accounts?$select=name&$orderby=name%20desc"
    link = (await dataverse.get(address, headers={"Prefer": "odata.maxpagesize=2"})).json()["@odata.nextLink"]
    start, _, token = link.partition("&$skiptoken=")
    assert start == f"http://crm.example/api/data/v9.2/{address}"
    prefix = "%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22"
    assert token.startswith(prefix)
    assert token.endswith("%22%20istracking=%22False%22%20/%3E")
    inner = token.removeprefix(prefix).removesuffix("%22%20istracking=%22False%22%20/%3E")
    assert unquote(unquote(inner)) == (
        '<cookie page="1"><name last="Account 03" first="Account 04" />'
        '<accountid last="{00000003-0000-4000-8000-000000000000}" first="{00000004-0000-4000-8000-000000000000}" /></cookie>'
    )


async def test_rows_that_come_and_go_neither_repeat_nor_hide_others(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    first = await dataverse.get("accounts?$select=name&$orderby=name", headers={"Prefer": "odata.maxpagesize=2"})
    dataverse_store.insert("accounts", {**account(77), "name": "Account 00a"})
    dataverse_store.delete("accounts", account(1)["accountid"])
    assert await walk(dataverse, first.json()["@odata.nextLink"]) == [["Account 02", "Account 03"], ["Account 04"]]


@pytest.mark.parametrize(
    "order",
    [
        "creditlimit desc",
        "statecode desc,name",
        "creditonhold",
        "createdon",
        "_primarycontactid_value",
        "primarycontactid/fullname",
        "accountid",
        "creditlimit,accountid desc",
    ],
)
async def test_every_order_is_paged_without_loss_even_over_nulls(
    dataverse: httpx.AsyncClient, dataverse_store: Store, order: str
) -> None:
    contact = "00000c01-0000-4000-8000-000000000000"
    dataverse_store.seed("contacts", [{"contactid": contact, "fullname": "0123 <Vos> & 'Zonen' \"BV\""}])
    filled = {
        "creditlimit": "12.5",
        "statecode": 1,
        "creditonhold": True,
        "createdon": "2026-11-16T08:00:00Z",
        "_primarycontactid_value": contact,
    }
    dataverse_store.seed("accounts", [account(number, **filled) for number in range(5, 10)])
    everything = [
        name for page in await walk(dataverse, f"accounts?$select=name&$orderby={order}", size=100) for name in page
    ]
    pages = await walk(dataverse, f"accounts?$select=name&$orderby={order}", size=3)
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert [name for page in pages for name in page] == everything


async def test_top_ends_the_answer_without_a_link(dataverse: httpx.AsyncClient) -> None:
    body = (await dataverse.get("accounts?$select=name&$top=2")).json()
    assert len(body["value"]) == 2
    assert "@odata.nextLink" not in body


async def test_top_has_no_effect_beside_a_page_size(dataverse: httpx.AsyncClient) -> None:
    assert await walk(dataverse, "accounts?$select=name&$top=1", size=4) == [
        ["Account 00", "Account 01", "Account 02", "Account 03"],
        ["Account 04"],
    ]


async def test_a_top_that_is_no_number_is_refused(dataverse: httpx.AsyncClient) -> None:
    assert (await dataverse.get("accounts?$top=-1")).status_code == 400


async def test_a_page_size_beyond_five_thousand_means_five_thousand(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    dataverse_store.seed("uoms", ({"uomid": f"00000000-0000-4000-8000-{n:012}"} for n in range(5001)))
    for headers in ({"Prefer": "odata.maxpagesize=9000"}, {}):
        body = (await dataverse.get("uoms?$select=name", headers=headers)).json()
        assert len(body["value"]) == 5000
        assert len((await dataverse.get(body["@odata.nextLink"], headers=headers)).json()["value"]) == 1


@pytest.mark.parametrize(
    "token", ["rubbish", "%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22x%22%20istracking=%22False%22%20/%3E"]
)
async def test_a_skip_token_of_ones_own_making_is_refused(dataverse: httpx.AsyncClient, token: str) -> None:
    response = await dataverse.get(f"accounts?$skiptoken={token}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


async def test_a_cookie_with_impossible_values_is_refused(dataverse: httpx.AsyncClient) -> None:
    marks = {"creditlimit": "many", "accountid": GUID}
    token = write_cookie(2, first=marks, last=marks)
    response = await dataverse.get(f"accounts?$orderby=creditlimit&$skiptoken={token}")
    assert response.status_code == 400


async def test_a_cookie_of_another_query_is_refused(dataverse: httpx.AsyncClient) -> None:
    first = await dataverse.get("accounts?$select=name&$orderby=name", headers={"Prefer": "odata.maxpagesize=2"})
    link = first.json()["@odata.nextLink"].replace("$orderby=name", "$orderby=telephone1")
    assert (await dataverse.get(link)).status_code == 400


def test_a_cookie_is_read_as_it_was_written() -> None:
    last = {"name": 'A "quoted" <name> & more\n%', "creditlimit": None, "accountid": GUID}
    written = write_cookie(7, first=last, last=last)
    cookie = read_cookie(unquote(written))
    assert (cookie.page, cookie.last) == (7, last)


def test_a_cookie_without_the_right_frame_is_an_error() -> None:
    with pytest.raises(CookieError):
        read_cookie("<cookie />")
