"""The cache of reference sets: bounded, expiring, and apart for everybody whose answer may differ."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.odata.query import Expand
from gateway.reading.cache import LIFETIMES, RecordCache, prefix
from gateway.records import Record

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def record(code: str) -> Record:
    return Record({"code": code})


async def test_what_was_put_is_found_again_and_the_rest_is_not() -> None:
    cache = RecordCache()
    await cache.put("a:", {"john": record("JOHN")}, lifetime=MINUTE)

    assert await cache.get("a:", ["john", "mary"]) == {"john": record("JOHN")}
    assert await cache.get("b:", ["john"]) == {}


async def test_a_record_known_not_to_exist_is_not_the_same_as_an_unknown_one() -> None:
    cache = RecordCache()
    await cache.put("a:", {"nobody": None}, lifetime=MINUTE)

    assert await cache.get("a:", ["nobody", "john"]) == {"nobody": None}


async def test_an_entry_ends_with_its_lifetime() -> None:
    clock = Clock()
    cache = RecordCache(clock=clock)
    await cache.put("a:", {"john": record("JOHN"), "nobody": None}, lifetime=MINUTE)

    clock.now += 59.9
    assert set(await cache.get("a:", ["john", "nobody"])) == {"john", "nobody"}
    clock.now += 0.1
    assert await cache.get("a:", ["john", "nobody"]) == {}


async def test_putting_anew_replaces_the_record_and_starts_its_lifetime_again() -> None:
    clock = Clock()
    cache = RecordCache(clock=clock)
    await cache.put("a:", {"john": None}, lifetime=MINUTE)
    clock.now += 50
    await cache.put("a:", {"john": record("JOHN")}, lifetime=MINUTE)
    clock.now += 50

    assert await cache.get("a:", ["john"]) == {"john": record("JOHN")}


async def test_the_cache_never_grows_over_its_bound_and_drops_what_was_unused_for_longest() -> None:
    cache = RecordCache(most_entries=100)
    await cache.put("a:", {f"{number}": record(f"{number}") for number in range(100)}, lifetime=MINUTE)
    await cache.get("a:", ["0"])
    await cache.put("a:", {f"{number}": record(f"{number}") for number in range(100, 199)}, lifetime=MINUTE)

    kept = await cache.get("a:", [f"{number}" for number in range(199)])

    assert set(kept) == {"0", *(f"{number}" for number in range(100, 199))}


def test_only_sets_with_a_lifetime_are_kept_and_none_for_more_than_an_hour() -> None:
    assert LIFETIMES
    assert all(timedelta(0) < lifetime <= timedelta(hours=1) for lifetime in LIFETIMES.values())


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)
COLUMNS = st.frozensets(st.from_regex(r"[a-z_]{1,4}", fullmatch=True), max_size=3)
EXPANDS = st.lists(st.builds(Expand, st.sampled_from(["item", "customer"]), st.just(("id",))), max_size=2).map(tuple)
KINDS = st.tuples(
    NAMES,
    st.none() | st.uuids(),
    st.sampled_from(["items", "units"]),
    st.sampled_from(["id", "code"]),
    COLUMNS,
    EXPANDS,
)
Kind = tuple[str, UUID | None, str, str, frozenset[str], tuple[Expand, ...]]


def stem(kind: Kind) -> str:
    identity, company, entity_set, column, select, expand = kind
    return prefix(
        identity=identity, company=company, entity_set=entity_set, column=column, select=select, expand=expand
    )


@given(KINDS, KINDS, NAMES, NAMES)
@settings(deadline=None)
def test_two_keys_are_equal_only_when_everything_the_answer_depends_on_is(
    one: Kind, other: Kind, key: str, other_key: str
) -> None:
    assert (stem(one) + key == stem(other) + other_key) is ((one, key) == (other, other_key))


@given(KINDS, NAMES, st.uuids())
@settings(deadline=None)
def test_identities_and_companies_are_kept_apart(kind: Kind, identity: str, company: UUID) -> None:
    mine, theirs = kind, (identity, *kind[1:])
    elsewhere = (kind[0], company, *kind[2:])

    assert (stem(mine) == stem(theirs)) is (kind[0] == identity)
    assert (stem(mine) == stem(elsewhere)) is (kind[1] == company)


def test_the_order_in_which_columns_are_named_makes_no_difference() -> None:
    ways = (["id", "code"], ["code", "id"])
    stems = {prefix(identity="a", company=None, entity_set="s", column="c", select=way, expand=()) for way in ways}

    assert len(stems) == 1
