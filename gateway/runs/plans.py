"""Where dry runs keep what they found: a step for each pair and record, in the order in which a run would come to them."""

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import storable, translated
from gateway.records import Backend
from gateway.runs.planned import PlannedField, PlannedStep
from gateway.runs.planning import Action, Reason
from gateway.runs.table import synchronization_steps

_TEXTS = ("message", "hint", "bc_number", "bc_name", "crm_number", "crm_name")
_COUPLES = (Action.INSERT, Action.COUPLE, Action.RESTORE)
_ENDS = (Action.UNCOUPLE, Action.CLOSE)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A step and its place in the plan."""

    number: int
    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Counted:
    """How many steps do the same for the same reason."""

    action: Action
    reason: Reason
    count: int


class Plans:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def note(self, run_id: UUID, first: int, steps: Sequence[PlannedStep]) -> None:
        """Steps of a page, numbered from ``first``; what an earlier attempt at this page or later ones noted goes."""
        table = synchronization_steps.c
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(
                    delete(synchronization_steps).where(table.run_id == run_id, table.number >= first)
                )
                if steps:
                    rows = [_row(run_id, first + place, each) for place, each in enumerate(steps)]
                    await connection.execute(insert(synchronization_steps), rows)

    async def page(self, run_id: UUID, *, actions: Collection[Action] | None, after: int, limit: int) -> list[Numbered]:
        """Steps behind a number; with ``actions`` only those that do one of these."""
        table = synchronization_steps.c
        wanted = select(synchronization_steps).where(*_of(run_id, actions), table.number > after)
        rows = await self._rows(wanted.order_by(table.number).limit(limit))
        return [Numbered(row["number"], _step(row)) for row in rows]

    async def counts(self, run_id: UUID) -> list[Counted]:
        """How many there are of each action and reason; most first."""
        table = synchronization_steps.c
        number = func.count().label("n")
        wanted = select(table.action, table.reason, number).where(table.run_id == run_id)
        rows = await self._rows(wanted.group_by(table.action, table.reason))
        found = [Counted(Action(row["action"]), Reason(row["reason"]), row["n"]) for row in rows]
        return sorted(found, key=lambda each: (-each.count, each.action, each.reason))

    async def planned(self, run_id: UUID, coupling_ids: Iterable[UUID], *, up_to: int) -> set[UUID]:
        """Those of these couplings that are among the first steps of a plan."""
        return await self._among(run_id, synchronization_steps.c.coupling_id, coupling_ids, up_to)

    async def tried(self, run_id: UUID, side: Backend, ids: Iterable[UUID], *, up_to: int) -> set[UUID]:
        """Those of these records that are among the first steps of a plan, without a coupling."""
        return await self._among(run_id, _record(side), ids, up_to, synchronization_steps.c.coupling_id.is_(None))

    async def _among(
        self, run_id: UUID, column: ColumnElement[Any], ids: Iterable[UUID], up_to: int, *more: ColumnElement[bool]
    ) -> set[UUID]:
        wanted, table = list(ids), synchronization_steps.c
        if not wanted:
            return set()
        of_these = (table.run_id == run_id, table.number <= up_to, column.in_(wanted), *more)
        return {row["id"] for row in await self._rows(select(column.label("id")).where(*of_these))}

    async def ended(self, run_id: UUID, before: Sequence[UUID], up_to: int, coupling_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these couplings that end in the first steps of a plan, or in those before it.

        One that is restored in those before gave way to another; the plan itself does not come to it again.
        """
        if not coupling_ids:
            return set()
        table = synchronization_steps.c
        mine = and_(table.run_id == run_id, table.number <= up_to, table.action.in_(_ENDS))
        theirs = and_(table.run_id.in_(before), table.action.in_((*_ENDS, Action.RESTORE)))
        statement = select(table.coupling_id).where(or_(mine, theirs), table.coupling_id.in_(coupling_ids))
        return {row["coupling_id"] for row in await self._rows(statement)}

    async def partners(
        self, run_ids: Sequence[UUID], mapping: Mapping, side: Backend, ids: Sequence[UUID]
    ) -> dict[UUID, UUID]:
        """The records of the other side that these would be coupled with, by what is planned in these runs."""
        if not run_ids or not ids:
            return {}
        table, record = synchronization_steps.c, _record(side)
        other = _record(Backend.DATAVERSE if side is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL)
        statement = select(record.label("id"), func.coalesce(table.partner_id, other).label("partner")).where(
            table.run_id.in_(run_ids), table.mapping == mapping, table.action.in_(_COUPLES), record.in_(ids)
        )
        found = await self._rows(statement)
        return {row["id"]: row["partner"] for row in found if row["partner"] is not None}

    async def _rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return [dict(row._mapping) for row in await connection.execute(statement)]


def _of(run_id: UUID, actions: Collection[Action] | None) -> list[ColumnElement[bool]]:
    table = synchronization_steps.c
    return [table.run_id == run_id, *([table.action.in_(list(actions))] if actions is not None else [])]


def _record(side: Backend) -> Any:
    table = synchronization_steps.c
    return table.bc_id if side is Backend.BUSINESS_CENTRAL else table.crm_id


def _row(run_id: UUID, number: int, step: PlannedStep) -> dict[str, Any]:
    values = {name: getattr(step, name) for name in PlannedStep.__dataclass_fields__}
    texts = {name: storable(values[name]) for name in _TEXTS if values[name] is not None}
    lists = {"to_bc": list(step.to_bc), "to_crm": list(step.to_crm), "moved": sorted(step.moved)}
    fields = [each.as_json() for each in step.fields]
    return {**values, **texts, **lists, "fields": fields, "run_id": run_id, "number": number}


def _step(row: ReadOnly[str, Any]) -> PlannedStep:
    known = {name: row[name] for name in PlannedStep.__dataclass_fields__}
    return PlannedStep(
        **{
            **known,
            "mapping": Mapping(row["mapping"]),
            "action": Action(row["action"]),
            "reason": Reason(row["reason"]),
            "to_bc": tuple(row["to_bc"]),
            "to_crm": tuple(row["to_crm"]),
            "moved": frozenset(map(Backend, row["moved"])),
            "fields": tuple(map(PlannedField.of_json, row["fields"])),
        }
    )
