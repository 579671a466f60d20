"""Who is gone, among processes over one PostgreSQL database: what their connections do, and what the clock says, is told here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest

from gateway.jobs.alive import Alive
from tests.databases import postgresql
from tests.jobs.conftest import PACE

pytestmark = pytest.mark.anyio

INTERVAL = PACE.others_seconds
MORE_THAN_TWO = 2.1 * INTERVAL


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def own_url() -> Iterator[str]:
    """Nobody else holds a lock in it."""
    with postgresql() as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def process(own_url: str, clock: Clock) -> AsyncIterator[Callable[[str], Alive]]:
    made: list[Alive] = []

    def make(name: str) -> Alive:
        made.append(Alive(own_url, name, holding_seconds=INTERVAL, clock=clock))
        return made[-1]

    yield make
    for each in made:
        await each.let_go()


def asked(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return connection.execute(question.encode()).fetchall()


def locks(url: str) -> list[tuple[object, ...]]:
    """Whether each that is asked for was given."""
    return asked(
        url,
        "SELECT granted FROM pg_locks JOIN pg_database ON oid = database "
        "WHERE locktype = 'advisory' AND datname = current_database() ORDER BY granted",
    )


def connections_drop(url: str) -> None:
    """As when PostgreSQL is started again."""
    asked(
        url,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


async def come_to(url: str, *granted: bool) -> None:
    """PostgreSQL notices in its own time that a connection was closed, or that somebody waits for a lock."""
    while locks(url) != [(each,) for each in granted]:  # noqa: ASYNC110 - it is the database that has to get there
        await asyncio.sleep(0)


async def is_gone(name: str, *, to: Alive) -> bool:
    async with to.instead_of(name) as gone:
        return gone


async def test_a_process_whose_connection_dropped_is_not_gone(
    own_url: str, clock: Clock, process: Callable[[str], Alive]
) -> None:
    living, other = process("living"), process("other")
    await living.hold()
    connections_drop(own_url)
    await other.hold()
    assert not await is_gone("living", to=other)
    clock.now += INTERVAL
    assert not await is_gone("living", to=other)
    await living.hold()
    clock.now += MORE_THAN_TWO
    assert not await is_gone("living", to=other)
    assert locks(own_url) == [(True,), (True,)]


async def test_a_process_is_gone_when_its_lock_was_free_for_more_than_two_intervals(
    clock: Clock, process: Callable[[str], Alive]
) -> None:
    other = process("other")
    await other.hold()
    assert not await is_gone("dead", to=other)
    clock.now += 2 * INTERVAL
    assert not await is_gone("dead", to=other)
    clock.now += INTERVAL / 10
    assert await is_gone("dead", to=other)


async def test_looks_from_before_a_lock_was_held_again_do_not_count(
    own_url: str, clock: Clock, process: Callable[[str], Alive]
) -> None:
    living, other = process("living"), process("other")
    await other.hold()
    assert not await is_gone("living", to=other)
    await living.hold()
    clock.now += MORE_THAN_TWO
    assert not await is_gone("living", to=other)
    await living.let_go()
    await come_to(own_url, True)
    assert not await is_gone("living", to=other)
    clock.now += MORE_THAN_TWO
    assert await is_gone("living", to=other)


async def test_looks_from_before_the_own_connection_dropped_do_not_count(
    own_url: str, clock: Clock, process: Callable[[str], Alive]
) -> None:
    other = process("other")
    await other.hold()
    assert not await is_gone("living", to=other)
    connections_drop(own_url)
    clock.now += MORE_THAN_TWO
    await other.hold()
    assert not await is_gone("living", to=other)
    clock.now += MORE_THAN_TWO
    assert await is_gone("living", to=other)


async def test_only_one_finds_a_process_gone(clock: Clock, process: Callable[[str], Alive]) -> None:
    first, second = process("first"), process("second")
    for each in (first, second):
        await each.hold()
        assert not await is_gone("dead", to=each)
    clock.now += MORE_THAN_TWO
    async with first.instead_of("dead") as gone:
        assert gone
        assert not await is_gone("dead", to=second)


async def test_a_lock_that_was_not_got_is_asked_for_again(own_url: str, process: Callable[[str], Alive]) -> None:
    before, after = process("same"), process("same")
    await before.hold()
    waiting = asyncio.create_task(after.hold())
    await come_to(own_url, False, True)
    waiting.cancel()
    await asyncio.wait([waiting])
    await before.let_go()
    await come_to(own_url)
    await after.hold()
    assert locks(own_url) == [(True,)]
