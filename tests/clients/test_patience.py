"""A backend that is down, hangs, or asks us to wait: what is still sent, and what callers are told meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest

from gateway.auth.tokens import BearerAuth
from gateway.clients.breaker import Breaker, BreakerPolicy
from gateway.clients.budget import CountedBudget, ToldBudget
from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.clients.gate import MOST_IDENTITIES, GateTransport
from gateway.clients.retry import RetryPolicy
from gateway.clients.transports import BreakerTransport, NotAskedError
from gateway.clients.wire import Patience
from gateway.errors import BackendError, DeadlineError, ErrorCode, ThrottledError, UnreachableError
from gateway.odata.query import Query
from tests.clients.test_writing import Token

pytestmark = pytest.mark.anyio

PLENTY = ToldBudget(requests=6_000, seconds=1_200)

BASE = "https://bc.example/api/v2.0"
ROWS = {"value": [{"id": "1"}]}


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Backend:
    """Answers with ``answer`` and counts."""

    answer: Callable[[], httpx.Response]
    asked: list[str] = field(default_factory=list)

    def network(self) -> httpx.MockTransport:
        def respond(request: httpx.Request) -> httpx.Response:
            self.asked.append(str(request.url))
            return self.answer()

        return httpx.MockTransport(respond)


@dataclass
class Hangs(httpx.AsyncBaseTransport):
    """Never answers, and counts."""

    asked: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError


def down() -> httpx.Response:
    raise httpx.ConnectError("refused")


def well() -> httpx.Response:
    return httpx.Response(200, json=ROWS)


def client_of(backend: Backend, *, failures: int, pause: float = 60.0) -> BusinessCentralClient:
    patience = Patience(
        RetryPolicy(attempts=2, first_wait_seconds=0),
        BreakerPolicy(failures=failures, first_pause_seconds=pause),
    )
    return BusinessCentralClient(base_url=BASE, auth=BearerAuth(Token()), network=backend.network(), patience=patience)


def call(seconds: float = 3_600) -> Call:
    return Call(Deadline.after(seconds))


async def outcome(client: BusinessCentralClient, seconds: float = 3_600) -> ErrorCode | int:
    try:
        return len((await client.page("customers", Query(), call=call(seconds))).records)
    except BackendError as error:
        return error.code


async def test_a_backend_that_is_down_is_left_alone_after_some_failures() -> None:
    backend = Backend(down)
    client = client_of(backend, failures=6)

    outcomes = [await outcome(client) for _ in range(50)]

    assert set(outcomes) == {ErrorCode.BACKEND_UNREACHABLE}
    assert len(backend.asked) == 6


async def test_what_is_refused_without_asking_says_when_to_come_back() -> None:
    client = client_of(Backend(down), failures=2)
    await outcome(client)

    with pytest.raises(UnreachableError, match="not answered many times in a row") as caught:
        await client.page("customers", Query(), call=call())

    assert caught.value.retry_after_seconds == pytest.approx(60, abs=1)
    assert caught.value.extensions["code"] == "BACKEND_UNREACHABLE"


async def test_many_callers_of_a_backend_that_is_down_cost_it_no_more_than_a_few_requests() -> None:
    backend = Backend(down)
    client = client_of(backend, failures=6)

    outcomes = await asyncio.gather(*(outcome(client) for _ in range(500)))

    assert set(outcomes) == {ErrorCode.BACKEND_UNREACHABLE}
    assert len(backend.asked) <= 6 + 5  # those that had a place when the sixth failed


async def test_one_request_finds_out_that_the_backend_is_back() -> None:
    backend = Backend(down)
    client = client_of(backend, failures=2, pause=0)
    await outcome(client)
    backend.answer = well

    assert await outcome(client) == 1
    assert await outcome(client) == 1
    assert len(backend.asked) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 504])
async def test_an_answer_of_any_other_kind_is_no_failure(status: int) -> None:
    backend = Backend(lambda: httpx.Response(status))
    client = client_of(backend, failures=2)
    for _ in range(5):
        await outcome(client)
    backend.answer = well

    assert await outcome(client) == 1


async def test_a_backend_that_hangs_counts_as_down_when_callers_waited_long_enough() -> None:
    clock, hangs = Clock(), Hangs()
    transport = BreakerTransport(hangs, breaker=Breaker(BreakerPolicy(failures=2)), slow_seconds=5, clock=clock)

    async def give_up_after(seconds: float) -> None:
        task = asyncio.create_task(transport.handle_async_request(httpx.Request("GET", BASE)))
        await asyncio.sleep(0)
        clock.now += seconds
        task.cancel()
        await asyncio.wait([task])

    for _ in range(10):
        await give_up_after(4.9)  # callers that leave early say nothing about the backend
    for _ in range(2):
        await give_up_after(5)
    with pytest.raises(NotAskedError):
        await transport.handle_async_request(httpx.Request("GET", BASE))
    assert hangs.asked == 12


async def test_a_backend_that_hangs_counts_as_down_however_late_each_caller_got_a_place() -> None:
    """Steady callers take over from each other, and none of them has much time left when it is let in."""
    clock, hangs = Clock(), Hangs()
    transport = BreakerTransport(hangs, breaker=Breaker(BreakerPolicy(failures=3)), slow_seconds=5, clock=clock)

    async def begin() -> asyncio.Task[httpx.Response]:
        task = asyncio.create_task(transport.handle_async_request(httpx.Request("GET", BASE)))
        await asyncio.sleep(0)
        return task

    before, outcomes = await begin(), list[BaseException | None]()
    for _ in range(8):
        after = await begin()
        clock.now += 1
        before.cancel()
        await asyncio.wait([before])
        before = after
        outcomes.append(before.exception() if before.done() else None)
    before.cancel()
    await asyncio.wait([before])

    assert [type(outcome) for outcome in outcomes] == [type(None)] * 7 + [NotAskedError]
    assert hangs.asked == 8


async def test_a_backend_that_answers_others_does_not_hang() -> None:
    clock, hangs = Clock(), Hangs()
    hung = asyncio.Event()

    class Sometimes(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                return httpx.Response(200)
            hung.set()
            return await hangs.handle_async_request(request)

    breaker = Breaker(BreakerPolicy(failures=1))
    transport = BreakerTransport(Sometimes(), breaker=breaker, slow_seconds=5, clock=clock)
    task = asyncio.create_task(transport.handle_async_request(httpx.Request("POST", BASE)))
    await hung.wait()
    clock.now += 4
    await transport.handle_async_request(httpx.Request("GET", BASE))
    clock.now += 4
    task.cancel()
    await asyncio.wait([task])

    assert not breaker.is_open


async def test_retry_after_holds_everybody_back_and_tells_those_who_cannot_wait() -> None:
    told = httpx.Response(429, headers={"Retry-After": "30"})
    backend = Backend(lambda: told)
    client = client_of(backend, failures=100)

    first = await outcome(client, seconds=5)
    others = await asyncio.gather(*(outcome(client, seconds=5) for _ in range(100)))

    assert {first, *others} == {ErrorCode.BACKEND_THROTTLED}
    assert len(backend.asked) == 1
    with pytest.raises(ThrottledError, match="asks us to slow down") as caught:
        await client.page("customers", Query(), call=call(5))
    assert caught.value.retry_after_seconds == pytest.approx(30, abs=1)


def limited(seconds: float) -> httpx.Request:
    return httpx.Request("GET", BASE, extensions={"call": call(seconds)})


async def test_callers_who_wait_for_retry_after_hold_no_place() -> None:
    network = httpx.MockTransport(lambda _: httpx.Response(429, headers={"Retry-After": "60"}))
    gate = GateTransport(network, most=1, budget=PLENTY)
    await gate.handle_async_request(limited(3_600))
    patient = asyncio.create_task(gate.handle_async_request(limited(3_600)))
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        with pytest.raises(NotAskedError, match="slow down"):
            await gate.handle_async_request(limited(30))

    patient.cancel()
    await asyncio.wait([patient])


async def test_a_retry_after_of_years_does_not_close_the_gate_for_years() -> None:
    network = httpx.MockTransport(lambda _: httpx.Response(429, headers={"Retry-After": "99999999"}))
    gate = GateTransport(network, most=5, budget=PLENTY)
    await gate.handle_async_request(limited(5))

    with pytest.raises(NotAskedError) as caught:
        await gate.handle_async_request(limited(5))

    assert caught.value.seconds == pytest.approx(600, abs=1)


async def test_after_retry_after_the_gate_is_open_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = Clock(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    monkeypatch.setattr("gateway.clients.transports.asyncio.sleep", sleep)
    answers = [httpx.Response(429, headers={"Retry-After": "30"}), well(), well()]
    network = httpx.MockTransport(lambda _: answers.pop(0))
    gate = GateTransport(network, most=5, budget=PLENTY, clock=clock)
    request = httpx.Request("GET", BASE)

    statuses = [(await gate.handle_async_request(request)).status_code for _ in range(3)]

    assert statuses == [429, 200, 200]
    assert slept == [30]


async def test_a_hang_ends_with_the_deadline() -> None:
    client = BusinessCentralClient(base_url=BASE, auth=BearerAuth(Token()), network=Hangs())

    with pytest.raises(DeadlineError):
        await client.page("customers", Query(), call=call(0.02))


@pytest.mark.parametrize(
    "garbled",
    [
        httpx.Response(200, content=b'{"value":[{"id":"1"', headers={"Content-Type": "application/json"}),
        httpx.Response(200, html="<html>We will be back.</html>"),
    ],
    ids=["cut off", "a page"],
)
async def test_a_garbled_answer_is_asked_for_again(garbled: httpx.Response) -> None:
    answers = [garbled, well()]
    backend = Backend(lambda: answers.pop(0))

    assert await outcome(client_of(backend, failures=100)) == 1
    assert len(backend.asked) == 2


class Tells(httpx.AsyncBaseTransport):
    """Says after each answer how much of the allowance is left, and writes down how many ran at once."""

    def __init__(self, allowed: float) -> None:
        self.left = allowed
        self.running = 0
        self.at_once: list[int] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.running += 1
        self.at_once.append(self.running)
        await asyncio.sleep(0)
        self.running -= 1
        self.left -= 1
        return httpx.Response(200, headers={"x-ms-ratelimit-burst-remaining-xrm-requests": str(max(self.left, 0))})


async def test_the_gate_narrows_as_the_allowance_shrinks_and_opens_again() -> None:
    backend = Tells(1_000)
    gate = GateTransport(backend, most=48, budget=ToldBudget(requests=1_000, seconds=1_200))

    async def crowd(size: int) -> list[int]:
        backend.at_once.clear()
        await asyncio.gather(*(gate.handle_async_request(httpx.Request("GET", BASE)) for _ in range(size)))
        return backend.at_once

    assert max(await crowd(400)) == 48
    assert max((await crowd(500))[-100:]) <= 20
    assert max((await crowd(150))[-50:]) == 1, "nothing is left, and still one asks"
    backend.left = 1_000
    await crowd(1)
    assert max(await crowd(200)) == 48


async def test_what_business_central_would_refuse_in_the_end_is_sent_one_by_one_before() -> None:
    clock, backend = Clock(), Tells(0)
    gate = GateTransport(backend, most=5, budget=CountedBudget(requests=600, window_seconds=300), clock=clock)

    async def crowd(size: int, *, operations: int = 1) -> int:
        backend.at_once.clear()
        request = httpx.Request("POST", BASE, extensions={"operations": operations})
        await asyncio.gather(*(gate.handle_async_request(request) for _ in range(size)))
        return max(backend.at_once[-5:])

    assert await crowd(20) == 5
    assert await crowd(5, operations=110) == 5, "they were let in before they counted"
    assert await crowd(20) == 1
    clock.now += 320
    await crowd(1)
    assert await crowd(20) == 5


async def test_identities_wait_for_their_own_places_and_one_asked_to_wait_holds_back_nobody_else() -> None:
    """Both backends count by user."""
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def backend(request: httpx.Request) -> httpx.Response:
        who = str(request.extensions["identity"])
        running[who] += 1
        most[who] = max(most[who], running[who])
        most["together"] = max(most["together"], running.total())
        await asyncio.sleep(0)
        running[who] -= 1
        return httpx.Response(429, headers={"Retry-After": "60"}) if who == "eve" else httpx.Response(200)

    gate = GateTransport(httpx.MockTransport(backend), most=2, budget=PLENTY, together=3)

    async def ask(who: str) -> int:
        extensions = {"identity": who, "call": Call(Deadline.after(5))}
        return (await gate.handle_async_request(httpx.Request("GET", "https://x/", extensions=extensions))).status_code

    assert await ask("eve") == 429
    with pytest.raises(NotAskedError):
        await ask("eve")
    statuses = await asyncio.gather(*(ask(who) for who in ("ann", "bob", "cid") for _ in range(10)))

    assert set(statuses) == {200}
    assert max(most[who] for who in ("ann", "bob", "cid")) == 2
    assert most["together"] == 3


async def test_of_very_many_identities_those_that_are_idle_are_forgotten() -> None:
    gate = GateTransport(httpx.MockTransport(lambda _: httpx.Response(200)), most=2, budget=PLENTY)

    for number in range(MOST_IDENTITIES + 500):
        request = httpx.Request("GET", "https://x/", extensions={"identity": f"somebody-{number}"})
        await gate.handle_async_request(request)

    assert len(gate._doors) == MOST_IDENTITIES
