"""How the runs that schedules begin went: the last of each kind, and when one last came to its end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import translated
from gateway.runs.run import RunKind, RunState
from gateway.runs.table import synchronization_runs
from gateway.triggers.silence import Last

About = tuple[RunKind, Mapping]


@dataclass(frozen=True, slots=True)
class Past:
    """``busy`` are the mappings on which a run is at work now, of whatever kind, with when it last came on."""

    last: dict[About, Last]
    busy: dict[Mapping, datetime]


class RunHistory:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, company_id: UUID) -> Past:
        table = synchronization_runs.c
        group = (table.kind, table.mapping)
        own = table.company_id == company_id
        last_of_each = select(*group, func.max(table.created_at)).where(own).group_by(*group)
        is_last = tuple_(*group, table.created_at).in_(last_of_each)
        newest = await self._rows(select(synchronization_runs).where(own, is_last))
        done = select(*group, func.max(table.finished_at).label("at")).where(own, table.state == RunState.SUCCEEDED)
        succeeded = {(row["kind"], row["mapping"]): row["at"] for row in await self._rows(done.group_by(*group))}
        at_work = select(synchronization_runs).where(own, table.state == RunState.RUNNING)
        busy: dict[Mapping, datetime] = {}
        for row in await self._rows(at_work.order_by(table.started_at)):
            busy[Mapping(row["mapping"])] = row["progressed_at"] or row["started_at"]
        last = {
            (RunKind(row["kind"]), Mapping(row["mapping"])): Last(
                row["id"],
                RunState(row["state"]),
                row["created_at"],
                row["started_at"],
                row["progressed_at"],
                row["finished_at"],
                succeeded.get((row["kind"], row["mapping"])),
                row["error_code"],
            )
            for row in newest
            if row["kind"] in list(RunKind)
        }
        return Past(last, busy)

    async def _rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return [dict(row._mapping) for row in await connection.execute(statement)]
