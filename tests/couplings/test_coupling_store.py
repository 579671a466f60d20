"""The coupling store on both databases: the one-to-one rule, keys in any case, pages, and date-times that stay aware."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import anyio
import pytest
from sqlalchemy import delete, inspect
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Cause, Coupling, Doing, Mapping, Result
from gateway.couplings.store import CouplingFilter, CouplingStore, Side, position
from gateway.couplings.table import couplings
from gateway.database import create_engine, synchronous_url, upgrade
from gateway.errors import ConfigError
from gateway.keys import fold
from tests.databases import DATABASES, postgresql

pytestmark = pytest.mark.anyio

COMPANY, OTHER_COMPANY = UUID(int=0xC1), UUID(int=0xC2)
BC, CRM = Side.BUSINESS_CENTRAL, Side.DATAVERSE
NOON = datetime(2026, 11, 16, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="session")
def own_postgresql() -> Iterator[str]:
    """A database that these tests fill and empty as they like."""
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    found: str = request.getfixturevalue("own_postgresql")
    return found


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine whose tables are there and empty."""
    engine = create_engine(url)
    await upgrade(engine)
    async with engine.begin() as connection:
        await connection.execute(delete(couplings))
    yield engine
    await engine.dispose()


@pytest.fixture
def store(engine: AsyncEngine) -> CouplingStore:
    return CouplingStore(engine)


def coupling(number: int, bc_key: str | None = None, crm_key: str | None = None) -> Coupling:
    """The coupling of the records with this number."""
    return Coupling(
        id=UUID(int=number),
        mapping=Mapping.CUSTOMER,
        company_id=COMPANY,
        bc_id=UUID(int=0xB0000 + number),
        crm_id=UUID(int=0xD0000 + number),
        bc_key=bc_key,
        crm_key=crm_key,
    )


# -- the database -----------------------------------------------------------------------------------------------------


async def test_upgrading_again_changes_nothing(engine: AsyncEngine, store: CouplingStore) -> None:
    await store.add([coupling(1, "10000")])

    await upgrade(engine)
    await upgrade(engine)

    assert await store.count(CouplingFilter()) == 1


async def test_the_migrations_make_the_table_the_code_describes(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        columns = await connection.run_sync(lambda each: inspect(each).get_columns("couplings"))
        keys = await connection.run_sync(lambda each: inspect(each).get_unique_constraints("couplings"))

    assert {column["name"] for column in columns} == set(couplings.c.keys())
    assert {tuple(key["column_names"]) for key in keys} == {
        ("mapping", "company_id", "bc_id"),
        ("mapping", "company_id", "crm_id"),
    }


async def test_a_database_that_cannot_be_used_is_a_config_error_without_its_password(tmp_path: Path) -> None:
    for url in (
        "postgresql+psycopg://gateway:hunter2@127.0.0.1:1/gateway",
        f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'gateway.db'}",
    ):
        engine = create_engine(url)
        with pytest.raises(ConfigError, match=r"^GATEWAY_DATABASE_URL: .* cannot be used \(.+\)$") as caught:
            await upgrade(engine)
        await engine.dispose()

        assert "hunter2" not in caught.value.message
        assert len(caught.value.problems) == 1


def test_the_command_line_is_given_the_same_database() -> None:
    assert synchronous_url("sqlite+aiosqlite:///gateway.db") == "sqlite:///gateway.db"
    assert synchronous_url("postgresql+psycopg://a:b@host/name") == "postgresql+psycopg://a:b@host/name"


# -- one to one -------------------------------------------------------------------------------------------------------

Change = Callable[[Coupling], Coupling]
SECOND_PARTNERS: dict[str, Change] = {
    "of the business central record": lambda other: replace(other, bc_id=coupling(1).bc_id),
    "of the dataverse row": lambda other: replace(other, crm_id=coupling(1).crm_id),
    "the same pair again": lambda other: replace(coupling(1), id=other.id),
    "under the same id": lambda other: replace(other, id=coupling(1).id),
}


@pytest.mark.parametrize("case", SECOND_PARTNERS)
async def test_the_database_refuses_a_second_partner_and_then_adds_none(store: CouplingStore, case: str) -> None:
    await store.add([coupling(1)])

    with pytest.raises(IntegrityError):
        await store.add([coupling(2), SECOND_PARTNERS[case](coupling(3)), coupling(4)])

    assert await store.count(CouplingFilter()) == 1
    assert await store.get(UUID(int=1)) == coupling(1)


async def test_two_of_the_same_in_one_addition_are_refused_too(store: CouplingStore) -> None:
    with pytest.raises(IntegrityError):
        await store.add([coupling(1), SECOND_PARTNERS["of the dataverse row"](coupling(2))])

    assert await store.count(CouplingFilter()) == 0


async def test_another_mapping_and_another_company_may_couple_the_same_records(store: CouplingStore) -> None:
    first = coupling(1, "10000", "A-1")
    same = [
        replace(first, id=UUID(int=2), mapping=Mapping.CONTACT),
        replace(first, id=UUID(int=3), company_id=OTHER_COMPANY),
    ]
    await store.add([first, *same])

    for each in (first, *same):
        assert await store.find(each.mapping, each.company_id, BC, [each.bc_id]) == {each.bc_id: each}
        assert await store.find_by_key(each.mapping, each.company_id, CRM, ["a-1"]) == {"a-1": each}


async def test_adding_nothing_is_harmless(store: CouplingStore) -> None:
    await store.add([])

    assert await store.count(CouplingFilter()) == 0


# -- finding ----------------------------------------------------------------------------------------------------------


async def test_couplings_are_found_from_either_side_by_id(store: CouplingStore) -> None:
    one, two, three = (coupling(number) for number in (1, 2, 3))
    await store.add([one, two, three])

    wanted = [one.bc_id, three.bc_id, UUID(int=0), one.bc_id]
    assert await store.find(Mapping.CUSTOMER, COMPANY, BC, wanted) == {one.bc_id: one, three.bc_id: three}
    assert await store.find(Mapping.CUSTOMER, COMPANY, CRM, [two.crm_id, one.bc_id]) == {two.crm_id: two}
    assert await store.find(Mapping.CUSTOMER, OTHER_COMPANY, BC, wanted) == {}
    assert await store.find(Mapping.ITEM, COMPANY, BC, wanted) == {}
    assert await store.find(Mapping.CUSTOMER, COMPANY, BC, []) == {}


async def test_couplings_are_read_by_their_own_ids_at_once(store: CouplingStore) -> None:
    one, two = coupling(1), coupling(2)
    await store.add([one, two, coupling(3)])

    assert await store.get_many([one.id, two.id, UUID(int=9), one.id]) == {one.id: one, two.id: two}
    assert await store.get_many([]) == {}


async def test_a_thousand_couplings_are_found_at_once(store: CouplingStore) -> None:
    added = [coupling(number, f"{number:05}") for number in range(1, 1_001)]
    await store.add(added)

    found = await store.find(Mapping.CUSTOMER, COMPANY, CRM, [each.crm_id for each in added])
    by_key = await store.find_by_key(Mapping.CUSTOMER, COMPANY, BC, [f"{number:05}" for number in range(1, 1_001)])

    assert len(found) == len(by_key) == 1_000


KEYS = {
    "C-10000": "c-10000",
    "Söhne": "SÖHNE",
    "STRAßE": "straße",
    "Ærø": "æRØ",
    "ΣΊΣΥΦΟΣ": "σίσυφος",
    "Ünal & İpek": "ünal & İPEK",
    "O'Neill": "o'NEILL",
    '"quoted"': '"QUOTED"',
    "50%": "50%",
    "a_b\\c": "A_B\\C",
    "; DROP TABLE couplings; --": "; drop table COUPLINGS; --",
    "山田": "山田",
}


@pytest.mark.parametrize("key", KEYS)
async def test_a_natural_key_is_found_without_regard_to_case(store: CouplingStore, key: str) -> None:
    wanted = coupling(1, key, key)
    await store.add([wanted, coupling(2, "ab\\c", "ab\\c"), coupling(3, "500", "500")])

    for side in Side:
        assert await store.find_by_key(Mapping.CUSTOMER, COMPANY, side, [KEYS[key], "none"]) == {fold(key): wanted}


async def test_a_key_is_found_in_its_own_mapping_company_and_side_only(store: CouplingStore) -> None:
    await store.add([coupling(1, "10000", "A-1")])

    assert await store.find_by_key(Mapping.ITEM, COMPANY, BC, ["10000"]) == {}
    assert await store.find_by_key(Mapping.CUSTOMER, OTHER_COMPANY, BC, ["10000"]) == {}
    assert await store.find_by_key(Mapping.CUSTOMER, COMPANY, CRM, ["10000"]) == {}
    assert await store.find_by_key(Mapping.CUSTOMER, COMPANY, BC, []) == {}


async def test_a_key_that_two_couplings_carry_is_left_out(store: CouplingStore) -> None:
    await store.add([coupling(1, "10000", "Same"), coupling(2, "20000", "SAME"), coupling(3, "30000", "other")])

    found = await store.find_by_key(Mapping.CUSTOMER, COMPANY, CRM, ["same", "other"])

    assert found == {"other": coupling(3, "30000", "other")}


async def test_a_coupling_without_a_key_is_under_no_key(store: CouplingStore) -> None:
    await store.add([coupling(1)])

    assert await store.find_by_key(Mapping.CUSTOMER, COMPANY, BC, ["", "None"]) == {}


async def test_a_corrected_key_is_found_and_the_old_one_is_not(store: CouplingStore) -> None:
    await store.add([coupling(1, "10000", "A-1"), coupling(2, "20000", "A-2")])

    await store.correct_keys(CRM, {UUID(int=1): "Ä-9"})

    assert await store.get(UUID(int=1)) == coupling(1, "10000", "Ä-9")
    assert await store.get(UUID(int=2)) == coupling(2, "20000", "A-2")
    assert set(await store.find_by_key(Mapping.CUSTOMER, COMPANY, CRM, ["ä-9", "a-1"])) == {"ä-9"}
    assert set(await store.find_by_key(Mapping.CUSTOMER, COMPANY, BC, ["10000"])) == {"10000"}


async def test_correcting_the_key_of_a_coupling_that_is_gone_is_harmless(store: CouplingStore) -> None:
    await store.correct_keys(BC, {UUID(int=9): "10000"})

    assert await store.get(UUID(int=9)) is None


# -- pages ------------------------------------------------------------------------------------------------------------


async def test_pages_give_every_coupling_once_in_the_order_of_its_key(store: CouplingStore) -> None:
    keys = [None, "b1", "B1", "a9", "", None, "c", "b1"]
    await store.add([coupling(number, key) for number, key in enumerate(keys, start=1)])
    seen: list[Coupling] = []
    page = await store.page(CouplingFilter(), after=None, limit=3)
    while page:
        seen += page
        page = await store.page(CouplingFilter(), after=position(seen[-1]), limit=3)

    assert [fold(each.bc_key or "") for each in seen] == ["", "", "", "a9", "b1", "b1", "b1", "c"]
    assert [each.id.int for each in seen] == [1, 5, 6, 4, 2, 3, 8, 7]


async def test_a_coupling_added_before_the_position_disturbs_no_page(store: CouplingStore) -> None:
    await store.add([coupling(number, f"b{number}") for number in range(1, 5)])
    first = await store.page(CouplingFilter(), after=None, limit=2)
    await store.add([coupling(9, "a")])

    second = await store.page(CouplingFilter(), after=position(first[-1]), limit=2)

    assert [each.bc_key for each in (*first, *second)] == ["b1", "b2", "b3", "b4"]


FILTERS: dict[str, tuple[CouplingFilter, set[int]]] = {
    "none": (CouplingFilter(), {1, 2, 3, 4, 5}),
    "mapping": (CouplingFilter(mapping=Mapping.ITEM), {2}),
    "company": (CouplingFilter(company_id=OTHER_COMPANY), {3}),
    "skipped": (CouplingFilter(skipped=True), {4}),
    "not skipped": (CouplingFilter(skipped=False), {1, 2, 3, 5}),
    "failed": (CouplingFilter(failed=True), {4, 5}),
    "not failed": (CouplingFilter(failed=False), {1, 2, 3}),
    "prefix in any case": (CouplingFilter(key_prefix="ä1"), {1}),
    "prefix with a per cent sign": (CouplingFilter(key_prefix="5%"), {2}),
    "prefix with an underscore": (CouplingFilter(key_prefix="5_"), set()),
    "prefix with the escape itself": (CouplingFilter(key_prefix="5/"), {5}),
    "an empty prefix": (CouplingFilter(key_prefix=""), {1, 2, 3, 5}),
    "several": (CouplingFilter(company_id=COMPANY, failed=True, skipped=False), {5}),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_pages_and_counts_keep_to_their_filter(store: CouplingStore, name: str) -> None:
    wanted, expected = FILTERS[name]
    await store.add(
        [
            coupling(1, "Ä10"),
            replace(coupling(2, "5%0"), mapping=Mapping.ITEM),
            replace(coupling(3, "510"), company_id=OTHER_COMPANY),
            replace(coupling(4), skipped=True, error_code="VALIDATION"),
            replace(coupling(5, "5/1"), error_code="CONFLICT", error_message="Both sides changed."),
        ]
    )

    assert {each.id.int for each in await store.page(wanted, after=None, limit=50)} == expected
    assert await store.count(wanted) == len(expected)


# -- values -----------------------------------------------------------------------------------------------------------


async def test_a_coupling_comes_back_as_it_was_stored(store: CouplingStore) -> None:
    full = Coupling(
        id=UUID(int=1),
        mapping=Mapping.UNIT_OF_MEASURE,
        company_id=COMPANY,
        bc_id=UUID(int=2),
        crm_id=UUID(int=3),
        bc_key="PCS",
        crm_key="Stück",
        last_synchronized_at=NOON,
        bc_modified_at=NOON - timedelta(days=1),
        crm_modified_at=NOON - timedelta(microseconds=1),
        bc_etag='W/"JzQ0O1Q="',
        crm_etag='W/"1234"',
        last_result_to_bc=Result.SUCCESS,
        last_result_to_crm=Result.FAILURE,
        skipped=True,
        error_code="VALIDATION",
        error_message="Größe ist zu lang.\nZweite Zeile",
        created_at=NOON,
        created_by="Annette Hill",
    )
    await store.add([full])

    found = await store.get(full.id)

    assert found == full
    assert isinstance(found, Coupling)
    assert (type(found.mapping), type(found.last_result_to_bc), type(found.skipped)) == (Mapping, Result, bool)


async def test_date_times_come_back_aware_and_in_utc(store: CouplingStore) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await store.add([replace(coupling(1), last_synchronized_at=elsewhere, created_at=NOON)])

    found = await store.get(UUID(int=1))

    assert found is not None
    assert (found.last_synchronized_at, found.created_at) == (NOON, NOON)
    assert found.last_synchronized_at is not None
    assert found.last_synchronized_at.tzinfo is UTC
    assert found.bc_modified_at is None


async def test_a_date_time_without_a_time_zone_is_not_stored(store: CouplingStore) -> None:
    with pytest.raises(StatementError, match="without a time zone"):
        await store.add([replace(coupling(1), created_at=NOON.replace(tzinfo=None))])

    assert await store.count(CouplingFilter()) == 0


async def test_a_coupling_that_is_not_there_is_none(store: CouplingStore) -> None:
    assert await store.get(UUID(int=1)) is None


async def test_processes_that_start_together_on_an_empty_postgresql_all_start() -> None:
    """Each of four processes brings the tables up to date, and none fails because another did."""
    with postgresql() as url:
        program = (
            "import asyncio; from gateway.database import create_engine, upgrade; "
            f"asyncio.run(upgrade(create_engine({url!r})))"
        )
        starting = [await anyio.open_process([sys.executable, "-c", program]) for _ in range(4)]
        ended = [await process.wait() for process in starting]
    assert ended == [0, 0, 0, 0]


async def test_crossing_pairs_end_with_every_record_in_one_coupling(engine: AsyncEngine) -> None:
    """Two callers meet each other's records in opposite order: the database lets one of them try again."""
    changes = CouplingChanges(engine)
    doing = Doing("test", NOON, Cause.MATCHED)
    bc, crm = [UUID(int=0xB0000 + each) for each in range(300)], [UUID(int=0xD0000 + each) for each in range(300)]

    def of(pairs: list[tuple[UUID, UUID]]) -> list[Coupling]:
        return [Coupling(uuid4(), Mapping.CUSTOMER, COMPANY, one, other) for one, other in pairs]

    straight, crossed = of(list(zip(bc, crm, strict=True))), of(list(zip(bc, reversed(crm), strict=True)))
    first, second = await asyncio.gather(changes.add_free(straight, doing), changes.add_free(crossed, doing))
    found = await CouplingStore(engine).find(Mapping.CUSTOMER, COMPANY, BC, bc)
    assert len(found) == len(first) + len(second)
    assert len({each.crm_id for each in found.values()}) == len(found)
