"""Notifications of the Business Central simulator: what is told and when, and what a receiver's answer leads to."""

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.business_central.notifications import Timing, verdict
from gateway.sandbox.business_central.pending import Change, Kind, Pending
from gateway.sandbox.store import Store
from tests.sandbox.conftest import COMPANY
from tests.sandbox.receivers import NOON
from tests.sandbox.subscribers import (
    HOOK,
    SETS,
    STATE,
    Setting,
    customer,
    rename,
    subscribe,
    subscriptions,
    summary,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def timing() -> Timing:
    return Timing()


@pytest.fixture
def setting(bc_store: Store, timing: Timing) -> Setting:
    return Setting(bc_store, timing=timing)


@pytest.fixture
async def bc(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose addresses are relative to the standard API."""
    async with setting.client() as client:
        yield client


async def test_a_change_is_told_thirty_seconds_later(setting: Setting, bc: httpx.AsyncClient) -> None:
    made = await subscribe(bc)
    setting.clock.advance(milliseconds=370)
    key = await customer(bc)
    assert await setting.after(seconds=29.999) == []
    (row,) = await setting.after(milliseconds=1)
    assert row == {
        "subscriptionId": made["subscriptionId"],
        "clientState": STATE,
        "expirationDateTime": "2026-11-19T12:00:00Z",
        "resource": f"{SETS}/customers({key})",
        "changeType": "created",
        "lastModifiedDateTime": "2026-11-16T12:00:00.37Z",
    }
    (received,) = setting.receiver.received
    assert received.method == "POST"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["clientrequestid"] == received.headers["x-ms-correlation-id"]
    assert received.document.keys() == {"value"}
    assert len(await setting.after(days=1)) == 1


async def test_changes_of_a_row_are_merged_for_thirty_seconds_after_the_first(
    setting: Setting, bc: httpx.AsyncClient
) -> None:
    key = await customer(bc)
    await subscribe(bc)
    await rename(bc, key, "A")
    setting.clock.advance(seconds=20)
    last = await rename(bc, key, "B")
    setting.clock.advance(seconds=5)
    other = await customer(bc)
    (row,) = await setting.after(seconds=5)
    assert (row["changeType"], row["lastModifiedDateTime"]) == ("updated", last["lastModifiedDateTime"])
    await rename(bc, key, "C")
    assert summary(await setting.after(seconds=25))[1:] == [("created", f"customers({other})")]
    assert summary(await setting.after(seconds=5))[2:] == [("updated", f"customers({key})")]


async def test_a_row_that_came_and_went_is_told_as_deleted(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    key = await customer(bc)
    await rename(bc, key, "A")
    setting.clock.advance(seconds=1)
    await bc.delete(f"companies({COMPANY})/customers({key})")
    (row,) = await setting.after(seconds=30)
    assert (row["changeType"], row["lastModifiedDateTime"]) == ("deleted", "2026-11-16T12:00:01Z")


async def test_subscriptions_with_the_same_address_share_a_post(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    await subscribe(bc, "items", clientState="other")
    await subscribe(bc, notificationUrl="http://elsewhere.example/x")
    await customer(bc)
    await bc.post(f"companies({COMPANY})/items", json={"displayName": "Bell"})
    await setting.after(seconds=30)
    shared, alone = sorted(setting.receiver.received, key=lambda one: -len(one.document["value"]))
    assert [row["clientState"] for row in shared.document["value"]] == [STATE, "other"]
    assert str(alone.url) == "http://elsewhere.example/x"


async def test_a_change_of_a_line_is_told_as_an_update_of_its_order(setting: Setting, bc: httpx.AsyncClient) -> None:
    key = await customer(bc)
    orders = f"companies({COMPANY})/salesOrders"
    order = (await bc.post(orders, json={"customerId": key})).json()["id"]
    await subscribe(bc, "salesOrders")
    line = {"lineType": "Comment", "description": "x"}
    added = await bc.post(f"{orders}({order})/salesOrderLines", json=line)
    assert added.status_code == 201, added.text
    assert summary(await setting.after(seconds=30)) == [("updated", f"salesOrders({order})")]


async def test_nothing_is_told_of_a_change_that_was_refused(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    assert (await bc.post(f"companies({COMPANY})/customers", json={"displayName": ""})).status_code == 400
    assert await setting.after(seconds=60) == []


@pytest.mark.parametrize("timing", [Timing(most_rows=3)])
async def test_too_many_changes_become_one_collection(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    setting.clock.advance(milliseconds=370)
    for number in range(3):
        await customer(bc, f"N{number}")
    setting.clock.advance(seconds=2)
    await customer(bc, "one too many")
    setting.clock.advance(seconds=1)
    await customer(bc, "and more")
    (row,) = await setting.after(seconds=27)
    assert row["changeType"] == "collection"
    assert row["resource"].startswith(f"{SETS}/customers?$filter=lastModifiedDateTime%20gt%20")
    assert " " not in row["resource"]
    address, _, condition = unquote(row["resource"]).partition("?$filter=")
    assert condition == "lastModifiedDateTime gt 2026-11-16T12:00:00.32Z"
    assert row["lastModifiedDateTime"] == "2026-11-16T12:00:03.37Z"
    found = await bc.get(row["resource"].removeprefix("api/v2.0/"))
    assert len(found.json()["value"]) == 5
    await customer(bc, "later")
    assert summary(await setting.after(seconds=30))[1][0] == "created"
    assert address == f"{SETS}/customers"


@pytest.mark.parametrize("timing", [Timing(most_rows=3)])
async def test_as_many_changes_as_allowed_are_told_one_by_one(setting: Setting, bc: httpx.AsyncClient) -> None:
    assert Timing().most_rows == 1000
    await subscribe(bc)
    for number in range(3):
        await customer(bc, f"N{number}")
    assert [kind for kind, _ in summary(await setting.after(seconds=30))] == ["created"] * 3


async def test_a_busy_receiver_is_asked_five_times_and_then_forgotten(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    await customer(bc)
    setting.receiver.answers.extend([503, 408, 429, 500, 502])
    await setting.after(seconds=30)
    for seconds, arrived in ((59, 1), (1, 2), (60, 3), (59, 3), (1, 4), (599, 4)):
        await setting.after(seconds=seconds)
        assert len(setting.receiver.received) == arrived
    assert len(await subscriptions(bc)) == 1
    await setting.after(seconds=1)
    assert [row.attempt for row in setting.log.rows() if row.subscription != "handshake"] == [1, 2, 3, 4, 5]
    assert await subscriptions(bc) == []
    await customer(bc)
    await setting.after(days=1)
    assert len(setting.receiver.received) == 5


async def test_changes_during_the_wait_come_with_the_next_attempt(setting: Setting, bc: httpx.AsyncClient) -> None:
    await subscribe(bc)
    first = await customer(bc)
    setting.receiver.answers.append(503)
    await setting.after(seconds=30)
    await rename(bc, first, "A")
    second = await customer(bc)
    rows = await setting.after(seconds=60)
    assert summary(rows)[1:] == [("created", f"customers({first})"), ("created", f"customers({second})")]
    setting.receiver.answers.append(503)
    await rename(bc, first, "B")
    await setting.after(seconds=30)
    assert [row.attempt for row in setting.log.rows()][-1] == 1
    assert summary(await setting.after(seconds=60))[-1] == ("updated", f"customers({first})")


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
async def test_a_receiver_that_refuses_loses_its_subscription_at_once(
    setting: Setting, bc: httpx.AsyncClient, status: int
) -> None:
    await subscribe(bc)
    await customer(bc)
    setting.receiver.answers.append(status)
    await setting.after(seconds=30)
    assert await subscriptions(bc) == []


async def test_a_receiver_that_is_too_slow_is_asked_again(setting: Setting, bc: httpx.AsyncClient) -> None:
    assert Timing().receiver_seconds == 30
    await subscribe(bc)
    await customer(bc)
    setting.notifications.timing = Timing(receiver_seconds=0)
    setting.receiver.answers.append(None)
    await setting.after(seconds=30)
    assert [row.status for row in setting.log.rows() if row.subscription != "handshake"] == [None]
    setting.notifications.timing = Timing()
    assert len(await setting.after(seconds=60)) == 2


async def test_the_client_state_is_in_no_log(
    setting: Setting, bc: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    await subscribe(bc, notificationUrl=f"{HOOK}?key={STATE}")
    await customer(bc)
    setting.receiver.answers.extend([500, 400])
    await setting.after(seconds=30)
    await setting.after(seconds=60)
    assert len(setting.log.rows()) == 3
    assert STATE not in f"{setting.log.rows()}{caplog.text}{setting.notifications!r}"


PASSING: Final = {408, 429}


@given(status=st.none() | st.integers(100, 599), attempt=st.integers(1, 5))
def test_an_answer_leads_to_one_of_three_things(status: int | None, attempt: int) -> None:
    found = verdict(status, attempt, Timing())
    if status is not None and 200 <= status < 300:
        assert found == "told"
    elif (status is None or status >= 500 or status in PASSING) and attempt < 5:
        assert found == "again"
    else:
        assert found == "over"


KINDS: Final[tuple[Kind, ...]] = ("created", "updated", "deleted")


def change(kind: Kind, second: int) -> Change:
    moment = NOON + timedelta(seconds=second)
    return Change(kind, moment, moment, moment)


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ("created", "updated", "created"),
        ("created", "deleted", "deleted"),
        ("updated", "updated", "updated"),
        ("updated", "deleted", "deleted"),
        ("deleted", "created", "updated"),
    ],
)
def test_two_changes_of_a_row_amount_to_one(first: Kind, then: Kind, told: Kind) -> None:
    merged = change(first, 0).followed_by(change(then, 5))
    assert (merged.kind, merged.first, merged.last) == (told, NOON, NOON + timedelta(seconds=5))


@given(
    changes=st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(KINDS), st.integers(0, 100)), max_size=30),
    fails=st.booleans(),
)
def test_no_change_is_lost_and_no_row_is_told_twice(changes: list[tuple[str, Kind, int]], fails: bool) -> None:
    pending = Pending(most=3, window=timedelta(seconds=30))
    middle = len(changes) // 2
    told: set[str] = set()
    everything = False

    def take(now: datetime) -> None:
        nonlocal everything
        taken = pending.take(now)
        if taken is None:
            return
        assert len(taken.rows) <= 3
        assert not (taken.rows and taken.everything)
        assert pending.take(now) is None
        if fails and pending.attempts == 0:
            pending.put_back(taken, until=now)
            take(now)
            return
        told.update(taken.rows)
        everything = everything or taken.everything is not None
        pending.done()

    for half in (changes[:middle], changes[middle:]):
        for key, kind, second in half:
            pending.add(key, change(kind, second))
        take(NOON + timedelta(seconds=200))
    assert pending.due_at() is None
    assert everything or told == {key for key, _, _ in changes}
