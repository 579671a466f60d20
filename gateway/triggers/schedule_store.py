"""Where schedules are kept: SQLite or PostgreSQL, the same statements."""

from collections.abc import Iterable
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import storable, translated
from gateway.triggers.schedule import Key, Schedule, Task
from gateway.triggers.schedule_table import schedules

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody decided about a schedule; None: as by default."""

    every: timedelta | None
    enabled: bool | None
    next_due: datetime
    at: datetime
    by: str


class ScheduleStore:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, company_id: UUID) -> dict[Key, Schedule]:
        """Those of a company that were looked at or changed already."""
        return await self._read(schedules.c.company_id == company_id)

    async def companies(self) -> set[UUID]:
        """Those that have any."""
        with translated():
            async with self._engine.connect() as connection:
                found = await connection.execute(select(schedules.c.company_id).distinct())
                return {row.company_id for row in found}

    async def due(self, now: datetime) -> list[Schedule]:
        """Those whose moment has come, in all companies, oldest first; also of such as are not enabled."""
        return sorted((await self._read(schedules.c.next_due <= now)).values(), key=lambda each: str(each.next_due))

    async def get(self, key: Key) -> Schedule | None:
        return (await self._read(_is(key))).get(key)

    async def add_missing(self, due: ReadOnly[Key, datetime]) -> None:
        """First moments of schedules that nobody looked at before; one that is there stays as it is."""
        there = {key for company in {key.company_id for key in due} for key in await self.of(company)}
        for key, moment in due.items():
            if key not in there:
                await self._insert(_row(key) | {"next_due": moment})

    async def claim(self, schedule: Schedule, *, now: datetime, until: datetime) -> bool:
        """Whether this process is to begin it: of those who try for the same moment, one.

        It has until then to tell with :meth:`settle` that it did; after that, the next one may try.
        """
        table = schedules.c
        is_free = or_(table.claimed_until.is_(None), table.claimed_until <= now)
        statement = update(schedules).where(_is(schedule.key), table.next_due == schedule.next_due, is_free)
        return await self._write(statement.values(claimed_until=until))

    async def settle(self, schedule: Schedule, next_due: datetime, *, begun: datetime, run: UUID) -> None:
        """It was begun. Whoever changed the schedule meanwhile has said when it is due."""
        due = case((schedules.c.next_due == schedule.next_due, next_due), else_=schedules.c.next_due)
        values = {"next_due": due, "claimed_until": None, "last_begun": begun, "last_run_id": run}
        await self._write(update(schedules).where(_is(schedule.key)).values(values))

    async def postpone(self, schedule: Schedule, next_due: datetime) -> None:
        """It is not to be begun now."""
        statement = update(schedules).where(_is(schedule.key), schedules.c.next_due == schedule.next_due)
        await self._write(statement.values(next_due=next_due))

    async def change(self, key: Key, change: Change) -> None:
        values: dict[str, Any] = {
            "every_minutes": int(change.every / _MINUTE) if change.every is not None else None,
            "enabled": change.enabled,
            "next_due": change.next_due,
            "changed_at": change.at,
            "changed_by": storable(change.by, 250),
        }
        statement = update(schedules).where(_is(key)).values(values)
        if not await self._write(statement) and not await self._insert(_row(key) | values):
            await self._write(statement)  # somebody else put it there just now

    async def _insert(self, row: ReadOnly[str, Any]) -> bool:
        """Whether it was not there yet."""
        try:
            with translated():
                async with self._engine.begin() as connection:
                    await connection.execute(insert(schedules).values(row))
        except IntegrityError:
            return False
        return True

    async def _write(self, statement: Any) -> bool:
        """Whether there was anything to change."""
        with translated():
            async with self._engine.begin() as connection:
                return bool((await connection.execute(statement)).rowcount)

    async def _read(self, where: ColumnElement[bool]) -> dict[Key, Schedule]:
        with translated():
            async with self._engine.connect() as connection:
                found = _known(row._mapping for row in await connection.execute(select(schedules).where(where)))
        return {each.key: each for each in found}


def _is(key: Key) -> ColumnElement[bool]:
    table = schedules.c
    return and_(table.task == key.task, table.mapping == key.mapping, table.company_id == key.company_id)


def _row(key: Key) -> dict[str, Any]:
    return {"task": key.task, "mapping": key.mapping, "company_id": key.company_id}


def _known(rows: Iterable[ReadOnly[Any, Any]]) -> list[Schedule]:
    """A newer release may have schedules that this one does not know; those are not its business."""
    found = []
    for row in rows:
        if row["task"] not in list(Task) or row["mapping"] not in list(Mapping):
            continue
        every = row["every_minutes"]
        found.append(
            Schedule(
                Key(Task(row["task"]), Mapping(row["mapping"]), row["company_id"]),
                every=every * _MINUTE if every is not None else None,
                enabled=row["enabled"],
                next_due=row["next_due"],
                last_begun=row["last_begun"],
                last_run_id=row["last_run_id"],
                changed_at=row["changed_at"],
                changed_by=row["changed_by"],
            )
        )
    return found
