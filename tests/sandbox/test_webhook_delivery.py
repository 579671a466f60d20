"""The engine both simulators send webhooks with, the sender below it, and the log of what was sent."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import anyio
import httpx
import pytest

from gateway.sandbox.webhooks.delivery import Delivery, DeliveryLog, Post, Reply, Sender, is_web_address
from gateway.sandbox.webhooks.engine import Engine, Job
from tests.sandbox.receivers import NOON, Clock, Receiver

pytestmark = pytest.mark.anyio

URL = "http://receiver.example/hooks?code=s3cret#part"


def post(url: str = URL, *, seconds: float = 5, headers: dict[str, str] | None = None) -> Post:
    return Post("dataverse", url, "accounts", "step-1", seconds, b'{"a": 1}', headers or {})


class Queue:
    """A source with times and what is to be done then."""

    def __init__(self) -> None:
        self.waiting: list[tuple[datetime, Job]] = []

    def take(self, now: datetime) -> Sequence[Job]:
        due = [job for moment, job in self.waiting if moment <= now]
        self.waiting = [(moment, job) for moment, job in self.waiting if moment > now]
        return due

    def due_at(self) -> datetime | None:
        return min((moment for moment, _ in self.waiting), default=None)


class Mark:
    """A job that only says that it was done."""

    def __init__(self) -> None:
        self.done = anyio.Event()

    async def __call__(self) -> None:
        self.done.set()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def log() -> DeliveryLog:
    return DeliveryLog(most=3)


@pytest.fixture
def sender(receiver: Receiver, log: DeliveryLog) -> Sender:
    return Sender(log, now=Clock(), network=receiver.network)


async def test_a_post_arrives_as_it_is(sender: Sender, receiver: Receiver) -> None:
    reply = await sender.deliver(post(headers={"x-one": "1"}))
    assert (reply.status, reply.accepted) == (204, True)
    (received,) = receiver.received
    assert (received.method, received.content, received.headers["x-one"]) == ("POST", b'{"a": 1}', "1")
    assert received.url.params["code"] == "s3cret"


async def test_the_log_shows_where_and_how_but_no_secret(
    sender: Sender, receiver: Receiver, log: DeliveryLog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    receiver.answers.append(500)
    await sender.deliver(post())
    assert log.rows() == [Delivery(NOON, "dataverse", "http://receiver.example/hooks", 500, 1, "step-1")]
    assert "s3cret" not in f"{log.rows()}{post()}{Reply(200, b's3cret')}{caplog.text}"


async def test_the_log_is_bounded_and_can_be_narrowed(sender: Sender, log: DeliveryLog) -> None:
    for _ in range(5):
        await sender.deliver(post())
    assert len(log.rows()) == 3
    assert log.rows(backend="business-central") == []
    assert len(log.rows(backend="dataverse", limit=2)) == 2
    assert log.rows(limit=0) == []
    log.clear()
    assert log.rows() == []


async def test_a_redirect_is_not_followed(log: DeliveryLog) -> None:
    moved = httpx.MockTransport(lambda _: httpx.Response(307, headers={"Location": "http://elsewhere.example/"}))
    reply = await Sender(log, now=Clock(), network=moved).deliver(post())
    assert (reply.status, reply.accepted) == (307, False)


async def test_a_receiver_that_never_answers_is_given_up(sender: Sender, receiver: Receiver, log: DeliveryLog) -> None:
    receiver.answers.append(None)
    assert (await sender.deliver(post(seconds=0))).status is None
    assert [row.status for row in log.rows()] == [None]


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("odd"), ValueError("header")],
)
async def test_a_receiver_that_cannot_be_reached_has_no_status(log: DeliveryLog, error: Exception) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    assert (await Sender(log, now=Clock(), network=httpx.MockTransport(fail)).deliver(post())) == Reply(None)


async def test_of_a_long_answer_only_the_beginning_is_kept(log: DeliveryLog) -> None:
    endless = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * 1_000_000))
    reply = await Sender(log, now=Clock(), network=endless).ask(post())
    assert reply.content == b"x" * 4096


async def test_a_delivery_can_be_doubled_and_the_first_answer_counts(
    sender: Sender, receiver: Receiver, log: DeliveryLog
) -> None:
    asked: list[tuple[str, str]] = []

    def twice(backend: str, target: str) -> int:
        asked.append((backend, target))
        return 2

    sender.copies = twice
    receiver.answers.extend([200, 500])
    assert (await sender.deliver(post())).status == 200
    assert asked == [("dataverse", "accounts")]
    assert [one.content for one in receiver.received] == [b'{"a": 1}'] * 2
    assert [row.status for row in log.rows()] == [200, 500]


async def test_the_sender_can_go_on_after_it_was_closed(sender: Sender, receiver: Receiver) -> None:
    await sender.deliver(post())
    await sender.close()
    await sender.close()
    await sender.deliver(post())
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("http://receiver.example", True),
        ("HTTPS://receiver.example:8443/hooks?code=1", True),
        ("http://[::1]/x", True),
        ("ftp://receiver.example/", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("//receiver.example/", False),
        ("receiver.example", False),
        ("http:///hooks", False),
        ("http://[::1/x", False),
        ("http://user:secret@receiver.example/", False),
        ("", False),
    ],
)
def test_only_web_addresses_are_sent_to(url: str, good: bool) -> None:
    assert is_web_address(url) is good


async def test_work_carries_out_what_is_due_and_no_more() -> None:
    clock, queue, now, later = Clock(), Queue(), Mark(), Mark()
    engine = Engine(now=clock)
    engine.add(queue)
    queue.waiting = [(NOON, now), (NOON + timedelta(seconds=60), later)]
    await engine.work()
    assert (now.done.is_set(), later.done.is_set()) == (True, False)
    clock.advance(seconds=60)
    await engine.work()
    assert later.done.is_set()


async def test_the_running_engine_sends_when_it_is_woken_from_another_thread() -> None:
    queue, mark = Queue(), Mark()
    engine = Engine(now=Clock())
    engine.add(queue)

    def write() -> None:
        queue.waiting.append((NOON, mark))
        engine.wake()

    async with engine.running():
        await anyio.to_thread.run_sync(write)
        with anyio.fail_after(10):
            await mark.done.wait()


async def test_the_running_engine_waits_for_the_time() -> None:
    clock, queue, mark = Clock(), Queue(), Mark()
    engine = Engine(now=clock)
    engine.add(queue)
    queue.waiting = [(NOON + timedelta(seconds=3600), mark)]
    async with engine.running():
        engine.wake()
        await anyio.wait_all_tasks_blocked()
        assert not mark.done.is_set()
        clock.advance(seconds=3600)
        engine.wake()
        with anyio.fail_after(10):
            await mark.done.wait()


async def test_a_job_that_breaks_does_not_end_the_engine(caplog: pytest.LogCaptureFixture) -> None:
    queue, mark = Queue(), Mark()
    engine = Engine(now=Clock())
    engine.add(queue)

    async def broken() -> None:
        raise RuntimeError("broken")

    async with engine.running():
        queue.waiting = [(NOON, broken)]
        engine.wake()
        await anyio.wait_all_tasks_blocked()
        queue.waiting = [(NOON, mark)]
        engine.wake()
        with anyio.fail_after(10):
            await mark.done.wait()
    assert "A webhook could not be sent." in caplog.text


async def test_a_slow_receiver_does_not_keep_others_waiting() -> None:
    queue, mark, started = Queue(), Mark(), anyio.Event()
    engine = Engine(now=Clock())
    engine.add(queue)

    async def slow() -> None:
        started.set()
        await anyio.sleep_forever()

    async with engine.running():
        queue.waiting = [(NOON, slow)]
        engine.wake()
        with anyio.fail_after(10):
            await started.wait()
        queue.waiting = [(NOON, mark)]
        engine.wake()
        with anyio.fail_after(10):
            await mark.done.wait()


async def test_only_so_many_deliveries_are_under_way_at_once() -> None:
    queue, gate = Queue(), anyio.Event()
    engine = Engine(now=Clock(), most_at_once=2)
    engine.add(queue)
    under_way = most = 0

    async def counted() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await gate.wait()
        under_way -= 1

    last = Mark()
    async with engine.running():
        queue.waiting = [(NOON, counted)] * 5
        engine.wake()
        while under_way < 2:
            await anyio.wait_all_tasks_blocked()
        gate.set()
        queue.waiting.append((NOON, last))
        engine.wake()
        with anyio.fail_after(10):
            await last.done.wait()
    assert most == 2


def test_waking_an_engine_that_does_not_run_does_nothing() -> None:
    Engine(now=Clock()).wake()
