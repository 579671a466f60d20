"""Look-ups by key: who travels together, who never does, and what happens when a flight fails."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clients.business_central import BusinessCentralDialect
from gateway.clients.call import Call, Deadline, Exchange
from gateway.clients.client import ODataClient
from gateway.errors import DeadlineError, ProtocolError, UnreachableError
from gateway.odata.query import All, AnyOf, Compare, Dialect, Expand, Filter, Query, Value
from gateway.reading.cache import RecordCache
from gateway.reading.lookup import Asking, Lookups, Scope, match_key
from gateway.reading.need import Source
from gateway.reading.paging import Sort
from gateway.reading.trace import Trace
from gateway.records import Backend, Record

pytestmark = pytest.mark.anyio

BC = Backend.BUSINESS_CENTRAL
COMPANY = UUID("1b2c0000-0000-4000-8000-000000000001")
OTHER_COMPANY = UUID("1b2c0000-0000-4000-8000-000000000002")
CUSTOMERS = Source(BC, "customers", "id", natural_key="number", unique=Sort("number", "text"))
SALESPEOPLE = Source(BC, "salespeoplePurchasers", "id", natural_key="code", reference=True)
USERS = Source(Backend.DATAVERSE, "systemusers", "systemuserid", in_company=False)
NUMBER = frozenset({"number"})

Rows = Callable[[AnyOf], Iterable[Record]]


def every_row(condition: AnyOf) -> list[Record]:
    """A backend that has all that is asked for, and shows its keys in capitals."""
    return [Record({condition.property: str(value).upper(), "asked": str(value)}) for value in condition.values]


@dataclass
class FakeVendor:
    """As much of a backend as look-ups must know."""

    query_room: int
    dialect: Dialect = field(default_factory=BusinessCentralDialect)


@dataclass
class FakeClient:
    """Answers look-ups from ``rows``; while ``gate`` is closed, nothing is answered."""

    rows: Rows = every_row
    query_room: int = 7_600
    asked: list[tuple[str, Query]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    most_running: int = 0

    def __post_init__(self) -> None:
        self.gate.set()
        self.vendor = FakeVendor(self.query_room)

    async def everything(self, path: str, query: Query, *, call: Call) -> list[Record]:
        self.asked.append((path, query))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self.gate.wait()
            call.exchanges.append(Exchange(BC, "GET", path, 200, 1.0))
            assert isinstance(query.filter, AnyOf)
            return list(self.rows(query.filter))
        finally:
            self.running -= 1

    @property
    def keys(self) -> list[list[Value]]:
        """The keys of each request so far."""
        return [list(query.filter.values) for _, query in self.asked if isinstance(query.filter, AnyOf)]


@dataclass
class FakePaths:
    """One client for both backends; the company is visible in the path."""

    only: FakeClient

    def client(self, source: Source) -> ODataClient:
        return cast(ODataClient, self.only)

    def path(self, source: Source, company: UUID | None) -> str:
        return f"{company}/{source.name}"


@dataclass
class World:
    """The look-ups over one fake backend."""

    client: FakeClient = field(default_factory=FakeClient)

    def __post_init__(self) -> None:
        self.lookups = Lookups(FakePaths(self.client), RecordCache())

    async def ask(
        self,
        *keys: Value,
        source: Source = CUSTOMERS,
        column: str = "number",
        select: frozenset[str] = NUMBER,
        expand: tuple[Expand, ...] = (),
        asking: Asking | None = None,
        after: int = 0,
    ) -> dict[str, Record]:
        records, _ = await self.lookups.by_key(
            asking or somebody(), source, column, keys, select=select, expand=expand, after=after
        )
        return records


def somebody(identity: str = "gateway", company: UUID | None = COMPANY, seconds: float = 3_600) -> Asking:
    return Asking(Scope(identity, company), Deadline.after(seconds), Trace(), "correlation-1")


@pytest.fixture
def world() -> World:
    return World()


async def ticks(count: int = 10) -> None:
    """Let everything run that can run now."""
    for _ in range(count):
        await asyncio.sleep(0)


def start(*asked: Coroutine[Any, Any, dict[str, Record]]) -> list["asyncio.Task[dict[str, Record]]"]:
    return [asyncio.ensure_future(each) for each in asked]


# -- together ---------------------------------------------------------------------------------------------------------


async def test_keys_of_several_askers_at_the_same_moment_travel_in_one_request(world: World) -> None:
    first, second, third = await asyncio.gather(world.ask("10", "20"), world.ask("20", "30"), world.ask("40"))

    assert world.client.keys == [["10", "20", "30", "40"]]
    assert (set(first), set(second), set(third)) == ({"10", "20"}, {"20", "30"}, {"40"})


async def test_the_path_is_the_companys_and_the_columns_are_the_union(world: World) -> None:
    await asyncio.gather(
        world.ask("10", select=frozenset({"number", "city"})), world.ask("20", select=frozenset({"id", "number"}))
    )

    ((path, query),) = world.client.asked
    assert path == f"{COMPANY}/customers"
    assert query.select == ("city", "id", "number")


async def test_keys_are_matched_without_regard_to_case(world: World) -> None:
    found = await world.ask("söhne-1", "John", "JOHN")

    assert world.client.keys == [["söhne-1", "JOHN"]]
    assert set(found) == {match_key("SÖHNE-1"), "john"}


async def test_keys_that_only_look_alike_are_asked_for_and_found_apart(world: World) -> None:
    world.client.rows = lambda condition: [Record({"number": key}) for key in condition.values]

    first, second = await asyncio.gather(world.ask("STRASSE"), world.ask("STRAßE"))

    assert world.client.keys == [["STRASSE", "STRAßE"]]
    assert [record.values["number"] for record in (*first.values(), *second.values())] == ["STRASSE", "STRAßE"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("C-1a", "c-1A"), ("Straße", "STRAßE"), ("Söhne", "SÖHNE"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"), ("Ærø", "æRØ"), ("é", "É")],
)
def test_one_key_in_two_spellings(one: str, other: str) -> None:
    assert match_key(one) == match_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "STRAßE"),
        ("FI", "\N{LATIN SMALL LIGATURE FI}"),
        ("I", "\N{LATIN SMALL LETTER DOTLESS I}"),
        ("i", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"),
        ("K", "\N{KELVIN SIGN}"),
        ("s", "\N{LATIN SMALL LETTER LONG S}"),
    ],
)
def test_two_keys_that_look_alike(one: str, other: str) -> None:
    assert match_key(one) != match_key(other)


@given(st.text())
def test_a_matched_key_matches_itself_and_is_no_longer(key: str) -> None:
    name = match_key(key)
    assert match_key(name) == name
    assert len(name) == len(key)


async def test_a_key_without_a_row_is_absent(world: World) -> None:
    world.client.rows = lambda condition: every_row(AnyOf(condition.property, condition.values[:1]))

    assert set(await world.ask("10", "20")) == {"10"}


async def test_nobody_is_asked_for_no_keys(world: World) -> None:
    assert await world.ask() == {}
    assert world.client.asked == []


async def test_what_a_url_cannot_hold_is_split_and_put_together_again() -> None:
    world = World(FakeClient(query_room=400))
    keys = [f"{number:05}" for number in range(50)]

    found = await world.ask(*keys)

    assert len(world.client.asked) > 1
    assert [key for part in world.client.keys for key in part] == keys
    assert all(len(query.encode(BusinessCentralDialect())) <= 400 for _, query in world.client.asked)
    assert set(found) == set(keys)


async def test_a_thousand_askers_with_a_key_each_need_five_requests(world: World) -> None:
    """600 keys board the first flight, 400 the second, and a URL holds about 250 of them."""
    keys = [f"C{number:05}" for number in range(1_000)]

    answers = await asyncio.gather(*(world.ask(key) for key in keys))

    assert all(len(answer) == 1 for answer in answers)
    assert len(world.client.asked) == 5


async def test_askers_that_come_while_two_flights_are_under_way_wait_and_travel_together(world: World) -> None:
    world.client.gate.clear()
    early = start(world.ask("10"))
    await ticks()
    early += start(world.ask("20"))
    await ticks()
    late = start(*(world.ask(f"{number}") for number in range(30, 50)))
    await ticks()
    assert world.client.keys == [["10"], ["20"]]

    world.client.gate.set()
    answers = await asyncio.gather(*early, *late)

    assert [len(answer) for answer in answers] == [1] * 22
    assert len(world.client.asked) == 3
    assert world.client.keys[2] == [f"{number}" for number in range(30, 50)]


# -- apart ------------------------------------------------------------------------------------------------------------

APART: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "identities": ({"asking": "ann"}, {"asking": "bob"}),
    "companies": ({"asking": COMPANY}, {"asking": OTHER_COMPANY}),
    "columns looked up by": ({"column": "number"}, {"column": "email"}),
    "sets": ({"source": CUSTOMERS}, {"source": Source(BC, "items", "id")}),
    "expansions": ({"expand": ()}, {"expand": (Expand("currency"),)}),
}


def _asking(given: object) -> Asking:
    return somebody(company=given) if isinstance(given, UUID) else somebody(identity=str(given))


async def _ask_as(world: World, key: str, way: dict[str, Any]) -> dict[str, Record]:
    known: dict[str, Any] = way | ({"asking": _asking(way["asking"])} if "asking" in way else {})
    return await world.ask(key, **known)


@pytest.mark.parametrize("what", APART)
async def test_different_askers_never_share_a_request(world: World, what: str) -> None:
    one, other = APART[what]

    await asyncio.gather(_ask_as(world, "10", one), _ask_as(world, "20", other))

    assert sorted(world.client.keys) == [["10"], ["20"]]


async def test_a_flight_of_one_identity_is_not_joined_by_another(world: World) -> None:
    world.client.gate.clear()
    tasks = start(world.ask("10", asking=somebody("ann")))
    await ticks()
    tasks += start(world.ask("10", asking=somebody("bob")))
    await ticks()
    world.client.gate.set()
    await asyncio.gather(*tasks)

    assert world.client.keys == [["10"], ["10"]]


async def test_a_set_outside_companies_is_shared_between_them(world: World) -> None:
    world.client.rows = lambda condition: [Record({"systemuserid": value}) for value in condition.values]
    await asyncio.gather(
        *(
            world.ask(key, source=USERS, column="systemuserid", asking=somebody(company=company))
            for key, company in (("a", COMPANY), ("b", OTHER_COMPANY))
        )
    )

    assert [path for path, _ in world.client.asked] == ["None/systemusers"]


# -- joining ----------------------------------------------------------------------------------------------------------


async def test_a_question_that_is_under_way_is_joined(world: World) -> None:
    world.client.gate.clear()
    tasks = start(world.ask("10", "20", select=frozenset({"number", "city"})))
    await ticks()
    joiner = somebody()
    tasks += start(world.ask("20", asking=joiner))
    await ticks()
    world.client.gate.set()
    answers = await asyncio.gather(*tasks)

    assert world.client.keys == [["10", "20"]]
    assert set(answers[1]) == {"20"}
    assert [step.shared for step in joiner.trace.steps] == [True]


@pytest.mark.parametrize(
    ("keys", "select"), [(("10", "30"), NUMBER), (("10",), frozenset({"number", "city"}))], ids=["keys", "columns"]
)
async def test_a_flight_that_does_not_bring_everything_is_not_joined(
    world: World, keys: Sequence[str], select: frozenset[str]
) -> None:
    world.client.gate.clear()
    tasks = start(world.ask("10", "20"))
    await ticks()
    tasks += start(world.ask(*keys, select=select))
    await ticks()
    world.client.gate.set()
    await asyncio.gather(*tasks)

    assert len(world.client.asked) == 2


async def test_a_flight_that_has_landed_is_not_joined(world: World) -> None:
    await world.ask("10")
    await world.ask("10")

    assert world.client.keys == [["10"], ["10"]]


# -- failing ----------------------------------------------------------------------------------------------------------


def refuse(condition: AnyOf) -> list[Record]:
    raise UnreachableError("Business Central is not available (503).", backend=BC, status=503)


async def test_a_failing_flight_fails_all_its_askers_and_the_next_question_starts_anew(world: World) -> None:
    world.client.rows = refuse
    world.client.gate.clear()
    tasks = start(world.ask("10"), world.ask("20"))
    await ticks()
    tasks += start(world.ask("10"))
    await ticks()
    world.client.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnreachableError] * 3
    assert len(set(map(id, outcomes))) == 3, "a raised error collects where it has been: each asker has one of its own"

    world.client.rows = every_row
    assert set(await world.ask("10")) == {"10"}
    assert world.client.keys == [["10", "20"], ["10"]]


async def test_a_failing_flight_does_not_fail_those_who_wait_for_the_next(world: World) -> None:
    world.client.gate.clear()
    tasks = start(world.ask("10"))
    await ticks()
    tasks += start(world.ask("20"))
    await ticks()
    tasks += start(world.ask("30"))
    world.client.rows = lambda condition: every_row(condition) if condition.values == ("30",) else refuse(condition)
    await ticks()
    world.client.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [UnreachableError, UnreachableError, dict]


async def test_a_failed_exchange_is_in_the_trace_of_everybody_who_waited_for_it(world: World) -> None:
    askers = [somebody(), somebody()]
    world.client.rows = refuse
    await asyncio.gather(*(world.ask("10", asking=asking) for asking in askers), return_exceptions=True)

    assert [len(asking.trace.steps) for asking in askers] == [1, 1]


async def test_a_deadline_of_one_asker_does_not_cancel_the_others(world: World) -> None:
    world.client.gate.clear()
    hurried, patient = start(world.ask("10", asking=somebody(seconds=0)), world.ask("10", asking=somebody()))
    with pytest.raises(DeadlineError, match="within the time this request may take"):
        await hurried
    world.client.gate.set()

    assert set(await patient) == {"10"}
    assert world.client.keys == [["10"]]


async def test_a_caller_who_goes_away_does_not_cancel_the_others(world: World) -> None:
    world.client.gate.clear()
    gone, patient = start(world.ask("10"), world.ask("20"))
    await ticks()
    gone.cancel()
    await ticks()
    world.client.gate.set()

    assert set(await patient) == {"20"}
    assert gone.cancelled()


async def test_a_record_without_its_key_column_is_a_protocol_error(world: World) -> None:
    world.client.rows = lambda condition: [Record({"name": "Adatum", "number": None})]

    with pytest.raises(ProtocolError, match="left out 'number' of customers"):
        await world.ask("10")


# -- traces -----------------------------------------------------------------------------------------------------------


async def test_the_trace_counts_a_look_up_once_and_tells_whether_it_was_shared(world: World) -> None:
    alone, one, other = somebody(), somebody(), somebody()
    await world.ask("10", asking=alone, after=2)
    await asyncio.gather(world.ask("20", asking=one), world.ask("30", asking=other))

    assert (alone.trace.round_trips, [step.shared for step in alone.trace.steps]) == (3, [False])
    assert (one.trace.round_trips, [step.shared for step in one.trace.steps]) == (1, [True])
    assert (other.trace.round_trips, [step.shared for step in other.trace.steps]) == (1, [True])


async def test_requests_side_by_side_are_one_round_trip() -> None:
    world, asking = World(FakeClient(query_room=400)), somebody()
    await world.ask(*(f"{number:05}" for number in range(50)), asking=asking)

    assert len(asking.trace.steps) == len(world.client.asked) > 1
    assert asking.trace.round_trips == 1


# -- reference sets ---------------------------------------------------------------------------------------------------


async def sales(world: World, *keys: str, asking: Asking | None = None) -> dict[str, Record]:
    return await world.ask(*keys, source=SALESPEOPLE, column="code", select=frozenset({"code"}), asking=asking)


async def test_a_row_of_a_reference_set_is_asked_for_once(world: World) -> None:
    asking = somebody()
    first = await sales(world, "john")
    second = await sales(world, "JOHN", "mary", asking=asking)

    assert world.client.keys == [["john"], ["mary"]]
    assert second["john"] == first["john"]
    assert asking.trace.cache_hits == 1


async def test_a_row_that_a_reference_set_does_not_have_is_not_asked_for_again(world: World) -> None:
    world.client.rows = lambda condition: []
    assert await sales(world, "nobody") == {}
    assert await sales(world, "nobody") == {}

    assert world.client.keys == [["nobody"]]


@pytest.mark.parametrize("other", ["another", OTHER_COMPANY], ids=["identity", "company"])
async def test_a_kept_row_is_not_shown_to_another_scope(world: World, other: object) -> None:
    await sales(world, "john")
    await sales(world, "john", asking=_asking(other))

    assert world.client.keys == [["john"], ["john"]]


async def test_a_failure_is_not_kept(world: World) -> None:
    world.client.rows = refuse
    with pytest.raises(UnreachableError):
        await sales(world, "john")
    world.client.rows = every_row

    assert set(await sales(world, "john")) == {"john"}


async def test_rows_of_other_sets_are_never_kept(world: World) -> None:
    await world.ask("10")
    await world.ask("10")

    assert len(world.client.asked) == 2


# -- many rows for each key -----------------------------------------------------------------------------------------------


LINES = Source(BC, "outstandingSalesLines", "itemNo", api="microsoft/analytics/v1.0")
OPEN = Compare("open", "eq", True)


@dataclass
class ManyRows(FakeClient):
    """A backend with two rows for each key but ``c``, whatever else the filter says."""

    async def everything(self, path: str, query: Query, *, call: Call) -> list[Record]:
        self.asked.append((path, query))
        await self.gate.wait()
        call.exchanges.append(Exchange(BC, "GET", path, 200, 1.0))
        parts = query.filter.parts if isinstance(query.filter, All) else (query.filter,)
        (keys,) = (part for part in parts if isinstance(part, AnyOf))
        return [
            Record({"itemNo": str(key).upper(), "line": line}) for key in keys.values if key != "c" for line in (1, 2)
        ]


async def lines_of(world: World, *keys: str, where: Filter | None = OPEN) -> dict[str, list[object]]:
    found, _ = await world.lookups.all_by_key(
        somebody(), LINES, "itemNo", keys, select=frozenset({"line"}), where=where, after=0
    )
    return {name: [record.values["line"] for record in records] for name, records in found.items()}


async def test_every_row_of_a_key_is_found_and_a_key_without_rows_is_absent() -> None:
    world = World(ManyRows())
    assert await lines_of(world, "a", "B", "c") == {"a": [1, 2], "b": [1, 2]}
    (_, query) = world.client.asked[0]
    assert query.select == ("itemNo", "line"), "the key is read, so that rows can be told apart"
    assert query.filter == All((AnyOf("itemNo", ("a", "B", "c")), OPEN))


async def test_questions_under_the_same_condition_share_a_request_and_others_do_not() -> None:
    world = World(ManyRows())
    await asyncio.gather(lines_of(world, "a"), lines_of(world, "b"), lines_of(world, "a", where=None))
    assert len(world.client.asked) == 2


async def test_a_condition_takes_its_room_in_the_address() -> None:
    room = len("$select=itemNo,line&$filter=") + 60
    world = World(ManyRows(query_room=room))
    keys = [f"item-{number}" for number in range(6)]
    assert len(await lines_of(world, *keys)) == 6
    texts = [query.encode(BusinessCentralDialect()) for _, query in world.client.asked]
    assert len(texts) > 1
    assert max(map(len, texts)) <= room
