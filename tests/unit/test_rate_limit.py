"""What one caller may ask for: in memory and in Redis alike, over several processes, and without Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.admission.allowance import Allowance, Rates
from gateway.admission.buckets import Buckets, MemoryBuckets, RedisBuckets
from gateway.admission.rate_limit import RateLimit
from gateway.errors import RateLimitedError
from gateway.redis_server import redis_at
from tests.redis_servers import NOBODY, redis

pytestmark = pytest.mark.anyio

SLOW = Rates(requests_per_minute=6, burst=3, cost_per_minute=6)
"""So slow that nothing fills again while a test runs."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
async def buckets(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[Rates], Buckets]]:
    if request.param == "memory":
        yield MemoryBuckets
        return
    async with redis() as (client, prefix):
        yield lambda rates: RedisBuckets(rates, client, prefix=prefix)


async def test_a_burst_is_let_in_and_then_it_takes_its_time(buckets: Callable[[Rates], Buckets]) -> None:
    door = buckets(SLOW)
    assert [await door.admit("a", 1) for _ in range(3)] == [0, 0, 0]
    assert 9 < await door.admit("a", 1) <= 10, "a request each ten seconds"
    assert 19 < await door.admit("a", 2) <= 20
    assert await door.admit("b", 3) == 0, "another caller has its own"


async def test_what_was_spent_at_the_backends_is_waited_for_at_the_door(buckets: Callable[[Rates], Buckets]) -> None:
    door = buckets(SLOW)
    await door.charge("a", 5)
    assert await door.admit("a", 1) == 0
    await door.charge("a", 11)
    assert 109 < await door.admit("a", 1) <= 110, "ten are owed, and one has to be there: eleven times ten seconds"
    assert await door.admit("b", 1) == 0


async def test_nobody_overdraws_twice(buckets: Callable[[Rates], Buckets]) -> None:
    door = buckets(SLOW)
    assert await door.pay("a", 10) == 0, "what an operation costs is not made smaller by what is left"
    assert 49 < await door.pay("a", 1) <= 50, "four are owed, and one has to be there"
    assert 49 < await door.pay("a", 1) <= 50, "what was refused was not taken"
    assert await door.pay("b", 1) == 0


@pytest.mark.parametrize("rates", [Rates(0, 1, 0), Rates(0, 1, 6), Rates(6, 1, 0)])
async def test_a_rate_of_nothing_is_no_limit(buckets: Callable[[Rates], Buckets], rates: Rates) -> None:
    door = buckets(rates)
    if not rates.requests_per_minute:
        assert [await door.admit("a", 1) for _ in range(9)] == [0] * 9
    if not rates.cost_per_minute:
        await door.charge("a", 1_000)
        assert await door.admit("a", 1) == 0


async def test_processes_spend_of_the_same_allowance() -> None:
    async with redis() as (client, prefix):
        doors = [RateLimit(SLOW, RedisBuckets(SLOW, client, prefix=prefix)) for _ in range(4)]

        async def let_in(door: RateLimit) -> bool:
            try:
                await door.admit("a")
            except RateLimitedError:
                return False
            return True

        assert sum(await asyncio.gather(*(let_in(door) for door in doors * 5))) == SLOW.burst
        assert await client.pttl(f"{prefix}allowance:a") <= 60_000, (
            "nobody is remembered for longer than it takes to fill"
        )


async def test_memory_is_bounded() -> None:
    door = MemoryBuckets(SLOW, most_callers=2)
    for caller in "abc":
        assert await door.admit(caller, 3) == 0
    assert await door.admit("c", 1) > 0
    assert await door.admit("a", 3) == 0, "who was not seen for longest begins anew"


class Broken:
    """Redis, while it is away."""

    def __init__(self) -> None:
        self.asked = 0
        self.works = False

    async def admit(self, caller_id: str, wanted: int) -> float:
        self.asked += 1
        if not self.works:
            raise ConnectionError("away")
        return 0.0

    async def pay(self, caller_id: str, cost: int) -> float:
        return await self.admit(caller_id, 0)

    async def charge(self, caller_id: str, cost: int) -> None:
        await self.admit(caller_id, 0)


async def test_without_redis_each_process_counts_and_says_so_once() -> None:
    clock, shared = Clock(), Broken()
    door = RateLimit(SLOW, shared, clock=clock)
    with capture_logs() as logs:
        for _ in range(SLOW.burst):
            await door.admit("a")
        with pytest.raises(RateLimitedError) as caught:
            await door.admit("a")
        assert caught.value.retry_after_seconds == 10
        assert shared.asked == 1, "it is left alone for a while"
        clock.now += 10
        await door.charge("a", 1)
        assert shared.asked == 2
    assert [each["log_level"] for each in logs] == ["warning"]
    clock.now += 10
    shared.works = True
    with capture_logs() as logs:
        for _ in range(9):
            await door.admit("a")
    assert [each["log_level"] for each in logs] == ["info"]


async def test_a_server_that_is_not_there_refuses_nobody() -> None:
    async with redis_at(NOBODY) as client:
        assert isinstance(client, Redis)
        door = RateLimit(SLOW, RedisBuckets(SLOW, client))
        await door.admit("a")


async def test_more_operations_at_once_than_a_burst_are_let_in_when_the_bucket_is_full() -> None:
    door = RateLimit(SLOW)
    await door.admit("a", operations=99)
    with pytest.raises(RateLimitedError):
        await door.admit("a")


@given(
    st.lists(st.tuples(st.floats(-5, 30), st.integers(1, 4), st.integers(0, 9)), max_size=40),
    st.builds(Rates, st.integers(1, 600), st.integers(1, 50), st.integers(1, 600)),
)
def test_nobody_ever_gets_more_than_the_rate(steps: list[tuple[float, int, int]], rates: Rates) -> None:
    """Whatever comes when, and however the clock goes."""
    now = latest = 0.0
    allowance, admitted = Allowance.full(rates, now), 0
    for passed, wanted, cost in steps:
        now += passed
        latest = max(latest, now)
        allowance, wait = allowance.later(rates, now).admit(rates, wanted)
        admitted += 0 if wait else wanted
        assert admitted <= rates.burst + latest * rates.requests_per_minute / 60 + 1e-6
        if wait:
            waited, none = allowance.later(rates, allowance.at + wait + 1e-6).admit(rates, wanted)
            assert none == 0 or wanted > rates.burst, "whoever waits as long as told is let in"
            assert waited.at >= allowance.at
        allowance = allowance.charge(cost)
        assert allowance.requests <= rates.burst
        assert allowance.cost <= rates.cost_per_minute
