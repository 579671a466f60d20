"""How long the job log is kept: with its errors it would fill the database for ever.

The last run of each kind over each mapping stays, and the last that succeeded: by them it is told whether synchronization runs as
it should. Dry runs tell nothing of that, and go with all they found. What is told of a coupling on the skip list stays as long as
it is there, since later runs do not tell it again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.store import translated
from gateway.couplings.table import couplings
from gateway.runs.run import RunKind, RunState
from gateway.runs.table import synchronization_errors, synchronization_runs, synchronization_steps
from gateway.telemetry import log

AT_ONCE: Final = 100
STEPS_AT_ONCE: Final = 2_000
"""Runs, and steps of plans, deleted in one transaction, so that on SQLite others write in between."""


@dataclass(frozen=True, slots=True)
class RunRetention:
    engine: AsyncEngine
    keep: timedelta

    async def apply(self, now: datetime) -> int:
        """How many runs were deleted. Several processes may do it at once. Raises: DatabaseError."""
        before, total = now - self.keep, 0
        with translated():
            while found := await self._old(before):
                await self._delete(found)
                total += len(found)
            await self._delete_left_over()
        if total:
            log.info("runs.deleted", runs=total, finished_before=before.isoformat())
        return total

    async def _old(self, before: datetime) -> list[UUID]:
        """Some of the runs that finished until then and are neither the last of their kind nor the last that succeeded."""
        table = synchronization_runs.c
        kind, newest = (table.company_id, table.mapping, table.kind), (table.created_at.desc(), table.id.desc())
        ranked = select(
            table.id,
            table.kind,
            table.state,
            table.finished_at,
            func.row_number().over(partition_by=kind, order_by=newest).label("rank"),
            func.row_number().over(partition_by=(*kind, table.state), order_by=newest).label("rank_of_state"),
        ).subquery()
        succeeded = and_(ranked.c.state == RunState.SUCCEEDED, ranked.c.rank_of_state == 1)
        is_last = and_(ranked.c.kind != RunKind.DRY_RUN, or_(ranked.c.rank == 1, succeeded))
        statement = select(ranked.c.id).where(ranked.c.finished_at < before, ~is_last).limit(AT_ONCE)
        async with self.engine.connect() as connection:
            return [row.id for row in await connection.execute(statement)]

    async def _delete(self, runs: list[UUID]) -> None:
        for each in runs:
            await self._delete_steps(each)
        errors = synchronization_errors.c
        async with self.engine.begin() as connection:
            await connection.execute(delete(synchronization_errors).where(errors.run_id.in_(runs), _is_of_no_skipped()))
            await connection.execute(delete(synchronization_runs).where(synchronization_runs.c.id.in_(runs)))

    async def _delete_steps(self, run: UUID) -> None:
        """Some at a time: a plan may have a step for each record of a company."""
        steps = synchronization_steps.c
        some = select(steps.number).where(steps.run_id == run).order_by(steps.number).limit(STEPS_AT_ONCE)
        statement = delete(synchronization_steps).where(steps.run_id == run, steps.number.in_(some))
        while True:
            async with self.engine.begin() as connection:
                if (await connection.execute(statement)).rowcount < STEPS_AT_ONCE:
                    return

    async def _delete_left_over(self) -> None:
        """Errors that outlived their run, of couplings that are not on the skip list any more."""
        errors = synchronization_errors.c
        has_run = select(synchronization_runs.c.id).where(synchronization_runs.c.id == errors.run_id).exists()
        left = select(errors.run_id).where(~has_run, _is_of_no_skipped()).distinct().limit(AT_ONCE)
        while True:
            async with self.engine.begin() as connection:
                found = [row.run_id for row in await connection.execute(left)]
                if not found:
                    return
                await connection.execute(
                    delete(synchronization_errors).where(errors.run_id.in_(found), _is_of_no_skipped())
                )


def _is_of_no_skipped() -> ColumnElement[Any]:
    errors = synchronization_errors.c
    on_the_list = select(couplings.c.id).where(couplings.c.id == errors.coupling_id, couplings.c.skipped.is_(True))
    return ~on_the_list.exists()
