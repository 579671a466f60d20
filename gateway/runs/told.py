"""What backends told us and no run has looked at yet: that something changed, and which records were deleted.

What changed is found again by looking; that a record of Business Central was deleted is told once and leaves no trace there. So
such a notice stays until a run has looked at the record's coupling.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, String, Table, Uuid, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import translated
from gateway.database import UTCDateTime, metadata
from gateway.records import Backend

SOMETHING = UUID(int=0)
"""Stands for "there is something new", whichever record it is."""

change_notices = Table(
    "change_notices",
    metadata,
    Column("mapping", String(40), primary_key=True),
    Column("company_id", Uuid, primary_key=True),
    Column("backend", String(20), primary_key=True),
    Column("record_id", Uuid, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
)

_PAGE = 500
"""Notices in one statement."""


@dataclass(frozen=True, slots=True)
class Notice:
    """``record_id`` was deleted, or `SOMETHING` changed; told at this moment, the last one if it was told again."""

    mapping: Mapping
    company_id: UUID
    backend: Backend
    record_id: UUID
    at: datetime


class Told:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keep(self, notices: Iterable[Notice]) -> None:
        """Told again, a notice is as new as the last time."""
        rows = {_key(each): _row(each) for each in notices}
        ordered = [rows[key] for key in sorted(rows)]  # two that keep the same ones do not wait for each other
        dialect: Any = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        added = dialect.insert(change_notices)
        statement = added.on_conflict_do_update(
            index_elements=["mapping", "company_id", "backend", "record_id"], set_={"at": added.excluded.at}
        )
        with translated():
            for start in range(0, len(ordered), _PAGE):
                async with self._engine.begin() as connection:
                    await connection.execute(statement, ordered[start : start + _PAGE])

    async def forget(self, notices: Iterable[Notice]) -> None:
        """Those that were not told again since."""
        table = change_notices.c
        with translated():
            async with self._engine.begin() as connection:
                for each in sorted(notices, key=_key):
                    await connection.execute(
                        delete(change_notices).where(
                            table.mapping == each.mapping,
                            table.company_id == each.company_id,
                            table.backend == each.backend,
                            table.record_id == each.record_id,
                            table.at <= each.at,
                        )
                    )

    async def deletions(
        self, mapping: Mapping, company_id: UUID, *, limit: int, behind: Notice | None = None
    ) -> list[Notice]:
        """Records of this mapping that were deleted, some of them; those behind one, where it was not forgotten."""
        table = change_notices.c
        wanted = select(change_notices).where(
            table.mapping == mapping, table.company_id == company_id, table.record_id != SOMETHING
        )
        if behind is not None:
            wanted = wanted.where(tuple_(table.backend, table.record_id) > (behind.backend, behind.record_id))
        return await self._all(wanted.order_by(table.backend, table.record_id).limit(limit))

    async def somethings(self, *, before: datetime) -> Sequence[Notice]:
        """That there is something new, told until then, and no run was begun since."""
        table = change_notices.c
        return await self._all(select(change_notices).where(table.record_id == SOMETHING, table.at <= before))

    async def _all(self, statement: Any) -> list[Notice]:
        with translated():
            async with self._engine.connect() as connection:
                return [
                    Notice(Mapping(row.mapping), row.company_id, Backend(row.backend), row.record_id, row.at)
                    for row in await connection.execute(statement)
                ]


def _key(notice: Notice) -> tuple[str, str, str, str]:
    return str(notice.mapping), str(notice.company_id), str(notice.backend), str(notice.record_id)


def _row(notice: Notice) -> dict[str, object]:
    return {name: getattr(notice, name) for name in Notice.__dataclass_fields__}
