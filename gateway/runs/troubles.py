"""What is wrong now, across runs: couplings that failed or are skipped, and records without a coupling that failed.

Two lists that are shown as one: couplings in the order of their numbers, then records that have no coupling, the newest first.

Source: Business Central, page Coupled Data Synchronization Errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import translated
from gateway.couplings.table import couplings
from gateway.runs.run import RunError
from gateway.runs.store import run_error
from gateway.runs.table import synchronization_errors


@dataclass(frozen=True, slots=True)
class Row:
    """``newest`` is the error that was told last, ``since`` and ``times`` of how many runs it was since the last success."""

    newest: RunError | None
    since: datetime | None
    times: int


@dataclass(frozen=True, slots=True)
class Lonely:
    """Which records without a coupling to list: those of a company, of some tables, with one kind of error."""

    company_id: UUID
    mapping: Mapping | None = None
    code: str | None = None


Place = tuple[datetime, UUID, int]
"""Where a page of records without a coupling ended."""


class Troubles:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def told(self, wanted: Sequence[Coupling]) -> dict[UUID, Row]:
        """What runs told of these couplings since they were last synchronized: one statement, whatever their number."""
        table = synchronization_errors.c
        # window functions over what was told since the last success of each
        by_age = {"partition_by": table.coupling_id, "order_by": (table.at.desc(), table.number.desc())}
        whole = {"partition_by": table.coupling_id}
        ranked = (
            select(
                *synchronization_errors.c,
                func.row_number().over(**by_age).label("rank"),  # type: ignore[arg-type]  # a column and columns
                func.min(table.at).over(**whole).label("since"),  # type: ignore[arg-type]
                func.count().over(**whole).label("times"),  # type: ignore[arg-type]
            )
            .join(couplings, couplings.c.id == table.coupling_id)
            .where(table.coupling_id.in_([each.id for each in wanted]), _since_success())
            .subquery()
        )
        found: dict[UUID, Row] = {}
        for row in await self._rows(select(ranked).where(ranked.c.rank == 1)):
            since, times = row.pop("since"), row.pop("times")
            row.pop("rank")
            error = run_error(row)
            if error.coupling_id is not None:
                found[error.coupling_id] = Row(error, since, times)
        return found

    async def lonely(self, wanted: Lonely, *, after: Place | None, limit: int) -> list[RunError]:
        """The newest error of each record that has no coupling, from behind a place."""
        newest = _lonely(wanted)
        table = newest.c
        statement = select(newest).where(table.rank == 1)
        if after is not None:
            statement = statement.where(tuple_(table.at, table.run_id, table.number) < tuple_(*after))
        statement = statement.order_by(table.at.desc(), table.run_id.desc(), table.number.desc()).limit(limit)
        rows = await self._rows(statement)
        return [run_error({name: value for name, value in row.items() if name != "rank"}) for row in rows]

    async def count_lonely(self, wanted: Lonely) -> int:
        newest = _lonely(wanted)
        statement = select(func.count().label("n")).select_from(newest).where(newest.c.rank == 1)
        (row,) = await self._rows(statement)
        return int(row["n"])

    async def _rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return [dict(row._mapping) for row in await connection.execute(statement)]


def _since_success() -> ColumnElement[bool]:
    then = couplings.c.last_synchronized_at
    return or_(then.is_(None), synchronization_errors.c.at > then)


def _lonely(wanted: Lonely) -> Any:
    """The errors of records that have no coupling now, each record's newest with rank 1."""
    table = synchronization_errors.c
    coupled = (
        select(couplings.c.id)
        .where(
            couplings.c.mapping == table.mapping,
            couplings.c.company_id == table.company_id,
            or_(couplings.c.bc_id == table.bc_id, couplings.c.crm_id == table.crm_id),
        )
        .exists()
    )
    conditions = [table.company_id == wanted.company_id, table.coupling_id.is_(None), ~coupled]
    if wanted.mapping is not None:
        conditions.append(table.mapping == wanted.mapping)
    record = (table.mapping, table.bc_id, table.crm_id)
    rank = func.row_number().over(partition_by=record, order_by=(table.at.desc(), table.number.desc()))
    ranked = select(synchronization_errors, rank.label("rank")).where(and_(*conditions)).subquery()
    if wanted.code is None:
        return ranked
    return select(ranked).where(ranked.c.code == wanted.code).subquery()
