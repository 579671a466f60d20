"""Reading while others write: listings without loss or repeat, and everything that changed, by watermark and delta link."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.clients.call import Call, Deadline
from gateway.errors import LinkExpiredError, NotFoundError, PreconditionFailedError, ProtocolError, RecordExistsError
from gateway.odata.query import Order, Query
from gateway.odata.response import Page
from gateway.odata.write import Create, Delete, Update, Upsert
from gateway.records import Record
from gateway.sandbox.app import BUSINESS_CENTRAL, DATAVERSE, Sandbox
from gateway.sandbox.faults import Kind, Rule
from tests.clients.over_sandbox import Clients

pytestmark = pytest.mark.anyio

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def call() -> Call:
    return Call(Deadline.after(3_600))


def written(record: Record | None) -> Record:
    assert record is not None
    return record


def key(record: Record, name: str = "id") -> UUID:
    return UUID(str(record.values[name]))


# -- listings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(), (Order("displayName"),), (Order("displayName", descending=True),)], ids=str)
async def test_rows_of_business_central_that_are_there_all_the_time_come_exactly_once(
    clients: Clients, call: Call, order: tuple[Order, ...]
) -> None:
    path, client = clients.in_company("customers"), clients.business_central
    query = Query(select=("id", "displayName"), order=order)
    before = [key(record) for record in await client.everything(path, query, call=call)]
    listed: list[UUID] = []
    async for page in client.pages(path, query, call=call, page_size=30):
        listed += [key(record) for record in page.records]
        for name in ("AAA first of all", f"M {len(listed)}", "ZZZ last of all"):
            await client.write(Create(path, uuid4(), {"displayName": name}), call=call)

    assert len(listed) == len(set(listed))
    assert [each for each in listed if each in set(before)] == before


async def test_rows_of_dataverse_that_are_there_all_the_time_come_exactly_once(clients: Clients, call: Call) -> None:
    client, query = clients.dataverse, Query(select=("accountid", "name"), order=(Order("name"),))
    before = [key(record, "accountid") for record in await client.everything("accounts", query, call=call)]
    listed: list[UUID] = []
    async for page in client.pages("accounts", query, call=call, page_size=30):
        listed += [key(record, "accountid") for record in page.records]
        for name in ("AAA first of all", f"M {len(listed)}", "ZZZ last of all"):
            await client.write(Create("accounts", uuid4(), {"name": name}), call=call)

    assert len(listed) == len(set(listed))
    assert [each for each in listed if each in set(before)] == before


async def test_a_listing_whose_last_row_vanishes_says_so_and_a_short_one_begins_again(
    clients: Clients, call: Call
) -> None:
    path, client = clients.in_company("customers"), clients.business_central
    fresh = written(await client.write(Create(path, uuid4(), {"displayName": "!"}), call=call))
    query = Query(select=("id",), order=(Order("displayName"),))
    pages = client.pages(path, query, call=call, page_size=1)
    assert [key(record) for record in (await anext(pages)).records] == [key(fresh)]
    await client.write(Delete(path, key(fresh), str(fresh.etag)), call=call)

    with pytest.raises(LinkExpiredError):
        await anext(pages)


async def test_a_short_listing_is_read_from_the_start_when_its_link_has_expired(
    clients: Clients, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, client = clients.in_company("currencies"), clients.business_central
    whole = await client.everything(path, Query(select=("code",)), call=call)
    beginnings: list[str] = []

    async def pages(*_: object, **__: object) -> AsyncIterator[Page]:
        beginnings.append("from the start")
        yield Page(tuple(whole[:2]))
        if len(beginnings) == 1:
            raise LinkExpiredError("gone", backend="BUSINESS_CENTRAL")
        yield Page(tuple(whole[2:]))

    monkeypatch.setattr(client, "pages", pages)

    assert await client.everything(path, Query(select=("code",)), call=call) == whole
    assert len(beginnings) == 2


# -- watermark --------------------------------------------------------------------------------------------------------


async def modified(clients: Clients, call: Call, since: datetime | None, size: int = 50) -> AsyncIterator[list[Record]]:
    path = clients.in_company("customers")
    found = clients.business_central.modified(path, ("displayName",), since=since, call=call, page_size=size)
    async for page in found:
        yield list(page.records)


async def test_what_was_modified_since_a_watermark_costs_one_request_whatever_the_size_of_the_table(
    clients: Clients, sandbox: Sandbox, call: Call
) -> None:
    path, client = clients.in_company("customers"), clients.business_central
    since = datetime.now(UTC) - timedelta(seconds=10)
    fresh = written(await client.write(Create(path, uuid4(), {"displayName": "Quay Cycles"}), call=call))
    sandbox.log.clear()

    found = [page async for page in client.modified(path, ("displayName",), since=since, call=call)]

    assert [key(record) for page in found for record in page.records] == [key(fresh)]
    assert found[-1].watermark == datetime.fromisoformat(str(fresh.values["lastModifiedDateTime"]))
    assert sandbox.log.load(BUSINESS_CENTRAL).requests == 1


@pytest.mark.parametrize("size", [1, 7, 50, 199, 200, 201])
async def test_every_row_comes_once_by_watermark_although_many_share_a_moment(
    clients: Clients, call: Call, size: int
) -> None:
    path = clients.in_company("customers")
    everything = await clients.business_central.everything(path, Query(select=("id",)), call=call)

    found = [key(record) async for page in modified(clients, call, None, size) for record in page]

    assert sorted(found) == sorted(key(record) for record in everything)


@pytest.mark.parametrize("size", [1, 7, 50, 199, 200, 201])
async def test_every_row_comes_once_page_by_page_although_each_page_begins_anew(
    clients: Clients, call: Call, size: int
) -> None:
    path, client = clients.in_company("customers"), clients.business_central
    everything = await client.everything(path, Query(select=("id",)), call=call)
    found: list[UUID] = []
    since: datetime | None = None
    while (page := await client.modified_page(path, (), since=since, call=call, page_size=size)) is not None:
        found += map(key, page.records)
        since = page.watermark
        if page.is_last:
            break
    assert sorted(found) == sorted(key(record) for record in everything)


async def test_a_page_of_changes_costs_one_request(clients: Clients, sandbox: Sandbox, call: Call) -> None:
    """Rows of different moments do; what shares the last moment of a page is not asked for besides."""
    path, client = clients.in_company("customers"), clients.business_central
    since = datetime.now(UTC) - timedelta(seconds=10)
    new = []
    for n in (1, 2, 3):
        sandbox.now = lambda n=n: since + timedelta(seconds=n)  # type: ignore[misc]  # what is bound is no argument of a clock
        new.append(written(await client.write(Create(path, uuid4(), {"displayName": f"Quay {n}"}), call=call)))
    sandbox.log.clear()
    first = await client.modified_page(path, (), since=since, call=call, page_size=2)
    assert first is not None
    second = await client.modified_page(path, (), since=first.watermark, call=call, page_size=2)
    assert second is not None
    assert [key(each) for each in (*first.records, *second.records)] == [key(each) for each in new]
    assert (len(first.records), first.is_last, second.is_last) == (2, False, True)
    assert sandbox.log.load(BUSINESS_CENTRAL).requests == 2


async def test_rows_that_change_while_they_are_read_come_again_and_none_is_left_out(
    clients: Clients, call: Call
) -> None:
    path, client = clients.in_company("customers"), clients.business_central
    everything = {key(record) for record in await client.everything(path, Query(select=("id",)), call=call)}
    names: dict[UUID, object] = {}
    rounds = 0
    async for page in modified(clients, call, EARLIEST, 40):
        names |= {key(record): record.values["displayName"] for record in page}
        if rounds < 4:  # the last row of the page moves to the end, where a link would look for it
            rounds += 1
            last = page[-1]
            change = Update(path, key(last), {"displayName": f"Changed {rounds}"}, str(last.etag))
            await client.write(change, call=call)

    assert names.keys() == everything
    now = {
        key(r): r.values["displayName"]
        for r in await client.everything(path, Query(select=("id", "displayName")), call=call)
    }
    assert names == now


async def test_a_backend_that_sends_rows_that_were_not_asked_for_is_not_read_for_ever(
    clients: Clients, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": str(UUID(int=n)), "lastModifiedDateTime": "2026-05-04T07:41:22.37Z"} for n in range(1, 4)]

    async def lie(*_: object, **__: object) -> httpx.Response:
        return httpx.Response(200, json={"value": rows})

    monkeypatch.setattr(clients.business_central.wire, "get", lie)
    since = datetime(2026, 5, 4, 8, tzinfo=UTC)
    with pytest.raises(ProtocolError, match="not asked for"):
        _ = [page async for page in modified(clients, call, since, 3)]


# -- delta links ------------------------------------------------------------------------------------------------------


async def test_a_delta_link_brings_what_changed_and_what_is_gone(
    clients: Clients, sandbox: Sandbox, call: Call
) -> None:
    client = clients.dataverse
    first = [page async for page in client.changes("accounts", ("name",), since=None, call=call, page_size=50)]
    known = {key(record, "accountid") for page in first for record in page.records}
    assert len(known) == sum(len(page.records) for page in first) == 192
    assert [page.delta_link is None for page in first] == [True, True, True, False]

    one, two = uuid4(), uuid4()
    created = written(await client.write(Create("accounts", one, {"name": "Quay Cycles"}), call=call))
    await client.write(Create("accounts", two, {"name": "Here and gone"}), call=call)
    await client.write(Update("accounts", one, {"name": "Quay & Wharf"}, str(created.etag)), call=call)
    gone = written(await client.write(Upsert("accounts", {"accountnumber": "Q-1"}, {"name": "Third"}), call=call))
    listed = await client.everything("accounts", Query(select=("accountid", "name")), call=call)
    third = next(record for record in listed if record.values["name"] == "Third")
    await client.write(Delete("accounts", key(third, "accountid"), str(gone.etag)), call=call)
    sandbox.log.clear()

    (page,) = [page async for page in client.changes("accounts", ("name",), since=first[-1].delta_link, call=call)]

    assert {key(r, "accountid"): r.values["name"] for r in page.records} == {one: "Quay & Wharf", two: "Here and gone"}
    assert page.deleted == (key(third, "accountid"),)
    assert sandbox.log.load(DATAVERSE).requests == 1
    nothing = [each async for each in client.changes("accounts", ("name",), since=page.delta_link, call=call)]
    assert [(each.records, each.deleted) for each in nothing] == [((), ())]


async def test_an_expired_delta_link_is_an_error_of_its_own(clients: Clients, sandbox: Sandbox, call: Call) -> None:
    client = clients.dataverse
    pages = [page async for page in client.changes("products", ("name",), since=None, call=call)]
    sandbox.faults.use([Rule("expired-delta")])

    with pytest.raises(LinkExpiredError):
        _ = [page async for page in client.changes("products", ("name",), since=pages[-1].delta_link, call=call)]

    again = [page async for page in client.changes("products", ("name",), since=None, call=call)]
    assert again[-1].delta_link is not None


async def test_a_delta_link_to_another_host_is_not_followed(clients: Clients, call: Call) -> None:
    link = "https://elsewhere.example/api/data/v9.2/accounts?$deltatoken=1"
    with pytest.raises(ProtocolError, match="another host"):
        _ = [page async for page in clients.dataverse.changes("accounts", ("name",), since=link, call=call)]


# -- writes against both simulators -----------------------------------------------------------------------------------


async def test_a_record_is_created_once_changed_under_its_etag_and_deleted_at_both_backends(
    clients: Clients, call: Call
) -> None:
    for client, path, name in (
        (clients.business_central, clients.in_company("customers"), "displayName"),
        (clients.dataverse, "accounts", "name"),
    ):
        create = Create(
            path,
            uuid4(),
            {name: "O'Neill & Söhne", "creditlimit" if name == "name" else "creditLimit": Decimal("12.50")},
        )
        created = written(await client.write(create, call=call))
        again = written(await client.write(create, call=call))
        assert again.etag == created.etag, "the second attempt found the row of the first"
        updated = written(await client.write(Update(path, create.id, {name: "Quay"}, str(created.etag)), call=call))
        assert updated.values[name] == "Quay"
        with pytest.raises(PreconditionFailedError):
            await client.write(Update(path, create.id, {name: "Wharf"}, str(created.etag)), call=call)
        with pytest.raises(PreconditionFailedError):
            await client.write(Delete(path, create.id, str(created.etag)), call=call)
        assert await client.write(Delete(path, create.id, str(updated.etag)), call=call) is None
        with pytest.raises(NotFoundError):
            await client.write(Delete(path, create.id, str(updated.etag)), call=call)


async def test_a_number_that_is_taken_is_another_record(clients: Clients, call: Call) -> None:
    path = clients.in_company("customers")
    with pytest.raises(RecordExistsError):
        await clients.business_central.write(Create(path, uuid4(), {"number": "C00210", "displayName": "x"}), call=call)


@pytest.mark.parametrize("kind", ["reset", "reset-after", "reset-body"])
@pytest.mark.parametrize("together", [False, True], ids=["each", "together"])
async def test_writes_whose_answers_are_lost_happen_once(
    clients: Clients, sandbox: Sandbox, call: Call, kind: Kind, together: bool
) -> None:
    for client, path, name in (
        (clients.business_central, clients.in_company("customers"), "displayName"),
        (clients.dataverse, "accounts", "name"),
    ):
        query = Query(select=(name,))
        before = len(await client.everything(path, query, call=call))
        sandbox.faults.use([Rule(kind, count=1, path="*$batch")])
        writes = [Create(path, uuid4(), {name: f"Lost {number}"}) for number in range(20)]
        outcomes = await (client.write_together if together else client.write_each)(writes, call=call)
        sandbox.faults.clear()

        assert [written(each).values[name] for each in outcomes if isinstance(each, Record)] == [
            f"Lost {number}" for number in range(20)
        ]
        assert len(await client.everything(path, query, call=call)) == before + 20


async def test_writes_together_leave_nothing_when_one_is_refused(clients: Clients, call: Call) -> None:
    for client, path, name in (
        (clients.business_central, clients.in_company("customers"), "displayName"),
        (clients.dataverse, "accounts", "name"),
    ):
        before = len(await client.everything(path, Query(select=(name,)), call=call))
        good = Create(path, uuid4(), {name: "Good"})
        (record,) = (await client.page(path, Query(select=(name,), top=1), call=call)).records
        bad = Delete(path, uuid4(), str(record.etag))
        with pytest.raises(NotFoundError):
            await client.write_together([good, bad], call=call)
        assert len(await client.everything(path, Query(select=(name,)), call=call)) == before
