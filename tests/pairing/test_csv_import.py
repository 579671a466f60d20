"""Files go into our own table on both databases: in pages, once each, and with bounded memory. No system is asked."""

import asyncio
import threading
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid5

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.assembly import books_of
from gateway.couplings.changes import CouplingChanges
from gateway.couplings.coupling import Coupling, Mapping, Result
from gateway.couplings.store import CouplingFilter
from gateway.couplings.table import coupling_history, couplings
from gateway.database import create_engine, upgrade
from gateway.pairing.files.importing import CouplingImport, ImportOptions
from gateway.pairing.files.records import Check
from gateway.pairing.files.rows import RowOutcome
from gateway.pairing.files.text import joined
from gateway.sync.desk import Books, Desk, Desks
from tests.databases import DATABASES, postgresql

pytestmark = pytest.mark.anyio

COMPANY, OTHER = UUID(int=0xC1), UUID(int=0xC2)
HEADER = joined(["mapping", "company", "businessCentralId", "dataverseId", "businessCentralNumber"])


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=DATABASES)
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Books]:
    """Tables that are there and empty."""
    file = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    engine = create_engine(file if request.param == "sqlite" else request.getfixturevalue("own_postgresql"))
    await upgrade(engine)
    async with engine.begin() as connection:
        await connection.execute(delete(couplings))
        await connection.execute(delete(coupling_history))
    yield books_of(engine)
    await engine.dispose()


def lines(count: int, *, companies: tuple[UUID, ...] = (COMPANY,), repeated: bool = False) -> Iterator[str]:
    """A file of so many rows, made while it is read."""
    yield HEADER
    for number in range(count):
        pair = number // 2 if repeated else number
        company = companies[number % len(companies)]
        ids = (str(uuid5(company, f"bc{pair}")), str(uuid5(COMPANY, f"crm{pair}")))
        yield joined(["CUSTOMER", str(company), *ids, f"C{pair:06}"])


async def counted(books: Books, rows: Iterator[str], **options: Any) -> Counter[RowOutcome]:
    nobody = cast(Any, None)
    desks = Desks(books, nobody, nobody, timedelta(seconds=10))

    def of(company: UUID) -> Desk:
        return desks.of_job(company, "test", seconds=60, name="test")

    found: Counter[RowOutcome] = Counter()
    file = CouplingImport(rows, of, ImportOptions(COMPANY, check=Check.NONE, **options))
    async for page in file.pages():
        found.update(each.outcome for each in page)
    return found


async def test_every_row_is_added_once_and_the_next_import_changes_nothing(books: Books) -> None:
    assert await counted(books, lines(2_500), dry_run=True) == {RowOutcome.ADDED: 2_500}
    assert await books.couplings.count(CouplingFilter()) == 0
    assert await counted(books, lines(2_500)) == {RowOutcome.ADDED: 2_500}
    assert await counted(books, lines(2_500)) == {RowOutcome.UNCHANGED: 2_500}
    assert await books.couplings.count(CouplingFilter()) == 2_500


async def test_what_a_file_says_twice_is_told_from_page_to_page(books: Books) -> None:
    assert await counted(books, lines(3_000, repeated=True)) == {RowOutcome.ADDED: 1_500, RowOutcome.IGNORED: 1_500}


async def test_one_row_of_crm_has_a_coupling_in_each_company(books: Books) -> None:
    assert await counted(books, lines(10, companies=(COMPANY, OTHER), repeated=True)) == {RowOutcome.ADDED: 10}
    row = uuid5(COMPANY, "crm0")
    found = await books.couplings.find_everywhere(Mapping.CUSTOMER, [row, uuid5(COMPANY, "nobody")])
    assert [each.company_id for each in found.pop(row)] == [COMPANY, OTHER]
    assert found == {}


async def test_imports_side_by_side_leave_every_pair_once(books: Books) -> None:
    both = await asyncio.gather(*(counted(books, lines(1_500)) for _ in range(3)))
    assert sum(each[RowOutcome.ADDED] for each in both) == 1_500
    assert sum(each[RowOutcome.UNCHANGED] for each in both) == 3_000
    assert await books.couplings.count(CouplingFilter()) == 1_500


# -- what others write meanwhile ---------------------------------------------------------------------------------------

NOON = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
SKIPPED = joined(["mapping", "company", "businessCentralId", "dataverseId", "skipped"])
RESULT = joined(
    ["mapping", "company", "businessCentralId", "dataverseId", "lastResultToDataverse", "lastSynchronizedAt"]
)


class Meanwhile(CouplingChanges):
    """Somebody else writes between an import's look and its writing, once for each of these."""

    def __init__(self, engine: AsyncEngine, written: Iterable[Coupling]) -> None:
        super().__init__(engine)
        self._written = iter(written)

    async def update_seen(self, wanted: Iterable[tuple[Coupling, Coupling]]) -> set[UUID]:
        if (each := next(self._written, None)) is not None:
            await self.update_each([each])
        return await super().update_seen(wanted)


async def coupled(books: Books) -> Coupling:
    """The pair of the first row of a file, as it is stored."""
    await counted(books, lines(1))
    (found,) = await books.couplings.page(CouplingFilter(), after=None, limit=2)
    return found


def row_of(coupling: Coupling, *state: str) -> str:
    return joined(["CUSTOMER", str(COMPANY), str(coupling.bc_id), str(coupling.crm_id), *state])


async def test_what_was_synchronized_since_the_look_is_not_overwritten(books: Books) -> None:
    was = await coupled(books)
    written = replace(was, last_synchronized_at=NOON, crm_etag="W/1", base={"displayName": "x"})
    racing = replace(books, changes=Meanwhile(books.changes.engine, [written]))
    rows = iter([SKIPPED, row_of(was, "true")])
    assert await counted(racing, rows, update=True) == {RowOutcome.UPDATED: 1}
    assert await books.couplings.get(was.id) == replace(written, skipped=True)


async def test_what_is_newer_than_the_file_by_then_stays(books: Books) -> None:
    was = await coupled(books)
    written = replace(was, last_synchronized_at=NOON, last_result_to_crm=Result.SUCCESS)
    racing = replace(books, changes=Meanwhile(books.changes.engine, [written]))
    rows = iter([RESULT, row_of(was, "Failure", (NOON - timedelta(hours=1)).isoformat())])
    assert await counted(racing, rows, update=True) == {RowOutcome.UNCHANGED: 1}
    assert await books.couplings.get(was.id) == written


async def test_a_number_that_was_corrected_since_the_look_stays(books: Books) -> None:
    was = await coupled(books)
    written = replace(was, bc_key="NEW")
    racing = replace(books, changes=Meanwhile(books.changes.engine, [written]))
    assert await counted(racing, iter([SKIPPED, row_of(was, "true")]), update=True) == {RowOutcome.UPDATED: 1}
    assert await books.couplings.get(was.id) == replace(written, skipped=True)


async def test_a_coupling_that_others_keep_writing_is_refused(books: Books) -> None:
    was = await coupled(books)
    written = [replace(was, last_job_to_crm=str(number)) for number in range(10)]
    racing = replace(books, changes=Meanwhile(books.changes.engine, written))
    assert await counted(racing, iter([SKIPPED, row_of(was, "true")]), update=True) == {RowOutcome.REFUSED: 1}
    found = await books.couplings.get(was.id)
    assert found is not None
    assert not found.skipped


async def test_what_cannot_be_stored_of_agreed_values_is_left_out(books: Books) -> None:
    was = await coupled(books)
    await books.changes.update(replace(was, base={"displayName": "a\0b\ud800c", "city": None}))
    found = await books.couplings.get(was.id)
    assert found == replace(was, base={"displayName": "abc", "city": None})


async def test_a_page_is_read_in_a_thread(books: Books) -> None:
    threads = set[int]()

    def told() -> Iterator[str]:
        for line in lines(3):
            threads.add(threading.get_ident())
            yield line

    rows = told()
    header = next(rows)
    threads.clear()
    assert await counted(books, chain([header], rows)) == {RowOutcome.ADDED: 3}
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("books", ["sqlite"], indirect=True)
async def test_memory_does_not_grow_with_the_file(books: Books) -> None:
    await counted(books, lines(1_000), dry_run=True)  # what is loaded and cached once
    peaks = []
    for count in (2_000, 8_000):
        tracemalloc.start()
        await counted(books, lines(count), dry_run=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
