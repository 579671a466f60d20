"""Files go into our own table on both databases: in pages, once each, and with bounded memory. No system is asked."""

import asyncio
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid5

import pytest
from sqlalchemy import delete

from gateway.app import books_of
from gateway.couplings.coupling import Mapping
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
