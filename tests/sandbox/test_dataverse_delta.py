"""Change tracking of the Dataverse simulator: delta links, what they answer, and when they are no longer good."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import httpx
import pytest

from gateway.sandbox.dataverse.app import dataverse_app
from gateway.sandbox.dataverse.delta_token import ChangeTracking
from gateway.sandbox.expression import parse_filter, parse_orderby
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ROOT = "http://crm.example/api/data/v9.2/"
TRACK = {"Prefer": "odata.track-changes"}
START = datetime(2026, 5, 4, 7, 45, 10, 999, tzinfo=UTC)


def verify(_: str) -> Mapping[str, object]:
    """Everybody is Ada."""
    return {"oid": "0000fa01-0000-4000-8000-000000000000", "scp": "user_impersonation"}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def key(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def named(number: int, name: str | None = None) -> dict[str, object]:
    return {"accountid": key(number), "name": name or f"Account {number}"}


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed("accounts", [named(number) for number in range(5)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracking() -> ChangeTracking:
    return ChangeTracking()


@pytest.fixture
async def tracked(dataverse_store: Store, clock: Clock, tracking: ChangeTracking) -> AsyncIterator[httpx.AsyncClient]:
    """Dataverse whose clock the test holds; Ada is signed in."""
    app = dataverse_app(dataverse_store, verify=verify, now=clock, tracking=tracking)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ROOT, headers={"Authorization": "Bearer x"}) as client:
        yield client


async def start(client: httpx.AsyncClient, address: str = "accounts?$select=name") -> str:
    """The delta link at the end of a full listing."""
    following = address
    while True:
        body = (await client.get(following, headers=TRACK)).json()
        if "@odata.deltaLink" in body:
            return str(body["@odata.deltaLink"])
        following = body["@odata.nextLink"]


def ids(body: dict[str, list[dict[str, str]]]) -> tuple[list[str], list[str]]:
    """The keys of changed rows and of deleted ones, in the order given."""
    changed = [row["accountid"] for row in body["value"] if "accountid" in row]
    return changed, [row["id"] for row in body["value"] if row.get("reason") == "deleted"]


async def test_the_first_call_lists_every_row_and_ends_in_a_delta_link(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    dataverse_store.delete("accounts", key(4))
    response = await tracked.get("accounts?$select=name", headers=TRACK)
    body = response.json()
    assert response.headers["Preference-Applied"] == "odata.track-changes"
    assert body["@odata.context"] == f"{ROOT}$metadata#accounts(name)"
    assert ids(body) == ([key(number) for number in range(4)], [])
    version = dataverse_store.version
    assert body["@odata.deltaLink"] == (
        f"{ROOT}accounts?$select=name&$deltatoken={version}%2105%2f04%2f2026%2007%3a45%3a10"
    )


async def test_without_the_preference_there_is_no_delta_link(tracked: httpx.AsyncClient) -> None:
    response = await tracked.get("accounts?$select=name")
    assert "@odata.deltaLink" not in response.json()
    assert "Preference-Applied" not in response.headers


async def test_only_the_last_page_has_the_delta_link(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=2"}
    version = dataverse_store.version
    following, links = "accounts?$select=name", []
    while following:
        response = await tracked.get(following, headers=prefer)
        assert response.headers["Preference-Applied"] == "odata.maxpagesize=2,odata.track-changes"
        links.append({name for name in response.json() if name.endswith("Link")})
        following, last = response.json().get("@odata.nextLink"), response.json()
        dataverse_store.update("accounts", key(3), {"name": "Written meanwhile"})
    assert links == [{"@odata.nextLink"}, {"@odata.nextLink"}, {"@odata.deltaLink"}]
    assert f"$deltatoken={version}%21" in last["@odata.deltaLink"]


async def test_pages_of_a_tracked_listing_say_so_in_their_cookie(tracked: httpx.AsyncClient) -> None:
    prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=2"}
    link = (await tracked.get("accounts?$select=name", headers=prefer)).json()["@odata.nextLink"]
    assert link.endswith("%20istracking=%22True%22%20/%3E")
    assert unquote(link).startswith(f'{ROOT}accounts?$select=name&$skiptoken=<cookie pagenumber="2" ')
    followed = (await tracked.get(link, headers={"Prefer": "odata.maxpagesize=3"})).json()
    assert "@odata.deltaLink" in followed


async def test_a_delta_holds_changed_rows_in_full_and_then_deleted_ones(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    link = await start(tracked, "accounts?$select=name,accountnumber")
    dataverse_store.delete("accounts", key(1))
    dataverse_store.update("accounts", key(3), {"name": "Third"})
    dataverse_store.insert("accounts", named(9))
    dataverse_store.update("accounts", key(0), {"telephone1": "010"})
    body = (await tracked.get(link)).json()
    context = f"{ROOT}$metadata#accounts"
    assert list(body) == ["@odata.context", "@odata.deltaLink", "value"]
    assert body["@odata.context"] == f"{context}(name,accountnumber)/$delta"
    assert ids(body) == ([key(3), key(9), key(0)], [key(1)])
    version = dataverse_store.get("accounts", key(3))
    assert version is not None
    assert body["value"][0] == {
        "@odata.etag": f'W/"{version.version}"',
        "name": "Third",
        "accountnumber": None,
        "accountid": key(3),
    }
    gone = {"@odata.context": f"{context}/$deletedEntity", "id": key(1), "reason": "deleted"}
    assert body["value"][-1] == gone


async def test_a_new_link_leads_to_what_comes_after(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    link = await start(tracked)
    dataverse_store.update("accounts", key(3), {"name": "Third"})
    link = (await tracked.get(link)).json()["@odata.deltaLink"]
    assert ids((await tracked.get(link)).json()) == ([], [])
    dataverse_store.update("accounts", key(2), {"name": "Second"})
    assert ids((await tracked.get(link)).json()) == ([key(2)], [])


async def test_a_link_may_be_followed_again(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    link = await start(tracked)
    dataverse_store.update("accounts", key(3), {"name": "Third"})
    first, second = [(await tracked.get(link)).json()["value"] for _ in range(2)]
    assert first == second
    assert len(first) == 1


async def test_a_row_created_and_deleted_between_two_calls_is_told_as_deleted(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    link = await start(tracked)
    dataverse_store.insert("accounts", named(9))
    dataverse_store.delete("accounts", key(9))
    assert ids((await tracked.get(link)).json()) == ([], [key(9)])


async def test_a_row_that_is_back_is_not_told_as_deleted(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    link = await start(tracked)
    dataverse_store.delete("accounts", key(1))
    dataverse_store.insert("accounts", named(1, "Back"))
    assert ids((await tracked.get(link)).json()) == ([key(1)], [])


async def test_rows_of_other_tables_are_not_told(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    link = await start(tracked)
    dataverse_store.insert("contacts", {"contactid": key(1)})
    dataverse_store.delete("contacts", key(1))
    assert ids((await tracked.get(link)).json()) == ([], [])


async def test_rows_and_deletions_of_a_delta_share_pages(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    link = await start(tracked)
    for number in (0, 1, 2):
        dataverse_store.update("accounts", key(number), {"name": "New"})
    for number in (3, 4):
        dataverse_store.delete("accounts", key(number))
    pages, following = [], link
    while following:
        body = (await tracked.get(following, headers={"Prefer": "odata.maxpagesize=2"})).json()
        pages.append(ids(body))
        following = body.get("@odata.nextLink", "")
    assert pages == [([key(0), key(1)], []), ([key(2)], [key(3)]), ([], [key(4)])]
    assert "@odata.deltaLink" in body


async def test_a_page_that_rows_fill_leaves_deletions_to_the_next(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    link = await start(tracked)
    dataverse_store.update("accounts", key(0), {"name": "New"})
    dataverse_store.delete("accounts", key(1))
    first = (await tracked.get(link, headers={"Prefer": "odata.maxpagesize=1"})).json()
    second = (await tracked.get(first["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=1"})).json()
    assert (ids(first), ids(second)) == (([key(0)], []), ([], [key(1)]))


async def test_more_than_five_thousand_changes_come_in_pages(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    link = await start(tracked)
    dataverse_store.seed("accounts", (named(number) for number in range(100, 5101)))
    first = (await tracked.get(link)).json()
    second = (await tracked.get(first["@odata.nextLink"])).json()
    assert (len(first["value"]), len(second["value"])) == (5000, 1)


async def test_what_is_written_while_a_delta_is_read_comes_with_the_next(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    link = await start(tracked)
    for number in (0, 1, 2):
        dataverse_store.update("accounts", key(number), {"name": "New"})
    first = (await tracked.get(link, headers={"Prefer": "odata.maxpagesize=2"})).json()
    dataverse_store.update("accounts", key(0), {"name": "Newer"})
    dataverse_store.delete("accounts", key(4))
    second = (await tracked.get(first["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"})).json()
    assert ids(second) == ([key(2)], [])
    assert ids((await tracked.get(second["@odata.deltaLink"])).json()) == ([key(0)], [key(4)])


async def test_only_the_number_of_changes_is_told_on_request(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    token = (await start(tracked)).partition("$deltatoken=")[2]
    dataverse_store.update("accounts", key(0), {"name": "New"})
    dataverse_store.insert("accounts", named(9))
    dataverse_store.delete("accounts", key(4))
    assert (await tracked.get(f"accounts/$count?$deltatoken={token}")).text == "3"
    assert (await tracked.get(f"accounts?$count=true&$deltatoken={token}")).json()["@odata.count"] == 3
    assert (await tracked.get("accounts?$count=true", headers=TRACK)).json()["@odata.count"] == 5


@pytest.mark.parametrize("option", ["$filter=name eq 'A'", "$orderby=name", "$expand=primarycontactid", "$top=1"])
async def test_options_that_tracking_does_not_know_are_refused(tracked: httpx.AsyncClient, option: str) -> None:
    name = option.partition("=")[0]
    link = await start(tracked)
    for response in (
        await tracked.get(f"accounts?$select=name&{option}", headers=TRACK),
        await tracked.get(f"{link}&{option}"),
    ):
        assert response.status_code == 400
        assert response.json()["error"]["message"] == (
            f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
        )


async def test_annotations_are_given_in_a_delta_too(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    link = await start(tracked, "accounts?$select=statecode")
    dataverse_store.update("accounts", key(0), {"statecode": 1})
    body = (await tracked.get(link, headers={"Prefer": 'odata.include-annotations="*"'})).json()
    assert body["value"][0]["statecode@OData.Community.Display.V1.FormattedValue"] == "Inactive"
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == -1


def expired(response: httpx.Response) -> bool:
    message = "Version stamp associated with the client has expired. Please perform a full sync."
    return (response.status_code, response.json()) == (400, {"error": {"code": "0x80044352", "message": message}})


async def test_a_link_is_good_for_seven_days(tracked: httpx.AsyncClient, clock: Clock) -> None:
    link = await start(tracked)
    clock.now = START + timedelta(days=7) - timedelta(seconds=1)
    assert (await tracked.get(link)).status_code == 200
    clock.now = START + timedelta(days=7, seconds=1)
    assert expired(await tracked.get(link))
    assert expired(await tracked.get(f"accounts/$count?{link.partition('?')[2].partition('&')[2]}"))


async def test_the_lifetime_of_links_can_be_set(
    tracked: httpx.AsyncClient, clock: Clock, tracking: ChangeTracking
) -> None:
    link = await start(tracked)
    tracking.lifetime = timedelta(days=30)
    clock.now = START + timedelta(days=29)
    assert (await tracked.get(link)).status_code == 200
    tracking.lifetime = timedelta(hours=1)
    assert expired(await tracked.get(link))


async def test_all_links_can_expire_at_once_and_new_ones_are_good(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    old = await start(tracked)
    dataverse_store.forget_changes()
    assert expired(await tracked.get(old))
    assert (await tracked.get(await start(tracked))).status_code == 200
    dataverse_store.clear()
    dataverse_store.seed("systemusers", [])
    assert dataverse_store.history_start == dataverse_store.version


async def test_a_link_from_a_later_life_of_the_data_has_expired(
    tracked: httpx.AsyncClient, dataverse_store: Store
) -> None:
    token = quote(f"{dataverse_store.version + 1}!05/04/2026 07:45:10", safe="")
    assert expired(await tracked.get(f"accounts?$deltatoken={token}"))


@pytest.mark.parametrize("token", ["", "12", "x!05/04/2026 07:45:10", "12!2026-05-04", "12!13/41/2026 07:45:10"])
async def test_a_token_of_ones_own_making_is_refused(tracked: httpx.AsyncClient, token: str) -> None:
    response = await tracked.get(f"accounts?$deltatoken={quote(token, safe='')}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


async def test_a_cookie_of_another_request_is_refused(tracked: httpx.AsyncClient, dataverse_store: Store) -> None:
    size = {"Prefer": "odata.maxpagesize=1"}
    listing = (await tracked.get("accounts", headers={"Prefer": "odata.track-changes,odata.maxpagesize=1"})).json()
    link = await start(tracked, "accounts")
    dataverse_store.update("accounts", key(0), {"name": "New"})
    dataverse_store.update("accounts", key(1), {"name": "New"})
    delta = (await tracked.get(link, headers=size)).json()
    delta_cookie = delta["@odata.nextLink"].partition("$skiptoken=")[2]
    listing_cookie = listing["@odata.nextLink"].partition("$skiptoken=")[2]
    for address in (f"accounts?$skiptoken={delta_cookie}", f"{link}&$skiptoken={listing_cookie}"):
        response = await tracked.get(address, headers=size)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


async def test_a_table_without_change_tracking_has_no_delta_links(tracked: httpx.AsyncClient) -> None:
    response = await tracked.get("businessunits?$select=name", headers=TRACK)
    assert response.status_code == 400
    assert "Change tracking is not enabled" in response.json()["error"]["message"]
    assert (await tracked.get("businessunits?$select=name")).status_code == 200


async def test_rows_are_tracked_only_as_a_set(tracked: httpx.AsyncClient) -> None:
    response = await tracked.get(f"accounts({key(1)})", headers=TRACK)
    assert (response.status_code, "Preference-Applied" in response.headers) == (200, False)


def test_a_delta_is_found_by_an_index(dataverse_store: Store) -> None:
    seen: list[str] = []
    connection = dataverse_store._connection
    connection.set_trace_callback(seen.append)
    within = parse_filter("versionnumber gt 1 and versionnumber le 9")
    dataverse_store.select("accounts", where=within, order=parse_orderby("versionnumber"), limit=2)
    connection.set_trace_callback(None)
    plan = [str(row[-1]) for row in connection.execute(f"EXPLAIN QUERY PLAN {seen[-1]}")]
    assert len(plan) == 1
    assert "USING INDEX" in plan[0]
