"""The database itself refuses to change or delete a line of the audit trail, whoever asks it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.audit.entry import AuditFilter, AuditOutcome, Beginning, Ending, Whereabouts
from gateway.audit.trail import AuditTrail
from gateway.database import create_engine, upgrade
from tests.databases import DATABASES, postgresql

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
STATEMENTS = [
    "UPDATE audit_entries SET name = 'somebody else'",
    "UPDATE audit_endings SET outcome = 'SUCCEEDED'",
    "UPDATE audit_records SET number = 7",
    "DELETE FROM audit_entries",
    "DELETE FROM audit_endings WHERE number = 1",
    "DELETE FROM audit_records",
]
ON = {
    "sqlite": [
        "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries",
        "REPLACE INTO audit_endings SELECT * FROM audit_endings",
        "REPLACE INTO audit_records SELECT * FROM audit_records",
    ],
    "postgresql": [
        "TRUNCATE audit_entries",
        "INSERT INTO audit_endings SELECT * FROM audit_endings ON CONFLICT (number) DO UPDATE SET outcome = 'FAILED'",
    ],
}


@pytest.fixture(params=DATABASES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    if request.param == "sqlite":
        made = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}")
        await upgrade(made)
        yield made
        await made.dispose()
        return
    with postgresql() as url:
        made = create_engine(url)
        await upgrade(made)
        yield made
        await made.dispose()


async def test_a_line_is_there_for_good(engine: AsyncEngine) -> None:
    trail, record = AuditTrail(engine), uuid4()
    beginning = Beginning(
        "coupleRecords", NOW, "an id", "a tenant", "Ada", ["A"], False, "c", {"a": [1]}, Whereabouts("::1"), [record]
    )
    number = await trail.begin(beginning)
    await trail.end(number, Ending(NOW, AuditOutcome.FAILED, None, ["X"], [{"kind": "RUN"}], 3, [record]))
    before = await trail.page(AuditFilter(record=record), before=None, limit=9)

    for statement in STATEMENTS + ON[engine.dialect.name]:
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))

    assert await trail.page(AuditFilter(record=record), before=None, limit=9) == before
    (entry,) = before
    assert (entry.number, entry.outcome) == (number, AuditOutcome.FAILED)
    assert entry.ending is not None
    assert (entry.ending.codes, entry.ending.more) == (["X"], 3)
    assert await trail.begin(beginning) == number + 1


async def test_each_filter_has_its_index(engine: AsyncEngine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by the size of tables; the indexes are the same")
    async with engine.connect() as connection:
        for where, index in {
            "object_id = 'x'": "ix_audit_entries_object_id_number",
            "mutation = 'x'": "ix_audit_entries_mutation_number",
            "correlation_id = 'x'": "ix_audit_entries_correlation_id",
        }.items():
            asked = f"EXPLAIN QUERY PLAN SELECT * FROM audit_entries WHERE {where} ORDER BY number DESC"  # noqa: S608
            plan = await connection.execute(text(asked))
            assert any(index in str(line) for line in plan), where
